"""Everything left of the dataset: the capture signal, devices, takes, alignment and checks."""
