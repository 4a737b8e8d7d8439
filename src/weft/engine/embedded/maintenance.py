"""Maintenance of a shard, off the query path: upkeep of its indexes, snapshots and sizes of its files."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from weft.domain.errors import OperatorError, WeftError
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.shard_writer import ShardWriter
from weft.engine.embedded.storage import ShardStore
from weft.files import disk, links

_log = logging.getLogger(__name__)
_CHECKPOINT_AFTER = 100_000
_DEAD_ROWS, _DEAD_SHARE = 10_000, 0.3
"""A vector file is rewritten without its dead rows when they exceed this number and this share."""

_UPKEEP_WAIT_S = 30


class Maintenance:
    def __init__(self, folder: Path, writer: ShardWriter, store: ShardStore, lifetime: Lifetime) -> None:
        self._folder = folder
        self._writer = writer
        self._store = store
        self._lifetime = lifetime
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
            worked = writer.indexes.maintain(writer.kept())
            worked = self._compact() or worked
            worked = self._purge() or worked
            if writer.unsaved >= _CHECKPOINT_AFTER:
                self.checkpoint()
                worked = True
            return worked

    def stop(self) -> None:
        """Abandon what ``run`` is building, if anything, and build nothing any more."""
        self._writer.indexes.stop()

    def checkpoint(self) -> None:
        """Write the indexes' snapshots, so that nothing is replayed at the next opening."""
        writer = self._writer
        with writer.turn:
            if self._lifetime.closed or writer.stale:
                return
            writer.indexes.checkpoint(writer.kept())
            writer.unsaved = 0

    def snapshot_to(self, folder: Path) -> dict[str, int]:
        """Everything acknowledged, as read-only files in the new ``folder``; see ``ShardStore.link_to``.

        The indexes are copied before the store, so that they hold nothing that it lacks. A running build is waited
        for, but not for long; an index that is swapped later does not match, and a restore rebuilds it.
        """
        waited = self.running.acquire(timeout=_UPKEEP_WAIT_S)
        try:
            with self._lifetime:
                self._lifetime.check()
                self.checkpoint()
                with self._writer.turn, disk.explained(folder):
                    taken = links.take_folder(self._folder / "index", folder / "index", skip_missing=True)
                sizes = {f"index/{path}": size for path, size in taken.items()}
                return sizes | {f"store/{path}": size for path, size in self._store.link_to(folder / "store").items()}
        finally:
            if waited:
                self.running.release()

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
                pass
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

    def waiting_vectors(self) -> int:
        """Vectors that are searched exactly because no graph holds them yet."""
        return sum(index.stats().waiting for index in list(self._writer.indexes.vectors.values()))

    def is_compressed(self) -> bool:
        """Whether at least one vector is searched by codes, as its configuration asks."""
        configured = self._writer.config.vectors
        indexes = list(self._writer.indexes.vectors.items())
        return any(name in configured and configured[name].index.is_compressed(one.covered) for name, one in indexes)

    def _compact(self) -> bool:
        """Free the space of dead vectors, if that is worth a rewrite."""
        writer = self._writer
        worked = False
        for name in writer.indexes.vectors:
            dead = self._store.dead_rows(name, writer.named())
            if dead < _DEAD_ROWS or dead < _DEAD_SHARE * self._store.vectors(name).count:
                continue
            rewrite = self._store.begin_compaction(name, writer.named())
            with writer.turn:
                self._store.finish_compaction(rewrite, writer.named())
                try:
                    writer.indexes.vector(name).extend()
                except Exception:
                    _log.exception("the index of %r failed in %s; all are rebuilt", name, self._folder)
                    writer.mend()
            worked = True
        return worked

    def _purge(self) -> bool:
        """Free the space of removed objects that no view names any more."""
        if not self._store.retained_count:
            return False
        with self._writer.turn:
            return not self._lifetime.closed and self._store.purge(self._writer.named())
