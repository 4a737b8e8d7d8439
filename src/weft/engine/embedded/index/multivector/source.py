"""What the index reads: the token vectors as users gave them, in storage's file.

The index never writes here. ``TokenRows`` is taken whole once per operation, so that its parts belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.index.allow_list import AllowList

DocIds = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]


class TokenRows(Protocol):
    """Row i is ``tokens[offsets[i]:offsets[i + 1]]``; parts of one moment, never changed."""

    @property
    def generation(self) -> int:
        """Changes when rows are renumbered."""
        ...

    @property
    def doc_ids(self) -> DocIds:
        """``(rows,) u32``, ascending."""
        ...

    @property
    def offsets(self) -> Offsets:
        """``(rows + 1,) i64``."""
        ...

    @property
    def tokens(self) -> Vector:
        """``(tokens, d) f32``, mapped."""
        ...


class TokenSource(Protocol):
    """``storage.RaggedVectorFile``."""

    @property
    def dims(self) -> int | None: ...
    @property
    def rows(self) -> TokenRows: ...
    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Checked copies; raises CorruptData."""
        ...


def find_rows(doc_ids: DocIds, wanted: DocIds) -> Rows:
    """``(n,) i64``: the row of each wanted doc_id, -1 where there is none."""
    at = np.searchsorted(doc_ids, wanted).astype(np.int64)
    at[at == len(doc_ids)] = 0
    if len(doc_ids) == 0:
        return np.full(len(wanted), -1, np.int64)
    at[doc_ids[at] != wanted] = -1
    return at


def allowed_rows(doc_ids: DocIds, allow: AllowList) -> Rows:
    """``(n,) i64`` ascending: the rows whose doc_id is allowed; cost: the shorter of both lists."""
    if len(allow) * 16 < len(doc_ids):
        rows = find_rows(doc_ids, allow.ids)
        return rows[rows >= 0]
    return np.flatnonzero(with_bits(doc_ids, allow.bits)).astype(np.int64)


def with_bits(doc_ids: DocIds, bits: Bits) -> npt.NDArray[np.bool_]:
    """Which of ``doc_ids`` are in ``AllowList.bits``."""
    if not len(bits):
        return np.zeros(len(doc_ids), np.bool_)
    place = doc_ids >> 3
    inside = place < len(bits)
    return inside & ((bits[np.where(inside, place, 0)] >> (doc_ids & 7).astype(np.uint8)) & 1).astype(np.bool_)
