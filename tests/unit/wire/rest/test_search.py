"""Searches and counts as JSON: what they find, what they return of it, and which status refuses what."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

WRITER, SPACE, FOOD, BARE = (f"00000000-0000-0000-0000-00000000000{n}" for n in range(1, 5))
SEARCHES: dict[str, dict[str, Any]] = {
    "bm25": {"query": "galaxy"},
    "hybrid": {"query": "galaxy", "alpha": 0},
    "near-object": {"id": SPACE},
}


@pytest.fixture
def videos(rest: TestClient) -> TestClient:
    details = [{"name": "minutes", "dataType": ["int"]}, {"name": "still", "dataType": ["blob"]}]
    kinds = {"title": "text", "about": "text", "year": "int", "good": "boolean", "poster": "blob", "by": "Writer"}
    properties: list[dict[str, Any]] = [{"name": name, "dataType": [kind]} for name, kind in kinds.items()]
    properties += [
        {"name": "rating", "dataType": ["int"], "indexFilterable": False},
        {"name": "details", "dataType": ["object"], "nestedProperties": details},
        {"name": "many", "dataType": ["Writer", "Ledger"]},
    ]
    text = [{"name": "name", "dataType": ["text"]}]
    for schema in (
        {"class": "Writer", "vectorizer": "none", "properties": text},
        {"class": "Ledger", "vectorizer": "none", "properties": [{"name": "year", "dataType": ["int"]}]},
        {"class": "Video", "vectorizer": "none", "properties": properties},
        {"class": "Diary", "vectorizer": "none", "properties": text, "multiTenancyConfig": {"enabled": True}},
        {"class": "Dot", "vectorizer": "none", "vectorIndexConfig": {"distance": "dot"}, "properties": text},
        {"class": "Named", "vectorConfig": {name: {"vectorizer": {"none": {}}} for name in ("one", "two")}},
    ):
        assert rest.post("/v1/schema", json=schema).status_code == 200
    assert rest.post("/v1/schema/Diary/tenants", json=[{"name": "mine"}]).status_code == 200
    by = [{"beacon": f"weaviate://localhost/Writer/{WRITER}"}]
    space = {"title": "galaxy", "about": "a ship", "year": 2021, "good": True, "poster": "aGk=", "by": by}
    space["details"] = {"minutes": 120, "still": "aGk="}
    for made in (
        {"class": "Writer", "id": WRITER, "properties": {"name": "Ada"}},
        {"class": "Video", "id": SPACE, "vector": [1, 0], "properties": space},
        {"class": "Video", "id": FOOD, "vector": [0.6, 0.8], "properties": {"about": "galaxy of food", "year": 1999}},
        {"class": "Video", "id": BARE, "properties": {"title": "bare", "year": 1999}},
    ):
        assert rest.post("/v1/objects", json=made).status_code == 200
    return rest


def found(videos: TestClient, kind: str, collection: str = "Video", /, **body: Any) -> list[dict[str, Any]]:
    reply = videos.post(f"/v1/search/{collection}/{kind}", json=body)
    assert reply.status_code == 200, reply.text
    assert list(reply.json()) == ["results", "tookMs"]
    results: list[dict[str, Any]] = reply.json()["results"]
    return results


def refused(reply: Any) -> tuple[int, str]:
    (only,) = reply.json()["error"]
    return reply.status_code, only["message"]


def ids(results: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in results]


@pytest.mark.parametrize("kind", SEARCHES)
def test_what_a_hit_holds(videos: TestClient, kind: str) -> None:
    asked = SEARCHES[kind]
    first, second = found(videos, kind, **asked)
    assert first == {
        "id": SPACE,
        "properties": {"title": "galaxy", "about": "a ship", "year": 2021, "good": True, "details": {"minutes": 120}},
    }
    assert second["id"] == FOOD
    assert found(videos, kind, **asked, returnProperties=[])[0] == {"id": SPACE, "properties": {}}
    chosen = found(videos, kind, **asked, returnProperties=["Title", "poster", "details", "by.name"])
    assert chosen[0]["properties"] == {"title": "galaxy", "poster": "aGk=", "details": {"minutes": 120}}
    assert chosen[0]["references"] == {"by": [{"name": "Ada"}]}
    assert "references" not in chosen[1]
    assert found(videos, kind, **asked, returnProperties=["by", "by.name"])[0]["references"] == {
        "by": [{"name": "Ada"}]
    }
    times = found(videos, kind, **asked, returnMetadata=["creationTime", "lastUpdateTime"])[0]["metadata"]
    assert times["creationTime"] == times["lastUpdateTime"] > 0


@pytest.mark.parametrize("kind", SEARCHES)
def test_pages_and_filters(videos: TestClient, kind: str) -> None:
    asked = SEARCHES[kind]
    assert ids(found(videos, kind, **asked, limit=1)) == [SPACE]
    assert ids(found(videos, kind, **asked, offset=1)) == [FOOD]
    where = {"path": ["year"], "operator": "Equal", "valueInt": 1999}
    assert ids(found(videos, kind, **asked, where=where)) == [FOOD]
    upper = {key.upper(): value for key, value in {**asked, "limit": 1}.items()}
    assert ids(found(videos, kind, **upper)) == [SPACE]


def test_a_query_over_graphql_without_a_page_returns_100(rest: TestClient) -> None:
    """Weaviate has a default for queries over GraphQL alone; with an offset it is that of all others."""
    schema = {"class": "Note", "vectorizer": "none", "properties": [{"name": "text", "dataType": ["text"]}]}
    assert rest.post("/v1/schema", json=schema).status_code == 200
    objects = [{"class": "Note", "properties": {"text": "galaxy"}} for _ in range(120)]
    assert rest.post("/v1/batch/objects", json={"objects": objects}).status_code == 200
    for page, expected in (("", 100), ("offset: 5", 10), ("limit: 110", 110)):
        query = f'{{Get{{Note({page} bm25: {{query: "galaxy"}}){{text}}}}}}'
        answer = rest.post("/v1/graphql", json={"query": query}).json()
        assert len(answer["data"]["Get"]["Note"]) == expected, answer


def test_metadata_of_each_search(videos: TestClient) -> None:
    every = {"returnMetadata": ["distance", "certainty", "score", "explainScore"]}
    by_word = found(videos, "bm25", **SEARCHES["bm25"], **every)[0]["metadata"]
    assert by_word["score"] > 0
    assert "galaxy" in by_word["explainScore"]
    assert {"distance", "certainty"}.isdisjoint(by_word)
    assert {"distance", "certainty"}.isdisjoint(found(videos, "hybrid", **SEARCHES["hybrid"], **every)[0]["metadata"])
    near = found(videos, "near-object", id=SPACE, **every)[0]["metadata"]
    assert (near["distance"], near["certainty"], near["score"]) == (0, 1, 0)


def test_properties_and_boosts(videos: TestClient) -> None:
    assert ids(found(videos, "bm25", query="galaxy", queryProperties=["about"])) == [FOOD]
    assert ids(found(videos, "bm25", query="galaxy", queryProperties=["title", "about^9"])) == [FOOD, SPACE]
    assert ids(found(videos, "hybrid", query="galaxy", alpha=0, fusionType="ranked", queryProperties=["About"])) == [
        FOOD
    ]


def test_within_a_distance(videos: TestClient) -> None:
    assert ids(found(videos, "near-object", id=SPACE, distance=0.1)) == [SPACE]
    assert ids(found(videos, "near-object", id=SPACE, certainty=0.9)) == [SPACE]
    assert ids(found(videos, "near-object", id=SPACE, certainty=0)) == [SPACE, FOOD]


ALL_REFUSE: list[tuple[dict[str, Any], int, str]] = [
    ({"limit": -1}, 400, "limit must not be negative, got -1"),
    ({"offset": -1}, 400, "offset must not be negative"),
    ({"autoLimit": -1}, 400, "autoLimit must not be negative"),
    ({"limit": "x"}, 400, "limit must be a number"),
    ({"consistencyLevel": "TWO"}, 422, "consistencyLevel in body should be one of [ONE QUORUM ALL]"),
    ({"returnMetadata": ["nope"]}, 422, "should be one of [distance certainty"),
    ({"returnMetadata": [""]}, 422, "should be one of [distance certainty"),
    ({"returnProperties": ["nope"]}, 400, "no such prop with name 'nope' found in class 'Video'"),
    ({"returnProperties": [""]}, 400, "must not be empty"),
    ({"returnProperties": ["details.minutes"]}, 400, "is not a reference property"),
    ({"returnProperties": ["by.nope"]}, 400, "found in class 'Writer'"),
    ({"returnProperties": ["by.name.more"]}, 422, "only one reference hop is supported"),
    ({"returnProperties": ["many"]}, 422, "multi-target reference"),
    ({"where": {"path": ["nope"], "operator": "Equal", "valueInt": 1}}, 400, "no such prop"),
    ({"where": {"path": ["year"], "operator": "Equal", "valueText": "x"}}, 400, "valueInt"),
    ({"where": {"path": ["year"], "operator": "Bad", "valueInt": 1}}, 422, "where.operator in body should be one of"),
    ({"where": {"path": ["rating"], "operator": "Equal", "valueInt": 1}}, 422, "requires inverted index"),
    ({"where": {}}, 400, "unrecognized operator"),
    ({"tenant": "mine"}, 422, "multi-tenancy disabled"),
    ({"groupBy": "year"}, 422, "groupBy is not yet supported"),
    ({"singlePrompt": ""}, 422, "singlePrompt is not yet supported"),
    ({"rerank": {"property": "title"}}, 422, "rerank is not yet supported"),
]


@pytest.mark.parametrize(("body", "status", "message"), ALL_REFUSE)
def test_every_search_refuses(videos: TestClient, body: dict[str, Any], status: int, message: str) -> None:
    for kind, asked in SEARCHES.items():
        got = refused(videos.post(f"/v1/search/Video/{kind}", json={**asked, **body}))
        assert got[0] == status, got
        assert message in got[1]


ONE_REFUSES: list[tuple[str, dict[str, Any], int, str]] = [
    ("Video/bm25", {}, 422, "query in body is required"),
    ("Video/bm25", {"query": ""}, 400, "query must not be empty"),
    ("Video/bm25", {"query": ["x"]}, 400, "query must be a string"),
    ("Video/bm25", {"query": "x", "queryProperties": ["nope"]}, 400, "no such prop"),
    ("Video/bm25", {"query": "x", "queryProperties": ["year"]}, 422, "indexSearchable"),
    ("Ledger/bm25", {"query": "x"}, 422, "no searchable properties"),
    ("Video/hybrid", {"query": "", "alpha": 0}, 400, "query must not be empty"),
    ("Video/hybrid", {"query": "x"}, 422, "hybrid with alpha > 0 is not supported"),
    ("Video/hybrid", {"query": "x", "alpha": 1.5}, 400, "alpha should be between 0.0 and 1.0, got 1.5"),
    ("Video/hybrid", {"query": "x", "alpha": 0, "fusionType": "no"}, 422, "fusionType in body should be one of"),
    ("Video/hybrid", {"query": "x", "alpha": 0, "maxVectorDistance": 1}, 400, "maxVectorDistance requires alpha > 0"),
    ("Video/near-text", {"query": "x"}, 400, "query must be an array"),
    ("Video/near-text", {"query": ["x", ""]}, 400, "query must not be empty"),
    ("Video/near-text", {"query": ["x"]}, 422, "near-text is not supported"),
    ("Video/near-text", {"query": ["x"], "distance": 1, "certainty": 1}, 400, "both distance and certainty"),
    ("Video/near-object", {}, 422, "id in body is required"),
    ("Video/near-object", {"id": ""}, 422, "uuid"),
    ("Video/near-object", {"id": "x"}, 422, "uuid"),
    ("Video/near-object", {"id": WRITER}, 400, "vector not found: there is no object"),
    ("Video/near-object", {"id": BARE}, 422, "vector not found for target"),
    ("Video/near-object", {"id": SPACE, "certainty": 2}, 400, "certainty must be between 0 and 1"),
    ("Video/near-object", {"id": SPACE, "targetVector": "x"}, 400, "does not have named vector x"),
    ("Dot/near-object", {"id": SPACE, "certainty": 0.5}, 422, "certainty"),
    ("Named/near-object", {"id": SPACE}, 422, "multiple vectors, but no target vectors"),
    ("Diary/bm25", {"query": "x"}, 422, "multi-tenancy enabled"),
    ("Diary/bm25", {"query": "x", "tenant": "other"}, 404, "tenant not found"),
    ("Absent/bm25", {"query": "x"}, 404, "Absent"),
    ("Absent/bm25", {"query": "x", "groupBy": "a"}, 422, "groupBy is not yet supported"),
]


@pytest.mark.parametrize(("path", "body", "status", "message"), ONE_REFUSES)
def test_one_search_refuses(videos: TestClient, path: str, body: dict[str, Any], status: int, message: str) -> None:
    got = refused(videos.post(f"/v1/search/{path}", json=body))
    assert got[0] == status, got
    assert message in got[1]


def test_refusals_before_the_handler_have_the_same_shape(videos: TestClient) -> None:
    headers = {"content-type": "application/json"}
    for path in ("search/Video/bm25", "aggregate/Video"):
        assert refused(videos.post(f"/v1/{path}", content="{bad", headers=headers))[0] == 400
        assert refused(videos.post(f"/v1/{path}", headers=headers))[0] == 422
        assert refused(videos.post(f"/v1/{path}", content="{}", headers={"content-type": "text/plain"}))[0] == 415


# -- counts


def counted(videos: TestClient, **body: Any) -> dict[str, Any]:
    reply = videos.post("/v1/aggregate/video", json=body)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    assert answer.pop("tookMs") >= 0
    return answer


def groups(videos: TestClient, **body: Any) -> list[tuple[object, int]]:
    return [(one["groupedBy"]["value"], one["count"]) for one in counted(videos, **body).get("groups", [])]


def test_counts(videos: TestClient) -> None:
    old = {"path": ["year"], "operator": "Equal", "valueInt": 1999}
    assert counted(videos) == counted(videos, returnMetrics=["count"]) == {"count": 3}
    assert counted(videos, where=old) == {"count": 2}
    assert counted(videos, where={**old, "valueInt": 5}) == {"count": 0}
    assert counted(videos, GROUPBY="Year", limit=1) == {
        "groups": [{"groupedBy": {"path": ["year"], "value": 1999}, "count": 2}]
    }
    assert groups(videos, groupBy="year") == [(1999, 2), (2021, 1)]
    assert groups(videos, groupBy="good") == [(True, 1)]
    assert groups(videos, groupBy="by") == [(f"weaviate://localhost/Writer/{WRITER}", 1)]
    assert counted(videos, groupBy="good", where=old) == {}


COUNTS_REFUSE: list[tuple[str, dict[str, Any], int, str]] = [
    ("Video", {"groupBy": "nope"}, 400, "no such prop with name 'nope'"),
    ("Video", {"groupBy": "details.minutes"}, 422, "must be a bare property name"),
    ("Video", {"limit": 1}, 400, "requires groupBy"),
    ("Video", {"groupBy": "year", "limit": 0}, 400, "limit must be positive, got 0"),
    ("Video", {"over": {}}, 422, "over is not yet supported"),
    ("Video", {"objectLimit": 1}, 422, "objectLimit is not yet supported"),
    ("Video", {"returnMetrics": ["year:mean"]}, 422, "not yet supported"),
    ("Video", {"returnMetrics": ["other"]}, 422, "unknown"),
    ("Video", {"where": {"path": ["nope"], "operator": "Equal", "valueInt": 1}}, 400, "no such prop"),
    ("Video", {"where": {"path": ["rating"], "operator": "Equal", "valueInt": 1}}, 422, "inverted index"),
    ("Video", {"tenant": "mine"}, 422, "multi-tenancy disabled"),
    ("Diary", {}, 422, "multi-tenancy enabled"),
    ("Diary", {"tenant": "other"}, 404, "tenant not found"),
    ("Absent", {}, 404, "Absent"),
]


@pytest.mark.parametrize(("name", "body", "status", "message"), COUNTS_REFUSE)
def test_a_count_refuses(videos: TestClient, name: str, body: dict[str, Any], status: int, message: str) -> None:
    got = refused(videos.post(f"/v1/aggregate/{name}", json=body))
    assert got[0] == status, got
    assert message in got[1]
