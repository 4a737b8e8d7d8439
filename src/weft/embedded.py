"""The embedded mode: the server, in this process, with an ordinary client to talk to it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import weaviate
from weaviate.config import AdditionalConfig
from weaviate.connect import ConnectionParams

from weft.app import App
from weft.config import load_settings


class EmbeddedClient(weaviate.WeaviateClient):  # type: ignore[misc]
    """A ``WeaviateClient`` that stops its server when it is closed."""

    def __init__(self, app: App, folder: tempfile.TemporaryDirectory[str] | None, **options: Any) -> None:
        self._app = app
        self._folder = folder
        super().__init__(
            connection_params=ConnectionParams.from_params(
                http_host="127.0.0.1",
                http_port=app.rest_port,
                http_secure=False,
                grpc_host="127.0.0.1",
                grpc_port=app.grpc_port,
                grpc_secure=False,
            ),
            skip_init_checks=True,
            **options,
        )

    def close(self) -> None:
        super().close()
        app, self._app = self._app, None
        if app is not None:
            app.stop()
        if self._folder is not None:
            self._folder.cleanup()


def connect(
    path: str | Path | None = None,
    *,
    headers: dict[str, str] | None = None,
    additional_config: AdditionalConfig | None = None,
    **settings: Any,
) -> weaviate.WeaviateClient:
    """Start Weft in this process on free ports and return a connected client; ``client.close()`` stops it.

    ``path`` is the data folder, made when missing; None keeps everything in a temporary folder that goes with the
    client. ``settings`` are those of ``weft serve`` (``query_defaults_limit=25``). Raises ``weft.domain.errors.Locked``
    when another process has the folder open.

        with weft.connect("my-data") as client:
            client.collections.create("Article")
    """
    folder = tempfile.TemporaryDirectory(prefix="weft-") if path is None else None
    data_path = folder.name if folder is not None else path
    app = App(load_settings({"port": 0, "grpc_port": 0, **settings, "host": "127.0.0.1", "data_path": data_path}))
    try:
        app.start()
        client = EmbeddedClient(app, folder, additional_headers=headers, additional_config=additional_config)
    except BaseException:
        if folder is not None:
            folder.cleanup()
        raise
    client.connect()
    return client
