"""``reranker-transformers``: a cross-encoder in a container of its own, at the address RERANKER_INFERENCE_API.

The container takes ``{query, documents}`` at ``/rerank`` and answers ``{scores: [{document, score}]}``, a score for
each document in order. Source: https://docs.weaviate.io/weaviate/model-providers/transformers/reranker
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Misconfigured, ProviderError
from weft.modules.base import Reranker, Settings
from weft.modules.providers.http import ProviderClient, checked_url, chunks

PROVIDER = "reranker-transformers"
VARIABLE = "RERANKER_INFERENCE_API"
_DOCUMENTS_A_CALL = 32


class RerankerTransformers(Reranker):
    name = "reranker-transformers"
    title = "Reranker - Transformers"
    documentation = "https://docs.weaviate.io/weaviate/model-providers/transformers/reranker"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def rank(self, query: str, documents: Sequence[str], settings: Settings, caller: Caller) -> list[float]:
        """Raises Misconfigured when the server was not told where the container is."""
        address = os.environ.get(VARIABLE, "")
        if not address:
            raise Misconfigured(f"{self.name} needs the address of its inference container; set {VARIABLE}")
        url = checked_url(address) + "/rerank"

        def scores(part: Sequence[str]) -> list[float]:
            body = {"query": query, "documents": list(part)}
            return _scores(self._client.post(PROVIDER, url, body, {}, _explain), len(part))

        return [score for part in self._client.each(scores, chunks(documents, _DOCUMENTS_A_CALL)) for score in part]


def _scores(answer: Any, count: int) -> list[float]:
    try:
        found = [float(one["score"]) for one in answer["scores"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderError(f"{PROVIDER} answered without scores", provider=PROVIDER) from error
    if len(found) != count:
        raise ProviderError(
            f"{PROVIDER} was asked for {count} scores and answered with {len(found)}", provider=PROVIDER
        )
    return found


def _explain(status: int, body: Any) -> str:
    reason = body.get("error") if isinstance(body, dict) else None
    start = f"{PROVIDER} failed with status: {status}"
    return f"{start} error: {reason}" if reason else start
