"""The settings of each kind of classification: checked, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.json_values import JsonObject, JsonValue
from weft.service.classification.request import CONTEXTUAL, KNN

_DEFAULTS: Final[Mapping[str, Mapping[str, int]]] = {
    KNN: {"k": 3},
    CONTEXTUAL: {
        "minimumUsableWords": 3,
        "informationGainCutoffPercentile": 50,
        "informationGainMaximumBoost": 3,
        "tfidfCutoffPercentile": 80,
    },
}
_PERCENTILES: Final = frozenset({"informationGainCutoffPercentile", "tfidfCutoffPercentile"})
_LARGEST: Final = 2**31 - 1


def with_defaults(kind: str, given: JsonValue) -> JsonValue:
    """Those that ``kind`` has, each a whole number; of a kind without settings, what was given. Raises Invalid."""
    defaults = _DEFAULTS.get(kind)
    if defaults is None:
        return given
    if given is not None and not isinstance(given, Mapping):
        raise Invalid(f"parse {kind} specific settings: settings must be an object, got {kind_of(given)}")
    settings: JsonObject = given or {}
    return {name: _number(kind, name, settings.get(name, default)) for name, default in defaults.items()}


def number_of(settings: JsonValue, name: str) -> int:
    """One of the settings that ``with_defaults`` returned."""
    assert isinstance(settings, Mapping)
    value = settings[name]
    assert isinstance(value, int)
    return value


def _number(kind: str, name: str, value: JsonValue) -> int:
    where = f"parse {kind} specific settings: settings.{name}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(f"{where} must be number, got {kind_of(value)}")
    low, high = (0, 100) if name in _PERCENTILES else (1, _LARGEST)
    if value != value // 1 or not low <= value <= high:
        raise Invalid(f"{where} must be a whole number from {low} to {high}, not {shorten(value)}")
    return int(value)
