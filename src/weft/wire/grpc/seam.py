"""What the gRPC wire asks of the rooms below, and how it reads the messages that it hands to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from weft.domain.aggregate import AggregateAnswer, Aggregation
from weft.domain.answer import Answer
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Unsupported
from weft.domain.query import Query


class Authenticator(Protocol):
    def authenticate(self, authorization: str | None, headers: Mapping[str, str]) -> Caller:
        """Who sends these headers (lower-case names). Raises Unauthenticated or Forbidden."""
        ...


class Door(Protocol):
    def admit(self, caller: Caller) -> Service:
        """The service as the caller may use it."""
        ...


class Service(Protocol):
    """``weft.service`` as this wire uses it: any number of threads call it at once."""

    @property
    def collections(self) -> Any: ...
    @property
    def objects(self) -> Any: ...
    def search(self, query: Query, caller: Caller) -> Answer: ...
    def aggregate(self, asked: Aggregation, caller: Caller) -> AggregateAnswer: ...


def verb(owner: Any, name: str, what: str) -> Callable[..., Any]:
    """The verb ``name`` of ``owner``; raises Unsupported when this service does not have it."""
    found = getattr(owner, name, None)
    if found is None:
        raise Unsupported(f"{what}: this server does not offer it over gRPC")
    call: Callable[..., Any] = found
    return call


def parse(kind: Any, data: bytes) -> Any:
    """``data`` as a message of ``kind``; raises Invalid when it is not one."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Invalid(f"the request is not a valid {kind.DESCRIPTOR.full_name} message") from None
