"""Samples: does a model still answer as it did when it made the vectors that are there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from weft.domain import json_fields
from weft.domain.errors import Invalid, WeftError
from weft.domain.json_values import JsonObject
from weft.domain.objects import Object, Vector, format_uuid, parse_uuid
from weft.domain.schema import VectorConfig
from weft.engine.driver import OpenCollection
from weft.engine.part import Part
from weft.engine.view import find_objects

SAMPLED: Final = 4
LEAST_COSINE: Final = 0.99
"""Rounding, another batch and another machine change a vector by less; another revision, pooling or prompt by more."""


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A vector that was made of an object as it was at ``updated_ms``."""

    shard: str
    uuid: bytes
    updated_ms: int
    vector: Vector

    @classmethod
    def of(cls, shard: str, obj: Object, vector: Vector) -> StoredSample:
        return cls(shard, obj.uuid, obj.updated_ms, vector if vector.ndim == 1 else vector[:1])

    def to_json(self) -> JsonObject:
        vector = [round(float(one), 6) for one in self.vector.ravel()]
        is_multi = self.vector.ndim == 2
        id = format_uuid(self.uuid)
        return {"shard": self.shard, "id": id, "updated": self.updated_ms, "multi": is_multi, "vector": [*vector]}

    @classmethod
    def of_json(cls, stored: JsonObject) -> StoredSample:
        numbers = np.asarray(json_fields.array(stored, "vector", "sample") or [], np.float32)
        vector = numbers[None, :] if stored.get("multi") else numbers
        updated = json_fields.integer(stored, "updated", "sample") or 0
        return cls(str(stored["shard"]), parse_uuid(str(stored["id"])), updated, vector)

    def unchanged(self, collection: OpenCollection) -> tuple[Object, Vector] | None:
        """The object, if it is as it was, with the vector."""
        tenant = self.shard if collection.config.tenancy.enabled else None
        try:
            with collection.use(tenant) as part:
                (found,) = find_objects(part.view(), [self.uuid], vectors=False)
        except WeftError:
            return None
        same = found is not None and found[1].updated_ms == self.updated_ms
        return (found[1], self.vector) if found is not None and same else None


def sampled_vectors(part: Part, vector: VectorConfig) -> list[tuple[Object, Vector]]:
    """Some objects of the part with their vectors of that name, if its module made them; not those of callers."""
    if vector.name not in part.models:
        return []
    view = part.view()
    doc_ids = view.page(None, 16 * SAMPLED).tolist()
    found = [(doc_id, one) for doc_id, one in zip(doc_ids, view.vectors(vector.name, doc_ids), strict=True)]
    chosen = [(doc_id, one) for doc_id, one in found if one is not None][:SAMPLED]
    records = view.records([doc_id for doc_id, _ in chosen])
    return [(record.to_object(), one) for record, (_, one) in zip(records, chosen, strict=True)]


def check_alike(
    vector: VectorConfig, stored: Sequence[tuple[Object, Vector]], made: Sequence[Vector | WeftError | None]
) -> None:
    """Raises Invalid unless at least one of the ``stored`` vectors was ``made`` again; where callers send vectors of
    their own, some may differ."""
    cosines = [
        cosine(before, now)
        for (_, before), now in zip(stored, made, strict=True)
        if now is not None and not isinstance(now, WeftError)
    ]
    if cosines and max(cosines) < LEAST_COSINE:
        raise Invalid(
            f"the model of vector {vector.public_name!r} answers differently than when its vectors were made: of "
            f"{len(cosines)} stored objects that were embedded again, the most alike has a cosine of "
            f"{max(cosines):.3f} with its vector, and {LEAST_COSINE} is needed. Start the server with the model "
            "as it was and try again; or make all vectors again by the model that it is now: cancel this, and start it "
            "with the module and the model named",
            cosine=max(cosines),
        )


def cosine(one: Vector, other: Vector) -> float:
    """Of two vectors, or of the first tokens of two multi-vectors; -1 where their dimensions differ."""
    a, b = (np.asarray(v[0] if v.ndim == 2 else v, np.float64) for v in (one, other))
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    if a.shape != b.shape or not length:
        return 1.0 if a.shape == b.shape and not (a.any() or b.any()) else -1.0
    return float(a @ b / length)
