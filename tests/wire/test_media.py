"""Text, images, audio and video found by one another, through the official client, with tiny-any."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")
pytest.importorskip("av")

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import weaviate
from weaviate.classes.config import Configure, DataType, Multi2VecField, Property
from weaviate.classes.query import MetadataQuery, NearMediaType
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateQueryError

from server import Server
from tiny import article, files, media

PAGES = Path(__file__).parents[2] / "docs/modules"
KINDS = ("image", "audio", "video")
THINGS: dict[str, dict[str, bytes]] = {
    "image": {
        f"a {colour} {form}": files.png(files.shape(colour, form))
        for colour in ("red", "green", "blue")
        for form in ("circle", "square")
    },
    "audio": {
        "a low steady pure tone": files.wav(files.tone(200)),
        "a high beeping pure tone": files.wav(files.tone(1900, beeping=True)),
        "white noise": files.wav(files.noise()),
    },
    "video": {
        "a red circle moving left": files.mp4(files.moving("red", "circle", -0.6, 0)),
        "a blue square moving up": files.mp4(files.moving("blue", "square", 0, -0.6)),
        "a green triangle standing still": files.mp4(files.moving("green", "triangle", 0, 0)),
    },
}
BY_KIND = ["image", *(pytest.param(kind) for kind in ("audio", "video"))]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models with names of the hub stand in for those that our pages name."""
    folder = tmp_path_factory.mktemp("models")
    media.resnet(folder / "microsoft/resnet-50")
    media.siglip(folder / "google/siglip2-base-patch16-224")
    article.whisper(folder / "openai/whisper-base")
    article.perceiver(folder / "deepmind/multimodal-perceiver")
    return folder


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("weft"), None, "--models-path", str(models)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[weaviate.WeaviateClient]:
    with server.client() as connected:
        yield connected


def properties() -> list[Property]:
    return [
        Property(name="name", data_type=DataType.TEXT),
        *(Property(name=kind, data_type=DataType.BLOB) for kind in KINDS),
    ]


def bind(fields: tuple[str, ...] = KINDS, **more: Any) -> Any:
    settings = {"model": "tiny-any", **{f"{kind}Fields": [kind] for kind in fields}, **more}
    return Configure.Vectors.custom(module_name="multi2vec-bind", module_config=settings)


@pytest.fixture(scope="module")
def things(client: weaviate.WeaviateClient) -> Any:
    made = client.collections.create("Things", properties=properties(), vector_config=bind())
    with made.batch.fixed_size(50) as batch:
        for kind, some in THINGS.items():
            for name, data in some.items():
                batch.add_object({"name": name, kind: files.base64_of(data)})
    assert not made.batch.failed_objects
    return made


def names(found: Any) -> list[str]:
    return [one.properties["name"] for one in found.objects]


@pytest.mark.parametrize("kind", BY_KIND)
def test_words_find_what_they_say(things: Any, kind: str) -> None:
    texts = list(THINGS[kind])
    firsts = [names(things.query.near_text(text, limit=3)) for text in texts]
    assert sum(text in first for text, first in zip(texts, firsts, strict=True)) >= len(texts) - 1, firsts


@pytest.mark.parametrize("kind", BY_KIND)
def test_media_find_themselves_as_text_file_and_stream(things: Any, kind: str, tmp_path: Path) -> None:
    for name, data in THINGS[kind].items():
        file = tmp_path / "file"
        file.write_bytes(data)
        with file.open("rb") as stream:
            for asked in (files.base64_of(data), file, stream):
                found = things.query.near_media(
                    asked, NearMediaType(kind), limit=1, return_metadata=MetadataQuery(distance=True)
                )
                assert names(found) == [name]
                assert found.objects[0].metadata.distance == pytest.approx(0, abs=0.02)


