"""Questions for aggregations: of all, of a filter, of a search, by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from weaviate.classes.aggregate import GroupByAggregate, Metrics

from two_servers.answers import Rows
from two_servers.filters import for_client, maybe
from two_servers.question import Question
from two_servers.reading import figures, grouped_figures
from two_servers.searches import Draw, arguments_text
from two_servers.server import Server
from two_servers.things import THING, Json, some_thing_id, text, vector

_VERBS: dict[str, Callable[[Any], Any]] = {
    "over_all": lambda aggregate: aggregate.over_all,
    "near_vector": lambda aggregate: aggregate.near_vector,
    "near_object": lambda aggregate: aggregate.near_object,
    "hybrid": lambda aggregate: aggregate.hybrid,
}
_GROUPS = ("tag", "flag", "tags", "uid", "n", "x", "day", "ns", "xs", "flags", "days", "uids", "title", "to", "place")


def _metrics(rng: Random) -> list[tuple[str, Any]]:
    """(words, metrics) of some properties. The mode of dates is left out: with ties it is any of them."""
    dates = {"count": True, "maximum": True, "minimum": True, "median": True}
    tops = {"count": True, "top_occurrences_count": True, "top_occurrences_value": True}
    every = (
        ("n", Metrics("n").integer()),
        ("ns", Metrics("ns").integer()),
        ("x", Metrics("x").number()),
        ("xs", Metrics("xs").number()),
        ("tag", Metrics("tag").text(**tops, limit=50)),
        ("tags", Metrics("tags").text(**tops, limit=50)),
        ("flag", Metrics("flag").boolean()),
        ("flags", Metrics("flags").boolean()),
        ("day", Metrics("day").date_(**dates)),
        ("days", Metrics("days").date_(**dates)),
        ("to", Metrics("to").reference(pointing_to=True)),
    )
    return rng.sample(every, rng.randint(1, 4))


def aggregating(
    kind: str, rng: Random, verb: str, arguments: Mapping[str, Any], read: Callable[[Any], Rows] = figures
) -> Question:
    filter, metrics = maybe(rng), _metrics(rng)
    said: Json = {**arguments, "metrics": [name for name, _ in metrics], "filters": filter}

    def ask(server: Server) -> Rows:
        call = _VERBS[verb](server.collection(THING).aggregate)
        of = [one for _, one in metrics]
        return read(call(**arguments, filters=for_client(filter), return_metrics=of, total_count=True))

    return Question(kind, f"aggregate.{verb}({arguments_text(said)})", ask, said)


def over_all(rng: Random) -> Question:
    return aggregating("aggregate", rng, "over_all", {})


def of_a_search(rng: Random) -> Question:
    cut = rng.choice(
        ({"object_limit": rng.choice((1, 5, 40))}, {"distance": rng.choice((0.3, 0.8))}, {"certainty": 0.7})
    )
    limit = rng.choice(({}, {"object_limit": rng.choice((1, 5, 40))}))
    alpha = rng.choice((0, 0.3, 0.5, 1))
    verb, asked = rng.choice(
        (
            ("near_vector", {"near_vector": vector(rng, "a"), **cut}),
            ("near_object", {"near_object": some_thing_id(rng), **cut}),
            ("hybrid", {"query": text(rng, 1, 4), "vector": vector(rng, "a"), "alpha": alpha, **limit}),
        )
    )
    return aggregating(f"aggregate: {verb}", rng, verb, {**asked, "target_vector": "a"})


def by_group(rng: Random) -> Question:
    by = GroupByAggregate(prop=rng.choice(_GROUPS))
    return aggregating("aggregate: groups", rng, "over_all", {"group_by": by}, grouped_figures)


DRAWS: tuple[tuple[Draw, int], ...] = ((over_all, 2), (of_a_search, 2), (by_group, 2))
