"""Text vectorizers of providers, by default with OpenAI's protocol, which most use.

``{"input": [...], "model": ...}`` is sent to ``path``, and ``data`` of the answer holds an ``embedding`` for each
``index``. A provider that differs declares or overrides that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.providers.answers import by_index, items_of, vector_of
from weft.modules.providers.batches import batches_by_size, chunks, embed_batch
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.provider import Provider
from weft.modules.providers.vectorizer import ProviderVectorizer
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting


class ProviderTextVectorizer(ProviderVectorizer, TextVectorizer):
    path: ClassVar[str] = "/v1/embeddings"
    texts_per_call: ClassVar[int]
    bytes_per_call: ClassVar[int | None] = None
    """The most bytes of UTF-8 in a call, if the provider limits its tokens."""
    document_role: ClassVar[str] = ""
    query_role: ClassVar[str] = ""
    """The provider's names for a stored text and a query, if it distinguishes them."""
    orders_by_index: ClassVar[bool] = True
    """Whether answers are ordered by ``index``; otherwise they are in the order of the texts."""

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        try:
            connection = self.connect(settings, caller, importing=True)
        except WeftError as error:
            return [error] * len(texts)

        def settle(batch: Sequence[str]) -> list[Vector | WeftError]:
            return embed_batch(batch, lambda part: self.embed(connection, part, self.document_role, settings))

        return [vector for batch in connection.each(settle, self._batches(texts, settings)) for vector in batch]

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        connection = self.connect(settings, caller)
        batches = self._batches(texts, settings)
        return mean([one for batch in batches for one in self.embed(connection, batch, self.query_role, settings)])

    def path_for(self, settings: ModuleConfig) -> str:
        return self.path

    def body(self, texts: Sequence[str], role: str, settings: ModuleConfig) -> dict[str, object]:
        """The request body for ``texts`` of one ``role``."""
        body: dict[str, object] = {"input": list(texts), "model": self.model_of(settings)}
        dimensions = self.dimensions_of(settings)
        if dimensions is not None:
            body["dimensions"] = dimensions
        return body | self.more(role, settings)

    def more(self, role: str, settings: ModuleConfig) -> dict[str, object]:
        """Fields of the body besides the texts, the model and the dimensions."""
        return {}

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        """The ``count`` vectors of an answer, in the order of the texts."""
        items = items_of(answer, "data", provider, count)
        ordered = by_index(items, provider) if self.orders_by_index else items
        return [vector_of(one.get("embedding"), provider, multi=self.multi) for one in ordered]

    def most_texts(self, settings: ModuleConfig) -> int:
        """How many texts a call takes; at most ``texts_per_call``."""
        return self.texts_per_call

    def _batches(self, texts: Sequence[str], settings: ModuleConfig) -> list[Sequence[str]]:
        most = self.most_texts(settings)
        return chunks(texts, most) if self.bytes_per_call is None else batches_by_size(texts, most, self.bytes_per_call)

    def embed(
        self, connection: ProviderConnection, texts: Sequence[str], role: str, settings: ModuleConfig
    ) -> list[Vector]:
        """The vectors of ``texts``, from one call."""
        answer = connection.post(self.path_for(settings), self.body(texts, role, settings))
        return self.vectors(answer, len(texts), connection.provider)


def endpoint_path(settings: ModuleConfig) -> str:
    """The setting ``endpoint`` as a path, of a service that serves OpenAI's protocol elsewhere than at
    ``/v1/embeddings``; empty if it is not given."""
    endpoint = text_setting(settings, "endpoint")
    if "://" in endpoint:
        raise Invalid(f"setting endpoint must be a path, not {endpoint[:80]!r}; the address before it is baseURL")
    path = quote(endpoint.lstrip("/"))
    return f"/{path}" if path else ""
