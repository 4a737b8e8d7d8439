"""Filling: objects that were stored without a vector get it, while the shard is read and written.

Objects are visited in order of doc_id, once each: what is written meanwhile has a greater one, and its vector, if it
was made, is there already. Vectors are staged batch by batch (``storage.staging``): a run that ends at any moment is
continued by the next one. At the end they are inserted as a compaction is. Nothing else changes, no object gets another
doc_id, and searches see all of them at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np
from pyroaring import BitMap

from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.reindexing import GoOn
from weft.engine.embedded.shard_writer import ShardWriter
from weft.engine.embedded.storage import ShardStore
from weft.engine.embedded.storage.rows import set_of
from weft.engine.filling import FILLED_AT_ONCE, Embed
from weft.engine.record import RecordCodec

_log = logging.getLogger(__name__)


class Filling:
    """Of the vector ``name``. ``running``, ``renumbering``: see ``Maintenance``; compactions are excluded by them."""

    def __init__(
        self,
        shard: Path,
        writer: ShardWriter,
        store: ShardStore,
        lifetime: Lifetime,
        running: Lock,
        renumbering: Lock,
        name: str,
    ) -> None:
        self._shard = shard
        self._writer = writer
        self._store = store
        self._lifetime = lifetime
        self._running = running
        self._renumbering = renumbering
        self._name = name

    def run(self, embed: Embed, go_on: GoOn) -> bool:
        """See ``OpenCollection.fill``. Raises NotFound when the shard is closed, Invalid, StorageFull, CorruptData, and
        what ``embed`` raises."""
        staged = self._store.staging.of(self._name)
        at = int(staged.rows.doc_ids[-1]) + 1 if staged is not None and len(staged.rows) else 0
        first = self.lacking(at)
        if not go_on(self._store.count - len(first)):
            return False
        while missing := self.lacking(at):
            for doc_ids in _batches(missing):
                if not self._fill(doc_ids, embed, go_on):
                    return False
                at = doc_ids[-1] + 1
            at = max(at, missing.max() + 1)
        return self._insert()

    def lacking(self, start: int = 0) -> BitMap:
        """The objects of doc_ids from ``start`` on that have no vector."""
        rows = self._store.vectors(self._name).rows
        lacking = self._store.live - set_of(rows.doc_ids)
        lacking.remove_range(0, start)
        return lacking

    def _fill(self, doc_ids: list[int], embed: Embed, go_on: GoOn) -> bool:
        self._lifetime.check()
        with self._lifetime:
            found = self._store.read(doc_ids)
        codec = RecordCodec(self._writer.config)
        there = [(doc_id, raw) for doc_id, raw in zip(doc_ids, found, strict=True) if raw is not None]
        made = embed([codec.open(raw).to_object() for _, raw in there])
        pairs = zip(there, made.vectors, strict=True)
        new = [(doc_id, vector) for (doc_id, _), vector in pairs if vector is not None]
        if new:
            with self._writer.turn:
                self._lifetime.check()
                self._store.staging.add(self._name, [one for one, _ in new], [one for _, one in new], made.model)
                self._writer.serve()
        return go_on(len(doc_ids))

    def _insert(self) -> bool:
        writer, store, name = self._writer, self._store, self._name
        if store.staging.of(name) is None:
            return True
        with self._running:
            self._lifetime.check()
            with self._lifetime:
                rewrite = store.staging.begin_insertion(name, writer.named(), self._lifetime.check)
            with self._renumbering, writer.turn:
                self._lifetime.check()
                store.finish_compaction(rewrite, writer.named())
                try:
                    writer.indexes.vector(name).extend()
                    writer.serve()
                except Exception:
                    _log.exception("the index of %r failed in %s; all are rebuilt", name, self._shard)
                    writer.mend()
        return True


def _batches(doc_ids: BitMap) -> Iterator[list[int]]:
    every = np.asarray(doc_ids.to_array(), np.uint32)
    for start in range(0, len(every), FILLED_AT_ONCE):
        yield every[start : start + FILLED_AT_ONCE].tolist()
