"""What a classification leaves at the objects that it has classified, and at the references that it has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

LabelFigures: TypeAlias = Mapping[str, float]
"""How clear the choice of a label was: counts of neighbours, and distances (smaller is nearer), by their names in the
protocol. Empty where the kind of classification has none."""


@dataclass(frozen=True, slots=True)
class Classified:
    """The latest classification of an object: its id, the properties it was based on, those it was to set, those among
    them that it set, and when it did (ISO 8601 in UTC)."""

    id: str
    based_on: tuple[str, ...]
    scope: tuple[str, ...]
    fields: tuple[str, ...]
    completed: str
