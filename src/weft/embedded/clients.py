"""The official clients, connected to a server in this process, which stops with the last of them."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import weaviate
from weaviate.classes.init import Auth
from weaviate.config import AdditionalConfig
from weaviate.connect import ConnectionParams

from weft.domain.counts import counted
from weft.embedded.server import HOST, EmbeddedServer

_ROWS: Final = 50
"""The most collections in a client's HTML."""


class _Connected:
    """Where a client's server is, and what it holds."""

    _server: EmbeddedServer | None
    """None once the client is closed."""

    @property
    def address(self) -> str:
        """Of its REST interface: ``http://127.0.0.1:41233``."""
        return self._open().app.rest_address

    @property
    def rest_port(self) -> int:
        return self._open().app.rest_port

    @property
    def grpc_port(self) -> int:
        return self._open().app.grpc_port

    @property
    def data_path(self) -> Path:
        """The folder that everything is kept in."""
        return self._open().data_path

    def __repr__(self) -> str:
        if self._server is None:
            return f"<{type(self).__name__}, closed>"
        holds = self._server.app.summary()
        return (
            f"<{type(self).__name__} {self.address} (gRPC {self.grpc_port}), data {self.data_path}: "
            f"{counted(holds.collections, 'collection')}, {counted(holds.objects, 'object')}>"
        )

    def _repr_html_(self) -> str:
        """For notebooks: the collections with their numbers of objects."""
        text = f"<p>{escape(repr(self))}</p>"
        if self._server is None:
            return text
        counts = sorted(self._server.app.counts().items())
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{count:,}</td></tr>" for name, count in counts[:_ROWS])
        more = f"<p>and {counted(len(counts) - _ROWS, 'more collection')}</p>" if len(counts) > _ROWS else ""
        head = "<tr><th>collection</th><th>objects</th></tr>"
        return f"{text}<table>{head}{rows}</table>{more}" if counts else text

    def _open(self) -> EmbeddedServer:
        if self._server is None:
            raise weaviate.exceptions.WeaviateClosedClientError
        return self._server

    def _release(self) -> None:
        """A second call does nothing."""
        atexit.unregister(self._release)
        server, self._server = self._server, None
        if server is not None:
            server.release()


class EmbeddedClient(_Connected, weaviate.WeaviateClient):  # type: ignore[misc]
    """A ``WeaviateClient`` that releases its server when it is closed, or at the end of the process."""

    def __init__(
        self, server: EmbeddedServer, headers: Mapping[str, str] | None, additional_config: AdditionalConfig | None
    ) -> None:
        self._server = server
        super().__init__(**_options(server), additional_headers=headers, additional_config=additional_config)
        atexit.register(self.close)

    def close(self) -> None:
        """Close the connection; the last client of the folder stops the server. A second call does nothing."""
        atexit.unregister(self.close)
        try:
            super().close()
        finally:
            self._release()


class EmbeddedAsyncClient(_Connected, weaviate.WeaviateAsyncClient):  # type: ignore[misc]
    """A ``WeaviateAsyncClient`` that releases its server when it is closed, or at the end of the process."""

    def __init__(
        self, server: EmbeddedServer, headers: Mapping[str, str] | None, additional_config: AdditionalConfig | None
    ) -> None:
        self._server = server
        super().__init__(**_options(server), additional_headers=headers, additional_config=additional_config)
        atexit.register(self._release)

    async def close(self) -> None:
        """Close the connection; the last client of the folder stops the server. A second call does nothing."""
        try:
            await super().close()
        finally:
            self._release()


def _options(server: EmbeddedServer) -> dict[str, Any]:
    app = server.app
    access = app.settings.access
    return {
        "connection_params": ConnectionParams.from_params(
            http_host=HOST,
            http_port=app.rest_port,
            http_secure=False,
            grpc_host=HOST,
            grpc_port=app.grpc_port,
            grpc_secure=False,
        ),
        "auth_client_secret": Auth.api_key(access.apikeys[0]) if access.apikey_enabled else None,
        "skip_init_checks": True,
    }
