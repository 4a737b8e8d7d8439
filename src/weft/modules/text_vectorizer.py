"""The common part of all text vectorizers: settings of the collection and its properties, and their validation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.modules.base import ModuleConfig, ModuleInput, Vectorizer
from weft.modules.inputs import embedded_properties, setting

NOTHING_TO_EMBED = (
    "invalid properties: didn't find a single property which is vectorizable and is not excluded from indexing. "
    "To fix this add a vectorizable property which is not excluded from indexing"
)


class TextVectorizer(Vectorizer):
    """Embeds the text that ``weft.modules.inputs`` makes from an object."""

    vectorize_class_name: ClassVar[bool] = True
    """The default of ``vectorizeClassName`` in a new collection."""

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {"vectorizeClassName": self.vectorize_class_name, **settings}

    def property_defaults(self) -> dict[str, object]:
        return {"skip": False, "vectorizePropertyName": False}

    def check_settings(self, settings: ModuleConfig) -> None:
        check_source_properties(settings)

    def validate(self, config: CollectionConfig, vector: VectorConfig, auto_schema: bool) -> None:
        super().validate(config, vector, auto_schema)
        if auto_schema or setting(vector.settings, "vectorizeClassName", True):
            return
        if not embedded_properties(config, vector):
            raise Invalid(NOTHING_TO_EMBED, collection=config.name, vector=vector.name)

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: ModuleConfig, caller: Caller
    ) -> list[Vector | WeftError]:
        return self.embed_texts([" ".join(one.texts) for one in inputs], settings, caller)

    @abstractmethod
    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        """One vector, ``(d,)`` or if ``multi`` ``(T, d)``, or one error for each document, in order."""


def check_source_properties(settings: ModuleConfig) -> None:
    given = settings.get("properties")
    if given is None:
        return
    if not isinstance(given, list | tuple):
        raise Invalid(f"properties field needs to be of array type, got: {type(given).__name__}")
    if not given:
        raise Invalid("properties field needs to have at least 1 property defined")
    for name in given:
        if not isinstance(name, str):
            raise Invalid(f"properties field value: {name} must be a string")


def text_setting(settings: ModuleConfig, name: str, default: str = "") -> str:
    """A text setting; raises Invalid for another type."""
    value = settings.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Invalid(f"setting {name} must be text, not {value!r}")
    return value


def whole_number_setting(settings: ModuleConfig, name: str) -> int | None:
    """An integer above 0, or None when it is not given; raises Invalid for anything else."""
    value = settings.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        raise Invalid(f"setting {name} must be an integer above 0, not {value!r}")
    return int(value)


def mean(vectors: Sequence[Vector | WeftError]) -> Vector:
    """The mean of ``(d,)`` vectors; raises the first error among them."""
    found: list[Vector] = []
    for one in vectors:
        if isinstance(one, WeftError):
            raise one
        found.append(one)
    return found[0] if len(found) == 1 else np.mean(np.stack(found), axis=0, dtype=np.float32)
