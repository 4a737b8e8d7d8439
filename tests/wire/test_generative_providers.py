"""Every generator and reranker that the official client configures: by the collection, by a request, and by GraphQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.generate import GenerativeConfig, GenerativeParameters
from weaviate.classes.query import Rerank
from weaviate.exceptions import WeaviateQueryError

from providers.callers import HEADERS
from providers.standin import Failure, StandIn
from server import Server

NAME = "Answered"
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.fixture(scope="module")
def keyed(provider_server: Server) -> Iterator[weaviate.WeaviateClient]:
    with provider_server.client(headers=HEADERS) as client:
        yield client
        client.collections.delete(NAME)


def served(url: str) -> str:
    return f"{url}/serving-endpoints/e/invocations"


Options = Callable[[str], Any]
"""From the stand-in's address to what the client is given."""

GENERATORS: dict[str, tuple[Options, Options, dict[str, Any] | None]] = {
    "anthropic": (
        lambda url: Configure.Generative.anthropic(max_tokens=9),
        lambda url: GenerativeConfig.anthropic(model="other", top_k=3, stop_sequences=["."], base_url=url),
        {"usage": {"input_tokens": 3, "output_tokens": 4}},
    ),
    "aws-bedrock": (
        lambda url: Configure.Generative.aws_bedrock(model=CLAUDE, region="us-east-1", max_tokens=9),
        lambda url: GenerativeConfig.aws_bedrock(model="other.meta.llama", region="eu-west-1", temperature=0.5),
        {},
    ),
    "aws-sagemaker": (
        lambda url: Configure.Generative.aws_sagemaker(region="us-east-1", endpoint="chat"),
        lambda url: GenerativeConfig.aws_sagemaker(region="eu-west-1", endpoint="https://other"),
        {},
    ),
    "contextualai": (
        lambda url: Configure.Generative.contextualai(max_new_tokens=9),
        lambda url: GenerativeConfig.contextualai(model="other", system_prompt="Be short"),
        None,
    ),
    "databricks": (
        lambda url: Configure.Generative.databricks(endpoint=served(url), max_tokens=9),
        lambda url: GenerativeConfig.databricks(endpoint=served(url), model="other", top_log_probs=2),
        {"usage": USAGE},
    ),
    "deepseek": (
        lambda url: Configure.Generative.deepseek(max_tokens=9),
        lambda url: GenerativeConfig.deepseek(model="other", stop=["."]),
        None,
    ),
    "digitalocean": (
        lambda url: Configure.Generative.digitalocean(max_tokens=9),
        lambda url: GenerativeConfig.digitalocean(model="other", stop=["."]),
        {"usage": USAGE},
    ),
    "friendliai": (
        lambda url: Configure.Generative.friendliai(max_tokens=9),
        lambda url: GenerativeConfig.friendliai(model="other", n=1, top_p=0.5),
        {"usage": USAGE},
    ),
    "google-gemini": (
        lambda url: Configure.Generative.google_gemini(model="gemini-2.5-flash", max_output_tokens=9),
        lambda url: GenerativeConfig.google_gemini(model="gemini-other", stop_sequences=["."]),
        {"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4, "total_token_count": 7}},
    ),
    "google-vertex": (
        lambda url: Configure.Generative.google_vertex(project_id="p", region="europe-west1"),
        lambda url: GenerativeConfig.google_vertex(model="gemini-other", project_id="p", region="europe-west4"),
        {"usage_metadata": {"prompt_token_count": 3, "candidates_token_count": 4, "total_token_count": 7}},
    ),
    "mistral": (
        lambda url: Configure.Generative.mistral(max_tokens=9),
        lambda url: GenerativeConfig.mistral(model="other", top_p=0.5),
        {"usage": USAGE},
    ),
    "xai": (
        lambda url: Configure.Generative.xai(max_tokens=9),
        lambda url: GenerativeConfig.xai(model="other", top_p=0.5),
        None,
    ),
}


def make(client: weaviate.WeaviateClient, count: int = 2, **options: Any) -> Any:
    client.collections.delete(NAME)
    properties = [Property(name="title", data_type=DataType.TEXT), Property(name="photo", data_type=DataType.BLOB)]
    found = client.collections.create(
        NAME, properties=properties, vector_config=Configure.Vectors.self_provided(), **options
    )
    objects = [{"title": f"title {i}", "photo": "b25l"} for i in range(count)]
    assert not found.data.insert_many(objects).has_errors
    return found


def of(message: Any) -> dict[str, Any]:
    """The fields of a message that are set, messages as dictionaries."""
    return {field.name: of(value) if field.message_type is not None else value for field, value in message.ListFields()}


@pytest.mark.parametrize("name", GENERATORS)
def test_it_generates_as_configured_and_as_asked(keyed: weaviate.WeaviateClient, provider: StandIn, name: str) -> None:
    config, chosen, usage = GENERATORS[name]
    titles = make(keyed, generative_config=config(provider.url))
    answer = titles.generate.fetch_objects(single_prompt="Say {title}", grouped_task="Sum up", limit=2)
    assert sorted(o.generative.text[-7:] for o in answer.objects) == ["title 0", "title 1"]
    assert answer.generative.text.startswith("Answer to: Sum up: [") and '"title":"title 1"' in answer.generative.text
    assert len(provider.requests) == 3
    one = titles.generate.fetch_objects(
        single_prompt=GenerativeParameters.single_prompt("Hi", metadata=True, debug=True),
        generative_provider=chosen(provider.url),
        limit=1,
    ).objects[0]
    assert one.generative.text == "Answer to: Hi"
    assert one.generative.debug.full_prompt == "Hi"
    request = provider.requests[-1]
    assert "other" in request.path + str(request.body)
    assert "other" not in str(provider.requests[0])
    if usage is None:
        assert one.generative.metadata is None, "the client reads no account of this provider's"
    else:
        assert of(one.generative.metadata) == usage


@pytest.mark.parametrize("name", ["anthropic", "aws-bedrock", "google-gemini", "xai"])
def test_images_of_hits_go_with_the_prompt(keyed: weaviate.WeaviateClient, provider: StandIn, name: str) -> None:
    titles = make(keyed, 1, generative_config=GENERATORS[name][0](provider.url))
    task = GenerativeParameters.grouped_task("Compare", image_properties=["photo"], images=["dHdv"])
    config = {
        "anthropic": GenerativeConfig.anthropic(),
        "aws-bedrock": GenerativeConfig.aws_bedrock(model=CLAUDE),
        "google-gemini": GenerativeConfig.google_gemini(),
        "xai": GenerativeConfig.xai(),
    }[name]
    titles.generate.fetch_objects(grouped_task=task, generative_provider=config)
    sent = str(provider.requests[0].body)
    assert 0 < sent.index("b25l") < sent.index("dHdv")


def test_contextual_ai_gets_the_texts_of_the_hits(keyed: weaviate.WeaviateClient, provider: StandIn) -> None:
    titles = make(keyed, 2, generative_config=Configure.Generative.contextualai())
    titles.generate.fetch_objects(single_prompt="Say {title}", grouped_task="Sum up")
    known = sorted(sorted(request.body["knowledge"]) for request in provider.requests)
    assert known == [["title 0"], ["title 0", "title 1"], ["title 1"]]


def test_graphql_names_the_provider_and_its_parameters(keyed: weaviate.WeaviateClient, provider: StandIn) -> None:
    make(keyed, 1)
    generate = 'generate(singleResult: {prompt: "Say {title}", xai: {model: "grok", topP: 0.5, maxTokens: 9}})'
    query = f"{{Get {{{NAME} {{title _additional {{{generate} {{singleResult error}}}}}}}}}}"
    raw = keyed.graphql_raw_query(query)
    assert raw.errors is None
    assert raw.get[NAME][0]["_additional"]["generate"]["singleResult"] == "Answer to: Say title 0"
    body = provider.requests[0].body
    assert (body["model"], body["top_p"], body["max_tokens"]) == ("grok", 0.5, 9)


@pytest.mark.parametrize(
    ("parameters", "path", "sent"),
    [
        ('cohere: {P: 0.5, stopSequences: ["."]}', "/v2/chat", {"p": 0.5, "stop_sequences": ["."]}),
        (
            'databricks: {Endpoint: "<URL>/serving-endpoints/other/invocations", logprobs: true}',
            "/serving-endpoints/other/invocations",
            {"logprobs": True},
        ),
        ('google: {model: "gemini-x", topK: 3}', "/v1beta/models/gemini-x:generateContent", {}),
        ('mistral: {baseURL: "<URL>", maxTokens: 9}', "/v1/chat/completions", {"max_tokens": 9}),
    ],
)
def test_graphql_spells_parameters_as_its_providers_do(
    keyed: weaviate.WeaviateClient, provider: StandIn, parameters: str, path: str, sent: dict[str, Any]
) -> None:
    make(keyed, 1)
    named = parameters.replace("<URL>", provider.url)
    asked = f'generate(groupedResult: {{task: "Sum up", {named}}}) {{groupedResult error}}'
    raw = keyed.graphql_raw_query(f"{{Get {{{NAME} {{_additional {{{asked}}}}}}}}}")
    assert raw.errors is None
    assert raw.get[NAME][0]["_additional"]["generate"]["groupedResult"].startswith("Answer to: Sum up")
    (request,) = provider.asked(path)
    assert sent.items() <= request.body.items()


@pytest.mark.parametrize(
    ("images", "error"), [('"b25l"', None), ('["b25l"]', None), ("3", "generate: images must be a list of texts")]
)
def test_images_of_graphql_are_texts(
    keyed: weaviate.WeaviateClient, provider: StandIn, images: str, error: str | None
) -> None:
    make(keyed, 1)
    asked = f'generate(singleResult: {{prompt: "Hi", xai: {{images: {images}}}}}) {{singleResult error}}'
    raw = keyed.graphql_raw_query(f"{{Get {{{NAME} {{_additional {{{asked}}}}}}}}}")
    assert raw.errors is None
    assert raw.get[NAME][0]["_additional"]["generate"]["error"] == error
    assert [str(request.body).count("b25l") for request in provider.requests] == ([] if error else [1])


@pytest.mark.parametrize("name", GENERATORS)
def test_a_failure_has_the_words_of_the_provider_and_no_key(
    keyed: weaviate.WeaviateClient, provider: StandIn, name: str
) -> None:
    titles = make(keyed, 1, generative_config=GENERATORS[name][0](provider.url))
    provider.refuse = lambda request: Failure(402, {"message": "no credits"})
    with pytest.raises(WeaviateQueryError, match=r"402.*no credits") as raised:
        titles.generate.fetch_objects(single_prompt="Hi")
    (request,) = provider.requests
    assert "key" not in str(raised.value) and not {request.key} & set(str(raised.value).split())


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        (Configure.Reranker.voyageai(model="rerank-lite-2"), {"model": "rerank-lite-2", "return_documents": False}),
        (
            Configure.Reranker.contextualai(model="m", instruction="Newest", top_n=2),
            {"model": "m", "instruction": "Newest", "top_n": 2},
        ),
    ],
    ids=["voyageai", "contextualai"],
)
def test_it_ranks(keyed: weaviate.WeaviateClient, provider: StandIn, config: Any, sent: dict[str, Any]) -> None:
    titles = make(keyed, 2, reranker_config=config)
    answer = titles.query.bm25("title", rerank=Rerank(prop="title", query="title 1"))
    assert [(o.properties["title"], o.metadata.rerank_score) for o in answer.objects] == [
        ("title 1", 2.0),
        ("title 0", 1.0),
    ]
    (request,) = provider.asked("/v1/rerank")
    assert sent.items() <= request.body.items()
