"""ShardStore beyond the contract: vectors refused, compacted, copied; names that are no file names."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from weft.domain.errors import CorruptData, Invalid, Misconfigured
from weft.domain.objects import Vector
from weft.engine.embedded.storage import (
    Delete,
    Put,
    RaggedVectorFile,
    ShardStore,
    VectorFile,
    VectorLayout,
    VectorRows,
)

BOTH = {"a": VectorLayout(), "m": VectorLayout(multi=True)}


def uuid(i: int) -> bytes:
    return i.to_bytes(16, "big")


def vec(*numbers: float) -> Vector:
    return np.array(numbers, np.float32)


def floats(file: VectorFile | RaggedVectorFile) -> Vector:
    """``(rows, d)`` of single vectors, ``(tokens, d)`` of multi-vectors."""
    rows = file.rows
    return rows.vectors if isinstance(rows, VectorRows) else rows.tokens


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShardStore]:
    store = ShardStore(tmp_path / "s", BOTH, sync=False)
    yield store
    store.close()


@pytest.mark.parametrize(
    "vectors, facts",
    [
        ({"a": vec(1, 2)}, {"expected_dims": 3, "got_dims": 2}),
        ({"a": vec(1, 2, np.nan)}, {"vector": "a"}),
        ({"a": vec(1, 2, np.inf)}, {"vector": "a"}),
        ({"a": vec()}, {"vector": "a"}),
        ({"a": vec(1, 2, 3).reshape(1, 3)}, {"vector": "a"}),
        ({"m": vec(1, 2, 3)}, {"vector": "m"}),
        ({"m": np.empty((0, 3), np.float32)}, {"vector": "m"}),
        ({"b": vec(1)}, {"vector": "b"}),
    ],
)
def test_a_vector_that_cannot_be_kept_refuses_the_whole_commit(
    store: ShardStore, vectors: Mapping[str, Vector], facts: Mapping[str, object]
) -> None:
    store.commit([Put(uuid(1), b"one", {"a": vec(1, 2, 3)})])
    storable = Put(uuid(2), b"two", {"a": vec(4, 5, 6)})
    changes: list[Put | Delete] = [storable, Delete(uuid(1)), Put(uuid(3), b"three", vectors)]
    assert list(store.check(changes)) == [2]
    with pytest.raises(Invalid) as caught:
        store.commit(changes)
    assert facts.items() <= caught.value.facts.items()
    assert caught.value.facts["index"] == 2
    assert store.next_doc_id == 1 and store.live.to_array().tolist() == [0]
    assert store.lookup([uuid(1), uuid(2)]) == [0, None]
    assert floats(store.vectors("a")).tolist() == [[1, 2, 3]]


def test_the_first_vector_of_a_batch_fixes_the_dimensions(store: ShardStore) -> None:
    changes = [
        Put(uuid(0), b"", {"a": vec(1, np.nan)}),
        Put(uuid(1), b"", {"a": vec(1, 2, 3), "m": vec(1).reshape(1, 1)}),
        Put(uuid(2), b"", {"a": vec(1, 2)}),
        Put(uuid(3), b"", {"m": vec(1, 2).reshape(1, 2)}),
        Put(uuid(4), b"", {"m": vec(1, 2).reshape(2, 1)}),
    ]
    assert sorted(store.check(changes)) == [0, 2, 3]
    store.commit([changes[1], changes[4]])
    assert store.vectors("a").dims == 3 and store.vectors("m").dims == 1


def test_vectors_are_kept_bit_for_bit(store: ShardStore) -> None:
    odd = np.array([0x00000001, 0x80000000, 0x7F7FFFFF, 0x3F800001], np.uint32).view(np.float32)
    strided = np.arange(12, dtype=np.float32).reshape(4, 3).T
    store.commit([Put(uuid(1), b"", {"a": odd, "m": strided})])
    (a,), (m,) = store.get_vectors("a", [0]), store.get_vectors("m", [0])
    assert a is not None and a.tobytes() == odd.tobytes()
    assert m is not None and np.array_equal(m, strided)
    assert store.get_vectors("a", [7]) == [None]


def test_names_of_vectors_need_not_be_names_of_files(tmp_path: Path) -> None:
    names = ["../../x", "a/b", "CON", "A", "a", "", "ü" * 300, "nul\0l"]
    store = ShardStore(tmp_path / "s", {name: VectorLayout() for name in names}, sync=False)
    store.commit([Put(uuid(i), b"", {name: vec(i)}) for i, name in enumerate(names)])
    store.close()
    store = ShardStore(tmp_path / "s", {}, sync=False)
    assert sorted(store.vector_names) == sorted(names)
    assert [floats(store.vectors(name)).tolist() for name in names] == [[[i]] for i in range(len(names))]
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    store.close()


def test_a_layout_cannot_change(tmp_path: Path) -> None:
    ShardStore(tmp_path / "s", BOTH, sync=False).close()
    with pytest.raises(Misconfigured, match="single-vector"):
        ShardStore(tmp_path / "s", {"a": VectorLayout(multi=True)}, sync=False)
    store = ShardStore(tmp_path / "s", {}, sync=False)
    store.add_vectors("late", VectorLayout(multi=True))
    store.add_vectors("late", VectorLayout(multi=True))
    store.close()
    store = ShardStore(tmp_path / "s", {}, sync=False)
    assert store.vectors("late").multi
    store.close()


@pytest.mark.parametrize("name", ["a", "m"])
def test_compaction_drops_dead_rows_and_keeps_the_rest(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(5)
    store = ShardStore(tmp_path / "s", BOTH, sync=False)
    shape = (lambda: (50,)) if name == "a" else (lambda: (int(rng.integers(1, 5)), 50))
    given = {i: rng.standard_normal(shape()).astype(np.float32) for i in range(3000)}
    store.commit([Put(uuid(i), b"", {name: given[i]}) for i in range(2000)])
    store.commit([Delete(uuid(i)) for i in range(0, 2000, 3)])
    file = store.vectors(name)
    old_floats = floats(file)
    kept = old_floats[-1].copy()
    assert store.dead(name)[0] == 667
    rewrite = store.begin_compaction(name)
    store.commit([Put(uuid(i), b"", {name: given[i]}) for i in range(2000, 3000)])
    store.commit([Delete(uuid(1))])
    store.finish_compaction(rewrite)
    assert file is store.vectors(name) and file.generation == file.rows.generation == 1
    assert store.dead(name)[0] == 1 and file.count == 2333
    store.finish_compaction(store.begin_compaction(name))
    assert file.generation == 2 and store.dead(name)[0] == 0
    assert np.array_equal(old_floats[-1], kept)
    for _ in range(2):
        live = store.live.to_array().tolist()
        for doc_id, vector in zip(live, store.get_vectors(name, live), strict=True):
            assert vector is not None and np.array_equal(vector, given[doc_id])
        assert len(list((tmp_path / "s" / "vectors").iterdir())) == 1
        store.commit([Put(uuid(5000), b"", {name: given[0]})])
        given[store.next_doc_id - 1] = given[0]
        store.verify(full=True)
        store.close()
        store = ShardStore(tmp_path / "s", {}, sync=False)
    store.close()


def test_what_is_written_while_a_compaction_begins_is_copied(
    store: ShardStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit([Put(uuid(i), b"", {"a": vec(i, 1)}) for i in range(4)])
    file = store.vectors("a")
    verify = file.verify_some

    def slowly(most_bytes: int) -> bool:
        monkeypatch.undo()
        store.commit([Put(uuid(i), b"", {"a": vec(i, 2)}) for i in range(3, 6)])
        return verify(most_bytes)

    monkeypatch.setattr(file, "verify_some", slowly)
    store.finish_compaction(store.begin_compaction("a"))
    live = store.live.to_array().tolist()
    assert [v.tolist() for v in store.get_vectors("a", live) if v is not None] == [
        [0, 1], [1, 1], [2, 1], [3, 2], [4, 2], [5, 2]
    ]  # fmt: skip


def test_named_states_stay_readable(store: ShardStore) -> None:
    store.commit([Put(uuid(i), b"old", {"a": vec(i, 1)}) for i in range(4)])
    state = store.live
    store.commit([Put(uuid(i), b"new", {"a": vec(i, 2)}) for i in range(2, 6)], [state])
    store.commit([Delete(uuid(0)), Delete(uuid(2))], [state])
    store.finish_compaction(store.begin_compaction("a", [state]), [state])
    assert store.lookup([uuid(i) for i in range(6)], state) == [0, 1, 2, 3, None, None]
    assert store.scan(None, 10, state) == [(uuid(i), i) for i in range(4)]
    assert store.scan(uuid(0), 2, state) == [(uuid(1), 1), (uuid(2), 2)]
    assert store.read([0, 1, 2, 3]) == [b"old"] * 4
    assert [v.tolist() for v in store.get_vectors("a", [0, 1, 2, 3]) if v is not None] == [[i, 1] for i in range(4)]
    assert store.lookup([uuid(i) for i in range(6)]) == [None, 1, None, 5, 6, 7]
    assert store.retained_count == 3 and store.count == 4
    store.verify(full=True)
    assert store.purge([]) and not store.purge([])
    assert store.read([0, 2, 3]) == [None] * 3
    store.verify(full=True)


def test_a_compaction_given_up_or_of_nothing_leaves_no_trace(store: ShardStore) -> None:
    store.finish_compaction(store.begin_compaction("a"))
    store.commit([Put(uuid(1), b"", {"a": vec(1, 2)}), Put(uuid(2), b"", {"a": vec(3, 4)})])
    store.begin_compaction("a").discard()
    assert store.vectors("a").generation == 1 and len(list((store.folder / "vectors").iterdir())) == 1
    store.commit([Delete(uuid(1)), Delete(uuid(2))])
    store.finish_compaction(store.begin_compaction("a"))
    assert store.vectors("a").dims is None and list((store.folder / "vectors").iterdir()) == []
    store.commit([Put(uuid(1), b"", {"a": vec(5, 6, 7)})])
    assert store.get_vectors("a", [2]) == [pytest.approx([5, 6, 7])]


def test_an_emptied_vector_is_reset_also_while_it_is_rewritten(store: ShardStore) -> None:
    store.commit([Put(uuid(1), b"", {"a": vec(1, 2)}), Put(uuid(2), b"", {})])
    assert store.vectors("a").rows.any_of(store.live)
    store.commit([Delete(uuid(1))])
    assert not store.vectors("a").rows.any_of(store.live)
    rewrite = store.begin_compaction("a")
    store.reset_vectors("a")
    store.commit([Put(uuid(3), b"", {"a": vec(1, 2, 3)})])
    store.finish_compaction(rewrite)
    assert store.get_vectors("a", [0, 2]) == [None, pytest.approx([1, 2, 3])]
    assert len(list((store.folder / "vectors").iterdir())) == 1
    store.close()
    again = ShardStore(store.folder, {}, sync=False)
    assert again.vectors("a").dims == 3 and again.get_vectors("a", [2]) == [pytest.approx([1, 2, 3])]
    again.verify(full=True)
    again.close()


def test_a_copy_is_a_store_of_its_own(store: ShardStore, tmp_path: Path) -> None:
    store.commit([Put(uuid(1), b"one", {"a": vec(1, 2)}), Put(uuid(2), b"two", {"m": vec(1).reshape(1, 1)})])
    store.copy_to(tmp_path / "copy")
    store.commit([Delete(uuid(1))])
    copy = ShardStore(tmp_path / "copy", {}, sync=False)
    assert copy.read(copy.lookup([uuid(1), uuid(2)])) == [b"one", b"two"]  # type: ignore[arg-type]
    (vector,) = copy.get_vectors("a", [0])
    assert vector is not None and vector.tolist() == [1, 2]
    copy.verify(full=True)
    copy.close()


@pytest.mark.parametrize("way", ["copy_to", "link_to"])
def test_a_copy_has_the_vectors_of_the_commit_that_it_met(
    store: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The tables are copied after a commit stands in them, and before its rows count in the vector file."""
    committed, counted = threading.Event(), threading.Event()
    file = store.vectors("a")
    publish = type(file).publish

    def late(self: object, staged: object) -> None:
        committed.set()
        assert counted.wait(10)
        publish(self, staged)  # type: ignore[arg-type]

    monkeypatch.setattr(type(file), "publish", late)
    writer = threading.Thread(target=store.commit, args=([Put(uuid(1), b"one", {"a": vec(1, 2)})],))
    writer.start()
    assert committed.wait(10)
    copier = threading.Thread(target=getattr(store, way), args=(tmp_path / "copy",))
    copier.start()
    copier.join(0.2)
    assert copier.is_alive()
    counted.set()
    copier.join(10)
    writer.join(10)
    store.close()
    copy = ShardStore(tmp_path / "copy", {}, sync=False)
    (vector,) = copy.get_vectors("a", [0])
    assert vector is not None and vector.tolist() == [1, 2]
    copy.verify(full=True)
    copy.close()


