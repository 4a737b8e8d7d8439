"""Columns that are checked together make the objects, and the records, that those checked one by one are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from weft.domain.errors import Invalid
from weft.domain.objects import IncomingObject, Object
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.engine.record import RecordCodec
from weft.protocol import batch as messages
from weft.service.importing import checked_object
from weft.service.typed_columns import typed_columns
from weft.wire.grpc.decode_columns import decode_columns

_TYPES = [*DataType]
_GOOD: Mapping[DataType, st.SearchStrategy[Any]] = {
    DataType.TEXT: st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    DataType.TEXT_ARRAY: st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), max_size=4),
    DataType.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    DataType.INT: st.integers(-(2**63), 2**63 - 1).map(float).filter(lambda n: n < 2.0**63),
    DataType.BOOLEAN: st.booleans(),
    DataType.DATE: st.sampled_from(
        ["2024-05-13T09:30:00Z", "2024-05-13T09:30:00.120+00:00", "0000-02-29T00:00:00Z", "2024-05-13T09:30:00-08:00"]
    ),
    DataType.UUID: st.uuids().flatmap(lambda one: st.sampled_from([str(one), one.hex, str(one).upper(), one.urn])),
}
_ANY = st.one_of(
    st.none(), st.booleans(), st.floats(), st.sampled_from(["", "é", "2024-13-01T00:00:00Z", "1"]), *_GOOD.values()
)
_SCHEMAS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "dé", "e" * 200]),
    st.one_of(st.sampled_from(list(_GOOD)), st.sampled_from(_TYPES)),
    max_size=5,
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[CollectionConfig, list[dict[str, Any]]]:
    """A schema and the properties of some objects, of which most fit it."""
    types = draw(_SCHEMAS)
    config = CollectionConfig(
        "Thing",
        properties=tuple(Property(name, one) for name, one in types.items()),
        vectors={"v": VectorConfig("v")},
    )
    names = st.sampled_from([*types, "unknown", "A"]) if draw(st.booleans()) else st.sampled_from([*types, "a"])
    wild = draw(st.booleans())

    def values(name: str) -> st.SearchStrategy[Any]:
        good = _GOOD.get(types.get(name, DataType.GEO), _ANY)
        return _ANY if wild else st.one_of(good, good, st.none())

    rows = []
    for _ in range(draw(st.integers(1, 6))):
        chosen = draw(st.lists(names, unique=True, max_size=5))
        rows.append({name: draw(values(name)) for name in chosen if name.isascii()})
    return config, rows


def incoming(rows: list[dict[str, Any]]) -> list[IncomingObject]:
    sent = messages.BatchObjectsRequest()
    for number, properties in enumerate(rows):
        one = sent.objects.add(uuid=f"00000000-0000-0000-0000-{number:012x}", collection="Thing", vector_bytes=bytes(8))
        for name, value in properties.items():
            if isinstance(value, list):
                one.properties.text_array_properties.add(prop_name=name, values=value)
            else:
                one.properties.non_ref_properties.update({name: value})
    data = sent.SerializeToString()
    objects = decode_columns(data, 0, len(data))
    assert objects is not None
    return objects


def checked(config: CollectionConfig, one: IncomingObject, lenient: bool) -> Object | str:
    try:
        return checked_object(config, one, 1, lenient=lenient)
    except Invalid as error:
        return error.message


@given(batches(), st.booleans())
@example((CollectionConfig("Thing", properties=(Property("a", DataType.INT),)), [{"a": 2.0**63}]), False)
@example((CollectionConfig("Thing", properties=(Property("a", DataType.INT),)), [{"a": -(2.0**63)}]), False)
def test_objects_checked_together_are_those_checked_one_by_one(
    given_batch: tuple[CollectionConfig, list[dict[str, Any]]], lenient: bool
) -> None:
    config, rows = given_batch
    codec = RecordCodec(config)
    for one in incoming(rows):
        alone, together = checked(config, replace(one, columns=None), lenient), checked(config, one, lenient)
        assert isinstance(alone, str) == isinstance(together, str)
        if isinstance(alone, str) or isinstance(together, str):
            assert alone == together
            continue
        assert repr(replace(together, vectors={})) == repr(replace(alone, vectors={}))
        assert together.vectors.keys() == alone.vectors.keys()
        a, b = codec.open(codec.encode(alone)), codec.open(codec.encode(together))
        assert repr(sorted(b.properties.items())) == repr(sorted(a.properties.items()))
        assert len(b.encoded_properties) == len(a.encoded_properties)
        assert (b.uuid, b.created_ms, b.updated_ms, b.encoded_blobs) == (a.uuid, a.created_ms, a.updated_ms, b"")


def test_the_records_of_scalars_are_encoded_together_and_those_of_another_schema_are_not() -> None:
    config = CollectionConfig(
        "Thing", properties=tuple(Property(name, DataType.TEXT) for name in "ab"), vectors={"v": VectorConfig("v")}
    )
    one, *_ = incoming([{"a": "x"}, {"a": "y"}])
    assert one.columns is not None and typed_columns(config, one.columns) is not None
    made = checked_object(config, one, 1, lenient=False)
    assert made.encoded is not None
    wider = RecordCodec(replace(config, properties=(*config.properties, Property("c", DataType.TEXT))))
    assert wider.open(wider.encode(made)).encoded_properties != made.encoded.data
    assert wider.open(wider.encode(made)).properties == {"a": "x"}
