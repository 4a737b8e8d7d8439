"""Upkeep: one thread that maintains the indexes of every open shard and deletes expired objects. A second one, which
never waits for a build, writes snapshots for processes that follow a shard.

A failed task is retried after a second, then after twice as long each time, up to a minute. Each failure is logged
once, however often it recurs. A shard that turns out to be damaged is left as it is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from weft.domain.errors import CorruptData, NotFound, WeftError
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.shard import Shard

_log = logging.getLogger(__name__)
_EVERY_S, _REST_S = 0.5, 0.02
"""Every shard is visited so often; where that takes longer, as it does while something is built, after a short rest."""

_CLOSED_EVERY_S = 3600.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0


@dataclass(slots=True)
class Retries:
    """The retries of one task of one shard: how long it waits after a failure, and which failures were logged."""

    wait_s: float = 0.0
    again_at_s: float = 0.0
    logged: set[str] = field(default_factory=set)

    def failed(self, now_s: float, error: Exception) -> bool:
        """Whether this failure is new."""
        self.wait_s = min(_LONGEST_WAIT_S, 2 * self.wait_s or _FIRST_WAIT_S)
        self.again_at_s = now_s + self.wait_s
        text = f"{type(error).__name__}: {error}"
        new = text not in self.logged
        self.logged.add(text)
        return new


class Upkeep:
    """``collections`` returns the current ones; ``expiry_schedule`` returns the next time after a given one at which
    expired objects are deleted, in seconds since 1970."""

    def __init__(
        self, collections: Callable[[], Sequence[Collection]], expiry_schedule: Callable[[float], float]
    ) -> None:
        self._collections = collections
        self._expiry_schedule = expiry_schedule
        self._troubled: dict[str, WeakKeyDictionary[Shard, Retries]] = {
            "upkeep": WeakKeyDictionary(),
            "expiry": WeakKeyDictionary(),
            "followers": WeakKeyDictionary(),
        }
        self._looked_at: WeakKeyDictionary[Collection, dict[str, float]] = WeakKeyDictionary()
        """When closed tenants were last opened to delete their expired objects."""
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="weft-upkeep", daemon=True),
            threading.Thread(target=self._run_for_followers, name="weft-followers", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Abandons a running build, and returns when the threads have ended."""
        self._stop.set()
        for collection in self._collections():
            for _, shard in collection.shards():
                shard.stop_upkeep()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        expire_at = self._expiry_schedule(time.time())
        wait_s = _EVERY_S
        while not self._stop.wait(wait_s):
            began_s = time.monotonic()
            self.maintain(began_s)
            wait_s = max(_REST_S, _EVERY_S - (time.monotonic() - began_s))
            now_s = time.time()
            if now_s >= expire_at:
                self.expire(now_s)
                expire_at = self._expiry_schedule(now_s)

    def maintain(self, now_s: float) -> None:
        """Maintains each open shard once, except for those that failed and are not due by ``now_s``."""

        def work(shard: Shard) -> int:
            return shard.maintain()

        for collection in self._collections():
            for name, shard in collection.shards():
                if self._stop.is_set():
                    return
                if collection.damage(name) is None:
                    self._try("upkeep", collection, name, shard, now_s, work)

    def _run_for_followers(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.serve_followers(time.monotonic())

    def serve_followers(self, now_s: float) -> None:
        """As ``maintain``, for the processes that follow the shards."""

        def work(shard: Shard) -> int:
            shard.serve_followers()
            return 0

        for collection in self._collections():
            for name, shard in collection.shards():
                if self._stop.is_set():
                    return
                if collection.damage(name) is None:
                    self._try("followers", collection, name, shard, now_s, work)

    def expire(self, now_s: float) -> int:
        """Deletes the objects that have expired by ``now_s``; returns how many.

        Closed tenants are opened for it at most once an hour; until then their expired objects stay.
        """
        deleted = 0
        for collection in self._collections():
            if collection.config.expiry is None:
                continue
            looked_at = self._looked_at.setdefault(collection, {})
            for name in collection.active():
                if self._stop.is_set():
                    return deleted
                if collection.damage(name) is not None:
                    continue
                if collection.is_open(name):
                    deleted += self._expire_in(collection, name, now_s)
                elif now_s - looked_at.get(name, 0.0) >= _CLOSED_EVERY_S:
                    looked_at[name] = now_s
                    deleted += self._expire_in(collection, name, now_s)
                    collection.close_unused(name)
        return deleted

    def _expire_in(self, collection: Collection, name: str, now_s: float) -> int:
        def work(shard: Shard) -> int:
            return shard.expire(now_s)

        with ExitStack() as visit:
            try:
                shard = visit.enter_context(collection.visit(name))
            except WeftError as error:
                _log.debug("%s/%s cannot be opened now: %s", collection.config.name, name, error.message)
                return 0  # made inactive or deleted meanwhile, or damaged, which is recorded
            return self._try("expiry", collection, name, shard, now_s, work)

    def _try(
        self, task: str, collection: Collection, name: str, shard: Shard, now_s: float, work: Callable[[Shard], int]
    ) -> int:
        """What ``work`` returns; 0 if it fails or is not due yet."""
        troubled = self._troubled[task]
        retries = troubled.get(shard)
        if retries is not None and now_s < retries.again_at_s:
            return 0
        called = f"{collection.config.name}/{name}"
        try:
            done = work(shard)
        except CorruptData as error:
            collection.note_damage(name, error)
            return 0
        except NotFound:  # it was closed or deleted meanwhile
            return 0
        except Exception as error:
            retries = troubled.setdefault(shard, Retries())
            if retries.failed(now_s, error):
                _log.exception("%s of %s failed; it is retried at least once a minute", task, called)
            return 0
        if retries is not None:
            del troubled[shard]
            _log.info("%s of %s works again", task, called)
        return done
