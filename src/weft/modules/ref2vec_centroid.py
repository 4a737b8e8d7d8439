"""``ref2vec-centroid``: the vector of an object is the mean of those of the objects that it refers to.

The service makes these vectors (``weft.service.centroids``), because a module sees one object at a time. There is no
model, so no text and no medium has a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NoReturn

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.schema import CENTROID_MODULE
from weft.modules.base import InputKind, ModuleConfig, ModuleInput, Vectorizer
from weft.modules.resources import Resources

_METHOD = "mean"


class Ref2VecCentroid(Vectorizer):
    title = "Ref2Vec Centroid Module"
    kinds: ClassVar[frozenset[InputKind]] = frozenset()

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {"method": _METHOD, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        given = settings.get("referenceProperties")
        if not isinstance(given, list | tuple) or not given or not all(isinstance(name, str) for name in given):
            raise Invalid("referenceProperties must name at least one property that holds references")
        if settings.get("method", _METHOD) != _METHOD:
            raise Invalid(f"method must be {_METHOD}, not {settings['method']!r:.40}")

    def fingerprint(self, settings: ModuleConfig) -> str:
        return f"{CENTROID_MODULE}|{_METHOD}"

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: ModuleConfig, caller: Caller
    ) -> list[Vector | WeftError]:
        self._refuse()

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Invalid(f"module {self.name} embeds no texts and no media; search by a vector or an object")
