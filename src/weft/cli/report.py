"""ImportReport: how many rows of an import were stored, which were rejected, and why."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from weft.cli.rows import ERROR_FIELD
from weft.cli.table import counted
from weft.domain.errors import OperatorError
from weft.domain.json_values import JsonObject

_MAX_LISTED = 10
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9.]+")


@dataclass(slots=True)
class _ErrorClass:
    """Errors that differ only in the values they quote."""

    example: str
    where: str
    count: int = 0


class RejectedFile:
    """A JSON Lines file, created when the first row is rejected: the original rows, each with its error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def write(self, row: JsonObject) -> None:
        """Raises OperatorError when the file cannot be written."""
        try:
            if self._file is None:
                self._file = self.path.open("wb")
            self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            self._file.flush()
        except OSError as error:
            raise OperatorError(
                f"rejected rows cannot be written to {self.path}: {error.strerror}; name another file with --rejected"
            ) from error

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # write has reported it
                self._file.close()


class ImportReport:
    """Every row is either ``stored`` or ``rejected``."""

    def __init__(self, collection: str, file: RejectedFile) -> None:
        self.collection = collection
        self.stored = 0
        self.rejected = 0
        self._file = file
        self._classes: dict[str, _ErrorClass] = {}

    def reject(self, where: str, fields: JsonObject, error: str) -> None:
        self.rejected += 1
        names = {*fields, self.collection}
        key = _VARYING.sub(lambda match: match[0] if match[0].strip("'\"") in names else "…", error)
        self._classes.setdefault(key, _ErrorClass(error, where)).count += 1
        self._file.write({**fields, ERROR_FIELD: error})

    def close(self) -> None:
        self._file.close()

    def summary(self, took_s: float) -> str:
        rate = f" in {took_s:.1f} s ({self.stored / took_s:,.0f} a second)" if self.stored else ""
        rejected = f", {self.rejected:,} rejected" if self.rejected else ""
        return f"{counted(self.stored, 'row')} stored in {self.collection}{rate}{rejected}"

    def text(self, took_s: float) -> str:
        """The summary and, most frequent first, each class of errors with an example and its place."""
        lines = [self.summary(took_s) + (":" if self.rejected else "")]
        classes = sorted(self._classes.values(), key=lambda one: -one.count)
        lines += [f"  {one.count:,} × {one.example} ({one.where})" for one in classes[:_MAX_LISTED]]
        if len(classes) > _MAX_LISTED:
            lines.append(f"  and {len(classes) - _MAX_LISTED:,} other kinds of error")
        if self.rejected:
            lines.append(f"Rejected rows are in {self._file.path}, each with its error; fix them and import that file.")
        return "\n".join(lines)
