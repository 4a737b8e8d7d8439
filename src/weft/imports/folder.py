"""The folder of reports: a JSON file each, replaced as a whole, and beside it the refused objects, appended to.

Neither is synced: a report is a convenience, and what the operating system has written survives the process. A file
that is not what was written is ignored.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from weft.files import disk
from weft.imports.record import ImportRecord

log = logging.getLogger(__name__)

_REPORT: Final = ".json"
_REJECTED: Final = ".rejected.jsonl"


class RecordFolder:
    """Raises OSError or WeftError where the disk does not do what is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def records(self) -> Iterator[ImportRecord]:
        """In no order. Files that belong to none are removed."""
        if not self._path.is_dir():
            return
        known = set()
        for file in sorted(self._path.glob(f"*{_REPORT}")):
            try:
                record = ImportRecord.of_json(orjson.loads(file.read_bytes()))
            except (OSError, TypeError, KeyError, ValueError, AttributeError) as error:
                log.warning("%s is no report of an import, and is ignored (%s)", file, error)
                continue
            if record.id == file.name.removesuffix(_REPORT):
                known.add(record.id)
                yield record
        for file in self._path.glob(f"*{_REJECTED}"):
            if file.name.removesuffix(_REJECTED) not in known:
                file.unlink(missing_ok=True)

    def write(self, record: ImportRecord) -> None:
        disk.make_folder(self._path, sync=False)
        disk.write_whole(self._path / f"{record.id}{_REPORT}", orjson.dumps(record.to_json()), sync=False)

    def append(self, id: str, rows: bytes) -> None:
        """All of ``rows`` or nothing."""
        disk.make_folder(self._path, sync=False)
        path = self._path / f"{id}{_REJECTED}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), disk.FILE_MODE)
        try:
            before = os.lseek(fd, 0, os.SEEK_END)
            try:
                disk.write_at(fd, memoryview(rows), before)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(fd, before)
                raise
        finally:
            os.close(fd)

    def rejected(self, id: str) -> bytes:
        """Whole lines; empty where there are none."""
        with suppress(FileNotFoundError):
            found = (self._path / f"{id}{_REJECTED}").read_bytes()
            return found[: found.rfind(b"\n") + 1]
        return b""

    def remove_rejected(self, id: str) -> None:
        (self._path / f"{id}{_REJECTED}").unlink(missing_ok=True)

    def remove(self, id: str) -> None:
        (self._path / f"{id}{_REPORT}").unlink(missing_ok=True)
        self.remove_rejected(id)
