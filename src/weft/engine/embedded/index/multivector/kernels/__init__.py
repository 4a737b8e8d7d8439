"""numba kernels of the multi-vector index; ``twins`` holds each in plain numpy. Import them on first use only."""
