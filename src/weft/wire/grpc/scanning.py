"""Scan: the objects of a batch, from their bytes to tables of places, without a Python object for each field.

Compiled, and imported on first use only. It takes what clients usually send, and leaves everything else, and all that
is wrong with a message, to the message classes: it returns None for a field that it does not have here, one that comes
twice or in an unusual form, other properties than null, numbers, booleans, texts and arrays of texts, other vectors
than a single one, objects of several collections or tenants, or with different vectors, and more of them than a request
may hold.

    BatchObject   uuid 1 (36 characters), properties 3, collection 4, tenant 5, vector_bytes 6 or one of vectors 23
    Properties    non_ref_properties 1: Struct, its entries with key and value in this order; then
                  text_array_properties 6, their texts before their names
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.domain.batches import MOST_ITEMS
from weft.domain.sent_columns import Kinds, Places
from weft.wire.grpc import kernels

_MOST_PROPERTIES = 48
_LEAST_BYTES = 40
"""Of an object with a uuid and a collection: the tables are not made larger than a message justifies."""
_LEAST_CELL_BYTES = 4
"""Of a message, for each object and property: a batch whose objects lack most of them may have fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """``n`` objects with ``p`` properties. Places are in the bytes that were scanned."""

    collection: bytes
    tenant: bytes
    vector: bytes | None
    """Its name, which may be empty; None where no object has one."""
    names: list[bytes]
    uuid_starts: Places
    uuids: bytes
    """16 bytes each."""
    vectors: npt.NDArray[np.float32]
    """``(n, d)``, a copy; ``d`` is 0 where there are none."""
    kinds: Kinds
    """``(p, n)``."""
    starts: Places
    sizes: Places
    numbers: npt.NDArray[np.float64]
    """``(p, n)``."""


def scan(data: bytes, start: int, end: int) -> Scanned | None:
    """The objects in the bytes ``start`` to ``end`` of ``data``: those of field 1, the only one but for a varint 2."""
    raw = np.frombuffer(data, np.uint8)
    n = int(kernels.count(raw, start, end))
    if not 0 < n <= MOST_ITEMS or n * _LEAST_BYTES > end - start:
        return None
    most = min(_MOST_PROPERTIES, (end - start) // (n * _LEAST_CELL_BYTES))
    shared = np.zeros((kernels.NAMES + most, 2), np.int64)
    uuid_starts = np.empty(n, np.int64)
    uuids = np.empty((n, 16), np.uint8)
    vector_starts = np.empty(n, np.int64)
    kinds = np.zeros((most, n), np.uint8)
    starts = np.zeros((most, n), np.int64)
    sizes = np.zeros((most, n), np.int64)
    bits = np.zeros((most, n), np.uint64)
    found = kernels.scan(raw, start, end, shared, uuid_starts, uuids, vector_starts, kinds, starts, sizes, bits)
    properties = int(found)
    if properties < 0:
        return None
    has_vector, size = shared[kernels.SENT_VECTOR].tolist()
    vectors = np.empty((n, size), np.uint8)
    if has_vector:
        kernels.gather(raw, vector_starts, vectors)

    def text(row: int) -> bytes:
        at, length = shared[row].tolist()
        return data[at : at + length]

    return Scanned(
        text(kernels.COLLECTION),
        text(kernels.TENANT),
        text(kernels.VECTOR) if has_vector else None,
        [text(kernels.NAMES + i) for i in range(properties)],
        uuid_starts,
        uuids.tobytes(),
        vectors.view("<f4"),
        kinds[:properties],
        starts[:properties],
        sizes[:properties],
        bits[:properties].view(np.float64),
    )
