"""Shard: one store and the indexes derived from it.

Invariants
- A change is acknowledged after it is durable in the store *and* visible in every index.
- Readers take ``view`` once. Its ``live`` set is what a query may return; it is published after the indexes know the
  new objects, so a query sees a change whole or not at all.
- The store knows an object a moment before the indexes do. Whoever finds one by its uuid waits that moment, so that
  what is read next (its vectors above all) is never missing.
- Opening loads each index's snapshot and replays from the store what the snapshot lacks. The same is done when an
  index fails in the middle of a change: what the store has counts. Until it succeeds, changes are refused and searches
  see what they saw before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakMethod

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.errors import Invalid, NotFound, OperatorError, WeftError
from weft.domain.filters import Filter
from weft.domain.objects import Object, Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig, Expiry, VectorConfig
from weft.engine.embedded.changes import Change, Done, GroupCommit, Outcome, Remove, Upsert
from weft.engine.embedded.committer import Committer
from weft.engine.embedded.expiry import expired_at
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.filter.gathered import Gathered
from weft.engine.embedded.index.filter.view import ReferenceResolver
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.embedded.indexes import Indexes
from weft.engine.embedded.storage import ShardStore, VectorLayout
from weft.engine.record import Record, RecordCodec
from weft.engine.results import Matches, Neighbours, TokenMatches
from weft.files import disk, links

_log = logging.getLogger(__name__)
_CHECKPOINT_AFTER = 100_000
_EXPIRED_AT_ONCE = 10_000
_DEAD_ROWS, _DEAD_SHARE = 10_000, 0.3
"""A vector file is rewritten without its dead rows when they are so many, and so large a share."""

_UPKEEP_WAIT_S = 30

DocIds = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class ShardView:
    """What a query sees: the live objects; ``allow`` is None while none has ever been replaced or deleted."""

    live: BitMap
    allow: AllowList | None


class Shard:
    def __init__(self, folder: Path, config: CollectionConfig, *, durable: bool, write_queue: int) -> None:
        self.folder = folder
        self.config = config
        self.read_only = False
        """Whether changes are refused; not kept when the shard is closed."""
        self._codec = RecordCodec(config)
        self._store = ShardStore(folder / "store", _layouts(config), sync=durable)
        self._committer = Committer(self._store)
        self._commits = GroupCommit(_weakly(self._write), write_queue)
        self._upkeep = threading.Lock()
        """Held while ``maintain`` runs; taken before the turn to write, never the other way round."""
        self._closed = False
        self._stale = False
        """Whether the indexes failed to follow the store."""
        try:
            self._indexes, self._writes_since_checkpoint = self._opened()
        except BaseException:
            self._store.close()
            raise
        self.view = self._look()
        self._visible = (self.view, config.expiry, -1, self.view)
        """A view, when its objects expire, a second, and what of the view had not expired then."""

    # -- writing

    def encode(self, objects: Sequence[Object]) -> list[bytes]:
        return [self._codec.encode(obj) for obj in objects]

    def record_of(self, obj: Object) -> Record:
        """The record that ``obj`` would have; nothing is stored."""
        return self._codec.open(self._codec.encode(obj))

    def submit(self, changes: Sequence[Change]) -> list[Outcome]:
        """Blocks until durable and visible; one outcome a change, in order. Raises Invalid when read-only."""
        if self.read_only:
            raise Invalid("store is read-only: set the status of its shard to READY before writing to it")
        return self._commits.submit(changes)

    @property
    def writing(self) -> AbstractContextManager[object]:
        """While it is held, nobody else writes."""
        return self._commits.turn

    def _write(self, changes: list[Change]) -> list[Outcome]:
        self._check_open()
        if self._stale:
            self._mend()
        outcomes, stored = self._committer.commit(changes)
        if stored:
            self._index(stored)
        return outcomes

    def _index(self, stored: list[tuple[Change, int | None]]) -> None:
        live = self._store.live
        upserts = [(c, d) for c, d in stored if isinstance(c, Upsert) and d is not None and d in live]
        if upserts:
            try:
                self._indexes.add([d for _, d in upserts], [c.object for c, _ in upserts])
            except Exception:
                _log.exception("an index of %s failed; all are made anew from what is stored", self.folder)
                self._mend()
        self.view = self._look()
        self._writes_since_checkpoint += len(stored)

    def _mend(self) -> None:
        """Make the indexes anew. Raises OperatorError; then the earlier ones go on answering, and it is tried again."""
        self._stale = True
        self.view = ShardView(self.view.live, AllowList(self.view.live))
        self._indexes.stop()
        try:
            self._indexes, self._writes_since_checkpoint = self._opened()
        except Exception as error:
            reason = error.message if isinstance(error, WeftError) else f"{type(error).__name__}: {error}"
            raise OperatorError(
                "what was sent is stored, but the indexes could not be brought up to it: they are made anew before the "
                f"next change is accepted ({reason})"
            ) from error
        self._stale = False
        self.view = self._look()

    def _opened(self) -> tuple[Indexes, int]:
        return Indexes.whole(self.folder / "index", self.config, self._store)

    def _look(self) -> ShardView:
        live = self._store.live
        whole = len(live) == self._store.next_doc_id
        return ShardView(live, None if whole else AllowList(live))

    # -- what expires

    def visible(self) -> ShardView:
        """The view that searches take: without what has expired, where the collection hides that; to the second."""
        view, expiry = self.view, self.config.expiry
        if expiry is None or not expiry.hidden:
            return view
        now_s = int(time.time())
        of, by, at, shown = self._visible
        if of is view and by is expiry and at == now_s:
            return shown
        expired = self._expired(expiry, now_s, view)
        live = view.live - expired
        shown = ShardView(live, AllowList(live)) if expired else view
        self._visible = (view, expiry, now_s, shown)
        return shown

    def expire(self, now_s: float) -> int:
        """Deletes what has expired by ``now_s`` and was not changed meanwhile; returns how many objects that were."""
        expiry = self.config.expiry
        if expiry is None or self.read_only:
            return 0
        doc_ids = list(self._expired(expiry, now_s, self.view))
        deleted = 0
        for start in range(0, len(doc_ids), _EXPIRED_AT_ONCE):
            some = doc_ids[start : start + _EXPIRED_AT_ONCE]
            outcomes = self.submit([Remove(uuid, doc_id) for uuid, doc_id in zip(self.uuids(some), some, strict=True)])
            deleted += sum(isinstance(one, Done) for one in outcomes)
        return deleted

    def _expired(self, expiry: Expiry, now_s: float, view: ShardView) -> BitMap:
        return self._indexes.filters.evaluate(expired_at(expiry, now_s), view.live)

    # -- reading

    @property
    def count(self) -> int:
        return len(self.view.live)

    def lookup(self, uuids: Sequence[bytes]) -> list[int | None]:
        """The doc_id of each object that exists."""
        try:
            found = self._store.lookup(uuids)
            if self._shows(found):
                return found
            with self._commits.turn:
                return self._store.lookup(uuids)
        except OperatorError:
            self._check_open()
            raise

    def read(self, doc_ids: Sequence[int]) -> list[Record | None]:
        """None where the object has been replaced or deleted meanwhile."""
        open_record = self._codec.open
        try:
            return [None if raw is None else open_record(raw) for raw in self._store.read(doc_ids)]
        except OperatorError:
            self._check_open()
            raise

    def uuids(self, doc_ids: Sequence[int]) -> list[bytes]:
        return self._indexes.filters.uuids(np.asarray(doc_ids, np.uint32))

    def scan(self, after: bytes | None, limit: int) -> list[tuple[bytes, int]]:
        """``(uuid, doc_id)`` in uuid order, beyond ``after``."""
        try:
            found = self._store.scan(after, limit)
            if self._shows(doc_id for _, doc_id in found):
                return found
            with self._commits.turn:
                return self._store.scan(after, limit)
        except OperatorError:
            self._check_open()
            raise

    def _shows(self, doc_ids: Iterable[int | None]) -> bool:
        """Whether every index knows these objects, which the store has."""
        live = self.view.live
        return all(doc_id is None or doc_id in live for doc_id in doc_ids)

    def allowed(self, filter: Filter, view: ShardView, resolve: ReferenceResolver | None = None) -> AllowList:
        """The live objects that satisfy ``filter``; ``resolve`` answers its conditions on referenced objects."""
        return self._indexes.filters.allow(filter, view.live, resolve)

    def referring(self, property: str, uuids: Sequence[bytes], collection: str) -> BitMap:
        """The doc_ids, live or dead, whose ``property`` points to one of ``uuids`` in ``collection``."""
        return self._indexes.filters.referring(property, uuids, collection)

    def nearest(
        self, name: str, query: Vector, k: int, allow: AllowList | None, max_distance: float | None
    ) -> Neighbours:
        return self._indexes.vector(name).search(query, k, allow, max_distance=max_distance)

    def distances(self, name: str, query: Vector, doc_ids: DocIds) -> npt.NDArray[np.float32]:
        """Exact; NaN where an object has no such vector."""
        return self._indexes.vector(name).distances(query, doc_ids)

    def vectors_of(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Checked copies of the vectors as they were given, ``(d,)`` or ``(T, d)`` f32; None for an object without one.

        Raises NotFound for an unknown name, CorruptData when the bytes are not what was written.
        """
        self._indexes.vector(name)
        return self._store.get_vectors(name, doc_ids)

    def keyword(self, query: Keyword, k: int, allow: AllowList | None) -> Matches:
        return self._indexes.inverted.search(query, k, allow, live_count=self.count)

    def explain_keyword(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        return self._indexes.inverted.explain(query, doc_ids)

    def sort(self, doc_ids: DocIds, keys: Sequence[Sort], limit: int) -> DocIds:
        return self._indexes.filters.sort(doc_ids, keys, limit, self.values)

    def values(self, doc_ids: DocIds, property: str) -> list[Any]:
        """The property's value for each object; None where it has none."""
        return [None if r is None else r.properties.get(property) for r in self.read(doc_ids.tolist())]

    def gather(self, doc_ids: DocIds, property: str) -> Gathered | None:
        """The property's values as arrays; None when only the objects themselves have them (text, references)."""
        return self._indexes.filters.gather(property, doc_ids)

    def dims(self, name: str) -> int | None:
        return self._store.vectors(name).dims

    @property
    def models(self) -> Mapping[str, str]:
        """The fingerprint of what made the latest vectors of each name; those given by users have none."""
        return self._store.models

    @property
    def vector_queue(self) -> int:
        """Vectors that are searched exactly because no graph holds them yet."""
        return sum(index.stats().waiting for index in list(self._indexes.vectors.values()))

    # -- upkeep

    def configure(self, config: CollectionConfig) -> None:
        """Take over a changed configuration; called with the collection's lock held. All or nothing."""
        with self._commits.turn:
            self._check_open()
            if self._stale:
                self._mend()
            for name, vector in config.vectors.items():
                self._store.add_vectors(name, _layout(vector))
            try:
                self._indexes.configure(config)
            except BaseException:
                self._mend()
                raise
            self.config, self._codec = config, RecordCodec(config)

    def maintain(self) -> bool:
        """Off the query path: let the indexes train, build and merge; True if anything was done."""
        with self._upkeep:
            if self._closed:
                return False
            if self._stale:
                with self._commits.turn:
                    self._mend()
            worked = self._indexes.maintain(self.view.live)
            worked = self._compact() or worked
            if self._writes_since_checkpoint >= _CHECKPOINT_AFTER:
                self.checkpoint()
                worked = True
            return worked

    def stop_upkeep(self) -> None:
        """Give up what ``maintain`` is building, if anything, and build no more."""
        self._indexes.stop()

    def _compact(self) -> bool:
        """Give back the space of dead vectors, where it is worth a rewrite."""
        worked = False
        for name in self._indexes.vectors:
            dead = self._store.dead_rows(name)
            if dead < _DEAD_ROWS or dead < _DEAD_SHARE * self._store.vectors(name).count:
                continue
            rewrite = self._store.begin_compaction(name)
            with self._commits.turn:
                self._store.finish_compaction(rewrite)
                try:
                    self._indexes.vector(name).extend()
                except Exception:
                    _log.exception("the index of %r failed in %s; all are made anew", name, self.folder)
                    self._mend()
            worked = True
        return worked

    def checkpoint(self) -> None:
        """Write the indexes' snapshots, so that the next opening replays nothing."""
        with self._commits.turn:
            if self._closed or self._stale:
                return
            self._indexes.checkpoint(self.view.live)
            self._writes_since_checkpoint = 0

    def snapshot_to(self, folder: Path) -> dict[str, int]:
        """All that is acknowledged, as files in the new ``folder`` for reading only; see ``ShardStore.link_to``.

        The indexes come before the store, so that they hold nothing that it lacks. What upkeep is building is waited
        for, but not for long; what it swaps later does not fit then, and a restore builds it anew.
        """
        waited = self._upkeep.acquire(timeout=_UPKEEP_WAIT_S)
        try:
            self._check_open()
            self.checkpoint()
            with self._commits.turn, disk.explained(folder):
                taken = links.take_folder(self.folder / "index", folder / "index", skip_missing=True)
            sizes = {f"index/{path}": size for path, size in taken.items()}
            return sizes | {f"store/{path}": size for path, size in self._store.link_to(folder / "store").items()}
        except OperatorError:
            self._check_open()
            raise
        finally:
            if waited:
                self._upkeep.release()

    def copy_store(self, folder: Path) -> bool:
        """A copy of the store as it is now, in the new ``folder``."""
        self._check_open()
        try:
            self._store.copy_to(folder)
        except OperatorError:
            self._check_open()
            raise
        return True

    def sizes(self) -> dict[str, int]:
        """Bytes by component: ``objects`` and ``vectors/<name>`` on disk, ``index/<name>/<part>`` mapped or in RAM.

        None of a shard that has been closed meanwhile.
        """
        try:
            sizes = dict(self._store.size())
        except OperatorError:
            if self._closed:
                return {}
            raise
        for name, index in list(self._indexes.vectors.items()):
            sizes |= {f"index/{name}/{part}": size for part, size in index.stats().components.items()}
        return sizes

    def explain_tokens(self, name: str, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        """Which token of the object answers each query token; Invalid when ``name`` is no multi-vector."""
        index = self._indexes.vector(name)
        if not isinstance(index, MultiVectorIndex):
            raise Invalid(f"vector {name!r} is a single vector; only multi-vectors have tokens to explain")
        return index.explain(query, doc_id, matrix=matrix)

    def close(self, *, keep: bool = True) -> None:
        """Wait for the change and the upkeep that are going on; searches that hold the indexes can end.

        What comes later is refused. ``keep`` False when the files are about to go: no snapshots are written.
        """
        self.stop_upkeep()
        with self._upkeep, self._commits.turn:
            if self._closed:
                return
            if keep and self._writes_since_checkpoint:
                try:
                    self.checkpoint()
                except Exception:
                    _log.exception("the indexes of %s were not written; the next start makes them anew", self.folder)
            self._closed = True
            self._indexes.stop()
            self._store.close()

    def _check_open(self) -> None:
        if self._closed:
            raise NotFound(
                f"the objects of class {self.config.name} are gone: it, or the tenant, was deleted or deactivated"
            )


def _weakly(write: Callable[[list[Change]], list[Outcome]]) -> Callable[[list[Change]], list[Outcome]]:
    """``write`` without holding its shard, so that what a dropped shard maps is given back at once."""
    method = WeakMethod(write)

    def written(changes: list[Change]) -> list[Outcome]:
        alive = method()
        assert alive is not None, "only a shard submits to its own queue"
        return alive(changes)

    return written


def _layout(vector: VectorConfig) -> VectorLayout:
    return VectorLayout(multi=vector.index.multivector is not None)


def _layouts(config: CollectionConfig) -> dict[str, VectorLayout]:
    return {name: _layout(vector) for name, vector in config.vectors.items()}
