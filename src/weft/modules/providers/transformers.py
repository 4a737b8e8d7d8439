"""``reranker-transformers``: a cross-encoder in a container of its own, at the address RERANKER_INFERENCE_API.

The container takes ``{query, documents}`` at ``/rerank`` and answers ``{scores: [{document, score}]}``, a score for
each document in order. Source: https://docs.weaviate.io/weaviate/model-providers/transformers/reranker
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Misconfigured
from weft.modules.base import Reranker, Settings
from weft.modules.providers.answers import scores_of
from weft.modules.providers.http import ProviderClient, chunks
from weft.modules.providers.provider import Provider, address, failure, reason_of

VARIABLE = "RERANKER_INFERENCE_API"
_DOCUMENTS_A_CALL = 32


def _explain(status: int, body: Any) -> str:
    return failure("reranker-transformers", status, reason_of(body))


_CONTAINER = Provider("reranker-transformers", "Transformers", (), _explain)


class RerankerTransformers(Reranker):
    name = "reranker-transformers"
    title = "Reranker - Transformers"
    documentation = "https://docs.weaviate.io/weaviate/model-providers/transformers/reranker"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def rank(self, query: str, documents: Sequence[str], settings: Settings, caller: Caller) -> list[float]:
        """Raises Misconfigured when the server was not told where the container is."""
        container = os.environ.get(VARIABLE, "")
        if not container:
            raise Misconfigured(f"{self.name} needs the address of its inference container; set {VARIABLE}")
        url = address(container, f"variable {VARIABLE}") + "/rerank"

        def scores(part: Sequence[str]) -> list[float]:
            body = {"query": query, "documents": list(part)}
            return _scores(self._client.post(_CONTAINER, url, body, {}), len(part))

        batches = chunks(documents, _DOCUMENTS_A_CALL)
        return [score for part in self._client.each(_CONTAINER, scores, batches) for score in part]


def _scores(answer: dict[str, Any], count: int) -> list[float]:
    listed = answer.get("scores")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        listed = None
    ranked = [{**one, "index": i} for i, one in enumerate(listed)] if listed is not None else None
    return scores_of(ranked, "score", _CONTAINER, count)
