"""What every part does, whatever keeps it: searches by vectors and words, with their numbers and reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contract.kinds import Make
from reference.part import ReferencePart
from weft.conformance.things import ASKED, CONFIG, COUNT, FILTERS, condition, key, numbers_of, thing
from weft.domain.errors import Invalid, NotFound
from weft.domain.filters import (
    Operator,
)
from weft.domain.objects import Object
from weft.domain.query import Keyword, Sort
from weft.engine.changes import Change, Remove, Upsert
from weft.engine.part import Part

# -- searches


def distance(name: str, query: Any, n: int) -> float | None:
    vector = thing(n).vectors.get(name)
    if vector is None:
        return None
    if name == "flat":
        return float(np.square(vector - query).sum())
    if name == "cosine":
        return 1 - float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))
    return -float((query @ vector.T).max(axis=1).sum())


@pytest.mark.parametrize(("name", "shape"), [("flat", (4,)), ("cosine", (8,)), ("tokens", (3, 4))])
def test_the_nearest_with_exact_distances(filled: Part, name: str, shape: tuple[int, ...]) -> None:
    view = filled.view()
    query = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    odd = view.select(condition(Operator.EQUAL, "flag", False))
    for within in (None, odd):
        chosen = range(COUNT) if within is None else numbers_of(view, odd.first())
        exact = {n: d for n in chosen if (d := distance(name, query, n)) is not None}
        best = sorted(exact, key=exact.__getitem__)
        found = view.nearest(name, query, 7, within, None)
        assert numbers_of(view, found.doc_ids) == best[:7]
        assert np.allclose(found.distances, [exact[n] for n in best[:7]], rtol=1e-4, atol=1e-5)
        limit = (exact[best[4]] + exact[best[5]]) / 2
        assert numbers_of(view, view.nearest(name, query, 100, within, limit).doc_ids) == best[:5]
    everything = view.page(None, 100)
    distances = view.distances(name, query, everything)
    for n, measured in zip(numbers_of(view, everything), distances.tolist(), strict=True):
        wanted = distance(name, query, n)
        assert np.isnan(measured) if wanted is None else measured == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("name", "shape"), [("flat", (4,)), ("cosine", (8,)), ("tokens", (3, 4))])
def test_a_depth_never_takes_away_from_the_first(filled: Part, name: str, shape: tuple[int, ...]) -> None:
    view = filled.view()
    query = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    first = view.nearest(name, query, 5, None, None).doc_ids.tolist()
    for k in (2, 5, 9):
        found = view.nearest(name, query, k, None, None, depth=5).doc_ids.tolist()
        assert found[:5] == first[:k]
        assert min(k, 5) <= len(found) <= k


def test_a_vector_that_the_collection_lacks_is_not_found(filled: Part) -> None:
    view, query = filled.view(), np.ones(4, np.float32)
    asked: list[Callable[[], object]] = [
        lambda: view.nearest("nothing", query, 5, None, None),
        lambda: view.vectors("nothing", [0]),
        lambda: view.distances("nothing", query, np.zeros(1, np.uint32)),
        lambda: view.explain_tokens("nothing", query[None], 0),
        lambda: view.dims("nothing"),
    ]
    for ask in asked:
        with pytest.raises(NotFound):
            ask()


def test_numbers_of_a_property(filled: Part) -> None:
    view = filled.view()
    doc_ids = view.page(None, 100)
    things = [thing(n).properties for n in numbers_of(view, doc_ids)]
    for name in ("n", "x"):
        wanted = [one.get(name, np.nan) for one in things]
        np.testing.assert_array_equal(view.numbers(name, doc_ids), np.asarray(wanted, np.float64))
    seconds = view.numbers("at", doc_ids)
    assert np.isnan(seconds).tolist() == ["at" not in one for one in things]
    (doc_id,) = view.find([key(1)])
    assert view.numbers("at", np.asarray([doc_id], np.uint32)).tolist() == pytest.approx([989_739_000.001], abs=1e-6)


def test_tokens_explain_a_distance(filled: Part) -> None:
    view = filled.view()
    query = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    (doc_id,) = view.find([key(2)])
    assert doc_id is not None
    found = view.explain_tokens("tokens", query, doc_id, matrix=True)
    table = query @ thing(2).vectors["tokens"].T
    assert found.matrix is not None
    assert np.allclose(found.matrix, table, rtol=1e-5)
    assert found.tokens.tolist() == table.argmax(axis=1).tolist()
    assert found.distance == pytest.approx(-table.max(axis=1).sum(), rel=1e-5)
    assert found.shares.sum() == pytest.approx(1)
    assert view.explain_tokens("tokens", query, doc_id).matrix is None
    with pytest.raises(Invalid):
        view.explain_tokens("flat", query, doc_id)


# -- all of it, at random


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_histories_are_as_in_the_reference(make: Make, seed: int) -> None:
    rng = np.random.default_rng(seed)
    part, reference = make(CONFIG), ReferencePart(CONFIG)
    for _ in range(12):
        changes: list[Callable[[], Change]] = []
        for _ in range(int(rng.integers(1, 25))):
            n = int(rng.integers(0, 60))
            other = replace(thing(int(rng.integers(0, 60))), uuid=key(n))
            removing = rng.random() < 0.25
            changes.append(lambda n=n, other=other, removing=removing: change_of(n, other, removing))  # type: ignore[misc]
        assert part.write([made() for made in changes]) == reference.write([made() for made in changes])
        filter, _ = FILTERS[int(rng.integers(0, len(FILTERS)))]
        query = rng.normal(size=4).astype(np.float32)
        answers = []
        for one in (part, reference):
            view = one.view()
            chosen = view.select(filter)
            near = view.nearest("flat", query, 5, chosen, None)
            answers.append(
                (
                    view.uuids(view.page(None, 100).tolist()),
                    sorted(view.uuids(chosen.first().tolist())),
                    view.uuids(near.doc_ids.tolist()),
                    view.uuids(view.nearest("flat", query, 5, None, None).doc_ids.tolist()),
                    sorted(view.uuids(view.keyword(Keyword("w1 w3"), 100, None).doc_ids.tolist())),
                    view.uuids(view.sorted(chosen, (Sort("x", True), Sort("_id", True)), 9).tolist()),
                    sorted(view.uuids(view.keyword(Keyword("w1 w3"), 100, chosen).doc_ids.tolist())),
                    view.aggregate(chosen, ASKED[2:3], "n", 5),
                    one.count,
                )
            )
        assert answers[0] == answers[1]


def change_of(n: int, other: Object, removing: bool) -> Change:
    return Remove(key(n)) if removing else Upsert(replace(other))
