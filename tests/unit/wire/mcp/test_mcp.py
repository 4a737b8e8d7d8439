"""``/v1/mcp`` over a server in this process, as any program may send it: JSON-RPC without a handshake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess
from unit.access.world import OBJECT, World, data
from weft.access.permissions import Permission, everything
from weft.wire.mcp.results import MOST_CHARS, fitted
from weft.wire.mcp.toolbox import Toolbox

READS = everything("read_mcp")


def posted(world: InProcess, body: Any, key: str | None = None, **headers: str) -> Any:
    given = {"accept": "application/json, text/event-stream", **headers}
    if key is not None:
        given["authorization"] = f"Bearer {key}"
    return world.rest.post("/v1/mcp", headers=given, json=body)


def called(world: InProcess, tool: str, key: str | None = None, **arguments: Any) -> tuple[Any, bool]:
    """(what the tool answers, whether it failed)."""
    params = {"name": tool, "arguments": arguments}
    reply = posted(world, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, key)
    assert reply.status_code == 200, reply.text
    result = reply.json()["result"]
    assert result["content"][0]["type"] == "text"
    if result["isError"]:
        return result["content"][0]["text"], True
    return result["structuredContent"], False


def done(world: InProcess, tool: str, key: str | None = None, **arguments: Any) -> Any:
    found, failed = called(world, tool, key, **arguments)
    assert not failed, found
    return found


def refused(world: InProcess, tool: str, key: str | None = None, **arguments: Any) -> str:
    found, failed = called(world, tool, key, **arguments)
    assert failed, found
    return str(found)


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """Open to all, with tools that write, and three movies."""
    made = InProcess(tmp_path_factory.mktemp("movies"), mcp_server_enabled=True, mcp_server_write_access_enabled=True)
    properties = [
        {"name": "title", "data_type": "text", "description": "as on the poster"},
        {"name": "year", "data_type": "int"},
        {"name": "poster", "data_type": "blob"},
    ]
    done(made, "weft-collections-create", collection_name="Movie", properties=properties, vectorizer="none")
    objects = [
        {"uuid": OBJECT, "properties": {"title": "alien", "year": 1979, "poster": "YWJj"}, "vector": [1, 0]},
        {"properties": {"title": "aliens", "year": 1986}, "vector": [0.9, 0.1]},
        {"properties": {"title": "heat", "year": 1995}, "vector": [0, 1]},
        {"uuid": "7", "properties": {}},
    ]
    results = done(made, "weaviate-objects-upsert", collection_name="Movie", objects=objects)["results"]
    assert results[0] == {"id": OBJECT} and "not a uuid" in results[3]["error"]
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With roles, and without tools that write."""
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def titles(results: list[Any]) -> list[str]:
    return [one["properties"]["title"] for one in results]


def test_what_there_is_is_listed_counted_and_described(movies: InProcess) -> None:
    assert done(movies, "weft-collections-list")["collections"] == [
        {
            "name": "Movie",
            "objects": 3,
            "properties": {"title": "text", "year": "int", "poster": "blob"},
            "vectors": {"default": "none"},
        }
    ]
    (config,) = done(movies, "weaviate-collections-get-config", collection_name="Movie")["collections"]
    assert config["properties"][0]["description"] == "as on the poster"
    assert done(movies, "weaviate-collections-get-config")["collections"] == [config]


def test_searches_take_filters_and_return_what_they_are_asked_for(movies: InProcess) -> None:
    found = done(movies, "weft-query-keyword", collection_name="Movie", query="alien heat")["results"]
    assert sorted(titles(found)) == ["alien", "heat"] and found[0]["metadata"]["score"] > 0
    assert "poster" not in found[0]["properties"]
    old = {"operator": "LessThan", "path": ["year"], "valueInt": 1990}
    found = done(movies, "weft-query-similar", collection_name="Movie", uuid=OBJECT, filters=old)["results"]
    assert titles(found) == ["alien", "aliens"]
    (one,) = done(
        movies,
        "weaviate-query-hybrid",
        collection_name="Movie",
        query="heat",
        alpha=0,
        return_properties=["year"],
        return_metadata=["vector", "explainScore"],
    )["results"]
    assert one["properties"] == {"year": 1995} and one["vectors"] == {"default": [0, 1]}
    assert "keyword,bm25" in one["metadata"]["explainScore"]


