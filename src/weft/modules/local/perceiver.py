"""Film by the multimodal Perceiver: the mean of its latents, ``(512,)`` of length 1.

Perceiver reads 16 frames of 224 x 224 pixels and the sound of as many 25ths of a second at 48 kHz, together. Its
decoder, which would draw the film again, is left out: the latents are the same without it.
Source: Perceiver IO, arXiv 2107.14795.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, Misconfigured
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import read_checkpoint
from weft.modules.local.lanes import Lanes
from weft.modules.local.models import ModelSource
from weft.modules.local.torch_loading import Placement, best_placement, loading, weight_options

Frames: TypeAlias = npt.NDArray[np.uint8]
"""``(n, h, w, 3)``."""
Sound: TypeAlias = npt.NDArray[np.float32]

SIDE = 224
SOUND_RATE = 48_000
_PATCH_SIDE = 4


class Film(NamedTuple):
    """Its first ``frames``, and its ``sound`` from the beginning, at 48 kHz; empty where there is none."""

    frames: Frames
    sound: Sound


class Watched(NamedTuple):
    """A film as Perceiver reads it: ``frames (16, 3, 224, 224) f32`` from 0 to 1, ``sound (30720, 1) f32``."""

    frames: npt.NDArray[np.float32]
    sound: npt.NDArray[np.float32]


class PerceiverEncoder:
    """``model``: ``PerceiverForMultimodalAutoencoding`` of transformers; its decoder is taken off."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self.frames: int = model.config.num_frames
        self.samples: int = model.config.num_frames * model.config.audio_samples_per_frame
        self._labels = model.config.num_labels
        watching = model.perceiver
        watching.decoder = watching.output_postprocessor = None
        self._lanes = Lanes(watching)
        self.parallel = self._lanes.parallel

    def prepare(self, films: Sequence[Film]) -> list[Watched]:
        """The middle square of each frame, made 224 pixels wide; a film of fewer frames stands still at its last.

        Raises Invalid for a film without a frame.
        """
        return [self._watched(*film) for film in films]

    def length(self, prepared: Watched) -> int:
        """The patches that it attends to: a run by itself."""
        return len(prepared.frames) * (SIDE // _PATCH_SIDE) ** 2

    def close(self) -> None:
        self._lanes.close()

    def _watched(self, frames: Frames, sound: Sound) -> Watched:
        if not len(frames):
            raise Invalid(f"there is no picture to embed by {self.name}; the film has no frame")
        picked = frames[np.minimum(np.arange(self.frames), len(frames) - 1)]
        seen = np.stack([_square(one) for one in picked]).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        heard = np.zeros((self.samples, 1), np.float32)
        heard[: len(sound), 0] = sound[: self.samples]
        return Watched(seen, heard)

    def encode(self, run: Sequence[Watched]) -> list[Vector]:
        """One vector for each film, in order."""
        import torch

        with self._lanes.lane() as model, torch.inference_mode():
            device, dtype = model.device, model.dtype
            inputs = {
                "image": torch.from_numpy(np.stack([one.frames for one in run])).to(device, dtype),
                "audio": torch.from_numpy(np.stack([one.sound for one in run])).to(device, dtype),
                "label": torch.zeros((len(run), self._labels), device=device, dtype=dtype),
            }
            found = model(inputs=inputs).last_hidden_state.float().mean(dim=1).cpu()
        return [_unit(one) for one in np.asarray(found, np.float32)]


def load_perceiver(source: ModelSource, *, downloads: bool, placement: Placement | None = None) -> PerceiverEncoder:
    """Raises Misconfigured for a model that is no multimodal Perceiver, CorruptData when weights are missing,
    Overloaded when it is too large. Of ``placement`` only the device counts: Perceiver's code makes float32
    positions, which fit no other weights."""
    checkpoint = read_checkpoint(source.place, source.name, local_files_only=not downloads)
    if checkpoint.architecture != "PerceiverForMultimodalAutoencoding":
        raise Misconfigured(
            f"the model {source.name} is a {checkpoint.architecture or 'model of unknown make'}, not a "
            "PerceiverForMultimodalAutoencoding, the one Perceiver that reads films"
        )
    from transformers import PerceiverForMultimodalAutoencoding

    placement = Placement((placement or best_placement()).device, "float32")
    with loading(checkpoint, placement, downloads=downloads):
        model = PerceiverForMultimodalAutoencoding.from_pretrained(
            source.place, **weight_options(placement, downloads=downloads)
        )
    return PerceiverEncoder(model.eval().to(placement.device), source.name)


def _square(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    from PIL import Image

    height, width, _ = frame.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = frame[top : top + side, left : left + side]
    if side == SIDE:
        return middle
    return np.asarray(Image.fromarray(middle).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _unit(vector: Vector) -> Vector:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
