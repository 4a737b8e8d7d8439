"""Random filters and texts over random objects, drawn by hypothesis, which finds the shortest difference."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.kinds import REMOTE, discard, remote_part
from weft.conformance.at_random import (
    ANY,
    compare_filter,
    compare_words,
    draw_filter,
    draw_key,
    draw_object,
    draw_text,
    write,
)
from weft.conformance.bench import Pair
from weft.domain.errors import Invalid
from weft.engine.changes import Remove
from weft.engine.embedded.shard import Shard

DRAWN = st.randoms(use_true_random=False)


@pytest.fixture(scope="module", params=REMOTE)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("random")
    shard = Shard(folder / "shard", ANY, durable=False, write_queue=1000)
    store = REMOTE[request.param](folder / "engine")()
    yield Pair(shard, remote_part(store, ANY))
    shard.close()
    discard(store)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DRAWN)
def test_every_engine_selects_the_same(pair: Pair, rng: random.Random) -> None:
    objects, gone = [draw_object(rng) for _ in range(rng.randint(0, 6))], [draw_key(rng)] * rng.randint(0, 1)
    for part in pair:
        write(part, objects)
        part.write([Remove(uuid) for uuid in gone])
    for _ in range(rng.randint(1, 4)):
        compare_filter(pair.embedded, pair.tested, draw_filter(rng))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DRAWN)
def test_every_engine_scores_the_same(pair: Pair, rng: random.Random) -> None:
    objects = [draw_object(rng) for _ in range(rng.randint(0, 6))]
    for part in pair:
        write(part, objects)
    filter = draw_filter(rng) if rng.randint(0, 1) else None
    for _ in range(rng.randint(1, 3)):
        try:
            compare_words(pair.embedded, pair.tested, draw_text(rng), filter)
        except Invalid:
            return
