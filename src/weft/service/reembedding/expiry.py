"""RevisionExpiry: previous revisions are removed when their time is over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

_EVERY_S: Final = 30.0

_log = logging.getLogger(__name__)


class RevisionExpiry:
    """``drop`` gets the time, in seconds since 1970, and returns whether any are left; called from a thread that runs
    while there are."""

    def __init__(self, drop: Callable[[float], bool]) -> None:
        self._drop = drop
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="weft-revisions", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            try:
                with self._lock:
                    if not self._drop(time.time()):
                        self._thread = None
                        return
            except Exception:
                _log.exception("previous revisions of vectors could not be removed; it is tried again")
