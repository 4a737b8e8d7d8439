"""The inverted index against a reference one, through adds, updates, deletes, upkeep, filters, boosts and reopening."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from reference.keyword_index import ReferenceIndex
from weft.domain.objects import Properties
from weft.domain.query import Keyword, MatchOperator
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, TextAnalyzer, Tokenization
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted import InvertedIndex, Population

WORDS = "red Green blue fox the a of naïve café Straße ΣΊΣΥΦΟΣ İstanbul 東京 x² don't e-mail __init__ 42"
VOCABULARY = [*WORDS.split(), *(f"w{n}" for n in range(60))]
WEIGHTS = [1 / (rank + 1) for rank in range(len(VOCABULARY))]
PATTERNS = ["w1*", "*e*", "?ed", "w??", "*", "r*d *x", "naïve", "東?", "*s", "42*"]


def config(k1: float = 1.2, b: float = 0.75) -> CollectionConfig:
    def text(name: str, tokenization: Tokenization, **more: object) -> Property:
        return Property(
            name,
            DataType.TEXT,
            **{"index_searchable": True, "tokenization": tokenization, **more},  # type: ignore[arg-type]
        )

    return CollectionConfig(
        "C",
        (
            text("title", Tokenization.WORD),
            text("body", Tokenization.WORD),
            text("plain", Tokenization.WHITESPACE),
            text("folded", Tokenization.WORD, text_analyzer=TextAnalyzer(ascii_fold=True, ascii_fold_ignore=("é",))),
            text("own", Tokenization.WORD, text_analyzer=TextAnalyzer(stopword_preset="none")),
            text("exact", Tokenization.FIELD),
            text("parts", Tokenization.TRIGRAM),
            Property("tags", DataType.TEXT_ARRAY, index_searchable=True, tokenization=Tokenization.LOWERCASE),
            text("hidden", Tokenization.WORD, index_searchable=False),
            Property("number", DataType.INT),
        ),
        inverted=InvertedConfig(bm25_k1=k1, bm25_b=b),
    )


def sentence(rng: random.Random, most: int) -> str:
    return rng.choice([" ", ", ", "\n"]).join(rng.choices(VOCABULARY, WEIGHTS, k=rng.randint(0, most)))


def document(rng: random.Random) -> Properties:
    values: Properties = {
        "title": sentence(rng, 4),
        "body": sentence(rng, 40),
        "plain": sentence(rng, 6),
        "folded": sentence(rng, 6),
        "own": sentence(rng, 6),
        "exact": sentence(rng, 2),
        "parts": sentence(rng, 3),
        "tags": [sentence(rng, 2) for _ in range(rng.randint(0, 3))],
        "hidden": sentence(rng, 3),
        "number": 7,
    }
    return {name: value for name, value in values.items() if rng.random() < 0.8}


def question(rng: random.Random) -> Keyword:
    names = ["title", "body", "plain", "folded", "own", "exact", "parts", "tags"]
    chosen = rng.sample(names, rng.choice([0, 1, 1, 2, 3, 8]))
    operator = rng.choice([MatchOperator.OR] * 4 + [MatchOperator.AND] * 2 + [MatchOperator.AND_CROSS])
    if operator is MatchOperator.AND_CROSS:
        chosen = rng.choice([["title", "body"], ["title"], ["parts"]])
    properties = [name + rng.choice(["", "", "^2", "^0.5", "^0"]) for name in chosen]
    text = " ".join(rng.choices(VOCABULARY, WEIGHTS if rng.random() < 0.5 else None, k=rng.randint(1, 6)))
    return Keyword(text, tuple(properties), operator, rng.choice([0, 0, 1, 2, 3]))


def present_in(index: InvertedIndex) -> set[int]:
    view = index._view
    members = set(view.tail.members)
    for segment in view.segments:
        members |= set(segment.members)
    return members


def compare(index: InvertedIndex, reference: ReferenceIndex, rng: random.Random, live: set[int]) -> None:
    present = present_in(index)
    population = Population(AllowList(BitMap(live)), index.covered, len(live))
    for _ in range(12):
        query = question(rng)
        k = rng.choice([1, 3, 10, 1000])
        allow = rng.choice([live, live, set(rng.sample(sorted(live), len(live) // 10)), set(sorted(live)[:3])])
        found = index.search(query, k, AllowList(BitMap(allow)), population)
        expected = reference.search(query, k, allow, live)
        assert len(found.doc_ids) == len(expected), query
        scores = np.array([score for _, score in expected], np.float32)
        np.testing.assert_allclose(found.scores, scores, rtol=3e-7, err_msg=str(query))
        _same_order(found.doc_ids.tolist(), found.scores.tolist(), expected, whole=len(expected) < k)
    pattern = rng.choice(PATTERNS)
    name = rng.choice(["title", "body", "folded", "plain", "tags", "hidden", "exact"])
    assert set(index.matching(name, pattern)) == reference.matching(name, pattern) & present, (name, pattern)
    token = rng.choice(VOCABULARY).lower()
    with_token = {d for d in present if token in reference.counts[d].get("body", ())}
    assert set(index.documents("body", token)) == with_token
    tokens = {t for d in present for t in reference.counts[d].get("body", ())}
    assert list(index.tokens("body")) == sorted(tokens, key=str.encode)
    low, high = sorted(rng.sample(VOCABULARY, 2), key=str.encode)
    between = {
        d
        for d in present
        if any(low.encode() <= t.encode() < high.encode() for t in reference.counts[d].get("body", ()))
    }
    assert set(index.range("body", low, high, True, False)) == between
    assert set(index.with_any("tags")) == {d for d in present if "tags" in reference.counts[d]}


def _same_order(found: list[int], scores: list[float], expected: list[tuple[int, float]], *, whole: bool) -> None:
    """The same documents, but for those whose scores differ in the last bit only."""
    assert scores == sorted(scores, reverse=True)
    by_doc = dict(expected)
    last = expected[-1][1] if expected else 0.0
    for doc_id, score in zip(found, scores, strict=True):
        if whole or score > last * (1 + 1e-6):
            assert by_doc[doc_id] == pytest.approx(score, rel=3e-7)
    for (a, sa), (b, sb) in zip(
        zip(found, scores, strict=True), list(zip(found, scores, strict=True))[1:], strict=False
    ):
        assert sa > sb or a < b


@pytest.mark.parametrize("seed", range(4))
def test_like_the_reference_index(seed: int, tmp_path: Path) -> None:
    print("seed", seed)
    rng = random.Random(seed)
    chosen = config(*rng.choice([(1.2, 0.75), (1.2, 0.0), (0.5, 1.0), (0.0, 0.3)]))
    index, reference = InvertedIndex(tmp_path, chosen), ReferenceIndex(chosen)
    stored: dict[int, Properties] = {}
    live: set[int] = set()
    following = 0
    for _ in range(18):
        size = rng.choice([1, 1, 5, 70, 200])
        ids = sorted(rng.sample(range(following, following + size * rng.choice([1, 1, 90]) + 2), size))
        following = ids[-1] + 1
        documents = [document(rng) for _ in ids]
        stored.update(zip(ids, documents, strict=True))
        live |= set(ids)
        index.add(ids, documents)
        reference.add(ids, documents)
        live -= set(rng.sample(sorted(live), len(live) // 8))
        action = rng.random()
        if action < 0.2:
            index.checkpoint(BitMap(live))
        elif action < 0.4:
            index.maintain(BitMap(live))
        elif action < 0.6:
            if rng.random() < 0.5:
                index.close()
            index = InvertedIndex(tmp_path, chosen)
            again = [d for d in sorted(live) if d >= index.covered]
            index.add(again, [stored[d] for d in again])
        compare(index, reference, rng, live)
    assert index.covered <= following
