"""The indexes of a shard that is whole, checked against its store; all of them can be rebuilt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from weft.domain.counts import counted
from weft.domain.errors import WeftError
from weft.domain.findings import Finding
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.embedded.indexes import Indexes, stored
from weft.engine.embedded.storage.followed_store import FollowedStore, StoreState
from weft.files import disk
from weft.files.followed_environment import FollowedEnvironment

_SAMPLE = 500
"""Objects whose words are looked for, spread over all of them."""
_INDEX_LOG = "weft.engine.embedded.index"


def check_indexes(folder: Path, config: CollectionConfig, env: FollowedEnvironment) -> list[Finding]:
    """What indexes say of their own files when they are read, and what they lack of the stored objects."""
    if not (folder / "index").exists():
        return []
    store = FollowedStore(folder / "store", env)
    faults: list[str] = []
    try:
        state = store.begin()
        store.take(state)
        # What the catalog has and the store has not was added when the server stopped; it is made at the next start.
        made = {name: vector for name, vector in config.stored.items() if name in store.vector_names}
        with _warnings(faults):
            indexes = Indexes(folder, replace(config, vectors=made), store, followed=True)
        faults += _missing(indexes, config, store, state)
    except (WeftError, OSError) as error:
        faults.append(error.message if isinstance(error, WeftError) else str(error))

    def mend() -> None:
        disk.remove_folder(folder / "index")
        disk.remove_folder(folder / "reindex")

    way_out = "it is rebuilt at the next start, if weft check --repair removes it or by itself"
    return [Finding(str(folder / "index"), fault, way_out=way_out, mend=mend) for fault in dict.fromkeys(faults)]


def _missing(indexes: Indexes, config: CollectionConfig, store: FollowedStore, state: StoreState) -> list[str]:
    """Objects that the indexes should have, and have not; what is newer than an index is added at the next start."""
    faults: list[str] = []
    filters, inverted = indexes.filters, indexes.inverted
    pairs = [(doc_id, uuid) for uuid, doc_id in state.scan(None, 1 << 32) if doc_id < filters.covered]
    if pairs:
        held = filters.uuids(np.asarray([doc_id for doc_id, _ in pairs], np.uint32))
        wrong = sum(found != uuid for found, (_, uuid) in zip(held, pairs, strict=True))
        if wrong:
            faults.append(f"the filter index has other ids than the store for {counted(wrong, 'object')}")
    texts = [
        one.name
        for one in config.properties
        if one.data_type is DataType.TEXT and (one.index_searchable or one.index_filterable)
    ]
    step = max(1, len(state.live) // _SAMPLE)
    sample = [doc_id for n, doc_id in enumerate(state.live) if n % step == 0 and doc_id < inverted.covered]
    lacking = 0
    for doc_id in sample if texts else ():
        for _, objects in stored(store, config, doc_id, doc_id + 1, 1):
            for name in texts:
                value = objects[0].properties.get(name)
                if isinstance(value, str) and not all(
                    doc_id in inverted.documents(name, token) for token in set(inverted.analyze(name, value))
                ):
                    lacking += 1
    if lacking:
        looked_at = counted(len(sample), "object")
        faults.append(f"the index of keywords lacks words of {lacking} of {looked_at} that were looked at")
    return faults


@contextmanager
def _warnings(into: list[str]) -> Iterator[None]:
    """What the indexes log meanwhile."""

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            into.append(record.getMessage())

    logger = logging.getLogger(_INDEX_LOG)
    handler = Collecting(logging.WARNING)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
