"""The model of a run: loaded once, asked many times."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from weft.cli.bulk.request import EmbedRequest
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured, ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules import build_registry
from weft.modules.base import UNKNOWN, ModuleInput
from weft.modules.text_vectorizer import TextVectorizer
from weft.settings.modules import ModelSettings

_MEDIA_BATCH = 16
"""Texts go to a model all at once: it sorts them by length and cuts them into runs of its own. Media take memory."""

_MAX_TRIES = 4


class EmbeddingModel:
    """``fingerprint`` is complete after the first vectors."""

    def __init__(self, request: EmbedRequest) -> None:
        """Raises Invalid, Misconfigured."""
        self._registry = build_registry(models=ModelSettings(path=request.models_folder))
        try:
            self._module = self._registry.vectorizer(request.module)
            wanted = {*request.media, *(["text"] if request.texts else [])}
            if lacking := sorted(wanted - self._module.kinds):
                raise Invalid(f"{request.module} does not embed {', '.join(lacking)}; choose another with --module")
            text_only = isinstance(self._module, TextVectorizer)
            self.settings = self._module.defaults(request.settings(text_only=text_only))
            self._module.check_settings(self.settings)
        except BaseException:
            self._registry.close()
            raise
        self.multi = self._module.multi
        self._batch = 1_000_000 if text_only else _MEDIA_BATCH

    @property
    def fingerprint(self) -> str:
        return self._module.fingerprint(self.settings)

    def check_same(self, fingerprint: str) -> None:
        """Raises Misconfigured if earlier vectors, of that fingerprint, were made by another model."""
        parts, others = fingerprint.split("|"), self.fingerprint.split("|")
        same = len(parts) == len(others) and all(
            one == other or UNKNOWN in (one, other) for one, other in zip(parts, others, strict=True)
        )
        if fingerprint and not same:
            raise Misconfigured(
                f"the vectors that are there were made by {fingerprint}, and now the model is {self.fingerprint}; "
                "write into another folder with --out"
            )

    def embed(self, inputs: Sequence[ModuleInput]) -> list[Vector | WeftError]:
        """One vector or error each. What a provider refuses is asked for again, a few times."""
        found: list[Vector | WeftError] = []
        for begin in range(0, len(inputs), self._batch):
            found += self._asked(inputs[begin : begin + self._batch])
        return found

    def _asked(self, inputs: Sequence[ModuleInput]) -> list[Vector | WeftError]:
        found: list[Vector | WeftError] = list(self._module.embed_objects(inputs, self.settings, Caller()))
        for attempt in range(1, _MAX_TRIES):
            left = [i for i, one in enumerate(found) if isinstance(one, ProviderError)]
            if not left:
                break
            time.sleep(2**attempt)
            again = self._module.embed_objects([inputs[i] for i in left], self.settings, Caller())
            for i, one in zip(left, again, strict=True):
                found[i] = one
        return found

    def __enter__(self) -> EmbeddingModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._registry.close()
