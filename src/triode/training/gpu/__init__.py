"""Training on CUDA: WaveNet arrays in Triton kernels, whole steps as graphs, many captures side by side."""
