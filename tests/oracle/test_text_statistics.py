"""Keyword scores are those of a fresh collection of the same live objects, whatever was replaced, deleted, merged."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from weft.domain.filters import UPDATE_TIME, Condition, Operator, PropertyTarget
from weft.domain.objects import Object, Properties
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Expiry, InvertedConfig, Property, Tokenization
from weft.engine.changes import Change, Remove, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.view import View

WORDS = ["red", "green", "blue", "fox", "dog", "house", "tree", "e-mail", "Naïve", "東京", "a", "the"]
NAMES = ["word", "lower", "white", "field", "parts", "list"]
CONFIG = CollectionConfig(
    "Things",
    (
        *(
            Property(name, DataType.TEXT, index_searchable=True, tokenization=tokenization)
            for name, tokenization in zip(
                NAMES,
                [
                    Tokenization.WORD,
                    Tokenization.LOWERCASE,
                    Tokenization.WHITESPACE,
                    Tokenization.FIELD,
                    Tokenization.TRIGRAM,
                ],
                strict=False,
            )
        ),
        Property("list", DataType.TEXT_ARRAY, index_searchable=True, tokenization=Tokenization.WORD),
        Property("n", DataType.INT),
    ),
    inverted=InvertedConfig(index_timestamps=True),
)


def opened(folder: Path) -> Shard:
    return Shard(folder, CONFIG, durable=False, write_queue=10_000)


def upsert(uuid: bytes, values: Properties) -> Upsert:
    return Upsert(Object(uuid, dict(values), {}, 1, 1))


def values_of(rng: random.Random) -> Properties:
    def text(most: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(0, most)))

    made: Properties = {name: text(rng.choice([2, 30])) for name in NAMES[:-1]}
    made |= {"list": [text(3) for _ in range(rng.randint(0, 3))], "n": rng.randint(0, 9)}
    return {name: value for name, value in made.items() if rng.random() < 0.8}


def questions(rng: random.Random) -> list[Keyword]:
    asked = []
    for _ in range(6):
        names = rng.sample(NAMES, rng.choice([1, 2, 3, 6]))
        boosted = tuple(name + rng.choice(["", "^2", "^0.5"]) for name in names)
        asked.append(Keyword(" ".join(rng.choices(WORDS, k=rng.randint(1, 4))), rng.choice([(), boosted])))
    return asked


def scores(view: View, query: Keyword, *, below: int | None = None) -> dict[bytes, float]:
    within = None
    if below is not None:
        within = view.select(Condition(Operator.LESS_THAN, PropertyTarget("n"), below))
    found = view.keyword(query, 10_000, within)
    return dict(zip(view.uuids(found.doc_ids.tolist()), found.scores.tolist(), strict=True))


def fresh_scores(folder: Path, live: dict[bytes, Properties], asked: Sequence[Keyword]) -> list[dict[bytes, float]]:
    shard = opened(folder)
    try:
        shard.write([upsert(uuid, values) for uuid, values in live.items()])
        return [scores(shard.view(), query, below=below) for query in asked for below in (None, 5)]
    finally:
        shard.close(keep=False)


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_a_fresh_collection(seed: int, tmp_path: Path) -> None:
    print("seed", seed)
    rng = random.Random(seed)
    uuids = [rng.randbytes(16) for _ in range(120)]
    live: dict[bytes, Properties] = {}
    shard = opened(tmp_path / "shard")
    try:
        for step in range(14):
            size = rng.choice([1, 1, 20, 100])
            changes: list[Change] = []
            for uuid in rng.sample(uuids, size):
                if rng.random() < 0.3:
                    changes.append(Remove(uuid))
                    live.pop(uuid, None)
                else:
                    live[uuid] = values_of(rng)
                    changes.append(upsert(uuid, live[uuid]))
            if step == 9:
                changes += [Remove(uuid) for uuid in live]
                live.clear()
            before, asked = shard.view(), questions(rng)
            earlier = [scores(before, query) for query in asked]
            shard.write(changes)
            found = [scores(shard.view(), query, below=below) for query in asked for below in (None, 5)]
            for a, b in zip(found, fresh_scores(tmp_path / f"fresh{step}", live, asked), strict=True):
                assert a == pytest.approx(b, rel=1e-6)
            for query, known in zip(asked, earlier, strict=True):
                assert scores(before, query) == pytest.approx(known, rel=1e-6), "an earlier state keeps its statistics"
            action = rng.random()
            if action < 0.3:
                shard.close(keep=rng.random() < 0.7)
                shard = opened(tmp_path / "shard")
            elif action < 0.5:
                shard.checkpoint()
            elif action < 0.7:
                shard.maintain()
            again = [scores(shard.view(), query, below=below) for query in asked for below in (None, 5)]
            assert again == [pytest.approx(one, rel=1e-6) for one in found]
    finally:
        shard.close()


def test_a_word_that_is_very_frequent_and_a_text_that_is_very_long(tmp_path: Path) -> None:
    """What a posting states is limited; merging must not count from it again."""
    texts = {bytes([n]) * 16: {"word": "many " * (9_000 + n) + "few"} for n in range(70)}
    shard = opened(tmp_path / "shard")
    try:
        shard.write([upsert(uuid, values) for uuid, values in texts.items()])
        expected = scores(shard.view(), Keyword("few many"))
        shard.write([upsert(uuid, {"word": "red"}) for uuid in list(texts)[:30]])
        shard.write([upsert(uuid, texts[uuid]) for uuid in list(texts)[:30]])
        assert scores(shard.view(), Keyword("few many")) == pytest.approx(expected, rel=1e-6)
        shard.checkpoint()
        assert scores(shard.view(), Keyword("few many")) == pytest.approx(expected, rel=1e-6)
    finally:
        shard.close()


def test_hidden_expired_objects_do_not_count(tmp_path: Path) -> None:
    expiry = Expiry(UPDATE_TIME, 60, hidden=True)
    texts = {bytes([n]) * 16: {"word": "red " * (n + 1) + "fox" * (n % 2)} for n in range(20)}
    shard = opened(tmp_path / "shard")
    try:
        shard.write([Upsert(Object(u, dict(v), {}, 1, u[0] * 60_000)) for u, v in texts.items()])
        view = shard.view().unexpired(expiry, 600)
        left = {uuid: values for uuid, values in texts.items() if uuid[0] * 60 + 60 > 600}
        assert 0 < len(left) < len(texts)
        query = Keyword("red fox redfox")
        assert [scores(view, query)] == [
            pytest.approx(one, rel=1e-6) for one in fresh_scores(tmp_path / "fresh", left, [query])[:1]
        ]
    finally:
        shard.close()
