"""Every data type as Arrow has it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")

from weft.domain.objects import GeoPoint, Object, PhoneNumber, Reference  # noqa: E402
from weft.domain.schema import CollectionConfig, DataType, Property, Tenancy, VectorConfig  # noqa: E402
from weft.jobs.export.columns import ArrowColumns, column_of  # noqa: E402

NESTED = (Property("a", DataType.TEXT), Property("b", DataType.INT_ARRAY))
UUID = "00000000-0000-0000-0000-000000000001"
PHONE = PhoneNumber("030 1234", "DE", 49, 301234, "+49 30 1234", "030 1234", True)


@pytest.mark.parametrize(
    ("declared", "value", "type_", "expected"),
    [
        (Property("p", DataType.TEXT), "ü", pa.string(), "ü"),
        (Property("p", DataType.TEXT_ARRAY), ["a", ""], pa.list_(pa.string()), ["a", ""]),
        (Property("p", DataType.INT), -(2**63), pa.int64(), -(2**63)),
        (Property("p", DataType.NUMBER_ARRAY), [0.5, 1], pa.list_(pa.float64()), [0.5, 1.0]),
        (Property("p", DataType.BOOLEAN), False, pa.bool_(), False),
        (Property("p", DataType.UUID), UUID, pa.string(), UUID),
        (Property("p", DataType.BLOB), "aGk=", pa.binary(), b"hi"),
        (Property("p", DataType.BLOB_HASH), "ab" * 32, pa.string(), "ab" * 32),
        (Property("p", DataType.GEO), GeoPoint(1.5, -2.0), None, {"latitude": 1.5, "longitude": -2.0}),
        (Property("p", DataType.OBJECT, nested=NESTED), {"b": [1]}, None, {"a": None, "b": [1]}),
        (Property("p", DataType.OBJECT_ARRAY, nested=NESTED), [{}], None, [{"a": None, "b": None}]),
        (Property("p", DataType.OBJECT), {"x": 1}, pa.string(), '{"x":1}'),
        (
            Property("p", DataType.REFERENCE),
            [Reference("B", bytes(15) + b"\1")],
            None,
            [{"collection": "B", "id": UUID}],
        ),
    ],
)
def test_types(declared: Property, value: object, type_: object, expected: object) -> None:
    found, convert = column_of(declared)
    assert type_ is None or found == type_
    assert pa.array([convert(value), None], found).to_pylist() == [expected, None]


def test_phone_numbers() -> None:
    type_, convert = column_of(Property("p", DataType.PHONE))
    (expected,) = pa.array([convert(PHONE)], type_).to_pylist()
    assert (expected["international_formatted"], expected["country_code"], expected["valid"]) == (
        "+49 30 1234",
        49,
        True,
    )


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T02:00:00.123456789+02:00", 123456),
        ("9999-12-31T23:59:59.999999999Z", 253402300799999999),
        ("0000-01-01T00:00:00Z", -62135596800000000),
    ],
)
def test_dates(text: str, microseconds: int) -> None:
    type_, convert = column_of(Property("p", DataType.DATE))
    column = pa.array([convert(text)], type_)
    assert column.cast(pa.int64()).to_pylist() == [microseconds]
    assert column.to_pylist()[0].tzinfo is not None


def test_a_batch() -> None:
    vectors = {"one": VectorConfig("one"), "many": VectorConfig("many")}
    config = CollectionConfig("C", (Property("n", DataType.INT),), vectors, tenancy=Tenancy(enabled=True))
    columns = ArrowColumns(config, "T1", {"one": False, "many": True}, {"one": "text2vec-a|1"})
    objects = [Object(bytes(15) + b"\1", {"n": 1}, {}, 1000, 2000), Object(bytes(16), {}, {}, 1, 2)]
    many = np.arange(6, dtype=np.float32).reshape(3, 2)
    batch = columns.batch(objects, {"one": [None, np.array([1, 2], np.float32)], "many": [many, None]})
    first, second = batch.to_pylist()
    assert first["id"] == UUID
    assert first["tenant"] == second["tenant"] == "T1"
    assert first["creation_time"] == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert first["properties"] == {"n": 1}
    assert second["properties"] == {"n": None}
    assert first["vectors"] == {"one": None, "many": many.tolist()}
    assert second["vectors"] == {"one": [1.0, 2.0], "many": None}
    assert columns.schema.metadata == {
        b"collection": b"C",
        b"tenant": b"T1",
        b"weft.collection": b"{}",
        b"weft.models": b'{"one":"text2vec-a|1"}',
    }
    batch.validate(full=True)


def test_a_collection_of_nothing_but_uuids() -> None:
    columns = ArrowColumns(CollectionConfig("C"), None, {}, {})
    assert columns.schema.names == ["id", "creation_time", "update_time"]
    assert len(columns.batch([Object(bytes(16))], {})) == 1
