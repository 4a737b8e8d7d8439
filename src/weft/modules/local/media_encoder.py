"""Text, pictures, sounds and films by one model of sentence-transformers: CLIP, SigLIP2, ResNet, DINOv2, CLAP, X-CLIP,
EmbeddingGemma-2, and a Router over several of them.

Every vector has length 1 (CLIP's own have not). A film is given as the frames that the model wants; where the model
reads pictures and no films, it is the mean of its frames, which knows what is seen and not which way it moves. A sound
is read from its beginning for as long as the model's window is.
Sources: CLIP, arXiv 2103.00020; SigLIP 2, arXiv 2502.14786; CLAP, arXiv 2211.06687; X-CLIP, arXiv 2208.02816.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT
from weft.modules.local.checkpoint import Purpose, read_checkpoint
from weft.modules.local.lanes import Lanes
from weft.modules.local.models import ModelSource
from weft.modules.local.torch_loading import Placement, best_placement, loading, options

Pixels: TypeAlias = npt.NDArray[np.uint8]
Sound: TypeAlias = npt.NDArray[np.float32]

KINDS = frozenset({TEXT, MediaKind.IMAGE.value, MediaKind.AUDIO.value, MediaKind.VIDEO.value})

_NESTING = frozenset(("embedding_gemma2",))
"""Architectures whose processors take a plain list of pictures for those of one input; they need a list for each."""

_LETTERS_PER_TOKEN = 200
_LETTERS_PER_USUAL_TOKEN = 4
_USUAL_TOKENS = 512
_USUAL_FRAMES = 8
_USUAL_RATE = 16_000
_USUAL_SECONDS = 30.0
_TOKENS_A_SECOND = 50
"""Of sound, as Whisper's encoder has them."""
_USUAL_PARAMETERS = 22_000_000
"""Of all-MiniLM-L6-v2, whose tokens the queue's runs are measured in."""
_LEAST_TEXT = 8
_LEAST_MEDIUM = 32
"""Tokens: what is done for each text or medium beside the model takes its time too, about 0.5 and 2 ms."""
_PICTURE_TOKENS = 196
"""Of 224 x 224 pixels in patches of 16."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is embedded: text; a picture ``(h, w, 3) u8``; a sound ``(n,) f32`` at the model's rate; the frames of a
    film ``(n, h, w, 3) u8``, which lasts ``seconds`` and has a ``sound`` for models that hear films. A text may be a
    query's, which some models mark."""

    kind: str
    content: str | Pixels | Sound
    seconds: float = 0.0
    is_query: bool = False
    sound: Sound | None = None

    @property
    def bytes(self) -> int:
        """Those that its decoded form takes."""
        heard = 0 if self.sound is None else int(self.sound.nbytes)
        return heard + (len(self.content) if isinstance(self.content, str) else int(self.content.nbytes))


