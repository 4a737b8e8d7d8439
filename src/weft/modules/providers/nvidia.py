"""NVIDIA NIM: ``text2vec-nvidia``, ``multi2vec-nvidia``, ``generative-nvidia``, ``reranker-nvidia``.

Key, address and pace: see ``provider``, with the word NVIDIA. The address stands for both of NVIDIA's hosts, that of
the rerankers too. Embeddings come in the order of the list, whatever ``index`` says.
Source: https://docs.api.nvidia.com/nim/reference/retrieval-apis
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import Generated, ModuleInput, Reranker, Settings
from weft.modules.multimodal_vectorizer import MultimodalVectorizer, combined
from weft.modules.providers.answers import chat_answer, in_batches, items_of, scores_of, vector_of
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.http import ProviderClient, chunks, data_url
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting

_EMBEDDING_HOST = "https://integrate.api.nvidia.com"
_RERANKING_HOST = "https://ai.api.nvidia.com"
_TEXTS_A_CALL = 10
_PASSAGES_A_CALL = 512
_TRUNCATE = ("NONE", "START", "END")


def _explain(status: int, body: Any) -> str:
    said = body if isinstance(body, dict) else {}
    if status == 400:
        reason = reason_of(said.get("message"))
    elif status in (402, 403):
        reason = reason_of(said.get("detail"))
    else:
        parts = (reason_of(said.get("title")), reason_of(said.get("detail")))
        reason = ": ".join(part for part in parts if part)
    return failure("connection to NVIDIA API", status, reason or reason_of(body))


_NVIDIA = Provider("NVIDIA", "Nvidia", (_EMBEDDING_HOST, _RERANKING_HOST), _explain)


class _Calls:
    """Calls to NVIDIA's models on one of its hosts."""

    def __init__(self, client: ProviderClient, host: str) -> None:
        self.client = client
        self._host = host

    def post(
        self, path: str, body: Mapping[str, Any], settings: Settings, caller: Caller, pace: Pace | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {_NVIDIA.key(caller)}", "Accept": "application/json"}
        url = _NVIDIA.base_url(settings, caller, self._host) + path
        return self.client.post(_NVIDIA, url, body, headers, pace)

    def embed(
        self,
        inputs: Sequence[str],
        model: str,
        more: Mapping[str, Any],
        settings: Settings,
        caller: Caller,
        pace: Pace | None = None,
    ) -> list[Vector]:
        body = {"input": list(inputs), "model": model, "encoding_format": "float", **more}
        answer = self.post("/v1/embeddings", body, settings, caller, pace)
        items = items_of(answer, "data", _NVIDIA, len(inputs))
        return [vector_of(one.get("embedding"), _NVIDIA) for one in items]


class Text2VecNvidia(TextVectorizer):
    name = "text2vec-nvidia"
    title = "NVIDIA Module"
    documentation = "https://docs.api.nvidia.com/nim/reference/retrieval-apis"
    vectorize_class_name = False

    def __init__(self, client: ProviderClient) -> None:
        self._nvidia = _Calls(client, _EMBEDDING_HOST)

    def defaults(self, settings: Settings) -> dict[str, Any]:
        """The address is written under ``baseUrl`` and read under ``baseURL``: so the protocol's server does it."""
        own = {"baseUrl": _EMBEDDING_HOST, "model": "nvidia/nv-embed-v1", "truncate": "NONE"}
        return {**super().defaults({}), **own, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _NVIDIA.base_url(settings, Caller())
        self._model(settings)
        if _truncate(settings) not in _TRUNCATE:
            raise Invalid(f"wrong truncate type, available types are: {', '.join(_TRUNCATE)}")

    def fingerprint(self, settings: Settings) -> str:
        return f"{self.name}|{self._model(settings)}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        return self._embed(texts, "passage", settings, caller, _NVIDIA.pace(caller))

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, "query", settings, caller, None))

    def _embed(
        self, texts: Sequence[str], role: str, settings: Settings, caller: Caller, pace: Pace | None
    ) -> list[Vector | WeftError]:
        more = {"input_type": role, "truncate": _truncate(settings)}
        model = self._model(settings)
        return in_batches(
            self._nvidia.client,
            _NVIDIA,
            chunks(texts, _TEXTS_A_CALL),
            lambda batch: self._nvidia.embed(batch, model, more, settings, caller, pace),
        )

    @staticmethod
    def _model(settings: Settings) -> str:
        return text_setting(settings, "model", "nvidia/nv-embed-v1")


