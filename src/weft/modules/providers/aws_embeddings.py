"""Embeddings of AWS: ``text2vec-aws`` (Bedrock and SageMaker), ``multi2vec-aws`` (Bedrock).

Keys, region and address: see ``aws``; pace: see ``provider``, with the prefix AWS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.modules.base import Media, ModuleConfig
from weft.modules.providers.answers import list_of, vector_of
from weft.modules.providers.aws import BEDROCK, SAGEMAKER, TARGETS, AwsModule, invocation_path, region_of
from weft.modules.providers.batches import chunks
from weft.modules.providers.bedrock_embeddings import (
    COHERE_TEXTS_PER_CALL,
    amazon_image,
    amazon_text,
    cohere_image,
    cohere_texts,
    is_cohere,
    vectors_in,
)
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting


def embed_texts(
    connection: ProviderConnection, model: str, texts: Sequence[str], searching: bool, dimensions: int | None
) -> list[Vector]:
    """The vectors of one model of Bedrock for ``texts``, in as many calls as it needs."""
    path, found = invocation_path(model), []
    if is_cohere(model):
        for part in chunks(texts, COHERE_TEXTS_PER_CALL):
            answer = connection.post(path, cohere_texts(model, part, searching, dimensions))
            found += vectors_in(answer, len(part), connection.provider)
        return found
    for text in texts:
        answer = connection.post(path, amazon_text(model, text, searching, dimensions))
        found += vectors_in(answer, 1, connection.provider)
    return found


class Text2VecAws(AwsModule, ProviderTextVectorizer):
    title = "AWS Module"
    documentation = "https://docs.aws.amazon.com/bedrock/latest/userguide/titan-embedding-models.html"
    model = "unnamed"
    texts_per_call = COHERE_TEXTS_PER_CALL
    document_role, query_role = "document", "query"
    vectorize_class_name = False
    written: ClassVar[Mapping[str, object]] = {"service": BEDROCK}

    def service_for(self, settings: ModuleConfig) -> str:
        return text_setting(settings, "service", BEDROCK)

    def model_of(self, settings: ModuleConfig) -> str:
        """That of SageMaker is the endpoint and its target."""
        names = ("model",) if self.service_for(settings) == BEDROCK else ("endpoint", *TARGETS)
        return "/".join(filter(None, (text_setting(settings, name) for name in names))) or self.model

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        service, model = self.service_for(settings), text_setting(settings, "model")
        endpoint = text_setting(settings, "endpoint")
        if service not in (BEDROCK, SAGEMAKER):
            raise Invalid(f"wrong service, available services are: {BEDROCK}, {SAGEMAKER}")
        region_of(settings)
        if service == BEDROCK:
            if not model:
                raise Invalid("model has to be defined")
            if endpoint:
                raise Invalid(f"wrong configuration: endpoint {endpoint}, not applicable to {service}")
            is_cohere(model)
        elif not endpoint:
            raise Invalid("endpoint cannot be empty")
        elif self.dimensions_of(settings) is not None:
            raise Invalid(f"dimensions, not applicable to {service}: the endpoint decides them; leave the setting out")
        elif model:
            raise Invalid(f"wrong configuration: model, not applicable to {service}. did you mean targetModel")

    def most_texts(self, settings: ModuleConfig) -> int:
        one_a_call = self.service_for(settings) == BEDROCK and "amazon." in self.model_of(settings)
        return 1 if one_a_call else self.texts_per_call

    def embed(
        self, connection: ProviderConnection, texts: Sequence[str], role: str, settings: ModuleConfig
    ) -> list[Vector]:
        if self.service_for(settings) == BEDROCK:
            searching = role == self.query_role
            return embed_texts(connection, self.model_of(settings), texts, searching, self.dimensions_of(settings))
        path = f"/endpoints/{quote(text_setting(settings, 'endpoint'), safe='')}/invocations"
        found = list_of(connection.post_any(path, {"inputs": list(texts)}), "embeddings", self.provider, len(texts))
        return [vector_of(one, self.provider) for one in found]


class Multi2VecAws(AwsModule, ProviderMediaVectorizer):
    """Amazon's models embed one text or image a call; Cohere's all texts of an object, and each image by itself."""

    title = "AWS CLIP Module"
    documentation = "https://docs.aws.amazon.com/bedrock/latest/userguide/titan-multiemb-models.html"
    model = "amazon.titan-embed-image-v1"

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        region_of(settings)
        is_cohere(self.model_of(settings))

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        model, dimensions = self.model_of(settings), self.dimensions_of(settings)
        found = embed_texts(connection, model, texts, False, dimensions) if texts else []
        return [*found, *(self._image(connection, one.data, False, settings) for one in media)]

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return embed_texts(connection, self.model_of(settings), texts, True, self.dimensions_of(settings))

    def embed_medium(self, connection: ProviderConnection, medium: Media, settings: ModuleConfig) -> Vector:
        return self._image(connection, medium.data, True, settings)

    def _image(self, connection: ProviderConnection, image: str, searching: bool, settings: ModuleConfig) -> Vector:
        model, dimensions = self.model_of(settings), self.dimensions_of(settings)
        if is_cohere(model):
            body = cohere_image(model, image, dimensions)
        else:
            body = amazon_image(model, image, searching, dimensions)
        return vectors_in(connection.post(invocation_path(model), body), 1, self.provider)[0]
