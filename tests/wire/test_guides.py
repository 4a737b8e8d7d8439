"""The protocol's guides to multi-vector embeddings and to NVIDIA's multimodal embeddings, from end to end; and our own
pages of providers.

Each step of the guides is taken with the official client against a running server. The providers are a stand-in, and
so is the call that a reader makes to Jina to embed a query of their own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Multi2VecField, Property
from weaviate.classes.query import MetadataQuery
from weaviate.exceptions import WeaviateQueryError
from weaviate.util import generate_uuid5

from providers.callers import PREFIXES, addresses, near
from providers.standin import DIMENSIONS, StandIn, token_vectors, vector_of
from server import Server

PAGES = Path(__file__).parents[2] / "docs/modules"
DOCUMENTS = {
    "doc1": "Weaviate is a vector database that is great for AI app builders.",
    "doc2": "PyTorch is a deep learning framework that is great for AI model builders.",
    "doc3": "For people building AI driven products, Weaviate is a good database for their tech stack.",
}
QUESTION = "A good database for AI app builders"
TEXT_AND_ID = [Property(name="text", data_type=DataType.TEXT), Property(name="docid", data_type=DataType.TEXT)]


@pytest.fixture
def guided(provider_server: Server, provider: StandIn) -> Iterator[weaviate.WeaviateClient]:
    headers = {"X-JinaAI-Api-Key": "jina-key", "X-NVIDIA-Api-Key": "nvidia-key"}
    with provider_server.client(headers=headers) as client:
        client.collections.delete("DemoCollection")
        yield client
        client.collections.delete("DemoCollection")


def own_embedding(provider: StandIn, text: str) -> list[list[float]]:
    """As the guide has its readers obtain one."""
    body = {
        "model": "jina-colbert-v2",
        "dimensions": 128,
        "input_type": "document",
        "embedding_type": "float",
        "input": [text],
    }
    headers = {"Authorization": "Bearer jina-key"}
    answer = httpx.post(f"{provider.url}/v1/multi-vector", headers=headers, json=body).json()
    found: list[list[float]] = answer["data"][0]["embeddings"]
    return found


def ids(response: Any) -> list[str]:
    return [found.properties["docid"] for found in response.objects]


# -- multi-vector embeddings


def imported(client: weaviate.WeaviateClient, vectors: dict[str, list[list[float]]] | None = None) -> Any:
    collection = client.collections.use("DemoCollection")
    with collection.batch.fixed_size(batch_size=10) as batch:
        for docid, text in DOCUMENTS.items():
            own = {"vector": {"multi_vector": vectors[docid]}} if vectors else {}
            batch.add_object({"text": text, "docid": docid}, uuid=generate_uuid5(docid), **own)
    assert not collection.batch.failed_objects
    assert len(collection) == 3
    return collection


@pytest.fixture
def integrated(guided: weaviate.WeaviateClient) -> Any:
    guided.collections.create(
        "DemoCollection",
        vector_config=[
            Configure.MultiVectors.text2vec_jinaai(
                name="multi_vector", source_properties=["text"], model="jina-colbert-v2"
            )
        ],
        properties=TEXT_AND_ID,
    )
    return imported(guided)


@pytest.fixture
def provided(guided: weaviate.WeaviateClient, provider: StandIn) -> Any:
    guided.collections.create(
        "DemoCollection",
        vector_config=[Configure.MultiVectors.self_provided(name="multi_vector")],
        properties=TEXT_AND_ID,
    )
    return imported(guided, {docid: own_embedding(provider, text) for docid, text in DOCUMENTS.items()})


def test_the_import_embeds_the_named_property_in_one_call(integrated: Any, provider: StandIn) -> None:
    (request,) = provider.requests
    assert request.path == "/v1/multi-vector"
    assert request.headers["authorization"] == "Bearer jina-key"
    assert sorted(request.body["input"]) == sorted(f"Demo Collection {text}" for text in DOCUMENTS.values())
    expected = {"model": "jina-colbert-v2", "embedding_type": "float"}
    assert {key: request.body[key] for key in expected} == expected


def test_embeddings_are_lists_of_lists(integrated: Any) -> None:
    response = integrated.query.fetch_objects(limit=3, include_vector=True)
    assert len(response.objects) == 3
    for found in response.objects:
        vector = found.vector["multi_vector"]
        assert isinstance(vector, list)
        assert isinstance(vector[0], list)
        expected = token_vectors(f"Demo Collection {found.properties['text']}", 128)
        assert (len(vector), len(vector[0])) == (len(expected), 128)
        assert near(vector, expected)


def test_near_text_and_hybrid_embed_the_question(integrated: Any, provider: StandIn) -> None:
    provider.requests.clear()
    answer = integrated.query.near_text(
        QUESTION, target_vector="multi_vector", return_metadata=MetadataQuery(distance=True)
    )
    assert ids(answer) == ["doc1", "doc3", "doc2"]
    assert [o.metadata.distance for o in answer.objects] == sorted(o.metadata.distance for o in answer.objects)
    assert ids(integrated.query.hybrid(QUESTION, target_vector="multi_vector"))[0] == "doc1"
    assert [request.body["input"] for request in provider.requests] == [[QUESTION]] * 2


def test_vectors_of_ones_own_ask_no_provider(integrated: Any, provider: StandIn) -> None:
    question = own_embedding(provider, QUESTION)
    by_text = integrated.query.near_text(QUESTION, target_vector="multi_vector")
    provider.requests.clear()
    assert ids(integrated.query.near_vector(question, target_vector="multi_vector")) == ids(by_text)
    assert len(ids(integrated.query.hybrid(QUESTION, vector=question, target_vector="multi_vector"))) == 3
    assert provider.requests == []


def test_an_object_that_brings_its_vector_keeps_it(integrated: Any, provider: StandIn) -> None:
    provider.requests.clear()
    mine = [[1.0] + [0.0] * 127]
    uuid = integrated.data.insert({"text": "my own", "docid": "own"}, vector={"multi_vector": mine})
    assert integrated.query.fetch_object_by_id(uuid, include_vector=True).vector["multi_vector"] == mine
    assert provider.requests == []


def test_provided_embeddings_are_searched_by_vector_and_hybrid(provided: Any, provider: StandIn) -> None:
    question = own_embedding(provider, QUESTION)
    assert ids(provided.query.near_vector(question, target_vector="multi_vector")) == ["doc1", "doc3", "doc2"]
    assert ids(provided.query.hybrid(QUESTION, vector=question, target_vector="multi_vector"))[0] == "doc1"


def test_provided_embeddings_know_no_near_text(provided: Any) -> None:
    with pytest.raises(WeaviateQueryError, match=r"without vectorizer on .*multi_vector.*search by vector, or create"):
        provided.query.near_text(QUESTION, target_vector="multi_vector")


def test_a_query_by_another_model_names_the_model_that_made_the_vectors(integrated: Any) -> None:
    with pytest.raises(WeaviateQueryError) as error:
        integrated.query.near_vector([[0.5] * 96], target_vector="multi_vector")
    for words in ("'multi_vector' have 128 dimensions", "has 96", "text2colbert-jinaai", "jina-colbert-v2"):
        assert words in str(error.value)


# -- NVIDIA's multimodal embeddings

POSTERS = {
    title: base64.b64encode(hashlib.sha256(title.encode()).digest()).decode()
    for title in ("A holiday film", "The Matrix", "A film about space")
}


@pytest.fixture
def videos(guided: weaviate.WeaviateClient) -> Any:
    guided.collections.create(
        "DemoCollection",
        properties=[Property(name="title", data_type=DataType.TEXT), Property(name="poster", data_type=DataType.BLOB)],
        vector_config=[
            Configure.Vectors.multi2vec_nvidia(
                name="title_vector",
                image_fields=[Multi2VecField(name="poster", weight=0.9)],
                text_fields=[Multi2VecField(name="title", weight=0.1)],
            )
        ],
    )
    collection = guided.collections.use("DemoCollection")
    with collection.batch.fixed_size(batch_size=200) as batch:
        for title, poster in POSTERS.items():
            batch.add_object(properties={"title": title, "poster": poster})
    assert not collection.batch.failed_objects
    return collection


def titles(response: Any) -> list[str]:
    return [found.properties["title"] for found in response.objects]


def test_texts_and_images_are_embedded_and_weighed(videos: Any, provider: StandIn) -> None:
    assert len(provider.requests) == 6
    assert {request.headers["authorization"] for request in provider.requests} == {"Bearer nvidia-key"}
    for request in provider.requests:
        assert set(request.body) == {"input", "model", "encoding_format"}
        assert request.body["model"] == "nvidia/nvclip"
    sent = {request.body["input"][0] for request in provider.requests}
    assert sent == {*POSTERS, *(f"data:image/png;base64,{poster}" for poster in POSTERS.values())}
    for found in videos.query.fetch_objects(include_vector=True).objects:
        title = found.properties["title"]
        text, image = vector_of(title), vector_of(f"data:image/png;base64,{POSTERS[title]}")
        weighed = [(0.1 * t + 0.9 * p) / 2 for t, p in zip(text, image, strict=True)]
        assert near(found.vector["title_vector"], weighed)
        assert len(weighed) == DIMENSIONS


def test_videos_are_found_by_text_hybrid_and_image(videos: Any, provider: StandIn) -> None:
    assert len(titles(videos.query.near_text("A holiday film", limit=2))) == 2
    assert titles(videos.query.hybrid("A holiday film", limit=2))[0] == "A holiday film"
    for title, poster in POSTERS.items():
        answer = videos.query.near_image(poster, limit=2, return_properties=["title", "poster"])
        assert titles(answer)[0] == title
        assert answer.objects[0].properties["poster"] == poster
    assert provider.requests[-1].body["input"] == [f"data:image/png;base64,{POSTERS['A film about space']}"]


def test_a_model_can_be_chosen(guided: weaviate.WeaviateClient, provider: StandIn) -> None:
    collection = guided.collections.create(
        "DemoCollection",
        properties=[Property(name="title", data_type=DataType.TEXT), Property(name="poster", data_type=DataType.BLOB)],
        vector_config=[
            Configure.Vectors.multi2vec_nvidia(
                name="title_vector",
                model="nvidia/other",
                base_url="https://integrate.api.nvidia.com/v1",
                image_fields=["poster"],
                text_fields=["title"],
            )
        ],
    )
    collection.data.insert({"title": "No poster"})
    (request,) = provider.requests
    assert request.body == {"input": ["No poster"], "model": "nvidia/other", "encoding_format": "float"}


# -- our own pages of providers


LOCAL = {"img2vec-neural", "multi2vec-bind", "multi2vec-clip"}
"""Pages of models in the server's process, which ``test_media`` runs."""


def pages() -> list[Path]:
    named = (page for page in sorted(PAGES.glob("*.md")) if page.stem not in LOCAL)
    return [page for page in named if "```py\n" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_prints_what_it_says(
    page: Path,
    provider_server: Server,
    provider: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (script,) = re.findall(r"^```py\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for prefix in PREFIXES:
        monkeypatch.setenv(f"{prefix}_API_KEY", "key")
    monkeypatch.setenv("DATABRICKS_ENDPOINT", addresses(provider.url)["DATABRICKS_BASE_URL"])
    ports = {"port": provider_server.rest_port, "grpc_port": provider_server.grpc_port, "skip_init_checks": True}
    monkeypatch.setattr(weaviate, "connect_to_local", partial(weaviate.connect_to_local, **ports))
    with weaviate.connect_to_local() as client:
        client.collections.delete(["Note", "Film"])
        exec(compile(script, str(page), "exec"), {})
        client.collections.delete(["Note", "Film"])
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)
    assert provider.requests
