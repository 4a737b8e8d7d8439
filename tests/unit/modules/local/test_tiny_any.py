"""What tiny-any finds among things that training left out, embedded as a server embeds: each kind by each other.

Emoji and spoken words are the files in ``tests/tiny/held_out``, everything else is drawn and played here.
"""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")
pytest.importorskip("av")

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from tiny_any.corpus import corpus
from tiny_any.held_out import KEPT, Kept
from tiny_any.measure import Row, rows
from tiny_any.sources import Sources
from weft.domain.query import MediaKind
from weft.modules.base import TEXT
from weft.modules.local.media_encoder import Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import BUNDLED, TINY_ANY, ModelSource

pytestmark = pytest.mark.filterwarnings("ignore")
_AT_ONCE = 50

LEAST_AT_FIVE = [
    ("text", "image", "text > images, combinations not seen", 0.95),
    ("text", "image", "text > images, colour and form apart", 0.85),
    ("text", "image", "text > new drawings of emoji", 0.93),
    ("text", "audio", "text > tones and noises", 0.95),
    ("text", "audio", "text > words, voices not heard", 0.45),
    ("text", "video", "text > videos, combinations not seen", 0.9),
    ("image", "text", "images, combinations not seen > text", 0.95),
    ("image", "text", "new drawings of emoji > text", 0.93),
    ("audio", "text", "tones and noises > text", 0.95),
    ("audio", "text", "words, voices not heard > text", 0.3),
    ("video", "text", "videos, combinations not seen > text", 0.9),
    ("image", "image", "images, combinations not seen > another of the same", 0.93),
    ("audio", "audio", "tones and noises > another of the same", 0.9),
    ("video", "video", "videos, combinations not seen > another of the same", 0.83),
    ("image", "video", "images > videos", 0.42),
    ("video", "image", "videos > images", 0.16),
    ("text", "any", "text > all kinds together", 0.82),
]
"""Recall at 5, below the model's own by more than another machine's rounding makes. By chance it is 0.03 for images,
0.15 for tones, 0.17 for words, 0.04 for videos, 0.03 for images by videos and 0.06 for videos by images."""

NEVER_LEARNED = {("audio", "image"), ("image", "audio"), ("audio", "video"), ("video", "audio")}


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    encoder = load_media(ModelSource(TINY_ANY, BUNDLED / TINY_ANY), downloads=False)
    assert encoder.kinds == {"text", "image", "audio", "video"}

    def embed(kind: str, items: Sequence[Any]) -> np.ndarray[Any, Any]:
        samples = encoder.prepare(
            [Sample(TEXT if kind == TEXT else MediaKind(kind), one, seconds=1.0) for one in items]
        )
        parts = [samples[i : i + _AT_ONCE] for i in range(0, len(samples), _AT_ONCE)]
        return np.stack([vector for part in parts for vector in encoder.encode(part)])

    kept = Kept(KEPT)
    data = replace(corpus(Sources(Path("none"), Path("none"))), emoji=kept.emoji, speech=kept.speech)
    return {row.name: row for row in rows(embed, data, kept)}


@pytest.mark.parametrize(("name", "least"), [(name, least) for _, _, name, least in LEAST_AT_FIVE])
def test_held_out_things_are_found(found: dict[str, Row], name: str, least: float) -> None:
    assert found[name].recall(5) >= least, "\n".join(map(str, found.values()))


def test_each_kind_is_asked_for_by_each() -> None:
    kinds = ("text", "image", "audio", "video")
    asked = {(one, other) for one, other, _, _ in LEAST_AT_FIVE}
    assert asked >= set(product(kinds, kinds)) - NEVER_LEARNED - {("text", "text")}
