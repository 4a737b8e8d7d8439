"""The common part of all multimodal vectorizers: the properties that they read, and combining several vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.domain.schema import CollectionConfig, DataType, VectorConfig
from weft.modules.base import TEXT, InputKind, ModuleConfig, Vectorizer
from weft.modules.inputs import fields_of


class MultimodalVectorizer(Vectorizer):
    """Reads ``textFields``, ``imageFields`` and so on, with ``weights`` of the same names."""

    kinds: ClassVar[frozenset[InputKind]] = frozenset({TEXT, MediaKind.IMAGE})

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        names = [f"{kind}Fields" for kind in sorted(self.kinds, reverse=True)]
        if not any(name in settings for name in names):
            raise Invalid(f"{' or '.join(names)} setting needs to be present")
        for kind in sorted(self.kinds):
            if f"{kind}Fields" in settings:
                _check_fields(settings, kind)

    def validate(self, config: CollectionConfig, vector: VectorConfig, auto_schema: bool) -> None:
        super().validate(config, vector, auto_schema)
        fields = [name for kind in self.kinds for name in fields_of(vector.settings, kind)]
        hashed = next(
            (p.name for p in config.properties if p.data_type is DataType.BLOB_HASH and p.name in fields), None
        )
        if hashed is not None and len(fields) > 1:
            raise Invalid(
                f"property {hashed!r} is of type blobHash, so its medium is gone when another field changes, and the "
                "vector could not be made again; embed it in another named vector, or use the type blob"
            )
        if auto_schema:
            return
        for kind in sorted(self.kinds):
            for name in vector.settings.get(f"{kind}Fields") or ():
                if name not in config.by_name:
                    raise Invalid(f"{kind}Fields names {name!r}, which is not a property of {config.name}")


def _check_fields(settings: ModuleConfig, kind: str) -> None:
    given = settings[f"{kind}Fields"]
    if not isinstance(given, list | tuple):
        raise Invalid(f"{kind}Fields must be an array")
    if not given:
        raise Invalid(f"must contain at least one {kind} field name in {kind}Fields")
    for name in given:
        if not isinstance(name, str):
            raise Invalid(f"{kind}Field must be a string")
        if not name:
            raise Invalid(f"{kind}Field values cannot be empty")
    stated = settings.get("weights") or {}
    if not isinstance(stated, Mapping):
        raise Invalid(f"weights must be an object of lists, not {stated!r:.40}")
    weights = stated.get(f"{kind}Fields")
    if weights is None:
        return
    if not isinstance(weights, list | tuple) or len(weights) != len(given):
        raise Invalid(f"weights.{kind}Fields does not equal number of {kind}Fields")
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise Invalid(f"weights.{kind}Fields must hold numbers, not {weight!r:.40}")


def check_one_property(settings: ModuleConfig) -> None:
    """Raises Invalid unless ``textFields`` and ``imageFields`` together name one property: multi-vectors cannot be
    combined."""
    fields = [*fields_of(settings, TEXT), *fields_of(settings, MediaKind.IMAGE)]
    if len(fields) != 1:
        raise Invalid(f"exactly one property in textFields or imageFields is embedded, not {len(fields)}")
    if settings.get("weights"):
        raise Invalid("weights have no meaning for one property; leave them out")


def combined(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """The mean of ``(d,)`` vectors; with ``weights`` (one each), their weighted sum divided by their number.

    The weights are first scaled to sum to 1. Dividing once more is what Weaviate does; it changes only the length
    of the vector.
    """
    stacked = np.stack(vectors)
    total = float(np.sum(weights)) if len(weights) == len(vectors) else 0.0
    if total == 0:
        plain: Vector = stacked.mean(axis=0, dtype=np.float32)
        return plain
    shares = np.asarray(weights, np.float32) / np.float32(total)
    found: Vector = (shares @ stacked / np.float32(len(vectors))).astype(np.float32)
    return found
