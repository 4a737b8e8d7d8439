"""``/v1/graphql`` and ``/v1/graphql/batch``: requests as JSON, answered with status 200 even on errors of the query.

What is no request, for want of a query or with variables that are no object, is refused, except in a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.wire.json.documents import as_list
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import array, ref

_MOST_QUESTIONS = 100


def ask(call: Call) -> Reply:
    from weft.wire.graphql.answer import parts

    parts(call.body)
    return Reply(_answered([call.body], call)[0])


def ask_many(call: Call) -> Reply:
    """One answer for each question, in their order."""
    questions = as_list(call.body)
    if not 0 < len(questions) <= _MOST_QUESTIONS:
        raise Invalid(f"a batch holds from 1 to {_MOST_QUESTIONS} questions, not {len(questions)}")
    return Reply(_answered(questions, call))


def _answered(questions: Sequence[JsonValue], call: Call) -> list[Mapping[str, object]]:
    from weft.wire.graphql.answer import answer
    from weft.wire.graphql.context import GraphQLContext

    context = GraphQLContext(call.service, call.caller)
    return [answer(one, context) for one in questions]


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/graphql",
        ask,
        "Ask in GraphQL; what fails is in `errors`.",
        ref("GraphQL"),
        {200: ref("GraphQLAnswer")},
        reads=True,
    ),
    Endpoint(
        "POST",
        "/v1/graphql/batch",
        ask_many,
        "Ask several questions.",
        ref("GraphQLBatch"),
        {200: array(ref("GraphQLAnswer"))},
        reads=True,
    ),
]
