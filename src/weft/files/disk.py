"""Disk I/O: positioned reads and writes, syncs, and the meaning of their failures.

Every byte that storage writes outside LMDB passes through these functions, on every platform.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weft.domain.machine import failure

FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""What is created is for this user alone; on Windows access lists decide."""

_LITTLE_BYTES = 64 << 20

_NO_RESERVATION = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV})


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raises StorageFull or OperatorError in place of an OSError about ``path``."""
    try:
        yield
    except OSError as error:
        raise failure(error, path) from error


def open_file(path: Path, *, create: bool) -> int:
    """A file descriptor for positioned reads and writes."""
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags | os.O_CREAT if create else flags, FILE_MODE)


def write_at(fd: int, data: memoryview, offset: int) -> None:
    """Writes all of ``data`` (bytes) at ``offset``."""
    while data:
        if hasattr(os, "pwrite"):
            written = os.pwrite(fd, data, offset)
        else:
            os.lseek(fd, offset, os.SEEK_SET)
            written = os.write(fd, data)
        data = data[written:]
        offset += written


def read_file(path: Path, offset: int, size: int) -> bytes:
    """Up to ``size`` bytes at ``offset``, fewer at the file's end; a read, so that a bad sector is an OSError."""
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        parts: list[bytes] = []
        while size > 0:
            part = file.read(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
    return b"".join(parts)


def is_nearly_full(path: Path) -> bool:
    """Whether ``path`` may be unable to grow by some megabytes, on the disk or within ``ulimit -f``."""
    if shutil.disk_usage(path.parent).free < _LITTLE_BYTES:
        return True
    if sys.platform == "win32":
        return False
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return limit != resource.RLIM_INFINITY and path.stat().st_size > limit - _LITTLE_BYTES


def file_size(fd: int) -> int:
    return os.fstat(fd).st_size


def reserve(fd: int, size: int) -> None:
    """Makes the file at least ``size`` bytes long, with allocated blocks if the system supports that."""
    length = file_size(fd)
    if size <= length:
        return
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, length, size - length)
            return
        except OSError as error:
            if error.errno not in _NO_RESERVATION:
                raise
    os.ftruncate(fd, size)


def allocate(fd: int, size: int) -> None:
    """Gives the first ``size`` bytes of the file their blocks, where it is shorter or has holes, so that they can be
    mapped and written: a touch that finds no block is SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size)
            return
        except OSError as error:
            if error.errno not in _NO_RESERVATION:
                raise
    length = file_size(fd)
    if length < size:
        write_at(fd, memoryview(bytes(size - length)), length)


def scattered(mapped: mmap.mmap) -> mmap.mmap:
    """The same, advised that it is read here and there: from the disk then come the pages that are needed, and not
    those around them, which would push others out where memory is short."""
    if hasattr(mmap, "MADV_RANDOM"):
        mapped.madvise(mmap.MADV_RANDOM)
    return mapped


def sync_file(fd: int) -> None:
    """Returns when the file's bytes are on disk."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync leaves the drive's own cache unwritten there
    elif hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def sync_path(path: Path) -> None:
    """As ``sync_file``; a file that was replaced meanwhile, and is gone, need not be."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        sync_file(file.fileno())


def sync_folder(folder: Path) -> None:
    """Returns when the names in ``folder`` are on disk. Windows cannot do this, and journals them itself."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path, *, sync: bool, below: int = 1) -> None:
    """Makes ``folder`` and the folders above it that are missing, for this user alone; with ``sync`` the names of
    these are on disk at return, and with a ``below`` above 1 those of the last so many folders of the path, which a
    crash may have come between. A folder above that may not be read is not synced."""
    if below == 1 and folder.exists():
        return
    made = [folder]
    while not made[-1].parent.exists() or (len(made) < below and made[-1].parent != made[-1]):
        made.append(made[-1].parent)
    for one in reversed(made):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
    for one in reversed(made) if sync else ():
        with suppress(PermissionError):
            sync_folder(one.parent)


def sync_tree(folder: Path) -> None:
    """Returns when all files below ``folder``, and their names, are on disk. Raises StorageFull, OperatorError."""
    with explained(folder):
        for below, _, names in os.walk(folder):
            for name in names:
                with (Path(below) / name).open("rb+") as file:
                    sync_file(file.fileno())
            sync_folder(Path(below))


def write_whole(path: Path, data: bytes, *, sync: bool, mode: int = FILE_MODE) -> None:
    """Replaces ``path`` atomically: ``data`` is written to a temporary file, synced and renamed."""
    staged = path.with_name(f"{path.name}.tmp")
    with explained(path):
        fd = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), mode)
        try:
            write_at(fd, memoryview(data), 0)
            if sync:
                sync_file(fd)
        except OSError:
            os.close(fd)
            staged.unlink(missing_ok=True)
            raise
        os.close(fd)
        staged.replace(path)
        if sync:
            sync_folder(path.parent)


def remove_if_free(path: Path) -> None:
    """Deletes ``path``. Windows refuses while it is mapped; the next opening of the folder then removes it."""
    with suppress(FileNotFoundError):
        try:
            path.unlink()
        except PermissionError:
            if os.name != "nt":
                raise


def remove_folder(path: Path) -> None:
    """Deletes ``path`` and everything below it, except for what the system holds open (mapped files on Windows)."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        remove_if_free(path)


def cut(fd: int, size: int) -> None:
    """Truncates the file to ``size`` bytes. Windows refuses while more of it is mapped; the excess then stays."""
    try:
        os.ftruncate(fd, size)
    except OSError:
        if os.name != "nt":
            raise
