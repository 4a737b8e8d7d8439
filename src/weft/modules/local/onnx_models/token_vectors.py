"""Late-interaction models of texts as ONNX files: a vector for each token.

How queries and documents differ is in the configuration, as sentence-transformers or PyLate save it: their prompts,
their greatest lengths, the [MASK] tokens that queries are filled up with, and which tokens of documents are left out.
Source: ColBERT, arXiv 2004.12832.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, Misconfigured
from weft.domain.objects import Vector
from weft.modules.base import TEXT, InputKind
from weft.modules.local.checkpoint import Checkpoint, Purpose
from weft.modules.local.late_interaction import Passage, PassageRole
from weft.modules.local.models import read_config
from weft.modules.local.onnx_models.files import text_file
from weft.modules.local.onnx_models.layout import Layer, ModelFolder
from weft.modules.local.onnx_models.session import OnnxSession, TokenIds
from weft.modules.local.onnx_models.tokenizing import load_tokenizer
from weft.modules.local.role_text import document_prompt
from weft.modules.local.token_estimates import readable
from weft.modules.local.vectors import unit_rows

_USUAL_QUERY_TOKENS = 32
"""Of ColBERT, where PyLate's configuration states none."""


@dataclass(frozen=True, slots=True)
class QueryExpansion:
    """Queries are filled up with ``token`` to ``length`` tokens, and cut there if ``fixed``; ``attend``: whether the
    others see the added ones."""

    token: int
    length: int
    fixed: bool
    attend: bool


@dataclass(frozen=True, slots=True)
class TokenRecipe:
    """``skipped``: ids of tokens without a vector, for each role that has them. ``may_be_empty``: a text of these alone
    keeps them."""

    prompts: dict[PassageRole, str]
    lengths: dict[PassageRole, int]
    expansion: QueryExpansion | None
    skipped: dict[PassageRole, TokenIds]
    layers: tuple[Layer, ...]
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class TokenizedPassage:
    """``seen``: 1 for a token that others attend to; ``kept``: whether it has a vector."""

    ids: TokenIds
    seen: TokenIds
    kept: npt.NDArray[np.bool_]
    role: PassageRole


class OnnxTokenEncoder:
    """``(T, d) f32`` with rows of length 1."""

    kinds: frozenset[InputKind] = frozenset({TEXT})

    def __init__(self, session: OnnxSession, tokenizer: Any, recipe: TokenRecipe) -> None:
        self.name = session.name
        self.parallel = True
        self._session, self._tokenizer, self._recipe = session, tokenizer, recipe
        session.check_inputs(("input_ids", "attention_mask"))
        self._output = session.output("token_embeddings", "last_hidden_state", rank=3)

    def prepare(self, passages: Sequence[Passage]) -> list[TokenizedPassage]:
        """Raises Invalid for an image, and for a factor of token pooling."""
        return [self._tokenized(one) for one in passages]

    def length(self, prepared: TokenizedPassage) -> int:
        return len(prepared.ids)

    def encode(self, run: Sequence[TokenizedPassage]) -> list[Vector]:
        """``(T, d)`` for each passage, in order, with rows of length 1."""
        return [self._vectors(one) for one in run]

    def close(self) -> None:
        self._session.close()

    def _tokenized(self, passage: Passage) -> TokenizedPassage:
        if not isinstance(passage.content, str):
            raise Invalid(f"the model {self.name} reads text, not images; choose one such as ColPali or ColQwen2")
        if passage.pool_factor != 1:
            raise Invalid(
                f"poolFactor needs torch, and the model {self.name} runs without; remove it, and set tokenPooling of "
                "the index, which does the same"
            )
        role, limit = passage.role, self._recipe.lengths[passage.role]
        text = self._recipe.prompts[role] + readable(passage.content, limit)
        ids = self._shortened(text, limit)
        seen = np.ones(len(ids), np.int64)
        expansion = self._recipe.expansion
        if role is PassageRole.QUERY and expansion is not None and len(ids) < expansion.length:
            added = expansion.length - len(ids)
            ids = np.concatenate([ids, np.full(added, expansion.token, np.int64)])
            seen = np.concatenate([seen, np.full(added, int(expansion.attend), np.int64)])
        kept = ~np.isin(ids, self._recipe.skipped.get(role, ()))
        if not kept.any() and self._recipe.may_be_empty:
            kept[:] = True
        if not kept.any():
            raise Invalid(f"the model {self.name} leaves out every token of this {role.value}; send another text")
        return TokenizedPassage(ids, seen, kept, role)

    def _shortened(self, text: str, limit: int) -> TokenIds:
        """At most ``limit`` tokens, the last marker among them."""
        inner = self._tokenizer.encode(text, add_special_tokens=False)
        inner.truncate(limit - self._tokenizer.num_special_tokens_to_add(False))
        return np.array(self._tokenizer.post_process(inner).ids, np.int64)

    def _vectors(self, one: TokenizedPassage) -> Vector:
        given = {"input_ids": one.ids[None], "attention_mask": one.seen[None]}
        states = self._session.run(given, self._output)[0].astype(np.float32, copy=False)[one.kept]
        for layer in self._recipe.layers:
            if layer.weight.shape[1] == states.shape[1]:  # otherwise the graph has it
                states = layer(states)
        return unit_rows(states)


