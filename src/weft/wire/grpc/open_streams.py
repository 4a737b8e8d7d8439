"""The batch streams that are open. Each is looked after once a second, for as long as there are any:

    its key was revoked    it ends with that refusal
    nothing comes          it is asked to end as where the server stops, which has official clients begin another;
                           where it stays, and is silent, it is ended
    it does not end        the call is cut off

Whatever a stream has acknowledged is stored, however it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from weft.domain.errors import Invalid, WeftError
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.stream import BatchStream

log = logging.getLogger(__name__)

_EVERY_S: Final = 1.0
_GRACE_S: Final = 60.0
"""For a client to end a stream that was asked to, and to read the last replies."""


@dataclass(eq=False, slots=True)
class _Open:
    stream: BatchStream
    confirm: Callable[[], None]
    cancel: Callable[[], object]
    is_asked: bool = False
    ended_at: float | None = None


class OpenStreams:
    """``look_every_s``: how long a revoked key may go unnoticed where nothing comes."""

    def __init__(self, limits: Limits, look_every_s: float = _EVERY_S, grace_s: float = _GRACE_S) -> None:
        self._limits = limits
        self._every_s, self._grace_s = look_every_s, grace_s
        self._open: dict[BatchStream, _Open] = {}
        self._lock = threading.Lock()
        self._is_looking = False

    def add(self, stream: BatchStream, confirm: Callable[[], None], cancel: Callable[[], object]) -> None:
        """``confirm`` raises where its caller is no longer known; ``cancel`` cuts its call off."""
        with self._lock:
            self._open[stream] = _Open(stream, confirm, cancel)
            if not self._is_looking:
                self._is_looking = True
                threading.Thread(target=self._look_after, name="weft-grpc-streams", daemon=True).start()

    def discard(self, stream: BatchStream) -> None:
        with self._lock:
            self._open.pop(stream, None)

    def all(self) -> list[BatchStream]:
        """Those that are open, and those whose last objects are being stored."""
        with self._lock:
            return list(self._open)

    def _look_after(self) -> None:
        while True:
            time.sleep(self._every_s)
            with self._lock:
                streams = list(self._open.values())
                if not streams:
                    self._is_looking = False
                    return
            for one in streams:
                try:
                    self._look(one, time.monotonic())
                except Exception:
                    log.exception("a batch stream that cannot be looked after is cut off")
                    one.cancel()

    def _look(self, one: _Open, now: float) -> None:
        if one.ended_at is not None:
            if now - one.ended_at >= self._grace_s:
                one.cancel()
            return
        try:
            one.confirm()
        except WeftError as error:
            self._end(one, now, error)
            return
        idle_s = now - one.stream.active_at
        if not one.stream.started:
            if idle_s >= self._limits.message_timeout_s:
                self._end(one, now, Invalid("no start message arrived in time; begin the stream again"))
        elif idle_s < self._limits.stream_idle_s:
            one.is_asked = False
        elif not one.is_asked:
            one.is_asked = True
            one.stream.announce_shutdown()
        elif idle_s >= self._limits.stream_idle_s + self._grace_s:
            self._end(one, now, None)

    def _end(self, one: _Open, now: float, error: WeftError | None) -> None:
        one.ended_at = now
        one.stream.end(error)
