"""The REST side of a running server, as the commands use it."""

from __future__ import annotations

import argparse
import ssl
from types import TracebackType
from typing import Any

import httpx
import orjson

from weft.cli.server_address import ServerAddress
from weft.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OperatorError,
    Overloaded,
    TooLarge,
    Unauthenticated,
    WeftError,
)

_READ_TIMEOUT_S = 600.0
"""A batch may have to wait for the model that embeds it."""

_BY_STATUS: dict[int, type[WeftError]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: Overloaded,
    503: Overloaded,
}


def authorization(arguments: argparse.Namespace) -> str | None:
    """The header that identifies the caller. Raises Invalid for a key that no header can hold."""
    key = arguments.api_key
    if key and not (key.isascii() and key.isprintable()):
        raise Invalid("the API key has characters that no API key contains; copy it as it was issued")
    return f"Bearer {key}" if key else None


class Connection:
    """Requests to the server that the command line names; safe for threads. Proxies are not used.

    Raises OperatorError when nothing answers, and the server's error as the class that its status stands for. An
    answer is its JSON, not validated: the commands read what a server of their own version writes.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        address = ServerAddress.of(arguments)
        self.url = address.url
        self.grpc_port = 0
        """As the server names it; 0 if it does not."""
        headers = {"Authorization": allowed} if (allowed := authorization(arguments)) else {}
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            verify=address.context() if address.tls else True,
            timeout=httpx.Timeout(_READ_TIMEOUT_S, connect=10.0),
            trust_env=False,
        )

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def lines(self, path: str) -> bytes:
        """An answer that is no JSON, as it is."""
        return self._reply("GET", path, None).content

    def post(self, path: str, content: Any) -> Any:
        return self._ask("POST", path, orjson.dumps(content))

    def put(self, path: str, content: Any) -> Any:
        return self._ask("PUT", path, orjson.dumps(content))

    def delete(self, path: str, content: Any = None) -> Any:
        return self._ask("DELETE", path, None if content is None else orjson.dumps(content))

    def _ask(self, method: str, path: str, content: bytes | None) -> Any:
        reply = self._reply(method, path, content)
        return self._json(reply) if reply.content else None

    def _reply(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        headers = {"Content-Type": "application/json"} if content is not None else None
        try:
            reply = self._http.request(method, path, content=content, headers=headers)
        except httpx.ConnectError as error:
            if (cause := _ssl_error(error)) is not None:
                raise OperatorError(f"no TLS connection to {self.url}: {_explained(cause)}") from error
            raise OperatorError(f"no server answers at {self.url}; start one with: weft serve") from error
        except httpx.TransportError as error:
            raise Overloaded(
                f"the server at {self.url} closed the connection without an answer ({error or type(error).__name__})"
            ) from error
        if reply.is_success:
            return reply
        if reply.status_code == 401:
            raise Unauthenticated(f"the server at {self.url} requires a valid API key; pass it with --api-key")
        kind = _BY_STATUS.get(reply.status_code, Invalid if reply.is_client_error else WeftError)
        raise kind(self._message(reply))

    def _json(self, reply: httpx.Response) -> Any:
        try:
            return orjson.loads(reply.content)
        except orjson.JSONDecodeError as error:
            raise OperatorError(f"the server at {self.url} is not a Weft server") from error

    def _message(self, reply: httpx.Response) -> str:
        try:
            return str(orjson.loads(reply.content)["error"][0]["message"])
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return f"{self.url}{reply.request.url.path} answered {reply.status_code}; is this a Weft server?"

    def __enter__(self) -> Connection:
        """Raises OperatorError unless the server speaks Weaviate's protocol."""
        try:
            meta = self.get("/v1/meta")
            if not isinstance(meta, dict) or "version" not in meta:
                raise OperatorError(f"the server at {self.url} is not a Weft server")
            self.grpc_port = int((meta.get("weft") or {}).get("grpcPort") or 0)
        except BaseException:
            self._http.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """The failure of TLS that caused ``error``."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _explained(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}; name its authority with --ca-certificate"
    return f"{error.reason or error}; does the server speak TLS, and does it ask for --client-certificate?"
