"""What every shard store promises to the collection above it, also after it was closed and opened again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from weft.engine.embedded.storage import Applied, Delete, Put, ShardStore, TokenRows, VectorLayout, VectorRows

LAYOUTS = {"v": VectorLayout(), "m": VectorLayout(multi=True)}


def uuid(i: int) -> bytes:
    return bytes([i]) * 16


def vector_rows(store: ShardStore) -> VectorRows:
    rows = store.vectors("v").rows
    assert isinstance(rows, VectorRows)
    return rows


def token_rows(store: ShardStore) -> TokenRows:
    rows = store.vectors("m").rows
    assert isinstance(rows, TokenRows)
    return rows


@pytest.fixture(params=["same", "reopened"])
def settle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], ShardStore]]:
    """The store to continue with: the same one, or one opened again."""
    stores = [ShardStore(tmp_path, LAYOUTS)]

    def settled() -> ShardStore:
        if request.param == "reopened":
            stores.pop().close()
            stores.append(ShardStore(tmp_path, LAYOUTS))
        return stores[0]

    yield settled
    stores[0].close()


def test_an_empty_store(settle: Callable[[], ShardStore]) -> None:
    store = settle()
    assert (store.next_doc_id, store.count, len(store.live)) == (0, 0, 0)
    assert store.commit([]) == []
    assert store.lookup([uuid(1)]) == [None] and store.read([0, 5]) == [None, None]
    assert store.scan(None, 10) == [] and list(store.scan_records(0, 10)) == []
    assert store.vectors("v").dims is None and vector_rows(store).vectors.shape == (0, 0)
    assert store.vectors("m").dims is None and token_rows(store).offsets.tolist() == [0]
    store.verify(full=True)


def test_put_replace_delete(settle: Callable[[], ShardStore]) -> None:
    store = settle()
    assert store.commit([Put(uuid(2), b"two"), Put(uuid(1), b"")]) == [Applied(0, None), Applied(1, None)]
    store = settle()
    before = store.live
    assert store.commit([Put(uuid(2), b"2nd"), Delete(uuid(9)), Delete(uuid(1))]) == [
        Applied(2, 0),
        Applied(None, None),
        Applied(None, 1),
    ]
    assert before.to_array().tolist() == [0, 1]
    store = settle()
    assert store.live.to_array().tolist() == [2] and store.count == 1 and store.next_doc_id == 3
    assert store.lookup([uuid(1), uuid(2), uuid(2)]) == [None, 2, 2]
    assert store.read([2, 0, 1, 99]) == [b"2nd", None, None, None]
    store.verify(full=True)


def test_changes_of_one_uuid_in_one_commit_apply_in_order(settle: Callable[[], ShardStore]) -> None:
    store = settle()
    store.commit([Put(uuid(1), b"old", {"v": np.ones(2, np.float32)})])
    changes: list[Put | Delete] = [
        Put(uuid(1), b"a", {"v": np.zeros(2, np.float32)}),
        Delete(uuid(1)),
        Delete(uuid(1)),
        Put(uuid(1), b"b"),
    ]
    assert store.commit(changes) == [Applied(1, 0), Applied(None, 1), Applied(None, None), Applied(2, None)]
    assert store.commit([Put(uuid(2), b"x"), Delete(uuid(2))]) == [Applied(3, None), Applied(None, 3)]
    store = settle()
    assert store.live.to_array().tolist() == [2] and store.next_doc_id == 4
    assert store.read([0, 1, 2, 3]) == [None, None, b"b", None]
    assert store.lookup([uuid(1), uuid(2)]) == [2, None]
    assert store.get_vectors("v", [1, 2]) == [None, None]
    store.verify(full=True)


def test_scans(settle: Callable[[], ShardStore]) -> None:
    store = settle()
    order = [200, 3, 7, 250, 0, 255, 9]
    store.commit([Put(uuid(i), b"%d" % i) for i in order])
    store.commit([Delete(uuid(9))])
    store = settle()
    pairs = sorted((uuid(i), doc_id) for doc_id, i in enumerate(order) if i != 9)
    assert store.scan(None, 100) == pairs
    assert store.scan(None, 2) == pairs[:2] and store.scan(None, 0) == []
    assert store.scan(uuid(3), 2) == pairs[2:4]
    assert store.scan(uuid(4), 2) == pairs[2:4]
    assert store.scan(uuid(255), 2) == []
    records = [(doc_id, b"%d" % i) for doc_id, i in enumerate(order) if i != 9]
    assert list(store.scan_records(0, 100)) == records
    assert list(store.scan_records(2, 3)) == records[2:5]
    assert list(store.scan_records(9, 3)) == []


def test_long_scans_go_on_while_objects_change(settle: Callable[[], ShardStore]) -> None:
    store = settle()
    store.commit([Put(i.to_bytes(16, "big"), b"%d" % i) for i in range(1000)])
    seen = []
    for doc_id, record in store.scan_records(0, 10_000):
        seen.append((doc_id, record))
        if doc_id == 10:
            store.commit([Delete((999).to_bytes(16, "big"))])
    assert seen == [(i, b"%d" % i) for i in range(999)]


def test_vector_rows_are_in_commit_order(settle: Callable[[], ShardStore]) -> None:
    store = settle()
    one, two = np.array([1, 2], np.float32), np.array([[1], [2], [3]], np.float32)
    store.commit([Put(uuid(1), b"", {"v": one}), Put(uuid(2), b"", {"m": two}), Put(uuid(3), b"", {"v": 3 * one})])
    store = settle()
    store.commit([Put(uuid(1), b"", {"m": two[:1], "v": one})])
    store = settle()
    single, multi = vector_rows(store), token_rows(store)
    assert single.doc_ids.dtype == np.uint32 and single.doc_ids.tolist() == [0, 2, 3]
    assert single.vectors.dtype == np.float32 and single.vectors.tolist() == [[1, 2], [3, 6], [1, 2]]
    assert multi.doc_ids.tolist() == [1, 3] and multi.offsets.tolist() == [0, 3, 4]
    assert multi.offsets.dtype == np.int64 and multi.tokens.tolist() == [[1], [2], [3], [1]]
    assert (store.vectors("v").dims, store.vectors("m").dims) == (2, 1)
    sizes = store.size()
    assert sizes["vectors/v"] == 24 and sizes["vectors/m"] == 16 and sizes["objects"] > 0
