"""How one query is answered over one frozen look at the index: walk or scan, then exact distances.

The rule. A *scan* reads all codes of the rows in question and is exact, at a cost that grows with their number. A
*walk* costs in proportion to ef and returns the ef nearest rows, allowed or not. It is trusted only when enough allowed
rows are among them, and not only near the walk's uncertain end: then the nearest allowed rows are as surely found as
the nearest rows are, whatever the filter has to do with the query. A walk that meets too few is repeated wider as long
as that is cheaper than the scan, and given up for the scan otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
import numpy.typing as npt

from weft.domain.profile import note, took
from weft.domain.schema import Metric, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.vector.codes import ByteCodes, Codes
from weft.engine.embedded.index.vector.frozen import Frozen
from weft.engine.embedded.index.vector.question import DISTANCE_TOLERANCE, LINEAR, METRIC_CODES, Question
from weft.engine.embedded.index.vector.source import Rows
from weft.engine.results import NO_NEIGHBOURS, Neighbours

Ids = npt.NDArray[np.int64]

_ROWS_PER_EF = 80
"""Rows of byte codes scanned in the time that a walk takes for one unit of ef (384 dims: 14-22 ns, 1.1-2.2 µs)."""
_FLOATS_PER_EF = 20
"""The same for float32 rows."""
_TRUSTED_DEPTH = 0.7
"""A walk is trusted when what is asked for lies within this share of it."""
_NO_BITS = np.zeros(0, np.uint8)
_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Look:
    """What a search sees; replaced, never changed."""

    rows: Rows
    frozen: Frozen | None
    tail: ByteCodes | None
    """Codes of the rows behind ``frozen``; None where the metric is scanned in float32."""

    @property
    def tail_start(self) -> int:
        return self.frozen.covered if self.frozen is not None else 0


@dataclass(frozen=True, slots=True)
class Budget:
    """``count`` candidates are rescored, and when ``bounded`` all others that the codes' error cannot rule out."""

    count: int
    bounded: bool


