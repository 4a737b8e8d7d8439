"""Embedded mode: the server in this process, with an ordinary client connected to it."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import weaviate
from weaviate.classes.init import Auth
from weaviate.config import AdditionalConfig
from weaviate.connect import ConnectionParams

from weft.app import App
from weft.config import load_settings
from weft.domain.errors import Misconfigured

_HOST = "127.0.0.1"
_FIXED = ("host", "data_path")


class EmbeddedClient(weaviate.WeaviateClient):  # type: ignore[misc]
    """A ``WeaviateClient`` that stops its server when it is closed, or at the end of the process."""

    def __init__(self, app: App, folder: tempfile.TemporaryDirectory[str] | None, **options: Any) -> None:
        self._app: App | None = app
        self._folder = folder
        access = app.settings.access
        super().__init__(
            connection_params=ConnectionParams.from_params(
                http_host=_HOST,
                http_port=app.rest_port,
                http_secure=False,
                grpc_host=_HOST,
                grpc_port=app.grpc_port,
                grpc_secure=False,
            ),
            auth_client_secret=Auth.api_key(access.apikeys[0]) if access.apikey_enabled else None,
            skip_init_checks=True,
            **options,
        )
        atexit.register(self.close)

    def close(self) -> None:
        """Close the connection, stop the server, and release the folder; a second call does nothing."""
        atexit.unregister(self.close)
        app, self._app = self._app, None
        try:
            super().close()
        finally:
            if app is not None:
                app.stop()
            if self._folder is not None:
                self._folder.cleanup()


def connect(
    path: str | Path | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    additional_config: AdditionalConfig | None = None,
    **settings: Any,
) -> weaviate.WeaviateClient:
    """Start Weft in this process on free ports and return a connected client; ``client.close()`` stops it.

    ``path`` is the data folder, created if missing; None keeps everything in a temporary folder that is deleted with
    the client. ``headers`` are sent with every request (keys of providers). ``settings`` are those of ``weft serve``,
    by key, and are also read from the environment: ``weft.connect("data", query_defaults_limit=25)``. The server
    listens on 127.0.0.1 only.

    Raises ``weft.domain.errors.Locked`` when the folder is open already, here or in another process, and
    ``Misconfigured`` for an unknown setting.

        with weft.connect("my-data") as client:
            client.collections.create("Article")
    """
    for name in _FIXED:
        if name in settings:
            raise Misconfigured(
                f"weft.connect takes no {name}: the folder is its first argument, and the host is {_HOST}"
            )
    folder = tempfile.TemporaryDirectory(prefix="weft-") if path is None else None
    try:
        data_path = folder.name if folder is not None else path
        app = App(load_settings({"port": 0, "grpc_port": 0, **settings, "host": _HOST, "data_path": data_path}))
        app.start()
    except BaseException:
        if folder is not None:
            folder.cleanup()
        raise
    client = EmbeddedClient(app, folder, additional_headers=headers, additional_config=additional_config)
    try:
        client.connect()
    except BaseException:
        client.close()
        raise
    return client
