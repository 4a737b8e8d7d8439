"""The example of a plug-in, installed by pip, in a real server with the official client; and one that is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.exceptions import UnexpectedStatusCodeError

from command import ENVIRON, run
from providers.standin import StandIn
from reference.installed import reference_environ
from server import Server
from weft.modules import registry_of
from weft.modules.resources import Resources

EXAMPLE = Path(__file__).parents[2] / "examples/plugin"
BROKEN = "text2vec-broken"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example and a plug-in that cannot be imported, as pip leaves them."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "plugin")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--target", str(folder))
    subprocess.run([*pip, "--no-index", "--no-deps", "--no-build-isolation", str(source)], check=True, timeout=120)
    info = folder / "weft_broken-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weft-broken\nVersion: 0.1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[weft.modules]\n{BROKEN} = weft_broken:Nothing\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def environ(installed: Path, running_provider: StandIn) -> dict[str, str]:
    paths = f"{ENVIRON['PYTHONPATH']}:{installed}"
    return {"PYTHONPATH": paths, "ACME_BASE_URL": running_provider.url, "ACME_APIKEY": "key"}


@pytest.fixture(scope="module")
def extended(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[weaviate.WeaviateClient]:
    with Server(tmp_path_factory.mktemp("extended"), environ) as server, server.client() as client:
        yield client


@pytest.mark.parametrize("module", ["text2vec-hashing", "text2vec-acme"])
def test_a_vectorizer_of_another_package(extended: weaviate.WeaviateClient, provider: StandIn, module: str) -> None:
    extended.collections.delete("Note")
    notes = extended.collections.create(
        "Note",
        properties=[Property(name="text", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.custom(module_name=module, module_config={"vectorizeClassName": False}),
    )
    notes.data.insert_many([{"text": "rockets carry satellites"}, {"text": "bread is baked from flour"}])
    (found,) = notes.query.near_text("bread and flour", limit=1).objects
    assert found.properties["text"] == "bread is baked from flour"
    roles = [request.body["input_type"] for request in provider.requests]
    assert roles == (["passage", "query"] if module == "text2vec-acme" else [])


def test_its_settings_are_checked_and_its_defaults_written(extended: weaviate.WeaviateClient) -> None:
    extended.collections.delete("Note")
    wrong = Configure.Vectors.custom(module_name="text2vec-hashing", module_config={"dimensions": -1})
    with pytest.raises(UnexpectedStatusCodeError, match="setting dimensions must be an integer above 0, not -1"):
        extended.collections.create("Note", vector_config=wrong)
    created = extended.collections.create(
        "Note", vector_config=Configure.Vectors.custom(module_name="text2vec-hashing", module_config={})
    )
    (config,) = (created.config.get().vector_config or {}).values()
    assert config.vectorizer.model["dimensions"] == 256


def test_one_that_is_broken_stops_nothing_but_itself(extended: weaviate.WeaviateClient) -> None:
    meta = extended.get_meta()["modules"]
    assert meta["text2vec-hashing"] == {"name": "Word hashing"}
    reason = "plug-in text2vec-broken of the package weft-broken 0.1 cannot be imported: ModuleNotFoundError"
    assert meta[BROKEN]["error"].startswith(reason)
    extended.collections.delete("Note")
    with pytest.raises(UnexpectedStatusCodeError, match=reason):
        extended.collections.create("Note", vector_config=Configure.Vectors.custom(module_name=BROKEN))
    assert not extended.collections.exists("Note")


def test_a_server_that_is_to_enable_the_broken_one_does_not_start(environ: dict[str, str], tmp_path: Path) -> None:
    done = run(
        "serve", "--port", "0", "--grpc-port", "0", environ=environ | {"ENABLE_MODULES": BROKEN}, folder=tmp_path
    )
    assert done.returncode != 0
    assert "plug-in text2vec-broken of the package weft-broken 0.1 cannot be imported" in done.stderr


def test_an_engine_of_another_package(tmp_path: Path) -> None:
    environ = {**reference_environ(tmp_path / "installed"), "BACKUP_FILESYSTEM_PATH": str(tmp_path / "b")}
    with Server(tmp_path / "data", environ) as server, server.client() as client:
        notes = client.collections.create("Note", vector_config=Configure.Vectors.self_provided())
        for number in range(3):
            notes.data.insert({"text": f"note {number}"}, vector=[1.0, float(number)])
        (found,) = notes.query.near_vector([1.0, 2.1], limit=1).objects
        assert found.properties["text"] == "note 2"
        assert [one.properties["text"] for one in notes.query.bm25("1", limit=3).objects] == ["note 1"]
        assert notes.aggregate.over_all().total_count == 3
        with pytest.raises(UnexpectedStatusCodeError, match="the engine 'reference' has no files that Weft can copy"):
            client.backup.create("one", "filesystem", wait_for_completion=True)
    flags = ("serve", "--data-path", str(tmp_path / "data"), "--port", "0", "--grpc-port", "0")
    done = run(*flags, environ={"PYTHONPATH": environ["PYTHONPATH"]}, folder=tmp_path)
    assert done.returncode != 0
    assert "in the engine 'reference', not in 'embedded': set WEFT_ENGINE=reference" in done.stderr


def test_without_the_package_its_modules_are_unknown() -> None:
    assert not registry_of(Resources()).knows("text2vec-hashing")
