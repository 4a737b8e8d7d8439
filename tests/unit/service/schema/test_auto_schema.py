"""Types derived from values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.domain.objects import Reference
from weft.domain.schema import CollectionConfig
from weft.service.schema.auto_schema import extended, is_covered, new_collection
from weft.service.schema.defaults import complete
from weft.service.schema.document import parse
from weft.service.schema.validate import validate

UUID = "00000000-0000-0000-0000-00000000000a"
ID = bytes(15) + b"\n"


def types(*objects: dict[str, Any]) -> dict[str, Any]:
    def of(properties: list[dict[str, Any]]) -> dict[str, Any]:
        return {p["name"]: of(p["nestedProperties"]) if "nestedProperties" in p else p["dataType"] for p in properties}

    return of(new_collection("Thing", objects)["properties"])


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        ("words", ["text"]),
        ("", ["text"]),
        (None, ["text"]),
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
        ([], ["text[]"]),
        (["a", "b"], ["text[]"]),
        ([1, 2.5], ["number[]"]),
        ([True], ["boolean[]"]),
        ([UUID, UUID], ["uuid[]"]),
        ([UUID, "x"], ["text[]"]),
        (["2024-05-17T12:30:15Z", UUID], ["text[]"]),
        ([Reference("Other", ID)], ["Other"]),
        ([Reference("A", b""), Reference("B", b""), Reference("A", b"")], ["A", "B"]),
    ],
)
def test_one_property(value: Any, data_type: list[str]) -> None:
    assert types({"p": value}) == {"p": data_type}


@pytest.mark.parametrize(
    "value",
    [[1, "a"], [True, 1], [None], [[1]], ["a", {"b": 1}], [Reference("Other", ID), "x"], object(), [{"a": [1, "x"]}]],
)
def test_what_has_no_type(value: Any) -> None:
    with pytest.raises(Invalid, match="property 'p' on class 'Thing'"):
        types({"p": value})


def test_a_reference_that_names_no_collection_is_an_object() -> None:
    assert types({"p": [Reference("", ID)]}) == {"p": {"beacon": ["text"]}}


def test_objects_nest_and_merge() -> None:
    first = {"o": {"a": 1, "geo": {"latitude": 1, "longitude": 2}}, "os": [{"x": "t"}, {"y": True}]}
    second = {"o": {"b": {"c": "d"}}, "os": [{"z": []}], "extra": 1}
    assert types(first, second) == {
        "o": {"a": ["number"], "geo": {"latitude": ["number"], "longitude": ["number"]}, "b": {"c": ["text"]}},
        "os": {"x": ["text"], "y": ["boolean"], "z": ["text[]"]},
        "extra": ["number"],
    }


def test_a_new_collection_has_one_named_vector(modules: Any) -> None:
    document = new_collection("Thing", [{"Name": "x"}])
    assert document["vectorConfig"] == {"default": {"vectorizer": {"none": {}}}}
    completed = complete(document, modules)
    validate(completed, modules, async_indexing=False)
    assert list(parse(completed).by_name) == ["name"]
    assert new_collection("T", [], vectorizer="m")["vectorConfig"]["default"]["vectorizer"] == {"m": {}}


def test_extending(config: Callable[..., CollectionConfig], modules: Any) -> None:
    known = config(
        properties=[
            {"name": "a", "dataType": ["int"]},
            {"name": "o", "dataType": ["object"], "nestedProperties": [{"name": "n", "dataType": ["text"]}]},
        ]
    )
    covered: list[dict[str, Any]] = [{}, {"a": "wrong type"}, {"A": 1}, {"o": {"n": 1}}, {"o": 3}, {"o": None}]
    assert all(is_covered(known, one) for one in covered)
    assert extended(known, covered) is None
    document = extended(known, [{"a": 1}, {"o": {"m": 1.5, "deep": {"x": 1}}}, {"new": "x"}])
    assert document is not None
    completed = complete(document, modules, existing=known.document)
    validate(completed, modules, async_indexing=False)
    parsed = parse(completed)
    assert list(parsed.by_name) == ["a", "o", "new"]
    assert [n.name for n in parsed.by_name["o"].nested] == ["n", "m", "deep"]
    assert [p.name for p in known.properties] == ["a", "o"]
    assert known.document["properties"][1]["nestedProperties"][0]["name"] == "n"
    assert len(known.document["properties"][1]["nestedProperties"]) == 1
    assert extended(parsed, [{"o": {"deep": {"x": 2}}}, {"new": "y"}]) is None


def test_deep_values_are_refused() -> None:
    value: dict[str, Any] = {"a": 1}
    for _ in range(2_000):
        value = {"a": value}
    with pytest.raises(Invalid, match="deeper"):
        types({"p": value})
