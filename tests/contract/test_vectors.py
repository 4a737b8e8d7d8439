"""What every index over vectors promises, single or multi, of each kind and with each quantiser, on a real store."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from weft.domain.errors import CorruptData, Invalid
from weft.domain.objects import Vector
from weft.domain.schema import Metric, MultiVector, Muvera, Quantizer, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.kinds import KINDS, open_vector_index
from weft.engine.embedded.index.vector_index import VectorIndex
from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout

ROWS = 360
DIMS = 16
QUERIES = 15
K = 8
SEED = 20_261_130

QUANTIZERS = {
    "plain": Quantizer(),
    "sq": Quantizer(QuantizerKind.SQ),
    "rq8": Quantizer(QuantizerKind.RQ, bits=8),
    "rq1": Quantizer(QuantizerKind.RQ, bits=1),
    "bq": Quantizer(QuantizerKind.BQ),
    "pq": Quantizer(QuantizerKind.PQ, segments=8, centroids=16),
}


@dataclass(frozen=True)
class Case:
    config: VectorIndexConfig
    recall: float
    """That is expected of the K nearest; quantised codes and encodings only choose what is scored exactly."""

    @property
    def multi(self) -> bool:
        return self.config.multivector is not None


def cases() -> dict[str, Case]:
    found = {}
    for kind in KINDS:
        if kind == "none":
            continue
        for name, quantizer in QUANTIZERS.items() if kind in ("hnsw", "flat") else [("plain", Quantizer())]:
            config = VectorIndexConfig(
                kind=kind, quantizer=quantizer, threshold=100, max_connections=16, ef=100, search_probe=64
            )
            found[f"{kind}-{name}"] = Case(config, 0.97 if name in ("plain", "sq", "rq8") else 0.9)
    found["l2"] = Case(VectorIndexConfig(metric=Metric.L2, max_connections=16, ef=100), 0.97)
    for name, quantizer in QUANTIZERS.items():
        found[f"multi-{name}"] = Case(VectorIndexConfig(quantizer=quantizer, multivector=MultiVector()), 0.97)
    found["multi-dot"] = Case(VectorIndexConfig(metric=Metric.DOT, multivector=MultiVector()), 0.97)
    found["multi-muvera"] = Case(VectorIndexConfig(multivector=MultiVector(muvera=Muvera(3, 8, 6))), 0.9)
    return found


CASES = cases()


class World:
    """A store, the index over one of its vectors, and what both should hold."""

    def __init__(self, folder: Path, case: Case, dims: int = DIMS) -> None:
        print("seed", SEED)
        self.rng = np.random.default_rng(SEED)
        self.folder = folder
        self.case = case
        self.dims = dims
        self.words = self.rng.standard_normal((30, dims)).astype(np.float32)
        self.vectors: dict[int, Vector] = {}
        self._uuids: dict[int, bytes] = {}
        self.store: ShardStore
        self.index: VectorIndex
        self.open()

    @property
    def live(self) -> BitMap:
        return self.store.live

    def open(self) -> None:
        self.store = ShardStore(self.folder / "store", {"v": VectorLayout(multi=self.case.multi)}, sync=False)
        self.index = open_vector_index(self.store.vectors("v"), self.case.config, self.folder / "index")
        self.index.extend()

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def reopen(self) -> None:
        self.close()
        self.open()

    def vector(self) -> Vector:
        count = int(self.rng.integers(1, 7)) if self.case.multi else 1
        near = self.words[self.rng.integers(0, len(self.words), count)]
        tokens = (near + 0.4 * self.rng.standard_normal((count, self.dims))).astype(np.float32)
        return tokens if self.case.multi else tokens[0]

    def put(self, vectors: Iterable[Vector]) -> list[int]:
        """Objects without a vector lie between those with one."""
        changes = []
        for vector in vectors:
            changes.append(Put(self.rng.bytes(16), b"", {"v": vector}))
            if self.rng.random() < 0.1:
                changes.append(Put(self.rng.bytes(16), b""))
        ids = []
        for change, applied in zip(changes, self.store.commit(changes), strict=True):
            assert applied.doc_id is not None
            if "v" in change.vectors:
                ids.append(applied.doc_id)
                self.vectors[applied.doc_id] = change.vectors["v"]
                self._uuids[applied.doc_id] = change.uuid
        self.index.extend()
        return ids

    def fill(self, count: int) -> list[int]:
        return self.put([self.vector() for _ in range(count)])

    def delete(self, doc_ids: Iterable[int]) -> None:
        gone = list(doc_ids)
        self.store.commit([Delete(self._uuids[doc_id]) for doc_id in gone])
        for doc_id in gone:
            del self.vectors[doc_id]

    def settle(self) -> None:
        """All the upkeep that there is to do."""
        while self.index.maintain(self.live):
            pass

    def distance(self, query: Vector, vector: Vector) -> float:
        """By the definition, in float64."""
        q, v = query.astype(np.float64), vector.astype(np.float64)
        if self.case.config.metric is Metric.COSINE:
            q /= np.linalg.norm(q, axis=-1, keepdims=True)
            v /= np.linalg.norm(v, axis=-1, keepdims=True)
        if self.case.multi:
            return -float((q @ v.T).max(axis=1).sum())
        return float(((q - v) ** 2).sum()) if self.case.config.metric is Metric.L2 else 1 - float(q @ v)

    def nearest(self, query: Vector, allowed: Iterable[int]) -> list[tuple[float, int]]:
        return sorted((self.distance(query, self.vectors[d]), d) for d in allowed if d in self.vectors)

    def check(self, allow: BitMap | None = None) -> None:
        """Searches find the nearest of ``allow`` (None: of all, none of which may have died), at exact distances."""
        hits = wanted = 0
        for _ in range(QUERIES):
            query = self.vector()
            expected = self.nearest(query, self.vectors if allow is None else allow)
            found = self.index.search(query, K, None if allow is None else AllowList(allow))
            ids = found.doc_ids.tolist()
            assert len(ids) == min(K, len(expected))
            assert found.doc_ids.dtype == np.uint32 and found.distances.dtype == np.float32
            by_id = {doc_id: distance for distance, doc_id in expected}
            np.testing.assert_allclose(found.distances, [by_id[d] for d in ids], rtol=1e-4, atol=1e-4)
            assert sorted(zip(found.distances.tolist(), ids, strict=True)) == list(
                zip(found.distances.tolist(), ids, strict=True)
            )
            np.testing.assert_allclose(self.index.distances(query, ids), found.distances, rtol=1e-5, atol=1e-5)
            hits += len(set(ids) & {doc_id for _, doc_id in expected[:K]})
            wanted += min(K, len(expected))
        assert not wanted or hits >= self.case.recall * wanted, f"recall {hits / wanted}"


@pytest.fixture(autouse=True)
def low_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred rows are enough that a part is built, and that searches use it."""
    multi = "weft.engine.embedded.index.multivector"
    monkeypatch.setattr("weft.engine.embedded.index.vector.index.BUILD_ROWS", 100)
    monkeypatch.setattr(f"{multi}.index.EXACT_TOKENS", 600)
    monkeypatch.setattr(f"{multi}.search.EXACT_ALLOWED_TOKENS", 60)
    monkeypatch.setattr(f"{multi}.search.SCANNED_ROWS", 80)
    monkeypatch.setattr(f"{multi}.writer.TAIL_ROWS", 64)


