"""What filters select, how it is ordered and counted, and how words are scored: as the embedded engine does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from weft.conformance.bench import Bench, Pair
from weft.conformance.check import CheckGroup
from weft.conformance.discrepancy import holds, same
from weft.conformance.things import ASKED, COUNT, FILTERS, PLAIN, condition, key, numbers_of, plain_thing
from weft.conformance.writing import filled
from weft.domain.errors import Unsupported
from weft.domain.filters import Filter, Operator
from weft.domain.objects import Object
from weft.domain.query import Keyword, Sort
from weft.engine.changes import Upsert
from weft.engine.view import View

reading = CheckGroup("reading")

_EQUAL_TEXTS = ("red shoes", "red hat", "blue shoes")


def both_filled(bench: Bench) -> Pair:
    pair = bench.pair(PLAIN)
    for part in pair:
        filled(part)
    return pair


@reading.add
def pages_are_in_order_of_uuid(bench: Bench) -> None:
    view = filled(bench.part(PLAIN)).view()
    keys = sorted(key(n) for n in range(COUNT))
    seen: list[bytes] = []
    while len(page := view.page(seen[-1] if seen else None, 7)):
        seen += view.uuids(page.tolist())
    same(seen, keys, "all objects, by pages of 7")
    same(len(view.page(keys[-1], 5)), 0, "the objects after the last one")


@reading.add
def each_kind_of_filter_selects_its_objects(bench: Bench) -> str:
    view = filled(bench.part(PLAIN)).view()
    refused: list[str] = []
    for filter, satisfies in FILTERS:
        wanted = [n for n in range(COUNT) if satisfies(plain_thing(n))]
        try:
            selection = view.select(filter)
            found = sorted(numbers_of(view, selection.first()))
        except Unsupported as refusal:
            refused.append(refusal.message)
            continue
        same(found, wanted, f"what is selected by {filter}")
        same(len(selection), len(wanted), f"how many are selected by {filter}")
    return counts(len(FILTERS), "filters", refused)


@reading.add
def nothing_is_found_within_nothing(bench: Bench) -> None:
    view = filled(bench.part(PLAIN), 8).view()
    nothing = view.select(condition(Operator.EQUAL, "n", 1000))
    same(len(nothing), 0, "the number of selected objects")
    same(len(view.nearest("flat", np.ones(4, np.float32), 5, nothing, None).doc_ids), 0, "the nearest of them")
    same(len(view.keyword(Keyword("w1"), 5, nothing).doc_ids), 0, "those with a word")
    same(len(view.sorted(nothing, (Sort("n", True),), 5)), 0, "the first of them")


@reading.add
def objects_are_sorted_as_by_the_embedded_engine(bench: Bench) -> None:
    pair = both_filled(bench)
    orders = [("n", True), ("x", False), ("at", True), ("text", False), ("flag", True), ("title", True)]
    for name, ascending in orders:
        for filter in (None, condition(Operator.GREATER_THAN, "n", 3)):
            keys = (Sort(name, ascending), Sort("n", not ascending))

            def listed(view: View, filter: Filter | None = filter, keys: tuple[Sort, ...] = keys) -> list[bytes]:
                within = None if filter is None else view.select(filter)
                return view.uuids(view.sorted(within, keys, 15).tolist())

            right, found = (listed(part.view()) for part in pair)
            same(found, right, f"the first 15 by {name}, {'ascending' if ascending else 'descending'}")


@reading.add
def figures_are_those_of_the_embedded_engine(bench: Bench) -> None:
    pair = both_filled(bench)
    for group_by, filter in ((None, None), ("n", None), ("tags", condition(Operator.GREATER_THAN, "n", 3))):

        def figures(view: View, filter: Filter | None = filter, group_by: str | None = group_by) -> Any:
            return view.aggregate(None if filter is None else view.select(filter), ASKED, group_by, 5)

        right, found = (figures(part.view()) for part in pair)
        same(found, right, f"the figures by {group_by or 'nothing'}")


@reading.add
def numbers_of_objects_are_as_stored(bench: Bench) -> None:
    pair = both_filled(bench)
    for name in ("n", "x", "at"):

        def numbers(view: View, name: str = name) -> list[float | None]:
            found = view.numbers(name, view.page(None, 100)).tolist()
            return [None if np.isnan(one) else one for one in found]

        right, found = (numbers(part.view()) for part in pair)
        same(found, right, f"the values of {name}")


@reading.add
def words_are_scored_by_bm25f(bench: Bench) -> str:
    pair = both_filled(bench)
    queries = [Keyword("w1 w4"), Keyword("W2 only5", ("text",)), Keyword("w1", ("title^3", "text")), Keyword("the")]
    for query in queries:
        for filter in (None, condition(Operator.GREATER_THAN, "n", 3)):

            def ranked(view: View, filter: Filter | None = filter, query: Keyword = query) -> Any:
                found = view.keyword(query, 10, None if filter is None else view.select(filter))
                return view.uuids(found.doc_ids.tolist()), found.scores

            right, found = (ranked(part.view()) for part in pair)
            same(found[0], right[0], f"the best for {query.text!r}")
            holds(np.allclose(found[1], right[1], rtol=1e-5), f"the scores for {query.text!r} are those of BM25F")
    return f"{len(queries)} queries, with and without a filter"


@reading.add
def equal_hits_come_by_uuid_at_any_depth(bench: Bench) -> None:
    part = bench.part(PLAIN)
    near = [np.asarray([n % 2, 1, 0, 0.5], np.float32) for n in range(60)]
    made = [Object(key(n), {"n": n % 3, "text": _EQUAL_TEXTS[n % 3]}, {"flat": near[n]}) for n in range(60)]
    part.write([Upsert(one) for one in made])
    view = part.view()
    zero = np.zeros(4, np.float32)
    rankings: dict[str, Callable[[int], Any]] = {
        "words": lambda k: view.keyword(Keyword("red shoes"), k, None).doc_ids,
        "vectors": lambda k: view.nearest("flat", zero, k, None, None).doc_ids,
        "a sorted list": lambda k: view.sorted(None, (Sort("n", True),), k),
    }
    for name, ranked in rankings.items():
        whole = view.uuids(ranked(60).tolist())
        same(len(whole), 60, f"the hits of {name}")
        for depth in (1, 7, 20, 41):
            same(view.uuids(ranked(depth).tolist()), whole[:depth], f"the first {depth} of {name}")
    hits = view.uuids(rankings["vectors"](60).tolist())
    same(hits, sorted(hits[:30]) + sorted(hits[30:]), "equally near objects, by uuid")


def counts(asked: int, what: str, refused: list[str]) -> str:
    """As ``21 filters, of which 2 were refused: …``."""
    if not refused:
        return f"{asked} {what}"
    if len(refused) == asked:
        raise Unsupported(refused[0])
    return f"{asked} {what}, of which {len(refused)} were refused: {refused[0]}"
