"""A segment as a file, mapped at open.

    offset  size  content
    0       8     magic ``WEFTINVT``
    8       4     version (u32, little endian)
    12      4     length h of the header (u32)
    16      8     xxh3-64 of the header
    24      h     header, JSON: ``first``, ``after``, ``base_average``; ``fields``: by name ``fingerprint``, ``low``,
                  ``high``, ``tokens``, ``documents``; ``members``; ``arrays``: by name ``dtype`` and a piece.
                  A piece is ``[offset, size, xxh3-64]``; ``members`` and ``documents`` are pieces too (roaring bitmaps)
    …             pieces, each at a multiple of 64 from the first such offset after the header, little endian

A file that is not exactly this raises CorruptData.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xxhash
from pyroaring import BitMap

from weft.domain.errors import CorruptData, StorageFull
from weft.engine.embedded.index.inverted.segment import Segment, SegmentField

MAGIC = b"WEFTINVT"
VERSION = 1
_HEAD = struct.Struct("<8sIIQ")
_ALIGN = 64
_DTYPES = {"|u1", "<i8", "<u4", "<u2", "<f4"}


def write(path: Path, segment: Segment) -> None:
    """Durable at return; raises StorageFull when there is no space."""
    pieces: list[memoryview] = []
    header = {
        "first": segment.first,
        "after": segment.after,
        "base_average": segment.base_average,
        "members": (layout := _Layout(pieces)).add(segment.members.serialize()),
        "fields": {
            name: {
                "fingerprint": place.fingerprint,
                "low": place.low,
                "high": place.high,
                "tokens": place.tokens,
                "documents": layout.add(place.documents.serialize()),
            }
            for name, place in segment.fields.items()
        },
        "arrays": {
            name: {"dtype": getattr(segment, name).dtype.str, "piece": layout.add(getattr(segment, name).data)}
            for name in Segment.ARRAYS
        },
    }
    encoded = orjson.dumps(header)
    start = _aligned(_HEAD.size + len(encoded))
    head = _HEAD.pack(MAGIC, VERSION, len(encoded), xxhash.xxh3_64_intdigest(encoded)) + encoded
    write_whole(path, [head.ljust(start, b"\0"), *(part for piece in pieces for part in (piece, _padding(piece)))])


def write_whole(path: Path, parts: list[Any]) -> None:
    """Replaces the file at ``path`` by the parts, atomically; raises StorageFull, and the earlier file is unchanged."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG):
            raise StorageFull(
                f"no space left to write {path.name}; free some space and try again", path=str(path)
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Makes renames in it durable, if the system can sync folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> Segment:
    """Maps the segment; every byte of it is checked before this returns."""
    try:
        return _read(path)
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error) as error:
        raise _damaged(path, str(error)) from error


class _Layout:
    """Pieces one after the other, each at a multiple of ``_ALIGN``."""

    def __init__(self, pieces: list[memoryview]) -> None:
        self._pieces = pieces
        self._end = 0

    def add(self, data: Any) -> list[int]:
        view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        place = [self._end, len(view), xxhash.xxh3_64_intdigest(view)]
        self._pieces.append(view)
        self._end = _aligned(self._end + len(view))
        return place


def _read(path: Path) -> Segment:
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    magic, version, length, checksum = _HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise _damaged(path, f"it is not an inverted segment of version {VERSION}")
    encoded = data[_HEAD.size : _HEAD.size + length]
    if len(encoded) != length or xxhash.xxh3_64_intdigest(encoded) != checksum:
        raise _damaged(path, "its header fails the checksum")
    header = orjson.loads(encoded)
    start = _aligned(_HEAD.size + length)

    def piece(place: list[int]) -> memoryview:
        offset, size, expected = place
        raw = data[start + offset : start + offset + size]
        if len(raw) != size or xxhash.xxh3_64_intdigest(raw) != expected:
            raise _damaged(path, "a piece fails the checksum")
        return raw

    fields = {
        name: SegmentField(
            entry["fingerprint"],
            entry["low"],
            entry["high"],
            entry["tokens"],
            BitMap.deserialize(bytes(piece(entry["documents"]))),
        )
        for name, entry in header["fields"].items()
    }
    arrays = {name: _array(entry["dtype"], piece(entry["piece"])) for name, entry in header["arrays"].items()}
    members = BitMap.deserialize(bytes(piece(header["members"])))
    return Segment(
        header["first"],
        header["after"],
        members,
        fields,
        header["base_average"],
        **{name: arrays[name] for name in Segment.ARRAYS},
        file=path.name,
    )


def _array(dtype: str, raw: memoryview) -> Any:
    if dtype not in _DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}")
    return np.frombuffer(raw, dtype) if len(raw) else np.zeros(0, dtype)


def _padding(piece: memoryview) -> bytes:
    return b"\0" * (_aligned(len(piece)) - len(piece))


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def _damaged(path: Path, reason: str) -> CorruptData:
    return CorruptData(f"{path.name} cannot be used: {reason}; the index is rebuilt from storage", path=str(path))
