"""A scanned batch has the objects that the message classes make of the same bytes, or is left to them."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from weft.domain.objects import IncomingObject
from weft.domain.sent_columns import ABSENT, NULL
from weft.protocol import base
from weft.protocol import batch as messages
from weft.wire.grpc.decode_batch import decode_batch, decode_objects, decode_stream_data
from weft.wire.grpc.decode_columns import decode_columns

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_VALUES = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-5, 5), _TEXTS, st.lists(_TEXTS, max_size=3))
_NAMES = st.sampled_from(["title", "body", "n", "Tag", "a" * 130])
_ROWS = st.lists(
    st.tuples(st.uuids(), st.dictionaries(_NAMES, _VALUES, max_size=4), st.booleans()), min_size=1, max_size=8
)
_LONG = "x" * 300


def request(rows: Any, *, vectors: str = "named", dims: int = 3, tenant: str = "") -> messages.BatchObjectsRequest:
    sent = messages.BatchObjectsRequest()
    for number, (uuid, properties, shouted) in enumerate(rows):
        one = sent.objects.add(
            uuid=str(uuid).upper() if shouted else str(uuid),
            collection="Thing",
            tenant=tenant,
        )
        data = np.arange(number, number + dims, dtype="<f4").tobytes()
        if vectors == "named":
            one.vectors.add(name="v", vector_bytes=data, type=base.Vectors.VECTOR_TYPE_SINGLE_FP32)
        elif vectors == "only":
            one.vector_bytes = data
        for name, value in properties.items():
            if isinstance(value, list):
                one.properties.text_array_properties.add(prop_name=name, values=value)
            else:
                one.properties.non_ref_properties.update({name: value})
    return sent


def fields(one: IncomingObject) -> dict[str, Any]:
    """What makes the object, comparable: NaN equals itself, and 1 is neither 1.0 nor true."""
    kept = {f.name: getattr(one, f.name) for f in dataclasses.fields(one) if f.compare}
    kept["vectors"] = {name: (vector.dtype.str, vector.tolist()) for name, vector in one.vectors.items()}
    kept["properties"] = {name: repr(value) for name, value in one.properties.items()}
    return kept


def both(data: bytes) -> tuple[list[dict[str, Any]] | None, list[dict[str, Any]]]:
    """What the scan and what the message classes make of the bytes."""
    scanned = decode_columns(data, 0, len(data))
    plain = decode_objects(messages.BatchObjectsRequest.FromString(data).objects)
    assert not plain.errors or scanned is None
    return None if scanned is None else [fields(one) for one in scanned], [fields(one) for one in plain.objects]


@given(_ROWS, st.sampled_from(["named", "only", "none"]), st.sampled_from(["", "acme"]))
def test_the_objects_are_those_of_the_message_classes(rows: Any, vectors: str, tenant: str) -> None:
    scanned, plain = both(request(rows, vectors=vectors, tenant=tenant).SerializeToString())
    assert scanned == plain


@given(_ROWS, st.data())
def test_damaged_bytes_are_read_as_the_message_classes_read_them_or_left_to_them(rows: Any, data: Any) -> None:
    raw = bytearray(request(rows).SerializeToString())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[place] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))]) if data.draw(st.booleans()) else bytes(raw)
    scanned = decode_columns(cut, 0, len(cut))
    if scanned is None:
        return
    try:
        plain = decode_objects(messages.BatchObjectsRequest.FromString(cut).objects)
    except DecodeError:
        pytest.fail("the message classes refuse what was scanned")
    assert not plain.errors
    assert [fields(one) for one in scanned] == [fields(one) for one in plain.objects]


@given(_ROWS)
def test_the_columns_have_the_values_of_the_objects(rows: Any) -> None:
    data = request(rows).SerializeToString()
    objects = decode_columns(data, 0, len(data))
    assert objects is not None
    for number, one in enumerate(objects):
        columns = one.columns
        assert columns is not None
        assert columns is objects[0].columns and one.row == number and columns.vector == "v"
        assert columns.uuids[number] == UUID(one.uuid).bytes
        assert set(one.properties) == {n for n, column in columns.by_name.items() if column.kinds[number] != ABSENT}
        for name, value in one.properties.items():
            column = columns.by_name[name]
            assert repr(column.values[number]) == repr(value)
            assert (value is None) == (column.kinds[number] == NULL)
            if isinstance(value, str):
                start, size = int(column.starts[number]), int(column.sizes[number])
                assert columns.request[start : start + size] == value.encode()


def other_collection(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].collection = "Other"


def other_tenant(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].tenant = "acme"


def other_vector(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].vectors[0].name = "w"


def other_dimensions(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].vectors[0].vector_bytes = bytes(8)


def lacking_vector(sent: messages.BatchObjectsRequest) -> None:
    del sent.objects[1].vectors[:]


def two_vectors(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].vectors.add(name="w", vector_bytes=bytes(4))


def multi_vector(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[0].vectors[0].type = base.Vectors.VECTOR_TYPE_MULTI_FP32


def not_finite(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].vectors[0].vector_bytes = np.full(3, np.nan, "<f4").tobytes()


def list_of_floats(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].vector.extend([1.0, 2.0])


def short_uuid(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].uuid = sent.objects[1].uuid.replace("-", "")


def wrong_uuid(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].uuid = "z" + sent.objects[1].uuid[1:]


def array(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].properties.int_array_properties.add(prop_name="tags", values=[1])


def empty_array(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].properties.empty_list_props.append("tags")


def array_beside_scalar(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].properties.text_array_properties.add(prop_name="title", values=["a"])


def list_value(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].properties.non_ref_properties.update({"tags": ["a"]})


def reference(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].properties.single_target_ref_props.add(prop_name="to", uuids=[sent.objects[0].uuid])


def many_properties(sent: messages.BatchObjectsRequest) -> None:
    sent.objects[1].properties.non_ref_properties.update({f"p{i}": 1 for i in range(100)})


@pytest.mark.parametrize(
    "change",
    [
        other_collection,
        other_tenant,
        other_vector,
        other_dimensions,
        lacking_vector,
        two_vectors,
        multi_vector,
        not_finite,
        list_of_floats,
        short_uuid,
        wrong_uuid,
        array,
        empty_array,
        array_beside_scalar,
        list_value,
        reference,
        many_properties,
    ],
)
def test_what_is_not_alike_is_left_to_the_message_classes(change: Any) -> None:
    sent = request([(UUID(int=i), {"title": 20 * _LONG}, False) for i in range(3)])
    data = sent.SerializeToString()
    assert decode_columns(data, 0, len(data)) is not None
    change(sent)
    data = sent.SerializeToString()
    assert decode_columns(data, 0, len(data)) is None
    expected = decode_objects(sent.objects)
    decoded = decode_batch(data)
    assert [fields(one) for one in decoded.objects] == [fields(one) for one in expected.objects]
    assert decoded.places == expected.places
    assert {place: str(error) for place, error in decoded.errors.items()} == {
        place: str(error) for place, error in expected.errors.items()
    }


def test_a_large_batch_is_scanned_and_a_small_one_is_not() -> None:
    rows = [(UUID(int=i), {"title": _LONG, "n": 1.0}, False) for i in range(60)]
    large = request(rows).SerializeToString()
    assert all(one.columns is not None for one in decode_batch(large).objects)
    assert decode_batch(large).places == list(range(60))
    small = request(rows[:2]).SerializeToString()
    assert all(one.columns is None for one in decode_batch(small).objects)


def test_arrays_of_long_texts_are_read() -> None:
    values = ["", "é" * 200, "x" * 127, "x" * 128, "x" * 20_000, "\0"]
    scanned, plain = both(request([(UUID(int=1), {"tags": values, "a": 1.0, "more": []}, False)]).SerializeToString())
    assert scanned == plain


def test_the_data_of_a_stream_is_scanned_unless_it_has_references() -> None:
    sent = messages.BatchStreamRequest()
    rows = [(UUID(int=i), {"title": _LONG, "n": 1.0}, False) for i in range(60)]
    sent.data.objects.values.extend(request(rows).objects)
    decoded = decode_stream_data(sent.SerializeToString())
    assert decoded is not None
    assert [fields(one) for one in decoded.objects] == [
        fields(one) for one in decode_objects(sent.data.objects.values).objects
    ]
    assert decode_stream_data(sent.SerializeToString() + b"\0") is None
    sent.data.references.values.add(name="to")
    assert decode_stream_data(sent.SerializeToString()) is None
    for other in (messages.BatchStreamRequest(stop=messages.BatchStreamRequest.Stop()), messages.BatchStreamRequest()):
        assert decode_stream_data(other.SerializeToString()) is None


def test_a_message_of_empty_objects_makes_no_tables() -> None:
    assert decode_columns(b"\n\0" * 1_000_000, 0, 2_000_000) is None


def test_a_message_whose_objects_lack_most_properties_makes_no_tables() -> None:
    wide = request([(UUID(int=1), {f"p{i}": 1.0 for i in range(40)}, False)], vectors="none").SerializeToString()
    bare = request([(UUID(int=2), {}, False)], vectors="none").SerializeToString()
    assert decode_columns(wide + bare, 0, len(wide + bare)) is not None
    data = wide + 1_000 * bare
    assert decode_columns(data, 0, len(data)) is None
    assert len(decode_batch(data).objects) == 1_001
