"""The folder of a result: files of Parquet that appear whole, and a note of what made them.

    NNNNN-NNNNNN.parquet          the file of the input, and the block of its rows; zstd
    NNNNN-NNNNNN.rejected.jsonl   those of the block that were not embedded, each with the reason; written before it
    _weft_embed.json              what was asked for, and by which model it is made

A block that has its file is done, so a run that was stopped continues with the others, and each row is there once.
Metadata of the files: ``weft.vectors``, by column ``{"module", "settings", "fingerprint", "multi"}`` as JSON;
``weft.id``, ``weft.error`` and ``weft.rest`` name columns.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from weft.cli.sources.place import SCHEME, explained, import_obstore, store_of
from weft.domain.errors import Invalid, OperatorError

NOTE = "_weft_embed.json"


class Sink:
    """A folder of a disk, created if it is missing, or of a bucket."""

    def __init__(self, out: str) -> None:
        self.out = out
        self._bucket, _, self._prefix = (
            out.removeprefix(SCHEME).partition("/") if out.startswith(SCHEME) else ("", "", "")
        )
        if self._bucket:
            import_obstore()

    def names(self) -> set[str]:
        """Of the files that are there."""
        if not self._bucket:
            folder = Path(self.out)
            return {one.name for one in folder.iterdir()} if folder.is_dir() else set()
        import obstore

        with explained(self.out):
            pages = list(obstore.list(store_of(self._bucket), prefix=self._prefix or None))
        return {blob["path"].rpartition("/")[2] for page in pages for blob in page}

    def read(self, name: str) -> bytes:
        if not self._bucket:
            return (Path(self.out) / name).read_bytes()
        import obstore

        with explained(self.out):
            return bytes(obstore.get(store_of(self._bucket), self._key(name)).bytes())

    def put(self, name: str, data: bytes) -> None:
        self.write(name, lambda path: path.write_bytes(data))

    def write(self, name: str, fill: Callable[[Path], object]) -> None:
        """The file appears when ``fill`` has written it. Raises OperatorError."""
        try:
            if not self._bucket:
                Path(self.out).mkdir(parents=True, exist_ok=True)
                path = Path(self.out) / f".{name}.{os.getpid()}"
                try:
                    fill(path)
                    path.replace(Path(self.out) / name)
                finally:
                    path.unlink(missing_ok=True)
                return
            import obstore

            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                fill(path)
                with explained(self.out):
                    obstore.put(store_of(self._bucket), self._key(name), path)
        except OSError as error:
            raise OperatorError(f"{self.out}/{name} cannot be written: {error.strerror}") from error

    def remove(self, name: str) -> None:
        if not self._bucket:
            (Path(self.out) / name).unlink(missing_ok=True)
            return
        import obstore

        if name in self.names():
            with explained(self.out):
                obstore.delete(store_of(self._bucket), self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


@dataclass(slots=True)
class Note:
    """``asked``: what has to be the same for a run to continue. ``fingerprint``: of the model of the files that are
    there, "" while there are none."""

    asked: dict[str, Any]
    fingerprint: str = ""

    @classmethod
    def of(cls, sink: Sink, asked: dict[str, Any], present: set[str]) -> Note:
        """Written if it is missing. Raises Invalid for a folder of something else."""
        if NOTE in present:
            found = orjson.loads(sink.read(NOTE))
            if found["asked"] != asked:
                raise Invalid(
                    f"{sink.out} holds the result of other files or flags; name another folder, or remove that one to "
                    "begin again"
                )
            return cls(asked, found["fingerprint"])
        if any(name.endswith(".parquet") for name in present):
            raise Invalid(f"{sink.out} holds other files; name a new folder")
        note = cls(asked)
        note._write(sink)
        return note

    def put(self, sink: Sink, fingerprint: str) -> None:
        """Before the first file is there."""
        if not self.fingerprint:
            self.fingerprint = fingerprint
            self._write(sink)

    def _write(self, sink: Sink) -> None:
        sink.put(NOTE, orjson.dumps({"asked": self.asked, "fingerprint": self.fingerprint}))
