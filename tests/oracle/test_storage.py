"""Random changes to a ShardStore and to a dict: both must say the same, also after reopen and compaction."""

import random
from pathlib import Path

import numpy as np
import pytest

from weft.domain.objects import Vector
from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout

LAYOUTS = {"v": VectorLayout(), "m": VectorLayout(multi=True)}


class DictStore:
    """What the store should hold, kept in a dict."""

    def __init__(self) -> None:
        self.next_doc_id = 0
        self.objects: dict[bytes, tuple[int, bytes, dict[str, Vector]]] = {}

    def apply(self, changes: list[Put | Delete]) -> list[tuple[int | None, int | None]]:
        applied: list[tuple[int | None, int | None]] = []
        for change in changes:
            old = self.objects.pop(change.uuid, (None,))[0]
            doc_id = None
            if isinstance(change, Put):
                doc_id, self.next_doc_id = self.next_doc_id, self.next_doc_id + 1
                self.objects[change.uuid] = (doc_id, change.record, dict(change.vectors))
            applied.append((doc_id, old))
        return applied


def random_change(rng: random.Random, numbers: np.random.Generator, uuids: list[bytes]) -> Put | Delete:
    uuid = rng.choice(uuids)
    if rng.random() < 0.2:
        return Delete(uuid)
    vectors = {}
    for name in LAYOUTS:
        if rng.random() < 0.7:
            shape = (8,) if name == "v" else (rng.randint(1, 6), 8)
            vectors[name] = numbers.standard_normal(shape).astype(np.float32)
    size = rng.choice([0, 10, 300, 2500, 9000])
    return Put(uuid, rng.randbytes(size), vectors)


def compare(store: ShardStore, reference: DictStore, uuids: list[bytes]) -> None:
    by_id = {doc_id: (uuid, record, vectors) for uuid, (doc_id, record, vectors) in reference.objects.items()}
    ids = sorted(by_id)
    assert store.next_doc_id == reference.next_doc_id
    assert store.live.to_array().tolist() == ids and store.count == len(ids)
    assert store.lookup(uuids) == [reference.objects[u][0] if u in reference.objects else None for u in uuids]
    assert store.read(range(reference.next_doc_id)) == [
        by_id[i][1] if i in by_id else None for i in range(reference.next_doc_id)
    ]
    assert store.scan(None, 10_000) == sorted((by_id[i][0], i) for i in ids)
    assert list(store.scan_records(0, 10_000)) == [(i, by_id[i][1]) for i in ids]
    for name in LAYOUTS:
        doc_ids = store.vectors(name).doc_ids
        assert bool(np.all(doc_ids[1:] > doc_ids[:-1]))
        for i, found in zip(ids, store.get_vectors(name, ids), strict=True):
            expected = by_id[i][2].get(name)
            assert (found is None) == (expected is None)
            assert found is None or expected is None or found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_the_store_agrees_with_a_dict(tmp_path: Path, seed: int) -> None:
    print("seed", seed)
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    uuids = [rng.randbytes(16) for _ in range(150)]
    store, reference = ShardStore(tmp_path, LAYOUTS, sync=False), DictStore()
    for _ in range(60):
        changes = [random_change(rng, numbers, uuids) for _ in range(rng.choice([1, 3, 40]))]
        assert [(a.doc_id, a.replaced) for a in store.commit(changes)] == reference.apply(changes)
        action = rng.random()
        if action < 0.1:
            store.close()
            store = ShardStore(tmp_path, LAYOUTS, sync=False)
        elif action < 0.2:
            store.finish_compaction(store.begin_compaction(rng.choice(list(LAYOUTS))))
        if action < 0.35:
            compare(store, reference, uuids)
    compare(store, reference, uuids)
    store.verify(full=True)
    store.close()
