"""Multimodal vectorizers of providers: a few calls for each object, and one vector from its texts and media."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import Media, ModuleConfig, ModuleInput
from weft.modules.multimodal_vectorizer import MultimodalVectorizer, combined
from weft.modules.providers.connection import ProviderConnection, ProviderModule
from weft.modules.text_vectorizer import mean, text_setting, whole_number_setting


class ProviderMediaVectorizer(ProviderModule, MultimodalVectorizer):
    takes_dimensions: ClassVar[bool] = True

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        self.provider_for(settings).given_url(settings, Caller(), setting=self.address_setting)
        self.dimensions_of(settings)

    def fingerprint(self, settings: ModuleConfig) -> str:
        parts = [self.name, self.model_of(settings)]
        if self.takes_dimensions:
            parts.append(str(self.dimensions_of(settings) or ""))
        return "|".join(parts)

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: ModuleConfig, caller: Caller
    ) -> list[Vector | WeftError]:
        try:
            connection = self.connect(settings, caller, importing=True)
        except WeftError as error:
            return [error] * len(inputs)

        def one(given: ModuleInput) -> Vector | WeftError:
            try:
                vectors = self.embed_parts(connection, given.texts, given.media, settings)
            except WeftError as error:
                return error
            return vectors[0] if self.multi else combined(vectors, given.weights)

        return connection.each(one, inputs)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        return mean(self.embed_concepts(self.connect(settings, caller), texts, settings))

    def embed_media(self, kind: MediaKind, data_base64: str, settings: ModuleConfig, caller: Caller) -> Vector:
        if kind not in self.kinds:
            return super().embed_media(kind, data_base64, settings, caller)
        return self.embed_medium(self.connect(settings, caller), Media(kind, data_base64), settings)

    def embed_medium(self, connection: ProviderConnection, medium: Media, settings: ModuleConfig) -> Vector:
        """The vector of the one medium of a query."""
        return self.embed_parts(connection, (), [medium], settings)[0]

    def model_of(self, settings: ModuleConfig) -> str:
        return text_setting(settings, "model", self.model)

    def dimensions_of(self, settings: ModuleConfig) -> int | None:
        return whole_number_setting(settings, "dimensions") if self.takes_dimensions else None

    @abstractmethod
    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        """The vectors of an object's texts, then of its media, all of the module's ``kinds``."""

    @abstractmethod
    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        """The vectors of the texts of a query."""
