"""MultiVectorIndex: rows that come, are compacted and drift, and the training that follows them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from pyroaring import BitMap

from reference.vector_files import MemoryTokens
from unit.engine.embedded.index.multivector.conftest import (
    Build,
    Documents,
    encoded,
    queries_near,
    recall,
    settle,
)
from weft.domain.schema import Metric, Muvera
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.embedded.index.multivector.codebook import Codebook
from weft.engine.embedded.index.multivector.residual import ResidualStage
from weft.engine.embedded.index.multivector.writer import ResidualWriter, trained
from weft.engine.embedded.storage import TokenRows


def book_of(index: MultiVectorIndex) -> Codebook:
    assert isinstance(index._writer, ResidualWriter)
    return index._writer.book


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
