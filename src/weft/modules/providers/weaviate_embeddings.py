"""Weaviate's embedding service: ``text2vec-weaviate``, ``multi2multivec-weaviate``.

Key, address and pace: see ``provider``, with the prefix WEAVIATE. The key is that of a cluster of Weaviate Cloud, and
the service also wants the cluster's address: header ``X-Weaviate-Cluster-Url``, else variable WEAVIATE_CLUSTER_URL. The
caller's own key for this server (``Authorization``) is not sent there.
Source: https://docs.weaviate.io/cloud/embeddings
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import InputKind, Media, ModuleConfig
from weft.modules.providers.answers import list_of, vector_of
from weft.modules.providers.connection import ProviderConnection, ProviderModule
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

HOST = "https://api.embedding.weaviate.io"
_REFERENCE = "https://docs.weaviate.io/cloud/embeddings"
_PATH = "/v1/embeddings/embed"
_MODEL, _MULTIMODAL_MODEL = "Snowflake/snowflake-arctic-embed-l-v2.0", "ModernVBERT/colmodernvbert"
_CLUSTER_HEADER, _CLUSTER_VARIABLE = "X-Weaviate-Cluster-Url", "WEAVIATE_CLUSTER_URL"


class WeaviateModule(ProviderModule):
    provider = Provider("Weaviate Embeddings", "WEAVIATE", (HOST,), explained("connection to Weaviate Embeddings"))
    path = _PATH

    def headers_for(self, settings: ModuleConfig, caller: Caller) -> Mapping[str, str]:
        cluster = caller.credentials.get(_CLUSTER_HEADER) or os.environ.get(_CLUSTER_VARIABLE, "")
        return {**self.headers, _CLUSTER_HEADER: cluster} if cluster else self.headers

    def _vectors(self, answer: JsonObject, count: int, *, multi: bool) -> list[Vector]:
        found = list_of(answer.get("embeddings"), "embeddings", self.provider, count)
        return [vector_of(one, self.provider, multi=multi) for one in found]


class Text2VecWeaviate(WeaviateModule, ProviderTextVectorizer):
    title = "Weaviate Embedding Module"
    documentation = _REFERENCE
    model = _MODEL
    texts_per_call = 200
    document_role, query_role = "document", "query"
    written: ClassVar[Mapping[str, object]] = {"baseURL": "", "model": _MODEL}

    def more(self, role: str, settings: ModuleConfig) -> dict[str, object]:
        return {"is_search_query": True} if role == self.query_role else {}

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        return self._vectors(answer, count, multi=self.multi)


class Multi2MultivecWeaviate(WeaviateModule, ProviderMediaVectorizer):
    """One multi-vector for the image of an object, such as the patches of a page; queries are texts or images."""

    title = "Weaviate Multivec Embedding Module"
    documentation = _REFERENCE
    kinds: ClassVar[frozenset[InputKind]] = frozenset({MediaKind.IMAGE})
    multi = True
    model = _MULTIMODAL_MODEL
    takes_dimensions = False
    written: ClassVar[Mapping[str, object]] = {
        "baseURL": "",
        "model": _MULTIMODAL_MODEL,
        "vectorizeClassName": False,
    }

    def check_settings(self, settings: ModuleConfig) -> None:
        if settings.get("textFields"):
            raise Invalid("textFields are not embedded by multi2multivec-weaviate; name one property in imageFields")
        super().check_settings(settings)

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        return self._embed(connection, [one.data for one in media], {}, settings)

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return self._embed(connection, texts, {"is_search_query": True}, settings)

    def _embed(
        self, connection: ProviderConnection, inputs: Sequence[str], more: Mapping[str, object], settings: ModuleConfig
    ) -> list[Vector]:
        body = {"input": list(inputs), "model": self.model_of(settings), **more}
        return self._vectors(connection.post(self.path, body), len(inputs), multi=True)
