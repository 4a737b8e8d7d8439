"""Embedded mode: the server in this process, with ordinary clients connected to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from weaviate.config import AdditionalConfig

from weft.embedded.clients import EmbeddedAsyncClient, EmbeddedClient
from weft.embedded.server import EmbeddedServer
from weft.embedded.settings import ConnectSettings

__all__ = ["ConnectSettings", "EmbeddedAsyncClient", "EmbeddedClient", "connect", "connect_async"]


def connect(
    path: str | Path | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    additional_config: AdditionalConfig | None = None,
    **settings: Unpack[ConnectSettings],
) -> EmbeddedClient:
    """Start Weft in this process on free ports and return a connected client; ``client.close()`` stops it.

    ``path`` is the data folder, created if missing; None keeps everything in a temporary folder that is deleted with
    the client. A folder that this process has open already gets one more client of the same server, which stops with
    the last of them. ``headers`` are sent with every request (keys of providers). ``settings`` are those of
    ``weft serve``, by key, and are also read from the environment: ``weft.connect("data", query_defaults_limit=25)``.
    The server listens on 127.0.0.1 only, without TLS; ``client.address`` and ``client.grpc_port`` say where.

    Raises ``weft.domain.errors.Locked`` when another process has the folder open, and ``Misconfigured`` for an unknown
    setting, or for settings that differ from those of the server that has the folder open.

        with weft.connect("my-data") as client:
            client.collections.create("Article")
    """
    client = EmbeddedClient(EmbeddedServer.use(path, settings), headers, additional_config)
    try:
        client.connect()
    except BaseException:
        client.close()
        raise
    return client


def connect_async(
    path: str | Path | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    additional_config: AdditionalConfig | None = None,
    **settings: Unpack[ConnectSettings],
) -> EmbeddedAsyncClient:
    """As ``connect``, for ``async`` code; the client connects in ``async with``, or by ``await client.connect()``.

    The server starts before this returns, which takes a second of the event loop's time unless the folder is open.

        async with weft.connect_async("my-data") as client:
            await client.collections.create("Article")
    """
    return EmbeddedAsyncClient(EmbeddedServer.use(path, settings), headers, additional_config)
