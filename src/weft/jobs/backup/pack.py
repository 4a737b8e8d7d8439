"""The bytes of a backup: chunks, one after another in packs, and tables of their positions.

    packs/<number, 6 digits>    stored chunks, nothing between them; at most PACK_BYTES, or one chunk

A file is cut into chunks of one size. A chunk is stored as it is, or as a zstd frame if that is smaller. A `Refs` table
has one entry of 54 bytes, little-endian, for each chunk:

    offset  size  content
    0       32    SHA-256 of the chunk
    32      2     which backup stores it: 0 this one, otherwise one of those that this one builds on
    34      4     pack
    38      8     offset in the pack
    46      4     bytes stored; equal to the next field when it is not compressed
    50      4     bytes of the chunk

A chunk that the base has at the same position of the same file is not stored again.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import CorruptData
from weft.files import disk
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.backup.zstd import ZstdError, compress, decompressed

PACK_BYTES = 32 << 20
MOST_BYTES = 1 << 29
"""Of a chunk, and of the description of a backup, which says as much of a million tenants."""
_LEAST_BYTES, _MOST_TIMES = 16 << 20, 64
_READ_BYTES = 8 << 20
_AHEAD = 2

REF = np.dtype(
    [("digest", "V32"), ("backup", "<u2"), ("pack", "<u4"), ("offset", "<u8"), ("stored", "<u4"), ("size", "<u4")]
)
_ENTRY = struct.Struct("<32sHIQII")
Refs: TypeAlias = npt.NDArray[np.void]
"""``(n,)`` of ``REF``."""

LEVELS = {
    "DefaultCompression": 3,
    "BestSpeed": 1,
    "BestCompression": 12,
    "ZstdDefaultCompression": 3,
    "ZstdBestSpeed": 1,
    "ZstdBestCompression": 12,
    "NoCompression": 0,
}
"""The level of zstd, 0 for none, for each of Weaviate's names."""


def unpacked_at_most(stored: int) -> int:
    """How many bytes ``stored`` ones may unpack to. The chunks of files are small, and whatever else is in a backup has
    digests, which do not get much smaller."""
    return min(MOST_BYTES, _LEAST_BYTES + _MOST_TIMES * stored)


def pack_key(number: int) -> str:
    return f"packs/{number:06d}"


class PackWriter:
    """Stores chunks in ``folder``, compressed by ``threads`` threads. One thread calls it; ``close`` ends it."""

    def __init__(self, folder: BlobFolder, level: int, threads: int) -> None:
        self._folder = folder
        self._level = level
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="weft-backup-zstd")
        self._window = threads * _AHEAD
        self._pack = 0
        self._buffer = bytearray()
        self.stored_bytes = 0

    def add(self, chunks: Iterable[bytes], base: Refs | None, each: Callable[[int], None]) -> Refs:
        """The position of each chunk. ``base``: those of the same file in the base. ``each`` is called with the size of
        each finished chunk."""
        refs = bytearray()
        digests = base["digest"] if base is not None else ()
        waiting: deque[tuple[int, int, Future[tuple[bytes, bytes | None]]]] = deque()

        def take() -> None:
            number, size, future = waiting.popleft()
            digest, data = future.result()
            if data is not None:
                refs.extend(self._keep(digest, data, size))
            elif base is not None:
                refs.extend(base[number].tobytes())
            each(size)

        for number, chunk in enumerate(chunks):
            known = digests[number].tobytes() if number < len(digests) else None
            waiting.append((number, len(chunk), self._pool.submit(_prepared, chunk, known, self._level)))
            if len(waiting) > self._window:
                take()
        while waiting:
            take()
        return np.frombuffer(refs, REF)

    def add_one(self, data: bytes) -> Refs:
        """A blob of any size as one chunk."""
        return self.add([data], None, lambda size: None)

    def flush(self) -> None:
        """Everything added is in the folder at return."""
        if self._buffer:
            self._folder.put(pack_key(self._pack), bytes(self._buffer))
            self._pack += 1
            self._buffer.clear()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _keep(self, digest: bytes, data: bytes, size: int) -> bytes:
        """Returns its entry."""
        if self._buffer and len(self._buffer) + len(data) > PACK_BYTES:
            self.flush()
        offset = len(self._buffer)
        self._buffer += data
        self.stored_bytes += len(data)
        return _ENTRY.pack(digest, 0, self._pack, offset, len(data), size)


