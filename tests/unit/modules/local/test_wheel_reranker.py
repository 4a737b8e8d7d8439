"""Ranking by the tokens of the text model in the wheel: no torch, no network."""

from __future__ import annotations

from weft.domain.caller import Caller
from weft.modules import build_registry
from weft.settings.modules import ModelSettings


def test_the_document_that_answers_comes_first() -> None:
    registry = build_registry(models=ModelSettings(threads=1))
    documents = ["Bread is baked from flour.", "", "Capital makes money.", "Paris is the capital city of France."]
    settings = {"model": "all-MiniLM-L6-v2"}
    scores = registry.reranker("reranker-transformers").rank("the capital of France", documents, settings, Caller())
    registry.close()
    assert max(range(4), key=scores.__getitem__) == 3
    assert len(set(scores)) == 4
