"""Compiled functions (kernels): how they are declared, where their code is kept, and how it is loaded ahead of its use.

A kernel is a Python function that numba compiles for this machine, once for each signature that it is called with.
Compiling takes up to seconds, loading what was kept some milliseconds, and importing numba half a second: so nothing
here imports numba before a kernel is declared, and `warming` does all of it before a server is ready.

- `kernel`: the decorator. Kernels are declared in the files that `sources` names, and nowhere else.
- `cache`: what was compiled, in files, for this processor and these sources. `places` has their folders.
- `signatures`: what kernels are called with.
- `warming`: all of it, ahead.
"""
