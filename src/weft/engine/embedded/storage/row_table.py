"""RowTable: the object of each row of a vector file, and the number of token vectors of each ragged row.

In memory: ``doc_ids (rows,) u32`` ascending and, for ragged files, ``offsets (rows + 1,) i64``. In LMDB, blocks of
BLOCK_ROWS rows, so that a commit rewrites one small block and adds the new ones:

    size   content (little-endian)
    4·n    doc_ids of the block's n rows, u32
    4·n    ragged files only: token vectors of each row, u32

A block stays below half a page (2 KiB); from that size on, LMDB stores a value in separate pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from weft.engine.embedded.storage.rows import Offsets
from weft.engine.results import DocIds

BLOCK_ROWS = 240
_FIRST_CAPACITY = 64

Integers = Sequence[int] | npt.NDArray[np.integer]


class RowTable:
    """Only the writer sees rows beyond the published number; readers get views that end before them."""

    def __init__(self, *, ragged: bool) -> None:
        self._ragged = ragged
        self._doc_ids = np.empty(_FIRST_CAPACITY, np.uint32)
        self._offsets = np.zeros(_FIRST_CAPACITY + 1, np.int64)

    def load(self, blocks: Sequence[bytes], rows: int) -> bool:
        """Loads the stored blocks; False if they do not hold exactly ``rows`` ascending rows."""
        doc_ids: list[DocIds] = []
        counts: list[DocIds] = []
        for block in blocks:
            numbers = np.frombuffer(block, "<u4")
            size = len(numbers) // 2 if self._ragged else len(numbers)
            doc_ids.append(numbers[:size])
            counts.append(numbers[size:])
        if not blocks:
            return rows == 0
        ids = np.concatenate(doc_ids)
        if len(ids) != rows or bool(np.any(ids[1:] <= ids[:-1])):
            return False
        self._reserve(rows)
        self._doc_ids[:rows] = ids
        if self._ragged:
            np.cumsum(np.concatenate(counts), dtype=np.int64, out=self._offsets[1 : rows + 1])
        return True

    def stage(self, rows: int, doc_ids: Integers, counts: Integers | None) -> int:
        """Writes rows after the first ``rows``; returns the new number of rows."""
        total = rows + len(doc_ids)
        self._reserve(total)
        self._doc_ids[rows:total] = doc_ids
        if counts is not None:
            self._offsets[rows + 1 : total + 1] = self._offsets[rows] + np.cumsum(counts, dtype=np.int64)
        return total

    def doc_ids(self, rows: int) -> DocIds:
        """``(rows,)``, read-only."""
        view = self._doc_ids[:rows]
        view.flags.writeable = False
        return view

    def offsets(self, rows: int) -> Offsets:
        """``(rows + 1,)``, read-only."""
        view = self._offsets[: rows + 1]
        view.flags.writeable = False
        return view

    def blocks(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """``(block number, payload)`` of each block that holds a row from ``start`` to ``stop``, the table's end."""
        for block in range(start // BLOCK_ROWS, -(-stop // BLOCK_ROWS)):
            first, last = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, stop)
            payload = self._doc_ids[first:last].astype("<u4").tobytes()
            if self._ragged:
                payload += np.diff(self._offsets[first : last + 1]).astype("<u4").tobytes()
            yield block, payload

    def _reserve(self, rows: int) -> None:
        """Makes room for ``rows`` in new arrays; readers keep the old ones."""
        if rows <= len(self._doc_ids):
            return
        capacity = max(rows, 2 * len(self._doc_ids))
        doc_ids = np.empty(capacity, np.uint32)
        doc_ids[: len(self._doc_ids)] = self._doc_ids
        self._doc_ids = doc_ids
        if self._ragged:
            offsets = np.zeros(capacity + 1, np.int64)
            offsets[: len(self._offsets)] = self._offsets
            self._offsets = offsets
