"""The modules that call providers, against a stand-in that speaks their shapes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from providers.callers import CALLER, near, texts
from providers.standin import DIMENSIONS, Failure, StandIn, token_vectors, vector_of
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured, ProviderError
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.base import Media, ModuleInput
from weft.modules.registry import Registry
from weft.settings.modules import ProviderSettings

# -- text


def test_nvidia_texts(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-nvidia")
    settings = module.defaults({"baseURL": provider.url + "/", "truncate": True})
    documents = [f"document {i}" for i in range(23)]
    found = module.embed_objects(texts(*documents), settings, CALLER)
    assert all(near(v, vector_of(t, DIMENSIONS, "passage")) for v, t in zip(found, documents, strict=True))
    assert sorted(len(request.body["input"]) for request in provider.requests) == [3, 10, 10]
    first = provider.requests[0]
    assert first.path == "/v1/embeddings"
    assert first.headers["authorization"] == "Bearer nv"
    assert first.headers["accept"] == "application/json"
    assert {k: v for k, v in first.body.items() if k != "input"} == {
        "model": "nvidia/nv-embed-v1",
        "encoding_format": "float",
        "input_type": "passage",
        "truncate": "NONE",
    }
    query = module.embed_query(["a", "b"], settings, CALLER)
    assert near(query, np.mean([vector_of(t, DIMENSIONS, "query") for t in ("a", "b")], axis=0).tolist())


def test_jina_texts_are_placed_by_index(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-jinaai")
    settings = module.defaults({"baseURL": provider.url, "dimensions": 16})
    found = module.embed_objects(texts("one", "two", "three"), settings, CALLER)
    assert all(near(v, vector_of(t, 16)) for v, t in zip(found, ("one", "two", "three"), strict=True))
    request = provider.requests[0]
    assert request.headers["x-header-vectordb-source"] == "Weaviate"
    assert request.body == {
        "input": ["one", "two", "three"],
        "model": "jina-embeddings-v4",
        "embedding_type": "float",
        "dimensions": 16,
    }


def test_jina_sends_its_task_to_the_models_that_know_it(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-jinaai")
    settings = {"baseURL": provider.url, "model": "jina-embeddings-v3"}
    module.embed_objects(texts("one"), settings, CALLER)
    module.embed_query(["one"], settings, CALLER)
    assert [(r.body["task"], r.body["normalized"]) for r in provider.requests] == [
        ("retrieval.passage", False),
        ("retrieval.query", False),
    ]


def test_jina_batches_keep_the_limits(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-jinaai")
    settings = {"baseURL": provider.url}
    found = module.embed_objects(texts(*["x"] * 600, "y" * 9000, *["z" * 3000] * 5), settings, CALLER)
    assert len(found) == 606
    assert not any(isinstance(one, Exception) for one in found)
    batches = [request.body["input"] for request in provider.requests]
    assert all(len(batch) <= 512 for batch in batches)
    assert all(sum(map(len, batch)) <= 3 * 2375 or len(batch) == 1 for batch in batches)


@pytest.mark.parametrize("name", ["text2colbert-jinaai", "text2multivec-jinaai"])
def test_jina_multi_vectors(provider: StandIn, registry: Registry, name: str) -> None:
    module = registry.vectorizer(name)
    assert module.name == name
    assert module.multi
    settings = module.defaults({"baseURL": provider.url})
    found = module.embed_objects(texts("two words", "three words here"), settings, CALLER)
    assert [one.shape for one in found if isinstance(one, np.ndarray)] == [(2, 128), (3, 128)]
    assert near(found[1], token_vectors("three words here", 128))
    assert module.embed_query(["b", "a"], settings, CALLER).shape == (2, 128)
    assert [r.path for r in provider.requests] == ["/v1/multi-vector"] * 2
    assert provider.requests[1].body["input"] == ["a b"]
    assert module.fingerprint(settings) == registry.vectorizer("text2multivec-jinaai").fingerprint(settings)


def test_openai_texts(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-openai")
    settings = module.defaults({"baseURL": provider.url, "dimensions": 8})
    caller = CALLER.having("x-openai-organization", "org")
    found = module.embed_objects(texts("one", "two"), settings, caller)
    assert all(near(v, vector_of(t, 8)) for v, t in zip(found, ("one", "two"), strict=True))
    (request,) = provider.requests
    assert (request.path, request.headers["authorization"]) == ("/v1/embeddings", "Bearer oa")
    assert request.headers["openai-organization"] == "org"
    assert request.body == {"input": ["one", "two"], "model": "text-embedding-3-small", "dimensions": 8}


@pytest.mark.parametrize("endpoint", ["/api/v3/embeddings", "api/v3/embeddings"])
def test_who_speaks_openais_protocol_elsewhere(provider: StandIn, registry: Registry, endpoint: str) -> None:
    module = registry.vectorizer("text2vec-openai")
    settings = module.defaults({"baseURL": provider.url, "endpoint": endpoint})
    assert near(module.embed_query(["one"], settings, CALLER), vector_of("one"))
    assert [request.path for request in provider.requests] == ["/api/v3/embeddings"]
    with pytest.raises(Invalid, match="setting endpoint must be text, not 3"):
        module.check_settings({"endpoint": 3})
    with pytest.raises(
        Invalid, match=r"setting endpoint must be a path, not 'https://host/v1'; the address .* baseURL"
    ):
        module.check_settings({"endpoint": "https://host/v1"})


def test_azure_is_called_by_its_deployment(provider: StandIn, registry: Registry) -> None:
    settings = {"baseURL": provider.url, "resourceName": "r", "deploymentId": "my dep", "endpoint": "/else"}
    module = registry.vectorizer("text2vec-openai")
    assert near(module.embed_query(["one"], settings, CALLER), vector_of("one"))
    (request,) = provider.requests
    assert request.path == "/openai/deployments/my%20dep/embeddings?api-version=2024-02-01"
    assert request.headers["api-key"] == "az"
    assert request.body == {"input": ["one"]}


def test_cohere_texts(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-cohere")
    settings = module.defaults({"baseURL": provider.url})
    documents = [f"d{i}" for i in range(100)]
    found = module.embed_objects(texts(*documents), settings, CALLER)
    expected = [vector_of(text, DIMENSIONS, "search_document") for text in documents]
    assert all(near(v, e) for v, e in zip(found, expected, strict=True))
    assert sorted(len(request.body["texts"]) for request in provider.requests) == [4, 96]
    assert near(module.embed_query(["a"], settings, CALLER), vector_of("a", DIMENSIONS, "search_query"))
    assert provider.requests[-1].body["truncate"] == "END"


def test_ollama_texts(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-ollama")
    settings = module.defaults({"apiEndpoint": provider.url})
    assert settings == {"apiEndpoint": provider.url, "vectorizeClassName": False}
    documents = [f"d{i}" for i in range(70)]
    found = module.embed_objects(texts(*documents), settings, Caller())
    assert all(near(v, vector_of(t)) for v, t in zip(found, documents, strict=True))
    assert sorted(len(request.body["input"]) for request in provider.requests) == [6, 64]
    assert provider.requests[0].path == "/api/embed"
    assert provider.requests[0].body["model"] == "nomic-embed-text"
    assert "authorization" not in provider.requests[0].headers
    provider.failures = [Failure(404, {"error": 'model "x" not found, try pulling it first'})]
    with pytest.raises(ProviderError, match='status: 404 error: model "x" not found, try pulling it first'):
        module.embed_query(["a"], {**settings, "model": "x"}, Caller())


def test_hugging_face_texts(provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGGINGFACE_BASE_URL", provider.url + "/models")
    module = registry.vectorizer("text2vec-huggingface")
    settings = module.defaults({"passageModel": "p", "queryModel": "q", "options": {"waitForModel": True}})
    assert "model" not in settings
    module.check_settings(settings)
    found = module.embed_objects(texts(*[f"d{i}" for i in range(101)]), settings, CALLER)
    assert near(found[100], vector_of("d100", role="p"))
    assert near(module.embed_query(["a"], settings, CALLER), vector_of("a", role="q"))
    assert sorted(len(r.body["inputs"]) for r in provider.asked("/models/p/pipeline/feature-extraction")) == [1, 100]
    request = provider.requests[-1]
    assert request.headers["authorization"] == "Bearer hf"
    assert request.body["options"] == {"wait_for_model": True, "use_gpu": False, "use_cache": True}
    provider.failures = [Failure(400, {"error": "loading", "estimated_time": 20.5, "warnings": ["slow", "big"]})]
    with pytest.raises(ProviderError, match=r"400 error: loading estimated time: 20.5 warnings: slow, big"):
        module.embed_query(["a"], settings, CALLER)


def test_hugging_face_is_called_at_ones_own_address_as_it_is(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-huggingface")
    settings = module.defaults({"endpointURL": provider.url + "/models/own/pipeline/feature-extraction"})
    assert "model" not in settings
    assert near(module.embed_query(["a"], settings, Caller()), vector_of("a", role="own"))
    assert "authorization" not in provider.requests[0].headers


@pytest.mark.parametrize(
    "answer",
    [
        [[1, 2], [3, 4]],
        {"embeddings": [[1, 2], [3, 4]]},
        [[[0, 1], [2, 3]], [[3, 4]]],
        [[[[0, 1], [2, 3]]], [[[3, 4]]]],
        [[[[0, 1], [2, 3]], [[3, 4]]]],
    ],
)
def test_hugging_face_answers_in_many_shapes(provider: StandIn, registry: Registry, answer: Any) -> None:
    provider.twist = lambda _: answer
    settings = {"endpointURL": provider.url + "/models/m/pipeline/feature-extraction"}
    found = registry.vectorizer("text2vec-huggingface").embed_objects(texts("a", "b"), settings, CALLER)
    assert [one.tolist() for one in found if isinstance(one, np.ndarray)] == [[1, 2], [3, 4]]


# -- text and images


def test_nvidia_images_travel_as_data_urls(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-nvidia")
    settings = {"baseURL": provider.url + "/v1", "textFields": ["t"], "imageFields": ["i"]}
    given = ModuleInput(("words",), (Media(MediaKind.IMAGE, "aGk="),), (3.0, 1.0))
    (found,) = module.embed_objects([given], settings, CALLER)
    image = "data:image/png;base64,aGk="
    text, seen = np.array(vector_of("words")), np.array(vector_of(image))
    assert near(found, ((0.75 * text + 0.25 * seen) / 2).tolist())
    assert [r.body for r in provider.requests] == [
        {"input": [sent], "model": "nvidia/nvclip", "encoding_format": "float"} for sent in ("words", image)
    ]
    assert near(module.embed_media(MediaKind.IMAGE, image, settings, CALLER), seen.tolist())
    with pytest.raises(Invalid, match="does not embed audio"):
        module.embed_media(MediaKind.AUDIO, "aGk=", settings, CALLER)


def test_jina_mixes_texts_and_images_in_one_call(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-jinaai")
    settings = module.defaults({"baseURL": provider.url, "textFields": ["t"], "imageFields": ["i"]})
    (found,) = module.embed_objects([ModuleInput(("a", "b"), (Media(MediaKind.IMAGE, "aGk="),))], settings, CALLER)
    assert near(found, np.mean([vector_of(t) for t in ("a", "b", "aGk=")], axis=0).tolist())
    assert provider.requests[0].body == {
        "input": [{"text": "a"}, {"text": "b"}, {"image": "aGk="}],
        "model": "jina-clip-v2",
        "embedding_type": "float",
    }
    module.embed_query(["a"], settings, CALLER)
    assert provider.requests[1].body["task"] == "retrieval.query"
    assert provider.requests[1].body["normalized"] is True


def test_cohere_images_go_one_by_one(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-cohere")
    settings = module.defaults({"baseURL": provider.url, "textFields": ["t"], "imageFields": ["i"], "dimensions": 8})
    images = (Media(MediaKind.IMAGE, "aGk="), Media(MediaKind.IMAGE, "data:image/gif;base64,eQ=="))
    (found,) = module.embed_objects([ModuleInput(("a", "b"), images)], settings, CALLER)
    urls = ["data:image/png;base64,aGk=", "data:image/gif;base64,eQ=="]
    expected = [vector_of(t, 8, "search_document") for t in ("a", "b")] + [vector_of(u, 8, "image") for u in urls]
    assert near(found, np.mean(expected, axis=0).tolist())
    common = {"model": "embed-multilingual-v3.0", "embedding_types": ["float"], "output_dimension": 8}
    assert [request.body for request in provider.requests] == [
        {"texts": ["a", "b"], "input_type": "search_document", "truncate": "END", **common},
        {"images": urls[:1], "input_type": "image", **common},
        {"images": urls[1:], "input_type": "image", **common},
    ]
    assert near(module.embed_query(["a"], settings, CALLER), vector_of("a", 8, "search_query"))
    assert near(module.embed_media(MediaKind.IMAGE, "aGk=", settings, CALLER), vector_of(urls[0], 8, "image"))


def test_jina_embeds_one_page_as_many_vectors(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2multivec-jinaai")
    settings = module.defaults({"baseURL": provider.url, "imageFields": ["i"]})
    (found,) = module.embed_objects([ModuleInput((), (Media(MediaKind.IMAGE, "aGk="),))], settings, CALLER)
    assert isinstance(found, np.ndarray)
    assert found.shape == (1, DIMENSIONS)
    assert provider.requests[0].body["return_multivector"] is True
    with pytest.raises(Invalid, match="only 1 query can be vectorized, passed 2 queries"):
        module.embed_query(["a", "b"], settings, CALLER)


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [
        ("multi2vec-nvidia", {}, "textFields or imageFields setting needs to be present"),
        ("multi2vec-nvidia", {"imageFields": []}, "must contain at least one image field name"),
        ("multi2vec-nvidia", {"imageFields": "i"}, "imageFields must be an array"),
        (
            "multi2vec-jinaai",
            {"imageFields": ["i"], "weights": {"imageFields": [1, 2]}},
            "weights.imageFields does not equal number of imageFields",
        ),
        ("multi2vec-jinaai", {"imageFields": ["i"], "dimensions": 32}, r"needs to within \[64, 1024\] range"),
        ("multi2multivec-jinaai", {"imageFields": ["i"], "textFields": ["t"]}, "exactly one property"),
        ("text2vec-nvidia", {"truncate": "MIDDLE"}, "wrong truncate type"),
        ("text2vec-jinaai", {"baseURL": "file:///etc/passwd"}, "must begin with http"),
        ("multi2vec-cohere", {"imageFields": ["i"], "truncate": "MIDDLE"}, "wrong truncate type"),
        ("text2vec-ollama", {"apiEndpoint": ""}, "apiEndpoint cannot be empty"),
        ("generative-ollama", {"model": ""}, "model cannot be empty"),
        ("text2vec-huggingface", {"model": "a", "passageModel": "b"}, "only one setting must be set"),
        ("text2vec-huggingface", {"endpointURL": "nowhere"}, "setting endpointURL must begin with http"),
        ("text2vec-openai", {"baseURL": "http://h/?q=1"}, "must end with its path"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    registry: Registry, module: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        registry.validate(module, settings, {})


# -- ranking and generation


def _instead(wrong: Any, answer: Any) -> Any:
    return wrong


def test_a_container_ranks_without_a_key(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reranker = registry.reranker("reranker-transformers")
    documents = [f"red {'green ' * (i % 3)}{i}" for i in range(40)]
    monkeypatch.setenv("RERANKER_INFERENCE_API", provider.url + "/")
    assert reranker.rank("red green", documents, {}, Caller()) == [1.0 + (i % 3 > 0) for i in range(40)]
    assert sorted(len(r.body["documents"]) for r in provider.requests) == [8, 32]
    provider.failures = [Failure(400, {"error": "no model"})]
    with pytest.raises(ProviderError, match="status: 400 error: no model"):
        reranker.rank("q", ["d"], {}, Caller())
    wrongs: tuple[tuple[dict[str, Any], str], ...] = (
        ({"scores": []}, "asked for 1 scores"),
        ({"scores": [1]}, "without scores"),
        ({}, "without"),
    )
    for wrong, message in wrongs:
        provider.twist = partial(_instead, wrong)
        with pytest.raises(ProviderError, match=message):
            reranker.rank("q", ["d"], {}, Caller())


def test_a_collection_may_name_its_container(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reranker = registry.reranker("reranker-transformers")
    monkeypatch.setenv("RERANKER_INFERENCE_API", "http://127.0.0.1:9")
    assert reranker.rank("red", ["red", "green"], {"inferenceUrl": provider.url}, Caller()) == [1.0, 0.0]


def test_the_operators_container_may_be_private_where_collections_ones_may_not(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = build_registry(providers=ProviderSettings(public_only=True))
    reranker = registry.reranker("reranker-transformers")
    with pytest.raises(Invalid, match="MODULES_VALIDATE_BASE_URL"):
        reranker.rank("red", ["red"], {"inferenceUrl": provider.url}, Caller())
    monkeypatch.setenv("RERANKER_INFERENCE_API", provider.url)
    assert reranker.rank("red", ["red"], {}, Caller()) == [1.0]
    registry.close()


@pytest.mark.parametrize("address", ["container", "ftp://container", "http://"])
def test_a_container_must_have_an_address_that_can_be_called(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    reranker = registry.reranker("reranker-transformers")
    with pytest.raises(Invalid, match="setting inferenceUrl must begin with http"):
        reranker.check_settings({"inferenceUrl": address})
    monkeypatch.setenv("RERANKER_INFERENCE_API", address)
    with pytest.raises(Misconfigured, match="variable RERANKER_INFERENCE_API must begin with http"):
        reranker.rank("q", ["d"], {}, CALLER)


def test_generation_takes_its_parameters_from_the_request_first(provider: StandIn, registry: Registry) -> None:
    settings = {"baseURL": provider.url, "temperature": 0.1, "topP": 0.9}
    found = registry.generator("generative-nvidia").generate(
        "Hi", settings, {"top_p": 0.5, "max_tokens": 9, "model": ""}, CALLER
    )
    assert found.text == "Answer to: Hi"
    assert found.usage["total_tokens"] == 7
    assert provider.requests[0].body == {
        "model": "nvidia/llama-3.1-nemotron-51b-instruct",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.1,
        "top_p": 0.5,
        "max_tokens": 9,
    }


@pytest.mark.parametrize(
    ("name", "parameters", "sent"),
    [
        ("generative-openai", {"max_tokens": 5}, {"model": "gpt-5-mini", "max_completion_tokens": 5}),
        ("generative-cohere", {"p": 0.5}, {"model": "command-a-03-2025", "p": 0.5}),
        ("generative-anyscale", {}, {"model": "meta-llama/Llama-2-70b-chat-hf", "temperature": 0}),
    ],
)
def test_generation(
    provider: StandIn, registry: Registry, name: str, parameters: dict[str, Any], sent: dict[str, Any]
) -> None:
    found = registry.generator(name).generate("Hi", {"baseURL": provider.url}, parameters, CALLER)
    assert found.text == "Answer to: Hi"
    assert provider.requests[0].body == {"messages": [{"role": "user", "content": "Hi"}], **sent}


def test_ollama_generates(provider: StandIn, registry: Registry) -> None:
    settings = {"apiEndpoint": "http://127.0.0.1:1", "model": "m"}
    given = {"api_endpoint": provider.url, "temperature": 0.5}
    found = registry.generator("generative-ollama").generate("Hi", settings, given, Caller(), ["aGk="])
    assert (found.text, found.usage) == ("Answer to: Hi", {"eval_count": 4})
    options = {"options": {"temperature": 0.5}, "images": ["aGk="]}
    assert provider.requests[0].body == {"model": "m", "prompt": "Hi", "stream": False, **options}


@pytest.mark.parametrize("name", ["generative-openai", "generative-cohere"])
def test_images_go_with_the_prompt(provider: StandIn, registry: Registry, name: str) -> None:
    registry.generator(name).generate("Hi", {"baseURL": provider.url}, {}, CALLER, images=["aGk="])
    assert provider.requests[0].body["messages"][0]["content"] == [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]
