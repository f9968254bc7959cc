"""Measurements: what the documentation states in numbers comes from here."""
