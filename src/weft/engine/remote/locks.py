"""RowLocks: who may write which rows of a collection, among the threads of one server."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from weft.catalog.locks import LOCK_TIMEOUT_S, long_held

_STRIPES: Final = 256


class RowLocks:
    """A row has the lock of its stripe; locks are taken in one order, so that writers never wait for each other."""

    def __init__(self, timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]

    @contextmanager
    def hold(self, uuids: Sequence[bytes]) -> Iterator[None]:
        """No other thread holds the lock of one of these rows. Raises Overloaded where one is held for too long."""
        with ExitStack() as held:
            for stripe in sorted({zlib.crc32(uuid) % _STRIPES for uuid in uuids}):
                if not self._stripes[stripe].acquire(timeout=self._timeout_s):
                    raise long_held()
                held.callback(self._stripes[stripe].release)
            yield
