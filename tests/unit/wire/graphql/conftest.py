"""Answers of the GraphQL wire over a service that notes what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from weft.domain.aggregate import AggregateAnswer, AggregatedGroup, Aggregation
from weft.domain.answer import Answer
from weft.domain.caller import Caller
from weft.domain.errors import NotFound
from weft.domain.names import Alias
from weft.domain.query import Query
from weft.domain.schema import CollectionConfig, DataType, MultiVector, Property, VectorConfig, VectorIndexConfig
from weft.wire.graphql.answer import answer
from weft.wire.graphql.context import Context

TITLE, NUMBER = Property("title", DataType.TEXT), Property("n", DataType.INT)


def collection(name: str, *more: Property, vectors: Iterable[str] = ("default",)) -> CollectionConfig:
    multi = VectorIndexConfig(multivector=MultiVector())
    made = {one: VectorConfig(one, index=multi if one == "late" else VectorIndexConfig()) for one in vectors}
    return CollectionConfig(name, (TITLE, NUMBER, *more), made)


@dataclass
class Collections:
    configs: dict[str, CollectionConfig]
    known_aliases: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> CollectionConfig:
        found = self.configs.get(self.known_aliases.get(name, name))
        if found is None:
            raise NotFound(f"could not find class {name} in schema")
        return found

    def all(self) -> list[CollectionConfig]:
        return list(self.configs.values())

    def searchable(self) -> list[CollectionConfig]:
        return self.all()


@dataclass
class Aliases:
    collections: Collections

    def all(self) -> list[Alias]:
        return [Alias(alias, name) for alias, name in self.collections.known_aliases.items()]


@dataclass
class Service:
    collections: Collections
    aliases: Aliases = field(init=False)
    asked: list[Query] = field(default_factory=list)
    aggregated: list[Aggregation] = field(default_factory=list)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.aliases = Aliases(self.collections)

    def search(self, query: Query, caller: Caller) -> Answer:
        if self.failure is not None:
            raise self.failure
        self.asked.append(query)
        return Answer()

    def aggregate(self, asked: Aggregation, caller: Caller) -> AggregateAnswer:
        self.aggregated.append(asked)
        return AggregateAnswer(False, (AggregatedGroup(None, 3),))


@pytest.fixture
def service() -> Service:
    by = Property("by", DataType.REFERENCE, target_collections=("Author", "Article"))
    configs = [
        collection("Article", by, vectors=("one", "two", "late")),
        collection("Author"),
        collection("ArticleAdditional"),
        collection("String"),
    ]
    return Service(Collections({one.name: one for one in configs}, {"Paper": "Article"}))


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(service: Service) -> Ask:
    def asked(query: Any, variables: Mapping[str, Any] | None = None, operation: str | None = None) -> dict[str, Any]:
        question = {"query": query, "variables": variables, "operationName": operation}
        answered: dict[str, Any] = orjson.loads(orjson.dumps(answer(question, Context(service, Caller()))))
        return answered

    return asked


@pytest.fixture
def query_of(ask: Ask, service: Service) -> Callable[..., Query]:
    """The one query that a GraphQL field becomes."""

    def asked(text: str, **variables: Any) -> Query:
        service.asked.clear()
        answered = ask(text, variables)
        assert "errors" not in answered, answered["errors"]
        (query,) = service.asked
        return query

    return asked
