"""Records: what goes in comes out, also when the collection has gained properties since."""

from __future__ import annotations

import pytest

from weft.domain.classification import Classified
from weft.domain.errors import CorruptData
from weft.domain.objects import GeoPoint, Object, Reference
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine import record as record_module
from weft.engine.encoding import decode_properties
from weft.engine.record import RecordCodec, created_of, with_created

TEXT = Property("text", DataType.TEXT)
BLOB = Property("image", DataType.BLOB)
LINK = Property("link", DataType.REFERENCE, target_collections=("Other",))
GEO = Property("place", DataType.GEO)
CONFIG = CollectionConfig("Things", (TEXT, BLOB, LINK, GEO))
THING = Object(
    bytes(range(16)),
    {"text": "häuser", "image": "aGk=", "link": [Reference("Other", bytes(16))], "place": GeoPoint(1.5, -2.5)},
    created_ms=1,
    updated_ms=2**41,
)


def test_round_trip() -> None:
    codec = RecordCodec(CONFIG)
    record = codec.open(codec.encode(THING))
    assert record.uuid == THING.uuid
    assert (record.created_ms, record.updated_ms) == (1, 2**41)
    assert record.properties == THING.properties
    assert record.references == {"link": [Reference("Other", bytes(16))]}
    assert decode_properties(record.encoded_blobs) == {"image": "aGk="}
    assert decode_properties(record.encoded_properties) == {"text": "häuser", "place": GeoPoint(1.5, -2.5)}


def test_what_a_classification_leaves() -> None:
    codec = RecordCodec(CONFIG)
    figures = {"winningCount": 2, "winningDistance": 0.25}
    classified = Classified("an id", ("text",), ("link",), ("link",), "2026-01-02T03:04:05.678Z")
    thing = Object(bytes(16), {"link": [Reference("Other", bytes(16), figures=figures)]}, classified=classified)
    record = codec.open(codec.encode(thing))
    assert record.classified == record.to_object().classified == classified
    assert record.references == {"link": [Reference("Other", bytes(16))]}
    assert record.references["link"][0].figures == figures
    unlabelled = codec.open(codec.encode(Object(bytes(16), classified=classified)))
    assert (unlabelled.references, unlabelled.classified) == ({}, classified)
    assert codec.open(codec.encode(THING)).classified is None


def test_records_that_no_classification_changed_are_of_the_first_version() -> None:
    """So that an earlier Weft reads them."""
    assert RecordCodec(CONFIG).encode(THING)[0] == 1


def test_absent_values_are_null_in_the_reply_and_missing_from_the_properties() -> None:
    codec = RecordCodec(CONFIG)
    record = codec.open(codec.encode(Object(bytes(16))))
    assert decode_properties(record.encoded_properties) == {"text": None, "place": None}
    assert record.properties == {}


def test_a_property_added_later_is_null_in_older_records() -> None:
    raw = RecordCodec(CONFIG).encode(THING)
    grown = RecordCodec(CollectionConfig("Things", (*CONFIG.properties, Property("n", DataType.INT))))
    record = grown.open(raw)
    assert decode_properties(record.encoded_properties) == {"text": "häuser", "place": GeoPoint(1.5, -2.5), "n": None}
    assert record.properties == THING.properties


def test_creation_time_can_be_carried_over() -> None:
    codec = RecordCodec(CONFIG)
    raw = with_created(codec.encode(THING), 77)
    assert created_of(raw) == codec.open(raw).created_ms == 77
    assert codec.open(raw).updated_ms == THING.updated_ms
    assert codec.open(raw).properties == THING.properties


def test_foreign_bytes_are_refused() -> None:
    codec = RecordCodec(CONFIG)
    with pytest.raises(CorruptData, match="shorter than its header"):
        codec.open(b"\x01")
    with pytest.raises(CorruptData, match="record version 9"):
        codec.open(b"\x09" + codec.encode(THING)[1:])


def test_only_the_first_of_many_older_records_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    things = [Object(bytes([n]) * 16, {"text": f"t{n}"}, created_ms=1, updated_ms=1) for n in range(50)]
    raws = [RecordCodec(CONFIG).encode(thing) for thing in things]
    decoded: list[bytes] = []

    def decode(encoded: bytes) -> dict[str, object]:
        decoded.append(encoded)
        return decode_properties(encoded)

    monkeypatch.setattr(record_module, "decode_properties", decode)
    grown = RecordCodec(CollectionConfig("Things", (*CONFIG.properties, Property("n", DataType.INT))))
    for n, raw in enumerate(raws):
        values = decode_properties(grown.open(raw).encoded_properties)
        assert values == {"text": f"t{n}", "place": None, "n": None}
    assert len(decoded) == 1
