"""MultiVectorIndex: what a search finds, by which way, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import pytest
from pyroaring import BitMap

from reference.vector_files import MemoryTokens
from unit.engine.embedded.index.multivector.conftest import (
    Build,
    Documents,
    exact,
    queries_near,
    recall,
    settle,
)
from weft.domain.errors import Invalid, NotFound
from weft.domain.objects import Vector
from weft.domain.profile import recording, searching
from weft.domain.schema import Metric, Muvera, Quantizer, QuantizerKind
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector.settings import code_bits


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
def test_small_collections_are_exact(rng: np.random.Generator, build: Build, metric: Metric) -> None:
    source = MemoryTokens(6)
    source.append([rng.standard_normal((n, 6)).astype(np.float32) for n in (1, 5, 2, 9)], step=3)
    index = build(source, metric=metric)
    query = rng.standard_normal((3, 6)).astype(np.float32)
    ids, distances = exact(source, query, cosine=metric is Metric.COSINE)
    found = index.search(query, 3, None)
    assert found.doc_ids.tolist() == ids[:3].tolist()
    np.testing.assert_allclose(found.distances, distances[:3], rtol=1e-5)
    assert found.distances.dtype == np.float32
    near = index.search(query, 10, None, max_distance=float(found.distances[1]))
    assert near.doc_ids.tolist() == ids[:2].tolist()
    assert index.covered == 4


def test_queries_that_cannot_be_answered(build: Build, rng: np.random.Generator) -> None:
    source = MemoryTokens(4)
    index = build(source)
    assert len(index.search(np.ones((2, 4), np.float32), 5, None).doc_ids) == 0
    source.append([rng.standard_normal((3, 4)).astype(np.float32)])
    index.extend()
    with pytest.raises(Invalid, match="multi-vector and expects a list of token vectors"):
        index.search(np.ones(4, np.float32), 5, None)
    with pytest.raises(Invalid, match="4 dimensions") as wrong:
        index.search(np.ones((2, 5), np.float32), 5, None)
    assert wrong.value.facts == {"expected_dims": 4, "got_dims": 5}
    with pytest.raises(Invalid, match="at least one token"):
        index.search(np.ones((0, 4), np.float32), 5, None)
    with pytest.raises(Invalid, match="equal length"):
        index.search(cast("Vector", [[1.0, 2.0], [1.0]]), 5, None)
    with pytest.raises(Invalid, match="NaN"):
        index.search(np.full((1, 4), np.nan, np.float32), 5, None)
    assert len(index.search(np.ones((2, 4), np.float32), 0, None).doc_ids) == 0
    assert len(index.search(np.ones((2, 4), np.float32), 5, AllowList(BitMap())).doc_ids) == 0


def test_distances_and_explain(rng: np.random.Generator, build: Build) -> None:
    source = MemoryTokens(5)
    documents = [rng.standard_normal((n, 5)).astype(np.float32) for n in (3, 7)]
    source.append(documents, step=4)
    index = build(source)
    query = rng.standard_normal((4, 5)).astype(np.float32)
    got = index.distances(query, [4, 99, 0])
    ids, distances = exact(source, query)
    by_id = dict(zip(ids.tolist(), distances.tolist(), strict=True))
    np.testing.assert_allclose(got, [by_id[4], np.nan, by_id[0]], rtol=1e-5)
    matches = index.explain(query, 4, matrix=True)
    assert matches.distance == pytest.approx(by_id[4], rel=1e-5)
    assert matches.shares.sum() == pytest.approx(1, abs=1e-4)
    assert matches.matrix is not None and matches.matrix.shape == (4, 7)
    assert (matches.matrix.argmax(axis=1) == matches.tokens).all()
    assert index.explain(query, 4).matrix is None
    with pytest.raises(NotFound):
        index.explain(query, 5)


@pytest.mark.usefixtures("small")
def test_a_profile_says_which_way_was_taken(rng: np.random.Generator, build: Build, documents: Documents) -> None:
    source = MemoryTokens(64)
    texts = documents(rng, 400, 64)
    source.append(texts)
    index = build(source)

    def profile(k: int) -> Mapping[str, str]:
        with recording() as record, searching("vector"):
            index.search(texts[0], k, None)
        return record.by_kind()["vector"]

    assert profile(5)["vectors_scanned"] == "true"
    settle(index, 400)
    staged = profile(5)
    assert staged["vectors_scanned"] == "false"
    assert {"candidates_took", "rescore_took"} <= set(staged)
    assert profile(300)["vectors_scanned"] == "true"


@pytest.mark.parametrize(
    ("quantizer", "bits"),
    [
        (Quantizer(), 4),
        (Quantizer(QuantizerKind.PQ), 4),
        (Quantizer(QuantizerKind.SQ), 8),
        (Quantizer(QuantizerKind.RQ, bits=8), 8),
        (Quantizer(QuantizerKind.RQ, bits=1), 2),
        (Quantizer(QuantizerKind.BQ), 2),
    ],
)
def test_what_a_quantizer_means(quantizer: Quantizer, bits: int) -> None:
    assert code_bits(quantizer) == bits


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("quantizer", "part"),
    [
        (Quantizer(), 6),
        (Quantizer(QuantizerKind.RQ, bits=1), 10),
        (Quantizer(QuantizerKind.SQ, rescore_limit=30), 3),
    ],
)
def test_quantizers_bound_memory_and_keep_recall(
    rng: np.random.Generator, build: Build, documents: Documents, quantizer: Quantizer, part: int
) -> None:
    source = MemoryTokens(128)
    texts = documents(rng, 400, 128, (20, 60))
    source.append(texts)
    index = build(source, quantizer=quantizer)
    settle(index, 400)
    stats = index.stats()
    codes_and_lists = sum(stats.components.values()) - stats.components["centroids"]
    assert codes_and_lists < source.rows.tokens.nbytes / part
    queries = queries_near(rng, texts, 40)
    assert recall(index, source, queries) >= 0.99
    found = index.search(queries[0], 5, None)
    np.testing.assert_array_equal(found.distances, index.distances(queries[0], found.doc_ids))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share", [0.003, 0.05, 0.3, 0.9])
def test_filters_hold_in_every_stage(
    rng: np.random.Generator, build: Build, documents: Documents, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.SCANNED_ROWS", 150)
    source = MemoryTokens(64)
    texts = documents(rng, 500, 64)
    source.append(texts, step=2)
    index = build(source)
    settle(index, 1_000)
    source.append(documents(rng, 20, 64), step=2)
    index.extend()
    allow = AllowList(BitMap(np.flatnonzero(rng.random(1_040) < share)))
    queries = queries_near(rng, texts, 30)
    for query in queries:
        assert set(index.search(query, 10, allow).doc_ids.tolist()) <= set(allow.ids.tolist())
    assert recall(index, source, queries, allow=allow) >= 0.99


@pytest.mark.usefixtures("small")
def test_filters_against_the_query(
    rng: np.random.Generator, build: Build, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only documents far from the query are allowed: its best lists hold none of them. Their scores lie so close
    together that other documents may stand in for the best ten; those score as well, to a thousandth."""
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.SCANNED_ROWS", 20)
    source = MemoryTokens(64)
    texts = documents(rng, 500, 64)
    source.append(texts)
    index = build(source)
    settle(index, 500)
    for query in queries_near(rng, texts, 10):
        ids, distances = exact(source, query)
        allow = AllowList(BitMap(ids[-200:].tolist()))
        assert recall(index, source, [query], allow=allow) >= 0.9
        found = index.search(query, 10, allow).distances
        assert found.sum() == pytest.approx(distances[-200:-190].sum(), rel=1e-3)


