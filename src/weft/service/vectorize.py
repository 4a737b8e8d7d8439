"""Fills the vectors that objects lack, by the modules of their collection, before anything is locked or stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.engine.embedded.shard import Shard
from weft.engine.pooling import pool_tokens
from weft.modules.base import Registry
from weft.modules.inputs import object_input, vectorised_alike
from weft.service.fingerprints import other_model


class ObjectVectorizer:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def fill(
        self, config: CollectionConfig, shard: Shard, objects: Sequence[Object], caller: Caller
    ) -> list[WeftError | None]:
        """Give each object, meant for ``shard``, the vectors that it lacks and a module makes; one error or None each.

        Where the shard has vectors of another model, that is the error.
        """
        errors: list[WeftError | None] = [None] * len(objects)
        for vector in config.vectors.values():
            if vector.vectorizer == "none":
                continue
            missing = [i for i, o in enumerate(objects) if errors[i] is None and vector.name not in o.vectors]
            if not missing:
                continue
            module = self._registry.vectorizer(vector.vectorizer)
            inputs = [object_input(config, vector, objects[i].properties, module.kinds) for i in missing]
            asked = [(i, one) for i, one in zip(missing, inputs, strict=True) if not one.is_empty]
            foreign = other_model(shard, vector, module.fingerprint(vector.settings))
            if foreign is not None:
                for i, _ in asked:
                    errors[i] = foreign
                continue
            made = module.embed_objects([one for _, one in asked], vector.settings, caller)
            model = module.fingerprint(vector.settings)  # a model that was fetched just now has a revision at last
            for (i, _), result in zip(asked, made, strict=True):
                if isinstance(result, WeftError):
                    errors[i] = result
                else:
                    objects[i].vectors[vector.name] = _pooled(vector, np.ascontiguousarray(result, np.float32))
                    objects[i].models[vector.name] = model
        return errors

    @staticmethod
    def keep_unchanged(config: CollectionConfig, old: Object, new: Object) -> None:
        """Give ``new`` the vectors of ``old`` that a module would make again from the same properties."""
        for vector in config.vectors.values():
            if vector.vectorizer == "none" or vector.name in new.vectors or vector.name not in old.vectors:
                continue
            if vectorised_alike(config, vector, old.properties, new.properties):
                new.vectors[vector.name] = old.vectors[vector.name]

    @staticmethod
    def keep_provided(config: CollectionConfig, old: Object, new: Object) -> None:
        """Give ``new`` the vectors of ``old`` that no module makes, where it has none of its own."""
        for vector in config.vectors.values():
            if vector.vectorizer == "none" and vector.name in old.vectors:
                new.vectors.setdefault(vector.name, old.vectors[vector.name])


def checked_vectors(config: CollectionConfig, vectors: dict[str, Vector]) -> dict[str, Vector]:
    """The vectors of a request as they are stored: tokens pooled where the collection says so.

    Refuses vectors that the collection does not have or of the wrong kind; storage checks their numbers.
    """
    for name, vector in vectors.items():
        target = config.vectors.get(name)
        if target is None:
            raise Invalid(_unknown(config, name))
        _check_one(target, vector)
    return {name: _pooled(config.vectors[name], vector) for name, vector in vectors.items()}


def _pooled(target: VectorConfig, vector: Vector) -> Vector:
    multi = target.index.multivector
    if multi is None or multi.pooling == 1:
        return vector
    return pool_tokens(vector, multi.pooling)


def _check_one(target: VectorConfig, vector: Vector) -> None:
    multi = target.index.multivector is not None
    if multi and vector.ndim != 2:
        raise Invalid(
            f"vector {target.name!r} is a multi-vector: it takes a list of token vectors, not one vector of "
            f"{vector.shape[-1]} numbers"
        )
    if not multi and vector.ndim != 1:
        raise Invalid(
            f"vector {target.name!r} is a single vector: it takes one list of numbers, not {vector.shape[0]} token "
            "vectors; enable multivector on its index to store those"
        )
    if vector.size == 0:
        raise Invalid(f"vector {target.name!r} is empty")


def _unknown(config: CollectionConfig, name: str) -> str:
    if not config.named_vectors or not config.vectors:
        return f"collection {config.name} is configured without named vectors, but received named vector {name!r}"
    return (
        f"collection {config.name} has no vector {name!r}; its vectors are {', '.join(config.vectors)}. "
        "Add it to the collection, or send one of those"
    )
