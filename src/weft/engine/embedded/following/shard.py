"""FollowedShard: a shard that another process writes. See the package for which state of it a request sees."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from weft.domain.errors import OperatorError
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.following.part import FollowedPart
from weft.engine.embedded.following.snapshots import IndexFiles, index_files
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.indexes import Indexes
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.shard_view import Reading, ShardView
from weft.engine.embedded.storage.followed_store import FollowedStore, StoreState
from weft.engine.embedded.storage.followed_vectors import Rewritten
from weft.engine.record import RecordCodec
from weft.files.publication import Published

_log = logging.getLogger(__name__)
_WAIT_S = 0.02
"""For a commit that the server has not published yet, and for another request that follows the shard."""

AT_ONCE = 256
"""Objects that a request indexes itself; one that finds more to do is passed, and ``tidy`` does it."""
_OPENED_BYTES = 16 << 20
"""Snapshots that a request opens itself."""
_BY_TIDY = 2_000
"""Objects that ``tidy`` indexes; where more are lacking, the server writes snapshots that have them."""
_PER_S = 1_000
"""Objects that are indexed here in a second, on average: the server indexes each, too."""
_AGAIN_S = 5.0
"""Indexes that serve are opened again no more often, however often the server writes better ones."""
_TRIES = 3
_USED_S = 10.0
"""Without a request for so long, nothing is opened or indexed: what is no longer the latest is released instead."""


class Behind(OperatorError):
    """The state that a request must see is not here yet; the server has it."""


class Opened(NamedTuple):
    """Indexes, and the store with the vector files that they are over, as they were in the server's ``files``."""

    store: FollowedStore
    indexes: Indexes
    files: IndexFiles
    at_s: float


class Served(NamedTuple):
    """``number``: of the commit whose state ``part`` reads."""

    number: int
    part: FollowedPart | None


_NOTHING = Served(-1, None)


