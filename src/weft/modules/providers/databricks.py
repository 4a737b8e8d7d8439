"""Databricks, models served there: ``text2vec-databricks``, ``generative-databricks``.

Pace: see ``provider``, with the prefix DATABRICKS. The key is a token: header ``X-Databricks-Token``, else variable
DATABRICKS_TOKEN. The setting ``endpoint``, the header ``X-Databricks-Endpoint`` and the variable DATABRICKS_BASE_URL
are whole addresses of one served model, called as they are. A header ``X-Databricks-User-Agent`` is passed on.
Source: https://docs.databricks.com/en/machine-learning/foundation-models/api-reference.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting


class DatabricksModule(ProviderModule):
    provider = Provider(
        "Databricks",
        "DATABRICKS",
        (),
        explained("connection to: Databricks Foundation Model API"),
        url_header="X-Databricks-Endpoint",
        key_headers=("X-Databricks-Token",),
        key_variables=("DATABRICKS_TOKEN",),
    )
    address_setting = "endpoint"
    path = ""

    def headers_for(self, settings: ModuleConfig, caller: Caller) -> Mapping[str, str]:
        agent = caller.credentials.get("X-Databricks-User-Agent")
        return {**self.headers, "User-Agent": agent} if agent else self.headers


class Text2VecDatabricks(DatabricksModule, ProviderTextVectorizer):
    """The endpoint decides the model, so its address names the vector space."""

    title = "Databricks Foundation Models Module - Embeddings"
    documentation = (
        "https://docs.databricks.com/en/machine-learning/foundation-models/api-reference.html#embedding-task"
    )
    model = "served"
    texts_per_call = 150
    takes_dimensions = False

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        if not text_setting(settings, self.address_setting):
            raise Invalid("endpoint cannot be empty; set it to the address of a served model")

    def model_of(self, settings: ModuleConfig) -> str:
        return text_setting(settings, self.address_setting, self.model)

    def body(self, texts: Sequence[str], role: str, settings: ModuleConfig) -> dict[str, object]:
        body: dict[str, object] = {"input": list(texts)}
        if instruction := text_setting(settings, "instruction"):
            body["instruction"] = instruction
        return body


class GenerativeDatabricks(DatabricksModule, ProviderGenerator):
    """The endpoint's model answers, unless ``model`` names another."""

    title = "Generative Search - Databricks"
    documentation = (
        "https://docs.databricks.com/en/machine-learning/foundation-models/api-reference.html#completion-task"
    )
    model = ""
    reads_images = False
    sent_as: ClassVar[Mapping[str, str]] = {
        "maxTokens": "max_tokens",
        "temperature": "temperature",
        "topP": "top_p",
        "topK": "top_k",
        "n": "n",
        "stop": "stop",
        "logprobs": "logprobs",
        "topLogprobs": "top_logprobs",
        "frequencyPenalty": "frequency_penalty",
        "presencePenalty": "presence_penalty",
    }
    unless_chosen: ClassVar[Mapping[str, object]] = {"temperature": 1.0, "topP": 1.0}
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        "temperature": (0, 1),
        "topP": (0, 5),
        "maxTokens": (1, math.inf),
        "topK": (1, math.inf),
    }
