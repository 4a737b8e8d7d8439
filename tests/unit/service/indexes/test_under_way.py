"""Changes of indexes that are under way: what is refused, joined, listed, paused and cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_engine import shard_of
from in_process import InProcess
from weft.jobs import lane

INDEX = "/v1/schema/Thing/properties/text/index"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    made = InProcess(tmp_path)
    properties = [{"name": "text", "dataType": ["text"]}, {"name": "more", "dataType": ["text"]}]
    ask(made, "POST", "/v1/schema", {"class": "Thing", "vectorizer": "none", "properties": properties})
    ask(made, "POST", "/v1/objects", {"class": "Thing", "properties": {"text": "red loom", "more": "weft"}})
    yield made
    made.close()


def ask(server: InProcess, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = server.rest.request(method, path, json=body)
    return response.status_code, response.json() if response.content else None


def words(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"][0]["message"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def task(server: InProcess, id: str) -> Any:
    (found,) = [one for one in ask(server, "GET", "/v1/tasks")[1]["reindex"] if one["id"] == id]
    return found


def held(server: InProcess) -> Any:
    """While it is held, a change of the indexes does not get on."""
    return shard_of(server.database.get("Thing"))._writer.turn


def begun(server: InProcess) -> str:
    status, answer = ask(server, "PUT", f"{INDEX}/searchable", {"tokenization": "field"})
    assert (status, answer["status"]) == (202, "STARTED")
    id: str = answer["taskId"]
    until(lambda: task(server, id)["units"][0]["status"] == "IN_PROGRESS")
    return id


def test_a_property_has_one_change_at_a_time(server: InProcess) -> None:
    with held(server):
        id = begun(server)
        joined = (202, {"status": "STARTED", "taskId": id})
        assert ask(server, "PUT", f"{INDEX}/searchable", {"tokenization": "field"}) == joined
        assert ask(server, "PUT", f"{INDEX}/filterable", {"tokenization": "field"}) == joined
        assert ask(server, "PUT", f"{INDEX}/filterable", {}) == (200, {"status": "NO_OP"})
        status, said = words(ask(server, "PUT", f"{INDEX}/searchable", {"tokenization": "lowercase"}))
        assert (status, id in said) == (409, True)
        status, said = words(ask(server, "POST", f"{INDEX}/filterable/rebuild"))
        assert (status, id in said) == (409, True)
        status, said = words(ask(server, "DELETE", f"{INDEX}/searchable"))
        assert (status, id in said) == (422, True)
        text, _ = ask(server, "GET", "/v1/schema/Thing/indexes")[1]["properties"]
        assert [(one["status"], one["taskId"], one["targetTokenization"]) for one in text["indexes"]] == [
            ("pending", id, "field")
        ] * 2
        other = ask(server, "PUT", "/v1/schema/Thing/properties/more/index/searchable", {"tokenization": "field"})
        assert other[0] == 202, "properties do not wait for each other"
    for one in (id, other[1]["taskId"]):
        until(lambda one=one: task(server, one)["status"] == "FINISHED")  # type: ignore[misc]
    properties = ask(server, "GET", "/v1/schema/Thing")[1]["properties"]
    assert [one["tokenization"] for one in properties] == ["field", "field"]


def test_cancelling(server: InProcess) -> None:
    with held(server):
        id = begun(server)
        assert ask(server, "POST", f"{INDEX}/rangeFilters/cancel") == (202, {"status": "NO_OP"})
        assert ask(server, "POST", f"{INDEX}/filterable/cancel") == (202, {"status": "CANCELLED", "taskId": id})
        assert ask(server, "POST", f"{INDEX}/filterable/cancel") == (202, {"status": "NO_OP"})
        text, _ = ask(server, "GET", "/v1/schema/Thing/indexes")[1]["properties"]
        assert {(one["status"], one["taskId"]) for one in text["indexes"]} == {("cancelled", id)}
    until(lambda: task(server, id)["finishedAt"] > "0002")
    assert not list(server.database.folder.rglob("reindex"))
    assert ask(server, "GET", "/v1/schema/Thing")[1]["properties"][0]["tokenization"] == "word"
    again = begun(server)
    until(lambda: task(server, again)["status"] == "FINISHED")
    text, _ = ask(server, "GET", "/v1/schema/Thing/indexes")[1]["properties"]
    assert {one["status"] for one in text["indexes"]} == {"ready"}


def test_one_that_is_refused_leaves_another_alone(server: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    more = "/v1/schema/Thing/properties/more/index/searchable"
    with held(server):
        id = begun(server)
        monkeypatch.setattr(lane, "MAX_WAITING", 0)
        status, said = words(ask(server, "PUT", more, {"tokenization": "field"}))
        assert (status, "try again later" in said) == (429, True)
    until(lambda: task(server, id)["finishedAt"] > "0002")
    assert (task(server, id)["status"], task(server, id).get("error")) == ("FINISHED", None)


def test_pausing(server: InProcess) -> None:
    with held(server):
        id = begun(server)
        (job,) = [one for one in ask(server, "GET", "/v1/weft/jobs")[1]["jobs"] if one["name"] == id]
        assert (job["kind"], job["pausable"], job["progress"]["unit"]) == ("reindex", True, "objects")
        said = ask(server, "POST", f"/v1/weft/jobs/{job['id']}/pause")[1]["status"]
        assert said in ("PAUSING", "PAUSED"), "the job may not have begun"
    until(lambda: ask(server, "GET", f"/v1/weft/jobs/{job['id']}")[1]["status"] == "PAUSED")
    assert task(server, id)["status"] == "STARTED"
    assert ask(server, "GET", "/v1/schema/Thing")[1]["properties"][0]["tokenization"] == "word"
    ask(server, "POST", f"/v1/weft/jobs/{job['id']}/resume")
    until(lambda: task(server, id)["status"] == "FINISHED")


def test_a_collection_that_is_deleted_meanwhile(server: InProcess) -> None:
    folder = server.database.folder / "collections"
    with held(server):
        id = begun(server)
        assert server.database.drop("Thing"), "by this thread, which has the turn already"
        assert task(server, id)["units"] == []
    until(lambda: task(server, id)["status"] == "FAILED")
    assert task(server, id)["error"] == "class Thing was deleted"
    assert not list(folder.iterdir())


def test_switched_off(tmp_path: Path) -> None:
    made = InProcess(tmp_path, runtime_reindex_enabled=False)
    try:
        ask(made, "POST", "/v1/schema", {"class": "Thing", "properties": [{"name": "text", "dataType": ["text"]}]})
        for method, path in (("PUT", f"{INDEX}/searchable"), ("POST", f"{INDEX}/searchable/rebuild")):
            status, said = words(ask(made, method, path, {}))
            assert (status, "RUNTIME_REINDEX_ENABLED" in said) == (400, True)
        assert ask(made, "DELETE", f"{INDEX}/searchable")[0] == 200
    finally:
        made.close()
