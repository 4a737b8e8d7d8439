"""Reference implementations: the same answers as the code under test, in the plainest Python and numpy, slowly.

Kernels are compared with ``*_kernels``, indexes with ``keyword_index`` and ``filters``; ``vector_files`` has vector
files in memory.
"""
