"""Questions of every kind of search, asked by the official client over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from random import Random
from typing import Any, TypeAlias

from pydantic import BaseModel
from weaviate.classes.query import (
    BM25Operator,
    GroupBy,
    HybridFusion,
    HybridVector,
    MetadataQuery,
    QueryReference,
    Sort,
    TargetVectors,
)

from two_servers.answers import Rows
from two_servers.filters import for_client, maybe, where
from two_servers.question import Question
from two_servers.reading import found, groups, keys, listed, whole
from two_servers.server import Server
from two_servers.things import THING, Json, some_thing_id, text, thing_id, vector

Draw: TypeAlias = Callable[[Random], Question]

_NUMBERS = MetadataQuery(distance=True, certainty=True, score=True)
_VERBS: dict[str, Callable[[Any], Any]] = {
    "bm25": lambda query: query.bm25,
    "hybrid": lambda query: query.hybrid,
    "near_vector": lambda query: query.near_vector,
    "near_object": lambda query: query.near_object,
    "fetch_objects": lambda query: query.fetch_objects,
}
_ALL = 1000
_LEG = 100
"""How deep the legs of a hybrid search are at least: a larger limit is another question to Weaviate."""
_KEYWORD_PROPERTIES = (
    None,
    ["title"],
    ["title^2", "body"],
    ["body", "tag", "code"],
    ["tri"],
    ["tags", "white"],
    ["body^0.5", "body^3"],
)
_SORT_KEYS = ("n", "x", "day", "tag", "flag", "title", "uid", "ranged", "code", "tags", "ns", "xs", "flags", "days")
_GROUP_KEYS = ("tag", "n", "flag", "x", "day", "uid", "title", "tags", "ns", "to", "ranged")


def searching(
    kind: str, verb: str, read: Callable[[Any], Rows], arguments: Mapping[str, Any], filter: Json | None = None
) -> Question:
    """``verb`` of the client's ``query`` with ``arguments`` and ``filter``; those that are None are left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    said = {name: value for name, value in given.items() if name != "return_metadata"} | {"filters": filter}

    def ask(server: Server) -> Rows:
        call = _VERBS[verb](server.collection(THING).query)
        return read(call(**given, **({"filters": for_client(filter)} if filter else {})))

    return Question(kind, f"{verb}({arguments_text(said)})", ask, said)


def arguments_text(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_text(value)}" for name, value in arguments.items() if value is not None)


def _text(value: Any) -> str:
    """Of the client's own types: their fields."""
    if isinstance(value, Enum | BaseModel) or not hasattr(value, "__dict__"):
        return str(value)
    return f"{type(value).__name__}({arguments_text(vars(value))})"


def _page(rng: Random) -> dict[str, Any]:
    return {"limit": rng.choice((1, 3, 10, 50, _ALL)), "offset": rng.choice((0, 0, 0, 2, 7))}


def _hits(kind: str, verb: str, arguments: Mapping[str, Any], filter: Json | None) -> Question:
    paged = arguments.get("limit", _ALL) < _ALL or bool(arguments.get("offset")) or "auto_limit" in arguments
    return searching(kind, verb, partial(found, paged=paged), {**arguments, "return_metadata": _NUMBERS}, filter)


def _keyword(rng: Random) -> dict[str, Any]:
    operator = rng.choice((None, None, BM25Operator.and_(), BM25Operator.or_(minimum_match=rng.randint(1, 3))))
    properties = rng.choice(_KEYWORD_PROPERTIES)
    return {"query": text(rng, 1, 4), "query_properties": properties, "operator": operator}


def keyword(rng: Random) -> Question:
    """All that match."""
    return _hits("keyword", "bm25", {**_keyword(rng), "limit": _ALL}, maybe(rng))


def keyword_page(rng: Random) -> Question:
    return _hits("keyword: page", "bm25", {**_keyword(rng), **_page(rng)}, maybe(rng))


def keyword_autocut(rng: Random) -> Question:
    cut = {"auto_limit": rng.randint(1, 3), "offset": rng.choice((0, 0, 2)), "limit": _ALL}
    return _hits("keyword: autocut", "bm25", {**_keyword(rng), **cut}, maybe(rng))


def _limit(rng: Random) -> dict[str, Any]:
    match rng.randint(0, 4):
        case 0:
            return {"distance": rng.choice((0.0, 0.2, 0.6, 1.0, 3.0, -1.0))}
        case 1:
            return {"certainty": rng.choice((0.0, 0.5, 0.7, 1.0))}
        case 2:
            return {"auto_limit": rng.randint(1, 3)}
        case _:
            return {}


def near_vector(rng: Random) -> Question:
    name = rng.choice(("a", "a", "b", "dot", "man", "ham", "many"))
    asked = {"near_vector": vector(rng, name), "target_vector": name, **_limit(rng), **_page(rng)}
    return _hits(f"near vector: {name}", "near_vector", asked, maybe(rng))


def near_object(rng: Random) -> Question:
    name = rng.choice(("a", "b", "dot", "man", "ham"))
    asked = {"near_object": some_thing_id(rng), "target_vector": name, **_limit(rng), **_page(rng)}
    return _hits("near object", "near_object", asked, maybe(rng))


def _targets(rng: Random) -> tuple[str, dict[str, Any]]:
    """(how they are joined, vectors and targets)."""
    names = rng.sample(("a", "b", "dot", "man"), rng.randint(2, 3))
    weights = {name: rng.choice((0.5, 1.0, 2.0)) for name in names}
    how, join = rng.choice(
        (
            ("minimum", TargetVectors.minimum(names)),
            ("sum", TargetVectors.sum(names)),
            ("average", TargetVectors.average(names)),
            ("weights", TargetVectors.manual_weights(weights)),
            ("relative", TargetVectors.relative_score(weights)),
            ("unsaid", names),
        )
    )
    return how, {"vectors": {name: vector(rng, name) for name in names}, "target_vector": join}


