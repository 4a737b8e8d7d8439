"""Maintenance of a shard, off the query path: upkeep of its indexes, snapshots and sizes of its files."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import NamedTuple

from pyroaring import BitMap

from weft.domain.errors import OperatorError, WeftError
from weft.engine.embedded.filling import Filling
from weft.engine.embedded.following.snapshots import index_files
from weft.engine.embedded.footprint import memory_of
from weft.engine.embedded.garbage import Garbage
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.shard_writer import ShardWriter
from weft.engine.embedded.storage import ShardStore
from weft.engine.embedded.storage.rows import Rows
from weft.files import disk, links

_log = logging.getLogger(__name__)
_CHECKPOINT_AFTER = 100_000
_TRIES = 5
"""A copy of the indexes' files is made again, so many times at most, when some were replaced meanwhile."""

_FOLLOWED_AFTER, _FOLLOWED_SHARE = 2_000, 5
"""A shard that other processes follow is written after fewer changes: once they end, or when they are more than one for
this many objects. A process that is far behind opens what was written, which is cheaper than to index it once more."""


class UpkeepEnded(Exception):
    """The shard is being closed, and what its upkeep was doing is no longer wanted."""


class _PresentVectors(NamedTuple):
    """How many of the objects ``live`` had one of the vectors ``rows`` when they were counted."""

    rows: Rows
    live: BitMap
    objects: int


