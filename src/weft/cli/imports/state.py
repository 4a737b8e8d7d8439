"""How far an import has come, in a file beside the rejected rows, so that it continues there after a stop of any kind.

It is replaced whole after batches that the server has answered, about once a second, and removed at the end. Rows that
were answered since it was written are sent again: that stores the same objects under the same uuids.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

_EVERY_S = 1.0


@dataclass(slots=True)
class Reached:
    """``file`` and ``row``: all rows before are stored or rejected. ``last``: the uuid of an object that was stored."""

    file: int = 0
    row: int = 0
    last: str = ""
    stored: int = 0
    replaced: int = 0
    rejected: int = 0
    rejected_bytes: int = 0
    errors: list[list[Any]] = field(default_factory=list)


class ImportState:
    """``path`` None: nothing is kept, as for standard input. ``key``: what has to be the same to go on."""

    def __init__(self, path: Path | None, key: dict[str, Any]) -> None:
        self.path = path
        self._key = key
        self._saved_at = 0.0

    def load(self) -> Reached | None:
        """What an earlier import of the same files with the same flags reached."""
        if self.path is None:
            return None
        try:
            found = orjson.loads(self.path.read_bytes())
            return Reached(**found["reached"]) if found["key"] == self._key else None
        except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
            return None

    def save(self, reached: Reached) -> None:
        """A file that cannot be written is said once, and nothing more is kept."""
        if self.path is None or time.monotonic() - self._saved_at < _EVERY_S:
            return
        self._saved_at = time.monotonic()
        written = self.path.with_name(self.path.name + ".tmp")
        try:
            written.write_bytes(orjson.dumps({"key": self._key, "reached": asdict(reached)}))
            written.replace(self.path)
        except OSError as error:
            print(
                f"weft: {self.path} cannot be written ({error.strerror}): a stop means to begin again", file=sys.stderr
            )
            self.path = None

    def remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
