"""Chunks of long texts: nothing left out, cut where asked, found by the best one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.modules.local.chunking import Chunking, texts_of
from weft.modules.local.pool import ModelPool
from weft.modules.local.text2multivec_transformers import Text2MultivecTransformers
from weft.modules.resources import Resources

ANYONE = Caller()
SENTENCES = "One two three. Four five! Six seven eight nine? Ten."


def words(text: str) -> np.ndarray:
    """Each word is a token."""
    found, at = [], 0
    for word in text.split():
        begin = text.index(word, at)
        at = begin + len(word)
        found.append((begin, at))
    return np.array(found, np.int64).reshape(-1, 2)


def cut(text: str, **settings: object) -> list[str]:
    return texts_of(text, Chunking.of(settings).spans(text, words(text), 100))


@pytest.mark.parametrize(
    ("settings", "chunks"),
    [
        ({}, [SENTENCES]),
        ({"chunkTokens": 5}, ["One two three. Four five!", "Six seven eight nine? Ten."]),
        ({"chunkTokens": 3}, ["One two three.", "Four five!", "Six seven eight", "nine? Ten."]),
        ({"chunkTokens": 5, "chunkOverlap": 2}, ["One two three. Four five!", "Six seven eight nine? Ten."]),
        (
            {"chunkTokens": 6, "chunkOverlap": 2},
            ["One two three. Four five!", "Four five! Six seven eight nine?", "Ten."],
        ),
        ({"chunkTokens": 4, "chunkBy": "tokens"}, ["One two three. Four", "five! Six seven eight", "nine? Ten."]),
        (
            {"chunkTokens": 4, "chunkOverlap": 2, "chunkBy": "tokens"},
            ["One two three. Four", "three. Four five! Six", "five! Six seven eight", "seven eight nine? Ten."],
        ),
    ],
)
def test_chunks_end_where_asked(settings: dict[str, object], chunks: list[str]) -> None:
    assert cut(SENTENCES, **settings) == chunks


def test_headings_begin_chunks() -> None:
    text = "# One\nfirst words here\n## Two\nmore. And more.\n"
    assert cut(text, chunkBy="heading") == ["# One\nfirst words here", "## Two\nmore. And more."]
    assert cut(text, chunkBy="heading", chunkTokens=3) == ["# One", "first words here", "## Two\nmore.", "And more."]


def test_sentences_of_japanese_are_seen() -> None:
    text = "雨が降る。「傘を持つ。」風も強い！"
    offsets = np.array([(i, i + 1) for i in range(len(text))])
    assert texts_of(text, Chunking(tokens=8).spans(text, offsets, 8)) == ["雨が降る。", "「傘を持つ。」", "風も強い！"]


@pytest.mark.parametrize("by", ["sentence", "heading", "tokens"])
def test_every_token_is_in_a_chunk_and_none_is_too_long(by: str) -> None:
    print("seed 3")
    random = np.random.default_rng(3)
    for _ in range(60):
        text = "".join(random.choice(["word ", "w. ", "\n# head\n", "long-word! ", "\n\n"], 40))
        size = int(random.integers(2, 12))
        overlap = int(random.integers(0, size // 2 + 1))
        offsets = words(text)
        spans = Chunking(size, overlap, by).spans(text, offsets, 100)
        covered = {i for begin, end in spans for i in range(len(offsets)) if begin <= offsets[i, 0] < end}
        assert len(covered) == len(offsets)
        for begin, end in spans:
            assert 0 < sum(begin <= first < end for first, _ in offsets.tolist()) <= size
        assert spans == sorted(spans)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chunkBy": "page"}, "chunkBy must be one of sentence, heading, tokens"),
        ({"chunkTokens": 0}, "integer above 0"),
        ({"chunkTokens": 10, "chunkOverlap": 6}, "at most half of chunkTokens, 5"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        Chunking.of(settings)


def test_a_text_of_too_many_chunks_is_refused() -> None:
    with pytest.raises(Invalid, match="more than 1000 chunks of 1 tokens"):
        cut("word " * 1_100, chunkTokens=1)
    with pytest.raises(Invalid, match="at most 100, which the model reads"):
        cut("word", chunkTokens=101)


@pytest.fixture(scope="module")
def module() -> Iterator[Text2MultivecTransformers]:
    pool = ModelPool(threads=1)
    yield Text2MultivecTransformers("text2multivec-transformers", Resources(pool=pool))
    pool.close()


def test_what_is_at_the_end_of_a_long_text_is_found(module: Text2MultivecTransformers) -> None:
    filler = "The committee met again and discussed the budget of the coming year. " * 60
    text = filler + "A kitten sleeps on the windowsill."
    settings: dict[str, object] = {"chunkTokens": 60, "chunkOverlap": 10}
    (rows,) = module.embed_texts([text], settings, ANYONE)
    assert isinstance(rows, np.ndarray)
    chunks = module.chunks(text, settings)
    assert rows.shape == (len(chunks), 384)
    asked = module.embed_query(["a small cat naps"], settings, ANYONE)
    assert asked.shape == (1, 384)
    assert "kitten" in chunks[int((rows @ asked[0]).argmax())]
    (whole,) = module.embed_texts(["A kitten sleeps."], settings, ANYONE)
    assert isinstance(whole, np.ndarray)
    assert whole.shape == (1, 384)


def test_a_bad_text_does_not_affect_the_others(module: Text2MultivecTransformers) -> None:
    found = module.embed_texts(["one", "word " * 3_000, "two"], {"chunkTokens": 2}, ANYONE)
    assert [isinstance(one, np.ndarray) for one in found] == [True, False, True]


def test_other_chunks_are_another_space(module: Text2MultivecTransformers) -> None:
    settings: tuple[dict[str, object], ...] = ({}, {"chunkTokens": 9}, {"chunkBy": "heading"}, {"chunkOverlap": 3})
    assert len({module.fingerprint(one) for one in settings}) == 4
