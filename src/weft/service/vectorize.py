"""Fills the missing vectors of objects by the modules of their collection, before anything is locked or stored.

Equal inputs are embedded once for all vectors of one module with equal settings, and for all objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.metering import metering
from weft.domain.objects import Object
from weft.domain.schema import CENTROID_MODULE, CollectionConfig, VectorConfig
from weft.engine.part import Part
from weft.modules.inputs import object_input, vectorised_alike
from weft.modules.registry import Registry
from weft.service.centroids import Centroids
from weft.service.fingerprints import other_model
from weft.service.vectors import pooled

_OTHERS = ("none", CENTROID_MODULE)
"""Vectors that no module makes from the object's own properties."""


class ObjectVectorizer:
    def __init__(self, registry: Registry, centroids: Centroids) -> None:
        self._registry = registry
        self._centroids = centroids

    def fill(
        self, config: CollectionConfig, part: Part, tenant: str | None, objects: Sequence[Object], caller: Caller
    ) -> list[WeftError | None]:
        """Give each object, to be stored in ``part``, the missing vectors that a module makes; one error or None each.

        None is made where the index was dropped. If the part has vectors of another model, that is the error.
        """
        errors = self._centroids.fill(config, tenant, objects)
        made = [one for one in config.stored.values() if one.vectorizer not in _OTHERS and not one.index.is_dropped]
        with metering(config.name):
            for vectors in _alike(made):
                self._fill(config, part, vectors, objects, errors, caller)
        return errors

    def _fill(
        self,
        config: CollectionConfig,
        part: Part,
        vectors: Sequence[VectorConfig],
        objects: Sequence[Object],
        errors: list[WeftError | None],
        caller: Caller,
    ) -> None:
        """For one group of ``_alike``. Changes ``objects`` and ``errors``; skips objects with an error."""
        lacking = {
            i: names
            for i, one in enumerate(objects)
            if errors[i] is None and (names := [vector for vector in vectors if vector.name not in one.vectors])
        }
        if not lacking:
            return
        vectorizer, settings = vectors[0].vectorizer, vectors[0].settings
        module = self._registry.vectorizer(vectorizer)
        inputs = {i: object_input(config, vectors[0], objects[i].properties, module.kinds) for i in lacking}
        fingerprint = module.fingerprint(settings)
        foreign = {vector.name: other_model(part, vector, fingerprint) for vector in vectors}
        for i, given in inputs.items():
            if not given.is_empty:
                errors[i] = next((error for vector in lacking[i] if (error := foreign[vector.name])), None)
        asked = {i: given for i, given in inputs.items() if not given.is_empty and errors[i] is None}
        distinct = list(dict.fromkeys(asked.values()))
        made = dict(zip(distinct, module.embed_objects(distinct, settings, caller) if distinct else [], strict=True))
        model = module.fingerprint(settings)  # after embedding, because only a loaded model has a revision
        for i, given in asked.items():
            result = made[given]
            if isinstance(result, WeftError):
                errors[i] = result
                continue
            for vector in lacking[i]:
                objects[i].vectors[vector.name] = pooled(vector, np.ascontiguousarray(result, np.float32))
                objects[i].models[vector.name] = model

    @staticmethod
    def keep_unchanged(config: CollectionConfig, old: Object, new: Object) -> None:
        """Give ``new`` the vectors of ``old`` that a module made from the same properties."""
        for vector in config.stored.values():
            if vector.vectorizer in _OTHERS or vector.name in new.vectors or vector.name not in old.vectors:
                continue
            if vectorised_alike(config, vector, old.properties, new.properties):
                new.vectors[vector.name] = old.vectors[vector.name]

    @staticmethod
    def keep_provided(config: CollectionConfig, old: Object, new: Object) -> None:
        """Give ``new`` the vectors of ``old`` that no module makes, unless it has its own."""
        for vector in config.stored.values():
            if vector.vectorizer == "none" and vector.name in old.vectors:
                new.vectors.setdefault(vector.name, old.vectors[vector.name])


def _alike(vectors: Iterable[VectorConfig]) -> list[list[VectorConfig]]:
    """``vectors`` grouped by module, settings and the properties that they are made from."""
    found: list[list[VectorConfig]] = []
    for vector in vectors:
        for others in found:
            first = others[0]
            if (first.vectorizer, first.source_properties) == (vector.vectorizer, vector.source_properties) and (
                first.settings == vector.settings
            ):
                others.append(vector)
                break
        else:
            found.append([vector])
    return found
