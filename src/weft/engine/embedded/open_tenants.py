"""OpenTenants: the limit of open tenants. Each takes some memory and up to ten open files, of which a process may have
only a limited number.

Beyond the limit the least recently used are closed, unless they are in use. Callers notice only the milliseconds that
reopening takes.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Iterable

from weft.engine.embedded.collection import Collection

_log = logging.getLogger(__name__)
_FILES_EACH = 10
_OTHER_FILES = 256
"""Files left for models and collections without tenants."""

_CONNECTIONS = 8192
"""Files left for connections, at most half of all."""

_FEWEST, _UNLIMITED = 8, 100_000
_CLOSED_SHARE = 16
"""One in this many is closed at a time, so that not every opening must find one to close."""


class OpenTenants:
    def __init__(self, most: int, collections: Callable[[], Iterable[Collection]]) -> None:
        self._most = most or affordable()
        self._collections = collections
        self._lock = threading.Lock()

    def make_room(self) -> None:
        """Called before a tenant is opened. If all are in use, more than the limit stay open."""
        if not self._lock.acquire(blocking=False):
            return  # another thread is making room
        try:
            collections = list(self._collections())
            if sum(one.open_count for one in collections) < self._most:
                return
            idle = [(at, i, name) for i, one in enumerate(collections) for name, at in one.idle().items()]
            oldest = heapq.nsmallest(max(1, self._most // _CLOSED_SHARE), idle)
            closed = sum(collections[i].close_unused(name) for _, i, name in oldest)
            _log.debug("closed %d of %d idle tenants to make room", closed, len(idle))
        finally:
            self._lock.release()


def affordable() -> int:
    """How many the process's limit of open files allows."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return _UNLIMITED
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _UNLIMITED
    return min(_UNLIMITED, max(_FEWEST, (files - _OTHER_FILES - min(_CONNECTIONS, files // 2)) // _FILES_EACH))
