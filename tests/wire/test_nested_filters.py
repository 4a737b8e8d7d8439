"""Filters on objects in objects over every wire and in every call that takes a filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty, Tokenization
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter
from weaviate.collections import Collection
from weaviate.exceptions import WeaviateQueryError

from server import Server
from weft.protocol import base, search_get

MAKE = Property(name="make", data_type=DataType.TEXT, tokenization=Tokenization.FIELD)
HIDDEN = Property(name="notes", data_type=DataType.TEXT, index_filterable=False)
YEAR = Property(name="year", data_type=DataType.INT)
PRICES = Property(name="prices", data_type=DataType.NUMBER_ARRAY)
BUILT = Property(name="built", data_type=DataType.DATE)
GARAGES: dict[str, dict[str, Any]] = {
    "both": {"cars": [{"make": "Fiat", "year": 2001, "prices": [1.5, 3]}, {"make": "Audi", "year": 1990}]},
    "apart": {"cars": [{"make": "Fiat", "year": 1990}, {"make": "Audi", "year": 2001}], "place": {"city": "Ulm"}},
    "none": {"place": {"city": "Old Bonn"}},
    "date": {"cars": [{"built": "2024-05-13T11:30:00+02:00"}]},
}
SAME_CAR = Filter.by_property("cars.make").equal("Fiat") & Filter.by_property("cars.year").equal(2001)
SAME_CAR_WHERE = {
    "operator": "And",
    "operands": [
        {"operator": "Equal", "path": ["cars.make"], "valueText": "Fiat"},
        {"operator": "Equal", "path": ["cars.year"], "valueInt": 2001},
    ],
}


@pytest.fixture
def garages(make: Callable[..., Any]) -> Collection[Any, Any]:
    made: Collection[Any, Any] = make(
        vector_config=Configure.Vectors.self_provided(),
        properties=[
            Property(name="name", data_type=DataType.TEXT),
            Property(
                name="cars", data_type=DataType.OBJECT_ARRAY, nested_properties=[MAKE, HIDDEN, YEAR, PRICES, BUILT]
            ),
            Property(
                name="place",
                data_type=DataType.OBJECT,
                nested_properties=[Property(name="city", data_type=DataType.TEXT)],
            ),
        ],
    )
    objects = [DataObject({"name": one, **given}, vector=[1, n]) for n, (one, given) in enumerate(GARAGES.items())]
    assert not made.data.insert_many(objects).has_errors
    return made


def names(objects: Any) -> list[str]:
    return sorted(one.properties["name"] for one in objects)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (SAME_CAR, ["both"]),
        (Filter.by_property("cars.make").equal("Fiat"), ["apart", "both"]),
        (Filter.by_property("cars[1].year").greater_than(2000), ["apart"]),
        (Filter.by_property("cars.prices").less_than(2), ["both"]),
        (Filter.by_property("cars.prices[0]").greater_than(2), []),
        (Filter.by_property("cars.built").equal("2024-05-13T09:30:00Z"), ["date"]),
        (Filter.by_property("cars.make").contains_any(["Audi", "Opel"]), ["apart", "both"]),
        (Filter.by_property("cars.make").is_none(True), ["date"]),
        (Filter.by_property("place.city").like("b*"), ["none"]),
        (Filter.by_property("cars").is_none(True), ["none"]),
        (Filter.by_property("place").is_none(False), ["apart", "none"]),
        (Filter.not_(SAME_CAR), ["apart", "both", "date"]),
        (Filter.not_(Filter.by_property("cars").is_none(False)), ["none"]),
    ],
)
def test_the_client_filters_by_paths(garages: Collection[Any, Any], filters: Any, expected: list[str]) -> None:
    assert names(garages.query.fetch_objects(filters=filters).objects) == expected
    assert names(garages.query.near_vector([1, 0], filters=filters).objects) == expected
    assert garages.aggregate.over_all(filters=filters, total_count=True).total_count == len(expected)


def test_what_the_schema_does_not_have_is_refused(garages: Collection[Any, Any]) -> None:
    for path, message in [
        ("cars.wheels", 'sub-property "wheels" not found'),
        ("place", "use dot notation"),
        ("place[0].city", "indexing requires an array type"),
        ("cars.notes", '"notes" is not filterable'),
    ]:
        with pytest.raises(WeaviateQueryError, match=message.replace("[", r"\[")):
            garages.query.fetch_objects(filters=Filter.by_property(path).equal("x"))


def test_every_wire_has_them(server: Server, garages: Collection[Any, Any]) -> None:
    where = '{operator: And, operands: [{operator: Equal, path: ["cars.make"], valueText: "Fiat"}, {operator: Equal, '
    where += 'path: ["cars[0].year"], valueInt: 2001}]}'
    asked = {"query": f"{{Get {{{garages.name}(where: {where}) {{name}}}}}}"}
    reply = httpx.post(server.url("/v1/graphql"), json=asked, trust_env=False).json()
    assert reply["data"]["Get"][garages.name] == [{"name": "both"}]
    older = base.Filters(operator=base.Filters.OPERATOR_EQUAL, on=["cars.make"], value_text="Audi")
    named = base.FilterTarget(property="Cars[1].year")
    newer = base.Filters(operator=base.Filters.OPERATOR_EQUAL, target=named, value_int=2001)
    both = base.Filters(operator=base.Filters.OPERATOR_AND, filters=[older, newer])
    request = search_get.SearchRequest(collection=garages.name, filters=both, uses_123_api=True, uses_127_api=True)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        search: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/weaviate.v1.Weaviate/Search")
        (found,) = search_get.SearchReply.FromString(search(request.SerializeToString(), timeout=30)).results
    assert found.properties.non_ref_props.fields["name"].text_value == "apart"


def test_deletions_and_references_take_them(
    server: Server, make: Callable[..., Any], garages: Collection[Any, Any]
) -> None:
    owners = make(references=[ReferenceProperty(name="has", target_collection=garages.name)])
    ids = {one.properties["name"]: one.uuid for one in garages.query.fetch_objects().objects}
    first, second = (owners.data.insert({}, references={"has": ids[name]}) for name in ("both", "apart"))
    through = Filter.by_ref("has").by_property("cars[1].make").equal("Audi")
    assert {one.uuid for one in owners.query.fetch_objects(filters=through).objects} == {first, second}
    through = Filter.by_ref("has").by_property("place").is_none(True)
    assert [one.uuid for one in owners.query.fetch_objects(filters=through).objects] == [first]

    body = {"match": {"class": garages.name, "where": SAME_CAR_WHERE}, "dryRun": True}
    reply = httpx.request("DELETE", server.url("/v1/batch/objects"), json=body, trust_env=False).json()
    assert reply["results"]["matches"] == 1
    assert garages.data.delete_many(where=SAME_CAR).successful == 1
    assert names(garages.query.fetch_objects().objects) == ["apart", "date", "none"]
    garages.data.update(ids["date"], {"cars": [{"make": "Fiat", "year": 2001}]})
    assert names(garages.query.fetch_objects(filters=SAME_CAR).objects) == ["date"]


def test_searches_over_rest_take_them(server: Server, garages: Collection[Any, Any]) -> None:
    reply = httpx.post(
        server.url(f"/v1/search/{garages.name}/bm25"),
        json={"query": "both apart none", "where": SAME_CAR_WHERE},
        trust_env=False,
    )
    assert reply.status_code == 200, reply.text
    assert [one["properties"]["name"] for one in reply.json()["results"]] == ["both"]
