"""``weaviate.v1.Boost`` → ``weft.domain.boost.Boost``."""

from __future__ import annotations

import math
from typing import TypeAlias

from weft.domain.boost import Boost, BoostCondition, DecayCurve, NumericDecay, PropertyValue, TimeDecay, ValueModifier
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.protocol import search_get
from weft.wire.grpc.decode_filter import decode_filter

_MOST_CONDITIONS = 20
_CURVES = {
    search_get.Boost.DECAY_CURVE_GAUSS: DecayCurve.GAUSS,
    search_get.Boost.DECAY_CURVE_LINEAR: DecayCurve.LINEAR,
}
_MODIFIERS = {
    search_get.Boost.PROPERTY_VALUE_MODIFIER_LOG1P: ValueModifier.LOG1P,
    search_get.Boost.PROPERTY_VALUE_MODIFIER_SQRT: ValueModifier.SQRT,
}
_Decay: TypeAlias = search_get.Boost.TimeDecayFunction | search_get.Boost.NumericDecayFunction


def decode_boost(message: search_get.Boost) -> Boost:
    """The boost of a message; types of properties are for the service to check."""
    conditions = tuple(_condition(sent, f"boost condition[{i}]") for i, sent in enumerate(message.conditions))
    if not conditions:
        raise Invalid("boost: at least one condition is required")
    if len(conditions) > _MOST_CONDITIONS:
        raise Invalid(f"boost: too many conditions ({len(conditions)}), maximum is {_MOST_CONDITIONS}")
    weight = message.weight if message.HasField("weight") else 0.5
    if not 0 <= weight <= 1:
        raise Invalid(f"boost: weight must be between 0 and 1, received {weight}")
    return Boost(conditions, weight, message.depth)


def _condition(message: search_get.Boost.Condition, where: str) -> BoostCondition:
    kind = message.WhichOneof("condition")
    if kind is None:
        raise Invalid(f"{where}: exactly one of 'filter', 'decay', or 'property_value' must be set")
    by: Filter | TimeDecay | NumericDecay | PropertyValue
    if kind == "filter":
        by = decode_filter(message.filter)
    elif kind == "time_decay":
        by = _time_decay(message.time_decay, where)
    elif kind == "numeric_decay":
        by = _numeric_decay(message.numeric_decay, where)
    else:
        sent = message.property_value
        by = PropertyValue(
            _property(sent, f"{where} property_value"), _MODIFIERS.get(sent.modifier, ValueModifier.NONE)
        )
    weight = message.weight if message.HasField("weight") else 1.0
    if not math.isfinite(weight):
        raise Invalid(f"{where}: weight must be a finite number, received {weight}")
    return BoostCondition(by, weight)


def _time_decay(sent: search_get.Boost.TimeDecayFunction, where: str) -> TimeDecay:
    name = _property(sent, f"{where} time_decay")
    if not sent.scale:
        raise Invalid(f"{where} time_decay: scale is required, for example 7d")
    return TimeDecay(
        name,
        scale=sent.scale,
        origin=sent.origin or "now",
        offset=sent.offset or "0",
        curve=_CURVES.get(sent.curve, DecayCurve.EXPONENTIAL),
        decay=_decay(sent, f"{where} time_decay"),
    )


def _numeric_decay(sent: search_get.Boost.NumericDecayFunction, where: str) -> NumericDecay:
    name = _property(sent, f"{where} numeric_decay")
    if not sent.scale > 0 or math.isinf(sent.scale):
        raise Invalid(f"{where} numeric_decay: scale must be > 0")
    if not math.isfinite(sent.origin) or not math.isfinite(sent.offset) or sent.offset < 0:
        raise Invalid(f"{where} numeric_decay: origin and offset must be finite numbers, and offset not negative")
    return NumericDecay(
        name,
        origin=sent.origin,
        scale=sent.scale,
        offset=sent.offset,
        curve=_CURVES.get(sent.curve, DecayCurve.EXPONENTIAL),
        decay=_decay(sent, f"{where} numeric_decay"),
    )


def _decay(sent: _Decay, where: str) -> float:
    decay = sent.decay_value if sent.HasField("decay_value") else 0.5
    if not 0 < decay < 1:
        raise Invalid(f"{where}: decay value must be between 0 and 1 (both exclusive), received {decay}")
    return decay


def _property(sent: _Decay | search_get.Boost.PropertyValueFunction, where: str) -> str:
    name = sent.property
    if not name:
        raise Invalid(f"{where}: property is required")
    if "." in name:
        raise Invalid(f'{where}: nested property "{name}" is not supported')
    return name
