"""Google's embeddings, by Vertex AI and by the Gemini API of AI Studio."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from providers.callers import CALLER, near, texts, with_headers
from providers.standin import StandIn, vector_of
from weft.domain.errors import Invalid
from weft.domain.query import MediaKind
from weft.modules.base import Media, ModuleInput
from weft.modules.registry import Registry

STUDIO = {"apiEndpoint": "generativelanguage.googleapis.com"}
VERTEX = {"projectId": "my project", "location": "europe-west1"}
PNG, MP4, MP3 = "iVBORw0KGgoA", "AAAA", "SUQz"
IMAGE, VIDEO, AUDIO = (Media(MediaKind(kind), data) for kind, data in (("image", PNG), ("video", MP4), ("audio", MP3)))
PLACE = "/v1/projects/my%20project/locations/europe-west1/publishers/google/models/"


@pytest.fixture(autouse=True)
def at_the_stand_in(provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_BASE_URL", provider.url)


@pytest.mark.parametrize("name", ["text2vec-google", "text2vec-palm"])
def test_texts_by_vertex_ai(provider: StandIn, registry: Registry, name: str) -> None:
    module = registry.vectorizer(name)
    settings = {**VERTEX, "modelId": "text-embedding-005", "dimensions": 8}
    module.check_settings(settings)
    found = module.embed_objects(texts("one", "two"), settings, CALLER)
    assert near(found, [vector_of("one", 8, "RETRIEVAL_DOCUMENT"), vector_of("two", 8, "RETRIEVAL_DOCUMENT")])
    assert near(module.embed_query(["one"], settings, CALLER), vector_of("one", 8, "RETRIEVAL_QUERY"))
    stored = provider.requests[0]
    assert (stored.path, stored.headers["authorization"]) == (PLACE + "text-embedding-005:predict", "Bearer go")
    assert stored.body == {
        "instances": [{"content": one, "task_type": "RETRIEVAL_DOCUMENT"} for one in ("one", "two")],
        "parameters": {"outputDimensionality": 8},
    }


def test_vertex_ai_takes_one_text_a_call_of_its_gemini_model_and_768_numbers(
    provider: StandIn, registry: Registry
) -> None:
    found = registry.vectorizer("text2vec-google").embed_objects(texts("one", "two"), VERTEX, CALLER)
    assert [one.shape for one in found if isinstance(one, np.ndarray)] == [(768,), (768,)]
    assert [len(one.body["instances"]) for one in provider.requests] == [1, 1]


def test_texts_by_the_gemini_api(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-palm")
    settings = {**STUDIO, "model": "m", "taskType": "QUESTION_ANSWERING"}
    module.check_settings(settings)
    found = module.embed_objects(texts("one", "two"), settings, CALLER)
    assert near(found, [vector_of("one", role="RETRIEVAL_DOCUMENT"), vector_of("two", role="RETRIEVAL_DOCUMENT")])
    assert near(module.embed_query(["one"], settings, CALLER), vector_of("one", role="QUESTION_ANSWERING"))
    stored = provider.requests[0]
    assert (stored.path, stored.headers["x-goog-api-key"]) == ("/v1beta/models/m:batchEmbedContents", "go")
    assert "authorization" not in stored.headers
    assert stored.body["requests"][0] == {
        "model": "models/m",
        "content": {"parts": [{"text": "one"}]},
        "taskType": "RETRIEVAL_DOCUMENT",
    }


def test_a_task_of_both_sides_is_that_of_documents_too(provider: StandIn, registry: Registry) -> None:
    module, settings = registry.vectorizer("text2vec-google"), {**STUDIO, "taskType": "CLUSTERING"}
    module.embed_objects(texts("one"), settings, CALLER)
    assert provider.requests[0].body["requests"][0]["taskType"] == "CLUSTERING"
    assert module.fingerprint(settings) != module.fingerprint(STUDIO)
    assert module.fingerprint(STUDIO) == registry.vectorizer("text2vec-palm").fingerprint(STUDIO)


def test_each_api_has_a_key_of_its_own(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-google")
    caller = with_headers(x_goog_studio_api_key="studio", x_google_vertex_api_key="vertex")
    module.embed_query(["a"], STUDIO, caller)
    module.embed_query(["a"], VERTEX, caller)
    assert [request.key for request in provider.requests] == ["studio", "vertex"]


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("text2vec-google", {}, "projectId cannot be empty"),
        ("text2vec-google", {"projectId": "p", "location": "evil.com/"}, "must be a region"),
        ("text2vec-google", {**STUDIO, "taskType": "x"}, "wrong taskType"),
        ("text2vec-google", {**STUDIO, "titleProperty": "x"}, "titleProperty is not supported"),
        ("multi2vec-google", {"imageFields": ["i"]}, "projectId cannot be empty"),
        ("multi2vec-google", {**VERTEX, "audioFields": ["a"]}, "embeds no audio"),
        ("multi2vec-google", {**VERTEX, "imageFields": ["i"], "dimensions": 100}, "wrong dimensions setting"),
        ("multi2vec-google", {**VERTEX, "videoFields": ["v"], "dimensions": 128}, "support only 1408"),
        ("multi2vec-google", {**VERTEX, "videoFields": ["v"], "videoIntervalSeconds": 5}, "wrong videoInterval"),
        ("multi2vec-google", VERTEX, "setting needs to be present"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    registry: Registry, name: str, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        registry.get(name).check_settings(settings)


def test_media_by_vertex_ai_go_together_one_of_each_kind(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-google")
    settings = {**VERTEX, "imageFields": ["i"], "videoFields": ["v"], "videoIntervalSeconds": 8}
    module.check_settings(settings)
    (found,) = module.embed_objects([ModuleInput(("a", "b"), (IMAGE, VIDEO))], settings, CALLER)
    parts = [vector_of(one, 1408) for one in ("a", "b", PNG, MP4)]
    assert isinstance(found, np.ndarray) and np.allclose(found, np.mean(parts, axis=0), atol=1e-5)
    assert [unquote(request.path) for request in provider.requests] == [
        unquote(PLACE) + "multimodalembedding@001:predict"
    ] * 2
    first, second = (request.body for request in provider.requests)
    video = {"bytesBase64Encoded": MP4, "videoSegmentConfig": {"intervalSec": 8}}
    assert first == {"instances": [{"text": "a", "image": {"bytesBase64Encoded": PNG}, "video": video}]}
    assert second == {"instances": [{"text": "b"}], "parameters": {"dimension": 1408}}
    assert near(module.embed_media(MediaKind.VIDEO, MP4, settings, CALLER), parts[3])
    with pytest.raises(Invalid, match="embeds no audio"):
        module.embed_media(MediaKind.AUDIO, MP3, settings, CALLER)


def test_media_by_the_gemini_api_go_in_one_call(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-palm")
    settings = {**STUDIO, "audioFields": ["a"], "dimensions": 16}
    module.check_settings(settings)
    (found,) = module.embed_objects([ModuleInput(("a",), (IMAGE, AUDIO, VIDEO))], settings, CALLER)
    parts = [vector_of(one, 16) for one in ("a", PNG, MP3, MP4)]
    assert isinstance(found, np.ndarray) and np.allclose(found, np.mean(parts, axis=0), atol=1e-5)
    (request,) = provider.requests
    assert request.path == "/v1beta/models/gemini-embedding-2:batchEmbedContents"
    sent = [one["content"]["parts"][0].get("inline_data", {}).get("mime_type") for one in request.body["requests"]]
    assert sent == [None, "image/png", "audio/mpeg", "video/mp4"]
    assert {one["outputDimensionality"] for one in request.body["requests"]} == {16}
