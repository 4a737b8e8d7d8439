"""Requests for classifications, and what is known of those that were begun."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import NotFound
from weft.domain.filters import Filter
from weft.domain.jobs import JobRecord
from weft.domain.json_values import JsonObject, JsonValue
from weft.service.classification.stored_filters import filter_of, filter_to_json

KNN = "knn"
ZERO_SHOT = "zeroshot"
CONTEXTUAL = "text2vec-contextionary-contextual"
ALIASES = {"": KNN, "text2vec-contextionary": CONTEXTUAL}
"""Names of kinds in requests beside their own: none, and that of the client for Go."""


@dataclass(frozen=True, slots=True)
class NewClassification:
    """``properties`` are the references to be set, ``based_on`` the text that they depend on. ``source`` limits which
    objects are classified, ``training`` which ones they learn from, ``target`` which ones they may point to; ``stated``
    has these filters as the caller wrote them. ``settings`` depend on ``kind``.
    """

    collection: str
    properties: tuple[str, ...]
    based_on: tuple[str, ...]
    kind: str = KNN
    settings: JsonValue = None
    source: Filter | None = None
    training: Filter | None = None
    target: Filter | None = None
    stated: JsonObject | None = None

    def to_json(self) -> JsonObject:
        """For ``of_json`` in a later process."""
        return {
            "collection": self.collection,
            "properties": list(self.properties),
            "basedOn": list(self.based_on),
            "kind": self.kind,
            "settings": self.settings,
            "source": filter_to_json(self.source),
            "training": filter_to_json(self.training),
            "target": filter_to_json(self.target),
            "stated": self.stated,
        }

    @classmethod
    def of_json(cls, given: JsonObject) -> NewClassification:
        """From what ``to_json`` returned."""
        return cls(
            collection=str(given["collection"]),
            properties=_texts(given["properties"]),
            based_on=_texts(given["basedOn"]),
            kind=str(given["kind"]),
            settings=given["settings"],
            source=filter_of(given["source"]),
            training=filter_of(given["training"]),
            target=filter_of(given["target"]),
            stated=given["stated"] if isinstance(given["stated"], dict) else None,
        )


@dataclass(frozen=True, slots=True)
class ClassificationState:
    """``succeeded`` and ``failed`` count objects."""

    asked: NewClassification
    record: JobRecord
    succeeded: int = 0
    failed: int = 0


def unknown_classification(id: str) -> NotFound:
    return NotFound(f"there is no classification {id[:80]!r}", id=id)


def _texts(given: JsonValue) -> tuple[str, ...]:
    return tuple(str(one) for one in given) if isinstance(given, list) else ()
