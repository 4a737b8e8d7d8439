"""Whisper and Perceiver among the models of media: sentence-transformers does not load them as they should be.

Whisper embeds sounds, in windows of 30 s. Perceiver embeds films: their first frames and the sound beside them, or
frames of all parts and silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import Checkpoint
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.models import ModelSource
from weft.modules.local.perceiver import SIDE, SOUND_RATE, Film, PerceiverEncoder, load_perceiver
from weft.modules.local.torch_loading import Placement
from weft.modules.local.whisper import ENCODER, STATES, WhisperEncoder, load_whisper

_LONGEST_SOUND_S = 300.0
_TOKENS_A_SECOND = 50
_SILENCE = np.zeros(0, np.float32)


class SoundEncoder(MediaEncoder):
    """Whisper as an encoder of media."""

    def __init__(self, whisper: WhisperEncoder) -> None:
        self.name = whisper.name
        self.kinds = frozenset({"audio"})
        self.rate, self.seconds, self.frames = whisper.rate, _LONGEST_SOUND_S, 1
        self._whisper = whisper
        self.parallel = whisper.parallel

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        return [_checked(self, sample) for sample in samples]

    def length(self, prepared: Sample) -> int:
        return int(len(prepared.content) / self.rate * _TOKENS_A_SECOND) + 1

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        sounds = [np.asarray(one.content, np.float32) for one in run]
        return self._whisper.encode(self._whisper.prepare(sounds))

    def close(self) -> None:
        self._whisper.close()


class FilmEncoder(MediaEncoder):
    """Perceiver as an encoder of media."""

    hears_films = True

    def __init__(self, perceiver: PerceiverEncoder) -> None:
        self.name = perceiver.name
        self.kinds = frozenset({"video"})
        self.rate, self.frames = SOUND_RATE, perceiver.frames
        self.seconds = perceiver.samples / SOUND_RATE
        self._perceiver = perceiver
        self.parallel = perceiver.parallel

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        return [_checked(self, sample) for sample in samples]

    def length(self, prepared: Sample) -> int:
        """Its patches of 4 x 4 pixels: a run by itself."""
        return self.frames * (SIDE // 4) ** 2

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        return self._perceiver.encode(self._perceiver.prepare([_film(one) for one in run]))

    def close(self) -> None:
        self._perceiver.close()


def load_specialist(
    source: ModelSource,
    checkpoint: Checkpoint,
    *,
    downloads: bool,
    states: str = ENCODER,
    placement: Placement | None = None,
) -> MediaEncoder | None:
    """None for a model of any other family; ``states``: of Whisper's ``encoder`` or ``decoder``.

    Raises Invalid for another word, and what the loaders of both raise.
    """
    if states not in STATES:
        raise Invalid(f"states must be one of {', '.join(STATES)}, not {states!r}")
    if checkpoint.model_type == "whisper":
        return SoundEncoder(load_whisper(source, states=states, downloads=downloads, placement=placement))
    if checkpoint.model_type == "perceiver":
        return FilmEncoder(load_perceiver(source, downloads=downloads, placement=placement))
    return None


def _checked(encoder: MediaEncoder, sample: Sample | str) -> Sample:
    given = Sample("text", sample) if isinstance(sample, str) else sample
    encoder.check(given.kind)
    if not len(given.content):
        raise Invalid(f"there is no {given.kind} to embed by {encoder.name}; it is empty")
    return given


def _film(sample: Sample) -> Film:
    return Film(np.asarray(sample.content, np.uint8), _SILENCE if sample.sound is None else sample.sound)
