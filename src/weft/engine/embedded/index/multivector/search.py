"""How one query is answered over one view of the index: which rows are scored exactly.

- Without a stage (a small collection), under a narrow filter, or for a large share of all objects: all allowed ones.
- Otherwise a stage (``stage.py``) names rows, and the rows that it does not know yet are scored beside them.

Every returned distance is computed from the stored float32 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from weft.domain.deadline import check
from weft.domain.objects import Vector
from weft.domain.profile import note, took
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector.residual import ResidualStage
from weft.engine.embedded.index.multivector.settings import EXACT_ALLOWED_TOKENS, SCANNED_ROWS
from weft.engine.embedded.index.multivector.stage import Allowed, Stage, best_rows
from weft.engine.embedded.index.ties import Ties, order_of_ties
from weft.engine.embedded.storage.rows import RowNumbers, TokenRows
from weft.engine.results import NO_NEIGHBOURS, DocIds, Neighbours

_LARGE_SHARE = 4
"""If more than one in this many objects is requested, a shortlist would contain most of them."""

_SCANNED_SHARE = 3
"""A filter that leaves more than one row in this many uses the lists, however few rows that are."""

_PAIRS_AT_ONCE = 20_000_000
"""Pairs of tokens that are compared between two looks at the deadline, some 50 ms."""

_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class TokenView:
    """One state of the index, as a search sees it; replaced, never changed."""

    rows: TokenRows
    stage: Stage | None

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def staged(self) -> int:
        """The number of rows in the stage."""
        return 0 if self.stage is None else self.stage.end_row

    @property
    def dims(self) -> int | None:
        return int(self.rows.tokens.shape[1]) if self.count else None


class _Best(NamedTuple):
    """``rows (n,)`` with their MaxSim ``scores (n,)``; ``exact``: they are all that may be found."""

    rows: RowNumbers
    scores: Vector
    exact: bool


@dataclass(frozen=True, slots=True)
class TokenSearcher:
    """The searches of one configuration. Query tokens ``(Tq, d)`` come normalised if the metric is cosine."""

    cosine: bool
    rescore_limit: int
    """How many rows of a shortlist are rescored; 0: the search decides."""

    def search(
        self,
        view: TokenView,
        tokens: Vector,
        k: int,
        depth: int,
        allow: AllowList | None,
        max_distance: float | None,
        ties: Ties,
    ) -> Neighbours:
        """The ``k`` nearest allowed objects to ``query (Tq, d)``, none farther than ``max_distance``.

        Of a shortlist the ``depth`` nearest at most, which do not depend on ``k``.
        """
        if k <= 0 or not view.count or (allow is not None and not len(allow)):
            return NO_NEIGHBOURS
        best = self._best(view, tokens, depth, allow)
        return _nearest(
            view.rows.doc_ids[best.rows], -best.scores, k if best.exact else min(k, depth), max_distance, ties
        )

    def distances(self, view: TokenView, tokens: Vector, doc_ids: DocIds) -> Vector:
        """``(n,) f32``; NaN where the object has no such vector."""
        rows = view.rows.find(doc_ids)
        result = np.full(len(rows), np.nan, np.float32)
        found = rows >= 0
        result[found] = -self._exact(view, tokens, rows[found])
        return result

    def _best(self, view: TokenView, tokens: Vector, k: int, allow: AllowList | None) -> _Best:
        """The k best and some more."""
        count = view.count
        mean_tokens = len(view.rows.tokens) / count
        possible = count if allow is None else min(len(allow), count)
        narrow = allow is not None and possible * mean_tokens <= EXACT_ALLOWED_TOKENS
        scanned = view.stage is None or narrow or k * _LARGE_SHARE >= min(view.staged, possible)
        note("vectors_scanned", scanned)
        if view.stage is None or scanned:
            with took("candidates_took"):
                rows = np.arange(count) if allow is None else allow.rows_of(view.rows)
                return _Best(rows, self._exact(view, tokens, rows), exact=True)
        return self._staged(view, view.stage, tokens, k, allow, possible)

    def _staged(
        self, view: TokenView, stage: Stage, tokens: Vector, k: int, allow: AllowList | None, possible: int
    ) -> _Best:
        if allow is None:
            allowed, behind = Allowed(), np.arange(view.staged, view.count)
        else:
            few = possible <= SCANNED_ROWS and possible * _SCANNED_SHARE <= view.count
            known = allow.rows_of(view.rows) if few or view.staged < view.count else None
            allowed = Allowed(known) if few else Allowed(bits=allow.bits)
            behind = _NO_ROWS if known is None else known[known >= view.staged]
        with took("candidates_took"):
            short = stage.shortlist(tokens, k, allowed, view.rows.doc_ids)
        comparable = isinstance(stage, ResidualStage)
        with took("rescore_took"):
            rows, scores = best_rows(
                short, k, lambda r: self._exact(view, tokens, r), comparable=comparable, limit=self.rescore_limit
            )
            if len(behind):
                more = self._exact(view, tokens, behind)
                rows, scores = np.concatenate([rows, behind]), np.concatenate([scores, more])
        return _Best(rows, scores, exact=False)

    def _exact(self, view: TokenView, tokens: Vector, rows: RowNumbers) -> Vector:
        """``(n,) f32``: the MaxSim of each of ``rows (n,)``."""
        from weft.engine.embedded.index.multivector.kernels.exact import exact_scores

        offsets = view.rows.offsets
        scores: list[Vector] = []
        for part in _parts(rows, offsets, len(tokens)):
            check()
            view.rows.require(part)
            scores.append(exact_scores(tokens, view.rows.tokens, offsets, part, self.cosine))
        return scores[0] if len(scores) == 1 else np.concatenate(scores)


def _parts(rows: RowNumbers, offsets: RowNumbers, query_tokens: int) -> list[RowNumbers]:
    """``rows``, in parts of so many pairs of tokens that the deadline is looked at often enough."""
    most = _PAIRS_AT_ONCE // max(1, query_tokens)
    if not len(rows) or int(offsets[-1]) <= most:
        return [rows]
    pairs = np.cumsum(offsets[rows + 1] - offsets[rows])
    if int(pairs[-1]) <= most:
        return [rows]
    cuts = np.flatnonzero(np.diff(pairs // most)) + 1
    return np.split(rows, cuts)


def _nearest(doc_ids: DocIds, distances: Vector, k: int, max_distance: float | None, ties: Ties) -> Neighbours:
    """The ``k`` nearest of ``doc_ids (n,)`` at ``distances (n,)``, none farther than ``max_distance``."""
    if max_distance is not None:
        inside = distances <= max_distance
        doc_ids, distances = doc_ids[inside], distances[inside]
    if k < len(distances):
        border = np.partition(distances, k - 1)[k - 1] if k else -np.inf
        inside = distances <= border
        doc_ids, distances = doc_ids[inside], distances[inside]
    order = order_of_ties(ties, distances, doc_ids)[:k]
    return Neighbours(doc_ids[order], distances[order])
