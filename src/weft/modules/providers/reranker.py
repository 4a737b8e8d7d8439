"""Rerankers of providers: from a query and documents to scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.json_values import JsonObject
from weft.modules.base import ModuleConfig, Reranker
from weft.modules.providers.answers import scores_of
from weft.modules.providers.batches import chunks
from weft.modules.providers.connection import ProviderModule


class ProviderReranker(ProviderModule, Reranker):
    documents_per_call: ClassVar[int]
    list_key: ClassVar[str] = "results"
    score_key: ClassVar[str] = "relevance_score"
    also_sent: ClassVar[Mapping[str, object]] = {}
    """Fields of the body besides the query, the documents and the model."""

    def rank(self, query: str, documents: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[float]:
        connection = self.connect(settings, caller)

        def scores(part: Sequence[str]) -> list[float]:
            return self.scores(connection.post(self.path, self.body(query, part, settings)), len(part), settings)

        batches = chunks(documents, self.documents_per_call)
        return [score for part in connection.each(scores, batches) for score in part]

    def scores(self, answer: JsonObject, count: int, settings: ModuleConfig) -> list[float]:
        """One score for each of ``count`` documents, in their order."""
        return scores_of(answer.get(self.list_key), self.score_key, self.provider, count)

    def body(self, query: str, documents: Sequence[str], settings: ModuleConfig) -> dict[str, object]:
        """The request body for a part of the documents."""
        model = self.model_of(settings)
        return {"query": query, "documents": list(documents), "model": model, **self.also_sent}
