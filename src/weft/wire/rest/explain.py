"""``POST /v1/objects/{class}/{id}/explain``: why the object matches (Weft's own call).

With ``search`` (one of ``bm25``, ``hybrid``, ``nearText``, ``nearObject``, each as ``/v1/search`` takes it, and perhaps
a ``boost``): what its score is made of. With ``query`` (a list of token vectors, or a text that the vector's module
embeds), and if wanted ``vector`` (its name) and ``matrix`` (true: all similarities, for a heat map): which query token
matched which of its tokens. Where a row of the vector is a chunk of a text, its text is in the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.explanation import ScorePart
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Vector
from weft.service.explain import TokenExplanation, TokenQuestion
from weft.wire.json.boost import decode_boost
from weft.wire.json.documents import as_object
from weft.wire.json.vectors import vector_of
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import TENANT
from weft.wire.rest.openapi.shapes import ref
from weft.wire.rest.search import Decode, answered
from weft.wire.rest.search_requests import bm25, check_offered, hybrid, near_object, near_text

_DECODE: Final[Mapping[str, Decode]] = {
    "bm25": bm25,
    "hybrid": hybrid,
    "nearText": near_text,
    "nearObject": near_object,
}


def explain(call: Call) -> Reply:
    given = as_object(call.body)
    query, search = given.get("query"), given.get("search")
    if (query is None) == (search is None):
        raise Invalid("give the search whose score is to be explained, or the query whose tokens are, and not both")
    if search is not None:
        return Reply(_explained(call, as_object(search, "search")))
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


def _explained(call: Call, searches: JsonObject) -> JsonObject:
    searches = {kind: value for kind, value in searches.items() if value is not None}
    boost = decode_boost(searches.pop("boost")) if "boost" in searches else None
    if len(searches) != 1:
        raise Invalid(f"search must have exactly one of {', '.join(_DECODE)}, not {len(searches)}")
    ((kind, value),) = searches.items()
    decode = _DECODE.get(kind)
    if decode is None:
        raise Invalid(f"search has no kind {kind[:80]!r}; it must have one of {', '.join(_DECODE)}")
    given = as_object(value, kind)
    if call.tenant is not None:
        given = {**given, "tenant": call.tenant}
    check_offered(given)
    lookup = partial(call.service.collections.to_search, tenant=call.tenant)
    config = lookup(call.path["class"])
    query = replace(decode(given, config, lookup), boost=boost)
    found = answered(lambda: call.service.explain_search(query, call.caller, call.path["id"]))
    answer: dict[str, JsonValue] = {"rank": found.rank}
    if found.score is not None:
        answer["score"] = found.score
    if found.distance is not None:
        answer["distance"] = found.distance
    return {**answer, "explanation": _part(found.part), "text": "\n".join(_lines(found.part))}


def _part(part: ScorePart) -> JsonObject:
    return {
        "name": part.name,
        "score": part.score,
        "words": part.words,
        "facts": part.facts,
        "parts": [_part(one) for one in part.parts],
    }


def _lines(part: ScorePart, depth: int = 0) -> Iterator[str]:
    yield f"{'  ' * depth}{part.score:.6g}  {part.name}: {part.words}"
    for one in part.parts:
        yield from _lines(one, depth + 1)


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
        "Why an object matches: what its score is made of, or which query token matched which of its tokens.",
        ref("Explain"),
        {200: {"anyOf": [ref("Explained"), ref("ExplainedHit")]}},
        (502,),
        (TENANT,),
        reads=True,
    )
]