def _truncate(settings: Settings) -> str:
    """Anything but a text counts as NONE: the Python client sends a boolean."""
    value = settings.get("truncate")
    return value if isinstance(value, str) else "NONE"


class Multi2VecNvidia(MultimodalVectorizer):
    name = "multi2vec-nvidia"
    title = "NVIDIA CLIP Module"
    documentation = "https://docs.api.nvidia.com/nim/reference/retrieval-apis"

    def __init__(self, client: ProviderClient) -> None:
        self._nvidia = _Calls(client, _EMBEDDING_HOST)

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _NVIDIA.base_url(settings, Caller())

    def fingerprint(self, settings: Settings) -> str:
        return f"{self.name}|{text_setting(settings, 'model', 'nvidia/nvclip')}"

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: Settings, caller: Caller
    ) -> list[Vector | WeftError]:
        pace = _NVIDIA.pace(caller)

        def one(given: ModuleInput) -> Vector | WeftError:
            try:
                texts = self._embed(given.texts, settings, caller, pace)
                images = self._embed([data_url(media.data) for media in given.media], settings, caller, pace)
            except WeftError as error:
                return error
            return combined([*texts, *images], given.weights)

        return self._nvidia.client.each(_NVIDIA, one, inputs)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, settings, caller))

    def embed_media(self, kind: str, data_base64: str, settings: Settings, caller: Caller) -> Vector:
        if kind != MediaKind.IMAGE:
            return super().embed_media(kind, data_base64, settings, caller)
        return self._embed([data_url(data_base64)], settings, caller)[0]

    def _embed(
        self, inputs: Sequence[str], settings: Settings, caller: Caller, pace: Pace | None = None
    ) -> list[Vector]:
        model = text_setting(settings, "model", "nvidia/nvclip")
        return self._nvidia.embed(inputs, model, {}, settings, caller, pace) if inputs else []


class GenerativeNvidia(ProviderGenerator):
    name = "generative-nvidia"
    title = "Generative Search - NVIDIA"
    documentation = "https://docs.api.nvidia.com/nim/reference/llm-apis"

    def __init__(self, client: ProviderClient) -> None:
        self._nvidia = _Calls(client, _EMBEDDING_HOST)

    def _provider(self, chosen: Settings) -> Provider:
        return _NVIDIA

    def _ask(self, prompt: str, chosen: Settings, caller: Caller, images: Sequence[str]) -> Generated:
        body: dict[str, Any] = {
            "model": text_setting(chosen, "model", "nvidia/llama-3.1-nemotron-51b-instruct"),
            "messages": [{"role": "user", "content": prompt}],
        }
        for name, sent in (("temperature", "temperature"), ("topP", "top_p"), ("maxTokens", "max_tokens")):
            if chosen.get(name) is not None:
                body[sent] = chosen[name]
        answer = self._nvidia.post("/v1/chat/completions", body, chosen, caller)
        return chat_answer(answer, _NVIDIA)


class RerankerNvidia(Reranker):
    name = "reranker-nvidia"
    title = "Reranker - NVIDIA"
    documentation = "https://docs.api.nvidia.com/nim/reference/retrieval-apis"

    def __init__(self, client: ProviderClient) -> None:
        self._nvidia = _Calls(client, _RERANKING_HOST)

    def rank(self, query: str, documents: Sequence[str], settings: Settings, caller: Caller) -> list[float]:
        model = text_setting(settings, "model", "nvidia/rerank-qa-mistral-4b")

        def scores(passages: Sequence[str]) -> list[float]:
            body = {"model": model, "query": {"text": query}, "passages": [{"text": text} for text in passages]}
            answer = self._nvidia.post("/v1/retrieval/nvidia/reranking", body, settings, caller)
            return scores_of(answer.get("rankings"), "logit", _NVIDIA, len(passages))

        batches = chunks(documents, _PASSAGES_A_CALL)
        return [score for batch in self._nvidia.client.each(_NVIDIA, scores, batches) for score in batch]
