"""Learning a device from a capture: datasets, networks, losses, the training loop. The only room with torch."""