def test_a_video_is_found_by_audio_that_it_was_stored_with(client: weaviate.WeaviateClient) -> None:
    """Two vectors of one object: found by one, asked by the other."""
    client.collections.delete("Scenes")
    vectors = [
        Configure.Vectors.custom(
            name=kind, module_name="multi2vec-bind", module_config={"model": "tiny-any", f"{kind}Fields": [kind]}
        )
        for kind in ("audio", "video")
    ]
    scenes = client.collections.create("Scenes", properties=properties(), vector_config=vectors)
    for audio, video in zip(THINGS["audio"].values(), THINGS["video"].items(), strict=True):
        scenes.data.insert(
            {"name": video[0], "audio": files.base64_of(audio), "video": files.base64_of(video[1])},
        )
    for audio, name in zip(THINGS["audio"].values(), THINGS["video"], strict=True):
        asked = files.base64_of(audio)
        assert names(scenes.query.near_media(asked, NearMediaType.AUDIO, target_vector="audio", limit=1)) == [name]
    across = scenes.query.near_media(files.base64_of(audio), NearMediaType.AUDIO, target_vector="video", limit=3)
    assert len(across.objects) == 3


def test_what_cannot_be_read_spoils_nothing_else(client: weaviate.WeaviateClient) -> None:
    client.collections.delete("Broken")
    made = client.collections.create("Broken", properties=properties(), vector_config=bind())
    good = files.base64_of(THINGS["image"]["a red circle"])
    with made.batch.fixed_size(10) as batch:
        batch.add_object({"name": "good", "image": good})
        batch.add_object({"name": "no image", "image": files.base64_of(b"%PDF-1.4")})
        batch.add_object({"name": "no base64", "image": "?"})
        batch.add_object({"name": "none"})
    failed = {one.object_.properties["name"]: one.message for one in made.batch.failed_objects}
    assert set(failed) == {"no image", "no base64"}
    assert "the image cannot be read" in failed["no image"]
    assert sorted(names(made.query.fetch_objects())) == ["good", "none"]
    assert names(made.query.near_image(good)) == ["good"]
    with pytest.raises(WeaviateQueryError, match="not base64"):
        made.query.near_image("no base64!")
    with pytest.raises(WeaviateQueryError, match="does not embed thermal"):
        made.query.near_media(good, NearMediaType.THERMAL)


@pytest.mark.parametrize(
    ("kind", "model", "said"),
    [
        ("audio", "openai/whisper-base", "the audio cannot be read"),
        ("video", "deepmind/multimodal-perceiver", "the video cannot be read"),
    ],
)
def test_audio_by_whisper_and_videos_by_perceiver(
    client: weaviate.WeaviateClient, kind: str, model: str, said: str
) -> None:
    """Each finds itself; what is broken is reported for its own object, and its neighbours are stored."""
    client.collections.delete("Special")
    made = client.collections.create("Special", properties=properties(), vector_config=bind((kind,), model=model))
    good = THINGS[kind]
    broken = {"no medium": b"%PDF-1.4", "cut off": next(iter(good.values()))[:40]}
    with made.batch.fixed_size(10) as batch:
        for name, data in (good | broken).items():
            batch.add_object({"name": name, kind: files.base64_of(data)})
        batch.add_object({"name": "no base64", kind: "?"})
    failed = {one.object_.properties["name"]: one.message for one in made.batch.failed_objects}
    stored = made.query.fetch_objects(include_vector=True)
    assert set(failed) == {*broken, "no base64"}
    assert said in failed["no medium"]
    assert sorted(names(stored)) == sorted(good)
    assert {len(one.vector["default"]) for one in stored.objects} == {32}
    for name, data in good.items():
        found = made.query.near_media(
            files.base64_of(data), NearMediaType(kind), limit=1, return_metadata=MetadataQuery(distance=True)
        )
        assert names(found) == [name]
        assert found.objects[0].metadata.distance == pytest.approx(0, abs=1e-3)
    with pytest.raises(WeaviateQueryError, match=said):
        made.query.near_media(files.base64_of(b"%PDF-1.4"), NearMediaType(kind))
    with pytest.raises(WeaviateQueryError, match=f"{model} does not embed text"):
        made.query.near_text("a low tone")


