"""What generators send, each to its provider, and what they make of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from providers.callers import CALLER
from providers.standin import Failure, StandIn
from weft.domain.errors import Invalid, ProviderError
from weft.modules.registry import Registry

MESSAGES = {"messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
JPEG = "/9j/4AAQ"


def generate(
    registry: Registry, name: str, settings: dict[str, Any], parameters: dict[str, Any] | None = None, *images: str
) -> Any:
    return registry.generator(f"generative-{name}").generate("Hi", settings, parameters or {}, CALLER, images)


@pytest.mark.parametrize(
    ("name", "parameters", "path", "sent"),
    [
        ("anthropic", {}, "/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 4096}),
        (
            "anthropic",
            {"model": "claude-3-5-haiku-20241022", "top_k": 3, "top_p": 0.5, "stop_sequences": ["."]},
            "/v1/messages",
            {"max_tokens": 8192, "top_k": 3, "top_p": 0.5, "stop_sequences": ["."]},
        ),
        ("deepseek", {}, "/chat/completions", {"model": "deepseek-chat", "top_p": 1.0}),
        (
            "deepseek",
            {"frequency_penalty": 1, "stop": ["."], "max_tokens": 9},
            "/chat/completions",
            {"model": "deepseek-chat", "frequency_penalty": 1, "stop": ["."], "max_tokens": 9, "top_p": 1.0},
        ),
        (
            "meta",
            {"max_tokens": 9, "reasoning_effort": "low", "presence_penalty": 0.5},
            "/v1/chat/completions",
            {
                "model": "muse-spark-1.2",
                "max_completion_tokens": 9,
                "reasoning_effort": "low",
                "presence_penalty": 0.5,
            },
        ),
        ("xai", {"max_tokens": 9}, "/v1/chat/completions", {"model": "grok-2-latest", "max_tokens": 9}),
        (
            "friendliai",
            {"n": 2, "top_p": 0.5},
            "/v1/chat/completions",
            {"model": "meta-llama-3.1-70b-instruct", "max_tokens": 2048, "temperature": 0, "n": 2, "top_p": 0.5},
        ),
        (
            "contextualai",
            {"system_prompt": "Be short", "avoid_commentary": True, "max_new_tokens": 9},
            "/v1/generate",
            {
                "model": "v2",
                "temperature": 0.0,
                "top_p": 0.9,
                "max_new_tokens": 9,
                "system_prompt": "Be short",
                "avoid_commentary": True,
                "knowledge": [],
            },
        ),
    ],
)
def test_what_is_sent(
    provider: StandIn, registry: Registry, name: str, parameters: dict[str, Any], path: str, sent: dict[str, Any]
) -> None:
    found = generate(registry, name, {"baseURL": provider.url}, parameters)
    assert found.text == "Answer to: Hi"
    (request,) = provider.asked(path)
    model = parameters.get("model")
    assert request.body == {**MESSAGES, **({"model": model} if model else {}), **sent}


def test_settings_count_where_the_request_says_nothing(provider: StandIn, registry: Registry) -> None:
    settings = {"baseURL": provider.url, "maxTokens": 7, "temperature": 0.5, "topK": None}
    generate(registry, "anthropic", settings, {"temperature": 0.1})
    assert provider.requests[0].body == {
        **MESSAGES,
        "model": "claude-haiku-4-5",
        "max_tokens": 7,
        "temperature": 0.1,
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 2.5}, "Wrong temperature configuration, values are between 0 and 2, not 2.5"),
        ({"topP": "much"}, "Wrong topP configuration, values are between 0 and 1, not 'much'"),
        ({"maxTokens": 0}, "Wrong maxTokens configuration, values are 1 and above, not 0"),
        ({"model": 3}, "setting model must be text"),
    ],
)
def test_wrong_settings_are_refused(registry: Registry, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        registry.generator("generative-deepseek").check_settings(settings)


def test_meta_refuses_an_effort_that_it_does_not_know(registry: Registry) -> None:
    meta = registry.generator("generative-meta")
    meta.check_settings({"reasoningEffort": "xhigh", "temperature": 2})
    with pytest.raises(Invalid, match="wrong reasoningEffort configuration, available values are: none, minimal, low"):
        meta.check_settings({"reasoningEffort": "utmost"})


def test_anthropic_takes_numbered_images_before_the_prompt(provider: StandIn, registry: Registry) -> None:
    found = generate(registry, "anthropic", {"baseURL": provider.url}, {}, JPEG, "data:image/webp;base64,aGk=")
    assert (found.text, found.usage) == ("Answer to: Hi", {"input_tokens": 3, "output_tokens": 4})
    (request,) = provider.requests
    assert (request.headers["x-api-key"], request.headers["anthropic-version"]) == ("ac", "2023-06-01")
    assert request.body["messages"][0]["content"] == [
        {"type": "text", "text": "Image 1:"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": JPEG}},
        {"type": "text", "text": "Image 2:"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "aGk="}},
        {"type": "text", "text": "Hi"},
    ]


def test_contextual_ai_answers_from_what_it_is_given(provider: StandIn, registry: Registry) -> None:
    """Knowledge of the request counts before that of the collection, and that before the texts of the hits."""
    hits = {"textsOfHits": ["from the hits"]}
    generate(registry, "contextualai", {"baseURL": provider.url}, hits)
    generate(registry, "contextualai", {"baseURL": provider.url, "knowledge": ["from the collection"]}, hits)
    generate(
        registry,
        "contextualai",
        {"baseURL": provider.url, "knowledge": ["from the collection"]},
        {**hits, "knowledge": ["from the request"]},
    )
    known = [request.body["knowledge"] for request in provider.requests]
    assert known == [["from the hits"], ["from the collection"], ["from the request"]]


def test_contextual_ai_ranks_by_an_instruction_and_the_best_only(provider: StandIn, registry: Registry) -> None:
    reranker = registry.reranker("reranker-contextualai")
    settings = {"baseURL": provider.url, "instruction": "Newest first", "topN": 2}
    provider.twist = lambda answer: {"results": answer["results"][:2]}
    assert reranker.rank("red green", ["blue", "green", "red green"], settings, CALLER) == [0.0, 1.0, 2.0]
    body = provider.requests[0].body
    assert (body["top_n"], body["instruction"], body["metadata"]) == (2, "Newest first", ["", "", ""])
    with pytest.raises(ProviderError, match="asked for 3 scores and gave 2"):
        reranker.rank("red", ["a", "b", "c"], {"baseURL": provider.url}, CALLER)
    with pytest.raises(Invalid, match="setting topN must be an integer above 0"):
        reranker.check_settings({"topN": 0})


def test_the_words_of_the_provider_stand_in_the_error(provider: StandIn, registry: Registry) -> None:
    provider.failures = [Failure(400, {"error": {"code": 400, "message": "API key not valid", "status": "INVALID"}})]
    with pytest.raises(ProviderError, match="connection to Google failed with status: 400 error: API key not valid"):
        generate(registry, "google", {"apiEndpoint": provider.url, "model": "gemini-x"})
    provider.failures = [Failure(401, {"type": "error", "error": {"type": "authentication", "message": "invalid key"}})]
    with pytest.raises(ProviderError, match="connection to Anthropic API failed with status: 401 error: invalid key"):
        generate(registry, "anthropic", {"baseURL": provider.url})


@pytest.mark.parametrize(
    ("name", "settings", "parameters", "path", "sent"),
    [
        (
            "mistral",
            {},
            {"top_p": 0.5},
            "/v1/chat/completions",
            {"model": "open-mistral-7b", "temperature": 0, "max_tokens": 2048, "top_p": 0.5},
        ),
        (
            "databricks",
            {"topK": 3},
            {"log_probs": False, "top_log_probs": 2, "n": 1, "frequency_penalty": 0.5},
            "/serving-endpoints/x/invocations",
            {
                "temperature": 1.0,
                "top_p": 1.0,
                "top_k": 3,
                "logprobs": False,
                "top_logprobs": 2,
                "n": 1,
                "frequency_penalty": 0.5,
            },
        ),
        (
            "digitalocean",
            {},
            {"stop": ["."], "presence_penalty": 0.5},
            "/v1/chat/completions",
            {"model": "llama3.3-70b-instruct", "stop": ["."], "presence_penalty": 0.5},
        ),
    ],
)
def test_what_they_are_sent(
    provider: StandIn,
    registry: Registry,
    name: str,
    settings: dict[str, Any],
    parameters: dict[str, Any],
    path: str,
    sent: dict[str, Any],
) -> None:
    address = {"baseURL": provider.url, "endpoint": f"{provider.url}/serving-endpoints/x/invocations"}
    found = generate(registry, name, {**address, **settings}, parameters)
    assert (found.text, found.usage) == ("Answer to: Hi", USAGE)
    assert provider.asked(path)[0].body == {**MESSAGES, **sent}


def test_databricks_needs_an_address(registry: Registry) -> None:
    with pytest.raises(Invalid, match=r"Databricks has no .*address.*endpoint"):
        generate(registry, "databricks", {})


def test_voyage_ranks_with_the_servers_key_first(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOYAGEAI_APIKEY", "the server's own")
    monkeypatch.setenv("VOYAGEAI_BASE_URL", provider.url)
    ranked = registry.reranker("reranker-voyageai").rank("red", ["blue", "red"], {}, CALLER)
    assert ranked == [0.0, 1.0]
    (request,) = provider.asked("/v1/rerank")
    assert request.key == "the server's own"
    assert request.body == {
        "documents": ["blue", "red"],
        "query": "red",
        "model": "rerank-lite-1",
        "return_documents": False,
    }


@pytest.mark.parametrize(
    "thought",
    [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "reasoning", "summary": []}],
)
@pytest.mark.parametrize("name", ["mistral", "databricks"])
def test_the_answer_of_a_model_that_reasons_is_its_text(
    provider: StandIn, registry: Registry, name: str, thought: dict[str, Any]
) -> None:
    parts = [thought, {"type": "text", "text": "It is "}, {"type": "text", "text": "red"}]
    provider.twist = lambda _: {"choices": [{"message": {"content": parts}}]}
    address = {"baseURL": provider.url, "endpoint": f"{provider.url}/serving-endpoints/x/invocations"}
    assert generate(registry, name, address).text == "It is red"


@pytest.mark.parametrize(
    ("name", "answer", "why"),
    [
        ("xai", {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}, "content_filter"),
        ("xai", {"choices": [{"message": {"content": None, "refusal": "I cannot"}}]}, "I cannot"),
        ("anthropic", {"content": [], "stop_reason": "refusal"}, "refusal"),
    ],
)
def test_an_answer_without_a_text_says_why(
    provider: StandIn, registry: Registry, name: str, answer: dict[str, Any], why: str
) -> None:
    provider.twist = lambda _: answer
    with pytest.raises(ProviderError, match=f"answered without a text: {why}"):
        generate(registry, name, {"baseURL": provider.url})
