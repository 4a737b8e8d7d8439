"""Several target vectors as one: the combined distance, and the objects with the smallest one.

By ``minimum`` the nearest of an object's vectors counts, and it may lack others. By all other combinations the distance
is a weighted sum over all targets, and an object without one of the vectors is not found.

The nearest by a weighted sum are found by Fagin's threshold algorithm (Fagin, Lotem, Naor 2003): the nearest of each
target are candidates; what is in none of these lists is at least as far from each target as the list's last, so its
combined distance is bounded from below. The lists grow until the bound shows that the ``k`` best are among the
candidates, or until one list holds all objects. Beyond ``_MOST_CANDIDATES`` a target they grow only while fewer than
``k`` are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.domain.query import Combination
from weft.engine.results import DocIds, Neighbours
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.service.search.ranking import Floats, best_first
from weft.service.search.targets import Target

TOLERANCE = 1e-6
"""By which a distance may exceed its limit."""
_FIRST_CANDIDATES = 200
_GROWTH = 4
_MOST_CANDIDATES = 50_000
_SCALED = 1_000
"""The nearest of each target, among which relative scores are scaled."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """``offset + weights (t,) · distances (t,)``."""

    weights: Floats
    offset: float = 0.0

    def __call__(self, table: Floats) -> Floats:
        """``(n,)`` for ``table (t, n)``. Unlike a product of matrices it rounds each object's alike, whatever stands
        beside it."""
        combined = np.full(table.shape[1], self.offset)
        for weight, distances in zip(self.weights.tolist(), table, strict=True):
            combined += weight * distances
        return combined


@dataclass(frozen=True, slots=True)
class CombinedTargets:
    """``targets``, two or more, within a selection of a view. Every target has stored vectors that fit its query."""

    view: View
    targets: Sequence[Target]
    combination: Combination
    within: Selection | None

    def distances(self, doc_ids: DocIds) -> Floats:
        """``(n,)``: of each of ``doc_ids (n,)``; NaN where the object lacks a vector that it needs."""
        table = self._table(doc_ids)
        return np.fmin.reduce(table, axis=0) if self.combination is Combination.MINIMUM else self._sum()(table)

    def nearest(self, k: int, max_distance: float | None, depth: int | None = None) -> tuple[DocIds, Floats]:
        """The ``k`` nearest, none farther than ``max_distance``; ties by uuid.

        With a ``depth`` the first ``k`` of a list that depends on ``depth`` alone: what a search for the ``depth``
        nearest finds, and those behind them that its candidates settle.
        """
        depth = k if depth is None else depth
        if self.combination is Combination.MINIMUM:
            return self._least(k, max_distance, depth)
        combine = self._sum()
        candidates_of_each = max(depth, _FIRST_CANDIDATES)
        while True:
            lists = self._lists(candidates_of_each)
            candidates = _united(lists)
            found = self._first(candidates, combine(self._table(candidates)), max(k, depth), max_distance)
            if any(len(one.doc_ids) < candidates_of_each for one in lists):
                return _cut(found, k)
            bound = _bound(combine, lists)
            if max_distance is not None and bound > max_distance + TOLERANCE:
                return _cut(found, k)
            settled = int(np.searchsorted(found[1], bound))
            if settled >= depth:
                return _cut(found, min(k, settled))
            if len(found[0]) >= depth and candidates_of_each >= _MOST_CANDIDATES:
                return _cut(found, min(k, depth))
            candidates_of_each *= _GROWTH

    def _least(self, k: int, max_distance: float | None, depth: int) -> tuple[DocIds, Floats]:
        """By the least of the distances."""
        lists = self._lists(max(k, depth), depth)
        if any(len(one.doc_ids) <= depth for one in lists):
            # What such a list has missed must not enter by the end of a longer one, which depends on k.
            lists = [Neighbours(one.doc_ids[:depth], one.distances[:depth]) for one in lists]
            k = min(k, depth)
        doc_ids = _united(lists)
        return self._first(doc_ids, self.distances(doc_ids), k, max_distance)

    def _lists(self, k: int, depth: int | None = None) -> list[Neighbours]:
        return [
            self.view.nearest(one.vector.name, one.query, k, self.within, None, depth=depth) for one in self.targets
        ]

    def _table(self, doc_ids: DocIds) -> Floats:
        """``(t, n)``."""
        rows = [self.view.distances(one.vector.name, one.query, doc_ids) for one in self.targets]
        return np.stack(rows).astype(np.float64)

    def _first(self, doc_ids: DocIds, distances: Floats, k: int, max_distance: float | None) -> tuple[DocIds, Floats]:
        inside = ~np.isnan(distances) if max_distance is None else distances <= max_distance + TOLERANCE
        doc_ids, distances = doc_ids[inside], distances[inside]
        order = best_first((-distances,), doc_ids, self.view.uuids)[:k]
        return doc_ids[order], distances[order]

    def _sum(self) -> _Sum:
        weights = np.asarray([target.weight for target in self.targets])
        return self._scaled(weights) if self.combination is Combination.RELATIVE_SCORE else _Sum(weights)

    def _scaled(self, weights: Floats) -> _Sum:
        """Each distance scaled to 0..1 from the least to the greatest among the candidates.

        They are the ``_SCALED`` nearest of each target that have all vectors, whatever is asked for, so that the order
        of the hits does not depend on their number. A target to which all are equally far counts its whole weight.
        """
        depth = _SCALED
        while True:
            lists = self._lists(depth)
            table = self._table(_united(lists))
            table = table[:, ~np.isnan(table).any(axis=0)]
            if table.shape[1] >= _FIRST_CANDIDATES or any(len(one.doc_ids) < depth for one in lists):
                break
            depth *= _GROWTH
        if not table.size:
            return _Sum(weights)
        low = table.min(axis=1)
        span = table.max(axis=1) - low
        varies = span > 0
        scaled = np.divide(weights, span, out=weights.copy(), where=varies)
        return _Sum(scaled, float(weights[~varies].sum() - scaled @ low))


def _cut(found: tuple[DocIds, Floats], count: int) -> tuple[DocIds, Floats]:
    return found[0][:count], found[1][:count]


def _united(lists: Sequence[Neighbours]) -> DocIds:
    return np.unique(np.concatenate([one.doc_ids for one in lists]))


def _bound(combine: _Sum, lists: Sequence[Neighbours]) -> float:
    """No object outside ``lists``, none of which is empty, has a smaller combined distance."""
    if (combine.weights < 0).any():
        return -np.inf
    return float(combine(np.asarray([[one.distances[-1]] for one in lists], np.float64))[0])
