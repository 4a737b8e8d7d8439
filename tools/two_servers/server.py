"""One of the two servers: its REST by plain JSON, its gRPC by the official client."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any

import httpx
import weaviate
from weaviate.config import AdditionalConfig, Timeout
from weaviate.exceptions import WeaviateStartUpError

from two_servers.answers import Document

_TIMEOUT_S = 60
_CONFIG = AdditionalConfig(timeout=Timeout(init=_TIMEOUT_S, query=_TIMEOUT_S, insert=_TIMEOUT_S))


INTERNAL_ERROR = "internal error; the server's log has the details"
"""What Weft says of its own mistakes."""


class Failed(Exception):
    """A server made a mistake of its own."""


class Unreachable(Exception):
    """No server answers at an address."""


class Server:
    """At ``REST:GRPC`` or ``HOST:REST:GRPC``; callers are anonymous. Raises Unreachable."""

    def __init__(self, address: str) -> None:
        *host, rest_port, grpc_port = address.split(":")
        self.address = address
        name = host[0] if host else "127.0.0.1"
        self.http = httpx.Client(base_url=f"http://{name}:{rest_port}", timeout=_TIMEOUT_S)
        try:
            self.client = weaviate.connect_to_local(
                host=name,
                port=int(rest_port),
                grpc_port=int(grpc_port),
                skip_init_checks=True,
                additional_config=_CONFIG,
            )
        except WeaviateStartUpError as error:
            raise Unreachable(f"{address} does not answer; start a server there") from error

    def collection(self, name: str) -> Any:
        return self.client.collections.use(name)

    def request(self, method: str, path: str, body: object = None) -> Document:
        """``body`` as JSON; bytes as they are. Raises Failed."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        answer = self.http.request(method, path, content=content, headers={"content-type": "application/json"})
        if INTERNAL_ERROR.encode() in answer.content:
            raise Failed(answer.text)
        try:
            return Document(answer.status_code, answer.json() if answer.content else None)
        except ValueError:
            return Document(answer.status_code, answer.text)

    def graphql(self, query: str) -> Document:
        return self.request("POST", "/v1/graphql", {"query": query})

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.http.close()
