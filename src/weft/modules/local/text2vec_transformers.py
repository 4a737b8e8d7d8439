"""``text2vec-transformers``: transformer text embeddings in this process.

Without a ``model`` setting it serves all-MiniLM-L6-v2 from the wheel (384 dimensions, int8, no torch). ``model`` (or
``path``) names another sentence-transformers model that the operator offers: one with an ONNX file runs on onnxruntime,
any other needs the extra ``weft[torch]``.

``poolingStrategy`` is ``masked_mean`` or ``cls`` and applies to the model in the wheel; others pool as their own
configuration says. ``dimensions``: how many numbers of a vector are kept, normalised again. ``queryPrompt`` and
``documentPrompt`` go before every query and every document, in place of those that the model states. ``inferenceUrl``,
``passageInferenceUrl`` and ``queryInferenceUrl`` are kept and returned, and checked as the protocol says; models run
in this process, so nothing is sent to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.local.checkpoint import exported_checkpoint
from weft.modules.local.models import MINILM, ModelSource
from weft.modules.local.onnx_models.text import load_onnx_text, load_wheel_text
from weft.modules.local.pool import PooledModel
from weft.modules.local.role_text import RoleText, stated_document_prompt
from weft.modules.local.text_encoder import TextEncoder
from weft.modules.local.vectors import truncated
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

_POOLING = ("masked_mean", "cls")
_QUERY_PROMPT, _DOCUMENT_PROMPT = "queryPrompt", "documentPrompt"


class Text2VecTransformers(TextVectorizer):
    title = "Transformers, in process"
    documentation = "https://sbert.net"

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._pool = resources.pool
        self._offer = resources.offer

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {**super().defaults({}), "poolingStrategy": "masked_mean", **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        _check_urls(settings)
        source = self._source(settings)
        pooling = self._pooling(settings)
        if pooling not in _POOLING:
            raise Invalid(f"poolingStrategy must be one of {', '.join(_POOLING)}, not {pooling!r}")
        dimensions = whole_number_setting(settings, "dimensions")
        if dimensions is not None and source.bundled and dimensions > 384:
            raise Invalid(f"dimensions must be at most 384, which {MINILM} makes, not {dimensions}")
        for name in (_QUERY_PROMPT, _DOCUMENT_PROMPT):
            text_setting(settings, name)

    def fingerprint(self, settings: ModuleConfig) -> str:
        source = self._source(settings)
        dimensions = whole_number_setting(settings, "dimensions") or ""
        prompt, revision = settings.get(_DOCUMENT_PROMPT), source.revision
        if prompt is None and not source.bundled and (stated := stated_document_prompt(source)):
            revision += f", prompt {stated}"  # not a part of its own: a model that is not fetched yet has both unknown
        made_by = (self.name, source.name, revision, self._pooling(settings), str(dimensions))
        return "|".join((*made_by, f"prompt {prompt}") if prompt else made_by)

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        inputs = self._inputs(texts, settings, is_query=False)
        return _truncated(self._model(settings).embed_documents(inputs), settings)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        inputs = self._inputs(texts, settings, is_query=True)
        return mean(_truncated(self._model(settings).embed_queries(inputs), settings))

    def _document_prompt(self, settings: ModuleConfig) -> str | None:
        """None: the model's own, if it states one."""
        return text_setting(settings, _DOCUMENT_PROMPT) if _DOCUMENT_PROMPT in settings else None

    def _inputs(self, texts: Sequence[str], settings: ModuleConfig, *, is_query: bool) -> Sequence[str | RoleText]:
        """The model in the wheel states no prompts and knows no roles."""
        name = _QUERY_PROMPT if is_query else _DOCUMENT_PROMPT
        prompt = text_setting(settings, name) if name in settings else None
        if self._source(settings).bundled:
            return [f"{prompt}{text}" for text in texts] if prompt else texts
        return [RoleText(text, is_query, prompt) for text in texts]

    def _source(self, settings: ModuleConfig) -> ModelSource:
        return self._offer.find(text_setting(settings, "model") or text_setting(settings, "path"), MINILM)

    def _pooling(self, settings: ModuleConfig) -> str:
        return text_setting(settings, "poolingStrategy", "masked_mean") or "masked_mean"

    def _model(self, settings: ModuleConfig) -> PooledModel[TextEncoder]:
        source, pooling = self._source(settings), self._pooling(settings)

        def load() -> TextEncoder:
            if source.bundled and source.folder is not None:
                return load_wheel_text(source.folder, source.name, pooling=pooling)
            exported = exported_checkpoint(source, downloads=self._offer.allow_downloads)
            if exported is not None:
                return load_onnx_text(exported)
            from weft.modules.local.torch_text import TorchTextEncoder

            return TorchTextEncoder(source, downloads=self._offer.allow_downloads)

        return self._pool.model(f"text|{source.place}|{pooling}", load)


def _check_urls(settings: ModuleConfig) -> None:
    whole = text_setting(settings, "inferenceUrl")
    passage, query = text_setting(settings, "passageInferenceUrl"), text_setting(settings, "queryInferenceUrl")
    if whole and (passage or query):
        raise Invalid(
            "either inferenceUrl or passageInferenceUrl together with queryInferenceUrl needs to be set, not both"
        )
    if query and not passage:
        raise Invalid("queryInferenceUrl is set but passageInferenceUrl is empty, both needs to be set")
    if passage and not query:
        raise Invalid("passageInferenceUrl is set but queryInferenceUrl is empty, both needs to be set")


def _truncated(vectors: list[Vector | WeftError], settings: ModuleConfig) -> list[Vector | WeftError]:
    dimensions = whole_number_setting(settings, "dimensions")
    return [truncated(one, dimensions) for one in vectors]
