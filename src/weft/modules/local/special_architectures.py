"""Whisper and Perceiver as media encoders: sentence-transformers does not load them correctly.

Whisper embeds audio, in windows of 30 s. Perceiver embeds videos: their first frames with the soundtrack, or frames
spread over the video, with silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.local.checkpoint import Checkpoint
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.models import ModelSource
from weft.modules.local.perceiver import AUDIO_RATE, SIDE, AudiovisualClip, PerceiverEncoder, load_perceiver
from weft.modules.local.token_estimates import AUDIO_TOKENS_A_SECOND
from weft.modules.local.torch_loading import Placement
from weft.modules.local.whisper import ENCODER, STATES, WhisperEncoder, load_whisper

_LONGEST_AUDIO_S = 300.0
_SILENCE = np.zeros(0, np.float32)


class WhisperMediaEncoder(MediaEncoder):
    """Whisper as an encoder of media."""

    def __init__(self, whisper: WhisperEncoder) -> None:
        self.name = whisper.name
        self.parallel = whisper.parallel
        self.kinds = frozenset({MediaKind.AUDIO})
        self.rate, self.seconds, self.frames = whisper.rate, _LONGEST_AUDIO_S, 1
        self._whisper = whisper

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        return [self.checked(sample) for sample in samples]

    def length(self, prepared: Sample) -> int:
        return int(len(prepared.content) / self.rate * AUDIO_TOKENS_A_SECOND) + 1

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        clips = [np.asarray(one.content, np.float32) for one in run]
        return self._whisper.encode(self._whisper.prepare(clips))

    def close(self) -> None:
        self._whisper.close()


class PerceiverMediaEncoder(MediaEncoder):
    """Perceiver as an encoder of media."""

    reads_soundtracks = True

    def __init__(self, perceiver: PerceiverEncoder) -> None:
        self.name = perceiver.name
        self.parallel = perceiver.parallel
        self.kinds = frozenset({MediaKind.VIDEO})
        self.rate, self.frames = AUDIO_RATE, perceiver.frames
        self.seconds = perceiver.samples / AUDIO_RATE
        self._perceiver = perceiver

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        return [self.checked(sample) for sample in samples]

    def length(self, prepared: Sample) -> int:
        """The number of 4 x 4 pixel patches: so large that each input is a separate run."""
        return self.frames * (SIDE // 4) ** 2

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        return self._perceiver.encode(self._perceiver.prepare([_clip(one) for one in run]))

    def close(self) -> None:
        self._perceiver.close()


def load_special_architecture(
    source: ModelSource,
    checkpoint: Checkpoint,
    *,
    downloads: bool,
    states: str = ENCODER,
    placement: Placement | None = None,
) -> MediaEncoder | None:
    """None for a model of any other family; ``states``: of Whisper's ``encoder`` or ``decoder``.

    Raises Invalid for another value of ``states``, and what both loaders raise.
    """
    if states not in STATES:
        raise Invalid(f"states must be one of {', '.join(STATES)}, not {states!r}")
    if checkpoint.model_type == "whisper":
        return WhisperMediaEncoder(load_whisper(source, states=states, downloads=downloads, placement=placement))
    if checkpoint.model_type == "perceiver":
        return PerceiverMediaEncoder(load_perceiver(source, downloads=downloads, placement=placement))
    return None


def _clip(sample: Sample) -> AudiovisualClip:
    soundtrack = _SILENCE if sample.soundtrack is None else sample.soundtrack
    return AudiovisualClip(np.asarray(sample.content, np.uint8), soundtrack)
