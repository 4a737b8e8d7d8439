"""Publication: which state of some data its writer has published, for other processes that follow it.

A file of two numbers, mapped, each stored and loaded as one aligned word, little-endian on the platforms there are:

    offset  size  content
    0       8     announced: the writer's own readers may have seen this state, and none later
    8       8     published: the writer's own readers see this state or a later one

Numbers grow. A writer stores ``announced``, then lets its readers see the state, then stores ``published``. A follower
serves a request from a state whose number is at least what was ``announced`` when the request began, and at most what
is ``published`` when it is served. So what a client has seen, of the writer or of any follower, it continues to see in
every process; and an acknowledged change is visible to every request that begins afterwards. A follower that already
has the announced state need look no further: it was published before the follower took it.

``WITHDRAWN`` is announced when nothing is served any more: what is followed was removed, or is damaged. The file keeps
its place for as long as what it is about, so that those who have it mapped still see the numbers.
"""

from __future__ import annotations

import mmap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from weft.files import disk

WITHDRAWN: Final = (1 << 64) - 1
_SIZE = 16
_PAUSE_S = 0.0002


class Publication:
    """The writer's side; one a file. Without a ``path`` it is followed by no other process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._turn = threading.RLock()
        self._depth = 0
        self._withdrawn = False
        self._numbers = memoryview(bytearray(_SIZE)).cast("Q") if path is None else _opened(path)

    def announce(self, number: int) -> None:
        """Before anyone can see the state ``number``."""
        if not self._withdrawn:
            self._numbers[0] = number

    def publish(self, number: int) -> None:
        """When everyone sees it."""
        self._numbers[1] = number

    @contextmanager
    def change(self) -> Iterator[None]:
        """For data whose states are only counted: followers take none while this runs. Callers take turns, and may
        nest."""
        with self._turn:
            self._depth += 1
            if self._depth == 1:
                self.announce(max(self._numbers) + 1)
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self.publish(self._numbers[0])

    def withdraw(self) -> None:
        """Nothing is served from now on, until the file is opened again."""
        self._withdrawn = True
        self._numbers[0] = WITHDRAWN


class Published:
    """A follower's side of the file at ``path``. Raises OSError, ValueError where there is none yet."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)).cast("Q")

    @property
    def announced(self) -> int:
        return self._numbers[0]

    @property
    def published(self) -> int:
        return self._numbers[1]

    def wait(self, number: int, most_s: float) -> bool:
        """Waits until the state ``number`` is published, if that does not take longer than ``most_s``."""
        until = time.monotonic() + most_s
        while self.published < number:
            if self.announced == WITHDRAWN or time.monotonic() >= until:
                return False
            time.sleep(_PAUSE_S)
        return self.announced != WITHDRAWN


def _opened(path: Path) -> memoryview:
    with disk.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size < _SIZE:
            disk.write_whole(path, bytes(_SIZE), sync=False)
        with path.open("r+b") as file:
            disk.allocate(file.fileno(), _SIZE)
            return memoryview(mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_WRITE)).cast("Q")


def path_in(folder: Path, name: str) -> Path:
    """Where the data folder ``folder`` has the publication called ``name``."""
    return folder / "published" / name


def forget_shards_but(folder: Path, names: set[str]) -> None:
    """Removes the publications of shards that are gone, all whose names have a hyphen; called before any is opened."""
    found = folder / "published"
    for path in found.iterdir() if found.is_dir() else ():
        if "-" in path.name and path.name not in names:
            disk.remove_if_free(path)
