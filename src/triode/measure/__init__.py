"""What the user hears and sees: metrics, aliasing, harmonics, and the report."""
