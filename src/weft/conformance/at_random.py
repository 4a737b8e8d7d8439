"""Random objects, filters and texts, with all that is awkward: integers beyond 2**53, -0.0, empty lists.

They are drawn from a ``random.Random``: a seeded one here, one of hypothesis in the contract suites, which finds the
shortest example where engines differ.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from weft.conformance.bench import Bench
from weft.conformance.check import CheckGroup
from weft.conformance.discrepancy import holds, same
from weft.conformance.reading import counts
from weft.conformance.things import condition
from weft.domain import instants
from weft.domain.errors import Invalid, Unsupported
from weft.domain.filters import And, Filter, GeoRange, Not, Operator, Or
from weft.domain.objects import GeoPoint, Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, Tokenization, VectorConfig
from weft.engine.changes import Remove, Upsert
from weft.engine.part import Part
from weft.engine.view import View

at_random = CheckGroup("at random")

ANY = CollectionConfig(
    "Any",
    (
        Property("n", DataType.INT),
        Property("x", DataType.NUMBER),
        Property("ints", DataType.INT_ARRAY),
        Property("flag", DataType.BOOLEAN),
        Property("at", DataType.DATE),
        Property("dates", DataType.DATE_ARRAY),
        Property("place", DataType.GEO),
        Property("uid", DataType.UUID),
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
        Property("code", DataType.TEXT, tokenization=Tokenization.FIELD),
        Property("tags", DataType.TEXT_ARRAY, tokenization=Tokenization.LOWERCASE),
    ),
    {"v": VectorConfig("v")},
    inverted=InvertedConfig(index_null_state=True, index_property_length=True, index_timestamps=True),
)
_ORDERS: Final = (
    *(Operator.EQUAL, Operator.NOT_EQUAL, Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL),
    *(Operator.LESS_THAN, Operator.LESS_THAN_EQUAL),
)
_CONTAINS: Final = (Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE)
_WORDS: Final = ("loom", "Weft", "warp", "the", "Kette und Schuss", "été", "a@b.c", "x" * 300, "日本", "l")
_AWKWARD: Final = (0.0, -0.0, 0.1, 0.1 + 0.2, 0.3, 1 / 3, 1e300, -5e-324)
_INT_RANGES: Final = ((-3, 3), (2**53 - 2, 2**53 + 4), (-(2**53) - 3, -(2**53) + 3), (2**63 - 1, 2**63 - 1))
_BUILT_IN: Final = ("_creationTimeUnix", "_lastUpdateTimeUnix")
_GROUPS: Final = 12
_OBJECTS: Final = 6
_FILTERS: Final = 12
_MOST_DEPTH: Final = 2


def draw_int(rng: random.Random) -> int:
    return rng.randint(*rng.choice(_INT_RANGES))


def draw_number(rng: random.Random) -> float:
    return rng.choice(_AWKWARD) if rng.random() < 0.5 else rng.randint(-9000, 9000) / 1000


def draw_date(rng: random.Random) -> str:
    start, span = rng.choice([(0, 5), (1_700_000_000_000_000_000, 400)])
    return instants.to_text(start + rng.randint(0, span))


def draw_text(rng: random.Random) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(0, 4)))


def _code(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return draw_text(rng)
    return "".join(rng.choice(string.printable) for _ in range(rng.randint(0, 6)))


def _point(rng: random.Random) -> GeoPoint:
    return GeoPoint(rng.choice([0.0, 1.0, -1.0, 89.5, -90.0, 45.25]), rng.choice([0.0, 1.0, 179.75, -179.75, -180.0]))


def _uid(rng: random.Random) -> str:
    return f"00000000-0000-4000-8000-{rng.randint(0, 4):012}"


def _flag(rng: random.Random) -> bool:
    return rng.random() < 0.5


def draw_key(rng: random.Random) -> bytes:
    return bytes([rng.randint(0, 30) * 8]) * 16


_ELEMENTS: Final[Mapping[str, Callable[[random.Random], Any]]] = {
    "n": draw_int,
    "x": draw_number,
    "ints": draw_int,
    "flag": _flag,
    "at": draw_date,
    "dates": draw_date,
    "uid": _uid,
    "text": draw_text,
    "code": _code,
    "tags": draw_text,
}
"""By property, what a condition compares it with."""
_LISTS: Final = frozenset({"ints", "dates", "tags"})


def draw_object(rng: random.Random) -> Object:
    properties: dict[str, Any] = {}
    for name, draw in {**_ELEMENTS, "place": _point}.items():
        if rng.random() < 0.5:
            properties[name] = [draw(rng) for _ in range(rng.randint(0, 3))] if name in _LISTS else draw(rng)
    created = rng.randint(0, 4)
    return Object(draw_key(rng), properties, {"v": np.ones(3, np.float32)}, created, created)


def draw_filter(rng: random.Random, depth: int = _MOST_DEPTH) -> Filter:
    if not depth or rng.random() < 0.5:
        return _condition(rng)
    if rng.random() < 0.3:
        return Not(draw_filter(rng, depth - 1))
    inner = tuple(draw_filter(rng, depth - 1) for _ in range(rng.randint(1, 3)))
    return And(inner) if rng.random() < 0.5 else Or(inner)


def _condition(rng: random.Random) -> Filter:
    name = rng.choice(list(_ELEMENTS))
    match rng.randint(0, 6):
        case 0:
            return condition(Operator.IS_NULL, rng.choice([*_ELEMENTS, "place"]), _flag(rng))
        case 1:
            sized = rng.choice(["ints", "text", "code", "tags", "dates"])
            return condition(rng.choice(_ORDERS), sized, rng.randint(0, 6), length=True)
        case 2:
            radius_m = rng.choice([0.0, 1e5, 2e6, 1.5e7])
            area = GeoRange(rng.randint(-9000, 9000) / 100, rng.randint(-18000, 18000) / 100, radius_m)
            return condition(Operator.WITHIN_GEO_RANGE, "place", area)
        case 3:
            return condition(Operator.LIKE, rng.choice(["text", "code", "tags"]), _pattern(rng))
        case 4:
            values = tuple(_ELEMENTS[name](rng) for _ in range(rng.randint(1, 3)))
            return condition(rng.choice(_CONTAINS), name, values)
        case 5:
            return condition(rng.choice(_ORDERS), rng.choice(_BUILT_IN), str(rng.randint(0, 4)))
        case _:
            return condition(rng.choice(_ORDERS), name, _ELEMENTS[name](rng))


def _pattern(rng: random.Random) -> str:
    """With a word: one without is refused by the embedded engine only where it is asked for."""

    def wild() -> str:
        return "".join(rng.choice("*?@x ") for _ in range(rng.randint(0, 2)))

    return wild() + rng.choice(["lo", "weft", "w", "é"]) + wild()


def write(part: Part, objects: list[Object]) -> None:
    """Copies: an engine gives an object the creation time of the one that it replaces."""
    part.write([Upsert(Object(o.uuid, dict(o.properties), dict(o.vectors), o.created_ms, 3)) for o in objects])


def selected(part: Part, filter: Filter) -> list[bytes] | str:
    """In order of uuid; the kind of the error where it is not allowed. Raises Unsupported."""
    view = part.view()
    try:
        selection = view.select(filter)
    except Invalid as error:
        return type(error).__name__
    found = view.uuids(selection.first().tolist())
    same(len(selection), len(found), f"how many are selected by {filter}")
    return sorted(found)


def compare_filter(embedded: Part, tested: Part, filter: Filter) -> Unsupported | None:
    """The refusal, which has to name the engine and the operator. Raises Discrepancy."""
    right = selected(embedded, filter)
    try:
        found = selected(tested, filter)
    except Unsupported as refusal:
        holds(refusal.facts.get("engine") and refusal.facts.get("operator"), f"the refusal of {filter} names both")
        return refusal
    same(found, right, f"what is selected by {filter}")
    return None


def compare_words(embedded: Part, tested: Part, text: str, filter: Filter | None) -> None:
    """Raises Discrepancy; Unsupported and Invalid where the filter is not allowed."""

    def ranked(view: View) -> tuple[list[bytes], Any]:
        found = view.keyword(Keyword(text), 4, None if filter is None else view.select(filter))
        return view.uuids(found.doc_ids.tolist()), found.scores

    right, found = ranked(embedded.view()), ranked(tested.view())
    same(found[0], right[0], f"the best for {text!r}")
    holds(np.allclose(found[1], right[1], rtol=1e-5), f"the scores for {text!r} are those of the embedded engine")


@at_random.add
def random_filters_select_what_the_embedded_engine_selects(bench: Bench) -> str:
    rng, refused = random.Random(bench.seed), []
    pair = bench.pair(ANY)
    for _ in range(_GROUPS):
        objects, gone = [draw_object(rng) for _ in range(_OBJECTS)], draw_key(rng)
        for part in pair:
            write(part, objects)
            part.write([Remove(gone)])
        for _ in range(_FILTERS):
            refusal = compare_filter(pair.embedded, pair.tested, draw_filter(rng))
            if refusal is not None:
                refused.append(refusal.message)
    return counts(_GROUPS * _FILTERS, "filters", refused)


@at_random.add
def random_texts_are_scored_as_by_the_embedded_engine(bench: Bench) -> str:
    rng, refused, asked = random.Random(bench.seed), [], 0
    pair = bench.pair(ANY)
    for _ in range(_GROUPS // 2):
        objects = [draw_object(rng) for _ in range(_OBJECTS)]
        for part in pair:
            write(part, objects)
        for _ in range(4):
            asked += 1
            try:
                compare_words(pair.embedded, pair.tested, draw_text(rng), draw_filter(rng) if _flag(rng) else None)
            except Unsupported as refusal:
                refused.append(refusal.message)
            except Invalid:  # the filter, by either engine: what the other check compares
                continue
    return counts(asked, "texts", refused)