def targets(rng: Random) -> Question:
    how, asked = _targets(rng)
    asked["near_vector"] = asked.pop("vectors")
    return _hits(f"targets: {how}", "near_vector", {**asked, **_limit(rng), "limit": _ALL}, maybe(rng))


def _hybrid(rng: Random) -> dict[str, Any]:
    asked = _keyword(rng)
    asked["bm25_operator"] = asked.pop("operator")
    name = rng.choice(("a", "a", "b", "dot", "man", "ham"))
    return {
        **asked,
        "vector": vector(rng, name),
        "target_vector": name,
        "alpha": rng.choice((None, 0, 0.3, 0.5, 0.9, 1)),
        "fusion_type": rng.choice((None, HybridFusion.RANKED, HybridFusion.RELATIVE_SCORE)),
    }


def hybrid(rng: Random) -> Question:
    limit = {"limit": _LEG, "max_vector_distance": rng.choice((None, None, 0.4, 0.9))}
    return _hits("hybrid", "hybrid", {**_hybrid(rng), **limit}, maybe(rng))


def hybrid_page(rng: Random) -> Question:
    return _hits("hybrid: page", "hybrid", {**_hybrid(rng), **_page(rng)}, maybe(rng))


def hybrid_autocut(rng: Random) -> Question:
    asked = {**_hybrid(rng), "auto_limit": rng.randint(1, 3), **_page(rng)}
    return _hits("hybrid: autocut", "hybrid", asked, maybe(rng))


def hybrid_targets(rng: Random) -> Question:
    how, joined = _targets(rng)
    joined["vector"] = joined.pop("vectors")
    return _hits(f"hybrid: {how}", "hybrid", {**_hybrid(rng), **joined, "limit": _LEG}, maybe(rng))


def hybrid_near(rng: Random) -> Question:
    near = HybridVector.near_vector(vector(rng, "a"), distance=rng.choice((None, 0.3, 0.8)))
    asked = {**_hybrid(rng), "vector": near, "target_vector": "a", "limit": _LEG}
    return _hits("hybrid: near vector", "hybrid", asked, maybe(rng))


def hybrid_odd(rng: Random) -> Question:
    odd = {"query": rng.choice(("", "the", "zzz", "  ")), "limit": rng.choice((5, _LEG))}
    return _hits("hybrid: odd words", "hybrid", {**_hybrid(rng), **odd}, maybe(rng))


def grouped(rng: Random) -> Question:
    by = GroupBy(prop=rng.choice(_GROUP_KEYS), number_of_groups=rng.randint(1, 6), objects_per_group=rng.randint(1, 4))
    more = {"group_by": by, "limit": rng.choice((5, 20, 100)), "return_metadata": _NUMBERS}
    verb, asked = rng.choice(
        (
            ("bm25", {"query": text(rng, 1, 4), "query_properties": ["title"]}),
            ("hybrid", {"query": text(rng, 1, 4), "vector": vector(rng, "a"), "target_vector": "a"}),
            ("near_vector", {"near_vector": vector(rng, "a"), "target_vector": "a"}),
            ("near_object", {"near_object": some_thing_id(rng), "target_vector": "a"}),
        )
    )
    return searching(f"group: {verb}", verb, groups, {**asked, **more}, maybe(rng))


def filtered(rng: Random) -> Question:
    return searching("filter", "fetch_objects", partial(found, paged=False), {"limit": _ALL}, where(rng))


def fetched(rng: Random) -> Question:
    return searching("fetch: page", "fetch_objects", listed, _page(rng), maybe(rng))


def sorted_by(rng: Random) -> Question:
    names = rng.sample(_SORT_KEYS, rng.randint(1, 3))
    orders = [rng.random() < 0.5 for _ in names]
    by = Sort.by_property(names[0], ascending=orders[0])
    for name, ascending in zip(names[1:], orders[1:], strict=True):
        by = by.by_property(name, ascending=ascending)
    asked = {"sort": by, "return_properties": names, **_page(rng)}
    kind = "sort: one key" if len(names) == 1 else "sort"
    return searching(kind, "fetch_objects", partial(keys, names=names), asked, maybe(rng))


def cursor(rng: Random) -> Question:
    after = rng.choice(
        (None, *(thing_id(number) for number in (5, 50, 298, 5000)), "00000000-0000-0000-0000-000000000001")
    )
    return searching("cursor", "fetch_objects", listed, {"after": after, "limit": rng.choice((1, 7, 100))})


def returned(rng: Random) -> Question:
    asked = {
        "include_vector": rng.choice((True, ["a", "many"], False)),
        "return_references": QueryReference(link_on="to", return_properties=["name", "size"]),
        **_page(rng),
    }
    return searching("objects whole", "fetch_objects", whole, asked, maybe(rng, 0.2))


DRAWS: tuple[tuple[Draw, int], ...] = (
    (filtered, 6),
    (keyword, 2),
    (keyword_page, 2),
    (keyword_autocut, 1),
    (near_vector, 3),
    (near_object, 1),
    (targets, 2),
    (hybrid, 2),
    (hybrid_page, 1),
    (hybrid_autocut, 1),
    (hybrid_targets, 1),
    (hybrid_near, 1),
    (hybrid_odd, 1),
    (grouped, 2),
    (fetched, 1),
    (sorted_by, 2),
    (cursor, 1),
    (returned, 1),
)
"""What draws a question, and how often."""
