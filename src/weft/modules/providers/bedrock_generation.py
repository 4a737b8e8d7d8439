"""The bodies and answers of Bedrock's models that generate: each family has its own.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.modules.base import ModuleConfig
from weft.modules.media.encoded import image_data, image_type
from weft.modules.providers.answers import member, text_of_parts
from weft.modules.providers.anthropic import message_content
from weft.modules.providers.generator import sent_parameters

Shape = Callable[[str, Sequence[str]], dict[str, object]]
"""The body for a prompt and images, without parameters."""

_CLAUDE_VERSION = "bedrock-2023-05-31"
_TEXTS: tuple[tuple[str | int, ...], ...] = (
    ("results", 0, "outputText"),
    ("output", "message", "content", 0, "text"),
    ("completion",),
    ("completions", 0, "data", "text"),
    ("text",),
    ("generations", 0, "text"),
    ("outputs", 0, "text"),
    ("generation",),
    ("choices", 0, "message", "content"),
)
"""Where families have the text of an answer."""


@dataclass(frozen=True, slots=True)
class BedrockFamily:
    """``mark``: a part of its models' names. ``within``: the member of the body that holds the parameters, if one does.

    ``sent_as`` and ``unless_chosen`` are as those of a ProviderGenerator.
    """

    mark: str
    shape: Shape
    sent_as: Mapping[str, str]
    unless_chosen: Mapping[str, object] = field(default_factory=dict)
    within: str = ""


def bedrock_body(model: str, prompt: str, images: Sequence[str], chosen: ModuleConfig) -> dict[str, object]:
    """The body for ``model``. Raises Invalid for one of no known family."""
    family = next((one for one in _FAMILIES if one.mark in model), None)
    if family is None:
        marks = ", ".join(one.mark for one in _FAMILIES)
        raise Invalid(f"unsupported model: {model!r:.200}; the name of a model must contain one of {marks}")
    body = family.shape(prompt, images)
    parameters = sent_parameters(chosen, family.sent_as, family.unless_chosen)
    if not family.within:
        return {**body, **parameters}
    return {**body, family.within: parameters} if parameters else body


def bedrock_text(answer: JsonObject) -> str | None:
    """The text of an answer of any family, or of SageMaker; None if it has none."""
    found = next((text for place in _TEXTS if isinstance(text := member(answer, *place), str)), None)
    return text_of_parts(answer.get("content")) if found is None else found


def _with_prompt(text: str, images: Sequence[str]) -> dict[str, object]:
    return {"prompt": text}


def _titan(text: str, images: Sequence[str]) -> dict[str, object]:
    return {"inputText": text}


def _nova(text: str, images: Sequence[str]) -> dict[str, object]:
    parts = [
        {"image": {"format": image_type(one).removeprefix("image/"), "source": {"bytes": image_data(one)}}}
        for one in images
    ]
    return {"messages": [{"role": "user", "content": [*parts, {"text": text}]}]}


def _old_claude(text: str, images: Sequence[str]) -> dict[str, object]:
    return {"prompt": f"\n\nHuman: {text}\n\nAssistant:", "anthropic_version": _CLAUDE_VERSION}


def _claude(text: str, images: Sequence[str]) -> dict[str, object]:
    content = message_content(text, images)
    return {"messages": [{"role": "user", "content": content}], "anthropic_version": _CLAUDE_VERSION}


def _command_r(text: str, images: Sequence[str]) -> dict[str, object]:
    return {"message": text}


def _jamba(text: str, images: Sequence[str]) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}]}


def _mistral(text: str, images: Sequence[str]) -> dict[str, object]:
    return {"prompt": f"<s>[INST] {text} [/INST]"}


_SAMPLED = {"temperature": "temperature", "topP": "top_p"}
_CAMEL = {"temperature": "temperature", "topP": "topP", "topK": "topK", "stopSequences": "stopSequences"}
_COHERE = {"temperature": "temperature", "maxTokens": "max_tokens", "topP": "p", "topK": "k"} | {
    "stopSequences": "stop_sequences"
}
_CLAUDE = _SAMPLED | {"topK": "top_k", "stopSequences": "stop_sequences"}
_OLD_CLAUDE = _CLAUDE | {"maxTokens": "max_tokens_to_sample"}
_OLD_DEFAULTS = {"temperature": 1.0, "topP": 0.999, "topK": 250, "maxTokens": 300, "stopSequences": ["\n\nHuman:"]}
_FAMILIES = (
    BedrockFamily("amazon.titan", _titan, _CAMEL | {"maxTokens": "maxTokenCount"}, {}, "textGenerationConfig"),
    BedrockFamily("amazon.nova", _nova, _CAMEL | {"maxTokens": "maxTokens"}, {"temperature": 0.0}, "inferenceConfig"),
    BedrockFamily("anthropic.claude-v", _old_claude, _OLD_CLAUDE, _OLD_DEFAULTS),
    BedrockFamily("anthropic.claude-instant", _old_claude, _OLD_CLAUDE, _OLD_DEFAULTS),
    BedrockFamily("anthropic.", _claude, _CLAUDE | {"maxTokens": "max_tokens"}, {"maxTokens": 300}),
    BedrockFamily(
        "ai21.jamba",
        _jamba,
        _SAMPLED | {"maxTokens": "max_tokens", "stopSequences": "stop"},
        {"maxTokens": 300, "temperature": 0.7},
    ),
    BedrockFamily("ai21.", _with_prompt, _CAMEL | {"maxTokens": "maxTokens"}, {"maxTokens": 300, "temperature": 0.7}),
    BedrockFamily("cohere.command-r", _command_r, _COHERE),
    BedrockFamily("cohere.", _with_prompt, _COHERE, {"maxTokens": 100, "temperature": 0.8}),
    BedrockFamily(
        "mistral.",
        _mistral,
        _SAMPLED | {"maxTokens": "max_tokens", "topK": "top_k", "stopSequences": "stop"},
        {"maxTokens": 200, "temperature": 0.5},
    ),
    BedrockFamily(
        "meta.", _with_prompt, _SAMPLED | {"maxTokens": "max_gen_len"}, {"maxTokens": 512, "temperature": 0.5}
    ),
)
"""The first whose mark a model's name contains is the model's."""
