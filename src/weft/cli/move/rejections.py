"""The file of objects that the target refused: JSON Lines that ``weft import`` takes once they are mended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import orjson

from weft.cli.move.journal import Journal
from weft.cli.sources.row import ERROR_FIELD
from weft.domain.errors import OperatorError
from weft.domain.json_values import JsonObject


class Rejections:
    """Created with its first object; what was written after the journal's last word is cut off first."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path = path
        self._journal = journal
        self._file: IO[bytes] | None = None

    def write(self, collection: str, tenant: str | None, row: JsonObject, error: str) -> None:
        place: JsonObject = {"_collection": collection, **({} if tenant is None else {"_tenant": tenant})}
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(orjson.dumps({**row, **place, ERROR_FIELD: error}, option=orjson.OPT_APPEND_NEWLINE))
            self._file.flush()
        except OSError as failure:
            raise OperatorError(
                f"rejected objects cannot be written to {self.path}: {failure.strerror}; name another file with "
                "--rejected"
            ) from failure
        self._journal.rejected_bytes = self._file.tell()

    def _open(self) -> IO[bytes]:
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        file.truncate(min(file.seek(0, os.SEEK_END), self._journal.rejected_bytes))
        file.seek(0, os.SEEK_END)
        return file

    def restart(self) -> None:
        """Without what was rejected before, which is tried again."""
        self.close()
        self._file = None
        self._journal.rejected_bytes = 0
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
