"""What the schema needs from the modules: which exist, what they add to a document, and whether they accept it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

NONE = "none"
"""The vectorizer of vectors that the caller provides; known without any module."""


class ModuleCatalogue(Protocol):
    def knows(self, name: str) -> bool:
        """Whether a module of that name is enabled."""
        ...

    def is_vectorizer(self, name: str) -> bool: ...

    def is_provider(self, name: str) -> bool:
        """Whether the module calls a provider's API."""
        ...

    def is_multi_vector(self, name: str) -> bool:
        """Whether its vectors are multi-vectors, one a token or patch."""
        ...

    def defaults(self, name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """``settings`` with the module's defaults for a collection filled in."""
        ...

    def property_defaults(self, name: str, data_type: str) -> Mapping[str, Any]:
        """The module's entry in a property's ``moduleConfig`` if the caller states none; empty: no entry."""
        ...

    def validate(self, name: str, settings: Mapping[str, Any], document: Mapping[str, Any]) -> None:
        """Raises Invalid when the module cannot work with ``settings`` on the collection of ``document``."""
        ...
