"""Stage: what stands before exact rescoring; finds the rows that are worth it. Immutable views, one writer.

Two kinds: ``residual`` (centroids and residual codes) and ``muvera`` (fixed dimensional encodings).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.index.multivector.source import DocIds, Rows


class Allowed(NamedTuple):
    """Which rows may be found: all (both None), those of ``rows`` (ascending), or those whose doc_id has its bit."""

    rows: Rows | None = None
    bits: npt.NDArray[np.uint8] | None = None
    """Packed as ``AllowList.bits``, by doc_id."""

    @property
    def filtered(self) -> bool:
        return self.rows is not None or self.bits is not None


class Shortlist(NamedTuple):
    """Rows in the order of their estimated MaxSim, best first."""

    rows: Rows
    estimates: npt.NDArray[np.float32]


class Stage(Protocol):
    @property
    def end_row(self) -> int:
        """Rows of the source that it knows: all before this one."""
        ...

    def shortlist(self, query: Vector, k: int, allowed: Allowed, doc_ids: DocIds) -> Shortlist:
        """``query (Tq, d)`` normalised if the metric is cosine; some more than ``k`` rows, or all there are."""
        ...
