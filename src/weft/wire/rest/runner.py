"""Runner: from a request to a response: who asks, the body, and a handler on a thread, each within its limits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weft.access.authenticator import Authenticator
from weft.domain.batches import check_items
from weft.domain.caller import PEER, Caller, Credentials
from weft.domain.consistency import ConsistencyLevel, consistent
from weft.domain.errors import TooLarge
from weft.domain.json_cost import decoded_bytes
from weft.domain.json_values import JsonValue
from weft.domain.place import MOST_AWAY, placed
from weft.domain.shares import Shares
from weft.service.guard import Door
from weft.service.service import Service
from weft.settings.server import RestSettings
from weft.wire.json import documents
from weft.wire.observing import Observe
from weft.wire.rest.body import SMALL_BYTES, HeldBody, Reader
from weft.wire.rest.bounds import bounded
from weft.wire.rest.connections import network
from weft.wire.rest.endpoint import Call, Endpoint, Exchange, check_media_type, error_response, json_response
from weft.wire.rest.form import missing
from weft.wire.rest.rest_place import RestPlace
from weft.wire.rest.turns import Turns

T = TypeVar("T")

_QUEUE_PER_WORKER: Final = 64
_MOST_DECODED_BYTES: Final = 5 << 27
"""What the values of one body may take: as many numbers as 100 MB hold, of six digits each."""


class Runner:
    """Runs handlers for the endpoints of one application, a bounded number at a time, and of one caller."""

    def __init__(
        self,
        door: Door,
        auth: Authenticator,
        settings: RestSettings,
        *,
        body_limit_bytes: int,
        query_timeout_s: float = 0.0,
        observe: Observe | None = None,
    ) -> None:
        self._door = door
        self._auth = auth
        self._query_timeout_s = query_timeout_s
        self._observe = observe
        self._bodies = Reader(body_limit_bytes, window_s=settings.read_timeout_s)
        self._turns = Turns(settings.workers, settings.workers * _QUEUE_PER_WORKER)
        self._away = Shares(MOST_AWAY)
        self._threads: CapacityLimiter | None = None
        """As many as there are turns, and one for each request that is away."""

    @property
    def held_bytes(self) -> int:
        """Of the bodies of requests that are being received or answered, small ones aside."""
        return self._bodies.held_bytes

    def routes(self, endpoints: list[Endpoint]) -> list[Route]:
        """One route a path, so that an unknown method of a known path is refused as such."""
        by_path: dict[str, dict[str, Endpoint]] = {}
        for one in endpoints:
            by_path.setdefault(one.path, {})[one.method] = one
        return [self._route(path, by_method) for path, by_method in by_path.items()]

    def _route(self, path: str, by_method: dict[str, Endpoint]) -> Route:
        async def answer(request: Request) -> Response:
            endpoint = by_method.get(request.method)
            if endpoint is None:  # HEAD, which every route of GET takes
                endpoint = by_method["GET"]
                if not endpoint.is_open:
                    raise HTTPException(405, headers={"Allow": ", ".join(by_method)})
            started = time.perf_counter()
            try:
                response = await self._answer(endpoint, request)
            except Exception as error:
                response = error_response(error, endpoint)
            if self._observe is not None:
                verb, seconds = f"{endpoint.method} {endpoint.path}", time.perf_counter() - started
                self._observe("rest", verb, str(response.status_code), seconds)
            return response

        return Route(path, answer, methods=list(by_method))

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        caller = Caller() if endpoint.is_open else await self._caller(request)
        asked = request.query_params.get("consistency_level")
        with consistent(None if asked is None else ConsistencyLevel.of(asked)):
            return await self._run(endpoint, request, caller)

    async def _caller(self, request: Request) -> Caller:
        peer = "" if request.client is None else request.client.host
        authorization = request.headers.get("authorization")
        credentials = Credentials.of({**request.headers, PEER: peer})
        known = self._auth.recognise(authorization, credentials)
        if known is not None:
            return known
        return await anyio.to_thread.run_sync(self._auth.authenticate, authorization, credentials)

    async def _run(self, endpoint: Endpoint, request: Request, caller: Caller) -> Response:
        holder = _holder(caller, request)
        self._turns.check_room(holder)  # now, before a body is received, and again after the while that this took
        with self._bodies.holding(holder) as held:
            data = await self._body(endpoint, request, held) if endpoint.takes_body else b""
            on_thread = partial(self._on_thread, request, caller, holder)
            handler = endpoint.handler
            if isinstance(handler, Exchange):
                return await handler.answer(request, data, caller, on_thread)

            def handled(service: Service) -> Response:
                parsed = endpoint.form.check(_of_few_items(documents.parse(data))) if data else None
                call = Call(service, request.path_params, request.query_params, caller, parsed)
                return json_response(handler(call))

            return await on_thread(handled, reads=endpoint.reads or endpoint.method == "GET")

    async def _on_thread(
        self, request: Request, caller: Caller, holder: str, work: Callable[[Service], T], *, reads: bool
    ) -> T:
        """See ``OnThread``."""
        if self._threads is None:
            self._threads = CapacityLimiter(math.inf)
        since = time.monotonic()
        await self._turns.begin(holder)
        place = RestPlace(holder, self._turns, self._away)

        def placed_work() -> T:
            with bounded(self._query_timeout_s, request, since, reads=reads), placed(place):
                return work(self._door.admit(caller))

        try:
            return await anyio.to_thread.run_sync(placed_work, limiter=self._threads)
        finally:
            place.end()

    async def _body(self, endpoint: Endpoint, request: Request, held: HeldBody) -> bytes:
        headers = request.headers
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            check_media_type(headers.get("content-type", "application/octet-stream"))
        data = await self._bodies.read(request, held)
        if not data and not endpoint.may_lack_body:
            raise missing("body")
        if len(data) > SMALL_BYTES:
            decoded = await anyio.to_thread.run_sync(decoded_bytes, data)
            if decoded > _MOST_DECODED_BYTES:
                raise TooLarge(
                    f"the values of the body would take about {decoded} bytes of memory, and may take "
                    f"{_MOST_DECODED_BYTES}; send it in smaller parts",
                    limit_bytes=_MOST_DECODED_BYTES,
                )
            self._bodies.hold(held, decoded)
        return data


def _of_few_items(body: JsonValue) -> JsonValue:
    """``body``, whose items are in it or, as objects are, in one of its keys. Raises TooLarge."""
    for value in body.values() if isinstance(body, Mapping) else (body,):
        if isinstance(value, list):
            check_items(len(value), "items")
    return body


def _holder(caller: Caller, request: Request) -> str:
    """Who shares limits: all requests of a user, and those of an address that come without one."""
    if caller.user is not None:
        return f"{caller.user_type} {caller.user}"
    return network(request.client.host if request.client is not None else "")
