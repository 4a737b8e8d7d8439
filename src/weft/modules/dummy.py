"""``generative-dummy`` and ``reranker-dummy``: answers without a model, for testing clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.domain.caller import Caller
from weft.modules.base import Generated, Generator, ModuleConfig, Reranker
from weft.modules.resources import Resources


class GenerativeDummy(Generator):
    title = "Generative Search - Dummy"

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)

    def generate(
        self,
        prompt: str,
        settings: ModuleConfig,
        parameters: Mapping[str, object],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        listed = "".join(f"{name}={value}," for name, value in settings.items())
        return Generated(
            f"You want me to generate something based on the following prompt: {prompt}. With settings: {listed}. "
            "I'm sorry, I'm just a dummy and can't generate anything."
        )


class RerankerDummy(Reranker):
    """Longer is better: the score is the document's length in bytes of UTF-8."""

    title = "Reranker - Dummy"

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)

    def rank(self, query: str, documents: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[float]:
        return [float(len(document.encode("utf-8", "surrogatepass"))) for document in documents]
