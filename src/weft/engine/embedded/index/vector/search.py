"""How one query is answered over one view of the index: walk or scan, then exact distances.

The rule. A *scan* reads the codes of all allowed rows and is exact, at a cost that grows with their number. A *walk*
costs in proportion to ef and returns the ef nearest rows, allowed or not. It is trusted only if enough allowed rows are
among them, and not only near the walk's uncertain end: then the nearest allowed rows are found as reliably as the
nearest rows, however the filter correlates with the query. A walk that finds too few is repeated with a larger ef as
long as that is cheaper than the scan, and abandoned for the scan otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import ceil, inf
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.deadline import check
from weft.domain.profile import note, took
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.ties import Ties, cuts_ties
from weft.engine.embedded.index.vector.codes import ByteCodes, Codes
from weft.engine.embedded.index.vector.effort import Budget, Effort
from weft.engine.embedded.index.vector.frozen import Frozen
from weft.engine.embedded.index.vector.graph import Graph
from weft.engine.embedded.index.vector.query import DISTANCE_TOLERANCE, METRIC_CODES, VectorQuery
from weft.engine.embedded.storage.rows import RowNumbers, VectorRows
from weft.engine.results import NO_NEIGHBOURS, Neighbours

_TRUSTED_DEPTH = 0.7
"""A walk is trusted if the requested rows lie within this share of it."""
_NO_BITS = np.zeros(0, np.uint8)
_NO_ROWS = np.zeros(0, np.int64)


@cache
def _kernels() -> Any:
    """Imported on first use only; a search that imports costs a microsecond each time."""
    from weft.engine.embedded.index.vector import kernels

    return kernels


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


@dataclass(slots=True)
class Wanted:
    """The ``k`` nearest of ``allow`` (None: of all), none farther than ``limit``; equal ones by ``ties``."""

    view: VectorView
    query: VectorQuery
    k: int
    head: int
    """So many of them are not to be missed."""
    allow: AllowList | None
    limit: float
    floor: float
    """The closeness at the distance ``limit``."""
    ties: Ties


class VectorSearcher:
    """The searches of one configuration."""

    def __init__(self, config: VectorIndexConfig) -> None:
        self._effort = Effort(config)
        self._metric = METRIC_CODES[config.metric]

    def search(
        self,
        view: VectorView,
        query: VectorQuery,
        k: int,
        depth: int,
        head: int,
        allow: AllowList | None,
        max_distance: float | None,
        ties: Ties,
    ) -> Neighbours:
        """The ``k`` nearest allowed objects, none farther than ``max_distance``.

        A search that is not exact is one for the ``depth`` nearest, whatever ``k``, and returns no more than these. So
        the results for one ``depth`` begin with each other.

        A walk meets some of many equally far objects, and others with another ef. When the last is one of such, all
        are scanned, so that those that come first by ``ties`` are returned.
        """
        limit, floor = inf, -inf
        if max_distance is not None:
            limit = max_distance + DISTANCE_TOLERANCE
            floor = query.closeness_of(limit)
        wanted = Wanted(view, query, depth, head, allow, limit, floor, ties)
        found = self._walked(wanted)
        if found is None or cuts_ties(found.distances, depth):
            most = k if view.frozen is None or self._effort.scans_exactly(view.frozen) else depth
            found = self._scanned(replace(wanted, k=most))
            k = min(k, most)
        else:
            k = min(k, depth)
        return Neighbours(found.doc_ids[:k], found.distances[:k])

    def _walked(self, wanted: Wanted) -> Neighbours | None:
        """The ``k + 1`` nearest that a walk finds, and those behind the frozen part; None where a scan is the better
        way."""
        frozen = wanted.view.frozen
        if frozen is None:
            return None
        with took("candidates_took"):
            picked = self._in_graph(wanted, frozen)
            chosen = None if picked is None else [picked, *self._in_tail(wanted)]
        if chosen is None:
            return None
        note("vectors_scanned", False)
        with took("rescore_took"):
            return self._rescored(wanted, chosen)

    def _scanned(self, wanted: Wanted) -> Neighbours:
        """The ``k + 1`` nearest by the codes of all allowed rows."""
        frozen = wanted.view.frozen
        check()
        with took("candidates_took"):
            chosen = [] if frozen is None else [self._in_frozen(wanted, frozen)]
            chosen += self._in_tail(wanted)
        note("vectors_scanned", True)
        with took("rescore_took"):
            return self._rescored(wanted, chosen)

    def _rescored(self, wanted: Wanted, chosen: list[RowNumbers]) -> Neighbours:
        check()
        rows = chosen[0] if len(chosen) == 1 else np.concatenate(chosen) if chosen else _NO_ROWS
        if not len(rows):
            return NO_NEIGHBOURS
        source, query = wanted.view.rows, wanted.query
        source.require(rows)
        ids, distances = _kernels().nearest(
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
        labels = frozen.present if wanted.allow is None else frozen.labels(wanted.allow.rows_of(wanted.view.rows))
        if labels is not None and not len(labels):
            return _NO_ROWS
        if frozen.codes is None:
            return frozen.rows(np.arange(frozen.size) if labels is None else labels)
        best = self._scan(frozen.codes, wanted, labels, self._effort.budget(wanted.k, frozen))
        return frozen.rows(best if labels is None else labels[best])

    def _walk(self, wanted: Wanted, frozen: Frozen, graph: Graph, matches: int) -> RowNumbers | None:
        """The rows to rescore; None when a scan of the ``matches`` is cheaper or the walk found too few of them."""
        query, allow = wanted.query, wanted.allow
        budget = self._effort.budget(wanted.k, frozen)
        width, effort = self._effort.width(frozen, graph, budget, wanted.k, wanted.head)
        if allow is not None:
            if self._effort.scans_few(frozen, matches, effort):
                return None
            width = max(width, ceil(budget.count * frozen.size / matches / _TRUSTED_DEPTH))
        while True:
            check()
            width = min(width, frozen.size)
            effort = max(effort, width) if graph.recipe.mode == "graph" else effort
            if self._effort.prefers_scan(frozen, matches, effort):
                return None
            labels, closeness = _met(frozen, graph, query, width, effort)
            picked, depth = self._pick(wanted, frozen, labels, closeness, budget)
            if allow is None or 0 <= depth <= _TRUSTED_DEPTH * width:
                return picked
            if width == frozen.size:
                # Of lists only some are read, and these may hold few that are allowed.
                return picked if len(picked) >= min(budget.count, matches) else None
            if labels[-1] >= 0 and closeness[-1] + self._margin(frozen, query, budget) < wanted.floor:
                return picked
            met = max(len(picked), 1)
            width = max(2 * width, ceil(1.5 * width * budget.count / met / _TRUSTED_DEPTH))

    def _pick(
        self,
        wanted: Wanted,
        frozen: Frozen,
        labels: npt.NDArray[np.int64],
        closeness: npt.NDArray[np.float32],
        budget: Budget,
    ) -> tuple[RowNumbers, int]:
        query, allow = wanted.query, wanted.allow
        rows, depth = _kernels().pick(
            labels,
            closeness,
            frozen.to_row,
            wanted.view.rows.doc_ids,
            _NO_BITS if allow is None else allow.bits,
            allow is not None,
            budget.count,
            self._margin(frozen, query, budget),
        )
        return rows, depth

    def _margin(self, frozen: Frozen, query: VectorQuery, budget: Budget) -> float:
        if not budget.bounded or not isinstance(frozen.codes, ByteCodes):
            return 0.0
        return frozen.codes.margin(query)

    # -- the tail

    def _in_tail(self, wanted: Wanted) -> list[RowNumbers]:
        """Of the rows behind the frozen part those to rescore; nothing where none is allowed."""
        view, allow = wanted.view, wanted.allow
        start = view.tail_start
        if start >= len(view.rows):
            return []
        rows: RowNumbers | None = None
        if allow is not None:
            if not self._matches(view, allow, start, len(view.rows)):
                return []
            rows = self._allowed_behind(view, allow, start)
            if not len(rows):
                return []
        if view.tail is None:
            return [np.arange(start, len(view.rows)) if rows is None else rows]
        best = self._scan(view.tail, wanted, None if rows is None else rows - start, Budget(wanted.k, True))
        return [best + start if rows is None else rows[best]]

    def _allowed_behind(self, view: VectorView, allow: AllowList, start: int) -> RowNumbers:
        """The rows from ``start`` on that are allowed."""
        rows = allow.rows_of(view.rows)
        return rows[np.searchsorted(rows, start) :] if start else rows

    def _scan(self, codes: Codes, wanted: Wanted, labels: RowNumbers | None, budget: Budget) -> RowNumbers:
        """Positions within ``labels`` (None: labels themselves) of the candidates."""
        scores, margin = codes.score(wanted.query, labels)
        bounded = isinstance(codes, ByteCodes)
        best: RowNumbers = _kernels().best(
            scores, budget.count, margin if budget.bounded else 0.0, wanted.floor - margin if bounded else -inf
        )
        return best

    def _matches(self, view: VectorView, allow: AllowList, start: int, stop: int) -> int:
        """How many allowed doc_ids lie in the range of the rows from ``start`` up to ``stop``."""
        doc_ids, bitmap = view.rows.doc_ids, allow.bitmap
        first = int(doc_ids[start])
        below = int(bitmap.rank(first - 1)) if first else 0
        return int(bitmap.rank(int(doc_ids[stop - 1]))) - below


def _met(
    frozen: Frozen, graph: Graph, query: VectorQuery, width: int, effort: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """``(width,)``: the labels that a walk meets (-1: none), nearest first, and their approximate closeness."""
    links = graph.links
    if links is not None and isinstance(frozen.codes, ByteCodes):
        return links.walk(frozen.codes, query, width, effort)
    labels, distances = graph.walk(_point(query)[None], width, effort)
    return labels[0], _closeness(query, distances[0])


def _point(query: VectorQuery) -> npt.NDArray[np.float32]:
    """``(d,)``: what the FAISS index is searched with."""
    return query.direction if query.metric is Metric.COSINE else query.vector


def _closeness(query: VectorQuery, distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``(n,)``: the closeness of what ``Graph.walk`` returned."""
    if query.metric is Metric.L2:
        return np.float32(query.square) - distances
    return -distances if query.metric is Metric.MANHATTAN else distances