def test_objects_are_fetched_listed_and_aggregated(movies: InProcess) -> None:
    unknown = OBJECT.replace("1", "9")
    found = done(movies, "weft-objects-get", collection_name="Movie", uuids=[OBJECT, unknown], return_vectors=True)
    assert [one["vector"] for one in found["objects"]] == [[1, 0]] and found["missing"] == [unknown]
    listed = done(
        movies, "weft-objects-list", collection_name="Movie", sort_by="year", descending=True, offset=1, limit=1
    )
    assert titles(listed["objects"]) == ["aliens"]
    found = done(movies, "weft-aggregate", collection_name="Movie", properties=["year", "title"])
    assert found["count"] == 3 and found["properties"]["year"]["maximum"] == 1995
    assert {"value": "heat", "occurs": 1} in found["properties"]["title"]["topOccurrences"]
    groups = done(movies, "weft-aggregate", collection_name="Movie", group_by="year", limit=2)["groups"]
    assert len(groups) == 2 and groups[0]["count"] == 1


def test_what_is_stored_is_changed_and_deleted(movies: InProcess) -> None:
    done(movies, "weft-collections-create", collection_name="Note", vectorizer="none", multi_tenancy=True)
    done(movies, "weft-properties-add", collection_name="Note", name="text", data_type="text")
    movies.rest.post("/v1/schema/Note/tenants", json=[{"name": "ann"}]).raise_for_status()
    assert done(movies, "weaviate-tenants-list", collection_name="Note")["tenants"] == [
        {"name": "ann", "activityStatus": "ACTIVE"}
    ]
    ann = {"collection_name": "Note", "tenant_name": "ann"}
    objects = [{"uuid": OBJECT, "properties": {"text": "first"}}, {"properties": {"text": "second"}}]
    done(movies, "weaviate-objects-upsert", **ann, objects=objects)
    done(movies, "weft-objects-update", **ann, uuid=OBJECT, properties={"text": "changed"})
    where = {"operator": "Equal", "path": ["text"], "valueText": "changed"}
    counted = done(movies, "weft-objects-delete", **ann, filters=where, dry_run=True)
    assert counted == {"matches": 1, "deleted": 0, "failed": 0}
    assert done(movies, "weft-objects-delete", **ann, uuids=[OBJECT])["deleted"] == 1
    assert len(done(movies, "weft-objects-list", **ann)["objects"]) == 1
    assert "not both" in refused(movies, "weft-objects-delete", **ann)
    assert "confirm_name must be 'Note'" in refused(
        movies, "weft-collections-delete", collection_name="Note", confirm_name="note?"
    )
    assert done(movies, "weft-collections-delete", collection_name="Note", confirm_name="Note") == {"deleted": "Note"}


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("weft-query-keyword", {"query": "x", "collection": "Movie"}, "did you mean 'collection_name'?"),
        ("weft-query-keyword", {"query": "x"}, "needs the argument 'collection_name'"),
        ("weft-query-keyword", {"query": "x", "collection_name": "Movie", "limit": -1}, "limit: -1 is less than"),
        (
            "weft-query-keyword",
            {"query": "x", "collection_name": "Movie", "limit": 10**9},
            "limit: 1000000000 is greater",
        ),
        (
            "weaviate-query-hybrid",
            {"query": "x", "collection_name": "Movie", "alpha": 1.5},
            "alpha: 1.5 is greater than",
        ),
        ("weft-query-keyword", {"query": "x", "collection_name": "Movie", "filters": {"a": 1}}, "unknown field 'a'"),
        (
            "weft-query-keyword",
            {"query": "x", "collection_name": "Movie", "return_metadata": ["all"]},
            "'all' is not one",
        ),
        (
            "weft-query-keyword",
            {"query": "x", "collection_name": "Movie", "return_properties": ["nope"]},
            "no such prop",
        ),
        ("weft-query-keyword", {"query": "x", "collection_name": "Nothing"}, "could not find class Nothing"),
        ("weft-query-meaning", {"query": "x", "collection_name": "Movie"}, "vectorizer"),
        ("weft-query-media", {"data": "!", "collection_name": "Movie"}, ""),
        ("weft-objects-get", {"collection_name": "Movie", "uuids": ["x" * 1000]}, "is not a uuid"),
        ("weft-aggregate", {"collection_name": "Movie", "limit": 2}, "give group_by as well"),
        ("weft-nothing", {}, "there is no tool 'weft-nothing'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    movies: InProcess, tool: str, arguments: dict[str, Any], sentence: str
) -> None:
    said = refused(movies, tool, **arguments)
    assert sentence in said and len(said) < 1200 and "internal error" not in said