def test_an_emptied_database_is_damage_not_a_fresh_start(tmp_path: Path) -> None:
    store = ShardStore(tmp_path / "s", BOTH, sync=False)
    store.commit([Put(uuid(1), b"one")])
    store.close()
    (tmp_path / "s" / "objects.mdb").write_bytes(b"")
    with pytest.raises(CorruptData, match=r"objects\.mdb"):
        ShardStore(tmp_path / "s", BOTH, sync=False)


def test_readers_see_whole_commits_while_the_writer_goes_on(store: ShardStore) -> None:
    stop, failures = threading.Event(), []

    def reader() -> None:
        try:
            while not stop.is_set():
                rows = store.vectors("a").rows
                assert isinstance(rows, VectorRows) and len(rows.doc_ids) == len(rows.vectors)
                assert not len(rows.doc_ids) or rows.vectors[-1][0] == rows.doc_ids[-1]
                live = store.live
                for record, doc_id in zip(store.read(live.to_array()[-5:]), live.to_array()[-5:], strict=True):
                    assert record in (None, b"%d" % doc_id)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    for batch in range(60):
        first = store.next_doc_id
        store.commit([Put(uuid(i % 500), b"%d" % i, {"a": vec(i, 0)}) for i in range(first, first + 50)])
        if batch % 20 == 19:
            store.finish_compaction(store.begin_compaction("a"))
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.count == 500
