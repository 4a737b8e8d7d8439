"""IndexLabels: the object that each label of a built part stands for, and the print of its vector.

An update takes a new doc_id and kills the old one. When it repeats the vector, the label of the old one is free and has
the right place already, so the new object takes it: nothing is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xxhash
from pyroaring import BitMap

from weft.engine.embedded.index.vector.codes import chunks
from weft.engine.embedded.storage.rows import RowNumbers
from weft.engine.results import DocIds

Prints = npt.NDArray[np.uint64]
"""``(n, 2)``: the xxh3-128 of each vector's bytes; zeros where it is not known."""

LabelNumbers = npt.NDArray[np.int64]
"""``(n,)``: places in a FAISS index or in codes."""

_UNKNOWN = bytes(16)


@dataclass(frozen=True, slots=True)
class IndexLabels:
    doc_ids: DocIds
    """``(n,)``, in any order."""
    prints: Prints

    def __len__(self) -> int:
        return len(self.doc_ids)

    def free(self, live: BitMap) -> LabelNumbers:
        """Those whose object is not in ``live``."""
        return np.flatnonzero(~flags(self.doc_ids, live))

    def reused(self, free: LabelNumbers, prints: Prints) -> LabelNumbers:
        """``(m,)``: for each of ``prints (m, 2)`` another one of the ``free`` labels that has it; -1 where none has."""
        found = np.full(len(prints), -1, np.int64)
        known: dict[bytes, list[int]] = {}
        for label, key in zip(free.tolist(), _keys(self.prints[free]), strict=True):
            known.setdefault(key, []).append(label)
        known.pop(_UNKNOWN, None)
        for i, key in enumerate(_keys(prints) if known else []):
            waiting = known.get(key)
            if waiting:
                found[i] = waiting.pop()
        return found


NO_LABELS = IndexLabels(np.zeros(0, np.uint32), np.zeros((0, 2), np.uint64))


def prints_of(vectors: npt.NDArray[np.float32], rows: RowNumbers, check: Callable[[], None] = lambda: None) -> Prints:
    """Of the ``rows (m,)`` of ``vectors (n, d)``; ``check`` is called now and then, and may raise."""
    digests = []
    for chunk in chunks(vectors, rows):
        check()
        width = chunk.shape[1] * chunk.itemsize
        data = np.ascontiguousarray(chunk).data.cast("B")
        digests += [xxhash.xxh3_128_digest(data[at : at + width]) for at in range(0, len(data), width)]
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2)


def flags(doc_ids: DocIds, objects: BitMap) -> npt.NDArray[np.bool_]:
    """``(n,)``: whether each of ``doc_ids (n,)`` is one of ``objects``."""
    if not len(doc_ids):
        return np.zeros(0, np.bool_)
    inside = np.zeros(int(doc_ids.max()) + 1, np.bool_)
    ids = np.asarray(objects.to_array(), np.uint32) if objects else np.zeros(0, np.uint32)
    inside[ids[: np.searchsorted(ids, len(inside))]] = True
    found: npt.NDArray[np.bool_] = inside[doc_ids]
    return found


def _keys(prints: Prints) -> list[bytes]:
    data = np.ascontiguousarray(prints, "<u8").tobytes()
    return [data[at : at + 16] for at in range(0, len(data), 16)]
