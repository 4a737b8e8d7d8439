"""How many rows of a shortlist are rescored exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from weft.domain.objects import Vector
from weft.engine.embedded.index.multivector.source import Rows
from weft.engine.embedded.index.multivector.stage import Shortlist

_MARGIN = 3.0
"""Typical errors of an estimate by which a row may still climb into the k best. The errors of the first rows are taken
around 0, not around their mean: the first rows are those that were estimated too high."""


def best_rows(
    short: Shortlist, k: int, exact: Callable[[Rows], Vector], *, comparable: bool, limit: int
) -> tuple[Rows, Vector]:
    """Rows with their exact scores, among them the k best of ``short`` (if its order is as good as its estimates).

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
