"""Google's generator: ``generative-google``, which clients name ``generative-palm``. Address and key: see ``google``.

Gemini models generate content. Models of PaLM, which are the defaults as in Weaviate, have calls of their own:
messages in AI Studio, predictions in Vertex AI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from weft.domain.json_values import JsonObject, JsonValue
from weft.modules.base import Generated, ModuleConfig
from weft.modules.media.encoded import image_data, image_type
from weft.modules.providers.answers import member, text_answer, text_of_parts
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.google import STUDIO, GoogleModule, with_region
from weft.modules.providers.provider import Provider
from weft.modules.text_vectorizer import text_setting

_OF_MESSAGES = ("temperature", "topP", "topK")
_HARMS = ("HARASSMENT", "HATE_SPEECH", "DANGEROUS_CONTENT")


class GenerativeGoogle(GoogleModule, ProviderGenerator):
    title = "Generative Search - Google"
    documentation = "https://cloud.google.com/vertex-ai/docs/generative-ai/chat/test-chat-prompts"
    studio_model, vertex_model = "chat-bison-001", "chat-bison"
    other_names = ("generative-google", "generative-palm")
    reported_as = "google"
    sent_as: ClassVar[Mapping[str, str]] = {
        "temperature": "temperature",
        "maxTokens": "maxOutputTokens",
        "topP": "topP",
        "topK": "topK",
        "stopSequences": "stopSequences",
        "presencePenalty": "presencePenalty",
        "frequencyPenalty": "frequencyPenalty",
    }
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"temperature": (0, 2), "topP": (0, 1)}

    def understood(self, given: ModuleConfig) -> ModuleConfig:
        tokens = next((given[name] for name in ("maxTokens", "maxOutputTokens", "tokenLimit") if given.get(name)), None)
        return {**with_region(given), "maxTokens": tokens}

    def path_for(self, chosen: ModuleConfig) -> str:
        model = self.model_of(chosen)
        if self.provider_for(chosen) is not STUDIO:
            endpoint = text_setting(chosen, "endpointId")
            verb = "predict" if endpoint or not _is_gemini(model) else "generateContent"
            return self.vertex_path(chosen, endpoint or model, verb)
        version, verb = ("v1beta2", "generateMessage") if _is_palm(model) else ("v1beta", "generateContent")
        return f"/{version}/models/{quote(model, safe='')}:{verb}"

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        parameters = self.parameters(chosen)
        verb = self.path_for(chosen).rpartition(":")[2]
        if verb == "predict":
            return {"instances": [{"messages": [{"author": "", "content": prompt}]}], "parameters": parameters}
        if verb == "generateMessage":
            parameters = {name: value for name, value in parameters.items() if name in _OF_MESSAGES}
            return {"prompt": {"messages": [{"content": prompt}]}, "candidateCount": 1, **parameters}
        return {
            "contents": [{"role": "user", "parts": [{"text": prompt}, *map(_image_part, images)]}],
            "generationConfig": {**parameters, "candidateCount": 1},
            "safetySettings": [
                {"category": f"HARM_CATEGORY_{harm}", "threshold": "BLOCK_MEDIUM_AND_ABOVE"} for harm in _HARMS
            ],
        }

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        candidate = member(answer, "candidates", 0) or member(answer, "predictions", 0, "candidates", 0)
        content = member(candidate, "content")
        text = content if isinstance(content, str) else text_of_parts(member(content, "parts"))
        why = member(candidate, "finishReason") or member(answer, "promptFeedback", "blockReason")
        usage = {name: answer[name] for name in ("usageMetadata", "metadata") if name in answer}
        return text_answer(text, usage, provider, why)


def _is_gemini(model: str) -> bool:
    return model.startswith("gemini")


def _is_palm(model: str) -> bool:
    return "bison" in model


def _image_part(image: str) -> JsonValue:
    return {"inline_data": {"mime_type": image_type(image), "data": image_data(image)}}
