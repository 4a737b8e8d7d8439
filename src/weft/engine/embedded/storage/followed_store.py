"""FollowedStore: the store of a shard that another process writes, read one commit at a time.

A ``StoreState`` is one commit: what ``ShardStore`` offers readers, as it was then. It holds LMDB's snapshot, so its
records need not be retained for it; the space that they take is reused when it is let go. The vector files are shared
by all states, and have at least the rows of each.

One thread at a time calls ``begin`` and ``take``; any number read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from weakref import proxy, ref

from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.engine.embedded.storage.followed_vectors import FollowedVectors
from weft.engine.embedded.storage.object_tables import ObjectTables
from weft.engine.embedded.storage.retained import Retained
from weft.engine.embedded.storage.shard_store import TABLES
from weft.engine.embedded.storage.vector_file import StoredVectors
from weft.files.followed_environment import EnvironmentSnapshot, FollowedEnvironment
from weft.files.lineage import Lineage, Moment, Origin, read_lineage

_NONE_RETAINED = Retained(BitMap())


class Liveness(NamedTuple):
    """Which objects live in a state."""

    end: int
    """Greater than every doc_id in it."""
    live: BitMap
    """Never changed in place."""
    dead: Mapping[bytes, bytes]
    """The table that ``live`` was made from, as it is stored."""


_EMPTY = Liveness(0, BitMap(), {})


class StoreState:
    """``number`` is that of the commit. Made by ``FollowedStore``."""

    def __init__(self, store: FollowedStore, snapshot: EnvironmentSnapshot, before: Liveness) -> None:
        self._store = store
        self.snapshot = snapshot
        self.objects = ObjectTables(snapshot)
        self.number = snapshot.version
        self.liveness = _after(before, self.objects)
        self.models: Mapping[str, str] = self.objects.models()
        self.lineage = snapshot.read(lambda txn: read_lineage(txn, snapshot.path))

    @property
    def end(self) -> int:
        """Greater than every doc_id in it."""
        return self.liveness.end

    @property
    def live(self) -> BitMap:
        """The doc_ids of all objects; never changed in place."""
        return self.liveness.live

    @property
    def next_doc_id(self) -> int:
        """Greater than every doc_id that the shared indexes may find, which are those of the latest state."""
        return self._store.next_doc_id

    def lookup(self, uuids: Sequence[bytes], state: BitMap | None = None) -> list[int | None]:
        """The doc_id of each uuid; None where there is no such object in ``state`` (None: in this one)."""
        found = self.objects.lookup(uuids)
        return found if state is None else [one if one is not None and one in state else None for one in found]

    def scan(self, after: bytes | None, limit: int, state: BitMap | None = None) -> list[tuple[bytes, int]]:
        """Up to ``limit`` ``(uuid, doc_id)`` in order of uuid, after ``after``, of ``state`` (None: of this one)."""
        if state is None:
            return self.objects.uuids(after, limit)
        return _NONE_RETAINED.scan(self.objects.uuids, after, limit, state)

    def read(self, doc_ids: Sequence[int]) -> list[bytes | None]:
        """The record of each doc_id; None where it has none."""
        return self.objects.read(doc_ids)

    def vectors(self, name: str) -> StoredVectors:
        """KeyError when unknown."""
        return self._store.vectors(name)

    def get_vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """As ``ShardStore.get_vectors``."""
        return self._store.vectors(name).get(doc_ids)


def _after(before: Liveness, objects: ObjectTables) -> Liveness:
    """The liveness in ``objects``, a later state than ``before``: doc_ids do not come back to life."""
    end, dead = objects.next_doc_id(), objects.dead_blocks()
    if end == before.end and dead == before.dead:
        return before
    live = BitMap(before.live)
    live.add_range(before.end, end)
    for key, value in dead.items():
        if before.dead.get(key) != value:
            live -= objects.dead_in(key, value)
    return Liveness(end, live, dead)


class FollowedStore:
    """The store in ``folder``, whose tables are in ``env``. It holds no snapshot itself."""

    def __init__(self, folder: Path, env: FollowedEnvironment) -> None:
        self._env = env
        self._vectors = FollowedVectors(folder / "vectors", proxy(self))  # or their maps would outlive it
        self._liveness = _EMPTY
        self._lineage: Lineage | None = None
        self._state: ref[StoreState] | None = None

    @classmethod
    def environment(cls, folder: Path) -> FollowedEnvironment:
        """The tables of the store in ``folder``, once in a process. Raises OperatorError where there are none."""
        return FollowedEnvironment(folder / "objects.mdb", TABLES)

    @property
    def next_doc_id(self) -> int:
        return self._liveness.end

    @property
    def origin(self) -> Origin:
        return self

    def begin(self) -> StoreState:
        """The state of the last commit. Raises CorruptData, OperatorError."""
        return StoreState(self, self._env.begin(), self._liveness)

    def take(self, state: StoreState) -> None:
        """Serves the vectors and records of ``state``, the latest, as long as it is referenced. Raises Rewritten."""
        self._vectors.take(state.snapshot)
        self._liveness, self._lineage, self._state = state.liveness, state.lineage, ref(state)

    def state(self) -> Moment | None:
        """As ``Origin``; nothing is written here."""
        return None

    def includes(self, moment: Moment | None, end: int) -> bool:
        """As ``Origin``, of the latest state."""
        return end <= self.next_doc_id and (moment is None or self._lineage is None or self._lineage.includes(moment))

    @property
    def vector_names(self) -> list[str]:
        return list(self._vectors.files)

    def vectors(self, name: str) -> StoredVectors:
        """KeyError when unknown."""
        return self._vectors.files[name]

    def scan_records(self, from_doc_id: int, limit: int) -> Iterator[tuple[int, bytes]]:
        """Up to ``limit`` ``(doc_id, record)`` of live objects from ``from_doc_id`` on, ascending."""
        state = None if self._state is None else self._state()
        assert state is not None, "a state is held by the caller that takes it"
        return state.objects.records(from_doc_id, limit, state.objects.retained())
