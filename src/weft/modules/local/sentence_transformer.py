"""Text, images, audio and video by one model of sentence-transformers: CLIP, SigLIP2, ResNet, DINOv2, CLAP, X-CLIP,
EmbeddingGemma-2, and a Router over several of them.

Every vector has length 1 (CLIP's own do not). A video is given as the frames that the model expects; for a model that
reads images but not videos, its vector is the mean of its frames, which captures what is visible but not the motion.
Audio is read from the beginning, up to the length of the model's window.
Sources: CLIP, arXiv 2103.00020; SigLIP 2, arXiv 2502.14786; CLAP, arXiv 2211.06687; X-CLIP, arXiv 2208.02816.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind
from weft.modules.local.media_encoder import READABLE, MediaEncoder, Sample
from weft.modules.local.model_traits import audio_window, image_tokens, parts_of, text_tokens, video_frames
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.token_estimates import AUDIO_TOKENS_A_SECOND, estimated_tokens, readable
from weft.modules.local.vectors import unit, unit_rows

_NESTING = frozenset(("embedding_gemma2",))
"""Architectures whose processors take a plain list of images for those of one input; they need a list for each."""

_USUAL_PARAMETERS = 22_000_000
"""The parameters of all-MiniLM-L6-v2, in whose tokens the queue's runs are measured."""
_LEAST_TEXT = 8
_LEAST_MEDIUM = 32
"""Tokens for the work besides the model, which takes about 0.5 ms per text and 2 ms per medium."""


class SentenceTransformerEncoder(MediaEncoder):
    """``model`` is a SentenceTransformer, in evaluation mode and on its device."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self._replicas = ReplicaPool(model)
        self.parallel = self._replicas.parallel
        read = frozenset(kind for kind in READABLE if kind in model.modalities)
        self._videos_by_frames = MediaKind.IMAGE in read and MediaKind.VIDEO not in read
        self.kinds = read | {MediaKind.VIDEO} if self._videos_by_frames else read
        self._nested = any(part.model.config.model_type in _NESTING for part in parts_of(model, MediaKind.IMAGE))
        self.rate, self.seconds = audio_window(model)
        self.frames = video_frames(model)
        self._max_tokens = text_tokens(model)
        frame_kind = MediaKind.IMAGE if self._videos_by_frames else MediaKind.VIDEO
        self._tokens: dict[InputKind, int] = {
            MediaKind.IMAGE: image_tokens(model, MediaKind.IMAGE),
            MediaKind.AUDIO: int(self.seconds * AUDIO_TOKENS_A_SECOND),
            MediaKind.VIDEO: self.frames * image_tokens(model, frame_kind),
        }
        self._size = min(1.0, sum(one.numel() for one in model.parameters()) / _USUAL_PARAMETERS)
        _fill_up_texts(model)
        _match_weights(model)

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        return [self._prepared(self.checked(one)) for one in samples]

    def length(self, prepared: Sample) -> int:
        """An estimate of its tokens, as many of a usual model as take the same time: a small model runs more at once.

        Models fill audio up to their window, and videos to their number of frames. Measured with tiny-any: 1.5 times
        the images, audio clips and videos a second (``bench/embedding.py``).
        """
        if isinstance(prepared.content, str):
            tokens, least = estimated_tokens(len(prepared.content), self._max_tokens), _LEAST_TEXT
        else:
            tokens, least = self._tokens[prepared.kind], _LEAST_MEDIUM
        return max(min(least, tokens), int(tokens * self._size))

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        alike: dict[tuple[InputKind, bool], list[int]] = defaultdict(list)
        for i, one in enumerate(run):
            alike[one.kind, one.is_query].append(i)
        found: dict[int, Vector] = {}
        for (kind, is_query), places in alike.items():
            chosen = [run[i] for i in places]
            if kind == MediaKind.VIDEO and self._videos_by_frames:
                vectors = [self._mean_of_frames(one) for one in chosen]
            else:
                vectors = self._encode([self._input(one) for one in chosen], is_query=is_query)
            found.update(zip(places, vectors, strict=True))
        return [found[i] for i in range(len(run))]

    def close(self) -> None:
        self._replicas.close()

    def _prepared(self, sample: Sample) -> Sample:
        if isinstance(sample.content, str):
            return Sample(TEXT, readable(sample.content, self._max_tokens), is_query=sample.is_query)
        if sample.kind == MediaKind.AUDIO:
            return Sample(sample.kind, sample.content[: int(self.seconds * self.rate)])
        if sample.kind == MediaKind.VIDEO:
            picked = np.linspace(0, len(sample.content) - 1, self.frames).round().astype(int)
            return Sample(sample.kind, sample.content[picked], sample.seconds)
        return sample

    def _mean_of_frames(self, video: Sample) -> Vector:
        assert not isinstance(video.content, str)
        frames = [self._input(Sample(MediaKind.IMAGE, frame)) for frame in video.content]
        return unit(np.mean(self._encode(frames), axis=0))

    def _encode(self, inputs: list[dict[str, Any]], *, is_query: bool = False) -> list[Vector]:
        """Inputs of one kind, each in a dict, because a bare text could be opened as a file or URL."""
        with self._replicas.replica() as model:
            encode = model.encode_query if is_query else model.encode_document
            found = encode(inputs, batch_size=len(inputs), show_progress_bar=False, convert_to_tensor=True)
        return list(unit_rows(found.float().cpu().numpy()))

    def _input(self, sample: Sample) -> dict[str, Any]:
        if isinstance(sample.content, str):
            return {TEXT: sample.content}
        if sample.kind == MediaKind.IMAGE:
            from PIL import Image

            image = Image.fromarray(sample.content)
            return {"image": [image] if self._nested else image}
        if sample.kind == MediaKind.AUDIO:
            return {"audio": {"array": sample.content, "sampling_rate": self.rate}}
        count = len(sample.content)
        metadata = {
            "fps": count / sample.seconds if sample.seconds > 0 else float(count),
            "duration": sample.seconds or 1.0,
            "total_num_frames": count,
            "frames_indices": list(range(count)),
        }
        return {"video": {"array": sample.content, "video_metadata": metadata}}


def _fill_up_texts(model: Any) -> None:
    """SigLIP takes the state of a text's last position, and was trained on texts filled up to the same length."""
    for part in parts_of(model, TEXT):
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

    for part in {id(part): part for kind in READABLE for part in parts_of(model, kind)}.values():
        part.register_forward_pre_hook(cast)


def _is_float(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()
