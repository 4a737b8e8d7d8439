"""A merge that is under way while its index is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Sequence
from pathlib import Path

import pytest
from pyroaring import BitMap

from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.embedded.index.inverted import index as inverted
from weft.engine.embedded.index.inverted.merge import merge
from weft.engine.embedded.index.inverted.segment import Segment

CONFIG = CollectionConfig(
    "Texts", (Property("text", DataType.TEXT, index_searchable=True),), {"default": VectorConfig("default")}
)


def test_closing_ends_a_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted, "_SEGMENTS_ON_DISK", 1)
    index = InvertedIndex(tmp_path, CONFIG)
    live = BitMap()
    for start in (0, 10, 20):
        index.add(list(range(start, start + 10)), [{"text": f"loom number {n}"} for n in range(start, start + 10)])
        live |= BitMap(range(start, start + 10))
        index.checkpoint(live)
    files = sorted(tmp_path.glob("*.segment"))
    assert len(files) == 3

    def closing(
        segments: Sequence[Segment], live: BitMap | None, names: Container[str], check: Callable[[], None]
    ) -> Segment:
        threading.Thread(target=index.close).start()
        while not index._closed:
            pass
        return merge(segments, live, names, check)

    monkeypatch.setattr(inverted, "merge", closing)
    assert not index.maintain(live)
    assert sorted(tmp_path.glob("*.segment")) == files
    assert len(index.search(Keyword("loom"), 100, None).doc_ids) == 30