def test_the_rights_of_the_caller_hold_in_every_tool(world: World) -> None:
    key = world.user("reader", [READS, data("read", "Movies"), Permission("read_collections", ("Movies",))])
    listed = done(world, "weft-collections-list", key)["collections"]
    assert [(one["name"], one["objects"]) for one in listed] == [("Movies", 1)]
    assert titles(done(world, "weft-query-keyword", key, collection_name="Movies", query="alien")["results"]) == [
        "Alien"
    ]
    assert "forbidden action" in refused(world, "weft-objects-list", key, collection_name="Shops", tenant_name="t1")
    half = world.user("half", [READS, Permission("read_collections", ("*",))])
    assert "objects" not in done(world, "weft-collections-list", half)["collections"][0]
    assert posted(world, {}, world.user("data-only", [data("read", "*")])).status_code == 403
    assert posted(world, {}).status_code == 401
    assert posted(world, {}, "no-key").status_code == 401


def test_tools_that_write_are_off_unless_the_operator_allows_them(world: World, tmp_path: Path) -> None:
    assert all(not one.writes for one in Toolbox(writes=False).tools)
    names = {one.name for one in Toolbox(writes=True).tools if one.writes}
    for name in names:
        assert "MCP_SERVER_WRITE_ACCESS_ENABLED=true" in refused(world, name, "root-key")
    other = World(tmp_path, mcp_server_write_access_enabled=True)
    writer = other.user("writer", [READS, data("create", "*"), data("update", "*")])
    movie = {"collection_name": "Movies", "objects": [{"properties": {"title": "Heat"}}]}
    assert "create_mcp" in refused(other, "weaviate-objects-upsert", writer, **movie)
    may = [READS, everything("create_mcp"), everything("update_mcp"), data("create", "*"), data("update", "*")]
    assert done(other, "weaviate-objects-upsert", other.user("both", may), **movie)["results"][0]["id"]
    other.close()


def test_a_server_without_it_says_how_to_have_it(tmp_path: Path) -> None:
    made = InProcess(tmp_path)
    reply = posted(made, {})
    assert reply.status_code == 404 and "MCP_SERVER_ENABLED=true" in reply.text
    made.close()


def test_messages_that_are_none_end_nothing(movies: InProcess) -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    bodies: tuple[Any, ...] = (
        1,
        [],
        {},
        {"jsonrpc": "2.0"},
        {"jsonrpc": "2.0", "id": 1, "method": "x"},
        deep,
        {"id": {}, "a": deep},
    )
    for body in bodies:
        for version in ("2026-07-28", "2025-06-18", "1999-01-01"):
            assert posted(movies, body, **{"mcp-protocol-version": version}).status_code < 500
    assert movies.rest.post("/v1/mcp", content=b"{", headers={"content-type": "application/json"}).status_code < 500
    assert movies.rest.get("/v1/mcp").status_code == 405
    reply = movies.rest.post("/v1/mcp", content=b" " * ((16 << 20) + 1), headers={"content-type": "application/json"})
    assert reply.status_code == 413
    assert done(movies, "weft-collections-list")["collections"]


def test_answers_are_cut_to_what_a_model_can_read() -> None:
    assert fitted({"results": ["short"]}) == {"results": ["short"]}
    long = fitted({"results": [{"text": "x" * 90_000}, {"text": "y" * 90_000}]})
    assert [len(one["text"]) < 2100 for one in long["results"]] == [True, True] and "shortened" in long["cut"]
    many = fitted({"results": [{"n": n, "text": "x" * 1500} for n in range(1000)], "other": 1})
    assert len(str(many)) <= MOST_CHARS + 1000 and many["other"] == 1
    assert 0 < len(many["results"]) < 1000 and f"{1000 - len(many['results'])} of 1000 results" in many["cut"]
    assert len(str(fitted({"vectors": {"a": list(range(100_000))}}))) < MOST_CHARS + 1000
