"""One GraphQL request → one answer: ``{data?, errors?}``, also for an invalid request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, cast

import numpy as np
import orjson
from graphql import (
    DocumentNode,
    ExecutionContext,
    FieldNode,
    GraphQLError,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    ValidationRule,
    execute_sync,
    specified_rules,
    validate,
)
from graphql.pyutils import Path
from graphql.validation import OverlappingFieldsCanBeMergedRule, VariablesInAllowedPositionRule

from weft.domain.deadline import check
from weft.domain.errors import CallerGone, DeadlinePassed, Invalid, TooLarge
from weft.domain.json_fields import kind_of
from weft.domain.json_values import JsonValue
from weft.wire.errors import codes_of, to_refusal
from weft.wire.graphql.context import GraphQLContext
from weft.wire.graphql.documents import named, read
from weft.wire.graphql.scalars import is_loose
from weft.wire.graphql.schema import KeptSchemas

_MOST_ERRORS: Final = 20
_MOST_KEPT: Final = 2
"""Cached JSON of introspection answers, which depend only on the schema and take seconds with 1,000 collections."""
_KNOWN: Final = ("query", "variables", "operationName", "extensions")
_schemas: Final = KeptSchemas()


def answer(question: JsonValue, context: GraphQLContext) -> dict[str, object]:
    """``question`` is the JSON of a request. The answer is for ``json_text`` to encode."""
    try:
        query, variables, operation = parts(question)
        context.check()
        document = read(query)
        names = named(document)
        check()
        schema = _schemas.get(names, context.service)
        kept: dict[tuple[str, str | None], dict[str, object]] = schema.extensions["answers"]
        if (query, operation) in kept and not variables:
            return kept[query, operation]
        check()
        refused = validate(schema, document, RULES, max_errors=_MOST_ERRORS)
        if refused:
            return {"errors": [_encoded(one) for one in refused]}
        answered = _executed(schema, document, variables, operation, context)
        if names.introspects and not names.roots and not variables and len(kept) < _MOST_KEPT:
            kept[query, operation] = {key: orjson.Fragment(orjson.dumps(part)) for key, part in answered.items()}
        return answered
    except RecursionError:
        return {
            "errors": [_encoded(GraphQLError("", original_error=TooLarge("the query is nested too deep; flatten it")))]
        }
    except GraphQLError as error:
        return {"errors": [_encoded(error)]}
    except Exception as error:
        return {"errors": [_encoded(GraphQLError("", original_error=error))]}


def parts(question: JsonValue) -> tuple[str, dict[str, JsonValue], str | None]:
    """The query, its variables and the name of its operation. Raises Invalid for what is no request."""
    if not isinstance(question, Mapping):
        raise Invalid(f"a GraphQL request must be a JSON object, not {kind_of(question)}")
    query, variables, operation = (question.get(key) for key in _KNOWN[:3])
    if not isinstance(query, str) or not query.strip():
        raise Invalid('query cannot be empty; send {"query": "{ Get { … } }"}')
    if variables is not None and not isinstance(variables, Mapping):
        raise Invalid("variables must be a JSON object")
    if operation is not None and not isinstance(operation, str):
        raise Invalid("operationName must be a string")
    return query, dict(variables or {}), operation or None


def _executed(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: dict[str, JsonValue],
    operation: str | None,
    context: GraphQLContext,
) -> dict[str, object]:
    result = execute_sync(
        schema,
        document,
        root_value={},
        context_value=context,
        variable_values=variables,
        operation_name=operation,
        execution_context_class=_Execution,
    )
    answered: dict[str, object] = {}
    if result.data is not None:
        answered["data"] = result.data
    if result.errors:
        answered["errors"] = [_encoded(one) for one in result.errors]
    return answered


class _Execution(ExecutionContext):
    def handle_field_error(self, error: GraphQLError, return_type: GraphQLOutputType, path: Path) -> None:
        """Once a request has exceeded its limits or its time, none of its other fields is answered."""
        if self.context_value.is_spent or isinstance(error.original_error, DeadlinePassed | CallerGone):
            raise error
        super().handle_field_error(error, return_type, path)

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_nodes: list[FieldNode],
        info: GraphQLResolveInfo,
        path: Path,
        result: object,
    ) -> object:
        """An array of numbers needs no completion: visiting each element took most of a reply's time.

        A number that JSON cannot say, as the sum of two that are nearly infinite, is null.
        """
        self.context_value.count_value(result)
        if type(result) is np.ndarray:
            return result
        if type(result) is float and not math.isfinite(result):
            return None
        return super().complete_value(return_type, field_nodes, info, path, result)


class _VariablesInAllowedPosition(VariablesInAllowedPositionRule):
    """A variable of any type may be used for a custom scalar, which validates its value itself."""

    def leave_operation_definition(self, operation: OperationDefinitionNode, *place: object) -> None:
        usages = self.context.get_recursive_variable_usages(operation)
        loose = {one.node.name.value for one in usages if one.type is not None and is_loose(one.type)}
        strict = {one.node.name.value for one in usages if one.type is None or not is_loose(one.type)}
        for name in loose - strict:
            self.var_def_map.pop(name, None)
        super().leave_operation_definition(operation, *place)


class _InTimeRule(ValidationRule):
    """Looks at the deadline at each node: the other rules take seconds for the longest documents."""

    def enter(self, *node: object) -> None:
        check()


RULES: Final[tuple[type[ValidationRule], ...]] = (
    _InTimeRule,
    *(
        _VariablesInAllowedPosition if rule is VariablesInAllowedPositionRule else rule
        for rule in cast("tuple[type[ValidationRule], ...]", specified_rules)
        if rule is not OverlappingFieldsCanBeMergedRule
    ),
)
"""The library's rules, except for one whose cost is quadratic; ``documents`` has a linear equivalent."""


def _encoded(error: GraphQLError) -> dict[str, object]:
    """An entry of ``errors``. An error in the request itself has the code of ``Invalid``."""
    entry: dict[str, object] = {"message": error.message}
    code = codes_of(Invalid).graphql
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is not None:
        refusal = to_refusal(cause)
        entry["message"], code = refusal.message, refusal.codes.graphql
    if error.locations:
        entry["locations"] = [one.formatted for one in error.locations]
    if error.path:
        entry["path"] = error.path
    entry["extensions"] = {"code": code}
    return entry
