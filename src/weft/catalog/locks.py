"""Locks by name and keys, for the threads of one process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from weft.domain.errors import Overloaded

LOCK_TIMEOUT_S: Final = 60.0


class KeyedLocks:
    """A lock has all of its keys at once, or waits for all of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[tuple[bytes, bytes | None]] = set()

    @contextmanager
    def hold(self, name: bytes, keys: Collection[bytes] = ()) -> Iterator[None]:
        """See ``Catalog.lock``."""
        wanted: set[tuple[bytes, bytes | None]] = {(name, key) for key in keys} or {(name, None)}
        with self._changed:
            if not self._changed.wait_for(lambda: self._held.isdisjoint(wanted), LOCK_TIMEOUT_S):
                raise long_held()
            self._held |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()


def long_held() -> Overloaded:
    """The error of one who has waited too long."""
    return Overloaded(f"another request has changed the same thing for {LOCK_TIMEOUT_S:g} s; try again later")
