"""Tokens of a text over REST: of any tokenization, and of a property."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make


def test_tokenize(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/tokenize"

    def query(**body: Any) -> Any:
        reply = rest.post(path, json={"text": "the cat", "tokenization": "word", **body})
        assert reply.status_code == 200, reply.text
        return reply.json()["query"]

    assert query() == ["cat"]
    assert query(tokenization="lowercase") == ["the", "cat"]
    assert query(tokenization="lowercase", stopwords={"preset": "en"}) == ["cat"]
    assert query(tokenization="trigram") == ["the", "hec", "eca", "cat"]
    assert query(analyzerConfig={"stopwordPreset": "none"}) == ["the", "cat"]
    assert query(stopwords={"preset": "none"}) == ["the", "cat"]
    assert query(analyzerConfig={"stopwordPreset": "x"}, stopwordPresets={"x": ["cat"]}) == ["the"]
    assert query(stopwordPresets={"en": ["cat"]}) == ["the"]
    assert query(analyzerConfig={"asciiFold": True, "asciiFoldIgnore": ["é"]}) == ["cat"]
    for wrong in (
        {"tokenization": "x"},
        {"tokenization": None},
        {"text": None},
        {"text": "x" * 10_001},
        {"analyzerConfig": {"asciiFoldIgnore": ["é"]}},
        {"analyzerConfig": {"stopwordPreset": "x"}},
        {"stopwords": {"preset": "de"}},
        {"stopwords": {"preset": "en"}, "stopwordPresets": {"x": ["a"]}},
    ):
        assert rest.post(path, json={"text": "a", "tokenization": "word", **wrong}).status_code == 422, wrong
    assert rest.post("/v1/schema/Thing/properties/name/tokenize", json={"text": "the cat"}).json() == {
        "indexed": ["the", "cat"],
        "query": ["cat"],
    }
    assert rest.post("/v1/schema/Thing/properties/size/tokenize", json={"text": "a"}).status_code == 422
    assert rest.post("/v1/schema/Thing/properties/absent/tokenize", json={"text": "a"}).status_code == 404