@pytest.mark.usefixtures("small")
def test_many_results_and_long_queries(rng: np.random.Generator, build: Build, documents: Documents) -> None:
    source = MemoryTokens(32)
    texts = documents(rng, 600, 32)
    source.append(texts)
    index = build(source)
    settle(index, 600)
    assert recall(index, source, queries_near(rng, texts, 10), k=100) >= 0.99
    long = np.concatenate(texts[:25])[:700]
    assert recall(index, source, [long[:40], long[:100], long]) >= 0.95
    everything = index.search(texts[0], 600, None)
    assert sorted(everything.doc_ids.tolist()) == list(range(600))
    assert (np.diff(everything.distances) >= 0).all()


@pytest.mark.usefixtures("small")
def test_muvera_is_a_first_stage_and_distances_stay_exact(
    rng: np.random.Generator, build: Build, documents: Documents
) -> None:
    source = MemoryTokens(32)
    texts = documents(rng, 600, 32)
    source.append(texts)
    index = build(source, muvera=Muvera(4, 8, 10))
    assert index.stats().components["muvera"] > 0
    queries = queries_near(rng, texts, 30)
    assert recall(index, source, queries) >= 0.8
    found = index.search(queries[0], 10, None)
    np.testing.assert_array_equal(found.distances, index.distances(queries[0], found.doc_ids))
    allow = AllowList(BitMap(range(0, 600, 2)))
    assert all(i % 2 == 0 for i in index.search(queries[0], 10, allow).doc_ids.tolist())
    assert not index.maintain(BitMap(range(600)))