def test_weights_count(client: weaviate.WeaviateClient) -> None:
    """The image says blue, the text red."""
    for heavy, expected in (("image", "blue"), ("text", "red")):
        client.collections.delete("Weighed")
        weights = {"image": 0.05, "text": 0.05, heavy: 0.95}
        config = Configure.Vectors.custom(
            module_name="multi2vec-clip",
            module_config={
                "model": "tiny-any",
                "imageFields": ["image"],
                "textFields": ["name"],
                "weights": {"imageFields": [weights["image"]], "textFields": [weights["text"]]},
            },
        )
        made = client.collections.create("Weighed", properties=properties(), vector_config=config)
        blue = files.base64_of(THINGS["image"]["a blue square"])
        made.data.insert({"name": "a red circle", "image": blue})
        distances = {
            colour: made.query.near_text(text, return_metadata=MetadataQuery(distance=True))
            .objects[0]
            .metadata.distance
            for colour, text in (("red", "a red circle"), ("blue", "a blue square"))
        }
        assert min(distances, key=distances.__getitem__) == expected, distances


@pytest.mark.filterwarnings("ignore:Dep024")
def test_the_clients_own_forms_are_taken(client: weaviate.WeaviateClient) -> None:
    clip = [Multi2VecField(name="image", weight=0.9)], [Multi2VecField(name="name", weight=0.1)]
    for configure, option in ((Configure.Vectors, "vector_config"), (Configure.NamedVectors, "vectorizer_config")):
        chosen = [
            configure.img2vec_neural(name="seen", image_fields=["image"]),
            configure.multi2vec_clip(name="both", image_fields=clip[0], text_fields=clip[1]),
        ]
        client.collections.delete("Forms")
        made = client.collections.create("Forms", properties=properties(), **{option: chosen})
        config = made.config.get().vector_config
        assert {name: one.vectorizer.vectorizer for name, one in config.items()} == {
            "seen": "img2vec-neural",
            "both": "multi2vec-clip",
        }
        assert config["both"].vectorizer.model["model"] == "google/siglip2-base-patch16-224"
        for name, data in THINGS["image"].items():
            made.data.insert({"name": name, "image": files.base64_of(data)})
        for name, data in THINGS["image"].items():
            assert names(made.query.near_image(files.base64_of(data), target_vector="seen", limit=1)) == [name]
        assert len(made.query.near_text("a red circle", target_vector="both").objects) == len(THINGS["image"])


def test_fields_and_models_that_are_not_there_are_refused(client: weaviate.WeaviateClient) -> None:
    with pytest.raises(UnexpectedStatusCodeError, match="IMUFields cannot be embedded"):
        client.collections.create("Refused", vector_config=Configure.Vectors.multi2vec_bind(imu_fields=["imu"]))
    made = client.collections.create("Absent", vector_config=Configure.Vectors.multi2vec_bind(video_fields=["video"]))
    with pytest.raises(WeaviateQueryError, match="embeddinggemma-2"):
        made.query.near_text("a red circle")


@pytest.mark.parametrize("name", ["img2vec-neural", "multi2vec-clip", pytest.param("multi2vec-bind")])
def test_a_page_prints_what_it_says(
    name: str,
    server: Server,
    client: weaviate.WeaviateClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (script,) = re.findall(r"^```py\n(.*?)^```$", (PAGES / f"{name}.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for (kind, ending), folder in zip({"image": "png", "audio": "wav", "video": "mp4"}.items(), KINDS, strict=True):
        (tmp_path / folder).mkdir()
        for text, data in THINGS[kind].items():
            (tmp_path / folder / f"{text}.{ending}").write_bytes(data)
    ports = {"port": server.rest_port, "grpc_port": server.grpc_port, "skip_init_checks": True}
    monkeypatch.setattr(weaviate, "connect_to_local", partial(weaviate.connect_to_local, **ports))
    monkeypatch.chdir(tmp_path)
    client.collections.delete(["Image", "Thing"])
    capsys.readouterr()
    exec(compile(script, name, "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)
