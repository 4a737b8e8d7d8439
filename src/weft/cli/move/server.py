"""A server of Weaviate's protocol, as a place: its connection, and queries over what it holds."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import grpc
import numpy as np
import orjson

from weft.cli.connection import Connection, authorization
from weft.cli.move.address import PlaceAddress
from weft.cli.move.objects import UNNAMED, MovedCollection, data_types, properties_of
from weft.cli.move.place import PlaceHit
from weft.cli.server_address import ServerAddress
from weft.domain.errors import Invalid, NotFound, OperatorError, Overloaded, WeftError
from weft.domain.json_values import JsonValue
from weft.protocol import base, search_get

_METHOD: Final = "/weaviate.v1.Weaviate/Search"
_TIMEOUT_S: Final = 120
_MAX_REPLY_BYTES: Final = 1 << 30
_MAX_TRIES: Final = 9
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0

T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """What ``call`` returns, tried again for half a minute while the server is busy, away, or being restarted. For what
    may be done twice."""
    for attempt in range(_MAX_TRIES):
        try:
            return call()
        except (Overloaded, OperatorError):
            if attempt == _MAX_TRIES - 1:
                raise
            time.sleep(min(_FIRST_WAIT_S * 2**attempt, _LONGEST_WAIT_S))
    raise AssertionError("unreachable: the last try returns or raises")


class ServerPlace:
    """Opened by ``with``, which raises OperatorError unless the server speaks Weaviate's protocol."""

    def __init__(self, address: PlaceAddress, ca_certificate: str | None) -> None:
        self.text = address.text
        arguments = argparse.Namespace(
            url=address.url,
            api_key=address.key,
            ca_certificate=ca_certificate if address.tls else None,
            client_certificate=None,
            client_key=None,
        )
        self._grpc_address = replace(ServerAddress.of(arguments), host=address.grpc[0])
        self._grpc_port = address.grpc[1]
        self._allowed = authorization(arguments)
        self._server = Connection(arguments)
        self._channel: grpc.Channel | None = None
        self.modules: frozenset[str] = frozenset()
        self.is_weft = False
        self.keeps_times = False

    def __enter__(self) -> Self:
        self._server.__enter__()
        self.modules = frozenset(self._server.get("/v1/meta").get("modules") or ())
        self.is_weft = self._has_jobs()
        return self

    def _has_jobs(self) -> bool:
        """Whether it is Weft, which alone has them; every caller may ask."""
        try:
            self._server.get("/v1/weft/jobs")
        except NotFound:
            return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._channel is not None:
            self._channel.close()
        self._server.__exit__(kind, error, trace)

    def count(self, name: str, tenant: str | None) -> int:
        return self._counted(name, tenant, "")

    # -- queries

    def nearest(
        self, collection: MovedCollection, tenant: str | None, name: str, vector: JsonValue, limit: int
    ) -> list[PlaceHit] | None:
        request = self._request(collection, tenant, limit)
        request.metadata.distance = True
        near = request.near_vector
        numbers = np.asarray(vector, "<f4")
        kind = base.Vectors.VECTOR_TYPE_SINGLE_FP32
        data = numbers.tobytes()
        if numbers.ndim == 2:
            kind, data = base.Vectors.VECTOR_TYPE_MULTI_FP32, numbers.shape[1].to_bytes(2, "little") + data
        if name != UNNAMED:
            near.targets.target_vectors.append(name)
        near.vectors.append(base.Vectors(name=name, vector_bytes=data, type=kind))
        return [PlaceHit(hit.metadata.id, hit.metadata.distance) for hit in self._search(request).results]

    def keyword(self, collection: MovedCollection, tenant: str | None, words: str, limit: int) -> list[PlaceHit] | None:
        request = self._request(collection, tenant, limit)
        request.metadata.score = True
        request.bm25_search.query = words
        return [PlaceHit(hit.metadata.id, -hit.metadata.score) for hit in self._search(request).results]

    def matching(self, collection: MovedCollection, tenant: str | None, property: str, value: JsonValue) -> int | None:
        kind = _value_kind(collection, property, value)
        if kind is None:
            return None
        where = f"path:[{_quoted(property)}],operator:Equal,{kind}:{_quoted(value)}"
        return self._counted(self._name(collection), tenant, f"where:{{{where}}}")

    def _name(self, collection: MovedCollection) -> str:
        """What this place calls the collection."""
        return collection.name

    def _request(self, collection: MovedCollection, tenant: str | None, limit: int) -> search_get.SearchRequest:
        request = search_get.SearchRequest(
            collection=self._name(collection), tenant=tenant or "", limit=limit, uses_127_api=True
        )
        request.metadata.uuid = True
        return request

    def _search(self, request: search_get.SearchRequest) -> search_get.SearchReply:
        if self._channel is None:
            options = [("grpc.max_receive_message_length", _MAX_REPLY_BYTES), ("grpc.enable_http_proxy", 0)]
            self._channel = self._grpc_address.channel(self._grpc_port, options)
        call = self._channel.unary_unary(
            _METHOD,
            request_serializer=search_get.SearchRequest.SerializeToString,
            response_deserializer=search_get.SearchReply.FromString,
        )
        metadata = (("authorization", self._allowed),) if self._allowed else ()
        try:
            return call(request, timeout=_TIMEOUT_S, metadata=metadata)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise OperatorError(
                    f"{self.text} does not answer gRPC at {self._grpc_address.host}:{self._grpc_port}; name its port "
                    "in the address: ?grpc=50051"
                ) from error
            raise Invalid(f"{self.text}: {error.details() or error}") from error

    def _counted(self, name: str, tenant: str | None, where: str) -> int:
        arguments = [f"tenant:{_quoted(tenant)}"] if tenant else []
        chosen = ",".join([*arguments, *([where] if where else [])])
        query = f"{{Aggregate{{{name}{f'({chosen})' if chosen else ''}{{meta{{count}}}}}}}}"
        answer: dict[str, Any] = patiently(lambda: self._server.post("/v1/graphql", {"query": query}))
        if answer.get("errors"):
            raise WeftError(f"{self.text} cannot count {name}: {answer['errors'][0].get('message')}")
        return int(answer["data"]["Aggregate"][name][0]["meta"]["count"])


def class_path(root: str, name: str) -> str:
    return f"/v1/{root}/{quote(name, safe='')}"


def of_tenant(tenant: str | None) -> dict[str, str]:
    return {} if tenant is None else {"tenant": tenant}


def _value_kind(collection: MovedCollection, property: str, value: JsonValue) -> str | None:
    """The key of GraphQL for a value of this property; None for what is not compared by Equal alike everywhere."""
    kinds = {"text": "valueText", "int": "valueInt", "number": "valueNumber", "boolean": "valueBoolean"}
    for one in properties_of(collection.document):
        if one["name"] == property and one.get("indexFilterable") is not False:
            return kinds.get(data_types(one)[0]) if isinstance(value, str | int | float) else None
    return None


def _quoted(value: JsonValue) -> str:
    """As GraphQL writes it, which is as JSON does."""
    return orjson.dumps(value).decode()
