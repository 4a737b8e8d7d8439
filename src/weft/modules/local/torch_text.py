"""Any sentence-transformers model for text, by torch (the extra ``weft[torch]``).

Loading refuses what would silently give wrong vectors or run a stranger's code: pickled weights, remote code, and
checkpoints that leave weights at random values, of which transformers only logs a report.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from weft.domain.errors import CorruptData, Misconfigured
from weft.domain.objects import Vector

_MAY_BE_MISSING = re.compile(r"pooler\.|position_ids$|logit_scale")
"""Weights that embeddings do not use, or that are made anew."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MISSING = re.compile(r"^\s*([^|\s]+)\s*\|\s*(MISSING|MISMATCH)")
_LETTERS_PER_TOKEN = 200
_LETTERS_PER_USUAL_TOKEN = 4


class TorchTextEncoder:
    """L2-normalised vectors of texts, pooled as the model's own configuration says."""

    def __init__(self, place: str, name: str, *, local_files_only: bool = True) -> None:
        self.name = name
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise Misconfigured(
                f"the model {name} needs torch and sentence-transformers ({error}); "
                "install them with: pip install 'weft[torch]'"
            ) from error
        torch.set_num_threads(1)
        try:
            with strict_load(name):
                self._model: Any = SentenceTransformer(
                    place,
                    device="cpu",
                    local_files_only=local_files_only,
                    trust_remote_code=False,
                    model_kwargs={"dtype": torch.float32, "use_safetensors": True},
                )
        except (OSError, ValueError) as error:
            raise Misconfigured(
                f"the model {name} cannot be loaded: {error}. Put its folder (with safetensors) where the server "
                "offers models, or download it beforehand"
            ) from error
        self._model.eval()
        self._multimodal = any(
            kind not in ("text", "message") for kind in getattr(self._model, "modalities", ("text",))
        )
        self._max_tokens = self._model.get_max_seq_length() or 512
        self._one_at_a_time = threading.Lock()

    def prepare(self, texts: Sequence[str]) -> list[str]:
        return [text[: self._max_tokens * _LETTERS_PER_TOKEN] for text in texts]

    def length(self, prepared: str) -> int:
        """An estimate: the model's tokenizer cannot be asked while it encodes."""
        return min(self._max_tokens, len(prepared) // _LETTERS_PER_USUAL_TOKEN + 2)

    def encode(self, run: Sequence[str]) -> list[Vector]:
        """A multimodal model gets ``{"text": …}``: it would open a bare text that looks like a file or a URL."""
        texts = [{"text": text} for text in run] if self._multimodal else list(run)
        with self._one_at_a_time:
            found = self._model.encode(
                texts, batch_size=len(run), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )
        return list(np.asarray(found, np.float32))

    def close(self) -> None:
        self._model = None


@contextmanager
def strict_load(name: str) -> Iterator[None]:
    """Raises CorruptData when transformers reports, inside, that weights of the model were not in its checkpoint."""
    import transformers

    missing: list[str] = []

    class Report(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines = _COLOUR.sub("", record.getMessage()).splitlines()
            found = (match.group(1) for line in lines if (match := _MISSING.match(line)))
            missing.extend(weight for weight in found if not _MAY_BE_MISSING.search(weight))

    logger = logging.getLogger("transformers")
    level, report = logger.level, Report()
    logger.setLevel(logging.WARNING)
    logger.addHandler(report)
    transformers.logging.set_verbosity_warning()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.removeHandler(report)
        logger.setLevel(level)
    if missing:
        raise CorruptData(
            f"{len(missing)} weights of the model {name} are not in its checkpoint, for example {missing[0]}; its "
            "vectors would be random. Save the model again with its own library",
            path=name,
        )
