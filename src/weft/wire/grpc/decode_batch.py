"""``weaviate.v1.BatchObject`` → ``IncomingObject``; ``BatchReference`` → ``IncomingReference``.

An error in one object does not affect the others. Numbers outside arrays are sent as doubles, also those of int
properties; the service converts them according to the schema.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from google.protobuf import struct_pb2

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import IncomingObject, IncomingReference, Properties, Reference, Value, Vector, parse_uuid
from weft.domain.schema import LEGACY_VECTOR
from weft.domain.unread_object import UnreadObject
from weft.protocol import base
from weft.protocol import batch as batch_messages
from weft.wire.grpc.decode_vectors import listed_vector, single_vector, vector_of
from weft.wire.grpc.message_size import OBJECTS, REFERENCES, check_batch
from weft.wire.grpc.messages import parse

_SCANNED_BYTES = 1 << 14
"""From this size on a batch is scanned first; smaller ones gain nothing by it."""

_DATA, _OBJECTS = 0x12, 0x0A
"""The tags of a stream's data, and of the objects in it."""
_LENGTH_BYTES = 5

_BEACON = "weaviate://localhost/"


@dataclass(slots=True)
class DecodedBatch:
    """The decoded objects with their positions in the request, and the errors of the others by position."""

    objects: list[IncomingObject] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    errors: dict[int, WeftError] = field(default_factory=dict)
    messages: dict[int, batch_messages.BatchObject] = field(default_factory=dict)
    """Those that have an error."""

    def unread(self) -> list[tuple[UnreadObject, WeftError]]:
        """The objects that could not be decoded, each with its error."""
        return [(_unread(self.messages[place]), error) for place, error in self.errors.items()]

    def with_results(self, results: Sequence[WeftError | None]) -> dict[int, WeftError]:
        """All errors by place, in order of place; ``results`` has one entry for each of ``objects``."""
        pairs = zip(self.places, results, strict=True)
        errors = self.errors | {place: result for place, result in pairs if result is not None}
        return dict(sorted(errors.items()))


def decode_batch(data: bytes) -> DecodedBatch:
    """The objects of a ``BatchObjectsRequest``. Raises Invalid for anything else, TooLarge for too many."""
    found = _scanned(data, 0, len(data))
    if found is not None:
        return found
    check_batch(OBJECTS, data, "objects")
    return decode_objects(parse(batch_messages.BatchObjectsRequest, data).objects)


def decode_stream_data(data: bytes) -> DecodedBatch | None:
    """The objects of a ``BatchStreamRequest`` that holds data without references; None for any other message, and where
    the message classes have to read them."""
    start = _inside(data, _inside(data, 0, _DATA), _OBJECTS)
    return None if start is None else _scanned(data, start, len(data))


def _scanned(data: bytes, start: int, end: int) -> DecodedBatch | None:
    if end - start < _SCANNED_BYTES:
        return None
    from weft.wire.grpc.decode_columns import decode_columns  # compiled

    found = decode_columns(data, start, end)
    return None if found is None else DecodedBatch(found, list(range(len(found))))


def _inside(data: bytes, at: int | None, tag: int) -> int | None:
    """Where the field that begins at ``at`` and ends with the ``data`` has its bytes; None if it is another."""
    if at is None or at >= len(data) or data[at] != tag:
        return None
    size, shift, at = 0, 0, at + 1
    for byte in data[at : at + _LENGTH_BYTES]:
        size |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return at if at + size == len(data) else None
    return None


def decode_references(data: bytes) -> list[IncomingReference]:
    """Those of a ``BatchReferencesRequest``. Raises Invalid for anything else, TooLarge for too many."""
    check_batch(REFERENCES, data, "references")
    return [decode_reference(message) for message in parse(batch_messages.BatchReferencesRequest, data).references]


def decode_objects(messages: Iterable[batch_messages.BatchObject]) -> DecodedBatch:
    """Objects that are refused for the same reason share one error."""
    batch = DecodedBatch()
    known: dict[str, WeftError] = {}
    for place, message in enumerate(messages):
        try:
            batch.objects.append(decode_object(message))
            batch.places.append(place)
        except WeftError as error:
            # Without its traceback, which would keep all that was decoded.
            batch.errors[place] = known.setdefault(error.message, error.with_traceback(None))
            batch.messages[place] = message
    return batch


