"""Fills the vectors that objects lack, by the modules of their collection, before anything is locked or stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.engine.part import Part
from weft.modules.base import Registry
from weft.modules.inputs import object_input, vectorised_alike
from weft.service.fingerprints import other_model
from weft.service.vectors import pooled


class ObjectVectorizer:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def fill(
        self, config: CollectionConfig, part: Part, objects: Sequence[Object], caller: Caller
    ) -> list[WeftError | None]:
        """Give each object, meant for ``part``, the vectors that it lacks and a module makes; one error or None each.

        Where the part has vectors of another model, that is the error.
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
            foreign = other_model(part, vector, module.fingerprint(vector.settings))
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
                    objects[i].vectors[vector.name] = pooled(vector, np.ascontiguousarray(result, np.float32))
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
