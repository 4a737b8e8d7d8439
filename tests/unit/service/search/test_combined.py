"""Several target vectors as one: the nearest are those of a comparison with every object, at any depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reference.part import ReferencePart, ReferenceSelection
from weft.domain.objects import Object
from weft.domain.query import Combination
from weft.domain.schema import CollectionConfig, Metric, VectorConfig, VectorIndexConfig
from weft.engine.changes import Upsert
from weft.service.search import combined
from weft.service.search.combined import CombinedTargets
from weft.service.search.nearest import distances_to, nearest
from weft.service.search.targets import Target

CONFIG = CollectionConfig(
    "Thing", (), {name: VectorConfig(name, index=VectorIndexConfig(kind="flat", metric=Metric.L2)) for name in "abc"}
)
SUMS = [one for one in Combination if one is not Combination.MINIMUM]


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that lists grow in small collections."""
    monkeypatch.setattr(combined, "_FIRST_CANDIDATES", 5)
    monkeypatch.setattr(combined, "_SCALED", 11)


def part_of(objects: list[dict[str, Any]]) -> ReferencePart:
    part = ReferencePart(CONFIG)
    part.write(
        [
            Upsert(Object(_uuid(i), {}, {k: np.asarray(v, np.float32) for k, v in vectors.items()}))
            for i, vectors in enumerate(objects)
        ]
    )
    return part


def _uuid(place: int) -> bytes:
    """Not in the order of the doc_ids."""
    return (place * 7919 % 10_007).to_bytes(16, "big")


def target(name: str, query: list[float], weight: float = 1.0) -> Target:
    return Target(CONFIG.vectors[name], np.asarray(query, np.float32), weight)


def table_of(objects: list[dict[str, Any]], targets: list[Target]) -> npt.NDArray[np.float64]:
    """``(t, n)`` squared distances; NaN for a vector that an object lacks."""
    return np.asarray(
        [
            [
                np.nan
                if (stored := one.get(t.vector.name)) is None
                else float(((np.asarray(stored) - t.query) ** 2).sum())
                for one in objects
            ]
            for t in targets
        ]
    )


@pytest.mark.parametrize("combination", [Combination.MINIMUM, Combination.SUM, Combination.MANUAL])
@pytest.mark.parametrize("seed", range(8))
def test_the_same_as_every_object_in_turn(seed: int, combination: Combination) -> None:
    """Few values, so that many tie; vectors that are missing; weights of 0 and below; a target twice; a selection."""
    rng = np.random.default_rng(seed)
    objects = [
        {name: rng.integers(0, 4, 2).tolist() for name in "abc" if rng.random() < (0.4, 0.9)[seed % 2]}
        for _ in range(120)
    ]
    weights = rng.choice([0.0, 0.5, 1.0, 2.0] if seed < 6 else [-1.0, 1.0], 3).tolist()
    if combination is not Combination.MANUAL:
        weights = [1.0] * 3
    targets = [
        target(n, rng.integers(0, 4, 2).tolist(), w) for n, w in zip("aba" if seed % 3 else "abc", weights, strict=True)
    ]
    chosen = np.flatnonzero(rng.random(len(objects)) < 0.7) if seed % 2 else np.arange(len(objects))
    within = ReferenceSelection(chosen.tolist()) if seed % 2 else None
    view = part_of(objects).view()

    table = table_of(objects, targets)
    expected = np.fmin.reduce(table) if combination is Combination.MINIMUM else np.asarray(weights) @ table
    present = [i for i in chosen.tolist() if not np.isnan(expected[i])]
    order = sorted(present, key=lambda i: (expected[i], _uuid(i)))
    for k, limit in ((1, None), (7, None), (30, None), (500, None), (9, 4.0), (500, 2.0)):
        got = nearest(view, targets, combination, k, within, limit)
        wanted = [i for i in order if limit is None or expected[i] <= limit][:k]
        assert got.distances is not None
        assert got.doc_ids.tolist() == wanted
        assert got.distances.tolist() == pytest.approx(expected[wanted].tolist())
    everyone = np.arange(len(objects), dtype=np.uint32)
    assert distances_to(view, targets, combination, within, everyone) == pytest.approx(expected, nan_ok=True)


