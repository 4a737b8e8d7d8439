"""The vector leg: nearest objects over one target vector or several combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from weft.domain.query import Combination
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.service.search.explaining import explain_distances
from weft.service.search.ranking import EMPTY, Ranking
from weft.service.search.targets import Target

_TOLERANCE = 1e-6
_CANDIDATES = 200
"""The fewest candidates of each target: the best by the combined distance may not be among the best of each."""


def nearest(
    view: View,
    targets: Sequence[Target],
    combination: Combination,
    k: int,
    within: Selection | None,
    max_distance: float | None,
) -> Ranking:
    """The ``k`` nearest objects, ascending by distance; with several targets by the combined distance."""
    explain = partial(explain_distances, view, targets, combination)
    if len(targets) == 1 and combination is not Combination.RELATIVE_SCORE:
        target = targets[0]
        if not _fits(view, target):
            return EMPTY
        found = view.nearest(target.vector.name, target.query, k, within, max_distance)
        return Ranking(found.doc_ids, distances=found.distances.astype(np.float64), explain=explain)
    ranking = _combined(view, targets, combination, k, within, max_distance)
    return replace(ranking, explain=explain)


def _combined(
    view: View,
    targets: Sequence[Target],
    combination: Combination,
    k: int,
    within: Selection | None,
    max_distance: float | None,
) -> Ranking:
    present = [t for t in targets if _fits(view, t)]
    candidates = k if combination is Combination.MINIMUM else max(k, _CANDIDATES)
    found = [view.nearest(t.vector.name, t.query, candidates, within, None) for t in present]
    if not found:
        return EMPTY
    doc_ids = np.unique(np.concatenate([f.doc_ids for f in found]))
    if combination is Combination.MINIMUM:
        distances = np.full(len(doc_ids), np.inf)
        for one in found:
            np.minimum.at(distances, np.searchsorted(doc_ids, one.doc_ids), one.distances)
    else:
        if len(present) < len(targets):
            return EMPTY
        table = np.stack([view.distances(t.vector.name, t.query, doc_ids) for t in present]).astype(np.float64)
        whole = ~np.isnan(table).any(axis=0)
        doc_ids, table = doc_ids[whole], table[:, whole]
        if combination is Combination.RELATIVE_SCORE:
            table = _scaled(table)
        distances = np.asarray([t.weight for t in present]) @ table
    order = np.lexsort((doc_ids, distances))
    if max_distance is not None:
        order = order[distances[order] <= max_distance + _TOLERANCE]
    order = order[:k]
    return Ranking(doc_ids[order], distances=distances[order])


def _scaled(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each row from 0 (its nearest) to 1 (its farthest); 0 where a row is constant."""
    if not table.size:
        return table
    low = table.min(axis=1, keepdims=True)
    span = table.max(axis=1, keepdims=True) - low
    scaled: npt.NDArray[np.float64] = np.divide(table - low, span, out=np.zeros_like(table), where=span > 0)
    return scaled


def _fits(view: View, target: Target) -> bool:
    """False when no object has this vector yet; refuses a query of other dimensions."""
    dims = view.dims(target.vector.name)
    if dims is None:
        return False
    target.check_dims(dims)
    return True
