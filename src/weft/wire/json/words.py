"""What is said of objects' vectors in words, as JSON: sources, neighbours, projections and paths, for many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from weft.domain.json_values import JsonObject
from weft.domain.objects import Properties, Vector
from weft.domain.schema import CollectionConfig
from weft.service.words.paths import PathElement
from weft.service.words.projection import ProjectionSettings
from weft.service.words.words import NearWord, SourceWord, VectorWords, projectable, worded

INTERPRETATION: Final = "interpretation"
NEIGHBOURS: Final = "nearestNeighbors"
PROJECTION: Final = "featureProjection"
PATH: Final = "semanticPath"
OF_VECTORS: Final = frozenset({NEIGHBOURS, PROJECTION, PATH})
"""What needs the vectors of objects."""


def in_words(
    verbs: VectorWords,
    config: CollectionConfig,
    found: Sequence[tuple[Properties, Mapping[str, Vector]]],
    asked: Collection[str],
    settings: ProjectionSettings | None = None,
    query: Sequence[str] = (),
) -> list[dict[str, JsonObject]]:
    """For each object of ``found``, its properties and vectors, what is ``asked``, by its name, as far as the
    collection and the object have such a vector. ``query``: the texts that paths lead from. Raises Invalid."""
    said: list[dict[str, JsonObject]] = [{} for _ in found]
    if INTERPRETATION in asked and worded(config) is not None:
        for (properties, _), one in zip(found, said, strict=True):
            one[INTERPRETATION] = _sources(verbs.sources(config, properties))
    vector = projectable(config)
    if vector is None or OF_VECTORS.isdisjoint(asked):
        return said
    having = [
        (by_name[vector.name], one) for (_, by_name), one in zip(found, said, strict=True) if vector.name in by_name
    ]
    vectors = [one for one, _ in having]
    of_vectors: dict[str, list[JsonObject]] = {}
    if NEIGHBOURS in asked and worded(config) is not None:
        of_vectors[NEIGHBOURS] = [_neighbours(one) for one in verbs.neighbours(vectors)]
    if PROJECTION in asked:
        of_vectors[PROJECTION] = [
            _projection(one) for one in verbs.projections(vectors, settings or ProjectionSettings())
        ]
    if PATH in asked:
        of_vectors[PATH] = [_path(one) for one in verbs.paths(query, vectors)]
    for name, values in of_vectors.items():
        for (_, one), value in zip(having, values, strict=True):
            one[name] = value
    return said


def _neighbours(words: Iterable[NearWord]) -> JsonObject:
    return {"neighbors": [{"concept": one.concept, "distance": one.distance} for one in words]}


def _sources(words: Iterable[SourceWord]) -> JsonObject:
    return {"source": [{"concept": one.concept, "weight": one.weight, "occurrence": one.occurrence} for one in words]}


def _projection(vector: Iterable[float]) -> JsonObject:
    return {"vector": list(vector)}


def _path(elements: Iterable[PathElement]) -> JsonObject:
    return {
        "path": [
            {
                "concept": one.concept,
                "distanceToQuery": one.to_query,
                "distanceToResult": one.to_result,
                "distanceToPrevious": one.to_previous,
                "distanceToNext": one.to_next,
            }
            for one in elements
        ]
    }
