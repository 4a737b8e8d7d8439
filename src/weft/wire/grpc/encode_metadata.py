"""A hit's metadata → ``weaviate.v1.MetadataResult`` bytes, joined by hand because every hit of every reply needs it.

    id 1 · creation 3, 4 · update 5, 6 · distance 7, 8 · certainty 9, 10 · score 11, 12 · explain score 13, 14
    is_consistent 15, 18 · vector_bytes 19 · id_as_bytes 20 · rerank score 21, 22 · vectors 23

The second number of a pair is the flag that says "present", without which clients ignore the value.
"""

from __future__ import annotations

import struct

import numpy as np

from weft.domain.answer import Hit
from weft.domain.objects import Vector, format_uuid
from weft.domain.query import Returns
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.wire.grpc.wire_format import pack_f32, pack_f64, sized, varint

_CONSISTENT = b"\x78\x01\x90\x01\x01"


def encode_metadata(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    """What ``returns`` asks for and the hit has. A hit that no search has scored has score 0, with an empty account."""
    parts: list[bytes] = []
    append = parts.append
    record = hit.record
    if returns.uuid:
        append(_identity(record.uuid))
    if returns.distance and hit.distance is not None:
        append(b"\x3d" + pack_f32(hit.distance) + b"\x40\x01")
    if returns.certainty and hit.certainty is not None:
        append(b"\x4d" + pack_f32(hit.certainty) + b"\x50\x01")
    if returns.score:
        append(b"\x5d" + pack_f32(hit.score or 0.0) + b"\x60\x01")
    if returns.created:
        append(b"\x18" + varint(record.created_ms) + b"\x20\x01")
    if returns.updated:
        append(b"\x28" + varint(record.updated_ms) + b"\x30\x01")
    if returns.explain_score:
        append(b"\x6a" + sized((hit.explain or "").encode()) + b"\x70\x01")
    if returns.is_consistent:
        append(_CONSISTENT)
    if hit.rerank_score is not None:
        append(b"\xa9\x01" + pack_f64(hit.rerank_score) + b"\xb0\x01\x01")
    if hit.vectors and (returns.vector or returns.vectors):
        append(_vectors(hit, returns, config))
    return b"".join(parts)


def encode_group_metadata(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    """Of a hit within a group: uuid, distance and vectors only."""
    parts: list[bytes] = []
    if returns.uuid:
        parts.append(_identity(hit.record.uuid))
    if returns.distance and hit.distance is not None:
        parts.append(b"\x3d" + pack_f32(hit.distance) + b"\x40\x01")
    if hit.vectors and (returns.vector or returns.vectors):
        parts.append(_vectors(hit, returns, config))
    return b"".join(parts)


def encode_vector(name: str, vector: Vector) -> bytes:
    """A ``Vectors`` message: name 1, bytes 3, type 4 (1 single, 2 multi)."""
    return (
        b"\x0a"
        + sized(name.encode())
        + b"\x1a"
        + sized(vector_bytes(vector))
        + (b"\x20\x02" if vector.ndim == 2 else b"\x20\x01")
    )


def vector_bytes(vector: Vector) -> bytes:
    """float32 little endian; of a multi-vector after its dimensions as uint16."""
    data = vector.astype(np.dtype("<f4"), copy=False).tobytes()
    return struct.pack("<H", vector.shape[1]) + data if vector.ndim == 2 else data


def _identity(uuid: bytes) -> bytes:
    return b"\x0a\x24" + format_uuid(uuid).encode() + b"\xa2\x01\x10" + uuid


def _vectors(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    if not config.named_vectors:
        vector = hit.vectors.get(LEGACY_VECTOR)
        return b"" if vector is None else b"\x9a\x01" + sized(vector_bytes(vector))
    return b"".join(
        b"\xba\x01" + sized(encode_vector(name, vector))
        for name, vector in hit.vectors.items()
        if returns.vector or name in returns.vectors
    )
