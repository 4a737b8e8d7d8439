"""Google's embeddings of texts: ``text2vec-google``, which clients name ``text2vec-palm``. Address and key: see
``google``.

A task type of the collection that is for queries alone (``QUESTION_ANSWERING``) is theirs; stored texts are then
documents. Source: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.providers.answers import items_of, member, vector_of
from weft.modules.providers.google import STUDIO, GoogleModule
from weft.modules.providers.provider import Provider
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting

_MODEL, _ITS_DIMENSIONS = "gemini-embedding-001", 768
_OF_BOTH = ("CLASSIFICATION", "CLUSTERING", "SEMANTIC_SIMILARITY")
_OF_QUERIES = ("RETRIEVAL_QUERY", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY")


class Text2VecGoogle(GoogleModule, ProviderTextVectorizer):
    """A call takes 20,000 tokens; some 19,000 are sent. Vertex AI takes one text a call for its Gemini models."""

    title = "Google Module"
    documentation = "https://cloud.google.com/vertex-ai/docs/generative-ai/embeddings/get-text-embeddings"
    space = "text2vec-google"
    studio_model = vertex_model = _MODEL
    texts_per_call, bytes_per_call = 100, 57_000
    document_role, query_role = "document", "query"
    vectorize_class_name = False

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        check_place(self, settings)
        if _task(settings) not in (*_OF_QUERIES, *_OF_BOTH):
            raise Invalid(f"wrong taskType supported task types are: {', '.join((*_OF_QUERIES, *_OF_BOTH))}")
        if text_setting(settings, "titleProperty"):
            raise Invalid("titleProperty is not supported: an object is embedded as one text; leave it out")

    def fingerprint(self, settings: ModuleConfig) -> str:
        """Tasks of both sides make other spaces."""
        task, found = _task(settings), super().fingerprint(settings)
        return f"{found}|{task}" if task in _OF_BOTH else found

    def dimensions_of(self, settings: ModuleConfig) -> int | None:
        usual = _ITS_DIMENSIONS if self.model_of(settings) == _MODEL else None
        return super().dimensions_of(settings) or usual

    def most_texts(self, settings: ModuleConfig) -> int:
        one_a_call = self.provider_for(settings) is not STUDIO and "gemini" in self.model_of(settings)
        return 1 if one_a_call else self.texts_per_call

    def path_for(self, settings: ModuleConfig) -> str:
        model = self.model_of(settings)
        if self.provider_for(settings) is STUDIO:
            return f"/v1beta/models/{quote(model, safe='')}:batchEmbedContents"
        return self.vertex_path(settings, model, "predict")

    def body(self, texts: Sequence[str], role: str, settings: ModuleConfig) -> dict[str, object]:
        task, dimensions = _task(settings), self.dimensions_of(settings)
        if role == self.document_role and task not in _OF_BOTH:
            task = "RETRIEVAL_DOCUMENT"
        size = {} if dimensions is None else {"outputDimensionality": dimensions}
        if self.provider_for(settings) is STUDIO:
            common = {"model": f"models/{self.model_of(settings)}", "taskType": task, **size}
            return {"requests": [{"content": {"parts": [{"text": text}]}, **common} for text in texts]}
        body: dict[str, object] = {"instances": [{"content": text, "task_type": task} for text in texts]}
        return {**body, "parameters": size} if size else body

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        if provider is STUDIO:
            found = [one.get("values") for one in items_of(answer, "embeddings", provider, count)]
        else:
            items = items_of(answer, "predictions", provider, count)
            found = [member(one, "embeddings", "values") for one in items]
        return [vector_of(one, provider) for one in found]


def _task(settings: ModuleConfig) -> str:
    return text_setting(settings, "taskType", _OF_QUERIES[0])


def check_place(module: GoogleModule, settings: ModuleConfig) -> None:
    """Raises Invalid unless ``settings`` name AI Studio, or a project and regions of Vertex AI."""
    if module.provider_for(settings) is not STUDIO:
        module.url_for(settings, Caller())
        module.vertex_path(settings, "", "predict")
        return
    studio = STUDIO.hosts[0].removeprefix("https://")
    if text_setting(settings, "apiEndpoint").removeprefix("https://").rstrip("/") != studio:
        raise Invalid(f"projectId cannot be empty, unless apiEndpoint is {studio}")
