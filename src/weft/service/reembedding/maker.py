"""ObjectVectors: one vector of stored objects, made by its module; which objects got none, and why.

The first objects of a job are a sample: when the job continues, also in another process, they are embedded again, and
a model that answers differently is refused. Their vectors, and those of the report, are in the job's cursor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from weft.domain import json_fields
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, ProviderError, WeftError
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Object, Vector, format_uuid
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.engine.driver import OpenCollection
from weft.engine.filling import MadeVectors
from weft.modules.base import ModuleInput
from weft.modules.inputs import object_input
from weft.modules.registry import Registry
from weft.service.fingerprints import other_model
from weft.service.reembedding.sample import SAMPLED, StoredSample, check_alike, sampled_vectors
from weft.service.reembedding.throttle import Throttle
from weft.service.vectors import pooled

_MOST_REPORTED: Final = 200
_CHARS_PER_TOKEN: Final = 4


class ObjectVectors:
    """``vector`` returns the configuration of the vector as it is now; raises NotFound. ``copied`` returns the vector
    whose stored vectors are taken instead of being made again, if there is one. ``config``: of the collection, where it
    is not as it is now."""

    def __init__(
        self,
        registry: Registry,
        collection: OpenCollection,
        vector: Callable[[], VectorConfig],
        copied: Callable[[], VectorConfig | None],
        throttle: Throttle,
        caller: Caller,
        config: CollectionConfig | None = None,
    ) -> None:
        self._registry = registry
        self._collection = collection
        self._vector = vector
        self._copied = copied
        self._config = config
        self._throttle = throttle
        self._caller = caller
        self._shard = ""
        self._made = 0
        self._without = 0
        self._failed = 0
        self._chars = 0
        self._errors: list[JsonValue] = []
        self._samples: list[StoredSample] = []

    @property
    def failures(self) -> int:
        return self._failed

    def begin(self, shard: str, cursor: JsonObject | None) -> None:
        """Raises Invalid if the model is another than that of the vectors that are there, or answers differently."""
        first = not self._shard
        self._shard = shard
        vector = self._vector()
        if self._copied() is not None:
            if first and cursor is not None:
                self._continue(cursor)
            return
        module = self._registry.vectorizer(vector.vectorizer)
        with self._collection.use(self._tenant) as part:
            foreign = other_model(part, vector, module.fingerprint(vector.settings))
            if foreign is not None:
                raise foreign
            stored = sampled_vectors(part, vector)
        check_alike(vector, stored, self._embedded([one for one, _ in stored]))
        if first and cursor is not None:
            self._continue(cursor)
            again = [pair for one in self._samples if (pair := one.unchanged(self._collection)) is not None]
            check_alike(vector, again, self._embedded([one for one, _ in again]))

    @property
    def _tenant(self) -> str | None:
        return self._shard if self._collection.config.tenancy.enabled else None

    def trial(self, shard: str, objects: Sequence[Object]) -> tuple[Sequence[Vector | WeftError | None], int]:
        """The vectors of some objects of ``shard``, and of how many characters they were made."""
        self._shard = shard
        copied = self._copied()
        if copied is not None:
            return self._copy(copied, self._vector(), objects).vectors, 0
        found = self._embedded(objects)
        chars, self._chars = self._chars, 0
        return found, chars

    def make(self, objects: Sequence[Object], is_stopping: Callable[[], bool]) -> MadeVectors:
        """Raises ProviderError where a provider answers for none of them; the job can be started again then."""
        began_s = time.monotonic()
        vector = self._vector()
        copied = self._copied()
        if copied is not None:
            return self._copy(copied, vector, objects)
        found = self._embedded(objects)
        errors = [one for one in found if isinstance(one, WeftError)]
        if errors and len(errors) == sum(one is not None for one in found) and isinstance(errors[0], ProviderError):
            raise errors[0]
        vectors: list[Vector | None] = []
        for obj, one in zip(objects, found, strict=True):
            if isinstance(one, WeftError):
                self._note_failure(obj, one)
            vectors.append(None if one is None or isinstance(one, WeftError) else one)
        self._made += sum(one is not None for one in vectors)
        self._without += sum(one is None for one in found)
        if len(self._samples) < SAMPLED:
            pairs = [(obj, one) for obj, one in zip(objects, vectors, strict=True) if one is not None]
            self._samples += [
                StoredSample.of(self._shard, obj, one) for obj, one in pairs[: SAMPLED - len(self._samples)]
            ]
        self._throttle.rest(time.monotonic() - began_s, is_stopping)
        module = self._registry.vectorizer(vector.vectorizer)
        return MadeVectors(vectors, module.fingerprint(vector.settings))

    def report(self) -> JsonObject:
        return {
            "made": self._made,
            "without": self._without,
            "failed": self._failed,
            "tokens": self._chars // _CHARS_PER_TOKEN,
            "errors": list(self._errors),
            "samples": [one.to_json() for one in self._samples],
        }

    def _copy(self, copied: VectorConfig, vector: VectorConfig, objects: Sequence[Object]) -> MadeVectors:
        """The stored vectors, of which only the index changes."""
        with self._collection.use(self._tenant) as part:
            view, model = part.view(expired=True), part.models.get(copied.name, "")
            doc_ids = view.find([obj.uuid for obj in objects])
            there = [doc_id for doc_id in doc_ids if doc_id is not None]
            stored = dict(zip(there, view.vectors(copied.name, there), strict=True))
        found = [None if doc_id is None else stored[doc_id] for doc_id in doc_ids]
        vectors = [None if one is None else pooled(vector, one) for one in found]
        self._made += sum(one is not None for one in vectors)
        self._without += sum(one is None for one in vectors)
        return MadeVectors(vectors, model)

    def _continue(self, cursor: JsonObject) -> None:
        """From the report of an earlier run."""
        counts = [json_fields.integer(cursor, key, "report") or 0 for key in ("made", "without", "failed", "tokens")]
        self._made, self._without, self._failed, tokens = counts
        self._chars = tokens * _CHARS_PER_TOKEN
        self._errors = list(json_fields.array(cursor, "errors", "report") or ())
        self._samples = [StoredSample.of_json(one) for one in json_fields.objects(cursor, "samples", "report") or ()]

    def _embedded(self, objects: Sequence[Object]) -> list[Vector | WeftError | None]:
        """The vector of each object, or its error; None where it has nothing to embed."""
        vector, config = self._vector(), self._config or self._collection.config
        module = self._registry.vectorizer(vector.vectorizer)
        inputs = [object_input(config, vector, obj.properties, module.kinds) for obj in objects]
        distinct = list(dict.fromkeys(one for one in inputs if not one.is_empty))
        self._chars += sum(len(text) for one in distinct for text in one.texts)
        answers = module.embed_objects(distinct, vector.settings, self._caller) if distinct else []
        made: Mapping[ModuleInput, Vector | WeftError] = dict(zip(distinct, answers, strict=True))
        return [None if one.is_empty else _stored_form(vector, made[one]) for one in inputs]

    def _note_failure(self, obj: Object, error: WeftError) -> None:
        self._failed += 1
        if len(self._errors) < _MOST_REPORTED:
            self._errors.append({"id": format_uuid(obj.uuid), "shard": self._shard, "error": error.message[:500]})


def _stored_form(vector: VectorConfig, made: Vector | WeftError) -> Vector | WeftError:
    if isinstance(made, WeftError):
        return made
    found = pooled(vector, np.ascontiguousarray(made, np.float32))
    if not np.isfinite(found).all():
        return Invalid(f"{vector.vectorizer} has made a vector with NaN or an infinity")
    return found
