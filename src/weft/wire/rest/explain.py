"""``POST /v1/objects/{class}/{id}/explain``: which query token matched which token of the object (Weft's own call).

Body: ``query`` (a list of token vectors, or a text that the vector's module embeds), and if wanted ``vector`` (its
name) and ``matrix`` (true: all similarities, for a heat map). Where a row of the vector is a chunk of a text, its text
is in the answer.
"""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Vector
from weft.service.explain import TokenExplanation, TokenQuestion
from weft.wire.json.documents import as_object
from weft.wire.json.vectors import vector_of
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import TENANT
from weft.wire.rest.openapi.shapes import ref


def explain(call: Call) -> Reply:
    given = as_object(call.body)
    query = given.get("query")
    asked = TokenQuestion(
        collection=call.path["class"],
        uuid=call.path["id"],
        tenant=call.tenant,
        vector=json_fields.string(given, "vector", "explain"),
        tokens=_tokens(query) if isinstance(query, list) else None,
        text=query if isinstance(query, str) else None,
        matrix=bool(json_fields.boolean(given, "matrix", "explain")),
    )
    return Reply(_to_json(call.service.explain(asked, call.caller)))


def _to_json(explained: TokenExplanation) -> JsonObject:
    found = explained.matches
    rows = zip(found.tokens.tolist(), found.similarities.tolist(), found.shares.tolist(), strict=True)
    matches: list[JsonObject] = [
        {"queryToken": i, "documentToken": token, "similarity": similarity, "share": share}
        for i, (token, similarity, share) in enumerate(rows)
    ]
    if explained.chunks is not None:
        matches = [{**match, "chunk": chunk} for match, chunk in zip(matches, explained.chunks, strict=True)]
    answer: JsonObject = {"vector": explained.vector, "distance": found.distance, "matches": list(matches)}
    return answer if found.matrix is None else {**answer, "matrix": found.matrix.tolist()}


def _tokens(rows: list[JsonValue]) -> Vector:
    tokens = vector_of(rows, "query")
    if tokens.ndim != 2:
        raise Invalid("query must be a list of token vectors, each a list of numbers")
    return tokens


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/objects/{class}/{id}/explain",
        explain,
        "Which query token matched which token of an object.",
        ref("Explain"),
        {200: ref("Explained")},
        (502,),
        (TENANT,),
        reads=True,
    )
]
