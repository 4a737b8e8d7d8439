"""Embeddings of providers, each as the official client configures it: the collection is made, its objects are embedded,
and a search finds them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import NearMediaType

from providers.callers import HEADERS, addresses
from providers.standin import StandIn
from server import Server

VECTORS, MULTI = Configure.Vectors, Configure.MultiVectors
PROPERTIES = [Property(name="text", data_type=DataType.TEXT)] + [
    Property(name=name, data_type=DataType.BLOB) for name in ("image", "video", "audio")
]
MEDIUM, OTHER = (base64.b64encode(data).decode() for data in (b"one medium", b"another one"))
PLACE = {"project_id": "p", "location": "europe-west1"}
SEVERAL = {"text_fields": ["text"], "image_fields": ["image"]}


@pytest.fixture(scope="module")
def keyed(provider_server: Server) -> Iterator[weaviate.WeaviateClient]:
    with provider_server.client(headers=HEADERS) as client:
        yield client


@pytest.fixture
def notes(keyed: weaviate.WeaviateClient, provider: StandIn) -> Iterator[str]:
    keyed.collections.delete("Embedded")
    yield "Embedded"
    keyed.collections.delete("Embedded")


@pytest.mark.parametrize(
    ("maker", "options"),
    [
        ("text2vec_mistral", {"model": "mistral-embed"}),
        ("text2vec_voyageai", {"model": "voyage-context-3", "dimensions": 16, "truncate": False}),
        ("text2vec_digitalocean", {"model": "m"}),
        ("text2vec_morph", {"endpoint": "/v1/embeddings"}),
        ("text2vec_weaviate", {"dimensions": 16}),
        ("text2vec_databricks", {"endpoint": "", "instruction": "find"}),
        ("text2vec_google_vertex", {**PLACE, "task_type": "SEMANTIC_SIMILARITY"}),
        ("text2vec_google_vertex", {**PLACE, "model": "text-embedding-005", "dimensions": 16}),
        ("text2vec_google_gemini", {"dimensions": 16}),
        ("text2vec_aws_bedrock", {"model": "cohere.embed-english-v3", "region": "us-east-1"}),
        ("text2vec_aws_bedrock", {"model": "amazon.titan-embed-text-v2:0", "region": "us-east-1", "dimensions": 16}),
        ("text2vec_aws_sagemaker", {"endpoint": "e", "region": "us-east-1", "target_model": "m"}),
        ("multi2vec_voyageai", {**SEVERAL, "video_fields": ["video"], "truncation": True, "dimensions": 16}),
        ("multi2vec_google", {**PLACE, **SEVERAL, "dimensions": 128}),
        ("multi2vec_google_gemini", {**SEVERAL, "audio_fields": ["audio"], "dimensions": 16}),
        ("multi2vec_aws_bedrock", {**SEVERAL, "region": "us-east-1", "dimensions": 16}),
        ("multi2vec_aws_bedrock", {**SEVERAL, "region": "us-east-1", "model": "cohere.embed-english-v3"}),
        ("multi2vec_twelvelabs", SEVERAL),
    ],
)
def test_texts_are_embedded_and_found(
    keyed: weaviate.WeaviateClient, provider: StandIn, notes: str, maker: str, options: dict[str, Any]
) -> None:
    if maker == "text2vec_databricks":
        options = {**options, "endpoint": addresses(provider.url)["DATABRICKS_BASE_URL"]}
    made = keyed.collections.create(notes, properties=PROPERTIES, vector_config=getattr(VECTORS, maker)(**options))
    stored = made.data.insert_many([{"text": "red apples"}, {"text": "green pears"}, {"text": "blue plums"}])
    assert not stored.has_errors and provider.requests
    found = made.query.near_text("green pears", limit=1, include_vector=True).objects[0]
    assert found.properties["text"] == "green pears"
    if "dimensions" in options:
        assert len(found.vector["default"]) == options["dimensions"]
    assert made.config.get().vector_config


@pytest.mark.parametrize(
    ("maker", "options", "kind"),
    [
        ("multi2vec_voyageai", {"image_fields": ["image"]}, "image"),
        ("multi2vec_voyageai", {"video_fields": ["video"]}, "video"),
        ("multi2vec_google", {**PLACE, "image_fields": ["image"]}, "image"),
        ("multi2vec_google", {**PLACE, "video_fields": ["video"], "video_interval_seconds": 8}, "video"),
        ("multi2vec_google_gemini", {"audio_fields": ["audio"]}, "audio"),
        ("multi2vec_google_gemini", {"video_fields": ["video"]}, "video"),
        ("multi2vec_aws_bedrock", {"image_fields": ["image"], "region": "us-east-1"}, "image"),
        ("multi2vec_twelvelabs", {"image_fields": ["image"]}, "image"),
    ],
)
def test_media_are_found_by_themselves(
    keyed: weaviate.WeaviateClient, notes: str, maker: str, options: dict[str, Any], kind: str
) -> None:
    made = keyed.collections.create(notes, properties=PROPERTIES, vector_config=getattr(VECTORS, maker)(**options))
    stored = made.data.insert_many([{"text": "one", kind: MEDIUM}, {"text": "another", kind: OTHER}])
    assert not stored.has_errors
    for medium, text in ((MEDIUM, "one"), (OTHER, "another")):
        found = made.query.near_media(medium, NearMediaType(kind), limit=1).objects
        assert [one.properties["text"] for one in found] == [text]
    media = "nearImage: {image" if kind == "image" else f"near{kind.title()}: {{{kind}"
    answer = keyed.graphql_raw_query(f'{{Get{{{notes}(limit:1, {media}: "{OTHER}"}}){{text}}}}}}')
    assert answer.get == {notes: [{"text": "another"}]}


def test_pages_are_embedded_as_many_vectors(keyed: weaviate.WeaviateClient, notes: str) -> None:
    pages = MULTI.multi2vec_weaviate(image_field="image", name="pages")
    made = keyed.collections.create(notes, properties=PROPERTIES, vector_config=[pages])
    made.data.insert({"text": "one", "image": MEDIUM})
    found = made.query.near_text("anything", target_vector="pages", include_vector=True).objects[0]
    assert found.properties["text"] == "one" and len(found.vector["pages"]) == 1
