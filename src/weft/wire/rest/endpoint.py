"""Endpoints: a handler, what it takes and answers, and its reply or error as a response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from weft.domain import json_text
from weft.domain.caller import Caller
from weft.domain.errors import (
    CallerError,
    CollectionNotFound,
    NotFound,
    Unauthenticated,
    UsageLimitExceeded,
)
from weft.domain.json_values import JsonValue
from weft.service.service import Service
from weft.wire.errors import to_refusal
from weft.wire.json import documents
from weft.wire.rest.form import ANYTHING, WRONG_FORMAT, Form, FormError
from weft.wire.rest.forms import form_of
from weft.wire.rest.openapi.parameters import Parameter
from weft.wire.rest.openapi.shapes import Schema

_JSON = "application/json"

T = TypeVar("T")


class Call:
    """One request as a handler sees it. ``body`` is its JSON, None for endpoints without one."""

    __slots__ = ("body", "caller", "path", "query", "service")

    def __init__(
        self, service: Service, path: Mapping[str, str], query: QueryParams, caller: Caller, body: JsonValue
    ) -> None:
        self.service = service
        self.path = path
        self.query = query
        self.caller = caller
        self.body = body

    @property
    def tenant(self) -> str | None:
        return self.query.get("tenant") or None

    def integer(self, name: str, default: int, *, low: int = 0, high: int = 2**31 - 1) -> int:
        """A number of the query string."""
        text = self.query.get(name)
        if text is None:
            return default
        try:
            value = int(text) if len(text) < 20 else high + 1
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise FormError(WRONG_FORMAT, f"{name} must be an integer from {low} to {high}, not {text[:40]!r}")
        return value

    def boolean(self, name: str) -> bool:
        """``true`` or ``false`` of the query string; false where it is absent."""
        text = self.query.get(name, "false")
        if text not in ("true", "false"):
            raise FormError(WRONG_FORMAT, f"{name} must be true or false, not {text[:40]!r}")
        return text == "true"


class Reply(NamedTuple):
    """``content`` is anything that ``json_text`` encodes; bytes are sent as they are; None sends no body."""

    content: object = None
    status: int = 200
    media_type: str = _JSON


Handler: TypeAlias = Callable[[Call], Reply]


class OnThread(Protocol):
    """Does ``work`` on a thread, as a handler is run: when it is the caller's turn, within the limits of a request.
    ``work`` gets the service as the caller may use it; ``reads``: as of an ``Endpoint``."""

    async def __call__(self, work: Callable[[Service], T], *, reads: bool) -> T: ...


class Exchange(ABC):
    """In place of a handler: what speaks a protocol of its own over HTTP, on the event loop."""

    @abstractmethod
    async def answer(self, request: Request, body: bytes, caller: Caller, on_thread: OnThread) -> Response:
        """The response to a request, whose body has been received."""


@dataclass(frozen=True)
class Endpoint:
    """A call: its handler, and its description in the OpenAPI document.

    ``takes``: what the request's JSON is like, which is read and parsed; ``may_lack_body``: or there is none.
    ``answers``: by status what the answer is like, None where it has no body; ``refuses``: statuses of failures of its
    own, beside those of all its like. ``is_open``: anyone may ask, without credentials. ``unknown_class``: the status
    where the collection does not exist; ``is_bare``: a 404 has no body, as clients of Weaviate expect there.
    ``lists_allowed``: refusals have the key ``allowed``, as those of changes of schemas. ``one_shape``: refusals before
    the handler are as its own, ``{"error": [...]}``. ``reads``: as those of ``GET`` it may be ended before its time, as
    it changes nothing, or only after a search.
    """

    method: str
    path: str
    handler: Handler | Exchange
    summary: str
    takes: Schema | None = None
    answers: Mapping[int, Schema | None] = field(default_factory=lambda: {200: None})
    refuses: tuple[int, ...] = ()
    query: tuple[Parameter, ...] = ()
    media_type: str = _JSON
    is_open: bool = False
    may_lack_body: bool = False
    deprecated: bool = False
    unknown_class: Literal[404, 422] = 404
    is_bare: bool = False
    lists_allowed: bool = False
    one_shape: bool = False
    reads: bool = False

    @cached_property
    def form(self) -> Form:
        """What the body is checked against before the handler runs."""
        return ANYTHING if self.takes is None else form_of(self.takes)

    @property
    def takes_body(self) -> bool:
        return self.takes is not None


def check_media_type(given: str) -> None:
    if given.partition(";")[0].strip().lower() != _JSON:
        raise _UnsupportedMediaType(f"unsupported media type {given[:80]!r}; send JSON as {_JSON}")


class _UnsupportedMediaType(CallerError):
    """The body is said to be something other than JSON."""


def json_response(reply: Reply) -> Response:
    """JSON ends with a line feed, as Weaviate's does."""
    if reply.content is None:
        return Response(status_code=reply.status)
    if isinstance(reply.content, bytes):
        return Response(reply.content, reply.status, media_type=reply.media_type)
    return Response(json_text.dumps(reply.content) + b"\n", reply.status, media_type=reply.media_type)


def error_response(error: Exception, endpoint: Endpoint | None = None) -> Response:
    """The reply to a request whose handling raised ``error``; ``endpoint`` is what it was for, if that is known.

    What is refused before a handler runs is ``{"code": …, "message": …}``.
    """
    refusal = to_refusal(error)
    status, message = refusal.codes.http, refusal.message
    if refusal.usage is not None:
        return json_response(Reply(_usage(refusal.usage), status))
    if endpoint is not None and endpoint.one_shape:
        status = 415 if isinstance(error, _UnsupportedMediaType) else status
        return json_response(Reply(failure(message), status))
    if isinstance(error, _UnsupportedMediaType):
        return _early(415, 415, message)
    if isinstance(error, FormError):
        return _early(status, error.code, message)
    if isinstance(error, Unauthenticated | documents.Unreadable):
        return _early(status, status, message)
    if endpoint is None:
        return json_response(Reply(failure(message), status))
    if isinstance(error, CollectionNotFound):
        status = endpoint.unknown_class
    if status == 404 and endpoint.is_bare and isinstance(error, NotFound):
        return json_response(Reply(status=404))
    allowed = {"allowed": None} if endpoint.lists_allowed and status == 422 else {}
    return json_response(Reply({**allowed, **failure(message)}, status))


def _usage(error: UsageLimitExceeded) -> dict[str, object]:
    return {
        "errorCode": "USAGE_LIMIT_EXCEEDED",
        "limit": error.limited,
        "message": error.message,
        "value": error.limit,
    }


def _early(status: int, code: int, message: str) -> Response:
    return json_response(Reply({"code": code, "message": message}, status))


def failure(message: str) -> dict[str, object]:
    return {"error": [{"message": message}]}
