"""Pages of a ranking by vector over indexes that are far from exact: none repeats or skips a hit, at any depth."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from weft.domain.boost import Boost, BoostCondition, PropertyValue
from weft.domain.filters import Condition, Filter, Operator, PropertyTarget
from weft.domain.objects import Object, Vector
from weft.domain.query import Combination, Fusion, Hybrid, Keyword, NearVector, Query, Search, Sort, Targets
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Muvera,
    Property,
    Quantizer,
    QuantizerKind,
    Tokenization,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.view import View
from weft.service.search.ranker import Depths, Ranker
from weft.service.search.targets import Target

COUNT, DIMS = 400, 12
BITS = Quantizer(QuantizerKind.BQ)
INDEXES = {
    "graph": VectorIndexConfig(ef=2, max_connections=3, ef_construction=4),
    "dynamic": VectorIndexConfig(dynamic_ef_min=2, dynamic_ef_max=60, max_connections=3, ef_construction=4),
    "lists": VectorIndexConfig(kind="hfresh", search_probe=2),
    "product": VectorIndexConfig(ef=2, max_connections=3, quantizer=Quantizer(QuantizerKind.PQ, segments=2)),
    "signs": VectorIndexConfig(kind="flat", metric=Metric.L2, quantizer=replace(BITS, rescore_limit=3)),
    "turned": VectorIndexConfig(quantizer=Quantizer(QuantizerKind.RQ, bits=1, rescore_limit=2)),
    "exact": VectorIndexConfig(kind="flat"),
    "tokens": VectorIndexConfig(multivector=MultiVector(), quantizer=replace(BITS, rescore_limit=1)),
    "encoded": VectorIndexConfig(multivector=MultiVector(muvera=Muvera(ksim=1, dprojections=2, repetitions=2))),
}
INEXACT = ["graph", "signs", "turned", "tokens", "encoded"]
CONFIG = CollectionConfig(
    "Thing",
    (
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
        Property("n", DataType.INT),
    ),
    {name: VectorConfig(name, index=index) for name, index in INDEXES.items()},
)


@dataclass(frozen=True)
class World:
    """A view of the objects, and query vectors by name."""

    view: View
    queries: dict[str, Vector]
    count: int


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Built over three quarters of the objects, of which some were removed; few distances tie."""
    rng = np.random.default_rng(11)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "vector.index.BUILD_ROWS": 100,
            "vector.effort._ROWS_PER_EF": 1,
            "vector.effort._FLOATS_PER_EF": 1,
            "multivector.index.EXACT_TOKENS": 100,
            "multivector.search.EXACT_ALLOWED_TOKENS": 100,
            "multivector.search.SCANNED_ROWS": 10,
            "multivector.residual.LEAST": 5,
            "multivector.muvera.LEAST": 5,
            "multivector.muvera.OVERFETCH": 1,
        }.items():
            patch.setattr(f"weft.engine.embedded.index.{name}", value)
        patch.setattr("weft.service.search.combined._FIRST_CANDIDATES", 6)
        patch.setattr("weft.service.search.combined._SCALED", 60)
        shard = Shard(tmp_path_factory.mktemp("pages"), CONFIG, durable=False, write_queue=10_000)
        names = [uuid.UUID(int=int(n)).bytes for n in rng.permutation(COUNT)]
        upserts = [Upsert(Object(name, properties(i, rng), vectors(rng))) for i, name in enumerate(names)]
        built = COUNT * 3 // 4
        shard.write(upserts[:built])
        while shard.maintain():
            pass
        shard.write(upserts[built:])
        shard.write([Remove(name) for name in names[5:built:9]])
        view = shard.view()
        yield World(view, vectors(rng), COUNT - len(names[5:built:9]))
        shard.close()


def properties(n: int, rng: np.random.Generator) -> dict[str, Any]:
    return {"text": " ".join(rng.choice(["red", "green", "blue"], 3)), "n": n}


def vectors(rng: np.random.Generator) -> dict[str, Vector]:
    single = rng.normal(size=DIMS).astype(np.float32)
    return {
        name: rng.normal(size=(4, DIMS)).astype(np.float32)
        if index.multivector
        else single + rng.normal(size=DIMS).astype(np.float32) * np.float32(0.3)
        for name, index in INDEXES.items()
    }


def near(*names: str, combination: Combination = Combination.MINIMUM, **more: Any) -> NearVector:
    return NearVector(Targets(names, combination), vectors=(), **more)


def under(n: int) -> Filter:
    return Condition(Operator.LESS_THAN, PropertyTarget("n"), n)


def candidates(world: World, search: Search, offset: int, limit: int, **asked: Any) -> list[int]:
    names = () if isinstance(search, Keyword) else search.targets.names
    targets = [Target(CONFIG.vectors[name], world.queries[name], 1.0) for name in names]
    query = Query("Thing", search=search, offset=offset, limit=limit, **asked)
    ranker = Ranker(world.view, query, targets, world.view.select, Depths(maximum=10_000, leg=10))
    found: list[int] = ranker.candidates(limit).doc_ids.tolist()
    return found


def pages(world: World, search: Search, limit: int, **asked: Any) -> list[list[int]]:
    """Until one is not full."""
    found: list[list[int]] = []
    for offset in itertools.count(0, limit):
        found.append(candidates(world, search, offset, limit, **asked)[offset : offset + limit])
        if len(found[-1]) < limit:
            return found
    raise AssertionError


