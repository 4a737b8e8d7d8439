"""CLIP and SigLIP as two ONNX files, one for texts and one for images, whose vectors can be compared.

A video's vector is the mean of its frames, as with torch. Every vector has length 1 (CLIP's own do not).
Sources: CLIP, arXiv 2103.00020; SigLIP 2, arXiv 2502.14786.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.domain.errors import Misconfigured
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT
from weft.modules.local.checkpoint import Checkpoint, Purpose
from weft.modules.local.media_encoder import MediaEncoder, Sample
from weft.modules.local.onnx_models.files import image_file, text_file
from weft.modules.local.onnx_models.layout import ModelFolder
from weft.modules.local.onnx_models.pixels import PixelRecipe
from weft.modules.local.onnx_models.session import OnnxSession
from weft.modules.local.onnx_models.tokenizing import load_tokenizer
from weft.modules.local.token_estimates import estimated_tokens, readable
from weft.modules.local.vectors import unit

_FILLED_UP = ("siglip", "siglip2")
"""Families that were trained on texts of one length, and see what fills a text up."""
_FRAMES = 8
_UNREAD_RATE = 16_000
_PATCH = 16


class OnnxImageTextEncoder(MediaEncoder):
    """``texts`` and ``images``: the sessions; each gives ``(1, d)``."""

    kinds = frozenset({TEXT, MediaKind.IMAGE, MediaKind.VIDEO})

    def __init__(self, model: ModelFolder, texts: OnnxSession, images: OnnxSession, tokenizer: Any) -> None:
        self.name = model.name
        self.parallel = True
        self.rate, self.seconds, self.frames = _UNREAD_RATE, 0.0, _FRAMES
        self._texts, self._images, self._tokenizer = texts, images, tokenizer
        self._max_tokens = model.max_tokens
        tokenizer.enable_truncation(self._max_tokens)
        if model.checkpoint.model_type in _FILLED_UP:
            word = model.tokenizer_settings.get("pad_token") or "<pad>"
            word = word["content"] if isinstance(word, dict) else word
            tokenizer.enable_padding(length=self._max_tokens, pad_token=word, pad_id=tokenizer.token_to_id(word) or 0)
        config = model.json(model.transformer / "preprocessor_config.json") or model.json(
            model.transformer / "processor_config.json"
        ).get("image_processor", {})
        self._pixels = PixelRecipe.of(config, model.name)
        texts.check_inputs(("input_ids", "attention_mask"))
        images.check_inputs(("pixel_values",))
        self._text_output = texts.output("text_embeds", "sentence_embedding", "pooler_output", rank=2)
        self._image_output = images.output("image_embeds", "sentence_embedding", "pooler_output", rank=2)
        side = self._pixels.crop or self._pixels.size or (224, 224)
        self._image_tokens = (side[0] // _PATCH) * (side[1] // _PATCH) + 1

    def prepare(self, samples: Sequence[Sample | str]) -> list[Sample]:
        return [self._prepared(self.checked(one)) for one in samples]

    def length(self, prepared: Sample) -> int:
        if isinstance(prepared.content, str):
            return estimated_tokens(len(prepared.content), self._max_tokens)
        return self._image_tokens * (_FRAMES if prepared.kind == MediaKind.VIDEO else 1)

    def encode(self, run: Sequence[Sample]) -> list[Vector]:
        """``(d,)`` of length 1 for each, in order."""
        return [self._vector(one) for one in run]

    def close(self) -> None:
        self._texts.close()
        self._images.close()

    def _prepared(self, sample: Sample) -> Sample:
        if not isinstance(sample.content, str):
            return sample
        return Sample(TEXT, readable(sample.content, self._max_tokens), is_query=sample.is_query)

    def _vector(self, sample: Sample) -> Vector:
        content = sample.content
        if isinstance(content, str):
            encoding = self._tokenizer.encode(content)
            mask = encoding.attention_mask
            given = {"input_ids": np.array([encoding.ids], np.int64), "attention_mask": np.array([mask], np.int64)}
            return unit(self._texts.run(given, self._text_output)[0])
        images = content if sample.kind == MediaKind.VIDEO else content[None]
        vectors = [
            unit(self._images.run({"pixel_values": self._pixels.numbers(one)[None]}, self._image_output)[0])
            for one in images.astype(np.uint8, copy=False)
        ]
        return vectors[0] if len(vectors) == 1 else unit(np.mean(vectors, axis=0))


def load_onnx_image_text(checkpoint: Checkpoint) -> OnnxImageTextEncoder:
    """Raises Misconfigured for a model with another purpose or without one of its two files, CorruptData for a damaged
    one, Overloaded when they are too large."""
    checkpoint.require(Purpose.EMBEDDING)
    model = ModelFolder(checkpoint)
    texts, images = text_file(model.path), image_file(model.path)
    if texts is None or images is None:
        raise Misconfigured(
            f"the model {model.name} lacks {'text_model.onnx' if texts is None else 'vision_model.onnx'}; images need "
            "both. Copy or download all of it, or export it again with: weft models export"
        )
    return OnnxImageTextEncoder(
        model, OnnxSession(texts, model.name), OnnxSession(images, model.name), load_tokenizer(model)
    )
