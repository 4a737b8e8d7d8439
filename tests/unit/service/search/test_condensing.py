"""Hits that are alike as one: who joins whom, and what values they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from weft.domain.objects import GeoPoint, Reference
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.search.condensing import alike, merged_values


def vectors(*given: Sequence[float] | None) -> list[Any]:
    return [None if one is None else np.asarray(one, np.float32) for one in given]


def test_near_ones_join_and_groups_keep_the_order_of_their_first() -> None:
    given = vectors([1, 0], [0, 1], [0.99, 0.01], [0.01, 0.99], [-1, 0])
    assert alike(given, 0.1) == [[0, 2], [1, 3], [4]]


def test_no_force_joins_none_and_full_force_all_but_opposites() -> None:
    given = vectors([1, 0], [1, 0], [0, 1], [-1, 0])
    assert alike(given, 0.0) == [[0], [1], [2], [3]]
    assert alike(given[:3], 1.0) == [[0, 1, 2]]
    assert alike([given[0], given[3]], 1.0) == [[0], [1]]


def test_a_group_grows_by_any_of_its_members() -> None:
    assert alike(vectors([1, 0], [1, 1], [0, 1]), 0.2) == [[0, 1, 2]]
    assert alike(vectors([1, 0], [0, 1], [1, 1]), 0.2) == [[0, 2], [1]]


def test_without_a_vector_each_is_by_itself() -> None:
    assert alike(vectors(None, [1, 0], None, [0, 0], [0, 0], [1, 0]), 1.0) == [[0], [1, 5], [2], [3], [4]]
    assert alike([], 1.0) == []


@pytest.mark.parametrize("seed", range(3))
def test_like_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = [np.asarray(one, np.float32) for one in rng.normal(size=(60, 3))]
    for force in (0.01, 0.1, 0.4):
        assert alike(given, force) == plainly(given, force)


def plainly(given: list[Any], force: float) -> list[list[int]]:
    groups: list[list[int]] = []
    for i, one in enumerate(given):
        for group in groups:
            if any((1 - cosine(one, given[j])) / 2 < force for j in group):
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def cosine(a: Any, b: Any) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


A, B = Reference("Thing", bytes(16)), Reference("Thing", bytes([1] * 16))


@pytest.mark.parametrize(
    ("kind", "values", "merged"),
    [
        (DataType.TEXT, ["a", "b", "a", "c"], "a (b, c)"),
        (DataType.TEXT, ["a", "a"], "a"),
        (DataType.INT, [1, 2, 2], 1),
        (DataType.INT, [-1, -2, -2], -1),
        (DataType.INT, [2**63 - 1, 2**63 - 1], 2**63 - 1),
        (DataType.NUMBER, [1.0, 2.0], 1.5),
        (DataType.BOOLEAN, [True, False], True),
        (DataType.BOOLEAN, [True, False, False], False),
        (DataType.GEO, [GeoPoint(10, 20), GeoPoint(20, 40)], GeoPoint(15, 30)),
        (DataType.REFERENCE, [[A], [B, A]], [A, B]),
        (DataType.DATE, ["2026-01-01T00:00:00Z"] * 2, "2026-01-01T00:00:00Z"),
        (DataType.DATE, ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"], None),
        (DataType.TEXT_ARRAY, [["a"], ["b"]], None),
        (DataType.TEXT, [None, "a"], "a"),
        (DataType.TEXT, [None, None], None),
    ],
)
def test_merged_values(kind: DataType, values: list[Any], merged: Any) -> None:
    config = CollectionConfig("Thing", (Property("p", kind),), {})
    found = merged_values(config, [{} if one is None else {"p": one} for one in values])
    assert found == ({} if merged is None else {"p": merged})
