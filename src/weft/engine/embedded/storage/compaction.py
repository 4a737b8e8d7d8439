"""Compaction of a vector file: the rows that are kept are copied to a new file, which then replaces it.

``Rewrite`` copies on any thread, concurrently with the writer. On the writing thread the rows added since are copied,
too, and ``VectorFolder.switch`` commits the new file in one LMDB transaction. Until then the old file is the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.engine.embedded.storage.append_file import AppendFile
from weft.engine.embedded.storage.row_table import RowTable
from weft.engine.embedded.storage.rows import Offsets, RowNumbers, TokenRows
from weft.engine.embedded.storage.vector_file import FLOAT32, StoredVectors
from weft.engine.results import DocIds

_STEP_BYTES = 1 << 23

Check: TypeAlias = Callable[[], None]
"""Called between two short pieces of work; raises where the work is no longer wanted."""


class Rewrite:
    """Rows of ``source`` in the new file ``file``; those that are no longer kept after they were copied stay in it."""

    def __init__(self, source: StoredVectors, file: AppendFile, generation: int) -> None:
        self.source = source
        self.file = file
        self.generation = generation
        self.table = RowTable(ragged=source.multi)
        self.rows = 0
        self.consumed: StoredVectors | None = None
        """Another file whose rows are in this one, and which goes when it takes its place."""
        self._done = 0

    @property
    def dims(self) -> int | None:
        return self.source.dims

    def copy(self, kept: BitMap, end: int, check: Check = lambda: None) -> None:
        """Copies the rows of the objects ``kept`` that are not copied yet; those from doc_id ``end`` on wait.

        Raises CorruptData when they are damaged, StorageFull, and what ``check`` raises between two pieces; the copy is
        then discarded.
        """
        try:
            self._copy(kept, end, check)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Removes the copy."""
        self.file.remove()

    def _copy(self, kept: BitMap, end: int, check: Check) -> None:
        while not self.source.verify_some(_STEP_BYTES):
            check()
        rows = self.source.rows
        stop = int(np.searchsorted(rows.doc_ids, end))
        fresh = np.arange(self._done, stop)
        wanted = fresh[np.isin(rows.doc_ids[fresh], np.asarray(kept.to_array(), np.uint32))]
        tokens = rows.tokens if isinstance(rows, TokenRows) else rows.vectors
        offsets = rows.offsets if isinstance(rows, TokenRows) else np.arange(len(rows) + 1)
        for step in _steps(wanted, offsets, _STEP_BYTES // (FLOAT32.itemsize * max(1, tokens.shape[1]))):
            check()
            self._append(step, rows.doc_ids, offsets, tokens)
        self._done = stop

    def _append(self, rows: RowNumbers, doc_ids: DocIds, offsets: Offsets, tokens: Vector) -> None:
        counts = offsets[rows + 1] - offsets[rows]
        starts = np.repeat(offsets[rows] - np.cumsum(counts) + counts, counts)
        flat = np.ascontiguousarray(tokens[starts + np.arange(len(starts))], FLOAT32)
        self.rows = self.table.stage(self.rows, doc_ids[rows], counts if self.source.multi else None)
        self.file.publish(self.file.stage(flat.data.cast("B")))


def _steps(rows: RowNumbers, offsets: Offsets, tokens: int) -> list[RowNumbers]:
    """``rows`` cut into runs of about ``tokens`` token vectors, at least one row each."""
    if not len(rows):
        return []
    position = np.cumsum(offsets[rows + 1] - offsets[rows])
    return np.split(rows, np.flatnonzero(np.diff(position // max(1, tokens))) + 1)
