"""ResidualStage: centroids find candidates, residual codes rank them.

1. The similarity of each query token to every centroid, in one table; a table in bytes beside it.
2. Rows in the lists of each query token's best centroids are candidates (all rows of a tail are), scored by the
   greatest table entry among their centroids.
3. The best are scored on their reconstructed tokens. How many: first a few, which show how far table scores and code
   scores lie apart; then all whose table score could still reach the k-th code score, ``Z`` deviations allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weft.domain.deadline import checked
from weft.domain.objects import Vector
from weft.engine.embedded.index.allow_list import in_bits
from weft.engine.embedded.index.multivector.codebook import Codebook
from weft.engine.embedded.index.multivector.segments import TokenSegment
from weft.engine.embedded.index.multivector.stage import Allowed, Shortlist
from weft.engine.embedded.storage.rows import RowNumbers
from weft.engine.results import DocIds

PROBES = 6
"""Centroids whose lists are read for a query token when k is 10 or less."""

LEAST = 1_000
"""The fewest candidates, or 16·k."""

FIRST = 64
"""Candidates that are scored on their codes first."""

MOST = 2_000
"""The most candidates that are scored on their codes, or 20·k."""

Z = 3.0

LONG = 256
"""The most query tokens that are used to find candidates; of a longer query, this many, evenly spaced."""

_NO_BITS = np.zeros(0, np.uint8)

Bits = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]


class _Tile(NamedTuple):
    """The tables of 8 or 16 lanes, of which ``tokens`` hold query tokens."""

    tokens: int
    table: Vector
    bytes: Bits
    groups: Bits
    step: float
    packed: npt.NDArray[np.int8]
    scales: Vector
    sums: Vector


@dataclass(frozen=True)
class ResidualStage:
    book: Codebook
    segments: tuple[TokenSegment, ...]
    """Neighbouring runs of rows from 0 on; the last may be a tail."""

    @property
    def end_row(self) -> int:
        return self.segments[-1].end_row if self.segments else 0

    @property
    def tokens(self) -> int:
        return sum(int(s.starts[-1]) for s in self.segments)

    def shortlist(self, query: Vector, k: int, allowed: Allowed, doc_ids: DocIds) -> Shortlist:
        finders = query if len(query) <= LONG else query[np.linspace(0, len(query) - 1, LONG).astype(np.int64)]
        tiles = self._tiles(finders)
        rows, rough = self._candidates(tiles, k, allowed, doc_ids)
        if len(finders) < len(query):
            return self._long(query, k, rows, rough)
        return self._promising(tiles, rows, rough, k, filtered=allowed.filtered)

    def _promising(self, tiles: list[_Tile], rows: RowNumbers, rough: Scores, k: int, *, filtered: bool) -> Shortlist:
        """Step 3 of the module's docstring. A filter can leave only rows far from the query, whose table scores mean
        little: then rows sampled from the rest also show how far the two scores differ."""
        first = max(FIRST, 2 * k)
        if len(rows) <= first:
            return _ordered(rows, self._coded(tiles, rows))
        order = np.argpartition(rough, len(rough) - first)
        known, rest = order[len(rough) - first :], order[: len(rough) - first]
        scores = self._coded(tiles, rows[known])
        gains = scores - rough[known]
        gain, spread = gains.mean(), gains.std()
        if filtered:
            spaced = rest[:: max(1, len(rest) // FIRST)]
            gains = self._coded(tiles, rows[spaced]) - rough[spaced]
            gain, spread = max(gain, gains.mean()), max(spread, gains.std())
        floor = np.partition(scores, first - k)[first - k] - gain - Z * spread
        more = rest[rough[rest] >= floor]
        most = max(MOST, 20 * k)
        if len(more) > most:
            more = more[np.argpartition(rough[more], len(more) - most)[len(more) - most :]]
        found = np.concatenate([known, more])
        return _ordered(rows[found], np.concatenate([scores, self._coded(tiles, rows[more])]))

    def _long(self, query: Vector, k: int, rows: RowNumbers, rough: Scores) -> Shortlist:
        """The best candidates scored with every token of the query, tile after tile."""
        most = max(MOST // 2, 8 * k)
        if len(rows) > most:
            rows = rows[np.argpartition(rough, len(rough) - most)[len(rough) - most :]]
        scores = np.zeros(len(rows), np.float32)
        for start in checked(range(0, len(query), LONG)):
            scores += self._coded(self._tiles(query[start : start + LONG]), rows)
        return _ordered(rows, scores)

    def _tiles(self, query: Vector) -> list[_Tile]:
        from weft.engine.embedded.index.multivector.kernels.packing import lane_count, pack_bytes
        from weft.engine.embedded.index.multivector.kernels.table import centroid_table

        book, lanes = self.book, lane_count(len(query))
        packed, scales, sums = pack_bytes(query, book.spread, lanes)
        coded, coded_scales, coded_sums = pack_bytes(query, book.weights, lanes)
        tiles = []
        for i in range(len(packed)):
            of = slice(i * lanes, (i + 1) * lanes)
            tables: tuple[Vector, Bits, Bits, float] = centroid_table(
                book.centroids, packed[i], scales[of], sums[of], lanes
            )
            tokens = min(lanes, len(query) - i * lanes)
            tiles.append(_Tile(tokens, *tables, coded[i], coded_scales[of], coded_sums[of]))
        return tiles

    def _candidates(self, tiles: list[_Tile], k: int, allowed: Allowed, doc_ids: DocIds) -> tuple[RowNumbers, Scores]:
        """Rows and their table scores; reads more lists while they yield too few rows, and finally takes all rows."""
        from weft.engine.embedded.index.multivector.kernels.table import best_centroids

        probes = max(PROBES, round(PROBES * (k / 10) ** 0.5))
        while True:
            opened = [best_centroids(t.bytes, t.groups, t.tokens, probes) for t in tiles]
            centroids = opened[0] if len(opened) == 1 else np.unique(np.concatenate(opened))
            found = [self._found(s, centroids, allowed, doc_ids) for s in self.segments]
            enough = sum(len(f) for f in found) >= max(LEAST, 16 * k) or allowed.rows is not None
            if enough or len(centroids) * 2 >= len(self.book.centroids):
                break
            probes *= 4
        if not enough:
            found = [self._all(s, allowed, doc_ids) for s in self.segments]
        scores = [self._rough(s, f, tiles) for s, f in zip(self.segments, found, strict=True)]
        if len(found) == 1:
            return found[0].astype(np.int64) + self.segments[0].first_row, scores[0]
        rows = [f.astype(np.int64) + s.first_row for s, f in zip(self.segments, found, strict=True)]
        return np.concatenate(rows), np.concatenate(scores)

    def _found(
        self, segment: TokenSegment, centroids: npt.NDArray[np.uint16], allowed: Allowed, doc_ids: DocIds
    ) -> npt.NDArray[np.uint32]:
        """Local rows of one segment."""
        from weft.engine.embedded.index.multivector.kernels.candidates import listed_rows

        if allowed.rows is not None or segment.list_starts is None:
            return self._all(segment, allowed, doc_ids)
        of = doc_ids[segment.first_row : segment.end_row]
        bits = _NO_BITS if allowed.bits is None else allowed.bits
        rows: npt.NDArray[np.uint32] = listed_rows(
            centroids, segment.list_starts, segment.list_rows, segment.rows, of, bits, allowed.bits is not None
        )
        return rows

    def _all(self, segment: TokenSegment, allowed: Allowed, doc_ids: DocIds) -> npt.NDArray[np.uint32]:
        """Every allowed local row of a segment."""
        if allowed.rows is not None:
            first, last = np.searchsorted(allowed.rows, (segment.first_row, segment.end_row))
            return (allowed.rows[first:last] - segment.first_row).astype(np.uint32)
        rows = np.arange(segment.rows, dtype=np.uint32)
        if allowed.bits is None:
            return rows
        return rows[in_bits(doc_ids[segment.first_row : segment.end_row], allowed.bits)]

    def _rough(self, segment: TokenSegment, rows: npt.NDArray[np.uint32], tiles: list[_Tile]) -> Scores:
        """The table scores: similarities up to one constant for the query."""
        from weft.engine.embedded.index.multivector.kernels.candidates import table_scores

        total = np.zeros(len(rows), np.float32)
        for tile in checked(tiles):
            sums = table_scores(rows, segment.row_starts, segment.row_centroids, tile.bytes)
            total += sums.astype(np.float32) * np.float32(tile.step)
        return total

    def _coded(self, tiles: list[_Tile], rows: RowNumbers) -> Scores:
        """``(n,) f32``: MaxSim on the reconstructed tokens."""
        from weft.engine.embedded.index.multivector.kernels.residuals import coded_scores

        book = self.book
        total = np.zeros(len(rows), np.float32)
        for segment in self.segments:
            whole = len(self.segments) == 1
            mine = None if whole else np.flatnonzero((rows >= segment.first_row) & (rows < segment.end_row))
            local = rows - segment.first_row if mine is None else rows[mine] - segment.first_row
            if not len(local):
                continue
            for t in checked(tiles):
                scores = coded_scores(
                    local, segment.starts, segment.centroids, segment.codes, segment.sizes, book.sizes,
                    t.packed, t.scales, t.sums, t.table, book.bits, t.tokens,
                )  # fmt: skip
                if mine is None:
                    total += scores
                else:
                    total[mine] += scores
        return total


def _ordered(rows: RowNumbers, scores: Scores) -> Shortlist:
    order = np.argsort(-scores, kind="stable")
    return Shortlist(rows[order], scores[order])
