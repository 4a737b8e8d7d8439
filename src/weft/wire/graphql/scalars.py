"""Scalars. What a custom one takes is checked where it is decoded, so that variables of any type may stand for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLInputType,
    GraphQLList,
    GraphQLScalarType,
    GraphQLString,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast_untyped,
)

from weft.domain.json_values import JsonValue

_LIMIT: Final = 2**63


def _integer(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -_LIMIT <= value < _LIMIT:
        raise GraphQLError(f"Int cannot represent non-integer or larger than 64-bit value: {str(value)[:80]}")
    return value


def _integer_literal(node: ValueNode, variables: Mapping[str, JsonValue] | None = None) -> int:
    if node.kind != "int_value":
        raise GraphQLError("Int cannot represent a value that is not an integer.", node)
    return _integer(value_from_ast_untyped(node))


INT: Final = GraphQLScalarType(
    "Int64", _integer, _integer, _integer_literal, description="An integer of 64 bits, which is what collections hold."
)
"""In the place of the library's, which refuses numbers of more than 32 bits, and of its name."""
INT.name = "Int"  # the constructor refuses the name

TEXT: Final = GraphQLString


def _number(value: object) -> float:
    """As it is: a whole number that no float64 holds stays exact."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GraphQLError(f"Float cannot represent non numeric value: {str(value)[:80]}")
    return value


FLOAT: Final = GraphQLScalarType(
    "Float64", _number, GraphQLFloat.parse_value, GraphQLFloat.parse_literal, description=GraphQLFloat.description
)
"""In the place of the library's, which rounds integers."""
FLOAT.name = "Float"  # the constructor refuses the name

BOOLEAN: Final = GraphQLBoolean


def texts() -> GraphQLList[GraphQLScalarType]:
    return GraphQLList(TEXT)


def _as_given(node: ValueNode, variables: Mapping[str, JsonValue] | None = None) -> JsonValue:
    """The value as JSON would have it; a variable that is not given is null."""
    match node:
        case ListValueNode():
            return [_as_given(one, variables) for one in node.values]
        case ObjectValueNode():
            return {one.name.value: _as_given(one.value, variables) for one in node.fields}
        case VariableNode():
            return (variables or {}).get(node.name.value)
        case _:
            value: JsonValue = value_from_ast_untyped(node)
            return value


def _loose(name: str, description: str) -> GraphQLScalarType:
    return GraphQLScalarType(name, parse_value=lambda value: value, parse_literal=_as_given, description=description)


VECTOR: Final = _loose("NearVectorVectorScalar", "An array of numbers, or of a multi-vector an array of such arrays.")
VECTORS: Final = _loose("VectorPerTarget", "By target vector, a vector or an array of vectors.")
WEIGHTS: Final = _loose("Weights", "By target vector, a number or an array of numbers.")
TEXT_VALUE: Final = _loose("TextWhere", "String or [String].")
DATE_VALUE: Final = _loose("DateWhere", "String or [String], RFC 3339.")
INT_VALUE: Final = _loose("IntWhere", "Int or [Int].")
NUMBER_VALUE: Final = _loose("FloatWhere", "Float or [Float].")
BOOLEAN_VALUE: Final = _loose("BooleanWhere", "Boolean or [Boolean].")
PARAMETERS: Final = _loose("GenerateParameters", "An object with the parameters of a generative provider.")

LOOSE: Final = frozenset(
    {VECTOR, VECTORS, WEIGHTS, TEXT_VALUE, DATE_VALUE, INT_VALUE, NUMBER_VALUE, BOOLEAN_VALUE, PARAMETERS}
)


def is_loose(kind: GraphQLInputType) -> bool:
    return get_named_type(kind) in LOOSE
