"""Writers: they take rows of the source into a stage. One thread at a time; published stages are immutable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.index.multivector.codebook import Codebook, Encoded, never_abandoned, train
from weft.engine.embedded.index.multivector.muvera import MuveraStage
from weft.engine.embedded.index.multivector.residual import ResidualStage
from weft.engine.embedded.index.multivector.segments import TAIL_ROWS, TokenSegment, TokenTail, joined, listed, padded
from weft.engine.embedded.index.multivector.settings import centroid_count
from weft.engine.embedded.index.multivector.stage import Stage
from weft.engine.embedded.index.multivector.tokens import unit
from weft.engine.embedded.storage.rows import TokenRows

_CHUNK_TOKENS = 16_384
_JOINED_AT_ONCE = 65_536
"""The most rows of segments that a write joins; larger ones wait for ``maintain``."""

_SEGMENT_TOKENS = 8_000_000
_SAMPLE = 32
"""Sampled tokens per centroid."""

_HELD_OUT = 16
"""One sampled row in this many is held out from training."""

_DRIFT = 1.3
"""New centroids are trained when the tokens added since lie, squared, so many times as far from theirs as expected,"""
_DRIFTED = 0.5
"""and are at least this share of those trained for;"""
_GROWTH = 4
"""or when there are so many times as many tokens."""

Dead = npt.NDArray[np.bool_]


class Writer(Protocol):
    @property
    def stage(self) -> Stage: ...
    def add(self, rows: TokenRows, end: int) -> None:
        """Takes in the rows from the stage's ``end_row`` up to ``end``."""
        ...

    def keep(self, kept: Dead) -> None:
        """The source dropped rows: row i (below ``end_row``) stays if ``kept[i]``, the others close the gaps."""
        ...


def chunks(rows: TokenRows, first: int, end: int, cosine: bool) -> Iterator[tuple[int, int, Vector]]:
    """Rows ``first`` to ``end`` in runs of about 16,000 tokens: their first, their end and their tokens ``(T, d)``."""
    while first < end:
        limit = int(np.searchsorted(rows.offsets, rows.offsets[first] + _CHUNK_TOKENS, side="right")) - 1
        last = min(end, max(first + 1, limit))
        tokens = np.ascontiguousarray(rows.tokens[rows.offsets[first] : rows.offsets[last]])
        yield first, last, unit(tokens) if cosine else tokens
        first = last