def decode_object(message: batch_messages.BatchObject) -> IncomingObject:
    """Raises Invalid for a bad uuid, vector or reference."""
    parse_uuid(message.uuid)
    properties: Properties = {}
    if message.HasField("properties"):
        sent = message.properties
        properties = _values(sent)
        _references(sent, properties)
    return IncomingObject(
        collection=message.collection,
        uuid=message.uuid,
        properties=properties,
        vectors=_vectors(message),
        tenant=message.tenant or None,
    )


def _unread(message: batch_messages.BatchObject) -> UnreadObject:
    """Without references and vectors, which may be what is wrong."""
    try:
        properties = _values(message.properties)
    except Invalid:
        properties = {}
    return UnreadObject(message.collection, message.uuid or None, message.tenant or None, properties)


def decode_reference(message: batch_messages.BatchReference) -> IncomingReference:
    return IncomingReference(
        collection=message.from_collection,
        uuid=message.from_uuid,
        property=message.name,
        to_collection=message.to_collection,
        to_uuid=message.to_uuid,
        tenant=message.tenant or None,
    )


def beacon(message: batch_messages.BatchReference) -> str:
    """The key by which a client identifies a ``BatchReference``."""
    return f"{_BEACON}{message.from_collection}/{message.from_uuid}/{message.name}"


def _vectors(message: batch_messages.BatchObject) -> dict[str, Vector]:
    vectors: dict[str, Vector] = {}
    if message.vector_bytes:
        vectors[LEGACY_VECTOR] = single_vector(message.vector_bytes)
    elif message.vector:
        vectors[LEGACY_VECTOR] = listed_vector(message.vector)
    for sent in message.vectors:
        try:
            vectors[sent.name or LEGACY_VECTOR] = vector_of(sent)
        except Invalid as error:
            raise Invalid(f"vector {sent.name!r}: {error.message}") from None
    return vectors


def _values(sent: base.ObjectPropertiesValue | batch_messages.BatchObject.Properties) -> Properties:
    """The values of a message that holds a Struct beside typed arrays."""
    values = {name: _json(value) for name, value in sent.non_ref_properties.fields.items()}
    for texts in sent.text_array_properties:
        values[texts.prop_name] = list(texts.values)
    for integers in sent.int_array_properties:
        values[integers.prop_name] = list(integers.values)
    for booleans in sent.boolean_array_properties:
        values[booleans.prop_name] = list(booleans.values)
    for numbers in sent.number_array_properties:
        values[numbers.prop_name] = _numbers(numbers)
    for nested in sent.object_properties:
        values[nested.prop_name] = _values(nested.value)
    for objects in sent.object_array_properties:
        values[objects.prop_name] = [_values(item) for item in objects.values]
    for name in sent.empty_list_props:
        values[name] = []
    return values


def _json(value: struct_pb2.Value) -> Value:
    """The Python value of a ``google.protobuf.Value``."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        return value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return {name: _json(inner) for name, inner in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_json(inner) for inner in value.list_value.values]
    return None


def _numbers(array: base.NumberArrayProperties) -> list[float]:
    data = array.values_bytes
    if not data:
        return list(array.values)
    if len(data) % 8:
        raise Invalid(
            f"the numbers of property {array.prop_name!r} are float64 (8 bytes each), but {len(data)} bytes were sent"
        )
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def _references(sent: batch_messages.BatchObject.Properties, properties: Properties) -> None:
    pointers: dict[str, list[Reference]] = {}
    for single in sent.single_target_ref_props:
        pointers.setdefault(single.prop_name, []).extend(Reference("", parse_uuid(uuid)) for uuid in single.uuids)
    for multi in sent.multi_target_ref_props:
        target = multi.target_collection
        pointers.setdefault(multi.prop_name, []).extend(Reference(target, parse_uuid(uuid)) for uuid in multi.uuids)
    properties.update(pointers)
