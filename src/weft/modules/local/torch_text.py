"""Any sentence-transformers model for text, by torch (the extra ``weft[torch]``).

Many models were trained with a prompt before each query, and another or none before each document; they state them in
``config_sentence_transformers.json``. Both roles are embedded with theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from weft.domain.errors import Misconfigured
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import Purpose, read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.role_text import RoleText, document_prompt
from weft.modules.local.text_encoder import SPARE_TOKENS, Offsets
from weft.modules.local.token_estimates import estimated_tokens, readable
from weft.modules.local.torch_loading import best_placement, loading, options
from weft.modules.local.truncation import Truncation
from weft.modules.local.vectors import unit_rows


class TorchTextEncoder:
    """L2-normalised vectors of texts, pooled as the model's own configuration says."""

    def __init__(self, source: ModelSource, *, downloads: bool = False) -> None:
        self.name = source.name
        checkpoint = read_checkpoint(source, downloads=downloads)
        checkpoint.require(Purpose.EMBEDDING)
        if checkpoint.model_type in ("whisper", "perceiver"):
            raise Misconfigured(f"the model {source.name} does not read text; use it with multi2vec-bind")
        from sentence_transformers import SentenceTransformer

        placement = best_placement()
        with loading(checkpoint, placement):
            model: Any = SentenceTransformer(checkpoint.place, **options(placement))
        model.eval().to(placement.torch_dtype)
        self._replicas = ReplicaPool(model)
        self.parallel = self._replicas.parallel
        self._multimodal = any(kind not in ("text", "message") for kind in getattr(model, "modalities", ("text",)))
        self._max_tokens = model.get_max_seq_length() or 512
        self._document_prompt = document_prompt(model.prompts)
        self.truncation = Truncation(self.name, int(self._max_tokens))

    def prepare(self, texts: Sequence[RoleText]) -> list[RoleText]:
        return [replace(one, text=readable(one.text, self._max_tokens)) for one in texts]

    def offsets(self, text: str) -> Offsets:
        """Of all tokens of ``text``, also of those that are not read, without markers. Raises Misconfigured."""
        with self._replicas.replica() as model:
            if not model.tokenizer.is_fast:
                raise Misconfigured(f"the tokenizer of the model {self.name} does not say where its tokens are")
            found = model.tokenizer(
                text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
            )
        return np.array(found["offset_mapping"], np.int64).reshape(-1, 2)

    def most_content_tokens(self, prompt: str | None) -> int:
        with self._replicas.replica() as model:
            before = len(model.tokenizer(self._document_prompt if prompt is None else prompt)["input_ids"])
        return max(1, int(self._max_tokens) - before - SPARE_TOKENS)

    def length(self, prepared: RoleText) -> int:
        return estimated_tokens(len(prepared.text), self._max_tokens)

    def encode(self, run: Sequence[RoleText]) -> list[Vector]:
        """``(d,)`` of length 1 for each text, in order."""
        alike: dict[tuple[bool, str | None], list[int]] = defaultdict(list)
        for i, one in enumerate(run):
            alike[one.is_query, one.prompt].append(i)
        found: dict[int, Vector] = {}
        for (is_query, prompt), places in alike.items():
            vectors = self._encode([run[i].text for i in places], is_query=is_query, prompt=prompt)
            found.update(zip(places, vectors, strict=True))
        return [found[i] for i in range(len(run))]

    def close(self) -> None:
        self._replicas.close()

    def _encode(self, texts: list[str], *, is_query: bool, prompt: str | None) -> list[Vector]:
        """Texts of one role. A multimodal model gets ``{"text": …}``: it would open a bare text that looks like a file
        or URL."""
        if prompt is None and not is_query:
            prompt = self._document_prompt
        with self._replicas.replica() as model:
            encode = model.encode_query if is_query else model.encode_document
            found = encode(
                [{"text": text} for text in texts] if self._multimodal else texts,
                prompt=prompt,
                batch_size=len(texts),
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
            self._count_truncated(model, texts, prompt or "")
        return list(unit_rows(found))

    def _count_truncated(self, model: Any, texts: list[str], prompt: str) -> None:
        """A token has a character at least, so only texts of more characters than tokens are tokenized again."""
        long = [prompt + text for text in texts if len(prompt) + len(text) > self._max_tokens]
        if long and not self._multimodal:
            ids = model.tokenizer(long, truncation=False, verbose=False)["input_ids"]
            self.truncation.add(sum(len(one) > self._max_tokens for one in ids))
