"""Google's generator: which API is asked, where, with which key, and what it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from providers.callers import CALLER
from providers.standin import StandIn
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Invalid, ProviderError
from weft.modules.registry import Registry

JPEG = "/9j/4AAQ"
STUDIO = "/v1beta/models/gemini-2.5-flash:generateContent"
VERTEX = "/v1/projects/p%201/locations/us-central1/publishers/google/models/"


def generate(
    registry: Registry, settings: dict[str, Any], parameters: dict[str, Any] | None = None, *images: str
) -> Any:
    return registry.generator("generative-google").generate("Hi", settings, parameters or {}, CALLER, images)


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
    found = generate(registry, settings, parameters)
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
        generate(registry, {"projectId": "p"}, {name: place, "model": "gemini-x"})


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
    found = generate(registry, settings, {"stop_sequences": ["."]}, JPEG)
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
    found = generate(registry, settings)
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
        generate(registry, {"apiEndpoint": provider.url, "model": "gemini-x"})


def test_each_api_of_google_has_its_own_key_first(provider: StandIn, registry: Registry) -> None:
    keys = {"x-goog-studio-api-key": "st", "x-goog-vertex-api-key": "ve", "x-palm-api-key": "pa"}
    caller = Caller(credentials=Credentials.of(keys))
    generator = registry.generator("generative-google")
    settings = {"apiEndpoint": provider.url, "model": "gemini-x"}
    generator.generate("Hi", settings, {}, caller)
    generator.generate("Hi", {**settings, "projectId": "p"}, {}, caller)
    generator.generate("Hi", settings, {}, Caller(credentials=Credentials.of({"x-palm-api-key": "pa"})))
    assert [request.key for request in provider.requests] == ["st", "ve", "pa"]
