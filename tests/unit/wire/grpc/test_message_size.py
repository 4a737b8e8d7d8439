"""What a message may hold, before it is decoded."""

from __future__ import annotations

import random

import numpy as np
import pytest
from google.protobuf.message import Message

from weft.domain.batches import MOST_ITEMS
from weft.domain.errors import Invalid, TooLarge
from weft.protocol import aggregate, base, batch, batch_delete, search_get, tenants
from weft.wire.grpc import kernels, message_size
from weft.wire.grpc.decode_batch import decode_batch, decode_references
from weft.wire.grpc.message_size import OBJECTS, STREAMED, check_batch
from weft.wire.grpc.messages import parse
from weft.wire.grpc.wire_format import sized, varint


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + sized(data)


def counted(message: Message) -> int:
    """As the kernel counts, by the message classes."""
    n = 0
    for described, value in message.ListFields():
        values = value if described.is_repeated else [value]
        if described.message_type is not None and described.message_type.GetOptions().map_entry:
            for key in value:
                n += 3 + (counted(value[key]) if isinstance(value[key], Message) else 0)
        elif described.message_type is not None:
            n += sum(1 + counted(one) for one in values)
        elif described.is_packed:
            n += 1
        else:
            n += len(values)
    return n


def test_fields_are_counted_as_they_are_decoded() -> None:
    rng = random.Random(5)
    request = batch.BatchObjectsRequest()
    for _ in range(200):
        one = request.objects.add(collection="Article", uuid="u", vector_bytes=bytes(rng.randrange(40)))
        one.vector.extend([1.0] * rng.randrange(3))
        sent = one.properties
        sent.non_ref_properties.update({"a": "x", "n": rng.random(), "o": {"b": [1, "c", None]}})
        sent.text_array_properties.add(prop_name="t", values=["x"] * rng.randrange(5))
        sent.int_array_properties.add(prop_name="i", values=range(rng.randrange(5)))
        sent.object_properties.add(prop_name="p").value.empty_list_props.append("e")
    data = request.SerializeToString()
    kinds = message_size._kinds(batch.BatchObjectsRequest.DESCRIPTOR)
    found = kernels.count_fields(np.frombuffer(data, np.uint8), kinds, 1 << 40)
    assert found == counted(request)
    assert kernels.count_fields(np.frombuffer(data, np.uint8), kinds, 10) == 11
    assert kernels.count_fields(np.frombuffer(data[:-1], np.uint8), kinds, 1 << 40) == kernels.MALFORMED


FILTERS = {search_get.SearchRequest: 40, aggregate.AggregateRequest: 40, batch_delete.BatchDeleteRequest: 2}


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("inner", [b"\x12\x00", b"\x1a\x00"])
def test_filters_of_a_million_empty_conditions_or_paths_are_refused(kind: type[Message], inner: bytes) -> None:
    with pytest.raises(TooLarge, match="500,000 fields"):
        parse(kind, field(FILTERS[kind], inner * 1_000_000))


def test_a_million_of_anything_else_is_refused() -> None:
    request = search_get.SearchRequest(collection="A")
    request.near_vector.targets.target_vectors.extend(["x"] * 1_000_000)
    targets = request.SerializeToString()
    names = field(2, b"\x0a\x00" * 1_000_000)
    for kind, data in ((search_get.SearchRequest, targets), (tenants.TenantsGetRequest, names)):
        with pytest.raises(TooLarge):
            parse(kind, data)


def test_long_texts_and_vectors_are_few_fields() -> None:
    request = search_get.SearchRequest(collection="A")
    request.bm25_search.query = "word " * 500_000
    request.near_vector.vector_bytes = bytes(4_000_000)
    assert parse(search_get.SearchRequest, request.SerializeToString()) == request
    many = base.Filters(operator=base.Filters.OPERATOR_CONTAINS_ANY)
    many.value_text_array.values.extend(["ab"] * 200_000)
    assert parse(base.Filters, many.SerializeToString()) == many


def test_a_batch_of_too_many_items_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TooLarge, match="100000 objects"):
        decode_batch(b"\x0a\x00" * (MOST_ITEMS + 1))
    whole = field(1, field(1, b"00000000-0000-4000-8000-000000000000") + field(4, b"Thing"))
    with pytest.raises(TooLarge, match="100000 objects"):
        decode_batch(whole * (MOST_ITEMS + 1))
    with pytest.raises(TooLarge, match="100000 references"):
        decode_references(b"\x0a\x00" * (MOST_ITEMS + 1))
    stream = field(2, field(1, b"\x0a\x00" * MOST_ITEMS) + field(2, b"\x0a\x00"))
    with pytest.raises(TooLarge, match="objects and references"):
        check_batch(STREAMED, stream, "objects and references")
    check_batch(OBJECTS, b"\x10\x80\x01" + b"\x0a\x00" * MOST_ITEMS, "objects")


def test_an_object_of_millions_of_empty_parts_is_refused() -> None:
    one = field(1, field(1, b"u") + field(23, b"") * 9_000_000)
    with pytest.raises(TooLarge, match="8,000,000 fields"):
        decode_batch(one)


def test_what_is_malformed_is_refused() -> None:
    with pytest.raises(Invalid):
        parse(batch.BatchObjectsRequest, b"\x0a\xff\xff\xff\xff\x0f" + bytes(1 << 18))


def test_objects_that_are_refused_alike_share_an_error() -> None:
    decoded = decode_batch(b"\x0a\x00" * 1_000)
    assert len(decoded.errors) == 1_000
    assert len({id(error) for error in decoded.errors.values()}) == 1
    assert next(iter(decoded.errors.values())).__traceback__ is None
