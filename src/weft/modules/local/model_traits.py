"""Traits of a sentence-transformers model: the maximum lengths of its inputs, and their cost.

A model is one transformer, or a Router over several, each for some kinds; where none of them states a value, a usual
one is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind

_USUAL_TOKENS = 512
_MOST_TOKENS = 1 << 15
_USUAL_FRAMES = 8
_USUAL_RATE = 16_000
_USUAL_SECONDS = 30.0
_USUAL_IMAGE_TOKENS = 196
"""Of 224 x 224 pixels in patches of 16."""


def parts_of(model: Any, kind: InputKind) -> Iterator[Any]:
    """The transformers in ``model``, alone or in a Router, that read ``kind``."""
    for part in model.modules():
        if hasattr(part, "model") and kind in getattr(part, "modalities", ()):
            yield part


def audio_window(model: Any) -> tuple[int, float]:
    """The sample rate in Hz, and the seconds of audio that are read."""
    for part in parts_of(model, MediaKind.AUDIO):
        extractor = getattr(part.processor, "feature_extractor", part.processor)
        rate = getattr(extractor, "sampling_rate", _USUAL_RATE)
        window = getattr(extractor, "chunk_length", None) or getattr(extractor, "max_length_s", None)
        return int(rate), float(window or _USUAL_SECONDS)
    return _USUAL_RATE, _USUAL_SECONDS


def text_tokens(model: Any) -> int:
    """The most tokens of a text that are read."""
    found = [part.max_seq_length for part in parts_of(model, TEXT) if getattr(part, "max_seq_length", None)]
    return min([*found, _MOST_TOKENS]) if found else _USUAL_TOKENS


def video_frames(model: Any) -> int:
    """How many frames of a video are read."""
    for part in parts_of(model, MediaKind.VIDEO):
        config = part.model.config
        count = getattr(getattr(config, "vision_config", config), "num_frames", None)
        if count:
            return int(count)
    return _USUAL_FRAMES


def image_tokens(model: Any, kind: MediaKind) -> int:
    """The patches of an image, or of one frame of a video."""
    for part in parts_of(model, kind):
        config = getattr(part.model.config, "vision_config", part.model.config)
        side, patch = getattr(config, "image_size", None), getattr(config, "patch_size", None)
        if isinstance(side, int) and isinstance(patch, int):
            return (side // patch) ** 2 + 1
    return _USUAL_IMAGE_TOKENS
