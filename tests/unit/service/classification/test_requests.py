"""Which classifications are refused, and with which words; filters and requests as they are stored."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from unit.service.classification.conftest import CALLER, Kitchen
from weft.domain.errors import Invalid, NotFound
from weft.domain.filters import (
    And,
    Condition,
    Filter,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
    ReferenceTarget,
)
from weft.service.classification.request import NewClassification
from weft.service.classification.stored_filters import filter_of, filter_to_json

ANY = Condition(Operator.EQUAL, PropertyTarget("n"), 1)
NONE = Condition(Operator.EQUAL, PropertyTarget("nothing"), 1)
CONTEXTUAL = "text2vec-contextionary-contextual"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"collection": ""}, "invalid classification: class must be set"),
    ({"collection": "Nope"}, "invalid classification: could not find class Nope in schema"),
    ({"kind": "guess"}, "invalid classification: there is no type 'guess'"),
    ({"based_on": ()}, "invalid classification: basedOnProperties must have at least one property"),
    (
        {"based_on": ("text", "n")},
        "invalid classification: only a single property in basedOnProperties supported at the moment, got [text n]",
    ),
    ({"based_on": ("no",)}, "invalid classification: basedOnProperties: property 'no' does not exist"),
    ({"based_on": ("n",)}, "invalid classification: basedOnProperties: property 'n' must be of type 'text'"),
    ({"based_on": ("texts",)}, "invalid classification: basedOnProperties: property 'texts' must be of type 'text'"),
    ({"properties": ()}, "invalid classification: classifyProperties must have at least one property"),
    ({"properties": ("no",)}, "invalid classification: classifyProperties: property 'no' does not exist"),
    (
        {"properties": ("ofKind", "text")},
        "invalid classification: classifyProperties: property 'text' must be of reference type (cref)",
    ),
    ({"target": ANY}, "invalid classification: type is 'knn', but 'targetWhere' filter is set"),
    (
        {"kind": CONTEXTUAL, "training": ANY},
        f"invalid classification: type is '{CONTEXTUAL}', but 'trainingSetWhere' filter is set",
    ),
    ({"kind": "zeroshot", "training": ANY}, "invalid classification: type is 'zeroshot', but 'trainingSetWhere'"),
    (
        {"kind": CONTEXTUAL, "properties": ("ofAny",)},
        "invalid classification: classifyProperties: property 'ofAny' has more than one target class",
    ),
    ({"source": NONE}, "invalid sourceWhere: "),
    ({"training": NONE}, "invalid trainingSetWhere: "),
    (
        {"kind": "zeroshot", "target": NONE},
        "invalid targetWhere: ",
    ),
    ({"settings": [1]}, "parse knn specific settings: settings must be an object"),
    ({"settings": {"k": "3"}}, "parse knn specific settings: settings.k must be number, got a string"),
    ({"settings": {"k": None}}, "parse knn specific settings: settings.k must be number, got null"),
    ({"settings": {"k": True}}, "parse knn specific settings: settings.k must be number, got a boolean"),
    ({"settings": {"k": 2.5}}, "parse knn specific settings: settings.k must be a whole number from 1"),
    ({"settings": {"k": 0}}, "parse knn specific settings: settings.k must be a whole number from 1"),
    ({"settings": {"k": 5_000_000_000}}, "parse knn specific settings: settings.k must be a whole number from 1"),
]
FILTERS: list[Filter | None] = [
    None,
    ANY,
    And((ANY, Or((NONE, Not(ANY))))),
    Condition(Operator.CONTAINS_ANY, PropertyTarget("text", length=True), ("a", "b"), "valueText"),
    Condition(Operator.LIKE, ReferenceTarget("ofKind", ReferenceTarget("x", PropertyTarget("y"), "Kind")), "z*"),
    Condition(Operator.GREATER_THAN, ReferenceCount("ofKind"), 2),
    Condition(Operator.WITHIN_GEO_RANGE, PropertyTarget("place"), GeoRange(1.5, -2.0, 100.0)),
    Condition(Operator.EQUAL, PropertyTarget("share"), 1.0),
    Condition(Operator.IS_NULL, PropertyTarget("share"), True),
    Condition(Operator.EQUAL, PropertyTarget("big"), 2**62 + 1),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_is_not_possible_is_refused(kitchen: Kitchen, given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as refused:
        kitchen.classify(**given)
    assert str(refused.value).startswith(words)


def test_collections_with_tenants_several_vectors_or_multi_vectors(kitchen: Kitchen) -> None:
    create = kitchen.service.collections.create
    properties = [{"name": "text", "dataType": ["text"]}, {"name": "ofKind", "dataType": ["Kind"]}]
    vector = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"}
    multi = {**vector, "vectorIndexConfig": {"multivector": {"enabled": True}}}
    create({"class": "Tenants", "properties": properties, "multiTenancyConfig": {"enabled": True}})
    create({"class": "Several", "properties": properties, "vectorConfig": {"a": vector, "b": vector}})
    create({"class": "Multi", "properties": properties, "vectorConfig": {"a": multi}})
    for name, words in (("Tenants", "multi-tenancy"), ("Several", "multiple vectors"), ("Multi", "multi-vector")):
        with pytest.raises(Invalid, match=f"invalid classification: .*{words}"):
            kitchen.classify(collection=name)


def test_the_only_named_vector_is_compared(kitchen: Kitchen) -> None:
    text, label = {"name": "text", "dataType": ["text"]}, {"name": "ofKind", "dataType": ["Kind"]}
    vector = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"}
    kitchen.service.collections.create({"class": "Named", "properties": [text, label], "vectorConfig": {"v": vector}})
    kitchen.put("Named", 20, [0, 1], text="a")
    state = kitchen.classify(collection="named", kind="zeroshot")
    stored = kitchen.service.objects.get("Named", kitchen_id(20), None, vectors=False)
    assert (state.asked.collection, stored.properties["ofKind"][0].uuid[-1]) == ("Named", 2)


def kitchen_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


def test_a_classification_that_is_not_there(kitchen: Kitchen) -> None:
    with pytest.raises(NotFound):
        kitchen.service.classifications.get(kitchen_id(1))


@pytest.mark.parametrize("given", FILTERS)
def test_filters_are_stored_as_json(given: Filter | None) -> None:
    assert filter_of(orjson.loads(orjson.dumps(filter_to_json(given)))) == given


def test_requests_are_stored_as_json() -> None:
    asked = NewClassification("Recipe", ("a", "b"), ("c",), "knn", {"k": 3}, ANY, NONE, None, {"sourceWhere": {}})
    assert NewClassification.of_json(orjson.loads(orjson.dumps(asked.to_json()))) == asked


def test_the_name_that_the_client_for_go_has(kitchen: Kitchen) -> None:
    with pytest.raises(Invalid, match=f"type '{CONTEXTUAL}' needs vectors of"):
        kitchen.classify(kind="text2vec-contextionary")


def test_a_request_without_a_kind_is_knn(kitchen: Kitchen) -> None:
    kitchen.recipe(20, [1, 0])
    asked = NewClassification("Recipe", ("ofKind",), ("text",), "")
    state = kitchen.service.classifications.begin(asked, CALLER)
    assert state.asked.kind == "knn"
    kitchen.until_ended(state.record.key)
