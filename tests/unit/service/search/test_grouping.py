"""Group-by and maximal marginal relevance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weft.domain.answer import Hit
from weft.domain.objects import Reference
from weft.domain.query import GroupBy
from weft.domain.schema import DataType
from weft.service.search.grouping import diversify, group_hits

TEXT = DataType.TEXT


@dataclass
class Stored:
    properties: dict[str, Any]
    uuid: bytes = bytes(16)
    created_ms: int = 0
    updated_ms: int = 0
    encoded_properties: bytes = b""
    references: Mapping[str, Sequence[Reference]] = field(default_factory=dict)
    classified: None = None


def hits(*values: Any) -> list[Hit]:
    return [Hit(Stored({} if v is None else {"p": v}), i, distance=i / 10) for i, v in enumerate(values)]


def names(values: tuple[Any, ...], groups: int, each: int) -> list[tuple[str, list[int]]]:
    return [(g.name, [h.doc_id for h in g.hits]) for g in group_hits(hits(*values), GroupBy("p", groups, each), TEXT)]


def test_groups_come_in_the_order_of_their_first_hit() -> None:
    assert names(("b", "a", "b", "c", "a"), 2, 10) == [("b", [0, 2]), ("a", [1, 4])]


def test_at_most_so_many_objects_each() -> None:
    assert names(("a", "a", "a", "b"), 5, 2) == [("a", [0, 1]), ("b", [3])]


def test_no_objects_each_is_no_groups() -> None:
    assert names(("a", "b"), 5, 0) == []


def test_missing_and_empty_values_share_the_group_without_a_name() -> None:
    assert names((None, [], "x"), 5, 5) == [("", [0, 1]), ("x", [2])]


def test_a_hit_enters_the_group_of_each_element() -> None:
    assert names((["a", "b"], ["b"]), 5, 5) == [("a", [0]), ("b", [0, 1])]


def test_numbers_and_booleans_as_words() -> None:
    assert names((1.0, 1.5, True), 5, 5) == [("1", [0]), ("1.5", [1]), ("true", [2])]


def test_numbers_that_differ_late_stay_apart() -> None:
    assert names((10000001.0, 10000002.0, 1234.561, 1234.562), 5, 5) == [
        ("10000001", [0]),
        ("10000002", [1]),
        ("1234.561", [2]),
        ("1234.562", [3]),
    ]


def test_distances_of_first_and_last_member() -> None:
    group = group_hits(hits("a", "b", "a"), GroupBy("p", 1, 5), TEXT)[0]
    assert (group.min_distance, group.max_distance) == (0.0, 0.2)


def test_diversify_with_full_balance_is_relevance_order() -> None:
    relevance = np.asarray([0.3, 0.1, 0.2])
    assert diversify(relevance, lambda i: np.zeros(3), 3, 1.0) == [1, 2, 0]


def test_diversify_prefers_the_unlike() -> None:
    points = np.asarray([0.0, 0.01, 1.0])
    between = np.abs(points[:, None] - points[None, :])
    assert diversify(np.asarray([0.0, 0.01, 0.5]), lambda i: between[i], 2, 0.5) == [0, 2]
    assert diversify(np.zeros(0), lambda i: np.zeros(0), 2, 0.5) == []
