"""How one query is answered over one view of the index: walk or scan, then exact distances.

The rule. A *scan* reads the codes of all allowed rows and is exact, at a cost that grows with their number. A *walk*
costs in proportion to ef and returns the ef nearest rows, allowed or not. It is trusted only if enough allowed rows are
among them, and not only near the walk's uncertain end: then the nearest allowed rows are found as reliably as the
nearest rows, however the filter correlates with the query. A walk that finds too few is repeated with a larger ef as
long as that is cheaper than the scan, and abandoned for the scan otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

import numpy as np
import numpy.typing as npt

from weft.domain.profile import note, took
from weft.domain.schema import Metric, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.ties import Ties, cuts_ties
from weft.engine.embedded.index.vector.codes import ByteCodes, Codes
from weft.engine.embedded.index.vector.frozen import Frozen
from weft.engine.embedded.index.vector.graph import Graph
from weft.engine.embedded.index.vector.query import DISTANCE_TOLERANCE, LINEAR, METRIC_CODES, VectorQuery
from weft.engine.embedded.storage.rows import RowNumbers, VectorRows
from weft.engine.results import NO_NEIGHBOURS, Neighbours

_ROWS_PER_EF = 80
"""Rows of byte codes scanned in the time that a walk takes for one unit of ef (384 dims: 14-22 ns, 1.1-2.2 µs)."""
_FLOATS_PER_EF = 20
"""The same for float32 rows."""
_TRUSTED_DEPTH = 0.7
"""A walk is trusted if the requested rows lie within this share of it."""
_NO_BITS = np.zeros(0, np.uint8)
_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class VectorView:
    """One state of the index, as a search sees it; replaced, never changed."""

    rows: VectorRows
    frozen: Frozen | None
    tail: ByteCodes | None
    """Codes of the rows after ``frozen``; None if the metric is scanned in float32."""

    @property
    def tail_start(self) -> int:
        return self.frozen.covered if self.frozen is not None else 0


@dataclass(frozen=True, slots=True)
class Budget:
    """``count`` candidates are rescored, and if ``bounded`` all others that the codes' error cannot rule out."""

    count: int
    bounded: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """The ``k`` nearest of ``allow`` (None: of all), none farther than ``limit``; equal ones by ``ties``."""

    view: VectorView
    query: VectorQuery
    k: int
    allow: AllowList | None
    limit: float
    floor: float
    """The closeness at the distance ``limit``."""
    ties: Ties


