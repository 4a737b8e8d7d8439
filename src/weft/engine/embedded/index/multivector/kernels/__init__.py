"""numba kernels of the multi-vector index, imported on first use only; ``tests/reference`` has each in numpy."""