class MediaEncoder:
    """``model`` is a SentenceTransformer. ``rate`` and ``seconds`` are of the sounds that it reads, ``frames`` how many
    of a film; ``kinds`` those among ``KINDS`` that it embeds; ``hears_films`` whether it wants the beginning of a film
    with its sound, rather than frames of all parts of it."""

    hears_films = False

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self._lanes = Lanes(model)
        self.parallel = self._lanes.parallel
        found = {kind for kind in model.modalities if isinstance(kind, str)} & KINDS
        self._films_by_frames = "image" in found and "video" not in found
        self.kinds = frozenset(found | {"video"} if self._films_by_frames else found)
        self._nested = any(part.model.config.model_type in _NESTING for part in _parts(model, "image"))
        self.rate, self.seconds = _of_sounds(model)
        self.frames = _of_films(model)
        self._max_tokens = _of_texts(model)
        self._picture_tokens = _of_pictures(model, "image")
        self._film_tokens = self.frames * _of_pictures(model, "image" if self._films_by_frames else "video")
        self._sound_tokens = int(self.seconds * _TOKENS_A_SECOND)
        self._size = min(1.0, sum(one.numel() for one in model.parameters()) / _USUAL_PARAMETERS)
        _fill_up_texts(model)
        _match_weights(model)

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        """A bare text is a query's. Raises Invalid for a kind that the model does not embed, and for empty media."""
        return [self._prepared(Sample(TEXT, one, is_query=True) if isinstance(one, str) else one) for one in samples]

    def length(self, prepared: Sample) -> int:
        """An estimate of its tokens, as many of a usual model as take the same time: a small model runs more at once.

        Models fill sounds up to their window, and films to their number of frames. Measured with tiny-any: 1.5 times
        the pictures, sounds and films a second (``bench/embedding.py``).
        """
        if isinstance(prepared.content, str):
            tokens = min(self._max_tokens, len(prepared.content) // _LETTERS_PER_USUAL_TOKEN + 2)
            return max(min(_LEAST_TEXT, tokens), int(tokens * self._size))
        tokens = {"image": self._picture_tokens, "audio": self._sound_tokens}.get(prepared.kind, self._film_tokens)
        return max(min(_LEAST_MEDIUM, tokens), int(tokens * self._size))

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        """``(d,)`` of length 1 for each; ``d`` may differ between kinds where the model says so."""
        alike: dict[tuple[str, bool], list[int]] = defaultdict(list)
        for i, one in enumerate(run):
            alike[one.kind, one.is_query].append(i)
        found: dict[int, Vector] = {}
        for (kind, is_query), places in alike.items():
            chosen = [run[i] for i in places]
            if kind == "video" and self._films_by_frames:
                vectors = [self._mean_of_frames(one) for one in chosen]
            else:
                vectors = self._encode(
                    [_input(one, self.rate, nested=self._nested) for one in chosen], is_query=is_query
                )
            found.update(zip(places, vectors, strict=True))
        return [found[i] for i in range(len(run))]

    def close(self) -> None:
        self._lanes.close()

    def check(self, kind: str) -> None:
        """Raises Invalid unless the model embeds that kind."""
        if kind not in self.kinds:
            raise Invalid(
                f"the model {self.name} does not embed {kind}; it embeds {', '.join(sorted(self.kinds))}. "
                "Choose another by the setting model"
            )

    def _prepared(self, sample: Sample) -> Sample:
        self.check(sample.kind)
        if isinstance(sample.content, str):
            sample.content.encode()
            return Sample(TEXT, sample.content[: self._max_tokens * _LETTERS_PER_TOKEN], is_query=sample.is_query)
        if not sample.content.size:
            raise Invalid(f"there is no {sample.kind} to embed by {self.name}; it is empty")
        if sample.kind == "audio":
            return Sample("audio", sample.content[: int(self.seconds * self.rate)])
        if sample.kind == "video":
            picked = np.linspace(0, len(sample.content) - 1, self.frames).round().astype(int)
            return Sample("video", sample.content[picked], sample.seconds)
        return sample

    def _mean_of_frames(self, film: Sample) -> Vector:
        assert not isinstance(film.content, str)
        frames = [_input(Sample("image", frame), self.rate, nested=self._nested) for frame in film.content]
        return _unit(np.mean(self._encode(frames), axis=0))

    def _encode(self, inputs: list[dict[str, Any]], *, is_query: bool = False) -> list[Vector]:
        """Inputs of one kind, each in a dict of it: a bare text could be opened as a file or URL."""
        with self._lanes.lane() as model:
            encode = model.encode_query if is_query else model.encode_document
            found = encode(inputs, batch_size=len(inputs), show_progress_bar=False, convert_to_tensor=True)
        vectors = np.asarray(found.float().cpu().numpy(), np.float32)
        return list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12))


def load_media(
    source: ModelSource, *, downloads: bool, states: str = "encoder", placement: Placement | None = None
) -> MediaEncoder:
    """``states``: which of Whisper's make a vector, those of its ``encoder`` or its ``decoder``. ``placement``: the
    best, when not given.

    Raises Misconfigured for a model that is for something else, needs code of its own or a missing library, CorruptData
    when weights are missing, Overloaded when it is too large.
    """
    checkpoint = read_checkpoint(source.place, source.name, local_files_only=not downloads)
    checkpoint.require(Purpose.EMBEDDING)
    from sentence_transformers import SentenceTransformer

    from weft.modules.local.specialists import load_specialist

    specialist = load_specialist(source, checkpoint, downloads=downloads, states=states, placement=placement)
    if specialist is not None:
        return specialist

    placement = placement or best_placement()
    given = options(placement, downloads=downloads)
    with loading(checkpoint, placement, downloads=downloads):
        if checkpoint.model_type == "xclip" and not checkpoint.modules:
            model = SentenceTransformer(modules=[_xclip(source.place, given)], device=placement.device)
        else:
            model = SentenceTransformer(source.place, **given)
    return MediaEncoder(model.eval().to(placement.torch_dtype), source.name)


