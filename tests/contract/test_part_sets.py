"""What every part does, whatever keeps it: filters, orders and figures over sets of objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from contract.kinds import Make
from reference.part import ReferencePart
from weft.conformance.things import ASKED, CONFIG, COUNT, FILTERS, condition, key, numbers_of, thing
from weft.domain.aggregate import AggregateMetric
from weft.domain.errors import Invalid
from weft.domain.filters import (
    And,
    Condition,
    Filter,
    Not,
    Operator,
    PropertyTarget,
    ReferenceTarget,
)
from weft.domain.objects import Object
from weft.domain.query import Keyword, Sort
from weft.domain.schema import DataType, Property
from weft.engine.changes import Upsert
from weft.engine.part import Part
from weft.engine.selection import Referenced, Selection

# -- sets


@pytest.mark.parametrize(("filter", "expected"), FILTERS)
def test_a_selection_is_what_satisfies_its_filter(
    filled: Part, filter: Filter, expected: Callable[[Object], bool]
) -> None:
    view = filled.view()
    selection = view.select(filter)
    wanted = [n for n in range(COUNT) if expected(thing(n))]
    assert sorted(numbers_of(view, selection.first())) == wanted
    assert len(selection) == len(wanted)
    some = selection.first(3)
    assert len(some) == min(3, len(wanted))
    assert set(some.tolist()) <= set(selection.first().tolist())
    everything = view.page(None, 100)
    assert numbers_of(view, everything[selection.holds(everything)]) == [
        n for n in numbers_of(view, everything) if n in wanted
    ]


SYMBOLS = ["mail a@b.c", "so funny \U0001f602", "a - b", "#Tag Here", "\U0001f602", "end."]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*\U0001f602*", [1, 4]),
        ("\U0001f602", [1, 4]),
        ("*@*", [0]),
        ("*-*", [2]),
        ("-", [2]),
        ("?", []),
        ("#*", [3]),
        ("*.", [5]),
        ("*.*", [0, 5]),
        ("* -", [2]),
        ("*@* *-*", []),
        ("[*", []),
        ("*_*", []),
    ],
)
@pytest.mark.parametrize("name", ["text", "texts"])
def test_a_pattern_of_symbols_means_the_symbols(make: Make, name: str, pattern: str, expected: list[int]) -> None:
    config = replace(CONFIG, properties=(Property("text", DataType.TEXT), Property("texts", DataType.TEXT_ARRAY)))
    part = make(config)
    properties = [{"text": text, "texts": ["plain", text]} for text in SYMBOLS]
    part.write([Upsert(Object(key(n), values)) for n, values in enumerate(properties)])
    part.write([Upsert(Object(key(90), {"texts": []})), Upsert(Object(key(91), {}))])
    view = part.view()
    like = condition(Operator.LIKE, name, pattern)
    if pattern == "?":  # which has no symbol, so it is about tokens
        expected = [0, 2]
    assert sorted(numbers_of(view, view.select(like).first())) == expected
    assert sorted(numbers_of(view, view.select(Not(like)).first())) == sorted({*range(6), 90, 91} - set(expected))
    both = And((like, condition(Operator.EQUAL, name, "tag")))
    assert sorted(numbers_of(view, view.select(both).first())) == [n for n in expected if n == 3]
    removed = part.remove(like, 10, dry_run=False, resolve=lambda *_: pytest.fail("no references"))
    assert removed.matches == len(expected)


def test_filters_that_cannot_be_are_refused(filled: Part) -> None:
    with pytest.raises(Invalid):
        filled.view().select(condition(Operator.EQUAL, "nothing", 1))
    through = Condition(Operator.EQUAL, ReferenceTarget("next", PropertyTarget("n")), 3)
    with pytest.raises(Invalid, match="not available here"):
        filled.view().select(through)


def test_references_lead_to_what_the_caller_resolves(filled: Part) -> None:
    view = filled.view()
    asked: list[tuple[str, Filter, str]] = []

    def resolve(property: str, inner: Filter, collection: str) -> Referenced:
        asked.append((property, inner, collection))
        return Referenced("Thing", [key(10), key(20)])

    through = Condition(Operator.EQUAL, ReferenceTarget("next", PropertyTarget("x")), 3.5)
    found = view.select(through, resolve)
    assert sorted(numbers_of(view, found.first())) == [8, 9, 18]  # of 19 all is absent but a number
    assert set(asked) == {("next", condition(Operator.EQUAL, "x", 3.5), "Thing")}


@pytest.mark.parametrize(
    "keys",
    [
        (Sort("n", True), Sort("x", False)),
        (Sort("n", False),),
        (Sort("title", True), Sort("text", True)),
        (Sort("at", False),),
        (Sort("_creationTimeUnix", True),),
        (Sort("_id", True),),
    ],
)
def test_sorting(filled: Part, keys: tuple[Sort, ...]) -> None:
    def values(n: int) -> list[Any]:
        obj = thing(n)
        built_in = {"_creationTimeUnix": obj.created_ms, "_id": obj.uuid}
        return [built_in.get(one.path, obj.properties.get(one.path)) for one in keys]

    view = filled.view()
    for within in (None, view.select(condition(Operator.GREATER_THAN, "n", 4))):
        chosen = list(range(COUNT)) if within is None else numbers_of(view, within.first())
        ordered = numbers_of(view, view.sorted(within, keys, 0))
        assert sorted(ordered) == sorted(chosen)
        for before, after in pairwise(ordered):
            assert in_place(values(before), values(after), keys), (before, after)
        assert numbers_of(view, view.sorted(within, keys, 5)) == ordered[:5]


def in_place(before: list[Any], after: list[Any], keys: Sequence[Sort]) -> bool:
    for left, right, one in zip(before, after, keys, strict=True):
        if left == right:
            continue
        less = left is None or (right is not None and left < right)
        return less == one.ascending
    return True


def test_sorting_by_what_cannot_be_sorted_is_refused(filled: Part) -> None:
    for path in ("nothing", "next"):
        with pytest.raises(Invalid):
            filled.view().sorted(None, (Sort(path, True),), 5)


# -- figures


@pytest.mark.parametrize("group_by", [None, "n", "ints", "flag", "tags", "next", "at"])
@pytest.mark.parametrize("over", ["all", "selection", "ranked"])
def test_figures(filled: Part, group_by: str | None, over: str) -> None:
    reference = ReferencePart(CONFIG)
    reference.write([Upsert(thing(n)) for n in range(COUNT)])
    answers = []
    for one in (filled, reference):
        view = one.view()
        chosen: Selection | Any = None
        if over == "selection":
            chosen = view.select(condition(Operator.LESS_THAN, "n", 7))
        elif over == "ranked":
            chosen = view.keyword(Keyword("w1 w2"), 9, None).doc_ids
        answers.append(view.aggregate(chosen, ASKED, group_by, 4))
    got, wanted = answers
    assert [(group.value, group.count) for group in got] == [(group.value, group.count) for group in wanted]
    for mine, theirs in zip(got, wanted, strict=True):
        for figures, expected in zip(mine.properties, theirs.properties, strict=True):
            assert figures.figures.keys() == expected.figures.keys()
            for metric, value in figures.figures.items():
                same = pytest.approx(expected.figures[metric]) if isinstance(value, float) else expected.figures[metric]
                assert value == same, (figures.property, metric)


def test_nothing_has_few_figures(filled: Part) -> None:
    view = filled.view()
    nothing = view.select(condition(Operator.EQUAL, "n", 1000))
    (group,) = view.aggregate(nothing, ASKED[:1], None, 10)
    assert group.count == 0
    assert group.properties[0].figures == {AggregateMetric.COUNT: 0, AggregateMetric.TYPE: "int"}
    assert view.aggregate(nothing, ASKED, "n", 10) == []
