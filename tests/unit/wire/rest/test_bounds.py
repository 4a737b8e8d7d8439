"""Requests whose client goes away, or that take too long: reading ends, writing is finished."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess
from weft.domain import json_text
from weft.domain.deadline import check
from weft.domain.errors import CallerGone, WeftError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    world = InProcess(tmp_path)
    world.service.collections.create({"class": "Thing", "properties": [{"name": "name", "dataType": ["text"]}]})
    yield world
    world.close()


def endless(begun: threading.Event, ended: list[BaseException]) -> Callable[..., Any]:
    """A verb that works until its deadline."""

    def work(*_: object, **__: object) -> None:
        begun.set()
        try:
            while True:
                check()
        except WeftError as error:
            ended.append(error)
            raise

    return work


def asked(world: InProcess, method: str, path: str, body: object, gone: threading.Event) -> int | None:
    """The status of the answer to a client that goes away once ``gone`` is set."""
    status: list[int] = []

    async def run() -> None:
        sent = [{"type": "http.request", "body": json_text.dumps(body), "more_body": False}]

        async def receive() -> dict[str, Any]:
            if sent:
                return sent.pop()
            while not gone.is_set():
                await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])

        await world.app(
            {
                "type": "http",
                "http_version": "1.1",
                "method": method,
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"1")],
                "scheme": "http",
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
            },
            receive,
            send,
        )

    asyncio.run(run())
    return status[0] if status else None


QUERY = {"query": "{ Get { Thing { name } } }"}


def test_a_search_ends_when_its_client_goes_away(world: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, ended = threading.Event(), list[BaseException]()
    monkeypatch.setattr(world.service, "search", endless(gone, ended))
    asked(world, "POST", "/v1/graphql", QUERY, gone)
    assert [type(one) for one in ended] == [CallerGone]


def test_a_write_is_finished_after_its_client_has_gone(world: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()
    insert = world.service.objects.insert

    def slow(*given: Any) -> Any:
        gone.set()
        threading.Event().wait(0.1)
        check()
        return insert(*given)

    monkeypatch.setattr(world.service.objects, "insert", slow)
    asked(world, "POST", "/v1/objects", {"class": "Thing", "properties": {"name": "kept"}}, gone)
    assert world.rest.get("/v1/objects").json()["totalResults"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search/Thing/bm25", {"query": "x"}),
        ("/v1/graphql", QUERY),
    ],
)
def test_a_query_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: object
) -> None:
    world = InProcess(tmp_path, query_timeout_s=0.001)
    world.service.collections.create({"class": "Thing", "properties": [{"name": "name", "dataType": ["text"]}]})
    monkeypatch.setattr(world.service, "search", endless(threading.Event(), []))
    reply = world.rest.post(path, json=body)
    assert "longer than 0.001 s" in reply.text
    assert "QUERY_TIMEOUT" in reply.text
    if "graphql" in path:
        (error,) = reply.json()["errors"]
        assert (reply.status_code, error["extensions"]["code"]) == (200, "DEADLINE_PASSED")
    else:
        assert reply.status_code == 504
    world.close()


def test_a_batch_of_questions_ends_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = InProcess(tmp_path, query_timeout_s=0.001)
    world.service.collections.create({"class": "Thing", "properties": [{"name": "name", "dataType": ["text"]}]})
    monkeypatch.setattr(world.service, "search", endless(threading.Event(), []))
    aliases = " ".join(f"a{n}: Thing {{ name }}" for n in range(50))
    reply = world.rest.post("/v1/graphql/batch", json=[{"query": f"{{ Get {{ {aliases} }} }}"}] * 20)
    answers = reply.json()
    assert len(answers) == 20
    assert all(len(one["errors"]) == 1 and "QUERY_TIMEOUT" in one["errors"][0]["message"] for one in answers)
    world.close()
