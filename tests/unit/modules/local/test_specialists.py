"""Whisper and Perceiver are told from all other models, and work in a model's queue."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tiny import article, late_interaction
from weft.domain.errors import Invalid, WeftError
from weft.modules.local.models import ModelSource
from weft.modules.local.perceiver import Film, PerceiverEncoder
from weft.modules.local.pool import ModelPool
from weft.modules.local.scheduler import Urgency
from weft.modules.local.specialists import load_specialist
from weft.modules.local.whisper import DECODER, WhisperEncoder

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("specialists")


@pytest.fixture
def pool() -> Iterator[ModelPool]:
    found = ModelPool(threads=2)
    yield found
    found.close()


def load(folder: Path, **more: Any) -> Any:
    return load_specialist(ModelSource(folder.name, folder), downloads=False, **more)


def test_sounds_are_embedded_in_a_queue(root: Path, pool: ModelPool) -> None:
    folder = article.whisper(root / "whisper")
    assert isinstance(load(folder), WhisperEncoder)
    rng = np.random.default_rng(0)
    sounds = [rng.normal(size=n).astype(np.float32) for n in (8_000, 0, 16_000)]
    for states, size in (("encoder", 32), (DECODER, 64)):
        found = pool.run(states, lambda states=states: load(folder, states=states), sounds, Urgency.DOCUMENT)
        assert isinstance(found[1], Invalid) and "no sound to embed" in found[1].message
        for one in (found[0], found[2]):
            assert not isinstance(one, WeftError)
            assert one.shape == (size,)
            assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    with pytest.raises(Invalid, match="states must be one of encoder, decoder, not 'all'"):
        load(folder, states="all")


def test_films_are_embedded_in_a_queue(root: Path, pool: ModelPool) -> None:
    folder = article.perceiver(root / "perceiver")
    film = Film(np.zeros((16, 32, 32, 3), np.uint8), np.zeros(0, np.float32))
    (found,) = pool.run("films", lambda: load(folder), [film], Urgency.QUERY)
    assert not isinstance(found, WeftError)
    assert found.shape == (32,)
    assert isinstance(pool._models["films"].scheduler.encoder, PerceiverEncoder)


def test_other_models_are_none_of_them(root: Path) -> None:
    assert load(late_interaction.bert(root / "bert")) is None
