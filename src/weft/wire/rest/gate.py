"""The gate in front of the REST application: it reports whether the server is ready, and counts running requests.

    opening    the port answers, the application is not there yet: alive, not ready, everything else 503
    open       every request goes to the application; not ready while the catalog does not answer
    closing    alive, not ready; what runs is finished or at last cut off, what comes is refused with 503

``/v1/nodes`` waits while the server opens, and is answered until the end: clients that were asked to reconnect poll it,
and take a refusal for the end of their import. Whether the server is alive and
ready is answered here, on the event loop, so that no other request can delay it; web pages, for which the application
has headers (CORS), are answered there.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import CancelledError
from collections.abc import Callable
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from weft.wire.rest.endpoint import Reply, failure, json_response

_LIVE, _READY, _NODES = "/v1/.well-known/live", "/v1/.well-known/ready", "/v1/nodes"
_HEALTH = (_LIVE, _READY)
_OPENING = "the server is opening its collections; try again in a moment"
_CLOSING = "the server is stopping; send the request again when it is back"
_WITHOUT = "the catalog or the engine does not answer"
_CUT_OFF = "the server stopped before this was finished; it may have been done or not"
_LOOK_EVERY_S = 0.01
_MOST_OPENING_S = 20.0
"""How long a request for the nodes waits."""


class Gate:
    """An ASGI application. ``open``, ``close`` and ``drain`` are called from other threads than the event loop's."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._is_ready: Callable[[], bool] = lambda: True
        self._closing = False
        self._running = 0

    def open(self, app: ASGIApp, is_ready: Callable[[], bool] = lambda: True) -> None:
        """``is_ready``: whether what the server stands on answers; it does not wait."""
        self._app, self._is_ready = app, is_ready

    def close(self) -> None:
        self._closing = True

    @property
    def running(self) -> int:
        """Requests that the application answers."""
        return self._running

    def drain(self, until: float) -> bool:
        """Waits until no request runs; False if that takes longer than ``until`` by ``time.monotonic``."""
        while self._running:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True

    async def _wait_until_open(self) -> None:
        until = time.monotonic() + _MOST_OPENING_S
        while self._app is None and not self._closing and time.monotonic() < until:
            await asyncio.sleep(_LOOK_EVERY_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None and scope.get("path") == _NODES:
            await self._wait_until_open()
        app = self._app
        if app is None or (self._closing and scope.get("path") != _NODES):
            await _refusal(scope, _OPENING if app is None else _CLOSING)(scope, receive, send)
            return
        if scope.get("path") == _READY and not self._is_ready():
            await _refusal(scope, _WITHOUT)(scope, receive, send)
            return
        if scope.get("path") in _HEALTH and scope["method"] in ("GET", "HEAD") and not _is_of_page(scope):
            await json_response(Reply())(scope, receive, send)
            return
        self._running += 1
        try:
            await app(scope, receive, send)
        except CancelledError:
            if not self._closing:
                raise
            with suppress(RuntimeError):  # when part of the answer was sent already
                await _refusal(scope, _CUT_OFF)(scope, receive, send)
        finally:
            self._running -= 1


def _is_of_page(scope: Scope) -> bool:
    return any(name == b"origin" for name, _ in scope["headers"])


def _refusal(scope: Scope, reason: str) -> ASGIApp:
    path = scope.get("path")
    if path == _LIVE:
        return json_response(Reply())
    response = json_response(Reply(None if path == _READY else failure(reason), 503))
    response.headers["connection"] = "close"
    return response
