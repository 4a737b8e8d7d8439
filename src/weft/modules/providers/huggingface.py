"""Hugging Face's inference service, and endpoints that answer as it does: ``text2vec-huggingface``.

Key, address and pace: see ``provider``, with the prefix HUGGINGFACE; without a key the call is made without one. The
setting ``endpointURL`` is a whole address, called as it is; the header and the variable are where the models' addresses
begin. ``passageModel`` and ``queryModel`` embed objects and queries by two models of one space. A model that answers
with one vector a token is averaged.
Source: https://huggingface.co/docs/inference-providers/providers/hf-inference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.inputs import setting
from weft.modules.providers.answers import list_of, member, numbers_of, senseless
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.provider import Provider, failure, reason_of, split
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting

_OPTIONS = {"waitForModel": ("wait_for_model", False), "useGPU": ("use_gpu", False), "useCache": ("use_cache", True)}
"""The name of each option in the body, and its default."""


def _explain(status: int, body: JsonValue) -> str:
    message = failure("connection to HuggingFace API", status, reason_of(body))
    estimated = member(body, "estimated_time")
    if isinstance(estimated, int | float):
        message += f" estimated time: {estimated:g}"
    if warnings := reason_of(member(body, "warnings")):
        message += f" warnings: {warnings}"
    return message


_HUGGING_FACE = Provider("HuggingFace", "HUGGINGFACE", ("https://router.huggingface.co/hf-inference/models",), _explain)


class Text2VecHuggingFace(ProviderTextVectorizer):
    title = "Hugging Face Module"
    documentation = "https://huggingface.co/docs/api-inference/detailed_parameters#feature-extraction-task"
    provider = _HUGGING_FACE
    needs_key = False
    address_setting = ""  # none: endpointURL is more than an address
    model = "sentence-transformers/msmarco-bert-base-dot-v5"
    texts_per_call = 100
    document_role, query_role = "passage", "query"
    takes_dimensions = False

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        """No model is filled in besides ``passageModel`` or an address: only one of them may be given."""
        own: dict[str, object] = {name: default for name, (_, default) in _OPTIONS.items()}
        if not settings.get("passageModel") and not _endpoint(settings):
            own["model"] = self.model
        return {**super().defaults({}), **own, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        if endpoint := _endpoint(settings):
            split(endpoint, "setting endpointURL")
            return
        for name in ("model", "passageModel", "queryModel"):
            text_setting(settings, name)
        if settings.get("model") and settings.get("passageModel"):
            raise Invalid("only one setting must be set either 'model' or 'passageModel'")

    def model_of(self, settings: ModuleConfig) -> str:
        return text_setting(settings, "model") or text_setting(settings, "passageModel") or self.model

    def fingerprint(self, settings: ModuleConfig) -> str:
        return f"{self.name}|{_endpoint(settings) or self.model_of(settings)}"

    def url_for(self, settings: ModuleConfig, caller: Caller) -> str:
        """The address of the models, or the complete endpoint."""
        endpoint = _endpoint(settings)
        return endpoint if endpoint and not self.provider.given_url({}, caller) else self.provider.base_url({}, caller)

    def embed(
        self, connection: ProviderConnection, texts: Sequence[str], role: str, settings: ModuleConfig
    ) -> list[Vector]:
        model = text_setting(settings, "queryModel") if role == self.query_role else ""
        is_endpoint = connection.url == _endpoint(settings)
        path = "" if is_endpoint else f"/{quote(model or self.model_of(settings))}/pipeline/feature-extraction"
        answer = connection.post_any(path, {"inputs": list(texts), "options": _options(settings)})
        return _vectors(answer, len(texts))


def _endpoint(settings: ModuleConfig) -> str:
    return text_setting(settings, "endpointUrl") or text_setting(settings, "endpointURL")


def _options(settings: ModuleConfig) -> dict[str, bool]:
    """Clients write them under ``options``; new collections also have them at the top level."""
    given = settings.get("options")
    chosen = {**settings, **given} if isinstance(given, Mapping) else settings
    return {sent: setting(chosen, name, default) for name, (sent, default) in _OPTIONS.items()}


def _vectors(answer: JsonValue, count: int) -> list[Vector]:
    """From a list of vectors or of token vectors, possibly nested in another list, or an object with such a list."""
    found = answer.get("embeddings") if isinstance(answer, Mapping) else answer
    if isinstance(found, list) and len(found) == 1 and _depth(found) == 4:
        found = found[0]
    vectors = []
    for one in list_of(found, "embeddings", _HUGGING_FACE, count):
        vector = numbers_of(one, _HUGGING_FACE)
        if vector.ndim == 3 and len(vector) == 1:
            vector = vector[0]
        if vector.ndim not in (1, 2):
            raise senseless(_HUGGING_FACE, "with something that is not an embedding")
        vectors.append(vector if vector.ndim == 1 else vector.mean(axis=0, dtype=np.float32))
    return vectors


def _depth(nested: JsonValue) -> int:
    depth = 0
    while isinstance(nested, list) and nested:
        depth, nested = depth + 1, nested[0]
    return depth
