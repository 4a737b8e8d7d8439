"""Grouping, and diversity: two ways to keep a ranking from repeating itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.answer import Group, Hit
from weft.domain.deadline import check
from weft.domain.query import GroupBy
from weft.domain.schema import DataType
from weft.service.group_names import group_name


def group_hits(hits: list[Hit], by: GroupBy, data_type: DataType) -> list[Group]:
    """Groups in the order of their first hit; hits in rank order, at most ``objects_per_group`` each.

    ``data_type`` is that of the property. A hit enters every group that one of its array's elements names; one without
    a value enters the group "". No group is empty. The distance of a hit that has none is 0, but does not count for
    those of its group.
    """
    if by.objects_per_group < 1:
        return []
    groups: dict[str, Group] = {}
    for hit in hits:
        for name in _names(hit.record.properties.get(by.property), data_type):
            group = groups.get(name)
            if group is None:
                if len(groups) >= by.groups:
                    continue
                group = groups[name] = Group(name, [])
            if len(group.hits) < by.objects_per_group:
                group.hits.append(hit)
    for group in groups.values():
        distances = [hit.distance for hit in group.hits if hit.distance is not None]
        group.min_distance, group.max_distance = min(distances, default=0.0), max(distances, default=0.0)
        group.rerank_score = group.hits[0].rerank_score
    for hit in hits:
        hit.distance = hit.distance or 0.0
    return list(groups.values())


def _names(value: Any, data_type: DataType) -> list[str]:
    if isinstance(value, list):
        return list(dict.fromkeys(group_name(one, data_type) for one in value)) or [""]
    return [group_name(value, data_type)]


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
        check()
        free[chosen[-1]] = False
        np.minimum(nearest_chosen, distances_to(chosen[-1]), out=nearest_chosen)
        gain = np.where(free, -balance * relevance + (1 - balance) * nearest_chosen, -np.inf)
        chosen.append(int(np.argmax(gain)))
    return chosen
