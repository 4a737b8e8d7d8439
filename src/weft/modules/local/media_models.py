"""MediaModels: from a collection's settings to the model, and from media of objects and queries to their vectors.

Settings: ``model``, one of those that the operator offers; ``dimensions``, how many numbers of a vector are kept
(normalised again; for models that were trained for this); ``states``, only for Whisper: those of its ``encoder``, the
default, or of its ``decoder``; ``frames``: which frames of a video, ``spread`` over it or the ``first``, the default
only for Perceiver. Media are decoded in the calling thread and embedded in the model's queue, which all collections
and requests share; a request holds a bounded part of its media decoded at a time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, UNKNOWN, Media, ModuleConfig, ModuleInput
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.media_loading import load_media
from weft.modules.local.models import MINILM, ModelSource, cached_folder
from weft.modules.local.pool import PooledModel
from weft.modules.local.vectors import truncated
from weft.modules.local.whisper import ENCODER, STATES
from weft.modules.media.encoded import media_bytes
from weft.modules.multimodal_vectorizer import combined
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import mean, text_setting, whole_number_setting

_DECODED_BYTES = 1 << 27
"""The most bytes of decoded media that one request holds at a time; a single medium may be larger."""

_AS_SAVED, _AUDIBLE = "pooled as saved", "mean of audible states"
"""Of a fingerprint: Whisper's vectors leave silence out; those of earlier versions did not."""

_FIRST, _SPREAD = "first", "spread"

_Place: TypeAlias = tuple[int, int]
"""The position of an input, and that of a text or medium in it."""


@dataclass(frozen=True, slots=True)
class MediaModels:
    """The media models that the settings ``model`` and ``dimensions`` choose."""

    resources: Resources
    default: str

    def check(self, settings: ModuleConfig) -> None:
        self._source(settings)
        _dimensions(settings)
        _states(settings)
        _frames(settings)

    def fingerprint(self, module: str, settings: ModuleConfig) -> str:
        source, dimensions = self._source(settings), _dimensions(settings)
        kept = f"{dimensions} dimensions" if dimensions else "all dimensions"
        pooled = _pooling(source) if _states(settings) == ENCODER else "decoder states"
        which = [f"frames {_frames(settings)}"] if _frames(settings) else []
        return "|".join((module, source.name, source.revision, pooled, kept, "normalised", *which))

    def embed_objects(self, inputs: Sequence[ModuleInput], settings: ModuleConfig) -> list[Vector | WeftError]:
        """One vector, combined from those of its texts and media, or one error for each input."""
        if not inputs:
            return []
        model, dimensions = self._model(settings), _dimensions(settings)
        found: dict[_Place, Vector | WeftError] = {}
        waiting: dict[_Place, Sample] = {}
        held = 0
        for i, given in enumerate(inputs):
            for j, one in enumerate(_parts(given)):
                try:
                    sample = self._sample(model.encoder, one, settings)
                except WeftError as error:
                    found[i, j] = error
                    break
                waiting[i, j] = sample
                held += sample.bytes
                if held >= _DECODED_BYTES:
                    found.update(_embedded(model, waiting, dimensions))
                    waiting, held = {}, 0
        found.update(_embedded(model, waiting, dimensions))
        return [_of_one(found, i, given) for i, given in enumerate(inputs)]

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig) -> Vector:
        dimensions = _dimensions(settings)
        return mean([truncated(one, dimensions) for one in self._model(settings).embed_queries(texts)])

    def embed_media(self, media: Media, settings: ModuleConfig) -> Vector:
        """Embedded as for storage, so that a medium finds itself, but before waiting imports."""
        model, dimensions = self._model(settings), _dimensions(settings)
        sample = self._decoded(model.encoder, media, settings, urgent=True)
        return mean([truncated(one, dimensions) for one in model.embed_urgently([sample])])

    def _sample(self, encoder: MediaEncoder, one: str | Media, settings: ModuleConfig) -> Sample:
        return Sample(TEXT, one) if isinstance(one, str) else self._decoded(encoder, one, settings)

    def _decoded(self, encoder: MediaEncoder, media: Media, settings: ModuleConfig, *, urgent: bool = False) -> Sample:
        kind, decoder = media.kind, self.resources.decoder
        encoder.check(kind)
        data = media_bytes(media.data, kind)
        if kind == MediaKind.IMAGE:
            return Sample(kind, decoder.image(data, urgent=urgent))
        if kind == MediaKind.AUDIO:
            return Sample(kind, decoder.audio(data, encoder.rate, encoder.seconds, urgent=urgent))
        at_start = (_frames(settings) or (_FIRST if encoder.reads_soundtracks else _SPREAD)) == _FIRST
        clip = decoder.video(data, encoder.frames, at_start=at_start, urgent=urgent)
        if not (at_start and encoder.reads_soundtracks):
            return Sample(kind, clip.frames, clip.seconds)
        soundtrack = decoder.soundtrack(data, encoder.rate, encoder.seconds, urgent=urgent)
        return Sample(kind, clip.frames, clip.seconds, soundtrack=soundtrack)

    def _source(self, settings: ModuleConfig) -> ModelSource:
        return self.resources.offer.find(text_setting(settings, "model") or self.default, MINILM)

    def _model(self, settings: ModuleConfig) -> PooledModel[MediaEncoder]:
        source, states = self._source(settings), _states(settings)
        key = f"media|{source.place}" if states == ENCODER else f"media|{source.place}|{states}"
        downloads = self.resources.offer.allow_downloads
        return self.resources.pool.model(key, lambda: load_media(source, downloads=downloads, states=states))