Make = Callable[[int], World]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def world(case: Case, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, case)
    yield made
    made.close()


def test_an_empty_index(world: World) -> None:
    query = world.vector()
    assert len(world.index.search(query, K).doc_ids) == 0
    assert np.isnan(world.index.distances(query, [0, 7])).all()
    assert not world.index.maintain(world.live)
    world.index.checkpoint()
    assert (world.index.covered, world.index.stats().rows, world.index.stats().waiting) == (0, 0, 0)


def test_what_is_written_is_found_at_once(world: World) -> None:
    for count in (1, 60, 150, 40):
        ids = world.fill(count)
        for doc_id in (ids[0], ids[-1]):
            found = world.index.search(world.vectors[doc_id], 1)
            assert found.doc_ids.tolist() == [doc_id]
            assert found.distances[0] == pytest.approx(
                world.distance(world.vectors[doc_id], world.vectors[doc_id]), abs=1e-4
            )
        assert world.index.covered == world.index.stats().rows == len(world.vectors)
        world.check()
        world.settle()
        world.check()


def test_upkeep_builds_once_and_waits_for_more(world: World) -> None:
    world.fill(ROWS)
    before = world.index.stats()
    world.settle()
    after = world.index.stats()
    assert after.rows == before.rows == ROWS and after.waiting == 0
    assert sum(after.components.values()) > 0
    assert not world.index.maintain(world.live)
    world.fill(1)
    assert world.index.stats().waiting <= 1


def test_filters(world: World) -> None:
    world.fill(ROWS)
    for _ in range(2):
        ids = list(world.vectors)
        for share in (0.01, 0.1, 0.4, 0.95):
            world.check(BitMap(world.rng.choice(ids, max(1, int(share * ROWS)), replace=False).tolist()))
        world.check(BitMap([*ids[:3], 10**6]))
        assert len(world.index.search(world.vector(), K, AllowList(BitMap())).doc_ids) == 0
        assert len(world.index.search(world.vector(), K, AllowList(BitMap([10**6]))).doc_ids) == 0
        world.settle()


def test_the_dead_are_not_found(world: World) -> None:
    ids = world.fill(ROWS)
    world.settle()
    world.delete(ids[::3])
    world.check(world.live)
    world.settle()
    world.check(world.live)
    world.delete(list(world.vectors)[::2])
    world.settle()
    world.fill(50)
    world.check(world.live)


def test_a_radius(world: World) -> None:
    world.fill(ROWS)
    for _ in range(2):
        query = world.vector()
        expected = world.nearest(query, world.vectors)
        limit = (expected[4][0] + expected[5][0]) / 2
        found = world.index.search(query, ROWS, None, max_distance=limit)
        assert sorted(found.doc_ids.tolist()) == sorted(doc_id for _, doc_id in expected[:5])
        assert len(world.index.search(query, 2, None, max_distance=limit).doc_ids) == 2
        assert len(world.index.search(query, K, None, max_distance=expected[0][0] - 1).doc_ids) == 0
        world.settle()


