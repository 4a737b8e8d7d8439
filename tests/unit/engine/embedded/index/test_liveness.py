"""Upkeep whose set of live objects is older than the newest ones must not lose those."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from reference.vector_files import MemoryVectors
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization, VectorIndexConfig
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.embedded.index.inverted import index as inverted
from weft.engine.embedded.index.liveness import possibly_live
from weft.engine.embedded.index.vector import SingleVectorIndex


def test_only_older_ones_can_be_dead() -> None:
    assert possibly_live(BitMap([1, 3]), 6) == BitMap([1, 3, 4, 5])
    assert possibly_live(BitMap(), 2) == BitMap([0, 1])
    live = BitMap([1, 3])
    assert possibly_live(live, 4) is live


def test_vectors_that_come_while_a_graph_is_built_are_found(tmp_path: Path) -> None:
    source = MemoryVectors(np.random.default_rng(1).normal(size=(100, 4)).astype(np.float32))
    index = SingleVectorIndex(source, VectorIndexConfig(), tmp_path, build_rows=50)
    index.extend()
    assert index.maintain(BitMap(range(10, 80)))
    found = index.search(source.vectors[0], 100, None).doc_ids.tolist()
    assert set(range(10, 100)) <= set(found)


def test_words_that_come_before_a_merge_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted, "_FREEZE_POSTINGS", 10)
    words = Property("words", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD)
    index = InvertedIndex(tmp_path, CollectionConfig("Thing", (words,)))
    index.add(range(100), [{"words": "same"}] * 100)
    assert index.maintain(BitMap(range(10, 80)))
    assert sorted(index.search(Keyword("same"), 100, None).doc_ids.tolist()) == list(range(10, 100))
