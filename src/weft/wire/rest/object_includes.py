"""What ``include`` adds to each object that is read: its vector, its latest classification, its vector in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from weft.domain.errors import CallerError
from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig
from weft.service.words.projection import ProjectionSettings
from weft.service.words.words import projectable, worded
from weft.wire.json.objects import classified_to_json, encode_object
from weft.wire.json.words import neighbours_to_json, projection_to_json, sources_to_json
from weft.wire.rest.endpoint import Call
from weft.wire.rest.openapi.parameters import (
    CLASSIFICATION,
    INCLUDES,
    INTERPRETATION,
    NEIGHBOURS,
    PROJECTION,
    VECTOR,
)

_UNWEIGHTED: Final = {"vectorWeights": None}
"""Of every object that is read, as in Weaviate, where it is always null, too."""


def included(call: Call) -> frozenset[str]:
    """The words of ``include``. Raises CallerError for one that is none of its."""
    words = [word for value in call.query.getlist("include") for word in value.split(",") if word]
    for word in words:
        if word not in INCLUDES:
            known = ", ".join(dict.fromkeys(INCLUDES.values()))
            raise CallerError(f"unrecognized property {word[:40]!r} in ?include list; one of {known} expected")
    return frozenset(INCLUDES[word] for word in words)


def check_possible(words: frozenset[str], configs: Sequence[CollectionConfig]) -> None:
    """Raises CallerError if none of the collections has what one of ``words`` is about."""
    for word, has in (INTERPRETATION, worded), (NEIGHBOURS, worded), (PROJECTION, projectable):
        if word in words and not any(has(config) for config in configs):
            needed = "text2vec-contextionary" if has is worded else "a text2vec module"
            lacking = f"class {configs[0].name} has no" if len(configs) == 1 else "no class has a"
            raise CallerError(
                f"unrecognized property {word!r} in ?include list; {lacking} vector that is made by {needed}"
            )


def needs_vectors(words: frozenset[str]) -> bool:
    return not words.isdisjoint((VECTOR, NEIGHBOURS, PROJECTION))


def encode_read(
    call: Call, config: CollectionConfig, found: Sequence[Object], words: frozenset[str]
) -> list[dict[str, object]]:
    """Stored objects of a collection as JSON, with what ``words`` add to them."""
    additional: list[dict[str, object]] = [{} for _ in found]
    if CLASSIFICATION in words:
        for one, more in zip(found, additional, strict=True):
            if one.classified is not None:
                more[CLASSIFICATION] = classified_to_json(one.classified)
    _say(call, config, found, words, additional)
    encoded = [_encoded(config, one, call.tenant, words) for one in found]
    return [
        {**one, **({"additional": more} if more else {}), **_UNWEIGHTED}
        for one, more in zip(encoded, additional, strict=True)
    ]


def _say(
    call: Call,
    config: CollectionConfig,
    found: Sequence[Object],
    words: frozenset[str],
    additional: Sequence[dict[str, object]],
) -> None:
    """Adds to ``additional`` what the vectors of ``found`` are in words, as far as the collection has such vectors."""
    verbs = call.service.words
    if worded(config) is not None and INTERPRETATION in words:
        for one, more in zip(found, additional, strict=True):
            more[INTERPRETATION] = sources_to_json(verbs.sources(config, one.properties))
    for name, vector in ((NEIGHBOURS, worded(config)), (PROJECTION, projectable(config))):
        if vector is None or name not in words:
            continue
        with_vector = [(one.vectors[vector.name], more) for one, more in zip(found, additional, strict=True)
                       if vector.name in one.vectors]  # fmt: skip
        vectors: list[Vector] = [one for one, _ in with_vector]
        if name == NEIGHBOURS:
            said = [neighbours_to_json(near) for near in verbs.neighbours(vectors)]
        else:
            said = [projection_to_json(point) for point in verbs.projections(vectors, ProjectionSettings())]
        for (_, more), value in zip(with_vector, said, strict=True):
            more[name] = value


def _encoded(config: CollectionConfig, stored: Object, tenant: str | None, words: frozenset[str]) -> dict[str, object]:
    vectors = stored.vectors if VECTOR in words else {}
    times_ms = (stored.created_ms, stored.updated_ms)
    return encode_object(
        config, stored.uuid, stored.properties, vectors, times_ms, tenant, figures=CLASSIFICATION in words
    )