class Maintenance:
    def __init__(self, folder: Path, writer: ShardWriter, store: ShardStore, lifetime: Lifetime) -> None:
        self._folder = folder
        self._writer = writer
        self._store = store
        self._lifetime = lifetime
        self._garbage = Garbage(store)
        self.is_stopped = False
        self._renumbering = threading.Lock()
        """Held while a compaction renumbers rows; taken before the turn to write, never the other way round."""
        self._present: dict[str, _PresentVectors] = {}
        self._unsaved = 0
        """Of the writer, when ``serve_followers`` looked last."""
        self.running = threading.Lock()
        """Held while ``run`` works; taken before the turn to write, never the other way round."""

    def run(self) -> bool:
        """Let the indexes train, build and merge; True if anything was done."""
        writer = self._writer
        with self.running:
            if self._lifetime.closed:
                return False
            if writer.stale:
                with writer.turn:
                    writer.mend()
            worked = self._compact()  # first: nothing is built of what is dead
            worked = writer.indexes.maintain(writer.kept()) or worked
            worked = self._purge() or worked
            if writer.unsaved >= _CHECKPOINT_AFTER:
                self.checkpoint()
                worked = True
            return worked

    def stop(self) -> None:
        """Abandon what ``run`` is building or copying, if anything, and begin nothing any more."""
        self.is_stopped = True
        self._writer.indexes.stop()

    def checkpoint(self) -> None:
        """Write the indexes' snapshots, so that nothing is replayed at the next opening."""
        writer = self._writer
        with writer.turn:
            if self._lifetime.closed or writer.stale:
                return
            writer.indexes.checkpoint(writer.kept())
            writer.unsaved = 0

    def serve_followers(self) -> None:
        """Write the snapshots for processes that follow the shard, if they would rather open these than index what is
        new; about twice a second, while ``run`` may be busy with a long build."""
        if self._lifetime.closed:
            return
        with self._lifetime:
            self._store.env.forget_dead_readers()
            unsaved, before = self._writer.unsaved, self._unsaved
            self._unsaved = unsaved
            ended = unsaved == before or unsaved >= self._store.count // _FOLLOWED_SHARE
            if unsaved >= _FOLLOWED_AFTER and ended and self._store.env.has_followers():
                self.checkpoint()

    def snapshot_to(self, folder: Path) -> dict[str, int]:
        """Everything acknowledged, as read-only files in the new ``folder``; see ``ShardStore.link_to``.

        The indexes are copied before the store, so that they hold nothing that it lacks. Nothing that is being built is
        waited for.
        """
        with self._renumbering, self._lifetime:
            self._lifetime.check()
            self.checkpoint()
            with disk.explained(folder):
                sizes = {f"index/{path}": size for path, size in self._taken_indexes(folder / "index").items()}
            return sizes | {f"store/{path}": size for path, size in self._store.link_to(folder / "store").items()}

    def _taken_indexes(self, folder: Path) -> dict[str, int]:
        """Of one moment, unless some are replaced again and again: what then does not match is rebuilt by a restore."""
        for _ in range(_TRIES):
            disk.remove_folder(folder)
            with self._writer.turn:
                before = index_files(self._folder)
                taken = links.take_folder(self._folder / "index", folder, skip_missing=True)
                if index_files(self._folder) == before:
                    break
        return taken

    def copy_store(self, folder: Path) -> bool:
        """A copy of the store as it is now, in the new ``folder``."""
        self._lifetime.check()
        with self._lifetime:
            self._store.copy_to(folder)
        return True

    def purge_all(self) -> None:
        """Free the space of removed objects, with the turn held; no view may be read from then on."""
        try:
            while self._store.purge(()):
                self._writer.serve()
        except WeftError as error:
            _log.warning("removed objects of %s stay until it is opened again: %s", self._folder, error.message)

    def sizes(self) -> dict[str, int]:
        """Bytes by component: ``objects`` and ``vectors/<name>`` on disk, ``index/<name>/<part>`` mapped or in RAM.

        Empty for a shard that has been closed.
        """
        try:
            sizes = dict(self._store.size())
        except OperatorError:
            if self._lifetime.closed:
                return {}
            raise
        for name, index in list(self._writer.indexes.vectors.items()):
            sizes |= {f"index/{name}/{part}": size for part, size in index.stats().components.items()}
        return sizes

    def memory(self) -> dict[str, int]:
        """See ``footprint.memory_of``; nothing of a shard that has been closed."""
        return {} if self._lifetime.closed else memory_of(self._writer.indexes)

    def waiting_vectors(self) -> int:
        """Vectors that are searched exactly because no graph holds them yet."""
        return sum(index.stats().waiting for index in list(self._writer.indexes.vectors.values()))

    def lacking(self) -> dict[str, int]:
        """How many objects have no vector of a name; names that every object has are left out."""
        if self._lifetime.closed:
            return {}
        return {name: count for name in list(self._writer.indexes.vectors) if (count := self._lacking(name))}

    def _lacking(self, name: str) -> int:
        rows, live = self._store.vectors(name).rows, self._writer.view.live
        known = self._present.get(name)
        if known is None or known.rows is not rows or known.live is not live:
            known = self._present[name] = _PresentVectors(rows, live, rows.count_of(live))
        return len(live) - known.objects

    def filling(self, name: str) -> Filling:
        return Filling(self._folder, self._writer, self._store, self._lifetime, self.running, self._renumbering, name)

    def is_compressed(self) -> bool:
        """Whether at least one vector is searched by codes, as its configuration asks."""
        configured = self._writer.config.stored
        indexes = list(self._writer.indexes.vectors.items())
        return any(name in configured and configured[name].index.is_compressed(one.covered) for name, one in indexes)

    def _compact(self) -> bool:
        """Free the space of dead vectors, if that is worth a rewrite."""
        writer = self._writer
        worked = False
        for name in list(writer.indexes.vectors):
            if not self._garbage.is_due(name, writer.named(), time.monotonic()):
                continue
            try:
                rewrite = self._store.begin_compaction(name, writer.named(), self._go_on)
            except UpkeepEnded:
                return worked
            with self._renumbering, writer.turn:
                self._store.finish_compaction(rewrite, writer.named())
                try:
                    writer.indexes.vector(name).extend()
                    writer.serve()
                except Exception:
                    _log.exception("the index of %r failed in %s; all are rebuilt", name, self._folder)
                    writer.mend()
            self._garbage.rewritten(name)
            worked = True
        return worked

    def _go_on(self) -> None:
        if self.is_stopped:
            raise UpkeepEnded

    def _purge(self) -> bool:
        """Free the space of removed objects that no view names any more."""
        if not self._store.retained_count:
            return False
        with self._writer.turn:
            purged = not self._lifetime.closed and self._store.purge(self._writer.named())
            if purged:
                self._writer.serve()
            return purged
