"""What ``include`` adds to each object that is read: its vector, its latest classification, its vector in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from weft.domain.errors import CallerError
from weft.domain.json_values import JsonObject
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.service.words.words import projectable, worded
from weft.wire.json.objects import classified_to_json, encode_object
from weft.wire.json.words import INTERPRETATION, NEIGHBOURS, PROJECTION, in_words
from weft.wire.rest.endpoint import Call
from weft.wire.rest.openapi.parameters import CLASSIFICATION, INCLUDES, VECTOR

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
    said = in_words(call.service.words, config, [(one.properties, one.vectors) for one in found], words)
    additional = [_additional(one, of_words, words) for one, of_words in zip(found, said, strict=True)]
    encoded = [_encoded(config, one, call.tenant, words) for one in found]
    return [
        {**one, **({"additional": more} if more else {}), **_UNWEIGHTED}
        for one, more in zip(encoded, additional, strict=True)
    ]


def _additional(stored: Object, said: JsonObject, words: frozenset[str]) -> JsonObject:
    if CLASSIFICATION in words and stored.classified is not None:
        return {**said, CLASSIFICATION: classified_to_json(stored.classified)}
    return said


def _encoded(config: CollectionConfig, stored: Object, tenant: str | None, words: frozenset[str]) -> dict[str, object]:
    vectors = stored.vectors if VECTOR in words else {}
    times_ms = (stored.created_ms, stored.updated_ms)
    return encode_object(
        config, stored.uuid, stored.properties, vectors, times_ms, tenant, figures=CLASSIFICATION in words
    )
