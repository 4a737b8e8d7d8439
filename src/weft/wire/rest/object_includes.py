"""What ``include`` adds to each object that is read: its vector, and what its latest classification was."""

from __future__ import annotations

from typing import Final

from weft.domain.errors import CallerError
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.wire.json.objects import classified_to_json, encode_object
from weft.wire.rest.endpoint import Call

_INCLUDES: Final = ("vector", "classification", "featureProjection", "interpretation")
_UNWEIGHTED: Final = {"vectorWeights": None}
"""Of every object that is read, as in Weaviate, where it is always null, too."""


def included(call: Call) -> list[str]:
    """The words of ``include``. Raises CallerError for one that is none of its."""
    words = [word for value in call.query.getlist("include") for word in value.split(",") if word]
    for word in words:
        if word not in _INCLUDES:
            raise CallerError(
                f"unrecognized property {word[:40]!r} in ?include list; one of {', '.join(_INCLUDES)} expected"
            )
    return words


def encode_read(config: CollectionConfig, stored: Object, tenant: str | None, words: list[str]) -> dict[str, object]:
    """A stored object as JSON, with what ``words`` add to it."""
    times_ms = (stored.created_ms, stored.updated_ms)
    figures = "classification" in words
    encoded = encode_object(config, stored.uuid, stored.properties, stored.vectors, times_ms, tenant, figures=figures)
    if figures and stored.classified is not None:
        encoded["additional"] = {"classification": classified_to_json(stored.classified)}
    return encoded | _UNWEIGHTED
