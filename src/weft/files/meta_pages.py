"""The two meta pages of an LMDB file: which commit each is of, and whether they can be as they are.

LMDB checks neither, and takes the page that states the greater commit. Each commit replaces the page of the one before
the last, so that page 0 has an even number and page 1 the odd one beside it. All in native byte order:

    offset      size  content
    0           8     number of the page
    16          8     magic 0xBEEFC0DE, version 1
    24          16    address and size of the map
    40          96    roots of the free list and of the tables, each 48: u32 page size (of the free list), u16 flags, …
    136         8     number of the last page in use
    144         8     number of the commit
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from weft.files import disk
from weft.files.format import damaged

_META = struct.Struct("=16x I I Q Q I H 42x 4x H 42x Q Q")
_PAGE_NUMBER = struct.Struct("=Q")
_NUMBER = struct.Struct("=Q")
_NUMBER_AT = 144
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_INTEGER_KEYS, _NO_FOLDER = 0x08, 0x4000
_COPIED_AT_ONCE = 1 << 20
_LEAST_PAGE, _GREATEST_PAGE = 512, 1 << 16
_UNWRITTEN_BYTES = 1 << 30
"""LMDB may leave pages at the end unwritten that one commit took and gave back."""


class Meta(NamedTuple):
    """What one page states."""

    page_bytes: int
    commit: int
    last_page: int
    content: bytes
    """The whole page."""


def check(path: Path) -> None:
    """Raises CorruptData when the meta pages of the LMDB file ``path`` contradict each other or its size.

    A file that is empty or of another kind passes: LMDB says so itself. Raises OSError.
    """
    size = path.stat().st_size if path.exists() else 0
    if not size:
        return
    first = _read(path, 0, 0)
    if first is None:
        return
    if not _LEAST_PAGE <= first.page_bytes <= _GREATEST_PAGE or first.page_bytes & (first.page_bytes - 1):
        raise damaged(path, f"its page size is {first.page_bytes}")
    second = _read(path, first.page_bytes, 1)
    if second is None or second.page_bytes != first.page_bytes:
        raise damaged(path, "its meta pages are not two of a kind")
    if not _follow(first.commit, second.commit):
        raise damaged(path, f"its meta pages are of the commits {first.commit} and {second.commit}")
    stated = (max(first.last_page, second.last_page) + 1) * first.page_bytes
    if stated > 2 * size + _UNWRITTEN_BYTES:
        raise damaged(path, f"it has {size} bytes and states {stated}")


def _follow(first: int, second: int) -> bool:
    """Whether the pages 0 and 1 can be of these commits."""
    return (first % 2, second % 2, abs(first - second)) == (0, 1, 1) or first == second == 0


def latest(path: Path, page_bytes: int, commit: int) -> Meta:
    """The meta page of ``commit``, the latest, while none is written. Raises CorruptData."""
    found = _read(path, (commit & 1) * page_bytes, commit & 1)
    if found is None or found.commit != commit:
        raise damaged(path, f"the meta page of its commit {commit} is not there")
    return found


def copy(path: Path, meta: Meta, out: BinaryIO, is_held: Callable[[], bool]) -> bool:
    """Copies the state ``meta`` of the file ``path`` to ``out``, a new one; False if its pages were not held as they
    were by ``is_held`` until the end."""
    out.write(both(meta))
    with path.open("rb", buffering=0) as file:
        at, end = file.seek(2 * meta.page_bytes), (meta.last_page + 1) * meta.page_bytes
        while at < end and is_held() and (part := file.read(min(_COPIED_AT_ONCE, end - at))):
            out.write(part)
            at += len(part)
    out.flush()
    return is_held()


def both(meta: Meta) -> bytes:
    """The two pages of a file that has ``meta`` alone: whichever LMDB takes, it is the same state."""
    pages = []
    for number in (0, 1):
        page = bytearray(meta.content)
        _PAGE_NUMBER.pack_into(page, 0, number)
        commit = meta.commit if meta.commit & 1 == number else meta.commit - 1
        _NUMBER.pack_into(page, _NUMBER_AT, commit)
        pages.append(bytes(page))
    return b"".join(pages)


def _read(path: Path, offset: int, number: int) -> Meta | None:
    """The page at ``offset``; None if it is not a meta page. Raises CorruptData for one with impossible flags."""
    head = disk.read_file(path, offset, _META.size)
    if len(head) < _META.size:
        return None
    magic, version, _, _, page_bytes, flags, table_flags, last_page, commit = _META.unpack(head)
    if (magic, version) != (_MAGIC, _VERSION):
        return None
    if flags & ~_NO_FOLDER != _INTEGER_KEYS or table_flags:
        raise damaged(path, f"its meta page {number} states unknown flags")
    return Meta(page_bytes, commit, last_page, disk.read_file(path, offset, page_bytes))


def candidates(path: Path) -> list[list[tuple[int, bytes]]]:
    """Where the two pages contradict each other by their numbers: pages, each ``(offset, page)``, with another number,
    so that they do not. Those that make it the newer one are first, because a state must not be given up for the one
    before it while its pages are whole."""
    found: list[list[tuple[int, bytes]]] = []
    raw = disk.read_file(path, 0, _META.size)
    if len(raw) < _META.size:
        return found
    page_bytes = _META.unpack(raw)[4]
    if not _LEAST_PAGE <= page_bytes <= _GREATEST_PAGE:
        return found
    pages = [disk.read_file(path, number * page_bytes, page_bytes) for number in (0, 1)]
    if any(len(page) < _META.size for page in pages):
        return found
    commits = [_META.unpack(page[: _META.size])[-1] for page in pages]
    if _follow(*commits):
        return found
    for newer in (1, -1):
        for wrong in (0, 1):
            commit = commits[1 - wrong] + newer
            if commit >= 0 and commit & 1 == wrong:
                page = bytearray(pages[wrong])
                _NUMBER.pack_into(page, _NUMBER_AT, commit)
                found.append([(wrong * page_bytes, bytes(page))])
    return found
