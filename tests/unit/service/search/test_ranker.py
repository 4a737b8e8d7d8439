"""The ranking of a query: pages of a hybrid search, the three depths, autocut, all that a search finds."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.part import ReferencePart
from weft.domain.boost import Boost, BoostCondition, PropertyValue
from weft.domain.errors import Invalid
from weft.domain.objects import Object
from weft.domain.query import Fusion, Hybrid, Keyword, NearVector, Query, Sort, Targets
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Property,
    Tokenization,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Upsert
from weft.engine.view import View
from weft.service.search import ranker as module
from weft.service.search.fusion import Leg, fuse
from weft.service.search.ranker import Depths, Ranker
from weft.service.search.targets import Target, distance_limit

CONFIG = CollectionConfig(
    "Thing",
    (
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
        Property("n", DataType.INT),
    ),
    {
        name: VectorConfig(name, index=VectorIndexConfig(kind="flat", metric=metric))
        for name, metric in (("v", Metric.L2), ("c", Metric.COSINE))
    },
)
NEAR = NearVector(Targets(("v",)), vectors=(np.zeros(2, np.float32),))
DEPTHS = Depths(maximum=1000, leg=10)


def view_of(rows: Sequence[tuple[str, Any]]) -> View:
    """Of ``(text, vector)``; a vector may be None. Uuids are not in the order of doc_ids."""
    chosen = random.Random(5)
    part = ReferencePart(CONFIG)
    for i, (text, vector) in enumerate(rows):
        vectors = {} if vector is None else {"v": np.asarray(vector, np.float32)}
        part.write([Upsert(Object(uuid.UUID(int=chosen.getrandbits(128)).bytes, {"text": text, "n": i}, vectors))])
    return part.view()


def ranker(view: View, query: Query, depths: Depths = DEPTHS) -> Ranker:
    targets = [] if isinstance(query.search, Keyword) else [Target(CONFIG.vectors["v"], np.zeros(2, np.float32))]
    return Ranker(view, query, targets, lambda filter: view.select(filter), depths)


def hybrid(text: str, alpha: float, fusion: Fusion = Fusion.RELATIVE_SCORE, **more: Any) -> Hybrid:
    return Hybrid(Keyword(text), alpha, fusion, NEAR, Targets(("v",)), **more)


def with_many_ties(seed: int, count: int) -> list[tuple[str, Any]]:
    chosen = random.Random(seed)
    words = ["red"] * 3 + ["blue", "green"]
    return [
        (
            " ".join(chosen.choice(words) for _ in range(chosen.randint(1, 2))),
            None if chosen.random() < 0.2 else [chosen.randint(0, 3), chosen.randint(0, 2)],
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("fusion", list(Fusion))
@pytest.mark.parametrize(("alpha", "limit"), [(0.3, None), (0.75, None), (0.5, 4.0), (1.0, None), (0.5, 0.0)])
def test_pages_of_any_size_are_parts_of_one_order(fusion: Fusion, alpha: float, limit: float | None) -> None:
    rows = with_many_ties(round(alpha * 100), 90)
    view = view_of(rows)
    search = hybrid("red", alpha, fusion, max_vector_distance=limit)

    def pages(size: int) -> list[tuple[int, float]]:
        found: list[tuple[int, float]] = []
        for offset in itertools.count(0, size):
            page = (
                ranker(view, Query("Thing", search=search, offset=offset))
                .candidates(size)
                .take(slice(offset, offset + size))
            )
            assert page.scores is not None
            found += zip(page.doc_ids.tolist(), page.scores.tolist(), strict=True)
            if len(page) < size:
                return found
        raise AssertionError

    whole = pages(1000)
    assert [score for _, score in whole] == sorted((score for _, score in whole), reverse=True)
    near = {i for i, (_, v) in enumerate(rows) if v is not None and (limit is None or v[0] ** 2 + v[1] ** 2 <= limit)}
    words = {i for i, (text, _) in enumerate(rows) if "red" in text} if alpha < 1 else set()
    assert sorted(doc_id for doc_id, _ in whole) == sorted(near | (words if limit is None else words & near))
    for size in (1, 7, 10, 25):
        assert pages(size) == whole


def test_the_first_layer_is_the_fusion_of_legs_of_the_fixed_depth() -> None:
    view = view_of(with_many_ties(9, 80))
    search = hybrid("red blue", 0.6)
    legs = ranker(view, Query("Thing", search=search))._legs(search, None)
    plain = fuse(
        [Leg(leg.name, leg.weight, leg.find(10).ranking) for leg in legs if leg is not None], search.fusion, view.uuids
    )
    for k in (1, 5, 10):
        got = ranker(view, Query("Thing", search=search)).candidates(k)
        assert got.scores is not None and plain.scores is not None
        assert got.doc_ids.tolist() == plain.doc_ids[:k].tolist()
        assert got.scores.tolist() == plain.scores[:k].tolist()


def test_explanations_belong_to_their_hits_in_every_layer() -> None:
    view = view_of(with_many_ties(2, 60))
    got = ranker(view, Query("Thing", search=hybrid("red", 0.5))).candidates(60)
    assert got.explain is not None
    hits = got.doc_ids[::-1].tolist()
    for text, name in zip(got.explain(hits), view.uuids(hits), strict=True):
        assert str(uuid.UUID(bytes=name)) in text


def test_distances_of_what_the_leg_by_vector_found() -> None:
    view = view_of([("red", [0, 0]), ("red", None), ("blue", [1, 0])])
    got = ranker(view, Query("Thing", search=hybrid("red", 0.5))).candidates(9)
    assert got.distances is not None
    found = dict(zip(got.doc_ids.tolist(), got.distances.tolist(), strict=True))
    assert found == pytest.approx({0: 0.0, 1: np.nan, 2: 1.0}, nan_ok=True)


def test_a_limit_on_the_distance_keeps_keyword_hits_that_are_not_among_the_nearest() -> None:
    view = view_of([("blue", [0, 0])] * 40 + [("red", [1, 1]), ("red", [9, 9]), ("red", None)])
    got = ranker(view, Query("Thing", search=hybrid("red", 0.3, max_vector_distance=3.0))).candidates(2)
    assert got.doc_ids.tolist()[0] == 40
    assert not {41, 42} & set(got.doc_ids.tolist())


def test_a_boost_orders_as_many_candidates_as_it_states() -> None:
    view = view_of([("red", [i, 0]) for i in range(30)])
    for search in (hybrid("red", 0.9), NEAR, Keyword("red")):
        for depth, offset, limit in ((4, 0, 2), (4, 3, 3), (20, 0, 5)):
            boost = Boost((BoostCondition(PropertyValue("n")),), weight=1.0, depth=depth)
            query = Query("Thing", search=search, offset=offset, boost=boost)
            assert len(ranker(view, query).candidates(limit)) == (depth if offset + limit <= depth else 2 * depth)


def numbered(view: View, found: Any) -> list[int]:
    return [int(n) for n in view.numbers("n", np.asarray(found.doc_ids)).tolist()]


def test_autocut_of_each_kind_of_search() -> None:
    """By vector at the page, in a hybrid search at all hits up to its end, with a boost at its candidates."""
    view = view_of([("red", [x, 0]) for x in (0.0, 0.1, 0.2, 5.0, 5.1, 5.2, 9.0, 9.1)])

    def cut(limit: int, **asked: Any) -> int:
        return len(ranker(view, Query("Thing", autocut=1, **asked)).candidates(limit))

    assert cut(8, search=NEAR) == 3
    assert cut(6, search=NEAR, offset=2) == 3, "the page begins with the third and jumps after it"
    assert cut(2, search=NEAR) == 2
    assert cut(8, search=hybrid("blue", 1.0)) == 3
    assert cut(5, search=hybrid("blue", 1.0), offset=3) == 3, "the hits before the page count, too"
    boost = Boost((BoostCondition(PropertyValue("n")),), weight=0.5, depth=8)
    assert cut(5, search=NEAR, offset=3, boost=boost) == 3


def test_hits_by_vector_are_sorted_by_a_property_after_they_are_found() -> None:
    view = view_of([("red", [x, 0]) for x in (3, 0, 2, 1, 9)])
    query = Query("Thing", search=NEAR, sort=(Sort("n", False),))
    got = ranker(view, query).candidates(4)
    assert numbered(view, got) == [3, 2, 1, 0]
    assert got.distances is not None
    assert got.distances.tolist() == [1.0, 4.0, 0.0, 9.0]


@pytest.mark.parametrize("first", [1, 3, 1000])
def test_all_that_a_search_finds(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    monkeypatch.setattr(module, "_FIRST", first)
    view = view_of([("red" + " x" * i if i % 2 else "blue", [i, 0]) for i in range(40)])

    def found(search: Any, limit: int = 0) -> list[int]:
        return sorted(ranker(view, Query("Thing", search=search, limit=limit)).found().tolist())

    assert found(Keyword("red")) == list(range(1, 40, 2))
    assert found(Keyword("red"), 3) == [1, 3, 5]
    assert found(replace(NEAR, max_distance=100.0)) == list(range(11))
    assert found(NEAR, 39) == list(range(39))
    assert found(hybrid("red", 0.5)) == sorted({*range(10), *range(1, 40, 2)}), (
        "all by keyword, the usual depth by vector"
    )
    assert found(hybrid("red", 0.5), 2) == [0, 1, 3]
    assert found(hybrid("red", 1.0)) == list(range(10))
    assert found(hybrid("red", 0.5, max_vector_distance=16.0), 10_000_000) == list(range(5))


def test_a_certainty_in_a_hybrid_search_counts_under_cosine_alone() -> None:
    view = view_of([("red", [i, 0]) for i in range(5)])
    search = Hybrid(Keyword("blue"), 0.5, near=replace(NEAR, min_certainty=0.9), targets=Targets(("v",)))
    assert len(ranker(view, Query("Thing", search=search)).candidates(9)) == 5
    with pytest.raises(Invalid, match="certainty is only supported"):
        ranker(view, Query("Thing", search=replace(NEAR, min_certainty=0.9))).candidates(9)


def test_a_certainty_limits_no_multi_vectors() -> None:
    multi = VectorConfig("m", index=VectorIndexConfig(metric=Metric.COSINE, multivector=MultiVector()))
    assert distance_limit(replace(NEAR, min_certainty=0.5), [multi]) is None
    assert distance_limit(replace(NEAR, min_certainty=0.5), [CONFIG.vectors["c"], multi]) is None
    with pytest.raises(Invalid, match="only supported for distance metric cosine"):
        dot = replace(multi, index=replace(multi.index, metric=Metric.DOT))
        distance_limit(replace(NEAR, min_certainty=0.5), [dot])
    assert distance_limit(replace(NEAR, min_certainty=0.75), [CONFIG.vectors["c"]]) == 0.5
