"""``/v1/aggregate/{name}``: how many objects there are, in all or for each value of a property.

Other figures, and aggregations over a search, are for GraphQL and gRPC.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from weft.domain.aggregate import AggregateAnswer, Aggregation
from weft.domain.errors import CallerError, Inapplicable
from weft.domain.schema import CollectionConfig
from weft.wire.json.documents import as_object
from weft.wire.json.groups import group_value
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import ref
from weft.wire.rest.search import answered
from weft.wire.rest.search_requests import declared, decode_filter

_LARGEST: Final = 2**31 - 1


def aggregate(call: Call) -> Reply:
    started = time.perf_counter()
    given: Mapping[str, Any] = as_object(call.body)
    _check_offered(given)
    config = call.service.collections.to_search(call.path["name"], given.get("tenant") or None)
    asked = _decode(given, config)
    answer = answered(lambda: call.service.aggregate(asked, call.caller))
    return Reply({**_encoded(answer, asked), "tookMs": int((time.perf_counter() - started) * 1000)})


def _check_offered(given: Mapping[str, Any]) -> None:
    """Before the collection is looked up, so that a refusal says nothing of it."""
    for name in ("over", "objectLimit"):
        if given.get(name) is not None:
            raise Inapplicable(f"{name} is not yet supported over REST; aggregate over gRPC or GraphQL")
    for metric in given.get("returnMetrics") or ():
        if metric != "count":
            known = "not yet supported over REST" if ":" in (metric or "") else "unknown"
            raise Inapplicable(f'returnMetrics: "{(metric or "")[:80]}" is {known}; only "count" is answered')


def _decode(given: Mapping[str, Any], config: CollectionConfig) -> Aggregation:
    group_by = given.get("groupBy") or None
    if group_by is not None:
        if "." in group_by:
            raise Inapplicable(f'groupBy "{group_by[:80]}" is not yet supported, groupBy must be a bare property name')
        group_by = declared(group_by, config).name
    limit = given.get("limit")
    if limit is not None:
        if group_by is None:
            raise CallerError("limit is the maximum number of groups and requires groupBy")
        if limit <= 0:
            raise CallerError(f"limit must be positive, got {limit}")
        limit = min(int(limit), _LARGEST)
    return Aggregation(
        collection=config.name,
        tenant=given.get("tenant") or None,
        filter=decode_filter(given),
        group_by=group_by,
        limit=limit,
        objects_count=True,
    )


def _encoded(answer: AggregateAnswer, asked: Aggregation) -> dict[str, object]:
    """Without ``groups`` where there are none."""
    if asked.group_by is None:
        return {"count": sum(one.count for one in answer.groups)}
    groups = [
        {"groupedBy": {"path": [asked.group_by], "value": group_value(one.value)}, "count": one.count}
        for one in answer.groups
    ]
    return {"groups": groups} if groups else {}


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/aggregate/{name}",
        aggregate,
        "Count objects, in all or for each value of a property.",
        ref("Aggregate"),
        {200: ref("Aggregated")},
        one_shape=True,
        reads=True,
    )
]