class Searcher:
    """The searches of one configuration."""

    def __init__(self, config: VectorIndexConfig) -> None:
        self._config = config
        self._metric = METRIC_CODES[config.metric]

    def ef(self, k: int) -> int:
        """``ef`` as configured; -1 asks for k times the factor, within the dynamic bounds. Never below k."""
        config = self._config
        if config.ef > 0:
            return max(config.ef, k)
        return max(k, min(max(k * config.dynamic_ef_factor, config.dynamic_ef_min), config.dynamic_ef_max))

    def search(
        self, look: Look, question: Question, k: int, allow: AllowList | None, max_distance: float | None
    ) -> Neighbours:
        floor = -inf if max_distance is None else question.closeness_of(max_distance + DISTANCE_TOLERANCE)
        chosen: list[Ids] = []
        note("hnsw_flat_search", True)
        with took("knn_search_layer_0_took"):
            if look.frozen is not None:
                chosen.append(self._in_frozen(look, look.frozen, question, k, allow, floor))
            if look.tail_start < len(look.rows):
                chosen.append(self._in_tail(look, question, k, allow, floor))
        with took("knn_search_rescore_took"):
            return self._rescored(look, question, chosen, k, max_distance)

    def search_batch(self, look: Look, questions: Sequence[Question], k: int) -> list[Neighbours]:
        """Without a filter: one native walk for all questions."""
        frozen = look.frozen
        if frozen is None or frozen.graph is None or self._prefers_scan(frozen, frozen.size, self.ef(k)):
            return [self.search(look, question, k, None, None) for question in questions]
        budget = self._budget(k, frozen)
        width, effort = self._width(frozen, budget, k)
        labels, distances = frozen.graph.walk(np.stack([_walked(q) for q in questions]), width, effort)
        answers = []
        for question, found, scores in zip(questions, labels, distances, strict=True):
            picked, _ = self._pick(look, frozen, question, found, scores, budget, None)
            chosen = [picked]
            if look.tail_start < len(look.rows):
                chosen.append(self._in_tail(look, question, k, None, -inf))
            answers.append(self._rescored(look, question, chosen, k, None))
        return answers

    def _rescored(
        self, look: Look, question: Question, chosen: list[Ids], k: int, max_distance: float | None
    ) -> Neighbours:
        from weft.engine.embedded.index.vector import kernels

        rows = chosen[0] if len(chosen) == 1 else np.concatenate(chosen) if chosen else _NO_ROWS
        if not len(rows):
            return NO_NEIGHBOURS
        limit = inf if max_distance is None else max_distance + DISTANCE_TOLERANCE
        look_rows = look.rows
        return Neighbours(
            *kernels.nearest(
                look_rows.vectors, look_rows.doc_ids, rows, question.vector, self._metric, question.square, k, limit
            )
        )

    # -- the frozen part

    def _in_frozen(
        self, look: Look, frozen: Frozen, question: Question, k: int, allow: AllowList | None, floor: float
    ) -> Ids:
        size = frozen.size
        matches = size if allow is None else self._matches(look, allow, 0, frozen.covered)
        if matches == 0:
            return _NO_ROWS
        if frozen.graph is not None:
            picked = self._walk(look, frozen, question, k, allow, floor, matches)
            if picked is not None:
                note("hnsw_flat_search", False)
                return picked
        labels = None if allow is None else frozen.labels(look.rows.find_ascending(allow.ids))
        if labels is not None and not len(labels):
            return _NO_ROWS
        if frozen.codes is None:
            return frozen.rows(np.arange(size) if labels is None else labels)
        best = self._scan(frozen.codes, question, labels, self._budget(k, frozen), floor)
        return frozen.rows(best if labels is None else labels[best])

    def _walk(
        self,
        look: Look,
        frozen: Frozen,
        question: Question,
        k: int,
        allow: AllowList | None,
        floor: float,
        matches: int,
    ) -> Ids | None:
        """The rows to rescore, or None when a scan of the ``matches`` is cheaper or the walk met too few of them."""
        graph = frozen.graph
        assert graph is not None
        budget = self._budget(k, frozen)
        width, effort = self._width(frozen, budget, k)
        if allow is not None:
            if matches <= self._config.flat_search_cutoff and self._prefers_scan(frozen, matches, effort):
                return None
            width = max(width, ceil(budget.count * frozen.size / matches / _TRUSTED_DEPTH))
        walked = _walked(question)[None]
        while True:
            width = min(width, frozen.size)
            effort = max(effort, width) if graph.recipe.mode == "graph" else effort
            if self._prefers_scan(frozen, matches, effort):
                return None
            labels, distances = graph.walk(walked, width, effort)
            picked, depth = self._pick(look, frozen, question, labels[0], distances[0], budget, allow)
            if allow is None or 0 <= depth <= _TRUSTED_DEPTH * width or width == frozen.size:
                return picked
            last = _closeness(question, distances[0, -1:])[0]
            if labels[0, -1] >= 0 and last + self._margin(frozen, question, budget) < floor:
                return picked
            met = max(len(picked), 1)
            width = max(2 * width, ceil(1.5 * width * budget.count / met / _TRUSTED_DEPTH))

    def _pick(
        self,
        look: Look,
        frozen: Frozen,
        question: Question,
        labels: npt.NDArray[np.int64],
        distances: npt.NDArray[np.float32],
        budget: Budget,
        allow: AllowList | None,
    ) -> tuple[Ids, int]:
        from weft.engine.embedded.index.vector import kernels

        rows, depth = kernels.pick(
            labels,
            _closeness(question, distances),
            frozen.to_row,
            look.rows.doc_ids,
            _NO_BITS if allow is None else allow.bits,
            allow is not None,
            budget.count,
            self._margin(frozen, question, budget),
        )
        return rows, depth

    def _width(self, frozen: Frozen, budget: Budget, k: int) -> tuple[int, int]:
        """How many candidates a walk returns, and its effort."""
        assert frozen.graph is not None
        ef = max(self.ef(k), budget.count)
        effort = self._config.search_probe if frozen.graph.recipe.mode == "lists" else ef
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

    def _margin(self, frozen: Frozen, question: Question, budget: Budget) -> float:
        if not budget.bounded or not isinstance(frozen.codes, ByteCodes):
            return 0.0
        return frozen.codes.margin(question)

    # -- the tail

    def _in_tail(self, look: Look, question: Question, k: int, allow: AllowList | None, floor: float) -> Ids:
        start = look.tail_start
        rows: Ids | None = None
        if allow is not None:
            if not self._matches(look, allow, start, len(look.rows)):
                return _NO_ROWS
            rows = self._allowed_behind(look, allow, start)
            if not len(rows):
                return _NO_ROWS
        if look.tail is None:
            return np.arange(start, len(look.rows)) if rows is None else rows
        best = self._scan(look.tail, question, None if rows is None else rows - start, Budget(k, True), floor)
        return best + start if rows is None else rows[best]

    def _allowed_behind(self, look: Look, allow: AllowList, start: int) -> Ids:
        """The rows from ``start`` on that are allowed."""
        rows = look.rows.find_ascending(allow.ids)
        return rows[np.searchsorted(rows, start) :] if start else rows

    def _scan(self, codes: Codes, question: Question, labels: Ids | None, budget: Budget, floor: float) -> Ids:
        """Positions within ``labels`` (None: labels themselves) of the candidates."""
        from weft.engine.embedded.index.vector import kernels

        scores, margin = codes.score(question, labels)
        bounded = isinstance(codes, ByteCodes)
        best: Ids = kernels.best(
            scores, budget.count, margin if budget.bounded else 0.0, floor - margin if bounded else -inf
        )
        return best

    def _matches(self, look: Look, allow: AllowList, start: int, stop: int) -> int:
        """How many allowed doc_ids lie in the range of the rows from ``start`` up to ``stop``."""
        doc_ids, bitmap = look.rows.doc_ids, allow.bitmap
        first = int(doc_ids[start])
        below = int(bitmap.rank(first - 1)) if first else 0
        return int(bitmap.rank(int(doc_ids[stop - 1]))) - below


def _walked(question: Question) -> npt.NDArray[np.float32]:
    """What the FAISS index is asked."""
    return question.direction if question.metric is Metric.COSINE else question.vector


def _closeness(question: Question, distances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if question.metric is Metric.L2:
        return np.float32(question.square) - distances
    return -distances if question.metric is Metric.MANHATTAN else distances
