"""The real-time engine and the built-in circuits of Triode."""