def check(world: World, search: Search, limit: int, **asked: Any) -> list[int]:
    """Every page is a part of one list without repetitions, which a deep search returns as well."""
    walked = list(itertools.chain(*pages(world, search, limit, **asked)))
    assert len(set(walked)) == len(walked)
    assert walked == candidates(world, search, COUNT, limit, **asked)
    for offset in (1, limit // 2, 3 * limit + 1):
        page = candidates(world, search, offset, limit, **asked)[offset : offset + limit]
        assert page == walked[offset : offset + limit]
    return walked


def plain(world: World, name: str, k: int, within: Filter | None, max_distance: float | None) -> Sequence[int]:
    selected = None if within is None else world.view.select(within)
    found: list[int] = world.view.nearest(name, world.queries[name], k, selected, max_distance).doc_ids.tolist()
    return found


@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("within", [None, 300, 100, 12, 1])
@pytest.mark.parametrize("limit", [4, 9, 40])
def test_no_page_of_the_nearest_repeats_or_skips(world: World, name: str, within: int | None, limit: int) -> None:
    filter = None if within is None else under(within)
    allowed = world.count if filter is None else len(world.view.select(filter))
    walked = check(world, near(name), limit, filter=filter)
    assert walked[:limit] == plain(world, name, limit, filter, None), "the first page is the search of its depth"
    if name in ("lists", "signs", "turned", "exact", "tokens", "encoded"):
        assert len(walked) == allowed
    exact = world.view.distances(name, world.queries[name], np.arange(COUNT, dtype=np.uint32))
    middle = float(np.nanquantile(exact, 0.3))
    within_distance = check(world, near(name, max_distance=middle), limit, filter=filter)
    assert (exact[within_distance] <= middle + 1e-6).all()
    assert within_distance[:limit] == plain(world, name, limit, filter, middle)


@pytest.mark.parametrize("name", INEXACT)
def test_these_indexes_find_something_nearer_when_they_look_deeper(world: World, name: str) -> None:
    """Otherwise the tests here would pass whatever the pages were."""
    depths = [4, 8, 16, 32, 64]
    found = [plain(world, name, k, None, None) for k in depths]
    assert any(found[i + 1][: depths[i]] != found[i] for i in range(len(depths) - 1))


@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("within", [None, 100])
def test_what_is_found_at_one_depth_is_one_list(world: World, name: str, within: int | None) -> None:
    selected = None if within is None else world.view.select(under(within))
    for depth in (3, 10, 60):
        lists = [
            world.view.nearest(name, world.queries[name], k, selected, None, depth=depth).doc_ids.tolist()
            for k in (1, 3, 10, 60, COUNT)
        ]
        assert lists == [lists[-1][: len(one)] for one in lists]
        assert lists[-1][:depth] == plain(world, name, depth, None if within is None else under(within), None)


@pytest.mark.parametrize("combination", list(Combination))
@pytest.mark.parametrize("names", [("graph", "signs"), ("graph", "exact"), ("tokens", "turned", "dynamic")])
@pytest.mark.parametrize("within", [None, 120])
def test_no_page_of_combined_targets_repeats_or_skips(
    world: World, combination: Combination, names: tuple[str, ...], within: int | None
) -> None:
    filter = None if within is None else under(within)
    for limit in (5, 40):
        check(world, near(*names, combination=combination), limit, filter=filter)


@pytest.mark.parametrize("fusion", list(Fusion))
@pytest.mark.parametrize("names", [("graph",), ("tokens",), ("graph", "signs")])
def test_no_page_of_a_hybrid_search_repeats_or_skips(world: World, fusion: Fusion, names: tuple[str, ...]) -> None:
    targets = Targets(names, Combination.SUM)
    search = Hybrid(Keyword("red"), 0.6, fusion, near(*names), targets)
    walked = check(world, search, 7)
    assert len(walked) > COUNT / 2
    check(world, search, 25, filter=under(200))


@pytest.mark.parametrize("depth", [5, 30])
def test_no_page_of_a_boosted_search_repeats_or_skips(world: World, depth: int) -> None:
    boost = Boost((BoostCondition(PropertyValue("n")),), weight=0.7, depth=depth)
    both = Hybrid(Keyword("red"), 0.6, near=near("signs"), targets=Targets(("signs",)))
    for search in (near("graph"), Keyword("red"), both):
        walked = check(world, search, 12, boost=boost)
        if search is not both:
            assert sorted(walked[: max(12, depth)]) == sorted(candidates(world, search, 0, max(12, depth)))


def test_each_page_is_sorted_by_itself(world: World) -> None:
    in_order = pages(world, near("graph"), 10, sort=(Sort("n", True),))
    assert in_order == [sorted(page) for page in pages(world, near("graph"), 10)]


def test_all_that_a_server_returns_is_one_list_whatever_the_offset(world: World) -> None:
    """A limit of -1 is as many as there may be, so it depends on the offset."""
    targets = [Target(CONFIG.vectors["graph"], world.queries["graph"], 1.0)]
    lists = []
    for offset in (0, 3, 100):
        query = Query("Thing", search=near("graph"), offset=offset, limit=-1)
        ranker = Ranker(world.view, query, targets, world.view.select, Depths(maximum=500, leg=10))
        lists.append(ranker.candidates(500 - offset).doc_ids.tolist())
    assert lists[0] == lists[1] == lists[2]
