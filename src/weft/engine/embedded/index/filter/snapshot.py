"""The snapshot of a filter index: all columns in one file, mapped at open.

    offset  size  content
    0       8     magic ``WEFTFLTR``
    8       4     version (u32, little endian)
    12      4     length h of the header (u32)
    16      8     xxh3-64 of the header
    24      h     header, JSON: ``covered`` and for each column ``name``, ``kind``, ``multi``, ``rows`` and for
                  ``docs`` and ``values`` an ``[offset, size, xxh3-64]``
    …             arrays, each at a multiple of 64: ``docs`` u32, ``values`` of the kind's dtype, little endian

A file that is not exactly this is refused as a whole: the index then starts empty and is filled from storage.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xxhash

from weft.domain.errors import CorruptData, StorageFull
from weft.engine.embedded.index.filter import kinds
from weft.engine.embedded.index.filter.column import Column, ColumnView

MAGIC = b"WEFTFLTR"
VERSION = 2
_HEAD = struct.Struct("<8sIIQ")
_ALIGN = 64
_PART = ".part"


def write(path: Path, covered: int, columns: Mapping[str, ColumnView]) -> None:
    """Replaces the file at ``path`` atomically; durable at return.

    Raises StorageFull when there is no space; the earlier file is then unchanged.
    """
    try:
        _write(path, covered, columns)
    except OSError as error:
        remove(path.with_suffix(_PART))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"no space left to write {path.name}; free some space and try again", path=str(path)
            ) from error
        raise


def read(path: Path) -> tuple[int, dict[str, Column]]:
    """``covered`` and the columns, mapped from the file; raises CorruptData unless every byte is as written."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _HEAD.size:
            raise _damaged(path, "it is too short")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    magic, version, length, checksum = _HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise _damaged(path, f"it is not a filter index of version {VERSION}")
    header = data[_HEAD.size : _HEAD.size + length]
    if xxhash.xxh3_64_intdigest(header) != checksum:
        raise _damaged(path, "its header fails the checksum")
    content = orjson.loads(header)
    start = _aligned(_HEAD.size + length)
    columns = {name: _column(path, memoryview(data), start, entry) for name, entry in content["columns"].items()}
    return content["covered"], columns


def remove(path: Path) -> None:
    """Removes the snapshot."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _write(path: Path, covered: int, columns: Mapping[str, ColumnView]) -> None:
    layout: dict[str, dict[str, Any]] = {}
    arrays: list[tuple[int, np.ndarray[Any, Any]]] = []
    offset = 0
    for name, view in columns.items():
        entry: dict[str, Any] = {"kind": view.kind.name, "multi": view.multi, "rows": len(view.docs)}
        for part, array in (("docs", view.docs), ("values", view.values)):
            array = np.ascontiguousarray(array)
            entry[part] = [offset, array.nbytes, xxhash.xxh3_64_intdigest(array.data)]
            arrays.append((offset, array))
            offset = _aligned(offset + array.nbytes)
        layout[name] = entry
    header = orjson.dumps({"covered": covered, "columns": layout})
    start = _aligned(_HEAD.size + len(header))
    head = _HEAD.pack(MAGIC, VERSION, len(header), xxhash.xxh3_64_intdigest(header)) + header
    part_path = path.with_suffix(_PART)
    with part_path.open("wb") as file:
        file.write(head)
        for offset, array in arrays:
            file.seek(start + offset)
            file.write(array.data)
        file.truncate(max(file.tell(), start))
        file.flush()
        os.fsync(file.fileno())
    part_path.replace(path)
    _sync_folder(path.parent)


def _column(path: Path, data: memoryview, start: int, entry: dict[str, Any]) -> Column:
    kind = kinds.BY_NAME[entry["kind"]]
    parts = []
    for part, dtype in (("docs", np.dtype(np.uint32)), ("values", kind.dtype)):
        offset, size, checksum = entry[part]
        raw = data[start + offset : start + offset + size]
        if len(raw) != size or xxhash.xxh3_64_intdigest(raw) != checksum:
            raise _damaged(path, f"the {part} of a column fail the checksum")
        parts.append(np.frombuffer(raw, dtype))
    return Column(kind, entry["multi"], *parts)


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
