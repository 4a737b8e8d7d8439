"""Values in, typed; typed values out, as JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.domain import instants
from weft.domain.beacon import format_beacon, parse_beacon
from weft.domain.errors import Invalid
from weft.domain.objects import GeoPoint, PhoneNumber, Reference
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.scalars import are_normal_dates, normal_date, normal_uuid
from weft.service.values import coerce
from weft.wire.json.properties import properties_to_json
from weft.wire.json.references import with_references

UUID = "00000000-0000-0000-0000-00000000000a"
BEACON = f"weaviate://localhost/Other/{UUID}"
ID = bytes(15) + b"\n"


def config(*properties: Property) -> CollectionConfig:
    return CollectionConfig("Thing", properties=properties)


def of(data_type: str, **keys: Any) -> CollectionConfig:
    return config(Property("p", DataType(data_type), **keys))


NESTED = (
    Property("t", DataType.TEXT),
    Property("n", DataType.INT_ARRAY),
    Property("o", DataType.OBJECT, nested=(Property("d", DataType.DATE),)),
)


@pytest.mark.parametrize(
    ("data_type", "value", "typed"),
    [
        ("text", "ä", "ä"),
        ("text", "", ""),
        ("text[]", ["a", ""], ["a", ""]),
        ("text[]", [], []),
        ("int", 3, 3),
        ("int", 3.0, 3),
        ("int", -(2**63), -(2**63)),
        ("int", 2**63 - 1, 2**63 - 1),
        ("int[]", [1, 2.0], [1, 2]),
        ("number", 3, 3.0),
        ("number", 2.5, 2.5),
        ("number[]", [1, 2.5], [1.0, 2.5]),
        ("boolean", False, False),
        ("boolean[]", [True, False], [True, False]),
        ("date", "2024-05-17T12:30:15.123456789Z", "2024-05-17T12:30:15.123456789Z"),
        ("date", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59"),
        ("date[]", ["2024-05-17T12:30:15Z"], ["2024-05-17T12:30:15Z"]),
        ("uuid", UUID.upper(), UUID),
        ("uuid[]", [UUID.replace("-", "")], [UUID]),
        ("geoCoordinates", {"latitude": -90, "longitude": 180.0}, GeoPoint(-90.0, 180.0)),
        ("blob", "aGVsbG8=", "aGVsbG8="),
    ],
)
def test_fits(data_type: str, value: Any, typed: Any) -> None:
    found = coerce(of(data_type), {"p": value})["p"]
    assert found == typed
    items = zip(found, typed, strict=True) if isinstance(typed, list) else [(found, typed)]
    assert all(type(a) is type(b) for a, b in items)


@pytest.mark.parametrize(
    ("data_type", "value", "message"),
    [
        ("text", 3, "invalid text property 'p' on class 'Thing': not a string, but json.Number"),
        ("text", True, "not a string, but a boolean"),
        ("text", ["a"], "not a string, but an array"),
        ("text", {}, "not a string, but an object"),
        ("text[]", "a", "invalid text array property 'p' on class 'Thing': not a text array, but a string"),
        ("text[]", ["a", 3], "invalid text array value: not a string, but json.Number"),
        ("text[]", ["a", None], "invalid text array value: not a string, but null"),
        ("int", 1.5, "invalid integer property 'p' on class 'Thing': requires an integer, the given value is '1.5'"),
        ("int", "1", "requires an integer, the given value is '1'"),
        ("int", True, "requires an integer, the given value is 'true'"),
        ("int", 2**63, "requires an integer"),
        ("int", 1e300, "requires an integer"),
        ("int", math.inf, "requires an integer"),
        ("int", math.nan, "requires an integer"),
        ("int[]", 3, "invalid integer array property 'p' on class 'Thing': not an integer array, but json.Number"),
        ("int[]", [1, "x"], "invalid integer array value"),
        ("number", "1.5", "invalid number property 'p' on class 'Thing': requires a float, the given value is '1.5'"),
        ("number", math.inf, "requires a float"),
        ("number", math.nan, "requires a float"),
        ("number", 10**400, "requires a float"),
        ("number[]", [math.nan], "invalid number array value"),
        ("boolean", 1, "invalid boolean property 'p' on class 'Thing': not a bool, but json.Number"),
        ("boolean[]", [1], "invalid boolean array value"),
        ("date", "2024-05-17", "requires a string with a RFC3339 formatted date, but the given value is '2024-05-17'"),
        ("date", "2024-02-30T00:00:00Z", "invalid date property"),
        ("date", 3, "invalid date property"),
        ("date[]", ["x"], "invalid date array value"),
        ("uuid", "x", "invalid uuid property 'p' on class 'Thing': requires a string of UUID format"),
        ("uuid", f"({UUID})", "requires a string of UUID format"),
        ("geoCoordinates", 3, "geoCoordinates must be a map, but got: json.Number"),
        ("geoCoordinates", {"latitude": 1}, "missing required field 'longitude'"),
        ("geoCoordinates", {"latitude": "1", "longitude": 1}, "invalid latitude: must be a number"),
        ("geoCoordinates", {"latitude": 90.1, "longitude": 1}, "invalid latitude: must be from -90 to 90 degrees"),
        ("geoCoordinates", {"latitude": math.nan, "longitude": 1}, "invalid latitude"),
        ("blob", "no base64!", "invalid blob property 'p' on class 'Thing': not a valid blob base64 string"),
        ("blob", "", "not a valid blob base64 string"),
        ("blob", "aGVsbG8", "not a valid blob base64 string"),
        ("blob", "data:image/png;base64,aGVsbG8=", "without its data: prefix"),
        ("blob", "aGVsbG8=ä", "not a valid blob base64 string"),
        ("blob", 3, "not a blob base64 string, but json.Number"),
        ("phoneNumber", "1", "phoneNumber must be a map, but got: a string"),
        ("phoneNumber", {}, "phoneNumber is missing required field 'input'"),
        ("phoneNumber", {"input": 3}, "phoneNumber.input must be a string"),
        ("phoneNumber", {"input": "1", "defaultCountry": 3}, "phoneNumber.defaultCountry must be a string"),
        ("phoneNumber", {"input": "0171 1234567"}, "invalid or missing defaultCountry"),
        ("phoneNumber", {"input": "words"}, "invalid phone number"),
    ],
)
def test_unfit(data_type: str, value: Any, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        coerce(of(data_type), {"p": value})
    assert message in refused.value.message


def test_names() -> None:
    thing = of("text")
    assert coerce(thing, {"P": "x"}) == {"p": "x"}
    assert coerce(thing, {"p": None, "unknown": None}) == {}
    with pytest.raises(Invalid, match="no such prop with name 'other' found in class 'Thing' in the schema"):
        coerce(thing, {"Other": 1})


def test_phone_numbers() -> None:
    phone = coerce(of("phoneNumber"), {"p": {"input": "0171 1234567", "defaultCountry": "de"}})["p"]
    assert phone == PhoneNumber("0171 1234567", "DE", 49, 1711234567, "+49 171 1234567", "0171 1234567", True)
    assert coerce(of("phoneNumber"), {"p": {"input": "+49 171 1234567"}})["p"].default_country == ""


def test_objects() -> None:
    thing = of("object", nested=NESTED)
    value = {"t": "x", "n": [1.0], "o": {"d": "2024-05-17T12:30:15Z"}}
    assert coerce(thing, {"p": value}) == {"p": {"t": "x", "n": [1], "o": {"d": "2024-05-17T12:30:15Z"}}}
    assert value["n"] == [1.0]
    assert coerce(thing, {"p": {"t": None, "o": None}}) == {"p": {"t": None, "o": None}}
    for wrong, message in (
        ("x", "invalid object property 'p' on class 'Thing': object must be a map, but got: a string"),
        ({"x": 1}, "unknown property 'p.x'"),
        ({"t": 1}, "property 'p.t': invalid text property: not a string"),
        ({"o": {"d": 1}}, "property 'p.o': invalid object property: property 'p.o.d': invalid date property"),
    ):
        with pytest.raises(Invalid) as refused:
            coerce(thing, {"p": wrong})
        assert message in refused.value.message


def test_object_arrays() -> None:
    things = of("object[]", nested=NESTED)
    assert coerce(things, {"p": [{"t": "x"}, {}]}) == {"p": [{"t": "x"}, {}]}
    with pytest.raises(
        Invalid, match=r"invalid object\[\] property 'p'.*invalid object '1' in array: unknown property"
    ):
        coerce(things, {"p": [{"t": "x"}, {"u": 1}]})
    with pytest.raises(Invalid, match="not an object array, but an object"):
        coerce(things, {"p": {}})


def test_references() -> None:
    single = of("cref", target_collections=("Other",))
    several = of("cref", target_collections=("Other", "More"))
    assert coerce(single, {"p": [Reference("Other", ID)]}) == {"p": [Reference("Other", ID)]}
    assert coerce(single, {"p": [Reference("", ID)]}) == {"p": [Reference("Other", ID)]}
    assert coerce(several, {"p": [Reference("", ID)]}) == {"p": [Reference("", ID)]}
    assert coerce(several, {"p": [Reference("More", ID), Reference("Other", ID)]})["p"][0].collection == "More"
    for thing, wrong, message in (
        (single, {"beacon": BEACON}, "reference must be an array, but got a map"),
        (single, "x", "reference property is not a slice"),
        (single, ["x"], "one is a string"),
        (single, [{}], "must be a map with the text 'beacon'"),
        (single, [{"beacon": "http://x"}], "invalid cref URI"),
        (single, [{"beacon": BEACON, "more": 1}], "and nothing else"),
        (single, [Reference("More", ID)], "class 'More' is not among its targets Other"),
    ):
        with pytest.raises(Invalid, match="invalid cref: property 'p' on class 'Thing'") as refused:
            coerce(thing, {"p": wrong})
        assert message in refused.value.message


def test_beacons() -> None:
    assert parse_beacon(BEACON) == Reference("Other", ID)
    assert parse_beacon(f"weaviate://localhost/{UUID}") == Reference("", ID)
    assert format_beacon("Other", ID) == BEACON
    assert parse_beacon(format_beacon("", ID)) == Reference("", ID)
    for wrong in (
        "",
        UUID,
        f"http://localhost/{UUID}",
        "weaviate://localhost/",
        f"weaviate://localhost/A/B/{UUID}",
        f"weaviate:///{UUID}",
    ):
        with pytest.raises(Invalid):
            parse_beacon(wrong)


def test_values_go_to_json_and_come_back() -> None:
    thing = config(
        Property("g", DataType.GEO),
        Property("ph", DataType.PHONE),
        Property("r", DataType.REFERENCE, target_collections=("Other",)),
        Property("t", DataType.TEXT),
    )
    encoded = properties_to_json(
        thing,
        {
            "g": GeoPoint(1.0, 2.0),
            "ph": PhoneNumber("1", "DE", 49, 1, "+49 1", "01", False),
            "r": [Reference("", ID)],
            "t": None,
        },
    )
    assert encoded == {
        "g": {"latitude": 1.0, "longitude": 2.0},
        "ph": {
            "input": "1",
            "defaultCountry": "DE",
            "countryCode": 49,
            "national": 1,
            "internationalFormatted": "+49 1",
            "nationalFormatted": "01",
            "valid": False,
        },
        "r": [{"beacon": BEACON, "href": f"/v1/objects/Other/{UUID}"}],
    }
    assert coerce(thing, {"g": encoded["g"], "r": with_references(encoded["r"])}) == {
        "g": GeoPoint(1.0, 2.0),
        "r": [Reference("Other", ID)],
    }


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("2024-05-17T12:30:15Z", "2024-05-17T12:30:15Z"),
        ("2024-05-17T12:30:15.000Z", "2024-05-17T12:30:15Z"),
        ("2024-05-17T12:30:15.120300Z", "2024-05-17T12:30:15.1203Z"),
        ("2024-05-17T12:30:15,5+01:00", "2024-05-17T12:30:15.5+01:00"),
        ("2024-05-17T12:30:15.000000+05:30", "2024-05-17T12:30:15+05:30"),
        ("2024-05-17T12:30:15+00:00", "2024-05-17T12:30:15Z"),
        ("2024-05-17T12:30:15.50-00:00", "2024-05-17T12:30:15.5Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ("9999-12-31T23:59:59.9999999999Z", "9999-12-31T23:59:59.999999999Z"),
        (f"2024-05-17T12:30:15.{'0' * 12}1Z", "2024-05-17T12:30:15Z"),
        (f"2024-05-17T12:30:15.{'1' * 40}Z", "2024-05-17T12:30:15.111111111Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("0000-02-29T00:00:00.0+00:00", "0000-02-29T00:00:00Z"),
        ("0000-02-30T00:00:00Z", None),
        ("2023-02-29T00:00:00Z", None),
        ("2024-05-17t12:30:15z", None),
        ("2024-05-17T24:00:00Z", None),
        ("2024-05-17T12:30:60Z", None),
        ("2024-05-17T12:30Z", None),
        ("2024-05-17T12:30:15", None),
        ("2024-05-17T12:30:15.Z", None),
        ("2024-05-17T12:30:15+24:00", None),
        ("2024-05-17T12:30:15Z ", None),
        ("２024-05-17T12:30:15Z", None),
    ],
)
def test_dates_have_one_form(text: str, shortest: str | None) -> None:
    assert normal_date(text) == shortest
    if shortest is not None:
        assert normal_date(shortest) == shortest
        assert instants.parse(text) == instants.parse(shortest)


def test_uuids() -> None:
    for text in (UUID, UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}", f"URN:UUID:{UUID}"):
        assert normal_uuid(text) == UUID
    for text in ("", "x" * 32, UUID[:-1], f"[{UUID}]", "-" * 4 + "0" * 32, f"abc:uuid:{UUID}"):
        assert normal_uuid(text) is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(UUID),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["t", "n", "o", "d", "input", "latitude", "longitude", "beacon", "x"]), inner)
    ),
    max_leaves=8,
)
EVERYTHING = config(
    *(
        Property(
            f"p{i}",
            data_type,
            target_collections=("Other",) if data_type is DataType.REFERENCE else (),
            nested=NESTED if data_type.element is DataType.OBJECT else (),
        )
        for i, data_type in enumerate(DataType)
    )
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([p.name for p in EVERYTHING.properties]), ANY, max_size=4))
def test_any_value_is_typed_or_invalid_and_typed_values_stay(values: dict[str, Any]) -> None:
    try:
        typed = coerce(EVERYTHING, values)
    except Invalid:
        return
    assert coerce(EVERYTHING, typed) == typed
    properties_to_json(EVERYTHING, typed)


_PLAIN_DATES = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format,
    st.sampled_from([0, 1, 1900, 2000, 2023, 2024, 9999]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 28, 29, 30, 31, 32]),
    st.sampled_from([0, 23, 24]),
    st.sampled_from([0, 59, 60]),
    st.sampled_from([0, 59, 60]),
)


@given(_PLAIN_DATES)
def test_dates_are_found_normal_together_as_they_are_one_by_one(text: str) -> None:
    assert are_normal_dates([text]) == (normal_date(text) == text)
    assert are_normal_dates(["2024-05-13T09:30:00Z", text]) == (normal_date(text) == text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-13T09:30:00z",
        "2024-05-13 09:30:00Z",
        "+024-05-13T09:30:00Z",
        "2024-05-13T09:30:0éZ",
        "2024-05-13T09:30:00.5Z",
        "2024-05-13T09:30:00+00:00",
    ],
)
def test_other_forms_of_dates_are_checked_one_by_one(text: str) -> None:
    assert not are_normal_dates([text])


@pytest.mark.parametrize(
    "texts",
    [["2024-05-13T09:30:00Z2", "024-05-13T09:30:00Z"], ["", "2024-05-13T09:30:00Z2024-05-13T09:30:00Z"]],
)
def test_texts_that_are_dates_only_when_joined_are_none(texts: list[str]) -> None:
    assert not are_normal_dates(texts)
