"""The servers of this process, each on a folder of its own and shared by the clients that are connected to it."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from weft.app import App
from weft.config import Settings, load_settings
from weft.domain.errors import Misconfigured

HOST: Final = "127.0.0.1"
_FIXED: Final = ("host", "data_path", "tls_certificate", "tls_key", "tls_ca", "grpc_cert_file", "grpc_key_file")
_LOCK: Final = threading.RLock()
"""Held while a server starts or stops, so that a folder that is being released can be asked for again."""
_RUNNING: Final[dict[Path, EmbeddedServer]] = {}


class EmbeddedServer:
    """A running server. Each ``use`` is ended by one ``release``, and the last stops it."""

    def __init__(self, app: App, folder: tempfile.TemporaryDirectory[str] | None) -> None:
        self.app = app
        self._folder = folder
        self._users = 0

    @classmethod
    def use(cls, path: str | Path | None, given: Mapping[str, Any]) -> EmbeddedServer:
        """The server on the folder ``path``, started if there is none; None: a new one on a temporary folder.

        Raises as ``weft.connect``.
        """
        for name in _FIXED:
            if name in given:
                raise Misconfigured(
                    f"weft.connect takes no {name}: the folder is its first argument, and the host is {HOST}, without "
                    "TLS"
                )
        with _LOCK:
            server = None if path is None else _RUNNING.get(Path(path).resolve())
            if server is None:
                server = cls._started(path, given)
            elif given:
                server._check_same(_loaded(server.data_path, given))
            server._users += 1
            return server

    @classmethod
    def _started(cls, path: str | Path | None, given: Mapping[str, Any]) -> EmbeddedServer:
        folder = tempfile.TemporaryDirectory(prefix="weft-") if path is None else None
        try:
            app = App(_loaded(Path(path if folder is None else folder.name), given))  # type: ignore[arg-type]
            app.start()
        except BaseException:
            if folder is not None:
                folder.cleanup()
            raise
        server = cls(app, folder)
        _RUNNING[server.data_path] = server
        return server

    @property
    def data_path(self) -> Path:
        return self.app.settings.storage.data_path.resolve()

    def release(self) -> None:
        """Of one user; the last one stops the server, and a temporary folder goes with it."""
        with _LOCK:
            self._users -= 1
            if self._users:
                return
            del _RUNNING[self.data_path]
            try:
                self.app.stop()
            finally:
                if self._folder is not None:
                    self._folder.cleanup()

    def _check_same(self, asked: Settings) -> None:
        other = sorted(_differing(self.app.settings, asked))
        if other:
            raise Misconfigured(
                f"{self.data_path} is open in this process with other settings ({', '.join(other)}): leave them out "
                "to share its server, or close its clients first"
            )


def _loaded(path: Path, given: Mapping[str, Any]) -> Settings:
    settings = load_settings({"port": 0, "grpc_port": 0, **given, "host": HOST, "data_path": path})
    if settings.server.workers > 1:
        raise Misconfigured(
            "weft.connect stays in one process: leave workers (WEFT_WORKERS) out; weft serve can have several"
        )
    return replace(settings, server=replace(settings.server, workers=1), tls=Settings().tls)


def _differing(one: Any, other: Any) -> list[str]:
    """The names of the settings, in all groups, that have different values; the folder is the same."""
    found: list[str] = []
    for field in fields(one):
        mine, its = getattr(one, field.name), getattr(other, field.name)
        if is_dataclass(mine):
            found += _differing(mine, its)
        elif mine != its and field.name != "data_path":
            found.append(field.metadata["setting"].key)
    return found
