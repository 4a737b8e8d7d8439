"""``--where``: conditions as people write them, as the protocol's filters.

    year>=2020    title=Dune    lang!=de    title~*space*    lang in de,en    {"operator": …}

The types are those of the collection's properties. ``~`` is Like, with ``*`` and ``?``; ``in`` is ContainsAny. JSON is
taken as it is. Several conditions hold together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from weft.cli.imports.dates import rfc3339
from weft.cli.parser import nearest
from weft.domain.errors import Invalid
from weft.domain.names import property_name
from weft.protocol import base

_CONDITION = re.compile(r"\s*([A-Za-z_][\w.\[\]]*)\s*(>=|<=|!=|=|>|<|~|\s+in\s)\s*(.*)", re.DOTALL)
_OPERATORS = {
    "=": "Equal",
    "!=": "NotEqual",
    ">": "GreaterThan",
    ">=": "GreaterThanEqual",
    "<": "LessThan",
    "<=": "LessThanEqual",
    "~": "Like",
    "in": "ContainsAny",
}
_TIMES = ("_creationTimeUnix", "_lastUpdateTimeUnix")
_KEYS = {"int": "valueInt", "number": "valueNumber", "boolean": "valueBoolean", "date": "valueDate"}
_TRUTH = {"true": True, "false": False}
_ENUM = {
    "Equal": base.Filters.OPERATOR_EQUAL,
    "NotEqual": base.Filters.OPERATOR_NOT_EQUAL,
    "GreaterThan": base.Filters.OPERATOR_GREATER_THAN,
    "GreaterThanEqual": base.Filters.OPERATOR_GREATER_THAN_EQUAL,
    "LessThan": base.Filters.OPERATOR_LESS_THAN,
    "LessThanEqual": base.Filters.OPERATOR_LESS_THAN_EQUAL,
    "Like": base.Filters.OPERATOR_LIKE,
    "IsNull": base.Filters.OPERATOR_IS_NULL,
    "ContainsAny": base.Filters.OPERATOR_CONTAINS_ANY,
    "ContainsAll": base.Filters.OPERATOR_CONTAINS_ALL,
    "ContainsNone": base.Filters.OPERATOR_CONTAINS_NONE,
    "And": base.Filters.OPERATOR_AND,
    "Or": base.Filters.OPERATOR_OR,
    "Not": base.Filters.OPERATOR_NOT,
}


def where_json(conditions: Sequence[str], document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The filter as REST has it, None without conditions; ``document``: the collection's schema, None where it may not
    be read: values are texts then. Raises Invalid."""
    found = [_condition(one, document) for one in conditions]
    return None if not found else found[0] if len(found) == 1 else {"operator": "And", "operands": found}


def _condition(text: str, document: Mapping[str, Any] | None) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return dict(orjson.loads(text))
        except orjson.JSONDecodeError as error:
            raise Invalid(f"--where {text[:80]!r} is not JSON: {error}") from None
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise Invalid(f"--where {text[:80]!r} must be like year>=2020, title=Dune, title~*dune* or lang in de,en")
    name, sign, value = match[1], match[2].strip(), match[3]
    kind = "text" if document is None else _kind(name, document)
    key = _KEYS.get(kind, "valueText")
    given: Any = [_value(one.strip(), kind, text) for one in value.split(",")] if sign == "in" else None
    return {"path": [name], "operator": _OPERATORS[sign], key: given or _value(value, kind, text)}


def _kind(name: str, document: Mapping[str, Any]) -> str:
    """The type of the values of a property, a nested one too. Raises Invalid for one that is not there."""
    if name in ("id", "_id"):
        return "uuid"
    if name in _TIMES:
        return "date"
    known, kind = document.get("properties") or (), ""
    for part in re.sub(r"\[\d+\]", "", name).split("."):
        declared = {one["name"]: one for one in known}
        found = declared.get(property_name(part))
        if found is None:
            near = nearest(part, declared)
            meant = f"did you mean {near}?" if near else f"it has {', '.join(sorted(declared)) or 'none'}"
            raise Invalid(f"{document['class']} has no property {part!r}; {meant}")
        known, kind = found.get("nestedProperties") or (), found["dataType"][0].removesuffix("[]")
    return kind


def _value(text: str, kind: str, whole: str) -> str | int | float | bool:
    try:
        match kind:
            case "int":
                return int(text)
            case "number":
                return float(text)
            case "boolean":
                return _TRUTH[text.lower()]
            case "date":
                date = rfc3339(text)
                if date is None:
                    raise ValueError
                return date
    except (ValueError, KeyError):
        raise Invalid(f"--where {whole[:80]!r}: {text[:40]!r} is no {kind}") from None
    return text


def where_message(where: Mapping[str, Any]) -> base.Filters:
    """The same filter as gRPC has it. Raises Invalid for what is not of its form; the server checks the rest."""
    operator = where.get("operator")
    if operator not in _ENUM:
        raise Invalid(f"--where: {operator!r} is not an operator; known: {', '.join(_ENUM)}")
    message = base.Filters(operator=_ENUM[operator])
    if operator in ("And", "Or", "Not"):
        message.filters.extend(where_message(one) for one in where.get("operands") or ())
        return message
    path = where.get("path")
    if not isinstance(path, list) or len(path) != 1:
        raise Invalid("--where: path must be the name of one property, in a list")
    message.target.property = "_id" if path[0] == "id" else str(path[0])
    values = {key: value for key, value in where.items() if key.startswith("value")}
    if len(values) != 1:
        raise Invalid("--where: a condition has one value, such as valueText or valueInt")
    ((key, value),) = values.items()
    _put(message, key.removesuffix("Array"), value)
    return message


def _put(message: base.Filters, key: str, value: Any) -> None:
    several = isinstance(value, list)
    try:
        match key:
            case "valueInt" if several:
                message.value_int_array.values.extend(value)
            case "valueInt":
                message.value_int = value
            case "valueNumber" if several:
                message.value_number_array.values.extend(value)
            case "valueNumber":
                message.value_number = value
            case "valueBoolean" if several:
                message.value_boolean_array.values.extend(value)
            case "valueBoolean":
                message.value_boolean = value
            case "valueText" | "valueDate" | "valueString" if several:
                message.value_text_array.values.extend(value)
            case "valueText" | "valueDate" | "valueString":
                message.value_text = value
            case _:
                raise Invalid(f"--where: {key} is not known here; use valueText, valueInt, valueNumber, valueBoolean")
    except (TypeError, ValueError):
        raise Invalid(f"--where: {key} does not fit {str(value)[:40]!r}") from None
