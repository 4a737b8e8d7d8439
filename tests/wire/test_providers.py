"""Modules that call providers, through the official client: what is asked of them, and the result for failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject
from weaviate.classes.generate import GenerativeConfig, GenerativeParameters
from weaviate.classes.query import GroupBy, MetadataQuery, Move, Rerank
from weaviate.connect.integrations import Integrations
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateInsertManyAllFailedError, WeaviateQueryError
from weaviate.util import generate_uuid5

from providers.callers import HEADERS, KEYS, near
from providers.standin import DIMENSIONS, Failure, Request, StandIn, vector_of
from server import Server

Make = Callable[..., Any]
PROPERTIES = [Property(name="title", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)]


@pytest.fixture(scope="module")
def keyed(provider_server: Server) -> Iterator[weaviate.WeaviateClient]:
    with provider_server.client(headers=HEADERS) as client:
        yield client


@pytest.fixture
def made(keyed: weaviate.WeaviateClient, provider: StandIn) -> Iterator[Make]:
    """Makes collections of titles that are deleted after the test."""
    names: list[str] = []

    def create(count: int = 0, **options: Any) -> Any:
        name = f"Provided{len(names)}"
        keyed.collections.delete(name)
        names.append(name)
        collection = keyed.collections.create(name, properties=PROPERTIES, **options)
        if count:
            result = collection.data.insert_many([{"title": f"title {i}", "n": i} for i in range(count)])
            assert not result.has_errors
        return collection

    yield create
    for name in names:
        keyed.collections.delete(name)


def embedded(request: Request) -> int:
    """How many texts a request has embedded."""
    given: list[str] = request.body.get("input") or request.body.get("texts") or request.body["inputs"]
    return len(given)


# -- vectorizers


@pytest.mark.parametrize(
    ("maker", "options", "path", "sizes", "query_role"),
    [
        ("text2vec_nvidia", {}, "/v1/embeddings", [5, *[10] * 6], "query"),
        ("text2vec_jinaai", {"dimensions": DIMENSIONS}, "/v1/embeddings", [65], ""),
        ("text2vec_openai", {"dimensions": DIMENSIONS}, "/v1/embeddings", [65], ""),
        ("text2vec_cohere", {}, "/v2/embed", [65], "search_query"),
        ("text2vec_ollama", {"api_endpoint": None}, "/api/embed", [1, 64], ""),
        ("text2vec_huggingface", {"model": "m"}, "/models/m/pipeline/feature-extraction", [65], "m"),
    ],
)
def test_texts_are_embedded_in_the_providers_batches(
    made: Make, provider: StandIn, maker: str, options: dict[str, Any], path: str, sizes: list[int], query_role: str
) -> None:
    vectorizer = getattr(Configure.Vectors, maker)(
        name="v", source_properties=["title"], vectorize_collection_name=False, **options
    )
    titles = made(65, vector_config=[vectorizer])
    assert sorted(map(embedded, provider.asked(path))) == sizes
    assert len(provider.requests) == len(sizes)
    question = vector_of("title 7", role=query_role)
    answer = titles.query.near_text("title 7", limit=1, include_vector=True, return_metadata=MetadataQuery.full())
    stored = answer.objects[0].vector["v"]
    assert answer.objects[0].metadata.distance == pytest.approx(
        1 - sum(a * b for a, b in zip(question, stored, strict=True)), abs=1e-5
    )


def two_of(**second: Any) -> list[Any]:
    """Two vectors of one module; ``second``: in what the second differs."""
    common: dict[str, Any] = {"source_properties": ["title"], "vectorize_collection_name": False}
    return [
        Configure.Vectors.text2vec_nvidia(name="one", **common),
        Configure.Vectors.text2vec_nvidia(name="other", **common | second),
    ]


def test_one_text_for_two_vectors_alike_is_embedded_once(made: Make, provider: StandIn) -> None:
    things = made(vector_config=two_of(vector_index_config=Configure.VectorIndex.flat()))
    titles = ["red", "green", "red"]
    things.data.insert_many([{"title": title} for title in titles])
    assert [request.body["input"] for request in provider.requests] == [["red", "green"]]
    for found in things.query.fetch_objects(include_vector=True).objects:
        expected = vector_of(found.properties["title"], role="passage")
        assert near(found.vector["one"], expected) and near(found.vector["other"], expected)
    provider.requests.clear()
    both = {"target_vector": ["one", "other"], "limit": 1}
    assert things.query.near_text("green", **both).objects[0].properties["title"] == "green"
    assert things.query.hybrid("green", alpha=0.5, **both).objects[0].properties["title"] == "green"
    assert [request.body["input"] for request in provider.requests] == [["green"], ["green"]]
    provider.requests.clear()
    things.query.near_text("green", move_to=Move(0.5, concepts=["red"]), **both)
    assert [request.body["input"] for request in provider.requests] == [["green"], ["red"]]


def test_vectors_of_other_properties_share_their_queries_and_of_other_models_nothing(
    made: Make, provider: StandIn
) -> None:
    things = made(vector_config=two_of(source_properties=["n"]))
    things.data.insert({"title": "red", "n": 7})
    assert sorted(request.body["input"] for request in provider.requests) == [["7"], ["red"]]
    provider.requests.clear()
    things.query.near_text("red", target_vector=["one", "other"])
    assert len(provider.requests) == 1
    provider.requests.clear()
    others = made(vector_config=two_of(model="another"))
    others.data.insert({"title": "red"})
    others.query.near_text("red", target_vector=["one", "other"])
    assert sorted(request.body["model"] for request in provider.requests) == 2 * ["another"] + 2 * [
        "nvidia/nv-embed-v1"
    ]


def test_one_text_that_is_refused_is_the_error_of_each_object_that_has_it(made: Make, provider: StandIn) -> None:
    provider.refuse = lambda r: Failure(400, {"message": "too long"}) if "bad" in r.body["input"] else None
    things = made(vector_config=two_of())
    result = things.data.insert_many([{"title": title} for title in ("bad", "good", "bad")])
    assert sorted(result.errors) == [0, 2]
    assert len(things.query.fetch_objects().objects) == 1


def test_objects_imported_again_are_embedded_only_where_they_changed(made: Make, provider: StandIn) -> None:
    titles = made(
        vector_config=Configure.Vectors.text2vec_nvidia(source_properties=["title"], vectorize_collection_name=False)
    )

    def load(changed: str, number: int) -> list[str]:
        """Imports three objects and returns the texts that were embedded for it."""
        provider.reset()
        names = ["first", changed, "third"]
        result = titles.data.insert_many(
            [DataObject({"title": name, "n": number}, uuid=generate_uuid5(i)) for i, name in enumerate(names)]
        )
        assert not result.has_errors
        return [text for request in provider.requests for text in request.body["input"]]

    assert load("second", 1) == ["first", "second", "third"]
    assert load("second", 2) == []
    assert load("another", 3) == ["another"]
    stored = titles.query.fetch_object_by_id(generate_uuid5(1), include_vector=True)
    assert stored.properties == {"title": "another", "n": 3}
    assert near(stored.vector["default"], vector_of("another", role="passage"))


def test_nvidia_is_asked_as_its_documents_say(made: Make, provider: StandIn) -> None:
    titles = made(1, vector_config=Configure.Vectors.text2vec_nvidia(vectorize_collection_name=False, truncate=True))
    titles.query.near_text("what?", limit=1)
    stored, asked = provider.requests
    common = {"model": "nvidia/nv-embed-v1", "encoding_format": "float", "truncate": "NONE"}
    assert stored.body == {"input": ["title 0"], "input_type": "passage", **common}
    assert asked.body == {"input": ["what?"], "input_type": "query", **common}
    assert stored.headers["authorization"] == "Bearer nv"
    assert stored.headers["accept"] == "application/json"


def test_the_headers_of_a_request_win(made: Make, provider: StandIn, provider_server: Server) -> None:
    titles = made(vector_config=Configure.Vectors.text2vec_jinaai(base_url="http://127.0.0.1:1"))
    with provider_server.client() as client:
        client.integrations.configure(
            Integrations.jinaai(api_key="of the request", base_url=provider.url, requests_per_minute_embeddings=100)
        )
        client.collections.use(titles.name).data.insert({"title": "a"})
    (request,) = provider.requests
    assert request.headers["authorization"] == "Bearer of the request"


def test_the_meta_endpoint_names_them_all(keyed: weaviate.WeaviateClient) -> None:
    modules = keyed.get_meta()["modules"]
    for name in ("text2vec-ollama", "generative-ollama", "text2vec-huggingface", "multi2vec-cohere", "text2vec-nvidia"):
        assert modules[name]["documentationHref"].startswith("https://")


def test_a_change_asks_the_provider_only_for_what_it_embeds(made: Make, provider: StandIn) -> None:
    titles = made(vector_config=Configure.Vectors.text2vec_nvidia(source_properties=["title"]))
    uuid = titles.data.insert({"title": "a", "n": 1})
    before = titles.query.fetch_object_by_id(uuid, include_vector=True).vector
    provider.requests.clear()
    titles.data.update(uuid, {"n": 2})
    titles.data.replace(uuid, {"title": "a", "n": 3})
    assert provider.requests == []
    assert titles.query.fetch_object_by_id(uuid, include_vector=True).vector == before
    titles.data.update(uuid, {"title": "b"})
    assert len(provider.requests) == 1
    assert titles.query.fetch_object_by_id(uuid, include_vector=True).vector != before


def test_a_change_whose_embedding_fails_changes_nothing(made: Make, provider: StandIn) -> None:
    titles = made(vector_config=Configure.Vectors.text2vec_nvidia())
    uuid = titles.data.insert({"title": "a", "n": 1})
    provider.refuse = lambda request: Failure(402, {"detail": "no credits"})
    for change in (titles.data.update, titles.data.replace):
        with pytest.raises(UnexpectedStatusCodeError, match="status: 402 error: no credits"):
            change(uuid, {"title": "b", "n": 2})
    stored = titles.query.fetch_object_by_id(uuid)
    assert stored.properties == {"title": "a", "n": 1}


# -- failures


def test_a_failure_is_reported_for_its_objects_and_stores_nothing_of_them(made: Make, provider: StandIn) -> None:
    titles = made(
        vector_config=[
            Configure.Vectors.text2vec_nvidia(name="one", source_properties=["title"], vectorize_collection_name=False),
            Configure.Vectors.text2vec_cohere(name="two", source_properties=["title"], vectorize_collection_name=False),
        ]
    )

    def refuse(request: Request) -> Failure | None:
        return Failure(422, {"message": "a bad word"}) if "bad" in str(request.body.get("texts")) else None

    provider.refuse = refuse
    result = titles.data.insert_many([{"title": "bad" if i == 3 else f"title {i}"} for i in range(25)])
    assert list(result.errors) == [3]
    assert "connection to Cohere API failed with status: 422 error: a bad word" in result.errors[3].message
    assert titles.aggregate.over_all(total_count=True).total_count == 24
    stored = titles.query.fetch_objects(limit=100, include_vector=True).objects
    assert all(set(found.vector) == {"one", "two"} for found in stored)


def test_a_missing_key_is_reported_for_each_object(made: Make, provider: StandIn, provider_server: Server) -> None:
    titles = made(vector_config=Configure.Vectors.text2vec_nvidia())
    with provider_server.client() as client:
        bare = client.collections.use(titles.name)
        with pytest.raises(
            WeaviateInsertManyAllFailedError, match="neither in request header: X-Nvidia-Api-Key nor in"
        ):
            bare.data.insert_many([{"title": "a"}, {"title": "b"}])
        with pytest.raises(WeaviateQueryError, match="X-Nvidia-Api-Key"):
            bare.query.near_text("a")
    assert provider.requests == []


@pytest.mark.parametrize(
    ("twist", "message"),
    [
        (lambda answer: {**answer, "data": answer["data"][:-1]}, "NVIDIA was sent 3 inputs but answered with 2"),
        (lambda answer: {**answer, "data": []}, "empty embeddings response"),
    ],
)
def test_an_answer_of_the_wrong_number_stores_nothing(
    made: Make, provider: StandIn, twist: Callable[[Any], Any], message: str
) -> None:
    titles = made(vector_config=Configure.Vectors.text2vec_nvidia())
    provider.twist = twist
    with pytest.raises(WeaviateInsertManyAllFailedError, match=message):
        titles.data.insert_many([{"title": f"t{i}"} for i in range(3)])
    assert titles.aggregate.over_all(total_count=True).total_count == 0


def test_a_limit_that_passes_is_waited_for(made: Make, provider: StandIn) -> None:
    titles = made(vector_config=Configure.Vectors.text2vec_jinaai())
    provider.failures = [Failure(429, {"detail": "slow down"}, {"retry-after": "0"}), Failure(503, b"<html>")]
    assert not titles.data.insert_many([{"title": "a"}]).has_errors
    assert len(provider.requests) == 3


def test_vectors_of_other_dimensions_are_refused_with_the_ways_out(made: Make, provider: StandIn) -> None:
    titles = made(3, vector_config=Configure.Vectors.text2vec_openai(dimensions=8))
    provider.twist = lambda answer: {**answer, "data": [{"index": 0, "embedding": [1.0, 2.0]}]}
    with pytest.raises(WeaviateQueryError) as error:
        titles.query.near_text("a")
    for words in (
        "have 8 dimensions",
        "has 2",
        "text2vec-openai",
        "text-embedding-3-small, 8",
        "import the objects again",
    ):
        assert words in str(error.value)


# -- rerankers and generators


@pytest.mark.parametrize(
    ("maker", "path", "most"),
    [("nvidia", "/v1/retrieval/nvidia/reranking", 512), ("jinaai", "/v1/rerank", 1000), ("cohere", "/v2/rerank", 1000)],
)
def test_hits_are_reranked(made: Make, provider: StandIn, maker: str, path: str, most: int) -> None:
    titles = made(
        520, vector_config=Configure.Vectors.self_provided(), reranker_config=getattr(Configure.Reranker, maker)()
    )
    answer = titles.query.bm25("title", limit=520, rerank=Rerank(prop="title", query="title 519"))
    assert answer.objects[0].properties["title"] == "title 519"
    assert [o.metadata.rerank_score for o in answer.objects[:2]] == [2.0, 1.0]
    requests = provider.asked(path)
    sizes = sorted(len(r.body.get("passages") or r.body["documents"]) for r in requests)
    assert sizes == ([8, 512] if most == 512 else [520])
    assert requests[0].headers["authorization"] == f"Bearer {KEYS[maker]}"


def test_nvidia_ranks_passages(made: Make, provider: StandIn) -> None:
    titles = made(
        1, vector_config=Configure.Vectors.self_provided(), reranker_config=Configure.Reranker.nvidia(model="m")
    )
    titles.query.bm25("title", rerank=Rerank(prop="title", query="why"))
    (request,) = provider.requests
    assert request.body == {"model": "m", "query": {"text": "why"}, "passages": [{"text": "title 0"}]}


GENERATORS = [
    (Configure.Generative.nvidia(), "/v1/chat/completions", "nvidia/llama-3.1-nemotron-51b-instruct"),
    (Configure.Generative.openai(), "/v1/chat/completions", "gpt-5-mini"),
    (Configure.Generative.cohere(), "/v2/chat", "command-a-03-2025"),
    (Configure.Generative.ollama(), "/api/generate", "llama3"),
]


def prompt_of(request: Request) -> str:
    return str(request.body.get("prompt") or request.body["messages"][0]["content"])


@pytest.mark.parametrize(("config", "path", "model"), GENERATORS, ids=[path for _, path, _ in GENERATORS])
def test_each_hit_and_all_of_them_are_generated_for(
    made: Make, provider: StandIn, config: Any, path: str, model: str
) -> None:
    titles = made(2, vector_config=Configure.Vectors.self_provided(), generative_config=config)
    answer = titles.generate.fetch_objects(single_prompt="Say {title}", grouped_task="Sum up", limit=2)
    assert sorted(o.generative.text for o in answer.objects) == ["Answer to: Say title 0", "Answer to: Say title 1"]
    assert answer.generative.text.startswith("Answer to: Sum up: [")
    assert '"title":"title 1"' in answer.generative.text
    assert len(provider.asked(path)) == 3
    assert sorted(map(prompt_of, provider.requests))[:2] == ["Say title 0", "Say title 1"]
    assert {request.body["model"] for request in provider.requests} == {model}


def test_the_request_chooses_another_provider_and_its_parameters(made: Make, provider: StandIn) -> None:
    titles = made(1, vector_config=Configure.Vectors.self_provided(), generative_config=Configure.Generative.openai())
    chosen = GenerativeConfig.nvidia(model="n", temperature=0.5, top_p=0.9, max_tokens=7, base_url=provider.url)
    answer = titles.generate.fetch_objects(single_prompt="Hi", generative_provider=chosen)
    assert answer.objects[0].generative.text == "Answer to: Hi"
    options = GenerativeConfig.openai(model="o", max_tokens=9, stop=["x"], reasoning_effort="low")
    titles.generate.fetch_objects(single_prompt="Hi", generative_provider=options)
    message = {"messages": [{"role": "user", "content": "Hi"}]}
    assert [request.body for request in provider.requests] == [
        {"model": "n", "temperature": 0.5, "top_p": 0.9, "max_tokens": 7, **message},
        {"model": "o", "max_completion_tokens": 9, "stop": ["x"], "reasoning_effort": "low", **message},
    ]


def test_the_account_of_a_generation_is_returned_when_asked_for(made: Make, provider: StandIn) -> None:
    titles = made(1, vector_config=Configure.Vectors.self_provided(), generative_config=Configure.Generative.openai())
    answer = titles.generate.fetch_objects(
        single_prompt=GenerativeParameters.single_prompt("Say {title}", debug=True),
        grouped_task=GenerativeParameters.grouped_task("Sum up", metadata=True),
        generative_provider=GenerativeConfig.openai(),
    )
    (one,) = answer.objects
    assert (one.generative.debug.full_prompt, one.generative.metadata) == ("Say title 0", None)
    assert answer.generative.metadata.usage.total_tokens == 7


def test_images_of_the_request_and_of_the_hits_go_with_the_prompt(
    keyed: weaviate.WeaviateClient, provider: StandIn
) -> None:
    keyed.collections.delete("Pictured")
    illustrated = keyed.collections.create(
        "Pictured",
        properties=[Property(name="title", data_type=DataType.TEXT), Property(name="photo", data_type=DataType.BLOB)],
        vector_config=Configure.Vectors.self_provided(),
    )
    illustrated.data.insert_many([{"title": "one", "photo": "b25l"}, {"title": "none"}])
    single = GenerativeParameters.single_prompt("What of {title}?", image_properties=["photo"], images=["dHdv"])
    summed = GenerativeParameters.grouped_task("Compare", image_properties=["photo"])
    chosen = GenerativeConfig.ollama(model="seer")
    answer = illustrated.generate.bm25("one none", single_prompt=single, generative_provider=chosen)
    assert len(answer.objects) == 2
    illustrated.generate.bm25("one none", grouped_task=summed, generative_provider=chosen)
    sent = {request.body["prompt"].split(":")[0]: request.body["images"] for request in provider.requests}
    assert sent == {"What of one?": ["b25l", "dHdv"], "What of none?": ["dHdv"], "Compare": ["b25l"]}
    keyed.collections.delete("Pictured")


def test_a_generation_that_fails_says_why(made: Make, provider: StandIn) -> None:
    titles = made(1, vector_config=Configure.Vectors.self_provided(), generative_config=Configure.Generative.nvidia())
    provider.failures = [Failure(402, {"detail": "no credits"})]
    with pytest.raises(WeaviateQueryError, match="NVIDIA API failed with status: 402 error: no credits"):
        titles.generate.fetch_objects(single_prompt="Hi")


def test_prompts_of_hits_are_asked_eight_at_a_time(made: Make, provider: StandIn) -> None:
    titles = made(20, vector_config=Configure.Vectors.self_provided(), generative_config=Configure.Generative.nvidia())
    provider.hold.clear()
    with ThreadPoolExecutor(1) as thread:
        search = thread.submit(titles.generate.fetch_objects, single_prompt="Say {title}", limit=20)
        until(lambda: len(provider.requests) == 8)
        threading.Event().wait(0.1)
        assert len(provider.requests) == 8, "no more than eight are asked at once"
        provider.hold.set()
        answer = search.result(30)
    assert [one.generative.text for one in answer.objects] == [
        f"Answer to: Say {one.properties['title']}" for one in answer.objects
    ]
    assert len(provider.requests) == 20


def test_prompts_that_were_rate_limited_are_sent_again_in_their_order(made: Make, provider: StandIn) -> None:
    titles = made(12, vector_config=Configure.Vectors.self_provided(), generative_config=Configure.Generative.nvidia())
    provider.failures = [Failure(429, {}, {"Retry-After": "0"})] * 5
    answer = titles.generate.fetch_objects(single_prompt="Say {title}", limit=12)
    assert [one.generative.text for one in answer.objects] == [
        f"Answer to: Say {one.properties['title']}" for one in answer.objects
    ]
    assert len(provider.requests) == 17


def test_the_first_prompt_in_rank_that_fails_is_reported_and_no_more_are_sent(made: Make, provider: StandIn) -> None:
    titles = made(40, vector_config=Configure.Vectors.self_provided(), generative_config=Configure.Generative.nvidia())
    order = [one.properties["title"] for one in titles.query.fetch_objects(limit=40).objects]

    def refuse(request: Request) -> Failure | None:
        place = order.index(request.body["messages"][0]["content"].removeprefix("Say "))
        if place in (2, 5):
            return Failure(400, {"detail": f"not of {place}"})
        if place > 5:
            threading.Event().wait(0.2)
        return None

    provider.refuse = refuse
    with pytest.raises(WeaviateQueryError, match="status: 400 error: not of 2"):
        titles.generate.fetch_objects(single_prompt="Say {title}", limit=40)
    assert len(provider.requests) < 40


def test_groups_are_ranked_in_one_call_by_their_first_hits(made: Make, provider: StandIn) -> None:
    titles = made(6, vector_config=Configure.Vectors.self_provided(), reranker_config=Configure.Reranker.cohere())
    for one in titles.query.fetch_objects(limit=6).objects:
        i = int(str(one.properties["title"]).removeprefix("title "))
        titles.data.update(one.uuid, properties={"n": i % 3}, vector=[1.0, float(i)])
    answer = titles.query.near_vector(
        [1.0, 0.0],
        group_by=GroupBy(prop="n", objects_per_group=2, number_of_groups=3),
        rerank=Rerank(prop="title", query="title 1"),
    )
    (request,) = provider.asked("/v2/rerank")
    assert request.body["documents"] == ["title 0", "title 1", "title 2"]
    scores = [group.rerank_score for group in answer.groups.values()]
    assert scores == sorted(scores, reverse=True) and scores[0] == 2.0


def until(true: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if true():
            return
        threading.Event().wait(0.003)
    raise AssertionError("it never came to that")
