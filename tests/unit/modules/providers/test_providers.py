"""The modules that call providers, against a stand-in that speaks their shapes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from providers.standin import DIMENSIONS, Failure, StandIn, vector_of
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured, ProviderError
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.base import Media, ModuleInput, Registry
from weft.modules.providers.http import ProviderClient, base_url
from weft.modules.providers.jinaai import Text2VecJinaAI
from weft.modules.providers.nvidia import Text2VecNvidia

KEYS = {"nvidia": "nv", "jinaai": "ji", "openai": "oa", "azure": "az", "cohere": "co", "anyscale": "an"}
CALLER = Caller(headers={f"x-{provider}-api-key": key for provider, key in KEYS.items()})


@pytest.fixture
def provider() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    for name in KEYS:
        monkeypatch.delenv(f"{name.upper()}_APIKEY", raising=False)
    found = build_registry()
    yield found
    found.close()


@pytest.fixture
def client() -> Iterator[ProviderClient]:
    found = ProviderClient(timeout_s=5, first_wait_s=0)
    yield found
    found.close()


def texts(*given: str) -> list[ModuleInput]:
    return [ModuleInput((one,)) for one in given]


def near(vector: Any, expected: list[float]) -> bool:
    return np.allclose(vector, expected, atol=1e-6)


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


def test_jina_tells_its_task_to_the_models_that_know_it(provider: StandIn, registry: Registry) -> None:
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
    assert module.embed_query(["b", "a"], settings, CALLER).shape == (2, 128)
    assert [r.path for r in provider.requests] == ["/v1/multi-vector"] * 2
    assert provider.requests[1].body["input"] == ["a b"]
    assert module.fingerprint(settings) == registry.vectorizer("text2multivec-jinaai").fingerprint(settings)


def test_openai_texts(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-openai")
    settings = module.defaults({"baseURL": provider.url, "dimensions": 8})
    caller = Caller(headers={**CALLER.headers, "x-openai-organization": "org"})
    found = module.embed_objects(texts("one", "two"), settings, caller)
    assert all(near(v, vector_of(t, 8)) for v, t in zip(found, ("one", "two"), strict=True))
    (request,) = provider.requests
    assert (request.path, request.headers["authorization"]) == ("/v1/embeddings", "Bearer oa")
    assert request.headers["openai-organization"] == "org"
    assert request.body == {"input": ["one", "two"], "model": "text-embedding-3-small", "dimensions": 8}


def test_azure_is_called_by_its_deployment(provider: StandIn, registry: Registry) -> None:
    settings = {"baseURL": provider.url, "resourceName": "r", "deploymentId": "my dep"}
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


# -- text and pictures


def test_nvidia_pictures_travel_as_data_urls(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-nvidia")
    settings = {"baseURL": provider.url + "/v1", "textFields": ["t"], "imageFields": ["i"]}
    given = ModuleInput(("words",), (Media(MediaKind.IMAGE, "aGk="),), (3.0, 1.0))
    (found,) = module.embed_objects([given], settings, CALLER)
    image = "data:image/png;base64,aGk="
    text, picture = np.array(vector_of("words")), np.array(vector_of(image))
    assert near(found, ((0.75 * text + 0.25 * picture) / 2).tolist())
    assert [r.body for r in provider.requests] == [
        {"input": [sent], "model": "nvidia/nvclip", "encoding_format": "float"} for sent in ("words", image)
    ]
    assert near(module.embed_media("image", image, settings, CALLER), picture.tolist())
    with pytest.raises(Invalid, match="does not embed audio"):
        module.embed_media("audio", "aGk=", settings, CALLER)


def test_jina_mixes_texts_and_pictures_in_one_call(provider: StandIn, registry: Registry) -> None:
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
    ],
)
def test_settings_that_cannot_be_are_refused(
    registry: Registry, module: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        registry.validate(module, settings, {})


# -- ranking and generation


@pytest.mark.parametrize(
    ("name", "most"), [("reranker-nvidia", 512), ("reranker-jinaai", 1000), ("reranker-cohere", 1000)]
)
def test_documents_are_ranked_in_their_order(provider: StandIn, registry: Registry, name: str, most: int) -> None:
    documents = [f"red {'green ' * (i % 3)}{i}" for i in range(most + 5)]
    scores = registry.reranker(name).rank("red green", documents, {"baseURL": provider.url}, CALLER)
    assert scores == [1.0 + (i % 3 > 0) for i in range(most + 5)]
    sizes = sorted(len(r.body.get("passages") or r.body["documents"]) for r in provider.requests)
    assert sizes == [5, most]


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
    for wrong, told in (({"scores": []}, "asked for 1 scores"), ({"scores": [1]}, "without scores"), ({}, "without")):
        provider.twist = lambda answer, wrong=wrong: wrong
        with pytest.raises(ProviderError, match=told):
            reranker.rank("q", ["d"], {}, Caller())


@pytest.mark.parametrize(("address", "error"), [("", Misconfigured), ("container", Invalid)])
def test_a_container_must_have_an_address(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, address: str, error: type[Exception]
) -> None:
    monkeypatch.setenv("RERANKER_INFERENCE_API", address)
    with pytest.raises(error, match=r"RERANKER_INFERENCE_API|http"):
        registry.reranker("reranker-transformers").rank("q", ["d"], {}, CALLER)


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


@pytest.mark.parametrize("name", ["generative-openai", "generative-cohere"])
def test_pictures_go_with_the_prompt(provider: StandIn, registry: Registry, name: str) -> None:
    registry.generator(name).generate("Hi", {"baseURL": provider.url}, {}, CALLER, images=["aGk="])
    assert provider.requests[0].body["messages"][0]["content"] == [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]


# -- keys, addresses, failures


def test_a_missing_key_says_where_it_was_looked_for(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    module = registry.vectorizer("text2vec-nvidia")
    with pytest.raises(Invalid, match=r"in request header: X-Nvidia-Api-Key nor in environment .* under NVIDIA_APIKEY"):
        module.embed_query(["a"], {}, Caller())


def test_the_header_wins_except_for_jinas_reranker(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JINAAI_APIKEY", "env")
    settings = {"baseURL": provider.url}
    registry.vectorizer("text2vec-jinaai").embed_query(["a"], settings, CALLER)
    registry.reranker("reranker-jinaai").rank("q", ["d"], settings, CALLER)
    registry.vectorizer("text2vec-jinaai").embed_query(["a"], settings, Caller())
    assert [r.headers["authorization"] for r in provider.requests] == ["Bearer ji", "Bearer env", "Bearer env"]


@pytest.mark.parametrize("given", ["http://h", "http://h/", "http://h/v1", "http://h/v1/", "http://h//"])
def test_addresses_lose_what_the_path_has(given: str) -> None:
    assert base_url({"baseURL": given}, Caller(), "x", "http://other") == "http://h"
    assert base_url({"baseURL": "http://no"}, Caller(headers={"x": given}), "X", "http://other") == "http://h"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"message": "bad input"}, "connection to NVIDIA API failed with status: 400 error: bad input"),
        (402, {"detail": "pay"}, "connection to NVIDIA API failed with status: 402 error: pay"),
        (422, {"title": "wrong"}, "connection to NVIDIA API failed with status: 422 error: wrong"),
        (404, b"<html>", "connection to NVIDIA API failed with status: 404"),
        (302, {}, "connection to NVIDIA API failed with status: 302"),
    ],
)
def test_what_will_not_pass_is_told_at_once(
    provider: StandIn, client: ProviderClient, status: int, body: Any, message: str
) -> None:
    provider.failures = [Failure(status, body)]
    (found,) = Text2VecNvidia(client).embed_objects(texts("a"), {"baseURL": provider.url}, CALLER)
    assert isinstance(found, ProviderError)
    assert (found.message, found.status) == (message, status)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(provider: StandIn, client: ProviderClient, status: int) -> None:
    provider.failures = [Failure(status, {}, {"retry-after": "0"}), Failure(status, {})]
    (found,) = Text2VecJinaAI(client).embed_objects(texts("a"), {"baseURL": provider.url}, CALLER)
    assert near(found, vector_of("a"))
    assert len(provider.requests) == 3


def test_at_last_it_fails_for_the_texts_of_that_call_only(provider: StandIn, client: ProviderClient) -> None:
    module, settings = Text2VecNvidia(client), {"baseURL": provider.url}
    provider.failures = [Failure(400, {"message": "no"})]
    found = module.embed_objects(texts(*[f"t{i}" for i in range(20)]), settings, CALLER)
    assert sum(isinstance(one, ProviderError) for one in found) == 10
    provider.failures = [Failure(429, {"detail": "slow down"})] * 4
    with pytest.raises(ProviderError, match="status: 429"):
        module.embed_query(["a"], settings, CALLER)
    assert provider.failures == []


def test_nobody_there(client: ProviderClient) -> None:
    with StandIn() as gone:
        settings = {"baseURL": gone.url}
    with pytest.raises(ProviderError, match="did not answer: ConnectError"):
        Text2VecNvidia(client).embed_query(["a"], settings, CALLER)


def test_an_answer_that_does_not_come_in_time_is_not_asked_for_again(provider: StandIn) -> None:
    answered = threading.Event()

    def wait(answer: dict[str, Any]) -> dict[str, Any]:
        answered.wait(30)
        return answer

    provider.twist = wait
    impatient = ProviderClient(timeout_s=0.2, first_wait_s=0)
    try:
        with pytest.raises(ProviderError, match="did not answer: ReadTimeout"):
            Text2VecNvidia(impatient).embed_query(["a"], {"baseURL": provider.url}, CALLER)
    finally:
        answered.set()
        impatient.close()
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("twist", "message"),
    [
        (lambda a: {**a, "data": []}, "empty embeddings response"),
        (lambda a: {**a, "data": a["data"] * 2}, "asked for 1 and answered with 2"),
        (lambda a: {}, "without a list of data"),
        (lambda a: {"data": [{"index": 0, "embedding": [[1], [2, 3]]}]}, "mixed shape"),
        (lambda a: {"data": [{"index": 0, "embedding": []}]}, "not an embedding"),
        (lambda a: {"data": [{"index": 0, "embedding": ["x"]}]}, "mixed shape"),
        (lambda a: {"data": [{"index": 5, "embedding": [1.0]}]}, "wrong indexes"),
        (lambda a: {"data": [{"index": 0, "embedding": [1e999]}]}, "not an embedding"),
    ],
)
def test_answers_that_make_no_sense_are_refused(
    provider: StandIn, client: ProviderClient, twist: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    provider.twist = twist
    with pytest.raises(ProviderError, match=message):
        Text2VecJinaAI(client).embed_query(["a"], {"baseURL": provider.url}, CALLER)
