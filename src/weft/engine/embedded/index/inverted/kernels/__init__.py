"""Compiled loops of the inverted index. Each has a reference in ``tests/reference``.

Imported on first use only: numba costs 0.4 s. Kernels release the GIL, take no lock and write only to arrays that the
caller made for them. Arrays of a segment are read-only and C-contiguous.
"""

from weft.engine.embedded.index.inverted.kernels.alone import best_of
from weft.engine.embedded.index.inverted.kernels.among import best_among
from weft.engine.embedded.index.inverted.kernels.counting import count_allowed, count_among
from weft.engine.embedded.index.inverted.kernels.gated import best_gated
from weft.engine.embedded.index.inverted.kernels.inverting import invert
from weft.engine.embedded.index.inverted.kernels.maxscore import best
from weft.engine.embedded.index.inverted.kernels.merging import count_kept, gather_keys, maxima, merge_keys, move_kept
from weft.engine.embedded.index.inverted.kernels.terms import find_keys, glob
from weft.engine.embedded.index.inverted.kernels.texts import scan
from weft.engine.embedded.index.inverted.kernels.top import drain

__all__ = [
    "best",
    "best_among",
    "best_gated",
    "best_of",
    "count_allowed",
    "count_among",
    "count_kept",
    "drain",
    "find_keys",
    "gather_keys",
    "glob",
    "invert",
    "maxima",
    "merge_keys",
    "move_kept",
    "scan",
]
