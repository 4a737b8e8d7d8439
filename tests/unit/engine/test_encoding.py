"""Every type of value survives encoding, and the bytes are what a client's message class reads."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from weft.domain.errors import CorruptData
from weft.domain.objects import GeoPoint, PhoneNumber
from weft.domain.schema import DataType, Property
from weft.engine.encoding import decode_properties, encode_properties, encode_value
from weft.protocol import properties as messages

PHONE = PhoneNumber("0171 1234567", "DE", 49, 1711234567, "+49 171 1234567", "0171 1234567", True)
GEO = GeoPoint(52.52, -13.4)
VALUES: list[tuple[DataType, Any]] = [
    (DataType.TEXT, "naïve 文字 \N{SPIDER WEB}"),
    (DataType.TEXT, ""),
    (DataType.TEXT, "x" * 100_000),
    (DataType.DATE, "2024-02-29T12:00:00.123456789+02:00"),
    (DataType.UUID, "00000000-0000-0000-0000-00000000000a"),
    (DataType.INT, 0),
    (DataType.INT, -(2**63)),
    (DataType.INT, 2**63 - 1),
    (DataType.NUMBER, -0.1),
    (DataType.NUMBER, 0.0),
    (DataType.BOOLEAN, False),
    (DataType.BOOLEAN, True),
    (DataType.BLOB, "aGVsbG8="),
    (DataType.BLOB_HASH, "ab" * 32),
    (DataType.GEO, GEO),
    (DataType.PHONE, PHONE),
    (DataType.TEXT_ARRAY, ["a", "", "ü"]),
    (DataType.DATE_ARRAY, ["2024-01-01T00:00:00Z"]),
    (DataType.UUID_ARRAY, ["00000000-0000-0000-0000-00000000000a"]),
    (DataType.INT_ARRAY, [1, -1, 2**62]),
    (DataType.NUMBER_ARRAY, [1.5, -2.25, 1e300]),
    (DataType.BOOLEAN_ARRAY, [True, False]),
    *((t, []) for t in DataType if t.is_array),
]


@pytest.mark.parametrize(("data_type", "value"), VALUES, ids=lambda v: str(v)[:20])
def test_every_type_survives(data_type: DataType, value: Any) -> None:
    properties = (Property("p", data_type),)
    decoded = decode_properties(encode_properties({"p": value}, properties))
    assert decoded == {"p": value}
    assert type(decoded["p"]) is type(value)


def test_objects_nest_with_their_nulls_and_empty_lists() -> None:
    inner = (Property("deep", DataType.TEXT_ARRAY), Property("n", DataType.INT))
    nested = (Property("name", DataType.TEXT), Property("in", DataType.OBJECT, nested=inner))
    properties = (Property("o", DataType.OBJECT, nested=nested), Property("os", DataType.OBJECT_ARRAY, nested=nested))
    values = {
        "o": {"name": "a", "in": {"deep": [], "n": None}},
        "os": [{"name": None, "in": {"deep": ["x"], "n": 3}}, {}, {"in": {}}],
    }
    assert decode_properties(encode_properties(values, properties)) == values


def test_only_named_values_are_written_and_references_never() -> None:
    properties = (Property("a", DataType.TEXT), Property("b", DataType.INT), Property("r", DataType.REFERENCE))
    assert decode_properties(encode_properties({"b": None, "r": [], "other": 1}, properties)) == {"b": None}


def test_a_client_reads_the_typed_fields() -> None:
    properties = (
        Property("ints", DataType.INT_ARRAY),
        Property("none", DataType.TEXT),
        Property("empty", DataType.UUID_ARRAY),
        Property("o", DataType.OBJECT),
    )
    encoded = encode_properties({"ints": [7], "none": None, "empty": [], "o": {}}, properties)
    fields = messages.Properties.FromString(encoded).fields
    assert fields["ints"].list_value.int_values.values == struct.pack("<q", 7)
    assert fields["none"].WhichOneof("kind") == "null_value"
    assert fields["empty"].list_value.WhichOneof("kind") == "uuid_values"
    assert fields["o"].WhichOneof("kind") == "object_value"


def test_one_value_alone() -> None:
    text = Property("t", DataType.TEXT)
    assert messages.Value.FromString(encode_value("x", text)).text_value == "x"
    assert messages.Value.FromString(encode_value(None, text)).WhichOneof("kind") == "null_value"


def test_plans_follow_the_properties_given() -> None:
    as_list = [Property("p", DataType.TEXT)]
    assert decode_properties(encode_properties({"p": "1"}, as_list)) == {"p": "1"}
    as_list[0] = Property("p", DataType.INT)
    assert decode_properties(encode_properties({"p": 1}, as_list)) == {"p": 1}


@pytest.mark.parametrize("damaged", [b"\xff", b"\x0a\x05abc", b"\x0a\x02\x0a\x00\x0a"])
def test_damage_is_reported(damaged: bytes) -> None:
    with pytest.raises(CorruptData):
        decode_properties(damaged)
