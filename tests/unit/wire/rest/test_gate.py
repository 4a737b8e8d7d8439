"""The gate before, while and after the application is there."""

from __future__ import annotations

import threading
import time

import anyio
import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from weft.wire.rest.gate import Gate

LIVE, READY, NODES = "/v1/.well-known/live", "/v1/.well-known/ready", "/v1/nodes"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("asked")(scope, receive, send)


def statuses(gate: Gate, *paths: str) -> list[int]:
    async def ask() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://x") as client:
            return [(await client.get(path)).status_code for path in paths]

    return anyio.run(ask)


def test_what_each_state_answers() -> None:
    gate = Gate()
    assert statuses(gate, LIVE, READY, "/v1/schema") == [200, 503, 503]
    gate.open(application)
    assert statuses(gate, LIVE, READY, NODES, "/v1/schema") == [200, 200, 200, 200]
    gate.close()
    assert statuses(gate, LIVE, READY, NODES, "/v1/schema") == [200, 503, 200, 503]


def test_a_request_for_the_nodes_waits_until_the_application_is_there() -> None:
    """Clients make it to learn whether a server is back, and end their import if it is refused."""
    gate = Gate()
    found: list[int] = []
    asking = threading.Thread(target=lambda: found.extend(statuses(gate, NODES)))
    asking.start()
    assert statuses(gate, "/v1/schema") == [503]
    assert not found
    gate.open(application)
    asking.join(20)
    assert found == [200]


def test_the_application_answers_web_pages_that_ask_whether_it_is_ready() -> None:
    gate = Gate()
    gate.open(application)

    async def ask(headers: dict[str, str]) -> list[str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://x") as client:
            return [(await client.get(path, headers=headers)).text for path in (LIVE, READY)]

    assert anyio.run(ask, {}) == ["", ""]
    assert anyio.run(ask, {"Origin": "https://a.example"}) == ["asked", "asked"]


def test_draining_waits_for_what_runs() -> None:
    began, go_on = threading.Event(), threading.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        await anyio.to_thread.run_sync(go_on.wait)
        await application(scope, receive, send)

    gate = Gate()
    assert gate.drain(time.monotonic())
    gate.open(slow)
    asking = threading.Thread(target=statuses, args=(gate, "/v1/schema"))
    asking.start()
    began.wait()
    gate.close()
    assert not gate.drain(time.monotonic() + 0.05)
    go_on.set()
    asking.join()
    assert gate.drain(time.monotonic())