def test_objects_with_all_vectors_are_found_behind_any_number_that_lack_one() -> None:
    objects: list[dict[str, Any]] = [{"a": [0, i / 1000]} for i in range(150)] + [
        {"b": [0, i / 1000]} for i in range(150)
    ]
    objects += [{"a": [5, i / 10], "b": [5, 0]} for i in range(20)]
    view = part_of(objects).view()
    targets = [target("a", [0, 0]), target("b", [0, 0])]
    for combination in SUMS:
        assert nearest(view, targets, combination, 3, None, None).doc_ids.tolist() == [300, 301, 302]


def test_lists_grow_no_further_than_the_bound_demands() -> None:
    objects = [{"a": [i, 0], "b": [i, 0]} for i in range(200)]
    view = part_of(objects).view()
    depths: list[int] = []

    class Counted(type(view)):  # type: ignore[misc]
        def nearest(self, name: str, query: Any, k: int, *rest: Any, **more: Any) -> Any:
            depths.append(k)
            return super().nearest(name, query, k, *rest, **more)

    view.__class__ = Counted
    assert nearest(
        view, [target("a", [0, 0]), target("b", [0, 0])], Combination.SUM, 3, None, None
    ).doc_ids.tolist() == [0, 1, 2]
    assert depths == [5, 5]


def test_relative_scores_have_one_order_at_any_depth() -> None:
    rng = np.random.default_rng(3)
    objects = [{name: rng.integers(0, 9, 2).tolist() for name in "ab" if rng.random() < 0.8} for _ in range(150)]
    view = part_of(objects).view()
    targets = [target("a", [1, 1], 0.3), target("b", [7, 2], 0.9)]
    whole = nearest(view, targets, Combination.RELATIVE_SCORE, 1000, None, None)
    assert len(whole) == sum(len(one) == 2 for one in objects)
    for k in (1, 4, 20, 60):
        first = nearest(view, targets, Combination.RELATIVE_SCORE, k, None, None)
        assert first.doc_ids.tolist() == whole.doc_ids[:k].tolist()
        assert whole.distances is not None and first.distances is not None
        assert first.distances.tolist() == whole.distances[:k].tolist()


def test_relative_scores_of_a_small_collection() -> None:
    objects = [{"a": [0, 0], "b": [3, 0]}, {"a": [1, 0], "b": [3, 0]}, {"a": [2, 0], "b": [3, 0]}, {"a": [0, 0]}]
    view = part_of(objects).view()
    got = nearest(view, [target("a", [0, 0], 0.8), target("b", [0, 0], 0.5)], Combination.RELATIVE_SCORE, 9, None, None)
    assert got.distances is not None
    assert got.doc_ids.tolist() == [0, 1, 2]
    assert got.distances.tolist() == pytest.approx([0.5, 0.5 + 0.8 / 4, 1.3])


def test_no_object_has_one_of_the_vectors() -> None:
    view = part_of([{"a": [0, 0]}]).view()
    targets = [target("a", [0, 0]), target("b", [0, 0])]
    for combination in SUMS:
        assert len(nearest(view, targets, combination, 9, None, None)) == 0
    assert nearest(view, targets, Combination.MINIMUM, 9, None, None).doc_ids.tolist() == [0]
    assert np.isnan(distances_to(view, targets, Combination.SUM, None, np.asarray([0], np.uint32))).all()


def test_a_limit_ends_the_search_where_no_object_is_within_it() -> None:
    objects = [{"a": [i, 0], "b": [i, 0]} for i in range(60)]
    both = CombinedTargets(part_of(objects).view(), [target("a", [0, 0]), target("b", [0, 0])], Combination.SUM, None)
    doc_ids, distances = both.nearest(50, 8.0)
    assert (doc_ids.tolist(), distances.tolist()) == ([0, 1, 2], [0.0, 2.0, 8.0])
