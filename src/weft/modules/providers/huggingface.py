"""Hugging Face's inference service, and endpoints that answer as it does: ``text2vec-huggingface``.

Key, address and pace: see ``provider``, with the word HUGGINGFACE; without a key the call is made without one. The
setting ``endpointURL`` is a whole address, called as it is; the header and the variable are where the models' addresses
begin. ``passageModel`` and ``queryModel`` embed objects and queries by two models of one space. A model that answers
with one vector a token is averaged.
Source: https://huggingface.co/docs/inference-providers/providers/hf-inference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Settings
from weft.modules.inputs import setting
from weft.modules.providers.answers import in_batches, list_of, numbers_of
from weft.modules.providers.http import ProviderClient, chunks
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider, failure, reason_of, split
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting

_MODEL = "sentence-transformers/msmarco-bert-base-dot-v5"
_TEXTS_A_CALL = 100
_OPTIONS = {"waitForModel": ("wait_for_model", False), "useGPU": ("use_gpu", False), "useCache": ("use_cache", True)}
"""How each is sent, and its default."""


def _explain(status: int, body: Any) -> str:
    message = failure("connection to HuggingFace API", status, reason_of(body))
    said = body if isinstance(body, dict) else {}
    if isinstance(said.get("estimated_time"), int | float):
        message += f" estimated time: {said['estimated_time']:g}"
    if warnings := reason_of(said.get("warnings")):
        message += f" warnings: {warnings}"
    return message


_HUGGING_FACE = Provider("HuggingFace", "Huggingface", ("https://router.huggingface.co/hf-inference/models",), _explain)


class Text2VecHuggingFace(TextVectorizer):
    name = "text2vec-huggingface"
    title = "Hugging Face Module"
    documentation = "https://huggingface.co/docs/api-inference/detailed_parameters#feature-extraction-task"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def defaults(self, settings: Settings) -> dict[str, Any]:
        """No model is written beside ``passageModel`` or an address: only one of them may be given."""
        own: dict[str, Any] = {name: default for name, (_, default) in _OPTIONS.items()}
        if not settings.get("passageModel") and not _endpoint(settings):
            own["model"] = _MODEL
        return {**super().defaults({}), **own, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        if endpoint := _endpoint(settings):
            split(endpoint, "setting endpointURL")
            return
        for name in ("model", "passageModel", "queryModel"):
            text_setting(settings, name)
        if settings.get("model") and settings.get("passageModel"):
            raise Invalid("only one setting must be set either 'model' or 'passageModel'")

    def fingerprint(self, settings: Settings) -> str:
        return f"{self.name}|{_endpoint(settings) or _model(settings)}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        pace = _HUGGING_FACE.pace(caller)
        return in_batches(
            self._client,
            _HUGGING_FACE,
            chunks(texts, _TEXTS_A_CALL),
            lambda batch: self._embed(batch, _model(settings), settings, caller, pace),
        )

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        model = text_setting(settings, "queryModel") or _model(settings)
        return mean(self._embed(texts, model, settings, caller))

    def _embed(
        self, texts: Sequence[str], model: str, settings: Settings, caller: Caller, pace: Pace | None = None
    ) -> list[Vector]:
        key = _HUGGING_FACE.optional_key(caller)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"inputs": list(texts), "options": _options(settings)}
        answer = self._client.post_any(_HUGGING_FACE, _url(model, settings, caller), body, headers, pace)
        return _vectors(answer, len(texts))


def _url(model: str, settings: Settings, caller: Caller) -> str:
    endpoint = _endpoint(settings)
    if endpoint and not _HUGGING_FACE.given_url({}, caller):
        return endpoint
    return f"{_HUGGING_FACE.base_url({}, caller)}/{quote(model)}/pipeline/feature-extraction"


def _endpoint(settings: Settings) -> str:
    return text_setting(settings, "endpointUrl") or text_setting(settings, "endpointURL")


def _model(settings: Settings) -> str:
    return text_setting(settings, "model") or text_setting(settings, "passageModel") or _MODEL


def _options(settings: Settings) -> dict[str, bool]:
    """Clients write them under ``options``; new collections have them beside the model, too."""
    given = settings.get("options")
    chosen = {**settings, **given} if isinstance(given, Mapping) else settings
    return {sent: setting(chosen, name, default) for name, (sent, default) in _OPTIONS.items()}


def _vectors(answer: Any, count: int) -> list[Vector]:
    """From a list of vectors, of token vectors, of either within one more list, or an object that holds such a list."""
    if isinstance(answer, dict):
        answer = answer.get("embeddings")
    if isinstance(answer, list) and len(answer) == 1 and _depth(answer) == 4:
        answer = answer[0]
    found = []
    for one in list_of(answer, "embeddings", _HUGGING_FACE, count):
        vector = numbers_of(one, _HUGGING_FACE)
        if vector.ndim == 3 and len(vector) == 1:
            vector = vector[0]
        if vector.ndim not in (1, 2):
            raise ProviderError("HuggingFace answered with something that is not an embedding", provider="HuggingFace")
        found.append(vector if vector.ndim == 1 else vector.mean(axis=0, dtype=np.float32))
    return found


def _depth(nested: Any) -> int:
    depth = 0
    while isinstance(nested, list) and nested:
        depth, nested = depth + 1, nested[0]
    return depth