class VectorSearcher:
    """The searches of one configuration."""

    def __init__(self, config: VectorIndexConfig) -> None:
        self._config = config
        self._metric = METRIC_CODES[config.metric]

    def ef(self, k: int) -> int:
        """``ef`` as configured; -1 means k times the factor, within the dynamic bounds. Never below k."""
        config = self._config
        if config.ef > 0:
            return max(config.ef, k)
        return max(k, min(max(k * config.dynamic_ef_factor, config.dynamic_ef_min), config.dynamic_ef_max))

    def search(
        self,
        view: VectorView,
        query: VectorQuery,
        k: int,
        allow: AllowList | None,
        max_distance: float | None,
        ties: Ties,
    ) -> Neighbours:
        """The ``k`` nearest allowed objects, none farther than ``max_distance``.

        A walk meets some of many equally far objects, and others with another ef. When the k-th is one of such, all
        are scanned, so that those that come first by ``ties`` are returned.
        """
        limit, floor = inf, -inf
        if max_distance is not None:
            limit = max_distance + DISTANCE_TOLERANCE
            floor = query.closeness_of(limit)
        wanted = Wanted(view, query, k, allow, limit, floor, ties)
        found, walked = self._found(wanted, walk=True)
        if walked and cuts_ties(found.distances, k):
            found, _ = self._found(wanted, walk=False)
        return Neighbours(found.doc_ids[:k], found.distances[:k])

    def _found(self, wanted: Wanted, *, walk: bool) -> tuple[Neighbours, bool]:
        """The ``k + 1`` nearest that are known, and whether they were found by a walk."""
        frozen = wanted.view.frozen
        chosen: list[RowNumbers] = []
        walked = False
        with took("candidates_took"):
            if frozen is not None:
                picked = self._in_graph(wanted, frozen) if walk else None
                walked = picked is not None
                chosen.append(self._in_frozen(wanted, frozen) if picked is None else picked)
            if wanted.view.tail_start < len(wanted.view.rows):
                chosen.append(self._in_tail(wanted))
        note("vectors_scanned", not walked)
        with took("rescore_took"):
            return self._rescored(wanted, chosen), walked

    def _rescored(self, wanted: Wanted, chosen: list[RowNumbers]) -> Neighbours:
        from weft.engine.embedded.index.vector import kernels

        rows = chosen[0] if len(chosen) == 1 else np.concatenate(chosen) if chosen else _NO_ROWS
        if not len(rows):
            return NO_NEIGHBOURS
        source, query = wanted.view.rows, wanted.query
        ids, distances = kernels.nearest(
            source.vectors, source.doc_ids, rows, query.vector, self._metric, query.square, wanted.k + 1, wanted.limit,
            wanted.ties,
        )  # fmt: skip
        return Neighbours(ids, distances)

    # -- the frozen part

    def _in_graph(self, wanted: Wanted, frozen: Frozen) -> RowNumbers | None:
        """By a walk; None where a scan is the better way."""
        if frozen.graph is None:
            return None
        allow = wanted.allow
        matches = frozen.size if allow is None else self._matches(wanted.view, allow, 0, frozen.covered)
        return self._walk(wanted, frozen, frozen.graph, matches) if matches else None

    def _in_frozen(self, wanted: Wanted, frozen: Frozen) -> RowNumbers:
        """By a scan."""
        labels = None if wanted.allow is None else frozen.labels(wanted.allow.rows_of(wanted.view.rows))
        if labels is not None and not len(labels):
            return _NO_ROWS
        if frozen.codes is None:
            return frozen.rows(np.arange(frozen.size) if labels is None else labels)
        best = self._scan(frozen.codes, wanted, labels, self._budget(wanted.k, frozen))
        return frozen.rows(best if labels is None else labels[best])

    def _walk(self, wanted: Wanted, frozen: Frozen, graph: Graph, matches: int) -> RowNumbers | None:
        """The rows to rescore; None when a scan of the ``matches`` is cheaper or the walk found too few of them."""
        query, allow = wanted.query, wanted.allow
        budget = self._budget(wanted.k, frozen)
        width, effort = self._width(frozen, graph, budget, wanted.k)
        if allow is not None:
            if matches <= self._config.flat_search_cutoff and self._prefers_scan(frozen, matches, effort):
                return None
            width = max(width, ceil(budget.count * frozen.size / matches / _TRUSTED_DEPTH))
        walked = _walked(query)[None]
        while True:
            width = min(width, frozen.size)
            effort = max(effort, width) if graph.recipe.mode == "graph" else effort
            if self._prefers_scan(frozen, matches, effort):
                return None
            labels, distances = graph.walk(walked, width, effort)
            picked, depth = self._pick(wanted, frozen, labels[0], distances[0], budget)
            if allow is None or 0 <= depth <= _TRUSTED_DEPTH * width or width == frozen.size:
                return picked
            last = _closeness(query, distances[0, -1:])[0]
            if labels[0, -1] >= 0 and last + self._margin(frozen, query, budget) < wanted.floor:
                return picked
            met = max(len(picked), 1)
            width = max(2 * width, ceil(1.5 * width * budget.count / met / _TRUSTED_DEPTH))

    def _pick(
        self,
        wanted: Wanted,
        frozen: Frozen,
        labels: npt.NDArray[np.int64],
        distances: npt.NDArray[np.float32],
        budget: Budget,
    ) -> tuple[RowNumbers, int]:
        from weft.engine.embedded.index.vector import kernels

        query, allow = wanted.query, wanted.allow
        rows, depth = kernels.pick(
            labels,
            _closeness(query, distances),
            frozen.to_row,
            wanted.view.rows.doc_ids,
            _NO_BITS if allow is None else allow.bits,
            allow is not None,
            budget.count,
            self._margin(frozen, query, budget),
        )
        return rows, depth

    def _width(self, frozen: Frozen, graph: Graph, budget: Budget, k: int) -> tuple[int, int]:
        """How many candidates a walk returns, and its effort."""
        ef = max(self.ef(k), budget.count)
        effort = self._config.search_probe if graph.recipe.mode == "lists" else ef
        return min(ef, frozen.size), effort

    def _prefers_scan(self, frozen: Frozen, matches: int, effort: int) -> bool:
        """Whether reading ``matches`` rows costs less than a walk of ``effort``."""
        if frozen.graph is None or frozen.graph.recipe.mode != "graph":
            return frozen.graph is None or matches * 4 < frozen.size
        return matches <= effort * (_ROWS_PER_EF if frozen.codes is not None else _FLOATS_PER_EF)

    def _budget(self, k: int, frozen: Frozen) -> Budget:
        quantizer = self._config.quantizer
        exact = isinstance(frozen.codes, ByteCodes) or frozen.shape.metric not in LINEAR
        if quantizer.kind is not QuantizerKind.NONE and quantizer.rescore_limit >= 0:
            return Budget(max(k, quantizer.rescore_limit), bounded=False)
        return Budget(k, bounded=True) if exact else Budget(max(20 * k, 200), bounded=False)

    def _margin(self, frozen: Frozen, query: VectorQuery, budget: Budget) -> float:
        if not budget.bounded or not isinstance(frozen.codes, ByteCodes):
            return 0.0
        return frozen.codes.margin(query)

    # -- the tail

    def _in_tail(self, wanted: Wanted) -> RowNumbers:
        view, allow = wanted.view, wanted.allow
        start = view.tail_start
        rows: RowNumbers | None = None
        if allow is not None:
            if not self._matches(view, allow, start, len(view.rows)):
                return _NO_ROWS
            rows = self._allowed_behind(view, allow, start)
            if not len(rows):
                return _NO_ROWS
        if view.tail is None:
            return np.arange(start, len(view.rows)) if rows is None else rows
        best = self._scan(view.tail, wanted, None if rows is None else rows - start, Budget(wanted.k, True))
        return best + start if rows is None else rows[best]

    def _allowed_behind(self, view: VectorView, allow: AllowList, start: int) -> RowNumbers:
        """The rows from ``start`` on that are allowed."""
        rows = allow.rows_of(view.rows)
        return rows[np.searchsorted(rows, start) :] if start else rows

    def _scan(self, codes: Codes, wanted: Wanted, labels: RowNumbers | None, budget: Budget) -> RowNumbers:
        """Positions within ``labels`` (None: labels themselves) of the candidates."""
        from weft.engine.embedded.index.vector import kernels

        scores, margin = codes.score(wanted.query, labels)
        bounded = isinstance(codes, ByteCodes)
        best: RowNumbers = kernels.best(
            scores, budget.count, margin if budget.bounded else 0.0, wanted.floor - margin if bounded else -inf
        )
        return best

    def _matches(self, view: VectorView, allow: AllowList, start: int, stop: int) -> int:
        """How many allowed doc_ids lie in the range of the rows from ``start`` up to ``stop``."""
        doc_ids, bitmap = view.rows.doc_ids, allow.bitmap
        first = int(doc_ids[start])
        below = int(bitmap.rank(first - 1)) if first else 0
        return int(bitmap.rank(int(doc_ids[stop - 1]))) - below


def _walked(query: VectorQuery) -> npt.NDArray[np.float32]:
    """``(d,)``: what the FAISS index is searched with."""
    return query.direction if query.metric is Metric.COSINE else query.vector


def _closeness(query: VectorQuery, distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``(n,)``: the closeness of what ``Graph.walk`` returned."""
    if query.metric is Metric.L2:
        return np.float32(query.square) - distances
    return -distances if query.metric is Metric.MANHATTAN else distances
