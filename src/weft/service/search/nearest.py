"""The ranking by vector: the nearest objects by one target vector, or by several combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from weft.domain.query import Combination
from weft.engine.results import DocIds
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.service.search.combined import CombinedTargets
from weft.service.search.explaining import explain_distances
from weft.service.search.ranking import EMPTY, Floats, Ranking
from weft.service.search.rungs import Ranked, in_rungs
from weft.service.search.targets import Target


def nearest(
    view: View,
    targets: Sequence[Target],
    combination: Combination,
    k: int,
    within: Selection | None,
    max_distance: float | None,
    first: int | None = None,
    head: int | None = None,
) -> Ranking:
    """The ``k`` nearest objects, ascending by distance; with several targets by the combined distance.

    ``first``: the first ``k`` of the list whose pages have so many objects (``rungs.py``). ``head``: as in
    ``View.nearest``, with a single target.
    """
    present = _comparable(view, targets, combination)
    if not present:
        return EMPTY_BY_DISTANCE
    several = CombinedTargets(view, present, combination, within) if len(targets) > 1 else None

    def find(k: int, depth: int) -> Ranked:
        if several is not None:
            return several.nearest(k, max_distance, depth)
        target = targets[0]
        found = view.nearest(target.vector.name, target.query, k, within, max_distance, depth=depth, head=head)
        return found.doc_ids, found.distances.astype(np.float64)

    doc_ids, distances = in_rungs(find, first or k, k)
    return Ranking(doc_ids, distances=distances, explain=partial(explain_distances, view, targets, combination))


def distances_to(
    view: View, targets: Sequence[Target], combination: Combination, within: Selection | None, doc_ids: DocIds
) -> Floats:
    """``(n,)``: exact, of each of ``doc_ids (n,)``; NaN for an object that ``nearest`` cannot find."""
    present = _comparable(view, targets, combination)
    if not present:
        return np.full(len(doc_ids), np.nan)
    if len(targets) == 1:
        return view.distances(targets[0].vector.name, targets[0].query, doc_ids).astype(np.float64)
    return CombinedTargets(view, present, combination, within).distances(doc_ids)


def _comparable(view: View, targets: Sequence[Target], combination: Combination) -> list[Target]:
    """The targets that objects can be compared with; none if all are needed and one has no stored vectors."""
    present = [target for target in targets if fits(view, target)]
    return present if combination is Combination.MINIMUM or len(present) == len(targets) else []


def fits(view: View, target: Target) -> bool:
    """False when no object has this vector yet; refuses a query of other dimensions."""
    dims = view.dims(target.vector.name, target.query.shape[-1])
    if dims is None:
        return False
    target.check_dims(dims)
    return True


EMPTY_BY_DISTANCE = replace(EMPTY, scores=None)
