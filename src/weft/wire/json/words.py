"""What is said of a vector in words, as JSON: neighbours, sources, projections and paths."""

from __future__ import annotations

from collections.abc import Iterable

from weft.domain.json_values import JsonObject
from weft.service.words.paths import PathElement
from weft.service.words.words import NearWord, SourceWord


def neighbours_to_json(words: Iterable[NearWord]) -> JsonObject:
    return {"neighbors": [{"concept": one.concept, "distance": one.distance} for one in words]}


def sources_to_json(words: Iterable[SourceWord]) -> JsonObject:
    return {"source": [{"concept": one.concept, "weight": one.weight, "occurrence": one.occurrence} for one in words]}


def projection_to_json(vector: Iterable[float]) -> JsonObject:
    return {"vector": list(vector)}


def path_to_json(elements: Iterable[PathElement]) -> JsonObject:
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
