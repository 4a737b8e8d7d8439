"""What the indexes of a store state of it when they are written, and whether what they state is of it."""

from __future__ import annotations

import weakref
from typing import Protocol

from weft.files.environment import Environment
from weft.files.lineage import Moment


class CommittedStore(Protocol):
    next_doc_id: int

    def sync_all(self) -> None:
        """Brings everything committed to the disk, where commits do not."""
        ...


class StoreOrigin:
    """An ``Origin``. It does not keep the store, whose files hold it: in a cycle, what they map would stay until a
    garbage collection. A store that is gone has been closed, and so is on the disk."""

    def __init__(self, env: Environment, store: CommittedStore) -> None:
        self._env = env
        self._store = weakref.ref(store)

    def state(self) -> Moment | None:
        moment = self._env.lineage.moment
        store = self._store()
        if store is not None:
            store.sync_all()
        return moment

    def includes(self, moment: Moment | None, end: int) -> bool:
        store = self._store()
        return store is not None and end <= store.next_doc_id and (moment is None or self._env.lineage.includes(moment))
