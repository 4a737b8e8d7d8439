"""Random filters over random objects: every engine selects what the embedded one does, or refuses with a reason."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.kinds import REMOTE, discard, remote_part
from contract.things import condition
from weft.domain import instants
from weft.domain.errors import Invalid, Unsupported
from weft.domain.filters import And, Filter, GeoRange, Not, Operator, Or
from weft.domain.objects import GeoPoint, Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, Tokenization, VectorConfig
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.part import Part

O = Operator  # noqa: E741

CONFIG = CollectionConfig(
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
INTS = st.one_of(
    st.integers(-3, 3), st.integers(2**53 - 2, 2**53 + 4), st.integers(-(2**53) - 3, -(2**53) + 3), st.just(2**63 - 1)
)
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.1 + 0.2, 0.3, 1 / 3, 1e300, -5e-324]), st.floats(-9, 9, allow_nan=False)
)
DATES = st.builds(
    lambda ns: instants.to_text(ns),
    st.one_of(st.integers(0, 5), st.integers(1_700_000_000_000_000_000, 1_700_000_000_000_000_400)),
)
WORDS = st.sampled_from(["loom", "Weft", "warp", "the", "Kette und Schuss", "été", "a@b.c", "x" * 300, "日本", "l"])
TEXTS = st.lists(WORDS, max_size=4).map(" ".join)
POINTS = st.builds(
    GeoPoint,
    st.sampled_from([0.0, 1.0, -1.0, 89.5, -90.0, 45.25]),
    st.sampled_from([0.0, 1.0, 179.75, -179.75, -180.0, 90.0]),
)
UIDS = st.integers(0, 4).map(lambda n: f"00000000-0000-4000-8000-{n:012}")
KEYS = st.integers(0, 30).map(lambda n: bytes([n * 8]) * 16)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": INTS,
    "x": NUMBERS,
    "ints": st.lists(INTS, max_size=3),
    "flag": st.booleans(),
    "at": DATES,
    "dates": st.lists(DATES, max_size=2),
    "place": POINTS,
    "uid": UIDS,
    "text": TEXTS,
    "code": st.one_of(TEXTS, st.text(string.printable, max_size=6)),
    "tags": st.lists(TEXTS, max_size=3),
}
ORDERS = [O.EQUAL, O.NOT_EQUAL, O.GREATER_THAN, O.GREATER_THAN_EQUAL, O.LESS_THAN, O.LESS_THAN_EQUAL]
CONTAINS = [O.CONTAINS_ANY, O.CONTAINS_ALL, O.CONTAINS_NONE]
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "n": INTS, "x": NUMBERS, "ints": INTS, "flag": st.booleans(), "at": DATES, "dates": DATES,
    "uid": UIDS, "text": TEXTS, "code": TEXTS, "tags": TEXTS,
}  # fmt: skip
PATTERNS = st.builds(  # one that has no word is refused by the embedded engine only where it is asked for
    lambda before, word, after: "".join([*before, word, *after]),
    st.lists(st.sampled_from(["*", "?", "@", "x", " "]), max_size=2),
    st.sampled_from(["lo", "weft", "w", "é"]),
    st.lists(st.sampled_from(["*", "?", "@", "x", " "]), max_size=2),
)


@st.composite
def conditions(draw: st.DrawFn) -> Filter:
    name = draw(st.sampled_from(list(ELEMENTS)))
    match draw(st.integers(0, 6)):
        case 0:
            return condition(O.IS_NULL, draw(st.sampled_from(list(VALUES))), draw(st.booleans()))
        case 1:
            sized = draw(st.sampled_from(["ints", "text", "code", "tags", "dates"]))
            return condition(draw(st.sampled_from(ORDERS)), sized, draw(st.integers(0, 6)), length=True)
        case 2:
            area = GeoRange(
                draw(st.floats(-90, 90)), draw(st.floats(-180, 180)), draw(st.sampled_from([0.0, 1e5, 2e6, 1.5e7]))
            )
            return condition(O.WITHIN_GEO_RANGE, "place", area)
        case 3:
            return condition(O.LIKE, draw(st.sampled_from(["text", "code", "tags"])), draw(PATTERNS))
        case 4:
            values = tuple(draw(st.lists(ELEMENTS[name], min_size=1, max_size=3)))
            return condition(draw(st.sampled_from(CONTAINS)), name, values)
        case 5:
            built_in = draw(st.sampled_from(["_creationTimeUnix", "_lastUpdateTimeUnix"]))
            return condition(draw(st.sampled_from(ORDERS)), built_in, str(draw(st.integers(0, 4))))
        case _:
            return condition(draw(st.sampled_from(ORDERS)), name, draw(ELEMENTS[name]))


FILTERS: st.SearchStrategy[Filter] = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
OBJECTS = st.builds(
    lambda uuid, properties, created: Object(uuid, properties, {"v": np.ones(3, np.float32)}, created, created),
    KEYS,
    st.fixed_dictionaries({}, optional=VALUES),
    st.integers(0, 4),
)


class Pair(NamedTuple):
    embedded: Part
    other: Part


@pytest.fixture(scope="module", params=REMOTE)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder: Path = tmp_path_factory.mktemp("random")
    shard = Shard(folder / "shard", CONFIG, durable=False, write_queue=1000)
    store = REMOTE[request.param](folder / "engine")()
    yield Pair(shard, remote_part(store, CONFIG))
    shard.close()
    discard(store)


def selected(part: Part, filter: Filter) -> list[bytes] | type:
    """In order of uuid; the kind of the error where it is refused."""
    view = part.view()
    try:
        selection = view.select(filter)
    except Invalid as error:
        return type(error)
    found = view.uuids(selection.first().tolist())
    assert len(selection) == len(found)
    return sorted(found)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OBJECTS, max_size=6), st.lists(KEYS, max_size=1), st.lists(FILTERS, min_size=1, max_size=4))
def test_every_engine_selects_the_same(
    pair: Pair, objects: list[Object], gone: list[bytes], filters: list[Filter]
) -> None:
    for part in pair:
        part.write([Upsert(Object(o.uuid, dict(o.properties), dict(o.vectors), o.created_ms, 3)) for o in objects])
        part.write([Remove(uuid) for uuid in gone])
    for filter in filters:
        wanted = selected(pair.embedded, filter)
        try:
            found = selected(pair.other, filter)
        except Unsupported as refusal:
            assert refusal.facts["engine"] and refusal.facts["operator"]
            continue
        assert found == wanted, filter


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OBJECTS, max_size=6), st.lists(TEXTS, min_size=1, max_size=3), st.one_of(st.none(), FILTERS))
def test_every_engine_scores_the_same(
    pair: Pair, objects: list[Object], texts: list[str], filter: Filter | None
) -> None:
    for part in pair:
        part.write([Upsert(Object(o.uuid, dict(o.properties), dict(o.vectors), o.created_ms, 3)) for o in objects])
    for text in texts:
        answers = []
        for part in pair:
            view = part.view()
            try:
                within = None if filter is None else view.select(filter)
            except Invalid:
                return
            found = view.keyword(Keyword(text), 4, within)
            answers.append((view.uuids(found.doc_ids.tolist()), found.scores))
        assert answers[0][0] == answers[1][0]
        assert np.allclose(answers[0][1], answers[1][1], rtol=1e-5)
