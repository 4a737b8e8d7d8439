"""``text2vec-acme``: a provider with OpenAI's protocol, in a declaration.

Its key is the header ``X-Acme-Api-Key`` or the variable ACME_APIKEY, its address the header ``X-Acme-Baseurl``, the
setting ``baseURL``, the variable ACME_BASE_URL or the one below. Batching, retries, rate limits and an error for each
text come with the class.
"""

from __future__ import annotations

from weft.domain.json_values import JsonValue
from weft.modules.base import ModuleConfig
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.providers.text_embeddings import ProviderTextVectorizer


def _explain(status: int, body: JsonValue) -> str:
    return failure("connection to Acme", status, reason_of(body))


class Text2VecAcme(ProviderTextVectorizer):
    title = "Acme's embeddings"
    provider = Provider("Acme", "ACME", ("https://api.acme.example",), _explain)
    model = "acme-embed-1"
    texts_per_call = 128
    document_role, query_role = "passage", "query"

    def more(self, role: str, settings: ModuleConfig) -> dict[str, object]:
        """Fields of the body besides the texts, the model and the dimensions."""
        return {"input_type": role}