def _pooling(source: ModelSource) -> str:
    """How the states of a model's encoder become a vector; UNKNOWN before the model is fetched."""
    folder = source.folder or cached_folder(source.name)
    return UNKNOWN if folder is None else _pooling_of(folder)


@cache
def _pooling_of(folder: Path) -> str:
    """Read once: a loaded model does not change."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # reported when the model is loaded
        return _AS_SAVED
    return _AUDIBLE if isinstance(config, dict) and config.get("model_type") == "whisper" else _AS_SAVED


def _dimensions(settings: ModuleConfig) -> int | None:
    return whole_number_setting(settings, "dimensions")


def _states(settings: ModuleConfig) -> str:
    found = text_setting(settings, "states", ENCODER)
    if found not in STATES:
        raise Invalid(f"setting states must be one of {', '.join(STATES)}, not {found!r}")
    return found


def _frames(settings: ModuleConfig) -> str:
    """Empty: the model decides."""
    found = text_setting(settings, "frames")
    if found not in ("", _FIRST, _SPREAD):
        raise Invalid(f"setting frames must be {_FIRST} or {_SPREAD}, not {found!r}")
    return found


def _embedded(
    model: PooledModel[MediaEncoder], samples: dict[_Place, Sample], dimensions: int | None
) -> dict[_Place, Vector | WeftError]:
    vectors = model.embed_documents(list(samples.values()))
    return {place: truncated(vector, dimensions) for place, vector in zip(samples, vectors, strict=True)}


def _parts(given: ModuleInput) -> list[str | Media]:
    return [*given.texts, *given.media]


def _of_one(found: dict[_Place, Vector | WeftError], i: int, given: ModuleInput) -> Vector | WeftError:
    """The vector of input ``i``, or the first error among its parts."""
    vectors: list[Vector] = []
    for j in range(len(_parts(given))):
        one = found.get((i, j))
        if isinstance(one, WeftError):
            return one
        if one is not None:
            vectors.append(one)
    if len({len(vector) for vector in vectors}) > 1:
        return Invalid(
            "the model's vectors of different kinds have different lengths and cannot be combined; name fields of "
            "one kind, and those of other kinds in another vector"
        )
    return combined(vectors, given.weights)
