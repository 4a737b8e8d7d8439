"""What is particular to the embeddings of Mistral, Voyage AI, Databricks, DigitalOcean, Morph, Weaviate, AWS and
TwelveLabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from providers.callers import CALLER, near, texts, with_headers
from providers.standin import StandIn, token_vectors, vector_of
from weft.domain.caller import Caller, Credentials
from weft.domain.errors import Invalid, ProviderError
from weft.domain.query import MediaKind
from weft.modules.base import Media, ModuleInput
from weft.modules.registry import Registry

BEDROCK = {"region": "us-east-1", "model": "amazon.titan-embed-text-v2:0"}
SAGEMAKER = {"region": "us-east-1", "service": "sagemaker", "endpoint": "e"}
PNG, MP4 = "iVBORw0KGgoA", "AAAA"


def refused(registry: Registry, name: str, settings: Mapping[str, object]) -> str:
    """The reason why a collection cannot have ``settings``."""
    with pytest.raises(Invalid) as raised:
        registry.get(name).check_settings(settings)
    return raised.value.message


# -- texts


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/embeddings"])
def test_mistral_takes_the_whole_address_too(provider: StandIn, registry: Registry, base: str) -> None:
    module = registry.vectorizer("text2vec-mistral")
    assert near(module.embed_query(["a"], {"baseURL": provider.url + base}, CALLER), vector_of("a"))
    (request,) = provider.requests
    assert (request.path, request.key) == ("/v1/embeddings", "mi")
    assert request.body == {"input": ["a"], "model": "mistral-embed"}


def test_mistrals_own_address_is_that_of_new_collections(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRAL_BASE_URL", provider.url)
    module = registry.vectorizer("text2vec-mistral")
    settings = module.defaults({})
    assert settings["baseURL"] == "https://api.mistral.ai/v1/embeddings"
    module.check_settings(settings)
    module.embed_query(["a"], settings, CALLER)
    assert provider.requests[0].path == "/v1/embeddings"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"model": "voyage-3", "truncation": True}),
        ({"truncate": False, "dimensions": 8}, {"model": "voyage-3", "truncation": False, "output_dimension": 8}),
    ],
)
def test_voyage_texts(
    provider: StandIn, registry: Registry, settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    module = registry.vectorizer("text2vec-voyageai")
    chosen = {**settings, "baseURL": provider.url + "/v1"}
    found = module.embed_objects(texts("one", "two"), chosen, CALLER)
    size = expected.get("output_dimension", 32)
    assert near(found, [vector_of("one", size, "document"), vector_of("two", size, "document")])
    assert near(module.embed_query(["one"], chosen, CALLER), vector_of("one", size, "query"))
    assert provider.requests[0].body == {"input": ["one", "two"], "input_type": "document", **expected}
    assert provider.requests[0].path == "/v1/embeddings"


def test_voyage_embeds_in_context_with_the_models_made_for_it(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-voyageai")
    settings = {"model": "voyage-context-3", "baseURL": provider.url}
    found = module.embed_objects(texts("one", "two"), settings, CALLER)
    assert near(found, [vector_of("one", role="document"), vector_of("two", role="document")])
    assert provider.requests[0].path == "/v1/contextualizedembeddings"
    assert provider.requests[0].body["inputs"] == [["one"], ["two"]]
    assert "true or false" in refused(registry, "text2vec-voyageai", {"truncate": "no"})


def test_databricks_is_called_at_its_endpoint_as_it_is(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-databricks")
    endpoint = provider.url + "/serving-endpoints/mine/invocations"
    caller = with_headers(x_databricks_user_agent="spark")
    found = module.embed_query(["a"], {"endpoint": endpoint, "instruction": "find"}, caller)
    assert near(found, vector_of("a"))
    (request,) = provider.requests
    assert (request.path, request.key) == ("/serving-endpoints/mine/invocations", "da")
    assert request.headers["user-agent"] == "spark"
    assert request.body == {"input": ["a"], "instruction": "find"}
    elsewhere = with_headers(x_databricks_endpoint=endpoint.replace("mine", "other"))
    module.embed_query(["a"], {"endpoint": endpoint}, elsewhere)
    assert provider.requests[1].path == "/serving-endpoints/other/invocations"
    assert "endpoint cannot be empty" in refused(registry, "text2vec-databricks", {})


def test_a_databricks_failure_has_its_code_or_its_message(provider: StandIn, registry: Registry) -> None:
    provider.twist = lambda answer: {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such endpoint"}
    endpoint = {"endpoint": provider.url + "/serving-endpoints/mine/invocations"}
    with pytest.raises(ProviderError, match="no such endpoint"):
        registry.vectorizer("text2vec-databricks").embed_query(["a"], endpoint, CALLER)


def test_digitalocean_needs_a_model(registry: Registry) -> None:
    assert "model must be set" in refused(registry, "text2vec-digitalocean", {})
    registry.get("text2vec-digitalocean").check_settings({"model": "m"})


def test_morph_may_be_at_another_path(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("text2vec-morph")
    module.embed_query(["a"], module.defaults({"baseURL": provider.url, "endpoint": "api/v3/embeddings"}), CALLER)
    assert (provider.requests[0].path, provider.requests[0].key) == ("/api/v3/embeddings", "mo")
    assert "must be a path" in refused(registry, "text2vec-morph", {"endpoint": "https://host/x"})


def test_weaviates_service_gets_the_cluster_and_no_key_of_this_server(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = registry.vectorizer("text2vec-weaviate")
    settings = module.defaults({"baseURL": provider.url, "dimensions": 8})
    monkeypatch.setenv("WEAVIATE_CLUSTER_URL", "https://own")
    found = module.embed_objects(texts("one"), settings, CALLER)
    assert near(found, [vector_of("one", 8)])
    cluster = with_headers(x_weaviate_cluster_url="https://mine", authorization="Bearer of-this-server")
    assert near(module.embed_query(["one"], settings, cluster), vector_of("one", 8, "query"))
    first, second = provider.requests
    assert first.body == {"input": ["one"], "model": "Snowflake/snowflake-arctic-embed-l-v2.0", "dimensions": 8}
    assert second.body["is_search_query"] is True
    assert [one.headers["x-weaviate-cluster-url"] for one in (first, second)] == ["https://own", "https://mine"]
    assert [one.headers["authorization"] for one in (first, second)] == ["Bearer we"] * 2


def test_weaviates_service_embeds_pages_as_many_vectors(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2multivec-weaviate")
    settings = module.defaults({"baseURL": provider.url, "imageFields": ["page"]})
    module.check_settings(settings)
    (stored,) = module.embed_objects([ModuleInput(media=(Media(MediaKind.IMAGE, PNG),))], settings, CALLER)
    assert isinstance(stored, np.ndarray) and near(stored, [vector_of(PNG)])
    assert near(module.embed_query(["a b"], settings, CALLER), token_vectors("a b", 32))
    with pytest.raises(Invalid, match="only 1 query"):
        module.embed_query(["a", "b"], settings, CALLER)
    assert "textFields" in refused(registry, "multi2multivec-weaviate", {"imageFields": ["a"], "textFields": ["b"]})
    assert "exactly one" in refused(registry, "multi2multivec-weaviate", {"imageFields": ["a", "b"]})


# -- AWS


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("amazon.titan-embed-text-v1", {"inputText": "a"}),
        ("amazon.titan-embed-text-v2:0", {"inputText": "a", "dimensions": 8}),
        ("amazon.titan-embed-image-v1", {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 8}}),
        ("us.cohere.embed-english-v3", {"texts": ["a"], "input_type": "search_document"}),
        (
            "cohere.embed-v4:0",
            {"texts": ["a"], "input_type": "search_document", "output_dimension": 8},
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "embeddingDimension": 8,
                    "text": {"truncationMode": "END", "value": "a"},
                },
            },
        ),
    ],
)
def test_bedrock_texts(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, model: str, body: dict[str, Any]
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    size = {"dimensions": 8} if "8" in str(body) else {}
    (found,) = registry.vectorizer("text2vec-aws").embed_objects(
        texts("a"), {**BEDROCK, "model": model, **size}, CALLER
    )
    assert isinstance(found, np.ndarray) and found.shape == (size.get("dimensions", 32),)
    (request,) = provider.requests
    assert request.body == body
    assert request.path == f"/model/{model.replace(':', '%3A')}/invoke"
    scope = "/us-east-1/bedrock/aws4_request, SignedHeaders="
    assert request.key == "aw" and scope in request.headers["authorization"]


def test_amazons_models_take_one_text_a_call_and_the_others_many(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    module = registry.vectorizer("text2vec-aws")
    for settings, calls in ((BEDROCK, 3), ({**BEDROCK, "model": "cohere.embed-english-v3"}, 1), (SAGEMAKER, 1)):
        provider.requests.clear()
        module.embed_objects(texts("a", "b", "c"), settings, CALLER)
        assert len(provider.requests) == calls


def test_sagemaker_texts(provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    settings = {**SAGEMAKER, "targetModel": "m", "targetVariant": "v"}
    assert near(registry.vectorizer("text2vec-aws").embed_query(["a"], settings, CALLER), vector_of("a"))
    (request,) = provider.requests
    assert (request.path, request.body) == ("/endpoints/e/invocations", {"inputs": ["a"]})
    assert request.headers["x-amzn-sagemaker-target-model"] == "m"
    assert request.headers["x-amzn-sagemaker-target-variant"] == "v"
    assert "/us-east-1/sagemaker/aws4_request" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model": "amazon.x"}, "region cannot be empty"),
        ({"model": "amazon.x", "region": "evil.com/#"}, "region must be one of AWS's"),
        ({"region": "r"}, "model has to be defined"),
        ({**BEDROCK, "endpoint": "e"}, "not applicable to bedrock"),
        ({**BEDROCK, "model": "meta.x"}, "unknown model provider"),
        ({**BEDROCK, "service": "lambda"}, "available services are"),
        ({"region": "r", "service": "sagemaker"}, "endpoint cannot be empty"),
        ({**SAGEMAKER, "model": "m"}, "did you mean targetModel"),
        ({**SAGEMAKER, "dimensions": 16}, "dimensions, not applicable to sagemaker"),
    ],
)
def test_settings_of_aws_that_cannot_be_are_refused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], reason: str
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    assert reason in refused(registry, "text2vec-aws", settings)


def test_keys_of_aws_are_all_the_requests_or_all_the_servers(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"BASE_URL": provider.url, "REGION": "eu-west-1", "SESSION_TOKEN": "own"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "own key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own secret")
    module, settings = registry.vectorizer("text2vec-aws"), {"model": BEDROCK["model"]}
    module.embed_query(["a"], settings, Caller())
    assert provider.requests[0].headers["x-amz-security-token"] == "own"
    assert "/eu-west-1/" in provider.requests[0].headers["authorization"]
    half = Caller(credentials=Credentials.of({"x-aws-access-key": "mine"}))
    with pytest.raises(Invalid, match="also needs header X-Aws-Secret-Key"):
        module.embed_query(["a"], settings, half)
    module.embed_query(["a"], settings, CALLER)
    assert provider.requests[1].key == "aw" and "x-amz-security-token" not in provider.requests[1].headers
    assert not any("secret" in str(request) for request in provider.requests)


@pytest.mark.parametrize(
    ("model", "image"),
    [
        ("amazon.titan-embed-image-v1", {"inputImage": PNG}),
        ("cohere.embed-english-v3", {"images": [f"data:image/png;base64,{PNG}"], "input_type": "image"}),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "image": {"format": "png", "source": {"bytes": PNG}},
                },
            },
        ),
    ],
)
def test_bedrock_images(
    provider: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch, model: str, image: dict[str, Any]
) -> None:
    monkeypatch.setenv("AWS_BASE_URL", provider.url)
    given = ModuleInput(("a b",), (Media(MediaKind.IMAGE, PNG),))
    settings = {"region": "us-east-1", "model": model, "imageFields": ["image"]}
    (found,) = registry.vectorizer("multi2vec-aws").embed_objects([given], settings, CALLER)
    assert isinstance(found, np.ndarray) and found.shape == (32,)
    assert provider.requests[1].body == image


# -- media


def test_voyage_media_travel_as_data_urls(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-voyageai")
    settings = module.defaults({"baseURL": provider.url, "videoFields": ["video"], "truncation": False})
    module.check_settings(settings)
    media = (Media(MediaKind.IMAGE, PNG), Media(MediaKind.VIDEO, MP4))
    module.embed_objects([ModuleInput(("a",), media)], settings, CALLER)
    module.embed_media(MediaKind.VIDEO, MP4, settings, CALLER)
    stored, query = provider.requests
    assert [one["content"] for one in stored.body["inputs"]] == [
        [{"type": "text", "text": "a"}],
        [{"type": "image_base64", "image_base64": f"data:image/png;base64,{PNG}"}],
        [{"type": "video_base64", "video_base64": f"data:video/mp4;base64,{MP4}"}],
    ]
    assert (stored.body["truncation"], stored.body["input_type"], query.body["input_type"]) == (
        False,
        "document",
        "query",
    )


def test_twelvelabs_takes_forms(provider: StandIn, registry: Registry) -> None:
    module = registry.vectorizer("multi2vec-twelvelabs")
    settings = module.defaults({"baseURL": provider.url, "imageFields": ["image"]})
    given = ModuleInput(("grün\r\n--", "b"), (Media(MediaKind.IMAGE, "data:image/png;base64,aGk="),))
    module.embed_objects([given], settings, CALLER)
    assert [(one.path, one.headers["x-api-key"]) for one in provider.requests] == [("/embed", "tw")] * 3
    assert [one.body for one in provider.requests] == [
        {"model_name": "marengo3.0", "text": "grün\r\n--"},
        {"model_name": "marengo3.0", "text": "b"},
        {"model_name": "marengo3.0", "image_file": b"hi"},
    ]
