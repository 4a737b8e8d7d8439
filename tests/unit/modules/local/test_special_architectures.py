"""Whisper and Perceiver are distinguished from all other models of media, and work in a model's queue."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tiny import article
from weft.domain.errors import Invalid, WeftError
from weft.domain.query import MediaKind
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import ModelSource
from weft.modules.local.pool import ModelPool
from weft.modules.local.scheduler import Urgency

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("special_architectures")


@pytest.fixture
def pool() -> Iterator[ModelPool]:
    found = ModelPool(threads=2)
    yield found
    found.close()


def load(folder: Path, **more: Any) -> MediaEncoder:
    return load_media(ModelSource(folder.name, folder), downloads=False, **more)


def test_clips_are_embedded_in_a_queue(root: Path, pool: ModelPool) -> None:
    folder = article.whisper(root / "whisper")
    rng = np.random.default_rng(0)
    clips = [Sample(MediaKind.AUDIO, rng.normal(size=n).astype(np.float32)) for n in (8_000, 0, 16_000, 16_000 * 31)]
    text = Sample("text", "no audio")
    for states, size in (("encoder", 32), ("decoder", 64)):
        encoder = load(folder, states=states)
        assert (set(encoder.kinds), encoder.rate) == ({MediaKind.AUDIO}, 16_000)
        found = pool.embed(states, partial(load, folder, states=states), [*clips, text], Urgency.DOCUMENT)
        assert isinstance(found[1], Invalid) and "no audio to embed" in found[1].message
        assert isinstance(found[4], Invalid) and "does not embed text; it embeds audio" in found[4].message
        for one in (found[0], found[2], found[3]):
            assert not isinstance(one, WeftError)
            assert one.shape == (size,)
            assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    with pytest.raises(Invalid, match="states must be one of encoder, decoder, not 'all'"):
        load(folder, states="all")


def test_videos_are_embedded_in_a_queue(root: Path, pool: ModelPool) -> None:
    encoder = load(article.perceiver(root / "perceiver"))
    assert (set(encoder.kinds), encoder.frames) == ({MediaKind.VIDEO}, 16)
    video = Sample(MediaKind.VIDEO, np.zeros((16, 32, 32, 3), np.uint8), 2.0)
    found = pool.embed(
        "videos", lambda: encoder, [video, Sample(MediaKind.AUDIO, np.zeros(9, np.float32))], Urgency.QUERY
    )
    assert not isinstance(found[0], WeftError)
    assert found[0].shape == (32,)
    assert isinstance(found[1], Invalid)
