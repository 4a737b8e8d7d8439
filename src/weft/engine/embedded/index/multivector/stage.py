"""Stage: the step before exact rescoring; finds the rows worth rescoring. Immutable views, one writer.

Two kinds: ``residual`` (centroids and residual codes) and ``muvera`` (fixed dimensional encodings).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.storage.rows import RowNumbers
from weft.engine.results import DocIds


class Allowed(NamedTuple):
    """Which rows may be found: all (both None), those of ``rows`` (ascending), or those whose doc_id has its bit."""

    rows: RowNumbers | None = None
    bits: npt.NDArray[np.uint8] | None = None
    """Packed as ``AllowList.bits``, by doc_id."""

    @property
    def filtered(self) -> bool:
        return self.rows is not None or self.bits is not None


class Shortlist(NamedTuple):
    """Rows in the order of their estimated MaxSim, best first."""

    rows: RowNumbers
    estimates: npt.NDArray[np.float32]


class Stage(Protocol):
    @property
    def end_row(self) -> int:
        """The number of rows of the source in the stage: all rows before this one."""
        ...

    def shortlist(self, query: Vector, k: int, allowed: Allowed, doc_ids: DocIds) -> Shortlist:
        """``query (Tq, d)`` normalised if the metric is cosine; some more than ``k`` rows, or all there are."""
        ...


_MARGIN = 3.0
"""Typical errors of an estimate by which a row may still climb into the k best. The errors of the first rows are taken
around 0, not around their mean: the first rows are those that were estimated too high."""


def best_rows(
    short: Shortlist, k: int, exact: Callable[[RowNumbers], Vector], *, comparable: bool, limit: int
) -> tuple[RowNumbers, Vector]:
    """Rows ``(n,)`` with their exact scores ``(n,)``, among them the k best of ``short`` (if its order is as good as
    its estimates).

    ``comparable``: estimates are MaxSim with an error, so the first rows show how large the error is, and only rows
    that it could lift into the k best follow. Otherwise the whole list is rescored. ``limit`` above 0 decides instead.
    """
    if limit > 0 or not comparable:
        rows = short.rows[: max(k, limit)] if limit > 0 else short.rows
        return rows, exact(rows)
    first = k + max(3, k // 8)
    rows = short.rows[:first]
    scores = exact(rows)
    if len(short.rows) <= first:
        return rows, scores
    errors = scores - short.estimates[:first]
    floor = np.partition(scores, first - k)[first - k] - _MARGIN * float(np.sqrt((errors**2).mean()))
    last = first + int(np.searchsorted(-short.estimates[first:], -floor, side="right"))
    if last > first:
        more = short.rows[first : min(last, 8 * k + 64)]
        rows, scores = np.concatenate([rows, more]), np.concatenate([scores, exact(more)])
    return rows, scores