def load_wheel_tokens(folder: Path, name: str) -> OnnxTokenEncoder:
    """The states of the tokens of the wheel's text model, without its markers. It was not trained for late interaction,
    and still ranks better so than by its vectors (docs/modules/reranker-transformers.md)."""
    tokenizer = load_tokenizer(ModelFolder(Checkpoint(name, folder=folder)))
    markers = np.array([tokenizer.token_to_id(marker) for marker in ("[CLS]", "[SEP]")], np.int64)
    recipe = TokenRecipe(
        prompts=dict.fromkeys(PassageRole, ""),
        lengths=dict.fromkeys(PassageRole, int(str(read_config(folder)["max_tokens"]))),
        expansion=None,
        skipped=dict.fromkeys(PassageRole, markers),
        layers=(),
        may_be_empty=True,
    )
    return OnnxTokenEncoder(OnnxSession(folder / "model.onnx", name), tokenizer, recipe)


def load_onnx_late_interaction(checkpoint: Checkpoint) -> OnnxTokenEncoder:
    """Raises Misconfigured for a model with another purpose or of images, CorruptData when a file is damaged,
    Overloaded when it is too large."""
    checkpoint.require(Purpose.LATE_INTERACTION)
    model = ModelFolder(checkpoint)
    model.check_modules("Dense", "MultiVectorMask", "Normalize")
    if not checkpoint.modules:
        raise Misconfigured(
            f"the model {model.name} has no modules.json, which says how its tokens get vectors; save it with "
            "sentence-transformers, or export it with: weft models export"
        )
    file = text_file(model.path)
    assert file is not None, "only models with an ONNX file are run here"
    tokenizer = load_tokenizer(model)
    return OnnxTokenEncoder(OnnxSession(file, model.name), tokenizer, _recipe(model, tokenizer))


def _recipe(model: ModelFolder, tokenizer: Any) -> TokenRecipe:
    own = model.checkpoint.own
    prompts = {PassageRole.QUERY: model.query_prompt, PassageRole.DOCUMENT: document_prompt(model.prompts)}
    for role, key in ((PassageRole.QUERY, "query_prefix"), (PassageRole.DOCUMENT, "document_prefix")):
        prefix = own.get(key)
        if isinstance(prefix, str) and prefix:  # PyLate puts it before the prompt, as one token
            prompts[role] = prefix + prompts[role].removeprefix(prefix)
            known = next((one for one in (prefix, prefix.strip()) if tokenizer.token_to_id(one) is not None), None)
            if known is not None:
                tokenizer.add_special_tokens([known])
    settings = {**own, **model.sentence_settings}
    expansion = _expansion(model, tokenizer, settings)
    query = settings.get("query_length") or model.max_tokens
    if expansion is not None:
        query = expansion.length if expansion.fixed else max(query, expansion.length)
    lengths = {
        PassageRole.QUERY: min(int(query), model.max_tokens),
        PassageRole.DOCUMENT: min(int(settings.get("document_length") or model.max_tokens), model.max_tokens),
    }
    return TokenRecipe(prompts, lengths, expansion, _skipped(model, tokenizer), model.layers)


def _expansion(model: ModelFolder, tokenizer: Any, settings: dict[str, Any]) -> QueryExpansion | None:
    """As sentence-transformers states it, else as PyLate does, which fills queries up unless it says otherwise."""
    stated = settings.get("query_expansion")
    if "query_expansion" not in settings:
        of_pylate = any(
            key in model.checkpoint.own for key in ("query_prefix", "document_prefix", "do_query_expansion")
        )
        if not of_pylate or settings.get("do_query_expansion") is False:
            return None
        attend = settings.get("attend_to_expansion_tokens", False)
        length = settings.get("query_length") or _USUAL_QUERY_TOKENS
        stated = {"strategy": "fixed", "attend": attend, "length": length}
    if not isinstance(stated, dict):
        return None
    word = stated.get("token") or model.tokenizer_settings.get("mask_token") or "[MASK]"
    token = tokenizer.token_to_id(word["content"] if isinstance(word, dict) else word)
    if token is None:
        raise Misconfigured(
            f"the model {model.name} fills queries up with {word}, which its tokenizer does not have; copy all of it"
        )
    return QueryExpansion(token, int(stated["length"]), stated.get("strategy") == "fixed", bool(stated.get("attend")))


def _skipped(model: ModelFolder, tokenizer: Any) -> dict[PassageRole, TokenIds]:
    """By role. PyLate states the words at the top of its configuration; without them it skips punctuation."""
    masks = [model.json(folder / "config.json") for kind, folder in model.modules() if kind == "MultiVectorMask"]
    if masks:
        words, roles = masks[0].get("skiplist_words") or [], masks[0].get("skiplist_tasks", ["document"])
    else:
        words, roles = model.checkpoint.own.get("skiplist_words", list(string.punctuation)), ["document"]
    ids = [token for token in map(tokenizer.token_to_id, words) if token is not None]
    return {role: np.array(ids, np.int64) for role in PassageRole if role.value in roles and ids}
