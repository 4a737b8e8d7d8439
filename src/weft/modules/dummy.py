"""``generative-dummy`` and ``reranker-dummy``: answers without a model, for trying out clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.modules.base import Generated, Generator, Reranker, Settings


class GenerativeDummy(Generator):
    name = "generative-dummy"
    title = "Generative Search - Dummy"

    def generate(
        self,
        prompt: str,
        settings: Settings,
        parameters: Mapping[str, Any],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        shown = "".join(f"{name}={value}," for name, value in settings.items())
        return Generated(
            f"You want me to generate something based on the following prompt: {prompt}. With settings: {shown}. "
            "I'm sorry, I'm just a dummy and can't generate anything."
        )


class RerankerDummy(Reranker):
    """Longer is better: the score is the document's length in bytes of UTF-8."""

    name = "reranker-dummy"
    title = "Reranker - Dummy"

    def rank(self, query: str, documents: Sequence[str], settings: Settings, caller: Caller) -> list[float]:
        return [float(len(document.encode("utf-8", "surrogatepass"))) for document in documents]
