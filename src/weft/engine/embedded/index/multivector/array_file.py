"""Arrays in files: written atomically, checked when read, mapped.

    0   8  magic ``WEFTMVEC``
    8   4  version, 1
    12  4  n, bytes of the header
    16  8  xxh3-64 of the header
    24  n  header, JSON: ``{"meta": {…}, "arrays": {name: [dtype, shape, offset, xxh3-64]}}``
    …      arrays, little-endian, each at a multiple of 64 from the start of the file, at least 64 zero bytes behind it

A file appears under its name only when it is complete and synced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import xxhash

from weft.domain.errors import CorruptData

MAGIC = b"WEFTMVEC"
VERSION = 1
_ALIGN = 64

Array = npt.NDArray[Any]


def write(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Replaces ``path``, synced, by ``meta`` and ``arrays`` of any shape and dtype."""
    entries: dict[str, list[Any]] = {}
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    offset = 0
    for name, array in whole.items():
        digest = xxhash.xxh3_64_intdigest(array.reshape(-1).view(np.uint8).data) if array.size else 0
        entries[name] = [array.dtype.str, list(array.shape), offset, f"{digest:016x}"]
        offset += -(-array.nbytes // _ALIGN) * _ALIGN + _ALIGN
    header = orjson.dumps({"meta": dict(meta), "arrays": entries})
    start = -(-(24 + len(header)) // _ALIGN) * _ALIGN
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as file:
        file.write(MAGIC + VERSION.to_bytes(4, "little") + len(header).to_bytes(4, "little"))
        file.write(xxhash.xxh3_64_intdigest(header).to_bytes(8, "little") + header)
        for (_, _, place, _), array in zip(entries.values(), whole.values(), strict=True):
            file.seek(start + place)
            if array.size:
                file.write(array.reshape(-1).view(np.uint8).data)
        file.truncate(start + offset)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


class ArrayFile:
    """A file as ``write`` made it. Raises CorruptData when the header is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            head = file.read(24)
            if len(head) < 24 or head[:8] != MAGIC:
                raise self._corrupt("it does not begin with the expected bytes")
            if int.from_bytes(head[8:12], "little") != VERSION:
                raise self._corrupt(
                    f"its version is {int.from_bytes(head[8:12], 'little')}, this program reads {VERSION}"
                )
            header = file.read(int.from_bytes(head[12:16], "little"))
            size = file.seek(0, os.SEEK_END)
        if xxhash.xxh3_64_intdigest(header) != int.from_bytes(head[16:24], "little"):
            raise self._corrupt("its header does not match its checksum")
        content = orjson.loads(header)
        self.meta: dict[str, Any] = content["meta"]
        self._entries: dict[str, list[Any]] = content["arrays"]
        self._start = -(-(24 + len(header)) // _ALIGN) * _ALIGN
        ends = [o + int(np.prod(s)) * np.dtype(t).itemsize for t, s, o, _ in self._entries.values()]
        if size < self._start + max(ends, default=-_ALIGN) + _ALIGN:
            raise self._corrupt("it is too short")

    def array(self, name: str, *, check: bool = True) -> Array:
        """Mapped, read-only, with its shape and dtype; compared with its checksum unless ``check`` is False.

        Raises CorruptData.
        """
        kind, shape, offset, _ = self._entries[name]
        if 0 in shape:
            return np.zeros(shape, kind)
        if check:
            self.verify(name)
        return np.memmap(self.path, kind, "r", self._start + offset, tuple(shape)).view(np.ndarray)

    def verify(self, name: str) -> None:
        """Reads all of an array; raises CorruptData if it is not what was written."""
        if self._entries[name][3] != f"{self._digest(name):016x}":
            raise self._corrupt(f"its array {name!r} does not match its checksum")

    def _digest(self, name: str) -> int:
        array = self.array(name, check=False)
        return xxhash.xxh3_64_intdigest(array.reshape(-1).view(np.uint8).data) if array.size else 0

    def _corrupt(self, why: str) -> CorruptData:
        return CorruptData(f"{self.path.name} cannot be used: {why}; the index will be rebuilt", path=str(self.path))


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
