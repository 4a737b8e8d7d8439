"""Every kind of search over one place, compared with a plain reading of all that the place holds."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from weaviate.classes.aggregate import GroupByAggregate
from weaviate.classes.query import Filter, MetadataQuery, Sort

from soak.ledger import PLAIN, Place, kind_of, part_of
from soak.shaping import SHAPED

_ALL = 10_000
_LEAST_RECALL = 0.9
"""Of the ten nearest, over the queries of one place; the graphs of so few vectors find nearly all."""
_DISTANCE = MetadataQuery(distance=True)


def compare(place: Place, objects: Any, stored: Mapping[uuid.UUID, Any], rng: random.Random) -> None:
    """``stored``: all objects of ``objects``, with their vectors. Raises AssertionError for any difference."""
    numbers = {id_: int(one.properties["n"]) for id_, one in stored.items()}
    config = {one.name: one for one in objects.config.get().properties}
    query = objects.query

    def found(answer: Any) -> list[uuid.UUID]:
        return [one.uuid for one in answer.objects]

    def same(what: str, answer: Any, expected: set[uuid.UUID]) -> None:
        ids = found(answer)
        assert len(ids) == len(set(ids)), f"{place}: {what} finds objects twice"
        assert set(ids) == expected, f"{place}: {what} finds {set(ids) ^ expected} wrongly, of {len(expected)}"

    kind, part = kind_of(rng.randrange(7)), part_of(rng.randrange(13))
    pivot = rng.choice(list(numbers.values())) if numbers else 0
    of_kind = {id_ for id_, n in numbers.items() if kind_of(n) == kind}
    if config["kind"].index_filterable:
        same("kind", query.fetch_objects(filters=Filter.by_property("kind").equal(kind), limit=_ALL), of_kind)
    at_least = {id_ for id_, n in numbers.items() if n >= pivot}
    same("range", query.fetch_objects(filters=Filter.by_property("n").greater_or_equal(pivot), limit=_ALL), at_least)
    equal = {id_ for id_, n in numbers.items() if n == pivot}
    same("equal", query.fetch_objects(filters=Filter.by_property("n").equal(pivot), limit=_ALL), equal)
    if config["text"].index_searchable and config["text"].tokenization == "word":
        words = {id_ for id_, n in numbers.items() if part_of(n) == part}
        same("bm25", query.bm25(part, query_properties=["text"], limit=_ALL), words)
    same("word", query.bm25(f"word{pivot}", query_properties=["word"], limit=_ALL), equal)
    if not stored:
        return
    in_order = [one.properties["n"] for one in query.fetch_objects(sort=Sort.by_property("n"), limit=_ALL).objects]
    assert in_order == sorted(numbers.values()), f"{place}: another order"
    by_kind = objects.aggregate.over_all(group_by=GroupByAggregate(prop="kind"), total_count=True).groups
    counts = Counter(kind_of(n) for n in numbers.values())
    assert {one.grouped_by.value: one.total_count for one in by_kind} == counts, f"{place}: {by_kind} for {counts}"
    for name in next(iter(stored.values())).vector:
        if name in ("default", "whole", "tokens"):
            _nearest(place, objects, name, stored, numbers, rng)


def _nearest(
    place: Place, objects: Any, name: str, stored: Mapping[uuid.UUID, Any], numbers: Mapping[uuid.UUID, int], rng: Any
) -> None:
    ids = list(stored)
    vectors = [np.asarray(stored[id_].vector[name], np.float32) for id_ in ids]
    dims = vectors[0].shape[-1]
    of_name = {"target_vector": name} if place[0] in (PLAIN, SHAPED) else {}
    asked = {"return_metadata": _DISTANCE, **of_name}
    hits = wanted = 0
    # A quantizer orders by what it keeps and gives true distances, as long as there is more than one page of them.
    for _ in range(4):
        near = np.random.default_rng(rng.getrandbits(32)).normal(size=(dims,)).astype(np.float32)
        distances = dict(zip(ids, _distances(vectors, near), strict=True))
        given = [near.tolist()] if vectors[0].ndim == 2 else near.tolist()
        answer = objects.query.near_vector(given, limit=10, **asked).objects
        best = sorted(distances.values())[:10]
        assert len(answer) == len(best), f"{place} {name}: {len(answer)} of {len(best)} found"
        for one in answer:
            assert one.uuid in distances, f"{place} {name}: {one.uuid} is not stored"
            away = abs(one.metadata.distance - distances[one.uuid])
            assert away < 1e-4, f"{place} {name}: {one.uuid} is {distances[one.uuid]} away, not {one.metadata.distance}"
        hits += sum(one.metadata.distance <= best[-1] + 1e-4 for one in answer)
        wanted += len(best)
    assert hits >= _LEAST_RECALL * wanted, f"{place} {name}: {hits} of the {wanted} nearest were found"
    whole = {one.uuid for one in objects.query.near_vector(given, limit=_ALL, **asked).objects}
    lacking, strange = stored.keys() - whole, whole - stored.keys()
    assert not lacking and not strange, f"{place} {name}: the index lacks {lacking}, and has {strange} besides"
    for id_ in rng.sample(ids, min(5, len(ids))):
        own = stored[id_].vector[name]
        first = objects.query.near_vector(own, limit=1, **asked).objects[0]
        best_distance = min(_distances(vectors, np.asarray(own, np.float32)))
        assert first.metadata.distance <= best_distance + 1e-4, f"{place} {name}: {id_} is not found by its own vector"


def _distances(vectors: list[NDArray[np.float32]], near: NDArray[np.float32]) -> list[float]:
    """Cosine; of token vectors minus MaxSim, by cosine."""
    if vectors[0].ndim == 1:
        rows = np.stack(vectors).astype(np.float64)
        one = near.astype(np.float64)
        similar = rows @ one / (np.linalg.norm(rows, axis=1) * np.linalg.norm(one))
        return [float(away) for away in 1 - similar]
    tokens = np.atleast_2d(near).astype(np.float64)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    found = []
    for matrix in vectors:
        rows = matrix.astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        found.append(-float((tokens @ rows.T).max(axis=1).sum()))
    return found
