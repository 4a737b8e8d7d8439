"""The stored form of an object: a header, then its properties, encoded as in a reply.

Byte table, little endian:

    offset  size  what
         0     1  version (1; 2 if a classification has changed the object, for which there is no place in 1)
         1     1  flags: 1 = has blobs, 2 = has references, 4 = has a classification
         2     4  schema tag: CRC-32 of the names of the properties encoded in P, sorted, joined by a line feed
         6     8  creation time, ms since 1970
        14     8  update time, ms since 1970
        22     4  length of P
        26     4  length of B
        30    16  uuid
        46     P  weaviate.v1.Properties: every property but blobs and references, absent ones as null
      46+P     B  weaviate.v1.Properties: the blobs
    46+P+B   ...  JSON {property: [[collection, uuid in hex, figures], …]}: the references; figures only where a
                  classification has made them, and below the name "", which no property has, that of the object

A reply with all properties copies P as it is. If the collection has gained properties since the record was written (the
tag differs), their nulls are appended: repeated map entries of a message concatenate.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, overload

import orjson

from weft.domain.classification import Classified, LabelFigures
from weft.domain.errors import CorruptData
from weft.domain.objects import Object, Properties, Reference
from weft.domain.schema import BLOBS, CollectionConfig, DataType, Property
from weft.engine.encoding import decode_properties, encode_properties

_HEADER = struct.Struct("<BBIqqII16s")
_PLAIN_VERSION, _VERSION = 1, 2
_HAS_BLOBS = 1
_HAS_REFERENCES = 2
_HAS_CLASSIFICATION = 4
_OWN = ""
_CREATED = struct.Struct("<q")

TAG_AT: Final = 2
CREATED_AT: Final = 6
UPDATED_AT: Final = 14
SIZE_AT: Final = 22
UUID_AT: Final = 30
PROPERTIES_AT: Final = 46
"""Where a record has what: see the byte table."""
VERSIONS: Final = (_PLAIN_VERSION, _VERSION)


def plain_properties(config: CollectionConfig) -> tuple[Property, ...]:
    """Those that are in P."""
    return tuple(p for p in config.properties if p.data_type not in (*BLOBS, DataType.REFERENCE))


def schema_tag(plain: Iterable[Property]) -> int:
    """See the byte table."""
    return zlib.crc32("\n".join(sorted(p.name for p in plain)).encode())


class RecordCodec:
    """Encodes objects of one collection and opens their records."""

    def __init__(self, config: CollectionConfig) -> None:
        self._plain = plain_properties(config)
        self._blobs = tuple(p for p in config.properties if p.data_type in BLOBS)
        self._references = tuple(p.name for p in config.properties if p.data_type is DataType.REFERENCE)
        self._no_values: Mapping[str, object] = {p.name: None for p in self._plain}
        self.tag = schema_tag(self._plain)
        self._nulls: dict[int, bytes] = {}
        """The missing null entries, by the tag of older records."""

    def encode(self, obj: Object) -> bytes:
        values, encoded = obj.properties, obj.encoded
        if encoded is not None and encoded.schema == self.tag:  # of scalars only, and newly imported
            size = len(encoded.data)
            header = _HEADER.pack(_PLAIN_VERSION, 0, self.tag, obj.created_ms, obj.updated_ms, size, 0, obj.uuid)
            return header + encoded.data
        plain = encode_properties({**self._no_values, **self._only(values, self._plain)}, self._plain)
        blobs = b""
        flags = 0
        if self._blobs and (present := self._only(values, self._blobs)):
            blobs = encode_properties(present, self._blobs)
            flags |= _HAS_BLOBS
        tail: dict[str, object] = {
            name: [_pointer(one) for one in values[name]] for name in self._references if values.get(name) is not None
        }
        version = _PLAIN_VERSION
        if tail:
            flags |= _HAS_REFERENCES
        if obj.classified is not None:
            tail[_OWN] = obj.classified
            flags |= _HAS_CLASSIFICATION
            version = _VERSION
        header = _HEADER.pack(
            version, flags, self.tag, obj.created_ms, obj.updated_ms, len(plain), len(blobs), obj.uuid
        )
        return b"".join((header, plain, blobs, orjson.dumps(tail) if tail else b""))

    def open(self, raw: bytes) -> Record:
        return Record(raw, self)

    def open_all(self, raws: list[bytes]) -> Records:
        return Records(raws, self)

    def nulls_since(self, tag: int, encoded: bytes) -> bytes:
        """The null entries of the properties that ``encoded``, of a record with ``tag``, does not have.

        All records with the same tag have the same properties, so only the first of them is decoded.
        """
        nulls = self._nulls.get(tag)
        if nulls is None:
            known = decode_properties(encoded)
            missing = tuple(p for p in self._plain if p.name not in known)
            nulls = self._nulls[tag] = encode_properties({p.name: None for p in missing}, missing)
        return nulls

    @staticmethod
    def _only(values: Mapping[str, object], properties: tuple[Property, ...]) -> dict[str, object]:
        return {p.name: values[p.name] for p in properties if values.get(p.name) is not None}


class Records(Sequence["Record"]):
    """Stored objects, each of which is opened when it is asked for."""

    __slots__ = ("_codec", "raws")

    def __init__(self, raws: list[bytes], codec: RecordCodec) -> None:
        self.raws = raws
        """As they are stored, see the byte table."""
        self._codec = codec

    @property
    def tag(self) -> int:
        """The schema tag of those that have all properties of the collection."""
        return self._codec.tag

    def __len__(self) -> int:
        return len(self.raws)

    def __iter__(self) -> Iterator[Record]:
        codec = self._codec
        return (Record(raw, codec) for raw in self.raws)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> Records: ...
    def __getitem__(self, at: int | slice) -> Record | Records:
        return Records(self.raws[at], self._codec) if isinstance(at, slice) else Record(self.raws[at], self._codec)


class Record:
    """One stored object, decoded lazily."""

    __slots__ = ("_blob_size", "_codec", "_flags", "_plain_size", "_raw", "_tag", "created_ms", "updated_ms", "uuid")

    def __init__(self, raw: bytes, codec: RecordCodec) -> None:
        try:
            version, self._flags, self._tag, self.created_ms, self.updated_ms, plain, blobs, self.uuid = (
                _HEADER.unpack_from(raw)
            )
        except struct.error:
            raise CorruptData("a stored object is shorter than its header; restore it from a backup") from None
        if version not in VERSIONS:
            raise CorruptData(
                f"a stored object has record version {version}; this Weft reads versions up to {_VERSION}"
            )
        self._raw = raw
        self._codec = codec
        self._plain_size = plain
        self._blob_size = blobs

    @property
    def encoded_properties(self) -> bytes:
        start = _HEADER.size
        encoded = self._raw[start : start + self._plain_size]
        if self._tag == self._codec.tag:
            return encoded
        return encoded + self._codec.nulls_since(self._tag, encoded)

    @property
    def encoded_blobs(self) -> bytes:
        start = _HEADER.size + self._plain_size
        return self._raw[start : start + self._blob_size]

    @property
    def properties(self) -> Properties:
        """Every value that is not null, blobs and references included."""
        start = _HEADER.size
        decoded = decode_properties(self._raw[start : start + self._plain_size])
        values = {name: value for name, value in decoded.items() if value is not None}
        if self._flags & _HAS_BLOBS:
            values.update(decode_properties(self.encoded_blobs))
        values.update(self.references)
        return values

    @property
    def references(self) -> dict[str, list[Reference]]:
        if not self._flags & _HAS_REFERENCES:
            return {}
        return {
            name: [_reference(*pointer) for pointer in pointers]
            for name, pointers in self._tail().items()
            if name != _OWN
        }

    @property
    def classified(self) -> Classified | None:
        """The latest classification of the object."""
        if not self._flags & _HAS_CLASSIFICATION:
            return None
        own = self._tail()[_OWN]
        return Classified(
            own["id"], tuple(own["based_on"]), tuple(own["scope"]), tuple(own["fields"]), own["completed"]
        )

    def to_object(self) -> Object:
        """Without vectors."""
        return Object(self.uuid, self.properties, {}, self.created_ms, self.updated_ms, classified=self.classified)

    def _tail(self) -> dict[str, Any]:
        tail: dict[str, Any] = orjson.loads(self._raw[_HEADER.size + self._plain_size + self._blob_size :])
        return tail


def _pointer(reference: Reference) -> list[object]:
    pointer: list[object] = [reference.collection, reference.uuid.hex()]
    return pointer if reference.figures is None else [*pointer, reference.figures]


def _reference(collection: str, uuid: str, figures: LabelFigures | None = None) -> Reference:
    return Reference(collection, bytes.fromhex(uuid), figures=figures)


def with_created(record: bytes, created_ms: int) -> bytes:
    """The record with another creation time."""
    return record[:CREATED_AT] + _CREATED.pack(created_ms) + record[CREATED_AT + 8 :]


def created_of(record: bytes) -> int:
    created: int = _CREATED.unpack_from(record, CREATED_AT)[0]
    return created
