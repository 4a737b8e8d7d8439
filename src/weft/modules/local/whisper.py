"""Audio by Whisper, from the states of its encoder or of its decoder.

``encoder``: the mean of the encoder's states over the frames with audio, ``(d,)``: what is said. Whisper pads audio to
30 s; a mean over all 1500 frames would mostly represent silence, and make all short clips alike. Silence in the audio
is left out for the same reason: frames that are more than 40 dB less loud than the loudest. Longer clips are read in
windows of 30 s, and all their frames have the same weight.

``decoder``: the decoder's two states after two start tokens, concatenated, ``(2 d,)``, for the first 30 s. This is the
recipe of many tutorials, and represents little of the audio.

Vectors have length 1. Source: Whisper, arXiv 2212.04356.
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

ENCODER, DECODER = "encoder", "decoder"
STATES = (ENCODER, DECODER)

ENCODER_KEYS = {r"^(model\.)?encoder\.": ""}
"""The encoder's weights are at the top of a checkpoint of it alone, and below these names in all others."""

_FRAMES_A_STATE = 2
"""The encoder's second convolution has stride 2."""

_AUDIBLE_SHARE = 1e-4
"""Of the power of the loudest piece: 40 dB."""


class WhisperInput(NamedTuple):
    """A clip as Whisper reads it: ``features (W, mels, frames) f32`` of its windows; ``present (W, states) bool``."""

    features: Any
    present: Any


class WhisperEncoder:
    """``model``: ``WhisperEncoder`` or, for decoder states, ``WhisperModel`` of transformers; its extractor."""

    def __init__(self, model: Any, extractor: Any, name: str, *, states: str = ENCODER) -> None:
        self.name = name
        self.rate: int = extractor.sampling_rate
        self._replicas = ReplicaPool(model)
        self.parallel = self._replicas.parallel
        self._extractor = extractor
        self._states = states

    def prepare(self, clips: Sequence[Waveform]) -> list[WhisperInput]:
        """Raises Invalid for a clip without a sample."""
        return [self._read(clip) for clip in clips]

    def length(self, prepared: WhisperInput) -> int:
        """The encoder's tokens, silence among them: it computes them all."""
        return int(prepared.present.numel())

    def encode(self, run: Sequence[WhisperInput]) -> list[Vector]:
        """One vector for each clip, in order."""
        import torch

        with self._replicas.replica() as model, torch.inference_mode():
            features = torch.cat([one.features for one in run]).to(model.device, model.dtype)
            if self._states == DECODER:
                begin = model.config.decoder_start_token_id
                start = torch.full((len(features), 2), begin, device=features.device)
                found = model(features, decoder_input_ids=start).last_hidden_state.flatten(1)
                return [unit(one) for one in found.float().cpu()]
            found = model(features).last_hidden_state.float().cpu()
        parts = zip(found.split([len(one.features) for one in run]), run, strict=True)
        return [unit(states[one.present].mean(dim=0)) for states, one in parts]

    def close(self) -> None:
        self._replicas.close()

    def _read(self, audio: Waveform) -> WhisperInput:
        import torch

        if not len(audio):
            raise Invalid(f"there is no audio to embed by {self.name}; its length is 0 s")
        size = self._extractor.n_samples
        windows = [audio[i : i + size] for i in range(0, len(audio), size)]
        if self._states == DECODER:
            windows = windows[:1]
        found = self._extractor(windows, sampling_rate=self.rate, return_attention_mask=True, return_tensors="pt")
        present = found.attention_mask[:, ::_FRAMES_A_STATE].bool()
        heard = audible(audio, self._extractor.hop_length * _FRAMES_A_STATE)
        padded = np.zeros(present.numel(), bool)
        padded[: len(heard)] = heard[: len(padded)]
        both = present & torch.from_numpy(padded).reshape(present.shape)
        return WhisperInput(found.input_features, both if both.any() else present)


def audible(audio: Waveform, size: int) -> npt.NDArray[np.bool_]:
    """``(ceil(n / size),) bool``: which pieces of so many samples of ``audio (n,)`` are within 40 dB of the loudest;
    all of them if all are silent."""
    padded = np.zeros(-(-len(audio) // size) * size, np.float64)
    padded[: len(audio)] = audio
    power = (padded.reshape(-1, size) ** 2).mean(axis=1)
    return np.asarray(power >= power.max() * _AUDIBLE_SHARE)


def load_whisper(
    source: ModelSource, *, states: str, downloads: bool, placement: Placement | None = None
) -> WhisperEncoder:
    """Raises Misconfigured for a model other than Whisper, CorruptData when weights are missing, Overloaded when it is
    too large. ``placement``: by default the best available.

    For encoder states only the encoder's weights are loaded.
    """
    checkpoint = read_checkpoint(source, downloads=downloads)
    if checkpoint.model_type != "whisper":
        raise Misconfigured(
            f"the model {source.name} is of the family {checkpoint.model_type or 'unknown'}, not whisper"
        )
    from transformers import WhisperFeatureExtractor, WhisperModel
    from transformers.models.whisper import modeling_whisper

    placement = placement or best_placement()
    given = weight_options(placement)
    with loading(checkpoint, placement):
        extractor = WhisperFeatureExtractor.from_pretrained(checkpoint.place, local_files_only=True)
        if states == ENCODER:
            model = modeling_whisper.WhisperEncoder.from_pretrained(checkpoint.place, key_mapping=ENCODER_KEYS, **given)
        else:
            model = WhisperModel.from_pretrained(checkpoint.place, **given)
    return WhisperEncoder(model.eval().to(placement.device), extractor, source.name, states=states)
