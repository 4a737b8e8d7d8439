"""The verbs over the wires of a server: the official client (gRPC and REST), plain REST, GraphQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import httpx
import numpy as np
import weaviate
from weaviate.classes.aggregate import GroupByAggregate, Metrics
from weaviate.classes.data import DataObject
from weaviate.classes.query import Boost, Diversity, Filter, GroupBy, QueryReference, Sort, TargetVectors
from weaviate.exceptions import UnexpectedStatusCodeError

from history.history import Refused
from history.judging import Answer, Figures, Presence, Question, Row, Rows
from history.things import (
    COMING,
    EVERY,
    GROUPS,
    SINGLE,
    SOURCES,
    STEADY,
    TOKENS,
    document,
    properties,
    uuid_of,
    vector,
    vectors,
)
from server import Server

ALL = EVERY | set(SOURCES)
EXIST = Filter.by_property("group").not_equal("source")
_VERSION, _TWICE = Metrics("version").integer(), Metrics("twice").integer()


class OverWires:
    """``place``: the collection, and the tenant if it has any."""

    def __init__(self, server: Server, place: tuple[str, str | None]) -> None:
        self._server = server
        self._collection, self._tenant = place
        self.connect()

    def connect(self) -> None:
        """To the server, which was started again."""
        self.client = self._server.client()
        self._rest = httpx.Client(base_url=self._server.url("/v1"), timeout=60)
        objects = self.client.collections.use(self._collection)
        self._objects: Any = objects.with_tenant(self._tenant) if self._tenant else objects

    def close(self) -> None:
        self.client.close()
        self._rest.close()

    # -- writing

    def batch(self, versions: Mapping[int, int]) -> None:
        rows = [
            DataObject(properties(number, version), uuid_of(number), _lists(number, version))
            for number, version in versions.items()
        ]
        result = self._objects.data.insert_many(rows)
        assert not result.has_errors, result.errors

    def insert(self, number: int, version: int) -> None:
        self._sent("POST", "/objects", self._body(number, version), 422)

    def replace(self, number: int, version: int) -> None:
        path = f"/objects/{self._collection}/{uuid_of(number)}"
        if self._sent("HEAD", path, None, 404, **self._asked()):
            self._sent("PUT", path, self._body(number, version), 404)

    def merge(self, number: int, version: int) -> None:
        try:
            self._objects.data.update(uuid_of(number), properties(number, version), vector=_lists(number, version))
        except UnexpectedStatusCodeError as error:
            if error.status_code != 404:
                raise
            raise Refused from error

    def delete(self, number: int) -> None:
        if not self._objects.data.delete_by_id(uuid_of(number)):
            raise Refused

    def delete_many(self, group: str) -> None:
        deleted = self._objects.data.delete_many(where=Filter.by_property("group").equal(group))
        assert deleted.failed == 0 and deleted.successful == deleted.matches, deleted

    def link(self, number: int, targets: Sequence[int]) -> None:
        self._objects.data.reference_replace(uuid_of(number), "to", [uuid_of(one) for one in targets])

    def _sent(self, verb: str, path: str, body: Any, refused: int, **asked: Any) -> bool:
        answer = self._rest.request(verb, path, json=body, params=asked)
        if answer.status_code == refused:
            raise Refused(answer.text)
        assert answer.is_success, f"{verb} {path}: {answer.status_code} {answer.text}"
        return True

    def _asked(self) -> dict[str, str]:
        return {"tenant": self._tenant} if self._tenant else {}

    def _body(self, number: int, version: int) -> dict[str, Any]:
        body = {
            "class": self._collection,
            "id": uuid_of(number),
            "properties": properties(number, version),
            "vectors": _lists(number, version),
        }
        return body | self._asked()

    # -- reading

    def questions(self, rng: random.Random) -> list[Question]:
        q = vector(rng.randrange(100), rng.randrange(100)).tolist()
        query = self._objects.query
        steady, some = Filter.by_property("group").equal("steady"), rng.sample(range(STEADY.stop), 10)
        uuids = [uuid_of(number) for number in some]
        whole = {"filters": EXIST, "include_vector": True}
        by_version = Sort.by_property("version")
        text = {"query": "common", "query_properties": ["text"]}
        boost = Boost.filter(Filter.by_property("even").equal(True), weight=0.5)

        def near(name: str, n: int) -> Any:
            return query.near_vector(q, target_vector=name, limit=n, **whole)

        hybrid = {**text, "vector": q, "target_vector": "hnsw"}
        asked: list[tuple[str, frozenset[int], Callable[[int], Any]]] = [
            ("list", EVERY, lambda n: query.fetch_objects(limit=n, **whole)),
            ("filter", frozenset(STEADY), lambda n: query.fetch_objects(filters=steady, limit=n, include_vector=True)),
            *((f"near {name}", EVERY, partial(near, name)) for name in SINGLE),
            ("tokens", EVERY, lambda n: query.near_vector([q, q], target_vector=TOKENS, limit=n, **whole)),
            ("object", EVERY, lambda n: query.near_object(uuids[0], target_vector="flat", limit=n, **whole)),
            ("keyword", EVERY, lambda n: query.bm25(**text, limit=n, **whole)),
            ("hybrid", EVERY, lambda n: query.hybrid(**hybrid, limit=n, **whole)),
            ("targets", EVERY, lambda n: query.near_vector(q, target_vector=_TARGETS, limit=n, **whole)),
            ("boost", EVERY, lambda n: query.near_vector(q, target_vector="flat", boost=boost, limit=n, **whole)),
        ]  # fmt: skip
        made = [
            Question(f"{name}, {n}", partial(_asked, ask, among, n)) for name, among, ask in asked for n in (10, 200)
        ]
        grouped = {"group_by": GroupBy(prop="group", objects_per_group=100, number_of_groups=5), "limit": 200} | whole
        diverse = {"target_vector": "flat", "diversity_selection": Diversity.mmr(limit=10, balance=0.5), "limit": 30}
        linked = {"filters": Filter.by_property("group").equal("source"), "return_references": _LINKED}
        sorted_ = {"filters": EXIST, "sort": by_version, "limit": 200}
        return [
            *made,
            Question("by ids", lambda: _rows(query.fetch_objects_by_ids(uuids), frozenset(some))),
            Question("sort", lambda: _rows(query.fetch_objects(**sorted_), EVERY, by="version")),
            Question("sort, 10", lambda: _rows(query.fetch_objects(**sorted_ | {"limit": 10}), EVERY, 10, "version")),
            Question("group", lambda: _rows(query.near_vector(q, target_vector="hnsw", **grouped), EVERY)),
            Question("group words", lambda: _rows(query.bm25(**text, **grouped), EVERY)),
            Question("diversity", lambda: _rows(query.near_vector(q, **diverse), ALL, 10)),
            Question("links", lambda: _rows(query.fetch_objects(**linked), frozenset(SOURCES))),
            Question("pages", lambda: Rows([_row(one) for one in self._objects.iterator(include_vector=True)], ALL)),
            Question("get", lambda: self._get(some[0])),
            Question("get coming", lambda: self._get(rng.choice(COMING))),
            Question("REST get", lambda: self._rest_get(rng.choice([*STEADY, *COMING]))),
            Question("REST list", self._rest_list),
            Question("exists", lambda: self._exists(rng.choice(range(COMING.stop)))),
            Question("GraphQL", lambda: self._graphql(q)),
            Question("count", lambda: [_count(self._objects.aggregate.over_all(total_count=True).total_count)]),
            Question("figures", lambda: self._figures(None)),
            Question("figures by group", lambda: self._figures("group")),
            Question("figures of a search", lambda: self._figures_near(q)),
        ]  # fmt: skip

    def _get(self, number: int) -> Answer:
        found = self._objects.query.fetch_object_by_id(uuid_of(number), include_vector=True)
        return Presence(number, False) if found is None else Rows([_row(found)], frozenset({number}))

    def _rest_get(self, number: int) -> Answer:
        asked = {"include": "vector", **self._asked()}
        answer = self._rest.get(f"/objects/{self._collection}/{uuid_of(number)}", params=asked)
        if answer.status_code == 404:
            return Presence(number, False)
        found = answer.raise_for_status().json()
        return Rows([Row(found["id"], found["properties"], found["vectors"])], frozenset({number}))

    def _rest_list(self) -> Answer:
        asked = {"class": self._collection, "limit": "200", **self._asked()}
        found = self._rest.get("/objects", params=asked).raise_for_status().json()["objects"]
        return Rows([Row(one["id"], one["properties"]) for one in found], ALL)

    def _exists(self, number: int) -> Answer:
        return Presence(number, self._objects.data.exists(uuid_of(number)))

    def _graphql(self, near: Sequence[float]) -> Answer:
        tenant = f'tenant: "{self._tenant}"' if self._tenant else ""
        arguments = f'limit: 200 {tenant} nearVector: {{vector: {list(near)} targetVectors: ["hnsw"]}}'
        parts = "version twice half word text even group number _additional { id }"
        question = f"{{ Get {{ {self._collection}({arguments}) {{ {parts} }} }} }}"
        answer = self._rest.post("/graphql", json={"query": question}).raise_for_status().json()
        assert "errors" not in answer, answer
        return Rows([Row(one["_additional"]["id"], one) for one in answer["data"]["Get"][self._collection]], ALL)

    def _figures(self, by: str | None) -> Sequence[Figures]:
        group = GroupByAggregate(prop=by) if by is not None else None
        found = self._objects.aggregate.over_all(
            filters=EXIST, group_by=group, total_count=True, return_metrics=[_VERSION, _TWICE]
        )
        if by is None:
            return [_figures(found, EVERY)]
        return [_figures(one, frozenset(GROUPS[one.grouped_by.value])) for one in found.groups]

    def _figures_near(self, near: Sequence[float]) -> Sequence[Figures]:
        asked = {"filters": EXIST, "total_count": True, "return_metrics": [_VERSION, _TWICE]}
        found = self._objects.aggregate.near_vector(near, target_vector="hnsw", object_limit=1000, **asked)
        return [_figures(found, EVERY)]


_TARGETS = TargetVectors.sum(["flat", "hnsw"])
_LINKED = QueryReference(link_on="to", include_vector=True)


def make(client: weaviate.WeaviateClient, place: tuple[str, str | None]) -> None:
    client.collections.create_from_dict(document(place[0], tenants=place[1] is not None))


def _lists(number: int, version: int) -> dict[str, Any]:
    return {name: one.tolist() for name, one in vectors(number, version).items()}


def _asked(ask: Callable[[int], Any], among: frozenset[int], limit: int) -> Answer:
    return _rows(ask(limit), among, limit)


def _rows(answer: Any, among: frozenset[int], limit: int | None = None, by: str | None = None) -> Answer:
    return Rows([_row(one) for one in answer.objects], among, limit if limit is not None and limit < 100 else None, by)


def _row(found: Any) -> Row:
    links = (found.references or {}).get("to")
    seen = {name: np.asarray(one, np.float32) for name, one in (found.vector or {}).items()}
    return Row(str(found.uuid), found.properties, seen, None if links is None else [_row(one) for one in links.objects])


def _figures(found: Any, among: frozenset[int]) -> Figures:
    version, twice = found.properties["version"], found.properties["twice"]
    return Figures(among, found.total_count, twice.sum_, version.sum_, version.minimum, version.maximum)


def _count(found: int) -> Figures:
    return Figures(ALL, found, 0, 0, None, None)
