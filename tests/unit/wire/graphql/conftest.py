"""Answers of the GraphQL wire over the real service, which remembers what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from in_process import Recording, RecordingService
from weft.domain.caller import Caller
from weft.domain.query import Query
from weft.wire.graphql.answer import answer
from weft.wire.graphql.context import GraphQLContext

_OWN: dict[str, Any] = {"vectorizer": {"none": {}}}
_LATE = {**_OWN, "vectorIndexConfig": {"multivector": {"enabled": True}}}


def collection(name: str, vectors: Iterable[str] = ("default",)) -> dict[str, Any]:
    """The document of a collection with ``title`` and ``n``; the vector ``late`` is a multi-vector."""
    properties = [{"name": "title", "dataType": ["text"]}, {"name": "n", "dataType": ["int"]}]
    named = {one: _LATE if one == "late" else _OWN for one in vectors}
    return {"class": name, "properties": properties, "vectorConfig": named}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RecordingService]:
    """With Article, whose ``by`` points to authors and articles, and which is called Paper, too."""
    world = Recording(tmp_path, anonymous_access=True)
    collections = world.service.collections
    for document in (
        collection("Article", vectors=("one", "two", "late")),
        collection("Author"),
        collection("ArticleAdditional"),
        collection("String"),
    ):
        collections.create(document)
    collections.add_property("Article", {"name": "by", "dataType": ["Author", "Article"]})
    world.service.aliases.create("Paper", "Article")
    yield world.service
    world.close()


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(service: RecordingService) -> Ask:
    def asked(query: Any, variables: Mapping[str, Any] | None = None, operation: str | None = None) -> dict[str, Any]:
        question = {"query": query, "variables": variables, "operationName": operation}
        answered: dict[str, Any] = orjson.loads(orjson.dumps(answer(question, GraphQLContext(service, Caller()))))
        return answered

    return asked


@pytest.fixture
def query_of(ask: Ask, service: RecordingService) -> Callable[..., Query]:
    """The one query that a GraphQL field becomes, which the service may refuse for want of a model."""

    def asked(text: str, **variables: Any) -> Query:
        service.queries.clear()
        answered = ask(text, variables)
        assert service.queries, answered["errors"]
        ((query, _),) = service.queries
        return query

    return asked
