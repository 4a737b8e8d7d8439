"""Reranking and generation from the hits of a search."""

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
    """A prompt for a generator. ``provider`` and ``parameters`` override the collection's module at run time.

    ``debug`` requests the prompt as sent, ``metadata`` the provider's usage report.
    """

    text: str
    provider: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    debug: bool = False
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """Generation from the hits: for each one, and for all of them together."""

    single: Prompt | None = None
    grouped: Prompt | None = None
    grouped_properties: tuple[str, ...] = ()
    """Empty: all."""
    failures_beside: bool = False
    """Whether a failure is reported with its hit. Otherwise it is the error of the search."""
