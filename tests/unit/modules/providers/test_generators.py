"""What generators send, each to its provider, and what they make of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from providers.callers import CALLER
from providers.standin import Failure, StandIn
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Invalid, ProviderError
from weft.modules.base import Registry

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


# -- Google


STUDIO = "/v1beta/models/gemini-2.5-flash:generateContent"
VERTEX = "/v1/projects/p%201/locations/us-central1/publishers/google/models/"


@pytest.mark.parametrize(
    ("settings", "parameters", "path", "key_header"),
    [
        ({"modelId": "gemini-2.5-flash"}, {}, STUDIO, "x-goog-api-key"),
        ({}, {"model": "gemini-2.5-flash"}, STUDIO, "x-goog-api-key"),
        ({}, {}, "/v1beta2/models/chat-bison-001:generateMessage", "x-goog-api-key"),
        ({"projectId": "p 1"}, {}, f"{VERTEX}chat-bison:predict", "authorization"),
        ({}, {"project_id": "p 1", "model": "gemini-x"}, f"{VERTEX}gemini-x:generateContent", "authorization"),
        ({"projectId": "p 1", "endpointId": "e/1"}, {}, f"{VERTEX}e%2F1:predict", "authorization"),
        (
            {"projectId": "p", "region": "europe-west1"},
            {"model": "gemini-x"},
            "/v1/projects/p/locations/europe-west1/publishers/google/models/gemini-x:generateContent",
            "authorization",
        ),
        (
            {"projectId": "p", "region": "europe-west1"},
            {"model": "gemini-x", "location": "global"},
            "/v1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent",
            "authorization",
        ),
    ],
)
def test_google_is_asked_where_the_settings_say(
    provider: StandIn,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    parameters: dict[str, Any],
    path: str,
    key_header: str,
) -> None:
    monkeypatch.setenv("GOOGLE_BASE_URL", provider.url)
    found = generate(registry, "google", settings, parameters)
    assert found.text == "Answer to: Hi"
    (request,) = provider.requests
    assert request.path == path
    assert request.headers[key_header].removeprefix("Bearer ") == "go"


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "https://generativelanguage.googleapis.com"),
        ({"apiEndpoint": "generativelanguage.googleapis.com", "projectId": "p"}, "https://generativelanguage.go"),
        ({"projectId": "p"}, "https://us-central1-aiplatform.googleapis.com"),
        ({"projectId": "p", "region": "europe-west1"}, "https://europe-west1-aiplatform.googleapis.com"),
        ({"projectId": "p", "apiEndpoint": "asia-east1-aiplatform.googleapis.com"}, "https://asia-east1-aiplatform."),
        ({"projectId": "p", "location": "global"}, "https://aiplatform.googleapis.com"),
        ({"projectId": "p", "apiEndpoint": "proxy.example:8443"}, "https://proxy.example:8443"),
    ],
)
def test_google_has_an_address_for_each_region(registry: Registry, settings: dict[str, Any], address: str) -> None:
    module: Any = registry.generator("generative-google")
    assert module.url_for(settings, Caller()).startswith(address)


@pytest.mark.parametrize("name", ["region", "location"])
@pytest.mark.parametrize("place", ["evil.example/x?", "a b", "x#", "evil.example:1/"])
def test_a_region_is_no_address(registry: Registry, name: str, place: str) -> None:
    with pytest.raises(Invalid, match=f"setting {name} must be a region of Google's"):
        generate(registry, "google", {"projectId": "p"}, {name: place, "model": "gemini-x"})


def test_googles_own_regions_may_be_named_by_a_request_without_a_key(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = registry.generator("generative-google")
    given = module.understood({"apiEndpoint": "europe-west1-aiplatform.googleapis.com", "projectId": "p"})
    assert given["region"] == "europe-west1" and "apiEndpoint" not in given
    monkeypatch.setenv("GOOGLE_APIKEY", "the server's own")
    with pytest.raises(Invalid, match="never sent to an address in a request"):
        module.generate("Hi", {"projectId": "p"}, {"api_endpoint": "evil.example"}, Caller())


def test_gemini_takes_images_and_parameters_and_states_its_usage(provider: StandIn, registry: Registry) -> None:
    settings = {"apiEndpoint": provider.url, "model": "gemini-2.5-flash", "maxOutputTokens": 9, "topK": 3}
    found = generate(registry, "palm", settings, {"stop_sequences": ["."]}, JPEG)
    body = provider.requests[0].body
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Hi"}, {"inline_data": {"mime_type": "image/jpeg", "data": JPEG}}]}
    ]
    config = {"maxOutputTokens": 9, "topK": 3, "stopSequences": ["."], "candidateCount": 1}
    assert body["generationConfig"] == config
    assert {one["threshold"] for one in body["safetySettings"]} == {"BLOCK_MEDIUM_AND_ABOVE"}
    assert found.usage["usageMetadata"]["totalTokenCount"] == 7


def test_vertex_predicts_with_parameters(provider: StandIn, registry: Registry) -> None:
    settings = {"apiEndpoint": provider.url, "projectId": "p", "tokenLimit": 9, "temperature": 0.5}
    found = generate(registry, "google", settings)
    assert provider.requests[0].body["parameters"] == {"temperature": 0.5, "maxOutputTokens": 9}
    assert found.usage["metadata"]["tokenMetadata"]["inputTokenCount"] == {"totalTokens": 3}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"candidates": [{"content": {}, "finishReason": "SAFETY"}]}, "SAFETY"),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, "MAX_TOKENS"),
        ({"promptFeedback": {"blockReason": "OTHER"}}, "OTHER"),
    ],
)
def test_an_answer_without_a_text_says_why(
    provider: StandIn, registry: Registry, answer: dict[str, Any], why: str
) -> None:
    provider.twist = lambda _: answer
    with pytest.raises(ProviderError, match=f"^Google answered without a text: {why}"):
        generate(registry, "google", {"apiEndpoint": provider.url, "model": "gemini-x"})


def test_each_api_of_google_has_its_own_key_first(provider: StandIn, registry: Registry) -> None:
    keys = {"x-goog-studio-api-key": "st", "x-goog-vertex-api-key": "ve", "x-palm-api-key": "pa"}
    caller = Caller(credentials=Credentials.of(keys))
    generator = registry.generator("generative-google")
    settings = {"apiEndpoint": provider.url, "model": "gemini-x"}
    generator.generate("Hi", settings, {}, caller)
    generator.generate("Hi", {**settings, "projectId": "p"}, {}, caller)
    generator.generate("Hi", settings, {}, Caller(credentials=Credentials.of({"x-palm-api-key": "pa"})))
    assert [request.key for request in provider.requests] == ["st", "ve", "pa"]


def test_the_words_of_the_provider_stand_in_the_error(provider: StandIn, registry: Registry) -> None:
    provider.failures = [Failure(400, {"error": {"code": 400, "message": "API key not valid", "status": "INVALID"}})]
    with pytest.raises(ProviderError, match="connection to Google failed with status: 400 error: API key not valid"):
        generate(registry, "google", {"apiEndpoint": provider.url, "model": "gemini-x"})
    provider.failures = [Failure(401, {"type": "error", "error": {"type": "authentication", "message": "invalid key"}})]
    with pytest.raises(ProviderError, match="connection to Anthropic API failed with status: 401 error: invalid key"):
        generate(registry, "anthropic", {"baseURL": provider.url})
