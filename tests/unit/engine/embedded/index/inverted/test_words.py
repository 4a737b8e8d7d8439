"""What is kept of words finds what looking them up finds, in every state of an index."""

from __future__ import annotations

import gc
import random
import weakref
from pathlib import Path

import pytest
from pyroaring import BitMap

from weft.domain.query import Keyword, MatchOperator
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted import InvertedIndex, Population, scoring, words
from weft.engine.embedded.index.ties import BY_DOC_ID

WORDS = [f"w{n}" for n in range(40)]
CONFIG = CollectionConfig(
    "Books",
    tuple(
        Property(name, DataType.TEXT, tokenization=tokenization, index_searchable=True, index_filterable=True)
        for name, tokenization in (
            ("title", Tokenization.WORD),
            ("body", Tokenization.WORD),
            ("code", Tokenization.FIELD),
        )
    ),
)
PROPERTIES = [(), ("title",), ("body^3", "title^0.7"), ("code", "body")]


def text(rng: random.Random, most: int) -> str:
    return " ".join(rng.choices(WORDS, weights=range(1, 41), k=rng.randrange(most)))


def filled(folder: Path, rng: random.Random, segments: int) -> tuple[InvertedIndex, int]:
    index, doc_id = InvertedIndex(folder, CONFIG), 0
    for n in range(segments):
        ids = list(range(doc_id, doc_id + rng.randrange(70, 200)))
        index.add(ids, [{"title": text(rng, 4), "body": text(rng, 20), "code": rng.choice(WORDS)} for _ in ids])
        doc_id = ids[-1] + 1
        if n % 2:
            index.checkpoint(BitMap(range(doc_id)))
    return index, doc_id


@pytest.mark.parametrize("seed", range(6))
def test_kept_words_find_what_terms_find(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    index, count = filled(tmp_path / "inverted", rng, 1 + seed % 3)
    live = BitMap(doc for doc in range(count) if rng.random() < 0.8)
    populations = [
        Population(None, count, count),
        Population(AllowList(live), count, len(live)),
        Population(None, count * 2 // 3, count * 2 // 3),
    ]
    filters = [None, AllowList(BitMap(rng.sample(range(count), 5))), AllowList(BitMap(range(0, count, 2)))]
    view = index._view
    assert not view.tail.fields
    for _ in range(150):
        query = Keyword(text(rng, 7), rng.choice(PROPERTIES), minimum_match=rng.randrange(2))
        population, within, k = rng.choice(populations), rng.choice(filters), rng.choice([1, 3, 10, 500])
        allow = population.live if within is None else within
        found = scoring.search(view, query, k, within, population, BY_DOC_ID)
        expected = scoring._by_terms(view, query, k, allow, False, population, BY_DOC_ID)
        assert found.doc_ids.tolist() == expected.doc_ids.tolist()
        assert found.scores.tolist() == expected.scores.tolist()


def test_few_words_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_KEPT", 5)
    index, count = filled(tmp_path / "inverted", random.Random(1), 1)
    population = Population(None, count, count)
    view = index._view
    for word in WORDS:
        scoring.search(view, Keyword(word, ("title",)), 3, None, population, BY_DOC_ID)
    known = view.statistics(population).words
    assert known is not None
    assert sum(len(group.known) for groups in known._groups.values() for group in groups) <= 5


def test_other_operators_look_terms_up(tmp_path: Path) -> None:
    index, count = filled(tmp_path / "inverted", random.Random(1), 1)
    population = Population(None, count, count)
    query = Keyword("w38 w39", ("body",), MatchOperator.AND)
    found = scoring.search(index._view, query, 10, None, population, BY_DOC_ID)
    assert len(found.doc_ids)
    assert index._view.statistics(population).words is None


def test_a_state_that_was_searched_goes_with_its_last_reader(tmp_path: Path) -> None:
    """And with it the maps of its segments: a garbage collection may be long in coming."""
    index, count = filled(tmp_path / "inverted", random.Random(1), 2)
    population = Population(None, count, count)
    assert len(scoring.search(index._view, Keyword("w38 w39"), 5, None, population, BY_DOC_ID).doc_ids)
    statistics = index._view.statistics(population)
    assert statistics.words is not None
    held = weakref.ref(statistics)
    gc.disable()
    try:
        del statistics
        index.add([count], [{"title": "other"}])
        assert held() is None
    finally:
        gc.enable()