def _xclip(place: str, given: dict[str, Any]) -> Any:
    """sentence-transformers does not know by itself which of X-CLIP's methods give a vector."""
    from sentence_transformers.base.modules import Transformer

    strict = {key: given[key] for key in ("local_files_only", "trust_remote_code")}
    return Transformer(
        place,
        modality_config={
            kind: {"method": f"get_{kind}_features", "method_output_name": "pooler_output"}
            for kind in ("text", "video")
        },
        module_output_name="sentence_embedding",
        model_kwargs={**given["model_kwargs"], **strict},
        processor_kwargs=strict,
        config_kwargs=strict,
    )


def _input(sample: Sample, rate: int, *, nested: bool) -> dict[str, Any]:
    if isinstance(sample.content, str):
        return {TEXT: sample.content}
    if sample.kind == "image":
        from PIL import Image

        picture = Image.fromarray(sample.content)
        return {"image": [picture] if nested else picture}
    if sample.kind == "audio":
        return {"audio": {"array": sample.content, "sampling_rate": rate}}
    count = len(sample.content)
    told = {
        "fps": count / sample.seconds if sample.seconds > 0 else float(count),
        "duration": sample.seconds or 1.0,
        "total_num_frames": count,
        "frames_indices": list(range(count)),
    }
    return {"video": {"array": sample.content, "video_metadata": told}}


def _parts(model: Any, kind: str) -> Iterator[Any]:
    """The transformers in ``model``, alone or in a Router, that read ``kind``."""
    for part in model.modules():
        if hasattr(part, "model") and kind in getattr(part, "modalities", ()):
            yield part


def _fill_up_texts(model: Any) -> None:
    """SigLIP takes the state of a text's last position, and was trained on texts filled up to the same length."""
    for part in _parts(model, TEXT):
        if part.model.config.model_type in ("siglip", "siglip2"):
            length = part.model.config.text_config.max_position_embeddings
            filled = {"padding": "max_length", "truncation": True, "max_length": length}
            part.processing_kwargs = {**part.processing_kwargs, TEXT: filled}


def _match_weights(model: Any) -> None:
    """Pixels and samples come as float32, and not every architecture turns them into the dtype of its weights."""

    def cast(part: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        dtype = part.model.dtype
        features, *more = given
        fitting = {name: one.to(dtype) if _is_float(one) else one for name, one in features.items()}
        return (fitting, *more)

    for part in {id(part): part for kind in KINDS for part in _parts(model, kind)}.values():
        part.register_forward_pre_hook(cast)


def _is_float(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _of_sounds(model: Any) -> tuple[int, float]:
    """The rate in Hz and the window in seconds."""
    for part in _parts(model, "audio"):
        extractor = getattr(part.processor, "feature_extractor", part.processor)
        rate = getattr(extractor, "sampling_rate", _USUAL_RATE)
        window = getattr(extractor, "chunk_length", None) or getattr(extractor, "max_length_s", None)
        return int(rate), float(window or _USUAL_SECONDS)
    return _USUAL_RATE, _USUAL_SECONDS


def _of_texts(model: Any) -> int:
    """The tokens of a text that count."""
    found = [part.max_seq_length for part in _parts(model, TEXT) if getattr(part, "max_seq_length", None)]
    return min([*found, 1 << 15]) if found else _USUAL_TOKENS


def _of_films(model: Any) -> int:
    for part in _parts(model, "video"):
        config = part.model.config
        count = getattr(getattr(config, "vision_config", config), "num_frames", None)
        if count:
            return int(count)
    return _USUAL_FRAMES


def _of_pictures(model: Any, kind: str) -> int:
    """The patches of a picture, or of one frame of a film."""
    for part in _parts(model, kind):
        config = getattr(part.model.config, "vision_config", part.model.config)
        side, patch = getattr(config, "image_size", None), getattr(config, "patch_size", None)
        if isinstance(side, int) and isinstance(patch, int):
            return (side // patch) ** 2 + 1
    return _PICTURE_TOKENS


def _unit(vector: npt.NDArray[Any]) -> Vector:
    found = np.asarray(vector, np.float32)
    return found / max(float(np.linalg.norm(found)), 1e-12)
