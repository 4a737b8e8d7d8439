"""A segment as a file, mapped at open.

    offset  size  content
    0       8     magic ``WEFTINVT``
    8       4     version (u32, little endian)
    12      4     length h of the header (u32)
    16      8     xxh3-64 of the header
    24      h     header, JSON: ``first``, ``after``; ``fields``: by name ``fingerprint``, ``low``, ``high``,
                  ``tokens``, ``documents``, ``lengths``, ``average``; ``members``; ``arrays``: by name. Arrays and
                  ``lengths`` are a ``dtype`` and a ``piece``. A piece is ``[offset, size, xxh3-64]``; ``members`` and
                  ``documents`` are pieces (roaring bitmaps)
    …             pieces, each at a multiple of 64 from the first such offset after the header, little endian

Version 1 has one ``base_average`` for all fields, and no ``lengths``. A file that is not exactly this raises
CorruptData.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import xxhash
from pyroaring import BitMap

from weft.domain.errors import CorruptData, StorageFull
from weft.engine.embedded.index.inverted.segment import MAX_LENGTH, Segment, SegmentField, narrow

MAGIC = b"WEFTINVT"
VERSION = 2
_READ = (1, 2)
_HEAD = struct.Struct("<8sIIQ")
_ALIGN = 64
_DTYPES = {"|u1", "<i8", "<u4", "<u2", "<f4"}


def write(path: Path, segment: Segment) -> None:
    """Durable at return; raises StorageFull when there is no space."""
    pieces: list[memoryview] = []
    header = {
        "first": segment.first,
        "after": segment.after,
        "members": (layout := _Layout(pieces)).add(segment.members.serialize()),
        "fields": {
            name: {
                "fingerprint": place.fingerprint,
                "low": place.low,
                "high": place.high,
                "tokens": place.tokens,
                "documents": layout.add(place.documents.serialize()),
                "lengths": {"dtype": place.lengths.dtype.str, "piece": layout.add(place.lengths.data)},
                "average": place.average,
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
    if magic != MAGIC or version not in _READ:
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

    def array(entry: dict[str, Any]) -> Any:
        return _array(entry["dtype"], piece(entry["piece"]))

    arrays = {name: array(entry) for name, entry in header["arrays"].items()}
    fields = {}
    for name, entry in header["fields"].items():
        documents = BitMap.deserialize(bytes(piece(entry["documents"])))
        lengths = array(entry["lengths"]) if version > 1 else _lengths(arrays, entry["low"], entry["high"], documents)
        fields[name] = SegmentField(
            entry["fingerprint"],
            entry["low"],
            entry["high"],
            int(lengths.sum(dtype=np.int64)),
            documents,
            lengths,
            entry["average"] if version > 1 else header["base_average"],
        )
    members = BitMap.deserialize(bytes(piece(header["members"])))
    return Segment(
        header["first"],
        header["after"],
        members,
        fields,
        **{name: arrays[name] for name in Segment.ARRAYS},
        file=path.name,
    )


def _lengths(arrays: dict[str, Any], low: int, high: int, documents: BitMap) -> npt.NDArray[Any]:
    """The lengths that a file of version 1 lacks, from the postings of a property's terms."""
    if not documents:
        return np.zeros(0, np.uint8)
    start, end = int(arrays["posts"][low]), int(arrays["posts"][high])
    first = documents.min()
    by_document = np.zeros(documents.max() - first + 1, np.uint32)
    of_pairs = arrays["pairs"] & np.uint32(MAX_LENGTH)
    by_document[arrays["docs"][start:end] - np.uint32(first)] = of_pairs[arrays["codes"][start:end]]
    return narrow(by_document[np.asarray(documents.to_array(), np.int64) - first])


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
