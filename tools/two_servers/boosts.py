"""Searches whose scores a boost changes, and searches of diverse results."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from weaviate.classes.query import Boost, Diversity, Filter, MetadataQuery

from two_servers.filters import maybe
from two_servers.question import Question
from two_servers.reading import found
from two_servers.searches import Draw, searching
from two_servers.things import text, vector

_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def _boost(rng: Random) -> Any:
    shared: dict[str, Any] = {"weight": rng.choice((None, 0.0, 0.3, 1.0)), "depth": rng.choice((None, 5, 300))}
    curve = rng.choice((None, Boost.Curve.GAUSSIAN, Boost.Curve.LINEAR, Boost.Curve.EXPONENTIAL))
    origin = _DAY + timedelta(days=rng.randint(0, 60))
    flagged = Filter.by_property("flag").equal(True)
    number, modifier = rng.choice(("n", "x")), rng.choice((None, Boost.Modifier.LOG1P, Boost.Modifier.SQRT))
    makes: tuple[Callable[[], Any], ...] = (
        lambda: Boost.filter(flagged, **shared),
        lambda: Boost.time_decay("day", origin=origin, scale=timedelta(days=7), curve=curve, **shared),
        lambda: Boost.numeric_decay(number, origin=rng.choice((0, 5)), scale=3, curve=curve, **shared),
        lambda: Boost.numeric_property(number, modifier=modifier, **shared),
        lambda: Boost.blend([Boost.filter(flagged, weight=0.5), Boost.numeric_property("n", weight=2.0)], **shared),
    )
    return rng.choice(makes)()


def boosted(rng: Random) -> Question:
    near = {"near_vector": vector(rng, "a"), "target_vector": "a"}
    words = {"query": text(rng, 1, 4), "query_properties": ["title"]}
    verb, asked = rng.choice(
        (
            ("near_vector", near),
            ("bm25", words),
            ("hybrid", {**words, "vector": vector(rng, "a"), "target_vector": "a"}),
        )
    )
    more = {"boost": _boost(rng), "limit": rng.choice((1, 3, 10)), "return_metadata": MetadataQuery(score=True)}
    return searching(f"boost: {verb}", verb, partial(found, paged=True), {**asked, **more}, maybe(rng))


def diverse(rng: Random) -> Question:
    chosen = Diversity.mmr(limit=rng.choice((1, 3, 10)), balance=rng.choice((None, 0.0, 0.3, 0.7, 1.0)))
    asked = {"near_vector": vector(rng, "a"), "target_vector": "a", "diversity_selection": chosen}
    more = {"limit": rng.choice((10, 40)), "return_metadata": MetadataQuery(distance=True)}
    return searching("diverse", "near_vector", partial(found, paged=True), {**asked, **more}, maybe(rng))


DRAWS: tuple[tuple[Draw, int], ...] = ((boosted, 2), (diverse, 1))
