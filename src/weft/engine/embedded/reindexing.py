"""Building the indexes of a shard for a changed configuration, beside those in use, while it is read and written.

A round begins with the turn held: it takes the shard's configuration and its ``next_doc_id`` at that moment, and then
indexes the stored objects up to there without the turn. So an object is never indexed under a configuration that is
older than it is, and properties may be added meanwhile. Rounds follow each other until little was written during the
last one; the rest is replayed when the indexes are adopted, with the turn held. See ``prepared`` for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from weft.domain.errors import OperatorError
from weft.domain.schema import CollectionConfig, Property
from weft.engine.embedded import prepared
from weft.engine.embedded.index.filter.index import FilterIndex
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.embedded.indexes import stored
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.shard_writer import ShardWriter
from weft.engine.embedded.storage import ShardStore
from weft.files import disk

GoOn: TypeAlias = Callable[[int], bool]
"""Called with the number of objects that were just indexed; False: stop."""

_CHUNK = 1_000
_LITTLE = 1_000
"""doc_ids whose replay writers may wait for."""


class Reindexing:
    def __init__(
        self, shard: Path, writer: ShardWriter, store: ShardStore, lifetime: Lifetime, config: CollectionConfig
    ) -> None:
        self._shard = shard
        self._writer = writer
        self._store = store
        self._lifetime = lifetime
        self._config = config
        before = writer.config
        self._changed = {one.name: one for one in config.properties if before.by_name.get(one.name) != one}

    def run(self, go_on: GoOn, *, rebuild: bool) -> bool:
        """Whether the indexes that the configuration needs are ready; False when ``go_on`` has stopped it.

        ``rebuild``: also those that could stay. What is complete when it stops is kept for a later run. Raises NotFound
        when the shard is closed, StorageFull, OperatorError, CorruptData.
        """
        writer = self._writer
        if prepared.fits(self._shard, self._config):
            return go_on(self._store.count)
        if not rebuild and writer.indexes.inverted.serves(self._config):
            return go_on(self._store.count)
        try:
            return self._build(go_on, rebuild=rebuild)
        except (OSError, OperatorError):  # the files go when the shard is removed
            self._lifetime.check()
            raise

    def _build(self, go_on: GoOn, *, rebuild: bool) -> bool:
        writer, folder = self._writer, prepared.building(self._shard)
        with ExitStack() as opened:
            config = _with(writer.config, self._changed)
            inverted = InvertedIndex(folder / prepared.INVERTED, config, origin=self._store.origin)
            opened.callback(inverted.close)
            filters: FilterIndex | None = None
            if rebuild:
                filters = FilterIndex(folder / prepared.FILTER, config, inverted, origin=self._store.origin)
                opened.callback(filters.close)
            else:
                disk.remove_folder(folder / prepared.FILTER)  # of a rebuild that was stopped
            done = self._fill(inverted, filters, go_on)
            inverted.checkpoint(writer.kept())
            if filters is not None:
                filters.checkpoint(writer.kept())
        self._lifetime.check()
        if done:
            prepared.sync(self._shard)
            with writer.turn:
                self._lifetime.check()
                prepared.finish(self._shard)
        return done

    def _fill(self, inverted: InvertedIndex, filters: FilterIndex | None, go_on: GoOn) -> bool:
        writer = self._writer
        at = inverted.covered if filters is None else min(inverted.covered, filters.covered)
        if not go_on(at):
            return False
        while True:
            with writer.turn:
                self._lifetime.check()
                config = _with(writer.config, self._changed)
                start, end = at, self._store.next_doc_id
                inverted.configure(config)
                if filters is not None:
                    filters.configure(config)
            with self._lifetime:
                for ids, objects in stored(self._store, config, start, end, _CHUNK):
                    if filters is not None:
                        new = [n for n, doc_id in enumerate(ids) if doc_id >= filters.covered]
                        filters.add([ids[n] for n in new], [objects[n] for n in new])
                    inverted.add(ids, [one.properties for one in objects])
                    inverted.maintain(writer.kept())
                    if not go_on(len(ids)):
                        return False
            at = end
            if end - start <= _LITTLE:
                return True


def _with(config: CollectionConfig, changed: Mapping[str, Property]) -> CollectionConfig:
    """``config`` with the changed properties, the others as they are now."""
    return replace(config, properties=tuple(changed.get(one.name, one) for one in config.properties))
