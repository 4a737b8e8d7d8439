"""Grouping, and diversity: two ways to keep a ranking from repeating itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.answer import Group, Hit
from weft.domain.objects import GeoPoint, PhoneNumber, Reference, format_uuid
from weft.domain.query import GroupBy


def group_hits(hits: list[Hit], by: GroupBy) -> list[Group]:
    """Groups in the order of their first hit; hits in rank order, at most ``objects_per_group`` each.

    A hit enters every group that one of its array's elements names; one without a value enters the group "". No group
    is empty.
    """
    if by.objects_per_group < 1:
        return []
    groups: dict[str, Group] = {}
    for hit in hits:
        for name in _group_names(hit.record.properties.get(by.property)):
            group = groups.get(name)
            if group is None:
                if len(groups) >= by.groups:
                    continue
                group = groups[name] = Group(name, [])
            if len(group.hits) < by.objects_per_group:
                group.hits.append(hit)
    for group in groups.values():
        group.min_distance = group.hits[0].distance or 0.0
        group.max_distance = group.hits[-1].distance or 0.0
        group.rerank_score = group.hits[0].rerank_score
    return list(groups.values())


def _group_names(value: Any) -> list[str]:
    if isinstance(value, list):
        return list(dict.fromkeys(_group_name(v) for v in value)) or [""]
    return [_group_name(value)]


def _group_name(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case Reference():
            return f"weaviate://localhost/{value.collection}/{format_uuid(value.uuid)}"
        case GeoPoint():
            return f"{value.latitude},{value.longitude}"
        case PhoneNumber():
            return value.international_formatted or value.input
        case _:
            return str(value)


def diversify(
    relevance: npt.NDArray[np.float64],
    distances_to: Callable[[int], npt.NDArray[np.float64]],
    limit: int,
    balance: float,
) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein 1998) over distances.

    ``relevance (n,)``: distance of each candidate to the query; ``distances_to(i) (n,)``: of each to candidate ``i``.
    Starts with the nearest; each step takes the candidate with the greatest
    ``-balance * relevance + (1 - balance) * (least distance to what is taken)``. Returns positions, in order of choice;
    ties go to the earlier candidate.
    """
    n = len(relevance)
    if n == 0 or limit < 1:
        return []
    chosen = [int(np.argmin(relevance))]
    nearest_chosen = np.full(n, np.inf)
    free = np.ones(n, bool)
    while len(chosen) < min(limit, n):
        free[chosen[-1]] = False
        np.minimum(nearest_chosen, distances_to(chosen[-1]), out=nearest_chosen)
        gain = np.where(free, -balance * relevance + (1 - balance) * nearest_chosen, -np.inf)
        chosen.append(int(np.argmax(gain)))
    return chosen
