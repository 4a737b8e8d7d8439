"""Files of a snapshot: arrays side by side in one, each at a multiple of 64 bytes, and checksums of whole files."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

_ALIGN = 64
_PIECE = 1 << 22
_SYNCED_AT_ONCE = 1 << 25
"""So no sync takes long."""


class SyncedFile:
    """Written once from start to end, in pieces between which ``check`` is called, which may raise.

    Until ``finish`` it has another name, by which those that copy the folder know that it is incomplete.
    """

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._path = path
        self._check = check
        self._draft = draft_of(path)
        self._out = self._draft.open("wb")
        self._digest = xxhash.xxh3_64()
        self._unsynced = 0

    def __enter__(self) -> SyncedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    @property
    def length(self) -> int:
        return self._out.tell()

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        for at in range(0, len(view), _PIECE):
            self._check()
            piece = view[at : at + _PIECE]
            self._out.write(piece)
            self._digest.update(piece)
            self._unsynced += len(piece)
            if self._unsynced >= _SYNCED_AT_ONCE:
                self.sync()

    def sync(self) -> None:
        """Everything written is durable at return."""
        self._out.flush()
        os.fsync(self._out.fileno())
        self._unsynced = 0

    def finish(self) -> dict[str, Any]:
        """Everything written is durable, under its name; returns the ``name``, ``bytes`` and ``xxh3`` of the file."""
        self.sync()
        length = self.length
        self._out.close()  # Windows renames no open file
        self._draft.replace(self._path)
        return {"name": self._path.name, "bytes": length, "xxh3": self._digest.hexdigest()}


def draft_of(path: Path) -> Path:
    """What it is called while it is written."""
    return path.with_name(path.name + ".part")


def write_arrays(out: SyncedFile, arrays: Mapping[str, npt.NDArray[Any]]) -> list[dict[str, Any]]:
    """Returns what ``map_arrays`` needs: the ``name``, ``dtype``, ``shape`` and ``offset`` of each."""
    described = []
    out.write(b"weft vector codes\n".ljust(_ALIGN))
    for name, array in arrays.items():
        out.write(bytes(-out.length % _ALIGN))
        shape = list(array.shape)
        described.append({"name": name, "dtype": array.dtype.str, "shape": shape, "offset": out.length})
        out.write(np.ascontiguousarray(array).data)
    return described


def map_arrays(path: Path, described: list[dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    """What ``write_arrays`` wrote, read-only."""
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {}
    for a in described:
        shape = tuple(int(n) for n in a["shape"])
        count = int(np.prod(shape))
        flat = np.frombuffer(whole, np.dtype(a["dtype"]), count, a["offset"]) if count else np.zeros(0, a["dtype"])
        arrays[a["name"]] = flat.reshape(shape)
    return arrays


def hash_of(path: Path) -> str:
    """xxh3-64 in hex. Raises ValueError for an empty file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return str(xxhash.xxh3_64_hexdigest(whole))


def sync(path: Path) -> None:
    """A file or, on POSIX, a folder."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
