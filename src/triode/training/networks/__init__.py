"""The networks, one readable file each."""
