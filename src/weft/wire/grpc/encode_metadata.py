"""A hit's metadata → ``weaviate.v1.MetadataResult`` bytes, joined by hand because every hit of every reply needs it.

A value that may be absent comes with a flag that says "present", without which clients ignore it.
"""

from __future__ import annotations

import struct

import numpy as np

from weft.domain.answer import Hit
from weft.domain.objects import Vector, format_uuid
from weft.domain.query import Returns
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.protocol import base, search_get
from weft.wire.grpc.wire_format import TRUE, pack_f32, pack_f64, sized, tag_of, varint


def _tag(field: str) -> bytes:
    return tag_of(search_get.MetadataResult, field)


def _present(field: str) -> bytes:
    return _tag(f"{field}_present") + TRUE


_ID_OF_36, _ID_AS_16_BYTES = _tag("id") + varint(36), _tag("id_as_bytes") + varint(16)
_DISTANCE, _DISTANCE_PRESENT = _tag("distance"), _present("distance")
_CERTAINTY, _CERTAINTY_PRESENT = _tag("certainty"), _present("certainty")
_SCORE, _SCORE_PRESENT = _tag("score"), _present("score")
_CREATED, _CREATED_PRESENT = _tag("creation_time_unix"), _present("creation_time_unix")
_UPDATED, _UPDATED_PRESENT = _tag("last_update_time_unix"), _present("last_update_time_unix")
_EXPLAIN, _EXPLAIN_PRESENT = _tag("explain_score"), _present("explain_score")
_CONSISTENT = _tag("is_consistent") + TRUE + _present("is_consistent")
_RERANK, _RERANK_PRESENT = _tag("rerank_score"), _present("rerank_score")
_VECTOR_BYTES, _VECTORS = _tag("vector_bytes"), _tag("vectors")
_VECTOR = varint(search_get.MetadataResult.DESCRIPTOR.fields_by_name["vector"].number << 3 | 2)
"""Its numbers are packed: they stand after their length in bytes."""
_VECTOR_NAME, _VECTOR_DATA = tag_of(base.Vectors, "name"), tag_of(base.Vectors, "vector_bytes")
_SINGLE = tag_of(base.Vectors, "type") + varint(base.Vectors.VECTOR_TYPE_SINGLE_FP32)
_MULTI = tag_of(base.Vectors, "type") + varint(base.Vectors.VECTOR_TYPE_MULTI_FP32)


def encode_metadata(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    """What ``returns`` asks for and the hit has. A hit that no search has scored has score 0, with an empty account."""
    parts: list[bytes] = []
    append = parts.append
    record = hit.record
    if returns.uuid:
        append(_identity(record.uuid))
    if returns.distance and hit.distance is not None:
        append(_DISTANCE + pack_f32(hit.distance) + _DISTANCE_PRESENT)
    if returns.certainty and hit.certainty is not None:
        append(_CERTAINTY + pack_f32(hit.certainty) + _CERTAINTY_PRESENT)
    if returns.score:
        append(_SCORE + pack_f32(hit.score or 0.0) + _SCORE_PRESENT)
    if returns.created:
        append(_CREATED + varint(record.created_ms) + _CREATED_PRESENT)
    if returns.updated:
        append(_UPDATED + varint(record.updated_ms) + _UPDATED_PRESENT)
    if returns.explain_score:
        append(_EXPLAIN + sized((hit.explain or "").encode()) + _EXPLAIN_PRESENT)
    if returns.is_consistent:
        append(_CONSISTENT)
    if hit.rerank_score is not None:
        append(_RERANK + pack_f64(hit.rerank_score) + _RERANK_PRESENT)
    if hit.vectors and (returns.vector or returns.vectors):
        append(_vectors(hit, returns, config))
    return b"".join(parts)


def encode_group_metadata(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    """Of a hit within a group: uuid, distance and vectors only."""
    parts: list[bytes] = []
    if returns.uuid:
        parts.append(_identity(hit.record.uuid))
    if returns.distance and hit.distance is not None:
        parts.append(_DISTANCE + pack_f32(hit.distance) + _DISTANCE_PRESENT)
    if hit.vectors and (returns.vector or returns.vectors):
        parts.append(_vectors(hit, returns, config))
    return b"".join(parts)


def encode_vector(name: str, vector: Vector) -> bytes:
    """A ``Vectors`` message of ``vector``, ``(d,)`` or ``(T, d)``."""
    return (
        _VECTOR_NAME
        + sized(name.encode())
        + _VECTOR_DATA
        + sized(vector_bytes(vector))
        + (_MULTI if vector.ndim == 2 else _SINGLE)
    )


def vector_bytes(vector: Vector) -> bytes:
    """float32 little endian; of a multi-vector after its dimensions as uint16."""
    data = vector.astype(np.dtype("<f4"), copy=False).tobytes()
    return struct.pack("<H", vector.shape[1]) + data if vector.ndim == 2 else data


def _identity(uuid: bytes) -> bytes:
    return _ID_OF_36 + format_uuid(uuid).encode() + _ID_AS_16_BYTES + uuid


def _vectors(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    unnamed = hit.vectors.get(LEGACY_VECTOR) if config.unnamed_vector else None
    parts = []
    if unnamed is not None:  # older clients read the list of floats, which has the same bytes
        data = sized(vector_bytes(unnamed))
        parts = [_VECTOR + data, _VECTOR_BYTES + data]
    parts += [
        _VECTORS + sized(encode_vector(name, hit.vectors[name]))
        for name in config.named_vectors
        if name in hit.vectors and (returns.vector or name in returns.vectors)
    ]
    return b"".join(parts)
