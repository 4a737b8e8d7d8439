"""Insertion: vectors that stored objects get later are written into a vector file, between those that are there.

Rows ascend by doc_id, so a vector of an older object cannot be appended. Such vectors are *staged* in a file of their
own, whose name no user can give, in order of doc_id and durably batch by batch. Then both files are merged into a new
one by a ``Rewrite``, which takes the place of the old one, and of the staged rows, in one LMDB transaction.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pyroaring import BitMap

from weft.domain.errors import Invalid
from weft.engine.embedded.storage.append_file import AppendFile
from weft.engine.embedded.storage.compaction import Check, Rewrite
from weft.engine.embedded.storage.rows import set_of
from weft.engine.embedded.storage.vector_file import FLOAT32, StoredVectors

_STAGED: Final = "+"
_STEP_BYTES: Final = 1 << 23


def staged_name(name: str) -> str:
    """Of the file in which vectors of ``name`` wait."""
    return name + _STAGED


def base_name(name: str) -> str:
    """Of the file itself, where ``name`` may be that of what waits for it."""
    return name.removesuffix(_STAGED)


def is_staged(name: str) -> bool:
    return name.endswith(_STAGED)


class Insertion(Rewrite):
    """Of ``staged`` into ``source``; where both have a row of an object, that of ``source`` is kept."""

    def __init__(self, source: StoredVectors, staged: StoredVectors, file: AppendFile, generation: int) -> None:
        super().__init__(source, file, generation)
        self.consumed = staged
        self._staged = staged
        self._merged = False

    @property
    def dims(self) -> int | None:
        return self.source.dims or self._staged.dims

    def _copy(self, kept: BitMap, end: int, check: Check) -> None:
        self._check_dims()
        if not self._merged:
            self._merge(kept, end, check)
            self._merged = True
        super()._copy(kept, end, check)

    def _merge(self, kept: BitMap, end: int, check: Check) -> None:
        rows, staged = self.source.rows, self._staged.rows
        self._done = int(np.searchsorted(rows.doc_ids, end))
        own = set_of(rows.doc_ids[: self._done]) & kept
        doc_ids = np.asarray((own | (set_of(staged.doc_ids) & kept)).to_array(), np.uint32)
        mean_bytes = max(1, (rows.size_bytes + staged.size_bytes) // max(1, len(rows) + len(staged)))
        step = max(1, _STEP_BYTES // mean_bytes)
        for start in range(0, len(doc_ids), step):
            check()
            some = doc_ids[start : start + step].tolist()
            pairs = zip(self.source.get(some), self._staged.get(some), strict=True)
            vectors = [own_one if own_one is not None else other for own_one, other in pairs]
            present = [one for one in vectors if one is not None]
            assert len(present) == len(some), "each has a row in one of the files"
            flat = np.ascontiguousarray(np.concatenate(present, axis=0), FLOAT32)
            counts = np.asarray([len(one) for one in present], np.int64) if self.source.multi else None
            self.rows = self.table.stage(self.rows, some, counts)
            self.file.publish(self.file.stage(flat.data.cast("B")))

    def _check_dims(self) -> None:
        """Raises Invalid where objects have got vectors of other dimensions meanwhile."""
        there, brought = self.source.dims, self._staged.dims
        if there is not None and there != brought:
            raise Invalid(
                f"vector {self.source.name!r} has {brought} dimensions where it was filled, and objects with {there} "
                "were stored meanwhile; send vectors of the same model, and fill it again",
                vector=self.source.name,
                expected_dims=there,
                got_dims=brought,
            )
