"""``reranker-transformers``: a cross-encoder in this process, or in a container if one is named.

The setting ``inferenceUrl`` or the variable RERANKER_INFERENCE_API names the container; without either the model runs
in this process: on onnxruntime if it has an ONNX file, otherwise by the extra ``weft[torch]``. ``model`` names a model
that the operator offers: the score is the raw logit of a cross-encoder, or the MaxSim of a late-interaction model.
``all-MiniLM-L6-v2``, the text model of the wheel, ranks by the MaxSim of its token states, offline and without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Misconfigured, WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig, Reranker
from weft.modules.local.checkpoint import Purpose, exported_checkpoint, read_configuration
from weft.modules.local.cross_encoder import load_cross_encoder
from weft.modules.local.late_interaction import Passage, PassageRole, maxsim
from weft.modules.local.late_interaction_models import late_interaction_model
from weft.modules.local.models import MINILM, ModelSource
from weft.modules.local.onnx_models.pair_scorer import load_onnx_cross_encoder
from weft.modules.local.onnx_models.token_vectors import load_wheel_tokens
from weft.modules.local.pool import PooledModel
from weft.modules.local.scheduler import Encoder
from weft.modules.providers.transformers import SETTING, VARIABLE, RerankingContainer
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import text_setting

MODEL = "cross-encoder/ms-marco-MiniLM-L6-v2"


class RerankerTransformers(Reranker):
    title = "Reranker - Transformers"
    documentation = "https://docs.weaviate.io/weaviate/model-providers/transformers/reranker"

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._resources = resources
        self._offer = resources.offer
        self._container = RerankingContainer(resources.client)
        self._purposes: dict[str, Purpose] = {}

    def check_settings(self, settings: ModuleConfig) -> None:
        if text_setting(settings, SETTING):
            self._container.address(settings)
        self._source(settings)

    def rank(self, query: str, documents: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[float]:
        container = self._container.address(settings)
        if container:
            return self._container.rank(container, query, documents)
        source = self._source(settings)
        if source.bundled or self._purpose(source) is Purpose.LATE_INTERACTION:
            return self._by_late_interaction(query, documents, source)
        return self._by_cross_encoder(query, documents, source)

    def _by_cross_encoder(self, query: str, documents: Sequence[str], source: ModelSource) -> list[float]:
        def load() -> Encoder[Any]:
            downloads = self._offer.allow_downloads
            exported = exported_checkpoint(source, downloads=downloads)
            return load_onnx_cross_encoder(exported) if exported else load_cross_encoder(source, downloads=downloads)

        pairs = [(query, document) for document in documents]
        model = self._resources.pool.model(f"cross-encoder|{source.place}", load)
        return [float(one[0]) for one in _all(model.embed_urgently(pairs))]

    def _by_late_interaction(self, query: str, documents: Sequence[str], source: ModelSource) -> list[float]:
        passages = [Passage(PassageRole.QUERY, query), *(Passage(PassageRole.DOCUMENT, text) for text in documents)]
        model = self._tokens_of_wheel(source) if source.bundled else late_interaction_model(source, self._resources)
        asked, *ranked = _all(model.embed_urgently(passages))
        return [maxsim(asked, one) for one in ranked]

    def _tokens_of_wheel(self, source: ModelSource) -> PooledModel[Encoder[Any]]:
        folder = source.folder
        assert folder is not None, "the models of the wheel are folders"
        return self._resources.pool.model(f"tokens|{source.place}", lambda: load_wheel_tokens(folder, source.name))

    def _source(self, settings: ModuleConfig) -> ModelSource:
        return self._offer.find(text_setting(settings, "model") or MODEL, MINILM)

    def _purpose(self, source: ModelSource) -> Purpose:
        found = self._purposes.get(source.place)
        if found is None:
            try:
                found = read_configuration(source, downloads=self._offer.allow_downloads).purpose
            except Misconfigured as error:
                raise Misconfigured(f"{error.message}. Or name a reranking container in {VARIABLE}") from error
            self._purposes[source.place] = found
        return found


def _all(found: Sequence[Vector | WeftError]) -> list[Vector]:
    """The vectors; raises the first error, because a ranking needs all documents."""
    vectors: list[Vector] = []
    for one in found:
        if isinstance(one, WeftError):
            raise one
        vectors.append(one)
    return vectors
