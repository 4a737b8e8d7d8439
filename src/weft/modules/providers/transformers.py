"""The container with a cross-encoder that ``reranker-transformers`` calls if one is named.

It takes ``{query, documents}`` at ``/rerank`` and answers ``{scores: [{document, score}]}``, a score for each document
in order. Source: https://docs.weaviate.io/weaviate/model-providers/transformers/reranker
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from weft.domain.errors import Invalid, Misconfigured
from weft.domain.json_values import JsonValue
from weft.modules.base import ModuleConfig
from weft.modules.providers.answers import member, scores_of
from weft.modules.providers.batches import chunks
from weft.modules.providers.client import ProviderClient
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.provider import Provider, address, explained
from weft.modules.text_vectorizer import text_setting

VARIABLE = "RERANKER_INFERENCE_API"
SETTING = "inferenceUrl"
_DOCUMENTS_PER_CALL = 32


_CONTAINER = Provider("reranker-transformers", "TRANSFORMERS", (), explained("reranker-transformers"))


class RerankingContainer:
    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def address(self, settings: ModuleConfig) -> str:
        """The collection's ``inferenceUrl``, else the operator's variable; empty if neither is set.

        Raises Invalid for an invalid address, Misconfigured if it is the operator's.
        """
        chosen = text_setting(settings, SETTING)
        return address(chosen, f"setting {SETTING}") if chosen else self._operators_address()

    def rank(self, url: str, query: str, documents: Sequence[str]) -> list[float]:
        """Raises ProviderError when the container at ``url`` fails or its answer is invalid."""
        operators = self._operators_address()
        container = replace(_CONTAINER, hosts=(operators,) if operators else ())
        connection = ProviderConnection(self._client, container, url, headers={}, pace=None)

        def scores(part: Sequence[str]) -> list[float]:
            answer = connection.post("/rerank", {"query": query, "documents": list(part)})
            return _scores(answer.get("scores"), len(part))

        batches = chunks(documents, _DOCUMENTS_PER_CALL)
        return [score for part in connection.each(scores, batches) for score in part]

    @staticmethod
    def _operators_address() -> str:
        stated = os.environ.get(VARIABLE, "")
        try:
            return address(stated, f"variable {VARIABLE}") if stated else ""
        except Invalid as error:
            raise Misconfigured(error.message) from error


def _scores(listed: JsonValue, count: int) -> list[float]:
    """In the order of the documents."""
    if not isinstance(listed, list):
        return scores_of(None, "score", _CONTAINER, count)
    ranked: list[JsonValue] = [{"index": i, "score": member(one, "score")} for i, one in enumerate(listed)]
    return scores_of(ranked, "score", _CONTAINER, count)
