"""Families whose processors need torchvision: SigLIP 2 of any proportions, VideoMAE, Qwen3-VL, EmbeddingGemma 2."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")
try:
    import torchvision  # noqa: F401
except Exception as error:  # one that was built for another torch fails in ways of its own
    pytest.skip(f"needs torchvision: {error}", allow_module_level=True)

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tiny import with_torchvision
from weft.domain.query import MediaKind
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import ModelSource
from weft.modules.local.torch_loading import EXACT, Placement

pytestmark = pytest.mark.filterwarnings("ignore")
FAMILIES: dict[str, tuple[Callable[[Path], Path], set[str]]] = {
    "siglip2": (with_torchvision.siglip2, {"text", "image", "video"}),
    "videomae": (with_torchvision.videomae, {"video"}),
    "embedding_gemma2": (with_torchvision.embedding_gemma2, {"text", "image", "audio", "video"}),
    "qwen3_vl": (with_torchvision.qwen3_vl, {"text", "image", "video"}),
}


def samples(kind: str) -> list[Sample]:
    """Of different lengths and proportions."""
    generator = np.random.default_rng(7)
    if kind == "text":
        return [Sample("text", text) for text in ("a red circle", "the photo of paris in the evening", "hello")]
    if kind == "audio":
        return [
            Sample(MediaKind.AUDIO, np.float32(0.125) * generator.standard_normal(n, np.float32))
            for n in (8_000, 40_000)
        ]
    if kind == "image":
        return [
            Sample(MediaKind.IMAGE, generator.integers(0, 256, (h, w, 3), np.uint8)) for h, w in ((40, 60), (90, 30))
        ]
    return [Sample(MediaKind.VIDEO, generator.integers(0, 256, (n, 40, 60, 3), np.uint8), 2.0) for n in (1, 8, 19)]


def embed(encoder: MediaEncoder, some: list[Sample]) -> np.ndarray:
    return np.stack(encoder.encode(encoder.prepare(some)))


@pytest.mark.parametrize("name", FAMILIES)
def test_one_by_one_is_as_all_together(tmp_path: Path, name: str) -> None:
    make, kinds = FAMILIES[name]
    source = ModelSource(name, make(tmp_path / name))
    encoder = load_media(source, downloads=False, placement=EXACT)
    short = load_media(source, downloads=False, placement=Placement("cpu", "bfloat16"))
    assert encoder.kinds == kinds
    everything = [one for kind in sorted(kinds) for one in samples(kind)]
    together = embed(encoder, everything)
    alone = np.concatenate([embed(encoder, [one]) for one in everything])
    assert together.shape == (len(everything), 32)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(together, embed(encoder, everything[::-1])[::-1], atol=1e-4)
    assert (together * embed(short, everything)).sum(axis=1).min() > 0.99
