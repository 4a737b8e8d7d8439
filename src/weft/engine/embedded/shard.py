"""Shard: one store and the indexes derived from it, as one part.

Invariants
- A change is acknowledged after it is durable in the store *and* visible in every index.
- Readers take a view once. Its ``live`` set is what a query may return; it is published after the indexes have the
  new objects, so a query sees all of a change or nothing of it.
- What a view may return can be read while the view is referenced, whatever is replaced or removed meanwhile: records
  are retained, and indexes keep their rows, see ``ReadStates``.
- Opening loads each index's snapshot and replays from the store what the snapshot lacks. The same is done when an
  index fails in the middle of a change: the store is the truth. Until it succeeds, changes are refused and searches
  see the previous state.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyroaring import BitMap

from weft.domain.cluster import ShardFacts
from weft.domain.errors import WeftError
from weft.domain.filters import Filter
from weft.domain.schema import CollectionConfig, Expiry
from weft.engine.changes import Change, Done, Edit, Outcome, Removed, Upsert
from weft.engine.embedded.editing import edit_stored
from weft.engine.embedded.expiry import expired_at
from weft.engine.embedded.footprint import disk_of
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.maintenance import Maintenance
from weft.engine.embedded.reindexing import GoOn, Reindexing
from weft.engine.embedded.removal import removals, remove_matching
from weft.engine.embedded.shard_view import ShardView
from weft.engine.embedded.shard_writer import ShardWriter, layout
from weft.engine.embedded.staged import Staged
from weft.engine.embedded.storage import ShardStore
from weft.engine.filling import Embed
from weft.engine.selection import Resolve
from weft.files.publication import Publication

_log = logging.getLogger(__name__)
_EXPIRED_AT_ONCE = 2_000


class Shard:
    """``published``: the file by which other processes follow the shard; None: none does."""

    def __init__(
        self,
        folder: Path,
        config: CollectionConfig,
        *,
        durable: bool,
        write_queue: int,
        published: Path | None = None,
    ) -> None:
        self.folder = folder
        self._publication = Publication(published)
        self._lifetime = Lifetime(config.name)
        layouts = {name: layout(vector) for name, vector in config.stored.items()}
        self._store = ShardStore(folder / "store", layouts, sync=durable)
        try:
            self._writer = ShardWriter(folder, config, self._store, self._lifetime, write_queue, self._publication)
        except BaseException:
            self._store.close()
            raise
        self._maintenance = Maintenance(folder, self._writer, self._store, self._lifetime)

    # -- facts

    @property
    def config(self) -> CollectionConfig:
        return self._writer.config

    @property
    def count(self) -> int:
        return len(self._writer.view.live)

    @property
    def models(self) -> Mapping[str, str]:
        return self._store.models

    @property
    def read_only(self) -> bool:
        """Whether changes are refused; not kept when the shard is closed."""
        return self._writer.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._writer.read_only = value

    def facts(self, collection: str, name: str, damage: WeftError | None) -> ShardFacts:
        """``name``: the shard's in its collection."""
        return ShardFacts(
            collection,
            name,
            self.count,
            is_open=True,
            read_only=self.read_only,
            vector_queue=self._maintenance.waiting_vectors(),
            sizes=self.sizes(),
            damage=damage,
            compressed=self._maintenance.is_compressed(),
            memory=self._maintenance.memory(),
            disk=disk_of(self.folder),
            lacking=self._maintenance.lacking(),
        )

    def sizes(self) -> dict[str, int]:
        """See ``Maintenance.sizes``."""
        return self._maintenance.sizes()

    # -- the part

    def view(self, *, expired: bool = False) -> ShardView:
        """Expired objects are hidden, with a resolution of a second."""
        view, expiry = self._writer.view, self._writer.config.expiry
        if expired or expiry is None or not expiry.hidden:
            return view
        return view.unexpired(expiry, int(time.time()))

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        encode = self._writer.codec.encode
        return self._writer.submit([Staged(c, encode(c.object) if isinstance(c, Upsert) else b"") for c in changes])

    def edit(self, edits: Mapping[bytes, Edit], *, exclusive: bool = True) -> dict[bytes, WeftError]:
        return edit_stored(self._writer, edits, exclusive=exclusive)

    def remove(self, filter: Filter, limit: int, *, dry_run: bool = False, resolve: Resolve | None = None) -> Removed:
        """In order of insertion."""
        return remove_matching(self._writer, self.view, filter, limit, dry_run=dry_run, resolve=resolve)

    # -- what expires

    def expire(self, now_s: float) -> int:
        """Deletes the objects that have expired by ``now_s`` and were not changed meanwhile; returns how many."""
        expiry = self.config.expiry
        if expiry is None or self.read_only:
            return 0
        doc_ids = list(self._expired(expiry, now_s, self._writer.view))
        deleted = 0
        for start in range(0, len(doc_ids), _EXPIRED_AT_ONCE):
            if self._maintenance.is_stopped:
                break
            outcomes = self._writer.submit(self._removals(doc_ids[start : start + _EXPIRED_AT_ONCE]))
            deleted += sum(isinstance(one, Done) for one in outcomes)
        return deleted

    def _expired(self, expiry: Expiry, now_s: float, view: ShardView) -> BitMap:
        return self._writer.indexes.filters.evaluate(expired_at(expiry, now_s), view.live)

    def _removals(self, doc_ids: Sequence[int]) -> list[Staged]:
        """Of those that are still there. No view is held while others are removed, for which they would be retained."""
        view = self._writer.view
        there = [doc_id for doc_id in doc_ids if doc_id in view.live]
        return removals(view.uuids(there), there)

    # -- upkeep

    def configure(self, config: CollectionConfig) -> None:
        """Apply a changed configuration, all or nothing; called with the collection's lock held."""
        self._writer.configure(config)

    def prepare(self, config: CollectionConfig, go_on: GoOn, *, rebuild: bool) -> bool:
        """See ``Reindexing.run``; one at a time."""
        self._lifetime.check()
        return Reindexing(self.folder, self._writer, self._store, self._lifetime, config).run(go_on, rebuild=rebuild)

    def fill(self, vector: str, embed: Embed, go_on: GoOn) -> bool:
        """See ``OpenCollection.fill``; one at a time."""
        self._lifetime.check()
        return self._maintenance.filling(vector).run(embed, go_on)

    def forget_filled(self, vector: str) -> None:
        """See ``OpenCollection.forget_filled``."""
        with self._writer.turn:
            self._lifetime.check()
            if self._store.staging.forget(vector):
                self._writer.serve()

    def maintain(self) -> bool:
        """See ``Maintenance.run``."""
        return self._maintenance.run()

    def withdraw(self) -> None:
        """Processes that follow the shard serve it no longer: it is damaged, or about to be removed."""
        self._publication.withdraw()

    def serve_followers(self) -> None:
        """See ``Maintenance.serve_followers``."""
        self._maintenance.serve_followers()

    def stop_upkeep(self) -> None:
        self._maintenance.stop()

    def checkpoint(self) -> None:
        self._maintenance.checkpoint()

    def snapshot_to(self, folder: Path) -> dict[str, int]:
        return self._maintenance.snapshot_to(folder)

    def copy_store(self, folder: Path) -> bool:
        return self._maintenance.copy_store(folder)

    def close(self, *, keep: bool = True) -> None:
        """Wait for the running change and upkeep; searches that hold the indexes can finish.

        Later calls are refused. ``keep`` False when the files are about to be removed: no snapshots are written.
        """
        if not keep:
            self.withdraw()
        self.stop_upkeep()
        with self._maintenance.running, self._writer.turn:
            if self._lifetime.closed:
                return
            if keep and self._writer.unsaved:
                try:
                    self.checkpoint()
                except Exception:
                    _log.exception("the indexes of %s were not written; the next start rebuilds them", self.folder)
            if keep:
                self._maintenance.purge_all()
            self._lifetime.closed = True
            self._writer.indexes.stop()
            self._store.close()
