"""ShardWriter: applies changes to a shard, first to the store and then to every index, and publishes the new view.

Processes that follow the shard know from its ``Publication`` which of the store's commits is served here. Whatever has
committed to the store, upkeep too, calls ``serve`` afterwards, so that followers do not wait for a state that is there.

The store is the truth. When an index fails in the middle of a change, all are rebuilt from the store; until that
succeeds changes are refused, and searches see the previous state.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from threading import RLock

from pyroaring import BitMap

from weft.domain.errors import Invalid, OperatorError, WeftError
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, VectorConfig, is_revision
from weft.engine.changes import Outcome, Upsert
from weft.engine.embedded.committer import Committer
from weft.engine.embedded.group_commit import GroupCommit
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.indexes import Indexes, vector_folder
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.read_states import ReadStates
from weft.engine.embedded.shard_view import Reading, ShardView
from weft.engine.embedded.staged import Staged
from weft.engine.embedded.storage import ShardStore, VectorLayout
from weft.engine.embedded.storage.insertion import base_name
from weft.engine.record import RecordCodec
from weft.files import disk
from weft.files.publication import Publication

_log = logging.getLogger(__name__)


class ShardWriter:
    """``view`` has everything acknowledged; every change replaces it, and a query takes it once."""

    def __init__(
        self,
        folder: Path,
        config: CollectionConfig,
        store: ShardStore,
        lifetime: Lifetime,
        write_queue: int,
        publication: Publication,
    ) -> None:
        self.config = config
        self.codec = RecordCodec(config)
        self.read_only = False
        self._folder = folder
        self._store = store
        self._lifetime = lifetime
        self._publication = publication
        self._committer = Committer(store)
        self._commits = GroupCommit[Staged](write_queue)
        self.stale = False
        """Whether the indexes failed to follow the store."""
        self._sweep_revisions()
        self.indexes, self.unsaved = self._opened()
        """``unsaved``: changes that the snapshots of the indexes lack."""
        self._states = ReadStates()
        self.view: ShardView
        self.serve(self._current())

    @property
    def turn(self) -> RLock:
        """Held while the shard is being changed; take it to exclude writers."""
        return self._commits.turn

    def submit(self, changes: Sequence[Staged], *, first: bool = False) -> list[Outcome]:
        """Blocks until durable and visible; one outcome for each change, in order. Raises Invalid when read-only.

        ``first``: before all waiting changes; for a caller that has held the turn since it read what it changes.
        """
        if self.read_only:
            raise Invalid("store is read-only: set the status of its shard to READY before writing to it")
        return self._commits.submit(changes, self._write, first=first)

    def configure(self, config: CollectionConfig) -> None:
        """Apply a changed configuration, all or nothing."""
        with self.turn:
            self._lifetime.check()
            if self.stale:
                self.mend()
            for name, vector in config.stored.items():
                self._store.add_vectors(name, layout(vector))
            try:
                indexes = self.indexes.configure(config)
            except BaseException:
                self.mend()
                raise
            if indexes is not self.indexes:
                self.indexes, self.unsaved = indexes, max(self.unsaved, self._store.count, 1)
            gone = [name for name in self.config.stored if name not in config.stored]
            self.config, self.codec = config, RecordCodec(config)
            self.serve(self._current())
            for name in gone:
                self._remove_vectors(name)
            if gone:
                self.serve()

    def _remove_vectors(self, name: str) -> None:
        """Of a revision that the configuration no longer has."""
        self._store.remove_vectors(name)
        disk.remove_folder(vector_folder(self._folder, name))

    def _sweep_revisions(self) -> None:
        """What a crash has left of revisions that the configuration no longer has."""
        stored = [name for name in self._store.vector_names if is_revision(name)]
        for name in {base_name(one) for one in stored} - self.config.stored.keys():
            self._remove_vectors(name)

    def serve(self, view: ShardView | None = None) -> None:
        """With the turn held: ``view``, which has all that is stored, from now on; None: the same as before, after a
        commit that changed no object."""
        if view is None and self.stale:
            return  # there is more in the store than is served
        number = self._store.env.version
        self._publication.announce(number)
        if view is not None:
            self.view = view
        self._publication.publish(number)

    def named(self) -> list[BitMap]:
        """The live doc_ids of each state that may be read, now or later; on any thread."""
        return self._states.named(self.view.reading)

    def kept(self) -> BitMap:
        """All of ``named``: what indexes must keep, with what is newer."""
        return self._states.kept(self.view.reading)

    def mend(self) -> None:
        """Rebuild the indexes, with the turn held. Raises OperatorError; then the earlier ones are used until the next
        attempt."""
        self.stale = True
        earlier = self.view.reading
        self.view = self._view_of(earlier.live, AllowList(earlier.live), earlier.next_doc_id)
        self.indexes.stop()
        try:
            self.indexes, self.unsaved = self._opened()
        except Exception as error:
            reason = error.message if isinstance(error, WeftError) else f"{type(error).__name__}: {error}"
            raise OperatorError(
                "the changes are stored, but the indexes could not be updated: they are rebuilt before the next change "
                f"is accepted ({reason})"
            ) from error
        self.stale = False
        self.serve(self._current())

    def _write(self, changes: list[Staged]) -> list[Outcome]:
        self._lifetime.check()
        if self.stale:
            self.mend()
        for staged in changes:
            if isinstance(staged.change, Upsert):
                self._leave_out_removed(staged.change.object)
        self._free_dimensions(changes)
        outcomes, stored = self._committer.commit(changes, self.named())
        if stored:
            self._index(stored)
        return outcomes

    def _leave_out_removed(self, obj: Object) -> None:
        """Vectors of revisions that were removed after they were made."""
        for name in obj.vectors.keys() - self.config.stored.keys():
            if is_revision(name):
                del obj.vectors[name]
                obj.models.pop(name, None)

    def _free_dimensions(self, changes: Sequence[Staged]) -> None:
        """Reset each vector to which ``changes`` bring other dimensions and which no object has any more."""
        brought = {
            (name, vector.shape)
            for staged in changes
            if isinstance(staged.change, Upsert)
            for name, vector in staged.change.object.vectors.items()
        }
        indexed = {(name, shape[-1]) for name, shape in brought if shape and name in self.indexes.vectors}
        for name in {name for name, dims in indexed if self._store.vectors(name).dims not in (None, dims)}:
            if not self._store.vectors(name).rows.any_of(self._store.live):
                self._store.reset_vectors(name)
                try:
                    self.indexes.vector(name).extend()
                    self.serve()
                except Exception:
                    _log.exception("the index of %r failed in %s; all are rebuilt", name, self._folder)
                    self.mend()

    def _index(self, stored: list[tuple[Staged, int | None]]) -> None:
        live = self._store.live
        upserts = [
            (s.change.object, d) for s, d in stored if isinstance(s.change, Upsert) and d is not None and d in live
        ]
        if upserts:
            try:
                self.indexes.add([d for _, d in upserts], [obj for obj, _ in upserts])
            except Exception:
                _log.exception("an index of %s failed; all are rebuilt from what is stored", self._folder)
                self.mend()
        self.serve(self._current())
        self.unsaved += len(stored)

    def _opened(self) -> tuple[Indexes, int]:
        return Indexes.whole(self._folder, self.config, self._store)

    def _current(self) -> ShardView:
        """The view of everything stored, which the indexes have."""
        live, next_doc_id = self._store.live, self._store.next_doc_id
        return self._view_of(live, None if len(live) == next_doc_id else AllowList(live), next_doc_id)

    def _view_of(self, live: BitMap, allow: AllowList | None, next_doc_id: int) -> ShardView:
        state = Reading(self.config, self.codec, self._store, self.indexes, self._lifetime, live, next_doc_id)
        self._states.add(state)
        return ShardView(state, live, allow)


def layout(vector: VectorConfig) -> VectorLayout:
    return VectorLayout(multi=vector.index.multivector is not None)
