"""``weft embed`` and ``weft models``: the models of the wheel and of a folder, with and without a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from weaviate.classes.config import Configure

from command import Weft, run
from server import Server
from tiny import article, files
from weft.modules.local.models import BUNDLED


@pytest.fixture
def alone(tmp_path: Path) -> Weft:
    """Runs ``weft`` in ``tmp_path`` with an empty hub cache, and with no server where it would look for one."""
    alone = {"HF_HOME": str(tmp_path / "hub"), "WEFT_PORT": "1"}

    def command(*arguments: str, input: str | bytes | None = None, **environ: str) -> object:
        return run(*arguments, input=input, environ=alone | environ, folder=tmp_path)

    return command  # type: ignore[return-value]


def test_lines_of_standard_input_as_json(alone: Weft) -> None:
    done = alone("embed", "--json", input="a cat\n\na kitten\nthe price of steel\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == ["-:1", "-:3", "-:4"]
    assert {row["dims"] for row in rows} == {384}
    cat, kitten, steel = np.array([row["vector"] for row in rows])
    assert cat @ kitten > cat @ steel


def test_a_line_that_is_not_text_is_reported(alone: Weft) -> None:
    done = alone("embed", "--json", input=b"a cat\n\xff\xfe\n")
    assert done.returncode == 1
    assert "weft: -:2: it is neither UTF-8 text" in done.stderr
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == ["-:1"]


def test_an_image_without_a_model_for_it(alone: Weft, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "red.png").write_bytes(files.png(files.shape("red", "circle")))
    done = alone("embed", "red.png")
    assert done.returncode == 1
    assert "--model tiny-any, which comes with Weft" in done.stderr


def test_files_into_an_array_and_an_error_for_each_that_cannot_be(alone: Weft, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a cat")
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "bytes.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "paper.pdf").write_text("%PDF-1.4\n")
    (tmp_path / "two.md").write_text("a dog")
    files = ("one.txt", "empty.txt", "missing.txt", "bytes.bin", "paper.pdf", "two.md")
    done = alone("embed", *files, "--module", "text2vec-model2vec", "--npy", "out.npy")
    assert done.returncode == 1
    assert "2 vectors of 256 dimensions written to out.npy" in done.stdout
    for name in ("empty.txt", "missing.txt", "bytes.bin", "paper.pdf"):
        assert f"weft: {name}: it" in done.stderr
    found = np.load(tmp_path / "out.npy")
    assert found.shape == (2, 256)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)


def test_without_a_place_to_write_it_shows_the_shape(alone: Weft) -> None:
    done = alone("embed", input="a cat\n")
    assert done.returncode == 0
    assert "384" in done.stdout
    assert "--npy FILE" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--module", "text2vec-nothing"), "no module with name"),
        (("--model", "../../etc"), "is not a model's name"),
    ],
)
def test_wrong_choices_are_refused(alone: Weft, arguments: tuple[str, ...], said: str) -> None:
    done = alone("embed", *arguments, input="a cat\n")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_text_module_refuses_an_image_by_its_name(alone: Weft, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    done = alone("embed", "a.png", "--module", "text2vec-transformers")
    assert done.returncode == 1
    assert "a.png: text2vec-transformers does not embed image" in done.stderr


def test_what_a_file_is_shows_in_its_bytes_and_not_in_its_name(alone: Weft, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("av")
    red = files.png(files.shape("red", "circle"))
    for name in ("photo.jfif", "photo", "photo.txt"):
        (tmp_path / name).write_bytes(red)
    (tmp_path / "bmw.txt").write_text("BMW builds cars. ID3 and GIF89a are words here.")
    (tmp_path / "drawing.svg").write_text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "low.bin").write_bytes(files.wav(files.tone(200)))
    names = ("photo.jfif", "photo", "photo.txt", "bmw.txt", "low.bin", "drawing.svg")
    done = alone("embed", *names, "--model", "tiny-any", "--json")
    assert "weft: drawing.svg: it is an SVG drawing; convert it to PNG" in done.stderr
    rows = {row["name"]: row["vector"] for row in map(json.loads, done.stdout.splitlines())}
    assert list(rows) == list(names[:-1])
    assert np.ptp(np.array([rows["photo.jfif"], rows["photo"], rows["photo.txt"]]), axis=0).max() < 1e-5


def test_models_are_listed_by_place(alone: Weft, tmp_path: Path) -> None:
    shutil.copytree(BUNDLED / "tiny-any", tmp_path / "models" / "mine" / "any")
    cached = tmp_path / "hub" / "hub" / "models--some--reranker"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text('{"architectures": ["BertForSequenceClassification"], "model_type": "bert"}')
    done = alone("models", "--json", "--models-path", str(tmp_path / "models"))
    assert done.returncode == 0, done.stderr
    found = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(found)[:3] == ["all-MiniLM-L6-v2", "all-MiniLM-L6-v2-static-256", "tiny-any"]
    mine = found["mine/any"]
    assert mine["place"] == "folder"
    assert mine["kinds"] == ["text", "image", "audio", "video"]
    assert mine["modules"] == ["multi2vec-bind"]
    assert mine["memory_bytes"] > mine["size_bytes"], "its weights are saved in float16"
    assert found["some/reranker"]["place"] == "hub cache"
    assert found["some/reranker"]["modules"] == ["reranker-transformers"]
    assert found["some/reranker"]["memory_bytes"] is None


def test_a_server_is_asked_which_models_are_loaded(alone: Weft, server: Server) -> None:
    def loaded(port: int) -> dict[str, bool | None]:
        done = alone("models", "--json", "--port", str(port))
        assert done.returncode == 0, done.stderr
        return {row["name"]: row["loaded"] for row in json.loads(done.stdout)}

    assert loaded(1)["all-MiniLM-L6-v2-static-256"] is None
    with server.client() as client:
        static = client.collections.create("Static", vector_config=Configure.Vectors.text2vec_model2vec())
        static.data.insert({"text": "a cat"})
        client.collections.delete("Static")
    found = loaded(server.rest_port)
    assert found["all-MiniLM-L6-v2-static-256"] is True
    assert found["tiny-any"] is False
    printed = alone("models", "--port", str(server.rest_port)).stdout
    assert printed.splitlines()[0].endswith("loaded")
    assert printed.splitlines()[-1] == f"Loaded: in the server at http://127.0.0.1:{server.rest_port}."
    assert "Which of them are loaded is unknown: no server answers" in alone("models").stdout


def test_the_list_survives_what_is_broken(alone: Weft, tmp_path: Path) -> None:
    broken = tmp_path / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{")
    (broken / "router_config.json").write_text('["no", "object"]')
    (broken / "model.safetensors").write_bytes(b"\x01")
    done = alone("models", "--models-path", str(tmp_path / "models"))
    assert done.returncode == 0, done.stderr
    assert "broken" in done.stdout
    assert "unknown" in done.stdout


def test_verify_loads_and_embeds(alone: Weft) -> None:
    done = alone("models", "verify", "all-MiniLM-L6-v2")
    assert done.returncode == 0, done.stderr
    assert "all-MiniLM-L6-v2 works: text in 384 dimensions" in done.stdout


def test_verify_names_what_is_there(alone: Weft) -> None:
    done = alone("models", "verify", "no-such-model")
    assert done.returncode == 1
    assert "it has all-MiniLM-L6-v2, " in done.stderr


def test_pull_is_refused_offline(alone: Weft) -> None:
    done = alone("models", "pull", "some/model", HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "HF_HUB_OFFLINE" in done.stderr


def test_names_are_asked_for(alone: Weft) -> None:
    assert "weft models verify NAME" in alone("models", "verify").stderr


def test_verify_says_what_is_wrong_with_weights(alone: Weft, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("PIL")
    shutil.copytree(BUNDLED / "tiny-any", tmp_path / "models" / "half")
    weights = tmp_path / "models" / "half" / "clip_0_Transformer" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: 1 << 16])
    done = alone("models", "verify", "half", "--models-path", str(tmp_path / "models"))
    assert done.returncode == 1
    assert "half" in done.stderr
    assert "Traceback" not in done.stderr


def test_verify_tries_all_that_a_model_embeds(alone: Weft, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("av")
    models = tmp_path / "models"
    article.whisper(models / "whisper")
    for name, outcome in (
        ("tiny-any", "text in 64 dimensions, image in 64 dimensions, audio in 64 dimensions, video in 64 dimensions"),
        ("whisper", "audio in 32 dimensions"),
    ):
        done = alone("models", "verify", name, "--models-path", str(models))
        assert done.returncode == 0, done.stderr
        assert f"{name} works: {outcome} by multi2vec-bind" in done.stdout


def test_media_are_embedded_in_the_space_of_texts(alone: Weft, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("av")
    made = {
        "circle.png": files.png(files.shape("red", "circle")),
        "square.png": files.png(files.shape("blue", "square")),
        "low.wav": files.wav(files.tone(200)),
        "circle.mp4": files.mp4(files.moving("red", "circle", -0.6, 0)),
    }
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "none.mp4").write_bytes(b"nothing")
    (tmp_path / "words.txt").write_text("a red circle")
    done = alone("embed", "words.txt", *made, "none.mp4", "--model", "tiny-any", "--json")
    assert done.returncode == 1
    assert "weft: none.mp4: the video cannot be read" in done.stderr
    rows = {row["name"]: np.array(row["vector"]) for row in map(json.loads, done.stdout.splitlines())}
    assert list(rows) == ["words.txt", *made]
    assert len({len(one) for one in rows.values()}) == 1
    near = {name: float(rows["words.txt"] @ one) for name, one in rows.items()}
    assert near["circle.png"] > near["square.png"]
    assert near["circle.mp4"] > near["low.wav"]
