"""MultiVectorIndex: what it keeps on disk, and when it uses that again."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
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
from weft.domain.schema import Muvera, Quantizer, QuantizerKind
from weft.engine.embedded.index.multivector import MultiVectorIndex


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


def renumbered(rng: np.random.Generator, build: Build, documents: Documents) -> tuple[MultiVectorIndex, BitMap]:
    """An index whose snapshot on disk has rows that a compaction has dropped since, and what lives."""
    source = MemoryTokens(16)
    source.append(documents(rng, 200, 16))
    index = build(source)
    settle(index, 200)
    index.checkpoint()
    source.keep(range(0, 200, 2))
    index.extend()
    return index, BitMap(range(0, 200, 2))


@pytest.mark.usefixtures("small")
def test_an_abandoned_index_leaves_the_folder_to_the_one_after_it(
    rng: np.random.Generator, build: Build, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, live = renumbered(rng, build, documents)
    saved: list[object] = []
    monkeypatch.setattr(index._folder, "save", lambda *given: saved.append(given))
    monkeypatch.setattr(index._source_check, "step", index.abandon)  # while upkeep is under way
    index.maintain(live)
    assert not saved


@pytest.mark.usefixtures("small")
def test_closing_waits_for_the_snapshot_that_is_being_written(
    rng: np.random.Generator, build: Build, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, live = renumbered(rng, build, documents)
    save, order = index._folder.save, list[str]()

    def close() -> None:
        index.close()
        order.append("closed")

    closing = threading.Thread(target=close)

    def slow(*given: Any) -> None:
        closing.start()
        closing.join(0.05)
        save(*given)
        order.append("saved")

    monkeypatch.setattr(index._folder, "save", slow)
    while not order:
        index.maintain(live)
    closing.join()
    assert order == ["saved", "closed"]
