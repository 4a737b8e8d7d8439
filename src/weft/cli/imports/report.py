"""ImportReport: how many objects an import stored, which rows were rejected, and why."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from weft.cli.imports.state import Reached
from weft.cli.sources.row import ERROR_FIELD
from weft.domain.counts import counted
from weft.domain.error_shapes import shape_of
from weft.domain.errors import OperatorError

_MAX_LISTED = 10


@dataclass(slots=True)
class _ErrorClass:
    """Errors that differ only in the values they quote."""

    example: str
    where: str
    count: int = 0


class RejectedFile:
    """A JSON Lines file, created when the first row is rejected: the original rows, each with its error."""

    def __init__(self, path: Path, size_bytes: int = 0) -> None:
        """Of a file that is there already, ``size_bytes`` stay."""
        self.path = path
        self.size_bytes = size_bytes
        self._file: IO[bytes] | None = None

    def write(self, row: Mapping[str, Any]) -> None:
        """Raises OperatorError when the file cannot be written."""
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
        try:
            if self._file is None:
                if not self.path.exists():
                    self.size_bytes = 0
                self._file = self.path.open("r+b" if self.size_bytes else "wb")
                if self.size_bytes:
                    self._file.seek(self.size_bytes)
                    self._file.truncate()
            self._file.write(line)
            self._file.flush()
            self.size_bytes += len(line)
        except OSError as error:
            raise OperatorError(
                f"rejected rows cannot be written to {self.path}: {error.strerror}; name another file with --rejected"
            ) from error

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # write has reported it
                self._file.close()


class ImportReport:
    """Every row is either ``stored``, some of them in place of an object with the same id, or ``rejected``."""

    def __init__(self, collection: str, file: RejectedFile, reached: Reached) -> None:
        self.collection = collection
        self.stored, self.replaced, self.rejected = reached.stored, reached.replaced, reached.rejected
        self._last = reached.last
        self._before = self.stored
        self._file = file
        self._classes = {key: _ErrorClass(example, where, count) for key, example, where, count in reached.errors}

    def store(self, uuid: str, *, replaced: bool) -> None:
        self.stored += 1
        self.replaced += replaced
        self._last = uuid

    def reached(self, file: int, row: int) -> Reached:
        """What the next import continues with, if this one ends at that row."""
        errors: list[list[Any]] = [[key, one.example, one.where, one.count] for key, one in self._classes.items()]
        counts = (self.stored, self.replaced, self.rejected)
        return Reached(file, row, self._last, *counts, self._file.size_bytes, errors)

    def reject_stored(self, where: str, fields: Mapping[str, Any], error: str) -> None:
        """Of an object that is stored already: without its references."""
        self.stored -= 1
        self.reject(where, fields, f"{error} (it is stored without its references)")

    def reject(self, where: str, fields: Mapping[str, Any], error: str) -> None:
        self.rejected += 1
        key = shape_of(error, {*fields, self.collection})
        self._classes.setdefault(key, _ErrorClass(error, where)).count += 1
        self._file.write({**fields, ERROR_FIELD: error})

    def close(self) -> None:
        self._file.close()

    def summary(self, took_s: float) -> str:
        here = self.stored - self._before
        rate = f" in {took_s:.1f} s ({here / took_s:,.0f} a second)" if here else ""
        objects = counted(self.stored - self.replaced, "new object" if self.replaced else "object")
        replaced = f", {counted(self.replaced, 'row')} in place of objects with the same id" if self.replaced else ""
        rejected = f", {self.rejected:,} rejected" if self.rejected else ""
        return f"{objects} stored in {self.collection}{rate}{replaced}{rejected}"

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