class FollowedShard:
    """In ``folder``, published in the file ``published``. Any thread may call. Raises OSError, ValueError and
    OperatorError where there is nothing to follow yet.

    ``latest``: the configuration by which everything that is committed now is understood; raises OperatorError while
    that is not known.
    """

    def __init__(self, folder: Path, published: Path, latest: Callable[[], CollectionConfig]) -> None:
        self._folder = folder
        self._numbers = Published(published)
        self._env = FollowedStore.environment(folder / "store")
        self._latest = latest
        self._turn = threading.Lock()
        self._opened: Opened | None = None
        self._served = _NOTHING
        self._wanted = False
        """Whether a request was passed because there is more to do than a request does."""
        self._tried: IndexFiles | None = None
        """Snapshots that lacked too much even for ``tidy``."""
        self._saved, self._saved_at_s = float(_BY_TIDY), time.monotonic()
        self.used_at_s = time.monotonic()

    # -- serving

    def current(self, config: CollectionConfig) -> FollowedPart:
        """The part in a state that is published, and has everything acknowledged. Raises OperatorError, CorruptData."""
        number, part = self._served
        if part is not None and number == self._numbers.announced and part.config is config:
            return part
        if self._wanted or not self._turn.acquire(timeout=_WAIT_S):
            raise Behind(f"{self._folder} is being opened, or has changed much")
        try:
            return self._followed(config, AT_ONCE)
        finally:
            self._turn.release()

    def _followed(self, config: CollectionConfig, most: int) -> FollowedPart:
        """With the turn. Raises Behind when more than ``most`` objects must be indexed for it."""
        number, part = self._served
        if part is not None and number == self._numbers.announced and part.config is config:
            return part
        opened = self._opened
        try:
            if opened is None:
                return self._reopened(most)
            state, config = self._state(opened.store)
            if not opened.indexes.follows(config):
                return self._reopened(most)
            self._afford(state.end - max(opened.indexes.covered, opened.store.next_doc_id), most)
            opened.store.take(state)
        except Rewritten:
            return self._reopened(most)
        try:
            opened.indexes.configure(config)
            opened.indexes.replay()
        except Exception:
            self._give_up(index_files(self._folder))
            raise
        return self._serve(opened, state, config)

    def _state(self, store: FollowedStore) -> tuple[StoreState, CollectionConfig]:
        """The latest state, once it is published; and a configuration that is no older."""
        state = store.begin()
        if not self._numbers.wait(state.number, _WAIT_S):
            raise Behind(f"the last change of {self._folder} is not published yet")
        return state, self._latest()

    def _afford(self, lacking: int, most: int) -> None:
        """Raises Behind for more than ``most`` objects, or more than are indexed here on average."""
        now_s = time.monotonic()
        self._saved = min(_BY_TIDY, self._saved + _PER_S * (now_s - self._saved_at_s))
        self._saved_at_s = now_s
        if lacking > min(most, self._saved):
            self._wanted = True
            raise Behind(f"{lacking} objects of {self._folder} are not indexed here yet")
        self._saved -= lacking

    def _serve(self, opened: Opened, state: StoreState, config: CollectionConfig) -> FollowedPart:
        live = state.live
        reading = Reading(config, RecordCodec(config), state, opened.indexes, Lifetime(config.name), live, state.end)
        view = ShardView(reading, live, None if len(live) == state.end else AllowList(live))
        part = FollowedPart(view, state.models)
        self._opened, self._served, self._wanted = opened, Served(state.number, part), False
        return part

    # -- opening

    def _reopened(self, most: int) -> FollowedPart:
        """With the turn: served from the snapshots on disk, if a request may do that."""
        if most <= AT_ONCE and index_files(self._folder).size_bytes > _OPENED_BYTES:
            self._wanted = True
            raise Behind(f"{self._folder} is not opened here yet")
        opened, state, config = self._open(most)
        return self._serve(opened, state, config)

    def _open(self, most: int) -> tuple[Opened, StoreState, CollectionConfig]:
        """From the snapshots on disk, and filled. Raises Behind, OperatorError, CorruptData.

        Snapshots lack what was dead when they were written, and have no object that was not stored then. So the state
        is later than all of them: they are the same when they have been read as they were before it was taken.
        """
        store = FollowedStore(self._folder / "store", self._env)
        for _ in range(_TRIES):
            files = index_files(self._folder)
            state, config = self._state(store)
            store.take(state)
            indexes = Indexes(self._folder, config, store, followed=True)
            if index_files(self._folder) == files:
                break
        else:
            self._wanted = True
            raise Behind(f"the snapshots of {self._folder} are being written")
        lacking = state.end - indexes.covered
        if lacking > most:
            self._wanted, self._tried = True, files if lacking > _BY_TIDY else None
            raise Behind(f"the snapshots of {self._folder} lack {lacking} objects")
        try:
            indexes.replay()
        except Exception:
            self._give_up(files)
            raise
        return Opened(store, indexes, files, time.monotonic()), state, config

    def _release(self, files: IndexFiles) -> None:
        """What is no longer the latest, where ``files`` are."""
        with self._turn:
            if self._opened is not None and self._opened.files != files:
                self._opened, self._served = None, _NOTHING
            if self._served.number != self._numbers.announced:
                self._served = _NOTHING

    @property
    def is_outgrown(self) -> bool:
        """Whether the shard must be followed by another one, because the store has grown far."""
        return self._env.outgrown

    def _give_up(self, files: IndexFiles) -> None:
        """Until there are other files than these: an object cannot be indexed here."""
        self._opened, self._served, self._wanted, self._tried = None, _NOTHING, True, files

    def tidy(self, config: CollectionConfig) -> None:
        """Does what requests were passed for, opens better snapshots, and releases a state that is not the latest.

        Raises Behind where that has to wait; CorruptData, OperatorError.
        """
        opened, files = self._opened, index_files(self._folder)
        if time.monotonic() - self.used_at_s > _USED_S:
            self._release(files)
            return
        better = files != (self._tried if opened is None else opened.files)
        if better and (self._wanted or (opened is not None and time.monotonic() - opened.at_s > _AGAIN_S)):
            fresh, _, _ = self._open(_BY_TIDY)
            with self._turn:
                self._opened, self._served = fresh, _NOTHING
        with self._turn:
            if self._served.number == self._numbers.announced or self._opened is None:
                return
            try:
                self._followed(config, _BY_TIDY if self._wanted else AT_ONCE)
            except BaseException:
                self._served = _NOTHING
                raise
