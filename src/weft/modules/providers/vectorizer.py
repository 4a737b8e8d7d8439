"""The common part of all vectorizers of providers: the space of their vectors, and what new collections store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weft.modules.base import ModuleConfig, Vectorizer
from weft.modules.providers.connection import ProviderModule
from weft.modules.text_vectorizer import whole_number_setting


class ProviderVectorizer(ProviderModule, Vectorizer):
    takes_dimensions: ClassVar[bool] = True
    written: ClassVar[Mapping[str, object]] = {}
    """The defaults of new collections."""
    space: ClassVar[str] = ""
    """The name of the module in fingerprints, if it has several names."""

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {**super().defaults({}), **self.written, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        self.dimensions_of(settings)

    def fingerprint(self, settings: ModuleConfig) -> str:
        parts = [self.space or self.name, self.model_of(settings)]
        if self.takes_dimensions:
            parts.append(str(self.dimensions_of(settings) or ""))
        return "|".join(parts)

    def dimensions_of(self, settings: ModuleConfig) -> int | None:
        return whole_number_setting(settings, "dimensions") if self.takes_dimensions else None
