"""Types derived from values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.domain.objects import Reference
from weft.domain.schema import CollectionConfig
from weft.service.schema.auto_schema import MOST_NEW_PROPERTIES, extended, is_covered, new_collection
from weft.service.schema.defaults import complete
from weft.service.schema.document import parse
from weft.service.schema.validate import validate
from weft.service.values import coerce

UUID = "00000000-0000-0000-0000-00000000000a"
ID = bytes(15) + b"\n"
OTHER_ID, UNKNOWN_ID = bytes(15) + b"\x01", bytes(16)
NESTED = [{"name": "n", "dataType": ["text"]}]
WHERE = {ID: "Other", OTHER_ID: "More"}


def types(*objects: dict[str, Any]) -> dict[str, Any]:
    def of(properties: list[dict[str, Any]]) -> dict[str, Any]:
        return {p["name"]: of(p["nestedProperties"]) if "nestedProperties" in p else p["dataType"] for p in properties}

    return of(new_collection("Thing", objects, WHERE.get)["properties"])


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        ("words", ["text"]),
        ("", ["text"]),
        ("2024-05-17T12:30:15Z", ["date"]),
        ("2024-05-17T12:30:15.123456789+02:00", ["date"]),
        ("2024-13-17T12:30:15Z", ["text"]),
        ("2024-05-17", ["text"]),
        (UUID, ["uuid"]),
        (UUID.replace("-", ""), ["uuid"]),
        (f"urn:uuid:{UUID}", ["uuid"]),
        ("-" * 4 + "0" * 32, ["text"]),
        (3, ["number"]),
        (3.5, ["number"]),
        (True, ["boolean"]),
        ({"latitude": 1, "longitude": 2}, ["geoCoordinates"]),
        ({"input": "1"}, ["phoneNumber"]),
        ({"input": "1", "defaultCountry": "DE"}, ["phoneNumber"]),
        (["a", "b"], ["text[]"]),
        ([1, 2.5], ["number[]"]),
        ([True], ["boolean[]"]),
        ([UUID, UUID], ["uuid[]"]),
        ([UUID, "x"], ["text[]"]),
        (["2024-05-17T12:30:15Z", UUID], ["text[]"]),
        ([Reference("Other", ID)], ["Other"]),
        ([Reference("A", b""), Reference("B", b""), Reference("A", b"")], ["A", "B"]),
        ([Reference("", ID)], ["Other"]),
        ([Reference("A", b""), Reference("", OTHER_ID)], ["A", "More"]),
    ],
)
def test_one_property(value: Any, data_type: list[str]) -> None:
    assert types({"p": value}) == {"p": data_type}


@pytest.mark.parametrize("value", [None, [], {"a": None}, {"a": []}, {"a": {"b": None}}, [{"a": None}]])
def test_the_first_value_that_has_a_type_decides_it(value: Any, config: Callable[..., CollectionConfig]) -> None:
    assert types({"p": value}) == {}
    assert types({"p": value}, {"p": 1}) == types({"p": 1}, {"p": value}) == {"p": ["number"]}
    assert types({"o": {"p": value, "q": 1}}) == {"o": {"q": ["number"]}}
    assert types({"o": {"p": value}}, {"o": {"p": True}}) == {"o": {"p": ["boolean"]}}
    known = config(properties=[{"name": "o", "dataType": ["object"], "nestedProperties": NESTED}])
    assert is_covered(known, {"p": value, "o": {"other": value}})
    assert extended(known, [{"p": value, "o": {"other": value}}], WHERE.get) is None
    assert coerce(known, {"p": value, "o": {"n": "x", "other": value}}, lenient=True) == {"o": {"n": "x"}}


@pytest.mark.parametrize(
    "value",
    [
        [1, "a"],
        [True, 1],
        [None],
        [None, "a"],
        ["a", None],
        [[]],
        [[1]],
        ["a", {"b": 1}],
        [Reference("Other", ID), "x"],
        [Reference("", ID), {"a": 1}],
        [Reference("Other", ID), Reference("", UNKNOWN_ID)],
        object(),
        [{"a": [1, "x"]}],
    ],
)
def test_what_has_no_type_of_its_own(value: Any) -> None:
    with pytest.raises(Invalid, match="property 'p' on class 'Thing'"):
        types({"p": value})


def test_what_looks_like_a_reference_to_no_object_is_an_object() -> None:
    assert types({"p": [Reference("", UNKNOWN_ID)]}) == {"p": {"beacon": ["text"]}}


def test_objects_nest_and_merge() -> None:
    first = {"o": {"a": 1, "geo": {"latitude": 1, "longitude": 2}}, "os": [{"x": "t"}, {"y": True}]}
    second = {"o": {"b": {"c": "d"}}, "os": [{"z": ["a"]}], "extra": 1}
    assert types(first, second) == {
        "o": {"a": ["number"], "geo": {"latitude": ["number"], "longitude": ["number"]}, "b": {"c": ["text"]}},
        "os": {"x": ["text"], "y": ["boolean"], "z": ["text[]"]},
        "extra": ["number"],
    }


def test_a_new_collection_has_one_named_vector(modules: Any) -> None:
    document = new_collection("Thing", [{"Name": "x"}], WHERE.get)
    assert document["vectorConfig"] == {"default": {"vectorizer": {"none": {}}}}
    completed = complete(document, modules)
    validate(completed, modules, async_indexing=False)
    assert list(parse(completed).by_name) == ["name"]


def test_extending(config: Callable[..., CollectionConfig], modules: Any) -> None:
    known = config(
        properties=[
            {"name": "a", "dataType": ["int"]},
            {"name": "o", "dataType": ["object"], "nestedProperties": [{"name": "n", "dataType": ["text"]}]},
        ]
    )
    covered: list[dict[str, Any]] = [{}, {"a": "wrong type"}, {"A": 1}, {"o": {"n": 1}}, {"o": 3}, {"o": None}]
    assert all(is_covered(known, one) for one in covered)
    assert extended(known, covered, WHERE.get) is None
    document = extended(known, [{"a": 1}, {"o": {"m": 1.5, "deep": {"x": 1}}}, {"new": "x"}], WHERE.get)
    assert document is not None
    completed = complete(document, modules, existing=known.document)
    validate(completed, modules, async_indexing=False)
    parsed = parse(completed)
    assert list(parsed.by_name) == ["a", "o", "new"]
    assert [n.name for n in parsed.by_name["o"].nested] == ["n", "m", "deep"]
    assert [p.name for p in known.properties] == ["a", "o"]
    assert known.document["properties"][1]["nestedProperties"][0]["name"] == "n"
    assert len(known.document["properties"][1]["nestedProperties"]) == 1
    assert extended(parsed, [{"o": {"deep": {"x": 2}}}, {"new": "y"}], WHERE.get) is None


def test_deep_values_are_refused() -> None:
    value: dict[str, Any] = {"a": 1}
    for _ in range(2_000):
        value = {"a": value}
    with pytest.raises(Invalid, match="deeper"):
        types({"p": value})


def test_names_that_are_values_are_refused_before_there_are_many() -> None:
    many = {f"k{number}": 1 for number in range(MOST_NEW_PROPERTIES + 1)}
    objects: list[dict[str, Any]]
    for objects in ([many], [{name: value} for name, value in many.items()], [{"inner": many}], [{"list": [many]}]):
        with pytest.raises(Invalid, match="more than 20000 properties"):
            types(*objects)
