"""TokenSegment: the codes of a run of rows, with the lists that find them; immutable.

Rows arrive in a ``TokenTail`` without lists, all of which are candidates of every query. A full tail becomes a segment
with lists; neighbouring segments of like size become one, so there are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from weft.engine.embedded.index.multivector.codebook import Codebook, Encoded

SLACK = 64
"""Readable bytes behind the codes; kernels load whole vectors."""

TAIL_ROWS = 4_096

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenSegment:
    """Rows of the source from ``first_row`` on; the local row i has the tokens ``starts[i]`` to ``starts[i + 1]``."""

    first_row: int
    starts: Numbers
    centroids: npt.NDArray[np.uint16]
    """``(T,)``: each token's."""
    codes: npt.NDArray[np.uint8]
    """``(T, D·bits/8)``, followed by ``SLACK`` readable bytes."""
    sizes: npt.NDArray[np.uint8]
    """``(T,)``."""
    row_starts: Numbers
    row_centroids: npt.NDArray[np.uint16]
    """Without repetition; in a tail the tokens' own."""
    list_starts: Numbers | None = None
    list_rows: npt.NDArray[np.uint32] | None = None
    """Local rows by centroid; None in a tail."""

    @property
    def rows(self) -> int:
        return len(self.starts) - 1

    @property
    def end_row(self) -> int:
        return self.first_row + self.rows

    @cached_property
    def list_bytes(self) -> int:
        if self.list_starts is None or self.list_rows is None:
            return 0
        arrays = (self.row_starts, self.row_centroids, self.list_starts, self.list_rows)
        return int(sum(a.nbytes for a in arrays))

    @cached_property
    def code_bytes(self) -> int:
        return int(sum(a.nbytes for a in (self.starts, self.centroids, self.codes, self.sizes)))


def listed(
    book: Codebook, first_row: int, starts: Numbers, encoded: Encoded, dead: npt.NDArray[np.bool_] | None = None
) -> TokenSegment:
    """A segment with lists; rows marked in ``dead (rows,)`` get none."""
    from weft.engine.embedded.index.multivector.kernels.lists import centroid_rows, row_centroids

    count = len(book.centroids)
    if dead is None:
        dead = np.zeros(len(starts) - 1, np.bool_)
    row_starts, own = row_centroids(encoded.centroids, starts, count)
    list_starts, list_rows = centroid_rows(own, row_starts, count, dead)
    return TokenSegment(
        first_row, starts, encoded.centroids, encoded.codes, encoded.sizes, row_starts, own, list_starts, list_rows
    )


def joined(book: Codebook, parts: Sequence[TokenSegment], dead: npt.NDArray[np.bool_] | None = None) -> TokenSegment:
    """One segment of neighbouring ones, in order; rows marked in ``dead (rows,)`` get no lists."""
    shifts = np.cumsum([0] + [int(p.starts[-1]) for p in parts])
    starts = np.concatenate([parts[0].starts[:1], *(p.starts[1:] + s for p, s in zip(parts, shifts, strict=False))])
    encoded = Encoded(
        np.concatenate([p.centroids for p in parts]),
        padded(*(p.codes for p in parts)),
        np.concatenate([p.sizes for p in parts]),
        0.0,
    )
    return listed(book, parts[0].first_row, starts, encoded, dead)


def padded(*parts: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``(n, w)``: the rows of all parts ``(·, w)`` in one array with ``SLACK`` readable bytes behind it."""
    count, width = sum(len(p) for p in parts), parts[0].shape[1]
    room = np.empty(count * width + SLACK, np.uint8)
    whole = room[: count * width].reshape(count, width)
    np.concatenate(parts, out=whole)
    room[count * width :] = 0
    return whole


class TokenTail:
    """Rows behind the last segment with lists; one writer appends, readers hold segments that it cut."""

    def __init__(self, first_row: int, code_width: int) -> None:
        self.first_row = first_row
        self.rows = 0
        self.tokens = 0
        self._starts = np.zeros(256, np.int64)
        self._centroids = np.empty(4096, np.uint16)
        self._sizes = np.empty(4096, np.uint8)
        self._codes = np.zeros((4096 + SLACK, code_width), np.uint8)

    def append(self, lengths: Numbers, encoded: Encoded) -> None:
        """Rows of ``lengths`` tokens each."""
        rows, tokens = self.rows + len(lengths), self.tokens + len(encoded.centroids)
        self._starts = _room(self._starts, self.rows + 1, rows + 1)
        self._centroids = _room(self._centroids, self.tokens, tokens)
        self._sizes = _room(self._sizes, self.tokens, tokens)
        self._codes = _room(self._codes, self.tokens, tokens + SLACK)
        self._starts[self.rows + 1 : rows + 1] = self.tokens + np.cumsum(lengths)
        self._centroids[self.tokens : tokens] = encoded.centroids
        self._sizes[self.tokens : tokens] = encoded.sizes
        self._codes[self.tokens : tokens] = encoded.codes
        self.rows, self.tokens = rows, tokens

    def segment(self) -> TokenSegment:
        """The rows appended so far; later ones are stored after them."""
        starts, centroids = self._starts[: self.rows + 1], self._centroids[: self.tokens]
        return TokenSegment(
            self.first_row, starts, centroids, self._codes[: self.tokens], self._sizes[: self.tokens], starts, centroids
        )


def _room(array: npt.NDArray[np.generic], used: int, needed: int):  # type: ignore[no-untyped-def]
    """``array``, or a copy of at least twice the size if ``needed`` more rows do not fit."""
    if needed <= len(array):
        return array
    larger = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[:used] = array[:used]
    return larger
