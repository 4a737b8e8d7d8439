"""A store of settings that survives its users, as the data folder does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import orjson

from weft.catalog.servers import RegisteredServer
from weft.domain.errors import StorageFull


class StoredSettings:
    """Holds bytes, so that what is kept is what JSON can hold."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}
        self.is_full = False

    server = ""

    def servers(self) -> Sequence[RegisteredServer]:
        return ()

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def settings(self) -> Mapping[str, Any]:
        return {key: orjson.loads(value) for key, value in self._held.items()}

    def put_settings(self, changes: Mapping[str, Any]) -> None:
        if self.is_full:
            raise StorageFull("no space left")
        for key, value in changes.items():
            if value is None:
                self._held.pop(key, None)
            else:
                self._held[key] = orjson.dumps(value)
