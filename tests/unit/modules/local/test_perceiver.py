"""The multimodal Perceiver beside the recipe that is usually given for it, on the same random weights."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")
pytest.importorskip("PIL")

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tiny import article
from weft.domain.errors import CorruptData, Invalid, Misconfigured
from weft.modules.local.models import ModelSource
from weft.modules.local.perceiver import AudiovisualClip, PerceiverEncoder, load_perceiver
from weft.modules.local.torch_loading import EXACT

pytestmark = pytest.mark.filterwarnings("ignore")
FRAMES, SAMPLES = 16, 30_720


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return article.perceiver(tmp_path_factory.mktemp("perceiver"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> PerceiverEncoder:
    return load(folder)


def load(folder: Path) -> PerceiverEncoder:
    return load_perceiver(ModelSource("perceiver", folder), downloads=False, placement=EXACT)


def video(frames: int = FRAMES, height: int = 224, width: int = 224) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def audio(samples: int = SAMPLES) -> np.ndarray:
    return np.random.default_rng(1).normal(size=samples).astype(np.float32)


def recipe(model: Any, images: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """The latents that a call of the whole model gives beside the video that it draws again; ``(16, 32)``.

    One of the 128 chunks in which the video is drawn is enough: the latents are the same for each.
    """
    import torch

    inputs = {
        "image": torch.from_numpy(np.moveaxis(images, -1, 2)).float(),
        "audio": torch.from_numpy(audio),
        "label": torch.zeros((images.shape[0], 700)),
    }
    image_chunk_size = int(np.prod(images.shape[1:-1])) // 128
    audio_chunk_size = audio.shape[1] // 16 // 128
    subsampling = {"image": torch.arange(image_chunk_size), "audio": torch.arange(audio_chunk_size), "label": None}
    with torch.no_grad():
        outputs = model(inputs=inputs, subsampled_output_points=subsampling, output_hidden_states=True)
    return np.asarray(outputs[1][-1].squeeze())


def test_vectors_are_the_mean_latents_of_the_usual_recipe(folder: Path, encoder: PerceiverEncoder) -> None:
    from transformers import PerceiverForMultimodalAutoencoding

    model = PerceiverForMultimodalAutoencoding.from_pretrained(folder).eval()
    images, samples = video(), audio()
    expected = recipe(model, images[None] / 255.0, samples[None, :, None]).mean(axis=0)
    (found,) = encoder.encode(encoder.prepare([AudiovisualClip(images, samples)]))
    assert found.dtype == np.float32
    assert found == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


def test_videos_of_any_shape_are_made_to_fit(encoder: PerceiverEncoder) -> None:
    wide = np.zeros((FRAMES, 224, 300, 3), np.uint8)
    wide[:, :, 38:262] = video()
    broad, square, short, long = encoder.prepare(
        [
            AudiovisualClip(wide, audio()),
            AudiovisualClip(video(), audio()),
            AudiovisualClip(video(3, 60, 80), audio(100)),
            AudiovisualClip(video(20, 30, 30), audio(2 * SAMPLES)),
        ]
    )
    assert np.array_equal(broad.frames, square.frames)
    assert short.frames.shape == (FRAMES, 3, 224, 224)
    assert np.array_equal(short.frames[2], short.frames[15]), "it stands still at its last frame"
    assert short.audio.shape == (SAMPLES, 1) and not short.audio[100:].any()
    assert long.audio.shape == (SAMPLES, 1) and long.frames.shape == (FRAMES, 3, 224, 224)
    with pytest.raises(Invalid, match="the video has no frame"):
        encoder.prepare([AudiovisualClip(video(0), audio())])


def test_checkpoints_that_are_not_what_is_needed_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = shutil.copytree(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["perceiver.embeddings.latents"]
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(CorruptData, match=r"1 weights of the model perceiver .*latents"):
        load(broken)
    config = json.loads((broken / "config.json").read_text()) | {"architectures": ["PerceiverForMaskedLM"]}
    (broken / "config.json").write_text(json.dumps(config))
    with pytest.raises(Misconfigured, match="PerceiverForMaskedLM, not a PerceiverForMultimodalAutoencoding"):
        load(broken)