@dataclass
class ResidualWriter:
    book: Codebook
    cosine: bool
    segments: list[TokenSegment] = field(default_factory=list)
    """With lists."""
    added_tokens: int = 0
    """Since the book was trained, with their squared residuals ``added_energy``."""
    added_energy: float = 0.0

    def __post_init__(self) -> None:
        self._tail = self._new_tail()

    @property
    def stage(self) -> ResidualStage:
        tail = (self._tail.segment(),) if self._tail.rows else ()
        return ResidualStage(self.book, (*self.segments, *tail))

    @property
    def end_row(self) -> int:
        return self._tail.first_row + self._tail.rows

    def add(self, rows: TokenRows, end: int, check: Callable[[], None] = never_abandoned) -> None:
        waiting: list[Encoded] = []
        start = self.end_row
        for first, last, tokens in chunks(rows, start, end, self.cosine):
            check()
            encoded = self.book.encode(tokens)
            self.added_tokens += len(tokens)
            self.added_energy += encoded.energy * len(tokens)
            if end - start < TAIL_ROWS:
                self._tail.append(np.diff(rows.offsets[first : last + 1]), encoded)
                continue
            waiting.append(encoded)
            if last == end or sum(len(w.centroids) for w in waiting) >= _SEGMENT_TOKENS:
                self.seal()
                self._append(_segment(self.book, rows, self.end_row, last, waiting))
                waiting = []
        if self._tail.rows >= TAIL_ROWS:
            self.seal()

    def seal(self) -> None:
        """The tail becomes a segment with lists."""
        if self._tail.rows:
            self._append(joined(self.book, [self._tail.segment()]))

    def join(self) -> bool:
        """All segments become one, without a limit; True if there were several."""
        if len(self.segments) < 2:
            return False
        self.segments = [joined(self.book, self.segments)]
        return True

    def replace_segments(self, segments: list[TokenSegment]) -> None:
        """Replace the segments by others that hold the same rows."""
        self.segments = segments

    def keep(self, kept: Dead) -> None:
        parts = self.stage.segments
        self.segments = []
        self._tail = self._new_tail()
        if not parts:
            return
        whole = joined(self.book, parts)
        kept = kept[: whole.rows]
        lengths = np.diff(whole.starts)
        of_token = np.repeat(kept, lengths)
        starts = np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64)
        encoded = Encoded(whole.centroids[of_token], padded(whole.codes[of_token]), whole.sizes[of_token], 0.0)
        if len(starts) > 1:
            self._append(listed(self.book, 0, starts, encoded))

    def stale(self, tokens: int) -> bool:
        """Whether new centroids should be trained for a collection of ``tokens`` tokens."""
        if tokens >= _GROWTH * self.book.tokens and centroid_count(tokens) > len(self.book.centroids):
            return True
        if self.added_tokens < _DRIFTED * self.book.tokens or not self.book.energy:
            return False
        return self.added_energy / self.added_tokens > _DRIFT * self.book.energy

    def _append(self, segment: TokenSegment) -> None:
        self.segments.append(segment)
        while len(self.segments) > 1:
            last, before = self.segments[-1], self.segments[-2]
            if before.rows > 2 * last.rows or before.rows + last.rows > _JOINED_AT_ONCE:
                break
            self.segments[-2:] = [joined(self.book, [before, last])]
        self._tail = self._new_tail()

    def _new_tail(self) -> TokenTail:
        first = self.segments[-1].end_row if self.segments else 0
        return TokenTail(first, self.book.centroids.shape[1] * self.book.bits // 8)


def _segment(book: Codebook, rows: TokenRows, first: int, last: int, parts: list[Encoded]) -> TokenSegment:
    encoded = Encoded(
        np.concatenate([p.centroids for p in parts]),
        padded(*(p.codes for p in parts)),
        np.concatenate([p.sizes for p in parts]),
        0.0,
    )
    return listed(book, first, np.asarray(rows.offsets[first : last + 1] - rows.offsets[first]), encoded)


def trained(
    rows: TokenRows, dead: Dead, bits: int, cosine: bool, check: Callable[[], None] = never_abandoned
) -> ResidualWriter:
    """A writer with a new codebook, trained on the rows that are not ``dead``, holding all rows.

    ``check`` is called regularly; an exception from it ends the work.
    """
    lengths = np.diff(rows.offsets)
    alive = np.flatnonzero(~dead)
    total = int(lengths[alive].sum())
    count = centroid_count(total)
    share = min(1.0, count * _SAMPLE / total)
    chosen = np.sort(
        np.random.default_rng(len(rows.doc_ids)).choice(
            alive, max(min(32, len(alive)), round(len(alive) * share)), False
        )
    )
    held = np.arange(len(chosen)) % _HELD_OUT == 0
    book = train(_tokens(rows, chosen[~held], cosine), _tokens(rows, chosen[held], cosine), count, bits, total, check)
    writer = ResidualWriter(book, cosine)
    writer.add(rows, len(rows.doc_ids), check)
    writer.added_tokens, writer.added_energy = 0, 0.0
    return writer


def _tokens(rows: TokenRows, chosen: npt.NDArray[np.int64], cosine: bool) -> Vector:
    tokens = np.concatenate([rows.tokens[rows.offsets[r] : rows.offsets[r + 1]] for r in chosen.tolist()])
    return unit(tokens) if cosine else tokens


@dataclass
class MuveraWriter:
    stage: MuveraStage
    cosine: bool

    def add(self, rows: TokenRows, end: int) -> None:
        for first, last, tokens in chunks(rows, self.stage.end_row, end, self.cosine):
            self.stage = self.stage.extended(tokens, np.asarray(rows.offsets[first : last + 1] - rows.offsets[first]))

    def keep(self, kept: Dead) -> None:
        self.stage = self.stage.of_rows(np.flatnonzero(kept[: self.stage.end_row]))
