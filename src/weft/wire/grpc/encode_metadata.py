"""The metadata of hits → ``weaviate.v1.MetadataResult`` bytes, joined by hand, for every hit of every reply needs it.

The hits of a reply ask for the same: each field is encoded for all of them at once. A value that may be absent comes
with a flag that says "present", without which clients ignore it.
"""

from __future__ import annotations

import struct
from binascii import hexlify
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from weft.domain.answer import Hit
from weft.domain.objects import Vector
from weft.domain.query import Returns
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.protocol import base, search_get
from weft.wire.grpc.wire_format import TRUE, numbers_after, sized, tag_of, varint


def _tag(field: str) -> bytes:
    return tag_of(search_get.MetadataResult, field)


def present(field: str) -> bytes:
    """That ``field`` is present, and its tag."""
    return _tag(f"{field}_present") + TRUE + _tag(field)


ID, ID_BYTES = _tag("id") + varint(36), _tag("id_as_bytes") + varint(16)
_HEX: Final = struct.Struct("8s4s4s4s12s").iter_unpack
_IDENTITY: Final = struct.Struct(f"{len(ID)}s8sc4sc4sc4sc12s{len(ID_BYTES)}s16s").pack
_distances, _certainties, _scores = (numbers_after(present(field), "f") for field in ("distance", "certainty", "score"))
_CREATED, _UPDATED, _EXPLAIN = map(present, ("creation_time_unix", "last_update_time_unix", "explain_score"))
CONSISTENT = present("is_consistent") + TRUE
_reranked = numbers_after(present("rerank_score"), "d")
_VECTOR_BYTES, _VECTORS = _tag("vector_bytes"), _tag("vectors")
_VECTOR = varint(search_get.MetadataResult.DESCRIPTOR.fields_by_name["vector"].number << 3 | 2)
"""Its numbers are packed: they stand after their length in bytes."""
_VECTOR_NAME, _VECTOR_DATA = tag_of(base.Vectors, "name"), tag_of(base.Vectors, "vector_bytes")
_SINGLE = tag_of(base.Vectors, "type") + varint(base.Vectors.VECTOR_TYPE_SINGLE_FP32)
_MULTI = tag_of(base.Vectors, "type") + varint(base.Vectors.VECTOR_TYPE_MULTI_FP32)


def encode_metadata(hits: Sequence[Hit], returns: Returns, config: CollectionConfig) -> list[bytes]:
    """Of each hit, what ``returns`` asks for and the hit has. One that no search has scored has score 0."""
    return _rows(hits, _fields(hits, returns, config))


def encode_group_metadata(hits: Sequence[Hit], returns: Returns, config: CollectionConfig) -> list[bytes]:
    """Of hits within a group: uuid, distance and vectors only."""
    return _rows(hits, _group_fields(hits, returns, config))


def _rows(hits: Sequence[Hit], fields: Iterable[Iterable[bytes]]) -> list[bytes]:
    """Of each hit its fields, which come field by field."""
    rows = list(map(b"".join, zip(*fields, strict=True)))
    return rows or [b""] * len(hits)


def _fields(hits: Sequence[Hit], returns: Returns, config: CollectionConfig) -> Iterator[Iterable[bytes]]:
    if returns.uuid:
        yield _identities(hits)
    if returns.distance:
        yield from _known(_distances, [hit.distance for hit in hits])
    if returns.certainty:
        yield from _known(_certainties, [hit.certainty for hit in hits])
    if returns.score:
        yield _scores([hit.score or 0.0 for hit in hits])
    if returns.created:
        yield [_CREATED + varint(hit.record.created_ms) for hit in hits]
    if returns.updated:
        yield [_UPDATED + varint(hit.record.updated_ms) for hit in hits]
    if returns.explain_score:
        yield [_EXPLAIN + sized((hit.explain or "").encode()) for hit in hits]
    if returns.is_consistent:
        yield [CONSISTENT] * len(hits)
    yield from _known(_reranked, [hit.rerank_score for hit in hits])
    if returns.vector or returns.vectors:
        yield [_vectors(hit, returns, config) for hit in hits]


def _group_fields(hits: Sequence[Hit], returns: Returns, config: CollectionConfig) -> Iterator[Iterable[bytes]]:
    if returns.uuid:
        yield _identities(hits)
    if returns.distance:
        yield from _known(_distances, [hit.distance for hit in hits])
    if returns.vector or returns.vectors:
        yield [_vectors(hit, returns, config) for hit in hits]


def _identities(hits: Sequence[Hit]) -> list[bytes]:
    """The uuids, as text and as they are."""
    uuids = [hit.record.uuid for hit in hits]
    return [
        _IDENTITY(ID, a, b"-", b, b"-", c, b"-", d, b"-", e, ID_BYTES, uuid)
        for (a, b, c, d, e), uuid in zip(_HEX(hexlify(b"".join(uuids))), uuids, strict=True)
    ]


def _known(
    encode: Callable[[Sequence[float]], list[bytes]], values: Sequence[float | None]
) -> Iterator[Iterable[bytes]]:
    """Nothing of a value that is absent; no field if all are."""
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        yield encode(known)
    elif known:
        following = iter(encode(known))
        yield [b"" if value is None else next(following) for value in values]


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
