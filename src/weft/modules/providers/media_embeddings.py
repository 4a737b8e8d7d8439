"""Multimodal vectorizers of providers: a few calls for each object, and one vector from its texts and media."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import Media, ModuleConfig, ModuleInput
from weft.modules.multimodal_vectorizer import MultimodalVectorizer, check_one_property, combined
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.vectorizer import ProviderVectorizer
from weft.modules.text_vectorizer import mean


class ProviderMediaVectorizer(ProviderVectorizer, MultimodalVectorizer):
    """If ``multi``, an object has one text or one medium, and a query one text or one medium."""

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        if self.multi:
            check_one_property(settings)

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
        if self.multi and len(texts) != 1:
            raise Invalid(f"only 1 query can be vectorized, passed {len(texts)} queries")
        return mean(self.embed_concepts(self.connect(settings, caller), texts, settings))

    def embed_media(self, kind: MediaKind, data_base64: str, settings: ModuleConfig, caller: Caller) -> Vector:
        if kind not in self.kinds:
            return super().embed_media(kind, data_base64, settings, caller)
        return self.embed_medium(self.connect(settings, caller), Media(kind, data_base64), settings)

    def embed_medium(self, connection: ProviderConnection, medium: Media, settings: ModuleConfig) -> Vector:
        """The vector of the one medium of a query."""
        return self.embed_parts(connection, (), [medium], settings)[0]

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
