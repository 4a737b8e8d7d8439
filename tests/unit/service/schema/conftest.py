"""A catalogue of modules that needs none, and documents made from a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.domain.schema import CollectionConfig
from weft.service.schema.defaults import complete
from weft.service.schema.document import parse
from weft.service.schema.documents import Defaults
from weft.service.schema.validate import validate


class Catalogue:
    """Two vectorizers, one of them of multi-vectors, a generator and two rerankers."""

    VECTORIZERS = ("text2vec-words", "text2colbert-words")
    OTHERS = ("generative-dummy", "generative-other", "reranker-dummy", "reranker-other")

    def knows(self, name: str) -> bool:
        return name in self.VECTORIZERS or name in self.OTHERS

    def is_vectorizer(self, name: str) -> bool:
        return name in self.VECTORIZERS

    def is_provider(self, name: str) -> bool:
        return name == "text2vec-words"

    def is_multi_vector(self, name: str) -> bool:
        return name == "text2colbert-words"

    def defaults(self, name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"vectorizeClassName": True, **settings}

    def property_defaults(self, name: str, data_type: str) -> Mapping[str, Any]:
        return {"skip": False, "vectorizePropertyName": False}

    def validate(self, name: str, settings: Mapping[str, Any], document: Mapping[str, Any]) -> None:
        if settings.get("model") == "wrong":
            raise Invalid(f"module '{name}': no such model")


@pytest.fixture
def modules() -> Catalogue:
    return Catalogue()


Made = Callable[..., dict[str, Any]]


@pytest.fixture
def made(modules: Catalogue) -> Made:
    """Completes and checks a document; ``class`` is Thing unless given."""

    def make(*, defaults: Defaults | None = None, async_indexing: bool = False, **keys: Any) -> dict[str, Any]:
        document = complete({"class": "Thing", **keys}, modules, defaults or Defaults())
        validate(document, modules, async_indexing=async_indexing)
        return document

    return make


@pytest.fixture
def config(made: Made) -> Callable[..., CollectionConfig]:
    def make(**keys: Any) -> CollectionConfig:
        return parse(made(**keys))

    return make
