"""What is done with the hits of a search: reranked, and written about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rerank:
    property: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generator is to write. ``provider`` and ``parameters`` override the collection's module at run time.

    ``debug`` asks for the prompt as sent, ``metadata`` for the provider's account of its work.
    """

    text: str
    provider: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    debug: bool = False
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """Generation from the hits: about each by itself, about all of them together."""

    single: Prompt | None = None
    grouped: Prompt | None = None
    grouped_properties: tuple[str, ...] = ()
    """Empty: all."""
    failures_beside: bool = False
    """Whether a failure is reported with the hit that it is about. Otherwise it is the search's error."""