def test_ties_are_in_order_of_doc_id(world: World) -> None:
    same = world.vector()
    ids = world.put([same] * 20)
    assert world.index.search(same, 7).doc_ids.tolist() == ids[:7]
    allow = AllowList(BitMap(ids[3:]))
    assert world.index.search(same, 7, allow).doc_ids.tolist() == ids[3:10]
    assert world.index.search(same, 50).doc_ids.tolist() == ids


def test_more_than_there_is_and_nothing(world: World) -> None:
    world.fill(ROWS)
    world.settle()
    query = world.vector()
    found = world.index.search(query, 10 * ROWS)
    assert sorted(found.doc_ids.tolist()) == sorted(world.vectors)
    assert (np.diff(found.distances) >= 0).all()
    assert len(world.index.search(query, 0).doc_ids) == 0


def test_distances_by_doc_id(world: World) -> None:
    ids = world.fill(30)
    missing = next(d for d in range(10**6) if d not in world.vectors)
    query = world.vector()
    got = world.index.distances(query, [ids[20], missing, ids[3], 4_000_000_000])
    expected = [world.distance(query, world.vectors[ids[20]]), np.nan, world.distance(query, world.vectors[ids[3]])]
    np.testing.assert_allclose(got, [*expected, np.nan], rtol=1e-4, atol=1e-4)
    assert got.dtype == np.float32


def test_queries_that_do_not_fit(world: World) -> None:
    world.fill(5)
    wrong = world.vector()[..., :-1]
    for query in (wrong, np.full_like(world.vector(), np.nan), np.zeros((0, DIMS), np.float32)):
        with pytest.raises(Invalid):
            world.index.search(query, K)
        with pytest.raises(Invalid):
            world.index.distances(query, [0])


def test_a_checkpoint_is_opened_again(world: World) -> None:
    world.fill(ROWS)
    world.settle()
    query = world.vector()
    before, stats = world.index.search(query, K), world.index.stats()
    world.index.checkpoint()
    world.reopen()
    again = world.index.search(query, K)
    assert again.doc_ids.tolist() == before.doc_ids.tolist()
    np.testing.assert_array_equal(again.distances, before.distances)
    assert (world.index.stats().rows, world.index.stats().waiting) == (stats.rows, stats.waiting)
    world.fill(60)
    world.check()
    world.settle()
    world.check()
    assert world.index.stats().rows == ROWS + 60


def test_what_a_snapshot_lacks_is_read_from_the_store(world: World) -> None:
    world.fill(ROWS // 2)
    world.settle()
    world.index.checkpoint()
    world.fill(ROWS // 2)
    world.reopen()
    assert world.index.covered == ROWS
    world.check()
    world.close()
    for path in (world.folder / "index").rglob("*"):
        path.unlink()
    world.open()
    assert world.index.covered == ROWS
    world.check()


def test_a_compaction_renumbers_the_rows(world: World) -> None:
    ids = world.fill(ROWS)
    world.settle()
    world.index.checkpoint()
    world.delete(ids[::2])
    world.store.finish_compaction(world.store.begin_compaction("v"))
    world.index.extend()
    assert world.index.stats().rows == len(world.vectors)
    world.check()
    world.fill(30)
    world.settle()
    world.check()
    world.reopen()
    world.check()


def test_a_closed_index_still_answers(world: World) -> None:
    world.fill(ROWS)
    world.index.close()
    assert not world.index.maintain(world.live)
    world.check()


def test_damaged_snapshots_are_rebuilt(world: World) -> None:
    world.fill(ROWS)
    world.settle()
    world.index.checkpoint()
    folder, whole = world.folder / "index", world.folder / "whole"
    shutil.copytree(folder, whole)
    files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    assert files
    for path in files:
        world.close()
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        data = bytearray((folder / path).read_bytes())
        data[int(world.rng.integers(len(data)))] ^= 0x10
        (folder / path).write_bytes(data)
        world.open()
        world.check()
        world.settle()
        world.check()


def test_damaged_vectors_refuse_searches_once_upkeep_has_met_them(case: Case, tmp_path: Path) -> None:
    """The floats are mapped and not checked as they are read; upkeep reads each block once."""
    world = World(tmp_path, case, dims=128)
    first = world.fill(1100)[0]
    world.close()
    file = next((tmp_path / "store/vectors").iterdir())
    data = bytearray(file.read_bytes())
    assert len(data) > 300_000, "the first block of 256 KiB is full"
    data[3] ^= 0x40
    file.write_bytes(data)
    world.open()
    query = world.vector()
    for _ in range(2):
        with pytest.raises(CorruptData, match=file.name):
            world.settle()
        with pytest.raises(CorruptData, match=file.name) as refused:
            world.index.search(query, K)
        assert refused.value.path == str(file)
        with pytest.raises(CorruptData, match=file.name):
            world.index.distances(query, [first])
    with pytest.raises(CorruptData, match=file.name):
        world.store.get_vectors("v", [first])
    world.close()
