"""Staging: vectors that objects get after they were stored, durable and invisible until they are inserted.

See ``insertion`` for why they wait. One thread writes, the one that has the shard's turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Protocol

from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.engine.embedded.storage.changes import VectorLayout
from weft.engine.embedded.storage.compaction import Check, Rewrite
from weft.engine.embedded.storage.insertion import staged_name
from weft.engine.embedded.storage.object_tables import ObjectTables
from weft.engine.embedded.storage.vector_file import StoredVectors
from weft.engine.embedded.storage.vector_folder import VectorFolder
from weft.files.environment import Environment, Transaction


class _StagedStore(Protocol):
    """The ``ShardStore`` that the vectors are of."""

    live: BitMap
    next_doc_id: int
    models: Mapping[str, str]


class Staging:
    def __init__(
        self,
        store: _StagedStore,
        env: Environment,
        objects: ObjectTables,
        vectors: VectorFolder,
        counting: Lock,
        switching: Lock,
    ) -> None:
        self._store = store
        self._env = env
        self._objects = objects
        self._vectors = vectors
        self._counting = counting
        self._switching = switching

    def of(self, name: str) -> StoredVectors | None:
        """The vectors that wait to be inserted into the file ``name``; None where there are none."""
        return self._vectors.files.get(staged_name(name))

    def add(self, name: str, doc_ids: Sequence[int], vectors: Sequence[Vector], model: str) -> None:
        """Keeps vectors ``name`` of stored objects, made by ``model`` (empty: by callers). Durable at return.

        doc_ids ascend, also from one call to the next. No search sees them. Raises Invalid for vectors of other
        dimensions than the stored ones, StorageFull; then none is kept.
        """
        target = self._vectors.files[name]
        self._vectors.add({staged_name(name): VectorLayout(target.multi)})
        file = self._vectors.files[staged_name(name)]
        for vector in vectors:
            target.check_finite(vector)
            target.check_shape(vector, target.dims or file.dims or int(vectors[0].shape[-1]))
        models = {**self._store.models, name: model} if model else dict(self._store.models)
        ready = file.stage(doc_ids, vectors)

        def body(txn: Transaction) -> None:
            self._vectors.write(txn, file, ready)
            self._objects.write_models(txn, models)

        with self._counting:
            self._env.write(body)
            file.publish(ready)
        self._store.models = models

    def forget(self, name: str) -> bool:
        """Removes what is staged for ``name``; False if nothing was."""
        found = self.of(name) is not None
        if found:
            with self._switching:
                self._vectors.remove(staged_name(name))
        return found

    def begin_insertion(self, name: str, named: Sequence[BitMap] = (), check: Check = lambda: None) -> Rewrite:
        """As ``ShardStore.begin_compaction``, with the staged rows among those of ``name``; ended as that is, by
        ``finish_compaction``. Also raises Invalid where objects have got vectors of other dimensions meanwhile."""
        rewrite = self._vectors.insertion(name, staged_name(name))
        end = self._store.next_doc_id  # first: what is live below it is then in ``live``
        rewrite.copy(BitMap.union(self._store.live, *named), end, check)
        return rewrite
