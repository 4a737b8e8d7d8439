"""The snapshot of a filter index: all columns in one file, mapped at open.

    offset  size  content
    0       8     magic ``WEFTFLTR``
    8       4     version (u32, little endian)
    12      4     length h of the header (u32)
    16      8     xxh3-64 of the header
    24      h     header, JSON: ``covered``, ``of`` (the store's moment, see ``files.lineage``), for each of
                  ``columns`` its ``kind``, ``multi``, ``rows`` and for ``docs`` and ``values`` an
                  ``[offset, size, xxh3-64]``, and for each of ``words`` the same of ``ends`` and ``text``
    …             arrays, each at a multiple of 64: ``docs`` u32, ``values`` of the kind's dtype, ``ends`` u64, ``text``
                  UTF-8; little endian

Version 2, which has no words, is read, too.

A file that is not exactly this is refused as a whole: the index then starts empty and is filled from storage.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xxhash

from weft.domain.errors import CorruptData, StorageFull
from weft.engine.embedded.index.filter import kinds
from weft.engine.embedded.index.filter.column import Column, ColumnView
from weft.engine.embedded.index.filter.kinds import Array
from weft.engine.embedded.index.filter.nested.token_numbers import TokenNumbers
from weft.files.lineage import UNKNOWN, Origin, stated_moment

MAGIC = b"WEFTFLTR"
VERSION = 3
_READ = (2, VERSION)
_HEAD = struct.Struct("<8sIIQ")
_ALIGN = 64
_PART = ".part"


def write(
    path: Path,
    covered: int,
    columns: Mapping[str, ColumnView],
    words: Mapping[str, TokenNumbers],
    origin: Origin = UNKNOWN,
) -> None:
    """Replaces the file at ``path`` atomically; durable at return.

    Raises StorageFull when there is no space; the earlier file is then unchanged.
    """
    try:
        _write(path, {"covered": covered, "of": origin.state(), "columns": {}, "words": {}}, columns, words)
    except OSError as error:
        remove(path.with_suffix(_PART))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"no space left to write {path.name}; free some space and try again", path=str(path)
            ) from error
        raise


def read(path: Path, origin: Origin = UNKNOWN) -> tuple[int, dict[str, Column], dict[str, TokenNumbers]]:
    """``covered``, the columns, mapped from the file, and the words of those that have some.

    Raises CorruptData unless every byte is as written, and of ``origin``.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _HEAD.size:
            raise _damaged(path, "it is too short")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    magic, version, length, checksum = _HEAD.unpack_from(data)
    if magic != MAGIC or version not in _READ:
        raise _damaged(path, f"it is not a filter index of version {VERSION}")
    header = data[_HEAD.size : _HEAD.size + length]
    if xxhash.xxh3_64_intdigest(header) != checksum:
        raise _damaged(path, "its header fails the checksum")
    content = orjson.loads(header)
    if not origin.includes(stated_moment(content.get("of")), content["covered"]):
        raise _damaged(path, "it has changes that its store lacks")
    start = _aligned(_HEAD.size + length)
    arrays = _StoredArrays(path, memoryview(data), start)
    columns = {}
    for name, entry in content["columns"].items():
        kind = kinds.BY_NAME[entry["kind"]]
        docs, values = arrays.read(entry["docs"], np.dtype(np.uint32)), arrays.read(entry["values"], kind.dtype)
        columns[name] = Column(kind, entry["multi"], docs, values)
    words = {
        name: TokenNumbers.unpacked(
            arrays.read(entry["ends"], np.dtype(np.uint64)), arrays.read(entry["text"], np.dtype(np.uint8))
        )
        for name, entry in content.get("words", {}).items()
    }
    return content["covered"], columns, words


def remove(path: Path) -> None:
    """Removes the snapshot."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


class _Placing:
    """Where arrays will lie in the file."""

    def __init__(self) -> None:
        self.arrays: list[tuple[int, Array]] = []
        self._offset = 0

    def place(self, array: Array) -> list[int]:
        array = np.ascontiguousarray(array)
        entry = [self._offset, array.nbytes, xxhash.xxh3_64_intdigest(array.data)]
        self.arrays.append((self._offset, array))
        self._offset = _aligned(self._offset + array.nbytes)
        return entry


def _write(
    path: Path, content: dict[str, Any], columns: Mapping[str, ColumnView], words: Mapping[str, TokenNumbers]
) -> None:
    layout = _Placing()
    for name, view in columns.items():
        docs, values = layout.place(view.docs), layout.place(view.values)
        kept = {"kind": view.kind.name, "multi": view.multi, "rows": len(view.docs), "docs": docs, "values": values}
        content["columns"][name] = kept
    for name, known in words.items():
        ends, text = known.packed()
        content["words"][name] = {"ends": layout.place(ends), "text": layout.place(text)}
    header = orjson.dumps(content)
    start = _aligned(_HEAD.size + len(header))
    head = _HEAD.pack(MAGIC, VERSION, len(header), xxhash.xxh3_64_intdigest(header)) + header
    part_path = path.with_suffix(_PART)
    with part_path.open("wb") as file:
        file.write(head)
        for offset, array in layout.arrays:
            file.seek(start + offset)
            file.write(array.data)
        file.truncate(max(file.tell(), start))
        file.flush()
        os.fsync(file.fileno())
    part_path.replace(path)
    _sync_folder(path.parent)


class _StoredArrays:
    """The arrays of the file at ``path``, whose bytes are ``data``."""

    def __init__(self, path: Path, data: memoryview, start: int) -> None:
        self._path = path
        self._data = data
        self._start = start

    def read(self, entry: Sequence[int], dtype: np.dtype[Any]) -> Array:
        offset, size, checksum = entry
        raw = self._data[self._start + offset : self._start + offset + size]
        if len(raw) != size or xxhash.xxh3_64_intdigest(raw) != checksum:
            raise _damaged(self._path, "an array fails its checksum")
        return np.frombuffer(raw, dtype)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def _damaged(path: Path, reason: str) -> CorruptData:
    return CorruptData(f"{path.name} cannot be used: {reason}; the index is rebuilt from storage", path=str(path))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
