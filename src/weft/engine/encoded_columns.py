"""EncodedColumn: the checked values of one property of many objects, as ``encoding_columns`` encodes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from weft.domain.schema import Property
from weft.domain.sent_columns import Kinds, Places

MISSING: Final = 0
"""A cell without a value, which becomes null."""
BYTES: Final = 1
"""A text, a date, a uuid or a list (see ``text_list``): a length and bytes."""
FIXED: Final = 2
"""Eight bytes of a number."""
VARINT: Final = 3
"""A whole number or a boolean."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedColumn:
    """One property of ``n`` objects. ``forms (n,)``: of each cell; ``starts``, ``sizes``: of its bytes in ``data``;
    ``bits``: of its number."""

    property: Property
    forms: Kinds
    data: bytes
    starts: Places
    sizes: Places
    bits: npt.NDArray[np.uint64]


def varint(value: int) -> bytes:
    """As protobuf has it."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text_list(values: bytes) -> bytes:
    """The ``weaviate.v1.ListValue`` of the ``TextValues`` message ``values``."""
    return b"\x42" + varint(len(values)) + values
