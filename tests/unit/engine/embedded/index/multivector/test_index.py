"""What MultiVectorIndex does with rows that come, change number, drift and are damaged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from pyroaring import BitMap

from reference import multivector_kernels as reference
from reference.vector_files import MemoryTokens
from weft.domain.errors import Invalid, NotFound
from weft.domain.objects import Vector
from weft.domain.profile import recording, searching
from weft.domain.schema import Metric, Muvera, Quantizer, QuantizerKind
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.embedded.index.multivector.codebook import Codebook
from weft.engine.embedded.index.multivector.residual import ResidualStage
from weft.engine.embedded.index.multivector.settings import code_bits
from weft.engine.embedded.index.multivector.writer import ResidualWriter, trained
from weft.engine.embedded.storage import TokenRows
from weft.engine.results import DocIds

Build = Callable[..., MultiVectorIndex]
Documents = Callable[..., list[Vector]]


def settle(index: MultiVectorIndex, count: int) -> None:
    live = BitMap(range(count))
    while index.maintain(live):
        pass


def exact(source: MemoryTokens, query: Vector, cosine: bool = True) -> tuple[DocIds, Vector]:
    """Doc_ids and distances, nearest first."""
    rows = source.rows
    query = query / np.linalg.norm(query, axis=1, keepdims=True) if cosine else query
    distances = -reference.exact_scores(query, rows.tokens, rows.offsets, np.arange(len(rows.doc_ids)), cosine)
    order = np.lexsort((rows.doc_ids, distances))
    return rows.doc_ids[order], distances[order]


def book_of(index: MultiVectorIndex) -> Codebook:
    assert isinstance(index._writer, ResidualWriter)
    return index._writer.book


def encoded(index: MultiVectorIndex) -> int:
    """Rows that the stage knows."""
    stats = index.stats()
    return stats.rows - stats.waiting if stats.components else 0


def recall(
    index: MultiVectorIndex,
    source: MemoryTokens,
    queries: Sequence[Vector],
    k: int = 10,
    allow: AllowList | None = None,
) -> float:
    hits = wanted = 0
    for query in queries:
        ids, _ = exact(source, query)
        best = [i for i in ids.tolist() if allow is None or i in allow][:k]
        hits += len(set(best) & set(index.search(query, k, allow).doc_ids.tolist()))
        wanted += len(best)
    print(f"recall {hits / wanted}")
    return hits / wanted


def queries_near(rng: np.random.Generator, documents: Sequence[Vector], count: int, tokens: int = 8) -> list[Vector]:
    chosen = rng.choice(len(documents), count, replace=False)
    return [
        (documents[i][:tokens] + 0.05 * rng.standard_normal(documents[i][:tokens].shape)).astype(np.float32)
        for i in chosen
    ]


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
def test_rows_are_visible_at_once_and_found_by_codes(
    rng: np.random.Generator, build: Build, documents: Documents
) -> None:
    source = MemoryTokens(64)
    texts = documents(rng, 800, 64)
    source.append(texts[:400])
    index = build(source)
    assert "centroids" not in index.stats().components
    settle(index, 400)
    assert index.stats().components["centroids"] > 0
    assert encoded(index) == 400
    for start in range(400, 800, 37):
        ids = source.append(texts[start : start + 37])
        index.extend()
        found = index.search(texts[start], 1, None)
        assert found.doc_ids.tolist() == ids[:1]
        assert found.distances[0] == pytest.approx(-len(texts[start]), rel=1e-5)
    assert isinstance(index._view.stage, ResidualStage)
    assert recall(index, source, queries_near(rng, texts, 40)) >= 0.99
    settle(index, 800)
    assert recall(index, source, queries_near(rng, texts, 40)) >= 0.99


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
@pytest.mark.parametrize("muvera", [None, Muvera(3, 8, 6)])
def test_reopening(rng: np.random.Generator, build: Build, documents: Documents, muvera: Muvera | None) -> None:
    source = MemoryTokens(32)
    texts = documents(rng, 500, 32)
    source.append(texts[:450])
    index = build(source, muvera=muvera)
    settle(index, 450)
    queries = queries_near(rng, texts, 10)
    index.checkpoint()
    before = [index.search(q, 10, None) for q in queries]
    index.checkpoint()
    index.close()
    again = build(source, muvera=muvera)
    assert again.stats() == index.stats()
    for left, right in zip(before, [again.search(q, 10, None) for q in queries], strict=True):
        assert left.doc_ids.tolist() == right.doc_ids.tolist()
        assert (left.distances == right.distances).all()
    source.append(texts[450:])
    later = build(source, muvera=muvera)
    assert encoded(later) == 500
    assert later.search(texts[470], 1, None).doc_ids.tolist() == [470]
    settle(later, 500)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("damage", ["codes", "segment", "book", "index", "cut"])
def test_damaged_snapshots_are_rebuilt(
    rng: np.random.Generator,
    build: Build,
    documents: Documents,
    tmp_path: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = MemoryTokens(32)
    texts = documents(rng, 500, 32)
    source.append(texts)
    index = build(source)
    settle(index, 500)
    index.checkpoint()
    index.close()
    name = {"codes": "segment", "cut": "segment"}.get(damage, damage)
    path = next(iter((tmp_path / "index").glob(f"{name}*.weft")))
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        place = {"codes": len(content) - 200, "segment": 4_000, "book": 5_000, "index": 30}[damage]
        content[place] ^= 0xFF
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        again = build(source)
        settle(again, 500)
    assert any("again" in record.message or "rebuilt" in record.message for record in caplog.records)
    assert encoded(again) == 500
    assert recall(again, source, queries_near(rng, texts, 20)) >= 0.99


@pytest.mark.usefixtures("small")
def test_a_snapshot_of_other_rows_or_settings_is_not_used(
    rng: np.random.Generator, build: Build, documents: Documents
) -> None:
    source, other = MemoryTokens(32), MemoryTokens(32)
    source.append(documents(rng, 400, 32))
    index = build(source)
    settle(index, 400)
    index.checkpoint()
    index.close()
    texts = documents(rng, 400, 32)
    other.append(texts)
    foreign = build(other)
    assert recall(foreign, other, queries_near(rng, texts, 20)) >= 0.99
    foreign.close()
    changed = build(source, quantizer=Quantizer(QuantizerKind.BQ))
    assert "centroids" not in changed.stats().components
    settle(changed, 400)
    assert changed.stats().components["centroids"] > 0


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("muvera", [None, Muvera(3, 8, 6)])
def test_compaction_renumbers_rows(
    rng: np.random.Generator, build: Build, documents: Documents, muvera: Muvera | None
) -> None:
    source = MemoryTokens(32)
    texts = documents(rng, 600, 32)
    source.append(texts[:550])
    index = build(source, muvera=muvera)
    settle(index, 550)
    gone = set(rng.choice(550, 200, replace=False).tolist())
    source.keep(i for i in range(550) if i not in gone)
    source.append(texts[550:])
    index.extend()
    assert index.stats().rows == 400
    assert encoded(index) == 400
    kept = [i for i in range(550) if i not in gone][:20]
    for i in kept:
        assert index.search(texts[i], 1, None).doc_ids.tolist() == [i]
    assert recall(index, source, queries_near(rng, texts, 20)) >= (0.97 if muvera is None else 0.6)


@pytest.mark.usefixtures("small")
def test_drift_and_growth_train_new_centroids(rng: np.random.Generator, build: Build, documents: Documents) -> None:
    source = MemoryTokens(32)
    source.append(documents(rng, 400, 32))
    index = build(source)
    settle(index, 400)
    first = book_of(index)
    source.append(documents(rng, 250, 32))
    index.extend()
    settle(index, 650)
    assert book_of(index) is not first, "other topics have come"
    second = book_of(index)
    source.append([d[rng.permutation(len(d))] for d in documents(np.random.default_rng(20_261_121), 100, 32)])
    index.extend()
    settle(index, 750)
    assert book_of(index) is second, "too few new tokens to judge"


@pytest.mark.usefixtures("small")
def test_what_cannot_be_encoded_at_once_is_searched_exactly(
    rng: np.random.Generator, build: Build, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.engine.embedded.index.multivector.index.ENCODED_AT_ONCE", 800)
    source = MemoryTokens(32)
    texts = documents(rng, 600, 32)
    source.append(texts[:200])
    index = build(source)
    settle(index, 200)
    source.append(texts[200:])
    index.extend()
    assert encoded(index) < 600
    queries = queries_near(rng, texts, 20)
    assert recall(index, source, queries) >= 0.99
    allow = AllowList(BitMap(range(0, 600, 3)))
    assert recall(index, source, queries, allow=allow) >= 0.99
    settle(index, 600)
    assert encoded(index) == 600


@pytest.mark.usefixtures("small")
def test_bulk_import_joins_segments(rng: np.random.Generator, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.engine.embedded.index.multivector.writer.TAIL_ROWS", 64)
    source = MemoryTokens(16)
    texts = [rng.standard_normal((6, 16)).astype(np.float32) for _ in range(1_500)]
    source.append(texts[:400])
    index = build(source, metric=Metric.DOT)
    settle(index, 400)
    for start in range(400, 1_500, 50):
        source.append(texts[start : start + 50])
        index.extend()
    stage = index._view.stage
    assert isinstance(stage, ResidualStage) and len(stage.segments) <= 8
    assert index.search(texts[777], 1, None).doc_ids.tolist() == [777]


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


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("moment", [1, 5, 12])
def test_a_training_is_given_up_when_the_index_is_closed(
    rng: np.random.Generator, build: Build, documents: Documents, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    source = MemoryTokens(16)
    source.append(documents(rng, 200, 16))
    index = build(source)
    index.extend()
    checks = 0

    def closing(
        rows: TokenRows, dead: npt.NDArray[np.bool_], bits: int, cosine: bool, check: Callable[[], None]
    ) -> ResidualWriter:
        def counted() -> None:
            nonlocal checks
            checks += 1
            if checks == moment:
                index.close()
            check()

        return trained(rows, dead, bits, cosine, counted)

    monkeypatch.setattr("weft.engine.embedded.index.multivector.index.trained", closing)
    index.maintain(BitMap(range(200)))
    assert checks == moment
    assert "centroids" not in index.stats().components
