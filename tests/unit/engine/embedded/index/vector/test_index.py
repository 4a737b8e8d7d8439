"""SingleVectorIndex: what it finds, and how it grows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from pyroaring import BitMap

from reference.vector_files import MemoryVectors
from reference.vector_kernels import nearest
from unit.engine.embedded.index.vector.conftest import Many, Vectors, built, everyone, open_index, settle
from weft.domain.errors import Invalid
from weft.domain.schema import Metric, Quantizer, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.ties import ties_of
from weft.engine.embedded.index.vector import SingleVectorIndex
from weft.engine.embedded.index.vector.codes import ByteCodes
from weft.engine.embedded.index.vector.effort import Effort
from weft.engine.embedded.index.vector.query import METRIC_CODES, VectorQuery

LARGE = 12_000


def exact(vectors: Vectors, query: Vectors, metric: Metric, k: int, rows: Any = None) -> tuple[list[int], Vectors]:
    rows = np.arange(len(vectors)) if rows is None else np.asarray(rows, np.int64)
    square = float(np.dot(query, query))
    ids = np.arange(len(vectors), dtype=np.uint32)
    found, distances = nearest(vectors, ids, rows, query, METRIC_CODES[metric], square, k, np.inf)
    return found.tolist(), distances


class Large(NamedTuple):
    source: MemoryVectors
    graph: SingleVectorIndex
    queries: Vectors


@pytest.fixture(scope="session")
def large(text_vectors: Vectors, tmp_path_factory: pytest.TempPathFactory) -> Large:
    """A graph of 12,000 vectors at default settings, and 100 queries."""
    rng = np.random.default_rng(7)
    first, second = rng.integers(0, len(text_vectors), (2, LARGE + 100))
    share = rng.beta(0.4, 0.4, (LARGE + 100, 1)).astype(np.float32)
    vectors = text_vectors[first] * share + text_vectors[second] * (1 - share)

    source = MemoryVectors(vectors[:LARGE])
    index = open_index(source, tmp_path_factory.mktemp("large"), 10_000)
    assert index.maintain(everyone(LARGE))
    assert built(index) == LARGE
    return Large(source, index, vectors[LARGE:])


def recall(index: SingleVectorIndex, vectors: Vectors, queries: Vectors, allow: AllowList | None = None) -> float:
    rows = None if allow is None else allow.ids
    hits = 0.0
    for query in queries:
        expected, _ = exact(vectors, query, Metric.COSINE, 10, rows)
        hits += len(set(expected) & set(index.search(query, 10, allow).doc_ids.tolist())) / len(expected)
    return hits / len(queries)


def test_default_settings_reach_recall(large: Large) -> None:
    source, index, queries = large
    assert recall(index, source.vectors, queries) >= 0.98


def test_a_walk_meets_what_faiss_meets(large: Large) -> None:
    source, index, queries = large
    frozen = index._view.frozen
    assert frozen is not None and frozen.graph is not None and isinstance(frozen.codes, ByteCodes)
    links = frozen.graph.links
    assert links is not None
    same = 0
    for _ in range(3):  # more walks than there are marks
        for query in queries:
            prepared = VectorQuery.prepare(query, source.vectors.shape[1], Metric.COSINE)
            labels, closeness = links.walk(frozen.codes, prepared, 50, 80)
            expected, products = frozen.graph.walk(prepared.direction[None], 50, 80)
            same += len(set(labels.tolist()) & set(expected[0].tolist()))
            assert closeness[0] == pytest.approx(products[0, 0], abs=1e-3)
            assert (np.diff(closeness) <= 0).all()
    assert same >= 0.99 * 50 * 3 * len(queries)


@pytest.mark.parametrize("metric", [Metric.L2, Metric.DOT])
def test_a_walk_under_other_metrics_reaches_recall(large: Large, tmp_path: Path, metric: Metric) -> None:
    source, _, queries = large
    index = open_index(source, tmp_path, 10_000, metric=metric)
    index.maintain(everyone(LARGE))
    hits = 0
    for query in queries:
        expected, _ = exact(source.vectors, query, metric, 10)
        hits += len(set(expected) & set(index.search(query, 10).doc_ids.tolist()))
    assert hits >= 9.5 * len(queries)
    index.close()


def test_ef_by_what_is_stated() -> None:
    def ef(k: int, head: int | None = None, **stated: Any) -> int:
        return Effort(VectorIndexConfig(**stated)).ef(k, k if head is None else head)

    assert [ef(k) for k in (1, 10, 20, 100, 1000)] == [100, 100, 160, 500, 1090]
    assert [ef(k, head=10) for k in (10, 100, 1000)] == [100, 190, 1090]
    assert [ef(k, head=10, ef=64) for k in (10, 100)] == [64, 100]
    assert [ef(k, head=10, dynamic_ef_factor=4) for k in (10, 100)] == [100, 400]
    assert [ef(k, ef=64) for k in (10, 100)] == [64, 100]
    assert [ef(k, dynamic_ef_factor=4) for k in (10, 100, 1000)] == [100, 400, 1000]
    assert [ef(k, dynamic_ef_max=300) for k in (10, 20, 100)] == [100, 160, 300]


def test_a_walk_is_taken_and_ef_matters(large: Large, tmp_path: Path) -> None:
    source, _, queries = large
    low = open_index(source, tmp_path, 10_000, ef=10, max_connections=4, ef_construction=8)
    low.maintain(everyone(LARGE))
    assert recall(low, source.vectors, queries) < 0.95
    low.close()
    high = SingleVectorIndex(
        source, VectorIndexConfig(ef=150, max_connections=4, ef_construction=8), tmp_path, build_rows=10_000
    )
    high.extend()
    assert built(high) == LARGE
    assert recall(high, source.vectors, queries) > recall(low, source.vectors, queries)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.3, 0.9])
@pytest.mark.parametrize("relation", ["unrelated", "near", "far"])
def test_filters_keep_recall(large: Large, share: float, relation: str) -> None:
    """At ef 40 a third of the rows is already walked, and the walk must be repeated or given up for filters far off."""
    source, default, queries = large
    index = open_index(source, default._folder.path, 10_000, ef=40)
    assert built(index) == LARGE
    count = max(10, int(share * LARGE))
    likeness = source.vectors @ queries[0]
    order = {
        "unrelated": np.random.default_rng(3).permutation(LARGE),
        "near": np.argsort(-likeness),
        "far": np.argsort(likeness),
    }[relation]
    allow = AllowList(BitMap(order[:count].tolist()))
    assert recall(index, source.vectors, queries[:40], allow) >= 0.95


@pytest.mark.parametrize("k", [10, 2_000])
def test_lists_that_hold_too_few_of_the_allowed_are_not_all_that_is_read(
    k: int, many_vectors: Many, tmp_path: Path
) -> None:
    """A filter keeps the objects that are farthest from the query, half of all."""
    vectors = many_vectors(3_000, 9)
    index = open_index(MemoryVectors(vectors), tmp_path, kind="hfresh", search_probe=1)
    settle(index, everyone(3_000))
    allowed = np.sort(exact(vectors, vectors[5], Metric.COSINE, 3_000)[0][1_500:])
    found = index.search(vectors[5], k, AllowList(BitMap(allowed)))
    expected, _ = exact(vectors, vectors[5], Metric.COSINE, k, allowed)
    assert sorted(found.doc_ids.tolist()) == sorted(expected)
    assert len(expected) == min(k, 1_500)


def test_a_radius_returns_all_within(large: Large) -> None:
    source, index, queries = large
    for query in queries[:10]:
        ids, distances = exact(source.vectors, query, Metric.COSINE, 400)
        limit = float(distances[60])
        found = index.search(query, 5000, None, max_distance=limit)
        assert (found.distances <= limit + 2e-6).all()
        assert set(ids[:60]) <= set(found.doc_ids.tolist())
        assert len(index.search(query, 5, None, max_distance=limit).doc_ids) == 5


def test_threads_search_at_once(large: Large) -> None:
    _, index, queries = large
    expected = [index.search(q, 10).doc_ids.tolist() for q in queries]
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(n for n, q in enumerate(queries) if index.search(q, 10).doc_ids.tolist() != expected[n])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("kind", ["hnsw", "flat", "dynamic", "hfresh"])
def test_distances_are_exact_in_every_kind(metric: Metric, kind: str, many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(1500, 5)
    if metric is Metric.HAMMING:
        vectors = np.sign(vectors).astype(np.float32)
    source = MemoryVectors(vectors[:1000])
    index = open_index(source, tmp_path, kind=kind, metric=metric, threshold=500, search_probe=100)
    assert index.maintain(everyone(1000)) is (
        metric is not Metric.HAMMING and (metric is not Metric.MANHATTAN or kind != "flat")
    )
    source.append(vectors[1000:1400])
    index.extend()
    for query in vectors[1400:1410]:
        expected, distances = exact(source.vectors, query, metric, 10)
        found = index.search(query, 10)
        np.testing.assert_allclose(found.distances, distances, rtol=1e-4, atol=1e-5)
        assert len(set(expected) & set(found.doc_ids.tolist())) >= 9 or metric is Metric.HAMMING
        np.testing.assert_allclose(index.distances(query, found.doc_ids), found.distances)
        assert found.distances.dtype == np.float32
        assert found.doc_ids.dtype == np.uint32


@pytest.mark.parametrize("kind", ["hnsw", "flat"])
@pytest.mark.parametrize(
    ("quantizer", "least"),
    [
        (Quantizer(QuantizerKind.SQ), 0.99),
        (Quantizer(QuantizerKind.SQ, rescore_limit=20), 0.95),
        (Quantizer(QuantizerKind.RQ), 0.99),
        (Quantizer(QuantizerKind.RQ, bits=1), 0.9),
        (Quantizer(QuantizerKind.BQ), 0.9),
        (Quantizer(QuantizerKind.PQ, centroids=32), 0.9),
    ],
)
def test_quantizers(kind: str, quantizer: Quantizer, least: float, many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(3030, 6)
    source = MemoryVectors(vectors[:3000])
    index = open_index(source, tmp_path, kind=kind, quantizer=quantizer)
    assert settle(index, everyone(3000))
    assert recall(index, source.vectors, vectors[3000:]) >= least
    if quantizer.kind is QuantizerKind.BQ:
        assert index.stats().components["codes"] < 3000 * 96 / 4
    again = open_index(source, tmp_path, kind=kind, quantizer=quantizer)
    assert built(again) == 3000
    assert recall(again, source.vectors, vectors[3000:]) >= least
    allow = AllowList(BitMap(range(0, 3000, 7)))
    assert recall(again, source.vectors, vectors[3000:], allow) >= least


def test_growing_keeps_everything_findable(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(1300, 8)
    source = MemoryVectors(vectors[:0])
    index = open_index(source, tmp_path, 400)
    live = BitMap()
    for at in range(0, 1300, 100):
        source.append(vectors[at : at + 100], skip=at // 100)
        index.extend()
        live.update(source.doc_ids.tolist())
        index.maintain(live)
        for row in (0, at, at + 99):
            found = index.search(source.vectors[row], 10)
            assert source.doc_ids[row] in found.doc_ids, "among its likes: some blends are nearly the same"
            assert found.distances[0] < 1e-6
    assert built(index) > 1000


def test_a_mapped_graph_grows(many_vectors: Many, tmp_path: Path) -> None:
    """FAISS would abort the process if rows were added to what is mapped."""
    vectors = many_vectors(900, 21)
    source = MemoryVectors(vectors[:600])
    open_index(source, tmp_path).maintain(everyone(600))
    again = open_index(source, tmp_path)
    source.append(vectors[600:])
    again.extend()
    assert again.maintain(everyone(900))
    assert built(again) == 900
    for row in (0, 599, 600, 899):
        assert again.search(vectors[row], 1).doc_ids.tolist() == [row]


def test_the_dead_are_dropped_when_many(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(1000, 9)
    index = open_index(MemoryVectors(vectors), tmp_path)
    assert settle(index, everyone(1000))
    before = index.stats().components["codes"]
    live = BitMap(range(0, 1000, 2))
    assert settle(index, live) == 1
    assert index.stats().components["codes"] < 0.7 * before
    for given in (index, open_index(MemoryVectors(vectors), tmp_path)):
        for row in (1, 500):
            expected, _ = exact(vectors, vectors[row], Metric.COSINE, 5, sorted(live))
            assert given.search(vectors[row], 5, AllowList(live)).doc_ids.tolist() == expected


def test_a_build_keeps_neither_writer_nor_reader_waiting(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(3200, 10)
    source = MemoryVectors(vectors[:3000])
    index = open_index(source, tmp_path)
    builder = threading.Thread(target=index.maintain, args=(everyone(3000),))
    builder.start()
    for row in range(3000, 3200, 20):
        source.append(vectors[row : row + 20])
        index.extend()
        assert index.search(vectors[row + 19], 1).doc_ids.tolist() == [row + 19]
    builder.join()
    assert index.stats().rows == 3200
    for row in (0, 2999, 3000, 3199):
        assert index.search(vectors[row], 1).doc_ids.tolist() == [row]


def test_closing_stops_a_build(many_vectors: Many, tmp_path: Path) -> None:
    index = open_index(MemoryVectors(many_vectors(600, 1)), tmp_path)
    index.close()
    assert not index.maintain(everyone(600))
    assert not list(tmp_path.iterdir())


def test_zero_vectors_have_distances(tmp_path: Path) -> None:
    vectors = np.zeros((3, 4), np.float32)
    vectors[1, 0] = 5
    index = open_index(MemoryVectors(vectors), tmp_path)
    assert index.search(np.zeros(4, np.float32), 3).distances.tolist() == [1, 1, 1]
    found = index.search(vectors[1], 3)
    assert found.doc_ids.tolist() == [1, 0, 2]
    assert found.distances.tolist() == [0, 1, 1]


def test_ties_are_in_order_of_doc_id(tmp_path: Path) -> None:
    vectors = np.tile(np.arange(1, 9, dtype=np.float32), (50, 1))
    index = open_index(MemoryVectors(vectors), tmp_path)
    assert index.search(vectors[0], 7).doc_ids.tolist() == list(range(7))


def test_equal_vectors_of_a_graph_have_one_order(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(3_000, 16)
    query = vectors[1].copy()
    rng = np.random.default_rng(4)
    equal = np.sort(rng.choice(3_000, 250, replace=False))
    vectors[equal] = query
    index = open_index(MemoryVectors(vectors), tmp_path, flat_search_cutoff=0, ef=8)
    assert index.maintain(everyone(3_000))
    place = rng.permutation(3_000)
    uuids = np.array([int(p).to_bytes(16, "big") for p in place], "S16")
    ties = ties_of(uuids, np.arange(3_000, dtype=np.uint32))
    expected = sorted({1, *equal.tolist()}, key=lambda doc: place[doc])
    for allow in (None, AllowList(BitMap(range(2_900)))):
        wanted = [doc for doc in expected if allow is None or doc in allow]
        for k in (1, 10, 20, 99, 100, 101, 240):
            assert index.search(query, k, allow, ties=ties).doc_ids.tolist() == wanted[:k]


def test_an_empty_index_and_empty_answers(tmp_path: Path) -> None:
    source = MemoryVectors(np.zeros((0, 8), np.float32))
    index = open_index(source, tmp_path)
    query = np.ones(8, np.float32)
    assert len(index.search(query, 5).doc_ids) == 0
    assert np.isnan(index.distances(query, [1, 2])).all()
    assert not index.maintain(BitMap())
    source.append(np.ones((2, 8), np.float32))
    index.extend()
    assert len(index.search(query, 0).doc_ids) == 0
    assert len(index.search(query, 5, AllowList(BitMap())).doc_ids) == 0
    assert len(index.search(query, 5, AllowList(BitMap([77]))).doc_ids) == 0


def test_distances_by_doc_id(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(5, 2)
    for ids in ([3, 4, 5, 6, 7], [2, 4, 9, 10, 40]):
        index = open_index(MemoryVectors(vectors, np.array(ids, np.uint32)), tmp_path)
        distances = index.distances(vectors[4], [ids[4], 1, ids[0], 4_000_000_000])
        assert distances[0] < 1e-6 < distances[2]
        assert np.isnan(distances[[1, 3]]).all()


@pytest.mark.parametrize(
    "query", [np.ones(3), np.ones((2, 8)), np.full(8, np.nan), np.full(8, np.inf), np.full(8, 3e38)]
)
def test_bad_queries_are_refused(query: Any, tmp_path: Path) -> None:
    index = open_index(MemoryVectors(np.ones((2, 8), np.float32)), tmp_path)
    with pytest.raises(Invalid):
        index.search(np.asarray(query, np.float32), 3)


@pytest.mark.parametrize("settings", [{"kind": "none"}, {"skip": True}])
def test_a_dropped_index_refuses_searches_only(settings: Any, tmp_path: Path) -> None:
    vectors = np.ones((2, 8), np.float32)
    index = open_index(MemoryVectors(vectors), tmp_path, **settings)
    with pytest.raises(Invalid, match="cannot be searched"):
        index.search(vectors[0], 1)
    assert not index.maintain(everyone(2))


def test_a_compacted_source_keeps_what_was_built(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(900, 4)
    source = MemoryVectors(vectors)
    index = open_index(source, tmp_path)
    settle(index, everyone(900))
    source.keep(range(100, 900))
    index.extend()
    assert index.search(vectors[150], 1).doc_ids.tolist() == [150]
    assert built(index) == 800
    assert built(open_index(source, tmp_path)) == 800
    assert not index.maintain(BitMap(range(100, 900)))
    assert index.stats().added == 900
