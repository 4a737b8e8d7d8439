"""One collection as three clients see it, and what each of them finds in one form."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, GeoCoordinate
from weaviate.classes.query import MetadataQuery, QueryReference

from server import Server

NAME, MAKER = "OneAnswer", "OneAnswerMaker"
WORDS = ("ash", "birch", "cedar", "elm", "fir")
NEAR = [0.6, 0.8, 0.1]
_PLAIN = ("title", "n", "x", "flag", "tags", "when")
_PROPERTIES = (
    "title n x flag tags when place{latitude longitude} part{size} by{... on OneAnswerMaker{name _additional{id}}}"
)
_ADDITIONAL = "_additional{id distance certainty score creationTimeUnix lastUpdateTimeUnix vectors{default}}"
FULL = MetadataQuery.full()
_MADE = QueryReference(link_on="by", return_properties=["name"])


class Word(str):
    """A word of GraphQL that stands without quotes."""


def spelled(value: Any) -> str:
    """A value as GraphQL spells it."""
    match value:
        case Word():
            return str(value)
        case dict():
            return f"{{{' '.join(f'{key}:{spelled(one)}' for key, one in value.items())}}}"
        case list() | tuple():
            return f"[{','.join(spelled(one) for one in value)}]"
        case _:
            return json.dumps(value)


@dataclass
class Wires:
    """One collection as three clients see it."""

    server: Server
    client: weaviate.WeaviateClient
    http: httpx.Client

    @property
    def grpc(self) -> Any:
        return self.client.collections.use(NAME)

    def graphql(self, query: str, **variables: Any) -> Any:
        body = self.http.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def get(self, args: Mapping[str, Any], fields: str = f"{_PROPERTIES} {_ADDITIONAL}") -> list[dict[str, Any]]:
        listed = " ".join(f"{key}:{spelled(value)}" for key, value in args.items())
        found = self.graphql(f"{{Get{{{NAME}{f'({listed})' if args else ''}{{{fields}}}}}}}")["Get"][NAME]
        assert isinstance(found, list)
        return found

    def rest(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        body = self.http.get("/objects", params={"class": NAME, "include": "vector", **params}).json()
        objects = body["objects"]
        assert isinstance(objects, list)
        return objects


@contextmanager
def filled(server: Server, client: weaviate.WeaviateClient) -> Iterator[Wires]:
    """The collection with 24 objects, each made by one of three makers; gone afterwards."""
    client.collections.delete([NAME, MAKER])
    makers = client.collections.create(MAKER, properties=[Property(name="name", data_type=DataType.TEXT)])
    things = client.collections.create(
        NAME,
        properties=[
            Property(name="title", data_type=DataType.TEXT),
            Property(name="n", data_type=DataType.INT),
            Property(name="x", data_type=DataType.NUMBER),
            Property(name="flag", data_type=DataType.BOOL),
            Property(name="tags", data_type=DataType.TEXT_ARRAY),
            Property(name="when", data_type=DataType.DATE),
            Property(name="place", data_type=DataType.GEO_COORDINATES),
            Property(
                name="part",
                data_type=DataType.OBJECT,
                nested_properties=[Property(name="size", data_type=DataType.INT)],
            ),
        ],
        references=[ReferenceProperty(name="by", target_collection=MAKER)],
        vector_config=Configure.Vectors.self_provided(),
        inverted_index_config=Configure.inverted_index(
            index_null_state=True, index_property_length=True, index_timestamps=True
        ),
    )
    made_by = [makers.data.insert({"name": f"maker {i}"}, uuid=UUID(int=100 + i)) for i in range(3)]
    things.data.insert_many([_thing(i, made_by[i % 3]) for i in range(24)])
    with httpx.Client(base_url=server.url("/v1")) as http:
        yield Wires(server, client, http)
    client.collections.delete([NAME, MAKER])


def _thing(i: int, by: Any) -> DataObject[Any, Any]:
    properties: dict[str, Any] = {
        "title": f"{WORDS[i % 5]} {WORDS[i % 3]} {WORDS[i % 4]} no{i}",
        "n": (i * 7) % 12 - 3,
        "x": i / 7,
        "flag": i % 3 == 0,
        "when": f"2024-01-{i + 1:02}T00:00:00Z",
        "place": GeoCoordinate(latitude=i, longitude=2 * i),
        "part": {"size": i},
    }
    if i % 4:
        properties["tags"] = [WORDS[i % 5], "all"]
    angle = i / 5
    return DataObject(
        properties,
        uuid=UUID(int=i + 1),
        vector=[math.cos(angle), math.sin(angle), 0.1 * (i % 3)],
        references={"by": by},
    )


class Whole:
    """The client's searches, each with all that can be returned."""

    def __init__(self, query: Any) -> None:
        self._query = query

    def __getattr__(self, name: str) -> Any:
        search = getattr(self._query, name)

        def ask(*args: Any, **options: Any) -> Any:
            return search(*args, **options, return_metadata=FULL, include_vector=True, return_references=_MADE)

        return ask


def from_grpc(found: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": str(one.uuid),
            "distance": one.metadata.distance,
            "certainty": one.metadata.certainty,
            "score": one.metadata.score,
            "created": one.metadata.creation_time and round(one.metadata.creation_time.timestamp() * 1000),
            "vector": one.vector.get("default"),
            "by": [
                (str(made.uuid), made.properties["name"])
                for made in (one.references["by"].objects if one.references else ())
            ],
            "place": (one.properties["place"].latitude, one.properties["place"].longitude),
            "part": one.properties["part"],
            "when": one.properties["when"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{name: one.properties[name] for name in _PLAIN if name != "when"},
        }
        for one in found.objects
    ]


def from_graphql(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": one["_additional"]["id"],
            "distance": one["_additional"]["distance"],
            "certainty": one["_additional"]["certainty"],
            "score": float(one["_additional"]["score"]),
            "created": int(one["_additional"]["creationTimeUnix"]),
            "vector": one["_additional"]["vectors"]["default"],
            "by": [(made["_additional"]["id"], made["name"]) for made in one["by"]],
            "place": (one["place"]["latitude"], one["place"]["longitude"]),
            "part": one["part"],
            **{name: one[name] for name in _PLAIN},
        }
        for one in found
    ]


def from_rest(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": one["id"],
            "created": one["creationTimeUnix"],
            "vector": one["vectors"]["default"],
            "place": (one["properties"]["place"]["latitude"], one["properties"]["place"]["longitude"]),
            "part": one["properties"]["part"],
            **{name: one["properties"].get(name) for name in _PLAIN},
        }
        for one in found
    ]


def assert_same(grpc: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """float32 on the wire of gRPC, so numbers agree to its precision."""
    assert [one["id"] for one in grpc] == [one["id"] for one in other]
    for mine, theirs in zip(grpc, other, strict=True):
        for key, value in theirs.items():
            expected = (
                [uuid for uuid, _ in mine[key]] if key == "by" and value and isinstance(value[0], str) else mine[key]
            )
            if key in ("distance", "certainty", "score"):
                assert (value is None) == (expected is None), (key, mine, theirs)
                assert value is None or value == pytest.approx(expected, rel=1e-6, abs=1e-7), (key, mine, theirs)
            elif key in ("vector", "place"):
                assert value == pytest.approx(expected, rel=1e-6), key
            else:
                assert value == expected, (key, mine, theirs)
