"""Plug-ins as devices to record: each runs in a process of its own, with a time limit."""
