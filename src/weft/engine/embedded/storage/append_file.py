"""An append-only file of committed bytes, with a checksum for each block of them.

The file itself holds no metadata: its committed length and its checksums are in LMDB, written by the transaction that
commits the bytes. Bytes beyond the committed length are reserve, or left by a crash; the next append overwrites them.

    offset               content
    0                    block 0: BLOCK_BYTES bytes
    BLOCK_BYTES · i      block i; its XXH3-64 is fixed once the block is full
    …                    the tail: fewer than BLOCK_BYTES committed bytes; its XXH3-64 is rewritten with each commit
    committed length     reserve (any content)

One writer thread: ``stage``, then ``publish`` once LMDB has committed, or nothing at all. Any thread: ``view`` and
``verify``.
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from weft.domain.errors import CorruptData
from weft.domain.machine import NO_SPACE
from weft.files import disk
from weft.files.format import damaged

_log = logging.getLogger(__name__)
BLOCK_BYTES = 1 << 18
_FIRST_RESERVE_BYTES = 1 << 16

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]


@dataclass(slots=True)
class StagedBytes:
    """Bytes that are on disk and not committed yet."""

    length: int
    completed: list[int]
    """Checksums of the blocks that become full, from block ``first_completed`` on."""
    first_completed: int
    tail: xxhash.xxh3_64

    @property
    def tail_checksum(self) -> int:
        return self.tail.intdigest()


class _Committed(NamedTuple):
    """The committed state; replaced by one assignment, so that readers see both parts of one commit."""

    length: int
    tail: xxhash.xxh3_64
    """Of the bytes after the last full block."""


class AppendFile:
    """``length``, ``checksums`` and ``tail_checksum`` are those of ``path`` in LMDB; empty for a new file.

    Raises CorruptData when the file is missing or shorter than stated, or when its tail fails its checksum.
    """

    def __init__(self, path: Path, length: int, checksums: Sequence[int], tail_checksum: int, *, sync: bool) -> None:
        self.path = path
        self._sync = sync
        self._checksums = list(checksums)
        self._verified = bytearray(len(self._checksums))
        self._unverified = len(self._checksums)
        self.damage: CorruptData | None = None
        """The first that was found in it."""
        self._fd = -1
        self._reserved = 0
        self._map: mmap.mmap | None = None
        self._state = _Committed(0, xxhash.xxh3_64())
        if len(self._checksums) != length // BLOCK_BYTES:
            raise damaged(path, f"{len(self._checksums)} checksums are known for its {length} bytes")
        if length:
            with disk.explained(path):
                self._open_existing(length, tail_checksum)

    @property
    def length(self) -> int:
        """Committed bytes."""
        return self._state.length

    @property
    def checksums(self) -> list[int]:
        """Of the full blocks."""
        return self._checksums

    @property
    def tail_checksum(self) -> int:
        """Of the committed bytes after the last full block."""
        return self._state.tail.intdigest()

    @property
    def is_verified(self) -> bool:
        """Whether each full block was found to be what was written, and needs no look any more."""
        return not self._unverified

    def view(self) -> Bytes:
        """The committed bytes, mapped. A view stays valid when the file grows, is replaced or is closed."""
        length = self.length
        if not length:
            return np.empty(0, np.uint8)
        assert self._map is not None
        return np.frombuffer(self._map, np.uint8, length)

    def stage(self, data: memoryview) -> StagedBytes:
        """Writes ``data`` after the committed bytes and syncs it; ``publish`` commits it. Raises StorageFull."""
        length, tail = self._state
        with disk.explained(self.path):
            self._make_room(length + len(data))
            disk.write_at(self._fd, data, length)
            if self._sync:
                disk.sync_file(self._fd)
        tail = tail.copy()
        completed: list[int] = []
        position = length
        while data:
            part = data[: BLOCK_BYTES - position % BLOCK_BYTES]
            tail.update(part)
            position += len(part)
            data = data[len(part) :]
            if position % BLOCK_BYTES == 0:
                completed.append(tail.intdigest())
                tail = xxhash.xxh3_64()
        return StagedBytes(position, completed, length // BLOCK_BYTES, tail)

    def publish(self, staged: StagedBytes) -> None:
        """Commits the staged bytes. Cannot fail."""
        self._checksums.extend(staged.completed)
        self._verified.extend(b"\1" * len(staged.completed))
        self._state = _Committed(staged.length, staged.tail)

    def verify(self, start: int = 0, stop: int | None = None, *, full: bool = False) -> None:
        """Raises CorruptData if a block that overlaps bytes ``start`` to ``stop`` is not what was written.

        A block is read once in the life of the file object; ``full`` reads each again.
        """
        if not (self._unverified or full):
            return
        length, tail = self._state
        stop = length if stop is None else min(stop, length)
        for block in range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES)):
            if block >= length // BLOCK_BYTES:
                if full:
                    self._check(block, length % BLOCK_BYTES, tail.intdigest())
            elif full or not self._verified[block]:
                self._check(block, BLOCK_BYTES, self._checksums[block])
                self._verified[block] = 1
        if self._unverified:
            self._unverified = self._verified.count(0)

    def require(self, starts: Positions, stops: Positions) -> None:
        """As ``verify``, for each of the bytes from ``starts (n,)`` to ``stops (n,)``, none empty."""
        if not (self._unverified and len(starts)):
            return
        first, last = starts // BLOCK_BYTES, (stops - 1) // BLOCK_BYTES
        most = int((last - first).max())
        touched = np.unique(np.concatenate([np.minimum(first + n, last) for n in range(most + 1)]))
        seen = np.frombuffer(bytes(self._verified), np.uint8)
        for block in touched[touched < len(seen)][seen[touched[touched < len(seen)]] == 0].tolist():
            self.verify(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)

    def verify_some(self, most_bytes: int) -> bool:
        """Reads full blocks that were not read yet, at least one and about ``most_bytes``; True when none is left.

        Raises CorruptData.
        """
        left = max(1, most_bytes // BLOCK_BYTES)
        while self._unverified and left:
            block = self._verified.find(0)
            if block >= 0:
                self.verify(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
            left -= 1
        return not self._unverified

    def sync(self) -> None:
        """Everything committed is on disk; on any thread. Raises OperatorError."""
        if self._fd >= 0:
            with disk.explained(self.path):
                disk.sync_path(self.path)

    def close(self) -> None:
        """Cuts off the reserve, which else the next opening does. Views that are still held stay valid."""
        if self._fd < 0:
            return
        self._map = None
        fd, self._fd = self._fd, -1
        try:
            disk.cut(fd, self.length)
        except OSError as error:
            _log.warning("%s keeps its reserve until it is opened again: %s", self.path, error)
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Closes and deletes the file. Views that are still held stay valid."""
        self.close()
        disk.remove_if_free(self.path)

    def _open_existing(self, length: int, tail_checksum: int) -> None:
        try:
            self._fd = disk.open_file(self.path, create=False)
        except FileNotFoundError:
            raise damaged(self.path, "the file is missing") from None
        try:
            size = disk.file_size(self._fd)
            if size < length:
                raise damaged(self.path, f"it has {size} bytes and {length} were committed")
            disk.cut(self._fd, length)
            start = length - length % BLOCK_BYTES
            data = disk.read_file(self.path, start, length - start)
            tail = xxhash.xxh3_64(data)
            if tail.intdigest() != tail_checksum:
                raise damaged(self.path, f"bytes {start} to {length} fail their checksum")
            self._state = _Committed(length, tail)
            self._reserved = length
            self._map = disk.scattered(mmap.mmap(self._fd, length, access=mmap.ACCESS_READ))
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def _make_room(self, size: int) -> None:
        """Reserves and maps ``size`` bytes, and an eighth more if there is space, so that maps change rarely."""
        if self._fd < 0:
            self._fd = disk.open_file(self.path, create=True)
            if self._sync:
                disk.sync_folder(self.path.parent)
        if size > self._reserved:
            roomy = max(size + size // 8, _FIRST_RESERVE_BYTES)
            try:
                disk.reserve(self._fd, roomy)
                self._reserved = roomy
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise
                disk.reserve(self._fd, size)
                self._reserved = size
        if self._map is None or len(self._map) < size:
            self._map = disk.scattered(mmap.mmap(self._fd, self._reserved, access=mmap.ACCESS_READ))

    def _check(self, block: int, size: int, checksum: int) -> None:
        start = block * BLOCK_BYTES
        with disk.explained(self.path):
            try:
                data = disk.read_file(self.path, start, size)
            except FileNotFoundError:
                if self._fd < 0:
                    return  # replaced by a compacted copy, which was checked when it was made
                raise self._damaged("the file is missing") from None
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                raise self._damaged(f"bytes {start} to {start + size} cannot be read from the disk") from error
        if len(data) != size or xxhash.xxh3_64_intdigest(data) != checksum:
            raise self._damaged(f"bytes {start} to {start + size} fail their checksum")

    def _damaged(self, what: str) -> CorruptData:
        """The error, which is remembered."""
        error = damaged(self.path, what)
        self.damage = self.damage or error
        return error