def _prepared(chunk: bytes, known: bytes | None, level: int) -> tuple[bytes, bytes | None]:
    """The chunk's digest, and the bytes to store: None if the digest is ``known``."""
    digest = hashlib.sha256(chunk).digest()
    if digest == known:
        return digest, None
    if level:
        packed = compress(chunk, level)
        if len(packed) < len(chunk):
            return digest, packed
    return digest, chunk


class PackReader:
    """Reads chunks; ``folders`` are the backup's own and those that it builds on, named by ``ids``."""

    def __init__(self, folders: list[BlobFolder], ids: list[str]) -> None:
        self._folders = folders
        self._ids = ids

    def chunks(self, refs: Refs) -> Iterator[bytes]:
        """Each chunk, verified. Raises CorruptData naming the missing or damaged pack."""
        start = 0
        while start < len(refs):
            stop = _run(refs, start)
            first = refs[start]
            if first["stored"] > MOST_BYTES:
                raise self._damaged(first, "is damaged")
            data = self._read(first, int(refs["stored"][start:stop].sum(dtype=np.uint64)))
            at = 0
            for ref in refs[start:stop]:
                yield self._chunk(ref, data[at : at + int(ref["stored"])])
                at += int(ref["stored"])
            start = stop

    def one(self, ref: Refs) -> bytes:
        """The blob that ``PackWriter.add_one`` stored."""
        return b"".join(self.chunks(ref))

    def _read(self, ref: np.void, length: int) -> bytes:
        number, key = int(ref["backup"]), pack_key(int(ref["pack"]))
        if number >= len(self._folders):
            raise CorruptData(
                f"the backup {self._ids[0]!r} is damaged: it refers to an unknown backup; use another one"
            )
        data = self._folders[number].get_range(key, int(ref["offset"]), length)
        if data is None:
            raise self._damaged(ref, "is missing")
        if len(data) != length:
            raise self._damaged(ref, "ends too early")
        return data

    def _chunk(self, ref: np.void, data: bytes) -> bytes:
        if int(ref["size"]) > unpacked_at_most(int(ref["stored"])):
            raise self._damaged(ref, "is damaged")
        if ref["stored"] != ref["size"]:
            try:
                data = decompressed(data, int(ref["size"]))
            except ZstdError:
                raise self._damaged(ref, "is damaged") from None
        if hashlib.sha256(data).digest() != ref["digest"].tobytes():
            raise self._damaged(ref, "is damaged")
        return data

    def _damaged(self, ref: np.void, what: str) -> CorruptData:
        number = int(ref["backup"])
        path = f"{self._folders[number].home}/{pack_key(int(ref['pack']))}"
        return CorruptData(f"{path} {what}: the backup {self._ids[0]!r} cannot be restored; use another one", path=path)


def _run(refs: Refs, start: int) -> int:
    """The end of the contiguous chunks from ``start`` on, as far as one read may go."""
    stop, length = start, 0
    while stop < len(refs):
        ref = refs[stop]
        if stop > start and (
            ref["backup"] != refs[start]["backup"]
            or ref["pack"] != refs[start]["pack"]
            or int(ref["offset"]) != int(refs[start]["offset"]) + length
            or length + int(ref["stored"]) > _READ_BYTES
        ):
            break
        length += int(ref["stored"])
        stop += 1
    return stop


def file_chunks(path: Path, size: int, chunk_bytes: int) -> Iterator[bytes]:
    """The first ``size`` bytes of a file, or fewer if it has been truncated meanwhile."""
    with disk.explained(path), path.open("rb", buffering=0) as file:
        while size > 0:
            chunk = _read_full(file.fileno(), min(chunk_bytes, size))
            if not chunk:
                return
            size -= len(chunk)
            yield chunk


def _read_full(descriptor: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
