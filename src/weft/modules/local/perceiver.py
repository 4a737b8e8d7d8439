"""Video by the multimodal Perceiver: the mean of its latents, ``(512,)`` of length 1.

Perceiver reads 16 frames of 224 x 224 pixels and the audio of as many 25ths of a second at 48 kHz, together. Its
decoder, which would reconstruct the video, is left out: the latents are the same without it.
Source: Perceiver IO, arXiv 2107.14795.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, Misconfigured
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.torch_loading import Placement, best_placement, loading, weight_options
from weft.modules.local.vectors import unit
from weft.modules.media.audio import Waveform
from weft.modules.media.images import Pixels
from weft.modules.media.video import Frames

SIDE = 224
AUDIO_RATE = 48_000
_PATCH_SIDE = 4


class AudiovisualClip(NamedTuple):
    """The first ``frames``, and the ``audio`` from the beginning, at 48 kHz; empty if there is none."""

    frames: Frames
    audio: Waveform


class PerceiverInput(NamedTuple):
    """A video as Perceiver reads it: ``frames (16, 3, 224, 224) f32`` from 0 to 1, ``audio (30720, 1) f32``."""

    frames: npt.NDArray[np.float32]
    audio: npt.NDArray[np.float32]


class PerceiverEncoder:
    """``model``: ``PerceiverForMultimodalAutoencoding`` of transformers; its decoder is removed."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self.frames: int = model.config.num_frames
        self.samples: int = model.config.num_frames * model.config.audio_samples_per_frame
        self._labels = model.config.num_labels
        core = model.perceiver
        core.decoder = core.output_postprocessor = None
        self._replicas = ReplicaPool(core)
        self.parallel = self._replicas.parallel

    def prepare(self, clips: Sequence[AudiovisualClip]) -> list[PerceiverInput]:
        """The centre square of each frame, resized to 224 pixels; the last frame of a shorter video is repeated.

        Raises Invalid for a video without a frame.
        """
        return [self._read(*clip) for clip in clips]

    def length(self, prepared: PerceiverInput) -> int:
        """The number of patches: so large that each input is a separate run."""
        return len(prepared.frames) * (SIDE // _PATCH_SIDE) ** 2

    def close(self) -> None:
        self._replicas.close()

    def _read(self, frames: Frames, audio: Waveform) -> PerceiverInput:
        if not len(frames):
            raise Invalid(f"there is no image to embed by {self.name}; the video has no frame")
        picked = frames[np.minimum(np.arange(self.frames), len(frames) - 1)]
        pixels = np.stack([_square(one) for one in picked]).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        samples = np.zeros((self.samples, 1), np.float32)
        samples[: len(audio), 0] = audio[: self.samples]
        return PerceiverInput(pixels, samples)

    def encode(self, run: Sequence[PerceiverInput]) -> list[Vector]:
        """One vector for each video, in order."""
        import torch

        with self._replicas.replica() as model, torch.inference_mode():
            device, dtype = model.device, model.dtype
            inputs = {
                "image": torch.from_numpy(np.stack([one.frames for one in run])).to(device, dtype),
                "audio": torch.from_numpy(np.stack([one.audio for one in run])).to(device, dtype),
                "label": torch.zeros((len(run), self._labels), device=device, dtype=dtype),
            }
            found = model(inputs=inputs).last_hidden_state.float().mean(dim=1).cpu()
        return [unit(one) for one in found]


def load_perceiver(source: ModelSource, *, downloads: bool, placement: Placement | None = None) -> PerceiverEncoder:
    """Raises Misconfigured for a model that is not a multimodal Perceiver, CorruptData when weights are missing,
    Overloaded when it is too large. Only the device of ``placement`` is used: Perceiver's code makes float32
    positions, which require float32 weights."""
    checkpoint = read_checkpoint(source, downloads=downloads)
    if checkpoint.architecture != "PerceiverForMultimodalAutoencoding":
        raise Misconfigured(
            f"the model {source.name} is a {checkpoint.architecture or 'model of an unknown class'}, not a "
            "PerceiverForMultimodalAutoencoding, the only Perceiver that reads videos"
        )
    from transformers import PerceiverForMultimodalAutoencoding

    placement = Placement((placement or best_placement()).device, "float32")
    with loading(checkpoint, placement):
        model = PerceiverForMultimodalAutoencoding.from_pretrained(checkpoint.place, **weight_options(placement))
    return PerceiverEncoder(model.eval().to(placement.device), source.name)


def _square(frame: Pixels) -> Pixels:
    from PIL import Image

    height, width, _ = frame.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = frame[top : top + side, left : left + side]
    if side == SIDE:
        return middle
    return np.asarray(Image.fromarray(middle).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
