"""``/v1/search/{name}/…``: a search by keyword, by meaning, by both or by an object, as JSON.

What is wrong in itself is refused with 400, what does not fit the collection, the tenant or the object with 422; what
is refused before a handler runs has the same shape. Searches by a given vector, groups, reranking and generation are
for GraphQL and gRPC.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from weft.domain import json_fields
from weft.domain.consistency import ConsistencyLevel, consistent, level
from weft.domain.errors import CallerError, CollectionNotFound, Inapplicable, Invalid, NotFound, TenantNotFound
from weft.domain.json_values import JsonObject
from weft.domain.query import Query
from weft.domain.schema import CollectionConfig
from weft.wire.json.documents import as_object
from weft.wire.json.hits import hit_to_json
from weft.wire.rest.endpoint import Call, Endpoint, Handler, Reply
from weft.wire.rest.openapi.shapes import ref
from weft.wire.rest.search_requests import Lookup, bm25, check_offered, hybrid, near_object, near_text

_Answer = TypeVar("_Answer")
Decode = Callable[[JsonObject, CollectionConfig, Lookup], Query]


def answered(run: Callable[[], _Answer]) -> _Answer:
    """What ``run`` returns, with the errors of the service as these endpoints have them."""
    try:
        return run()
    except TenantNotFound as error:
        raise NotFound(error.message) from error
    except (CollectionNotFound, Inapplicable):
        raise
    except (NotFound, Invalid) as error:
        raise CallerError(error.message) from error


def _handler(decode: Decode) -> Handler:
    def search(call: Call) -> Reply:
        started = time.perf_counter()
        given = as_object(call.body)
        check_offered(given)
        tenant = json_fields.string(given, "tenant", "search") or None
        lookup = partial(call.service.collections.to_search, tenant=tenant)
        config = lookup(call.path["name"])
        query = decode(given, config, lookup)
        asked = json_fields.string(given, "consistencyLevel", "search")
        with consistent(ConsistencyLevel.of(asked) if asked else level()):
            answer = answered(lambda: call.service.search(query, call.caller))
            results = [hit_to_json(hit, query.returns, config) for hit in answer.hits]
        return Reply({"results": results, "tookMs": int((time.perf_counter() - started) * 1000)})

    return search


def _endpoint(kind: str, decode: Decode, request: str, summary: str, *refuses: int) -> Endpoint:
    return Endpoint(
        "POST",
        f"/v1/search/{{name}}/{kind}",
        _handler(decode),
        summary,
        ref(request),
        {200: ref("SearchResults")},
        refuses=refuses,
        one_shape=True,
        reads=True,
    )


ENDPOINTS = [
    _endpoint("bm25", bm25, "SearchBm25", "Search by keyword."),
    _endpoint("hybrid", hybrid, "SearchHybrid", "Search by keyword and by meaning.", 502),
    _endpoint("near-text", near_text, "SearchNearText", "Search by meaning.", 502),
    _endpoint("near-object", near_object, "SearchNearObject", "Search for what is like an object."),
]
