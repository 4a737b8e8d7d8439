"""Which model of media a collection's settings name, and from the media of objects and searches to their vectors.

Settings: ``model``, a name among those that the operator offers; ``dimensions``, how many numbers of a vector are kept
(normalised again; for models that were trained so); ``states``, for Whisper alone: those of its ``encoder``, which is
usual, or of its ``decoder``; ``frames``: which of a film, ``spread`` over it or the ``first``, which is usual for
Perceiver alone. Media are decoded in the thread that asks and embedded in the model's queue, of all
collections and requests; a request holds a bounded part of its media decoded at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import TEXT, Media, ModuleInput, Settings
from weft.modules.local.media_encoder import MediaEncoder, Sample, load_media
from weft.modules.local.models import MINILM, ModelOffer, ModelSource
from weft.modules.local.pool import ModelPool
from weft.modules.local.scheduler import Urgency
from weft.modules.local.whisper import ENCODER, STATES
from weft.modules.media import MediaDecoder
from weft.modules.media.encoded import media_bytes
from weft.modules.multimodal_vectorizer import combined
from weft.modules.text_vectorizer import mean, text_setting, whole_number_setting

_DECODED_BYTES = 1 << 27
"""Of decoded media that one request holds at a time; one medium may be larger."""

_FIRST, _SPREAD = "first", "spread"

_Place: TypeAlias = tuple[int, int]
"""The position of an input, and that of a text or medium in it."""


@dataclass(frozen=True, slots=True)
class MediaModels:
    """The models of a pool that read media, as the settings ``model`` and ``dimensions`` choose them."""

    pool: ModelPool
    offer: ModelOffer
    decoder: MediaDecoder
    default: str

    def check(self, settings: Settings) -> None:
        self._source(settings)
        whole_number_setting(settings, "dimensions")
        _states(settings)
        _frames(settings)

    def fingerprint(self, module: str, settings: Settings) -> str:
        source, dimensions = self._source(settings), whole_number_setting(settings, "dimensions")
        kept = f"{dimensions} dimensions" if dimensions else "all dimensions"
        pooled = "pooled as saved" if _states(settings) == ENCODER else "decoder states"
        which = [f"frames {_frames(settings)}"] if _frames(settings) else []
        return "|".join((module, source.name, source.revision, pooled, kept, "normalised", *which))

    def embed_objects(self, inputs: Sequence[ModuleInput], settings: Settings) -> list[Vector | WeftError]:
        """One vector, combined of those of its texts and media, or one error for each input."""
        if not inputs:
            return []
        encoder = self._encoder(settings)
        found: dict[_Place, Vector | WeftError] = {}
        waiting: dict[_Place, Sample] = {}
        held = 0
        for i, given in enumerate(inputs):
            for j, one in enumerate(_parts(given)):
                try:
                    sample = self._sample(encoder, one, settings)
                except WeftError as error:
                    found[i, j] = error
                    break
                waiting[i, j] = sample
                held += sample.bytes
                if held >= _DECODED_BYTES:
                    found.update(self._embed(waiting, settings))
                    waiting, held = {}, 0
        found.update(self._embed(waiting, settings))
        return [_of_one(found, i, given) for i, given in enumerate(inputs)]

    def embed_query(self, texts: Sequence[str], settings: Settings) -> Vector:
        found = self.pool.embed_queries(*self._model(settings), texts)
        return mean([_cut(one, settings) for one in found])

    def embed_media(self, kind: str, data_base64: str, settings: Settings) -> Vector:
        """As one that is stored is embedded, so that it finds itself; before what is to be stored."""
        sample = self._decoded(self._encoder(settings), kind, data_base64, settings, urgent=True)
        return mean([_cut(one, settings) for one in self.pool.run(*self._model(settings), [sample], Urgency.QUERY)])

    def _embed(self, samples: dict[_Place, Sample], settings: Settings) -> dict[_Place, Vector | WeftError]:
        vectors = self.pool.run(*self._model(settings), list(samples.values()), Urgency.DOCUMENT)
        return {place: _cut(vector, settings) for place, vector in zip(samples, vectors, strict=True)}

    def _sample(self, encoder: MediaEncoder, one: str | Media, settings: Settings) -> Sample:
        return Sample(TEXT, one) if isinstance(one, str) else self._decoded(encoder, one.kind.value, one.data, settings)

    def _decoded(
        self, encoder: MediaEncoder, kind: str, data_base64: str, settings: Settings, *, urgent: bool = False
    ) -> Sample:
        encoder.check(kind)
        data = media_bytes(data_base64, kind)
        if kind == "image":
            return Sample(kind, self.decoder.image(data, urgent=urgent))
        if kind == "audio":
            return Sample(kind, self.decoder.audio(data, encoder.rate, encoder.seconds, urgent=urgent))
        at_start = (_frames(settings) or (_FIRST if encoder.hears_films else _SPREAD)) == _FIRST
        clip = self.decoder.video(data, encoder.frames, at_start=at_start, urgent=urgent)
        heard = at_start and encoder.hears_films
        sound = self.decoder.film_sound(data, encoder.rate, encoder.seconds, urgent=urgent) if heard else None
        return Sample(kind, clip.frames, clip.seconds, sound=sound)

    def _encoder(self, settings: Settings) -> MediaEncoder:
        encoder = self.pool.encoder(*self._model(settings))
        assert isinstance(encoder, MediaEncoder), "the keys of media models are their own"
        return encoder

    def _source(self, settings: Settings) -> ModelSource:
        return self.offer.find(text_setting(settings, "model") or self.default, MINILM)

    def _model(self, settings: Settings) -> tuple[str, Callable[[], MediaEncoder]]:
        source, states = self._source(settings), _states(settings)
        key = f"media|{source.place}" if states == ENCODER else f"media|{source.place}|{states}"
        return key, lambda: load_media(source, downloads=self.offer.allow_downloads, states=states)


def _states(settings: Settings) -> str:
    found = text_setting(settings, "states", ENCODER)
    if found not in STATES:
        raise Invalid(f"setting states must be one of {', '.join(STATES)}, not {found!r}")
    return found


def _frames(settings: Settings) -> str:
    """Empty where it is left to the model."""
    found = text_setting(settings, "frames")
    if found not in ("", _FIRST, _SPREAD):
        raise Invalid(f"setting frames must be {_FIRST} or {_SPREAD}, not {found!r}")
    return found


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
            "the model's vectors of different kinds have different lengths, and cannot be joined; name fields of one "
            "kind, and the others in a vector of their own"
        )
    return combined(vectors, given.weights)


def _cut(vector: Vector | WeftError, settings: Settings) -> Vector | WeftError:
    """The first ``dimensions`` numbers, of length 1 again."""
    dimensions = whole_number_setting(settings, "dimensions")
    if isinstance(vector, WeftError) or dimensions is None:
        return vector
    if dimensions > len(vector):
        return Invalid(f"dimensions must be at most {len(vector)}, which the model makes, not {dimensions}")
    kept = vector[:dimensions]
    return np.ascontiguousarray(kept / max(float(np.linalg.norm(kept)), 1e-12), np.float32)
