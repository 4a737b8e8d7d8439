"""Indexes of properties, changed and rebuilt: over REST, watched as tasks and as jobs, found by the client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property, Tokenization
from weaviate.classes.query import Filter
from weaviate.classes.tenants import Tenant
from weaviate.exceptions import WeaviateQueryError

from server import Server

Make = Callable[..., Any]
WAIT_S = 60


def ask(server: Server, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = httpx.request(method, server.url(f"/v1{path}"), json=body, timeout=WAIT_S)
    return response.status_code, response.json() if response.content else None


def change(server: Server, method: str, path: str, body: Any = None) -> str:
    """The id of the task, which has ended well when this returns."""
    status, answer = ask(server, method, f"/schema/{path}", body)
    assert (status, answer["status"]) == (202, "STARTED"), answer
    id: str = answer["taskId"]
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        (task,) = [one for one in ask(server, "GET", "/tasks")[1]["reindex"] if one["id"] == id]
        if task["status"] != "STARTED":
            assert task["status"] in ("SWAPPING", "FINISHED"), task
        if task["status"] == "FINISHED":
            assert {one["status"] for one in task["units"]} == {"COMPLETED"}
            return id
        time.sleep(0.01)
    raise AssertionError(task)


def indexes(server: Server, name: str) -> dict[str, dict[str, Any]]:
    _, answer = ask(server, "GET", f"/schema/{name}/indexes")
    return {one["name"]: {index["type"]: index for index in one["indexes"] or ()} for one in answer["properties"]}


def test_another_tokenisation_and_indexes_that_were_off(server: Server, make: Make) -> None:
    things = make(
        vector_config=Configure.Vectors.self_provided(),
        properties=[
            Property(name="text", data_type=DataType.TEXT),
            Property(name="bare", data_type=DataType.TEXT, index_filterable=False, index_searchable=False),
            Property(name="n", data_type=DataType.INT, index_filterable=False),
        ],
    )
    name = things.name
    things.data.insert_many([{"text": f"Red Loom {n}", "bare": f"weft {n}", "n": n} for n in range(30)])
    by_n = Filter.by_property("n").equal(3)
    with pytest.raises(WeaviateQueryError, match="requires inverted index"):
        things.query.fetch_objects(filters=by_n)
    assert indexes(server, name)["n"] == {}

    id = change(server, "PUT", f"{name}/properties/n/index/filterable", {})
    assert id.startswith(f"{name}:enable-filterable:n:")
    assert [one.properties["n"] for one in things.query.fetch_objects(filters=by_n).objects] == [3]
    change(server, "PUT", f"{name}/properties/bare/index/searchable", {"tokenization": "field"})
    assert [one.properties["n"] for one in things.query.bm25("weft 7", query_properties=["bare"]).objects] == [7]

    assert len(things.query.bm25("loom", limit=100).objects) == 30
    change(server, "PUT", f"{name}/properties/text/index/searchable", {"tokenization": "field"})
    assert things.query.bm25("loom", query_properties=["text"]).objects == []
    whole = Filter.by_property("text").equal("Red Loom 4")
    assert [one.properties["n"] for one in things.query.fetch_objects(filters=whole).objects] == [4]
    things.data.insert({"text": "Red Loom 99", "n": 99})
    assert len(things.query.bm25("Red Loom 99", query_properties=["text"]).objects) == 1
    tokenization = {one.name: one.tokenization for one in things.config.get().properties}
    assert (tokenization["text"], tokenization["bare"]) == (Tokenization.FIELD, Tokenization.FIELD)
    assert indexes(server, name)["text"] == {
        "filterable": {"type": "filterable", "status": "ready", "tokenization": "field"},
        "searchable": {"type": "searchable", "status": "ready", "tokenization": "field", "algorithm": "blockmax"},
    }
    path = f"/schema/{name}/properties/text/index/searchable"
    assert ask(server, "PUT", path, {"tokenization": "field"}) == (200, {"status": "NO_OP"})
    assert ask(server, "POST", f"{path}/cancel") == (202, {"status": "NO_OP"})
    change(server, "POST", f"{name}/properties/text/index/searchable/rebuild")
    change(server, "POST", f"{name}/properties/n/index/filterable/rebuild")
    assert len(things.query.bm25("Red Loom 5", query_properties=["text"]).objects) == 1
    assert len(things.query.fetch_objects(filters=by_n).objects) == 1
    kinds = {one["kind"] for one in ask(server, "GET", "/weft/jobs")[1]["jobs"] if one["collections"] == [name]}
    assert kinds == {"reindex"}

    things.config.delete_property_index("text", "searchable")
    things.config.delete_property_index("text", "filterable")
    with pytest.raises(WeaviateQueryError):
        things.query.fetch_objects(filters=whole)
    assert indexes(server, name)["text"] == {}
    change(server, "PUT", f"{name}/properties/text/index/filterable", {})
    assert [one.properties["n"] for one in things.query.fetch_objects(filters=whole).objects] == [4]


def test_tenants(server: Server, make: Make) -> None:
    """Inactive ones follow when they are next opened."""
    things = make(
        vector_config=Configure.Vectors.self_provided(),
        properties=[Property(name="text", data_type=DataType.TEXT)],
        multi_tenancy_config=Configure.multi_tenancy(enabled=True),
    )
    things.tenants.create([Tenant(name=one) for one in ("a", "b", "c")])
    for one in "abc":
        things.with_tenant(one).data.insert_many([{"text": f"red loom {n}"} for n in range(5)])
    things.tenants.deactivate("c")
    path = f"{things.name}/properties/text/index/searchable"
    status, answer = ask(server, "PUT", f"/schema/{path}?tenants=a", {"tokenization": "field"})
    assert (status, "semantic" in answer["error"][0]["message"]) == (400, True)
    change(server, "POST", f"{path}/rebuild?tenants=a,b")
    assert ask(server, "POST", f"/schema/{path}/rebuild?tenants=c")[0] == 400
    change(server, "PUT", path, {"tokenization": "field"})
    things.tenants.activate("c")
    for one in "abc":
        found = things.with_tenant(one).query
        assert found.bm25("loom").objects == []
        assert len(found.bm25("red loom 3").objects) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("PUT", "text/index/searchable", {"tokenization": "other"}, 400, "invalid tokenization"),
        ("PUT", "text/index/rangeFilters", {}, 400, "not a numeric type"),
        ("PUT", "text/index/rangeable", {}, 400, "not a numeric type"),
        ("PUT", "other/index/searchable", {}, 404, "not found"),
        ("POST", "text/index/rangeFilters/rebuild", None, 400, "not a numeric type"),
        ("POST", "other/index/searchable/cancel", None, 404, "not found"),
        ("DELETE", "other/index/searchable", None, 422, "not found"),
    ],
)
def test_refusals(server: Server, make: Make, method: str, path: str, body: Any, status: int, words: str) -> None:
    things = make(properties=[Property(name="text", data_type=DataType.TEXT)])
    found, answer = ask(server, method, f"/schema/{things.name}/properties/{path}", body)
    assert (found, words in answer["error"][0]["message"]) == (status, True), answer
    for method in ("PUT", "DELETE"):
        found, answer = ask(server, method, f"/schema/{things.name}/properties/text/index/bogus", {})
        assert (found, answer["code"]) == (422, 606)
    assert ask(server, "GET", "/schema/Absent/indexes") == (404, None)
