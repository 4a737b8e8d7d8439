"""Things to put into a part: their schema, filters with what each selects, and figures to ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from weft.domain.aggregate import AggregateMetric, PropertyAggregation
from weft.domain.filters import (
    And,
    Condition,
    Filter,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
)
from weft.domain.objects import GeoPoint, Object, Reference
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    InvertedConfig,
    Metric,
    MultiVector,
    Property,
    Tokenization,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.view import View

CONFIG = CollectionConfig(
    "Thing",
    (
        Property("n", DataType.INT),
        Property("x", DataType.NUMBER),
        Property("ints", DataType.INT_ARRAY),
        Property("flag", DataType.BOOLEAN),
        Property("at", DataType.DATE),
        Property("place", DataType.GEO),
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
        Property("title", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
        Property("tags", DataType.TEXT_ARRAY, tokenization=Tokenization.FIELD),
        Property("uid", DataType.UUID),
        Property("image", DataType.BLOB),
        Property("next", DataType.REFERENCE, target_collections=("Thing",)),
    ),
    {
        "flat": VectorConfig("flat", index=VectorIndexConfig(kind="flat", metric=Metric.L2)),
        "cosine": VectorConfig("cosine", index=VectorIndexConfig(metric=Metric.COSINE)),
        "tokens": VectorConfig("tokens", index=VectorIndexConfig(metric=Metric.DOT, multivector=MultiVector())),
    },
    inverted=InvertedConfig(index_null_state=True, index_property_length=True, index_timestamps=True),
)
PLAIN = replace(CONFIG, vectors={"flat": CONFIG.vectors["flat"]})
"""What every engine can hold: with one single vector."""
COUNT = 40


def key(n: int) -> bytes:
    """In another order than the things are stored."""
    return bytes(15) + bytes([(n * 7) % 251])


def thing(n: int) -> Object:
    rng = np.random.default_rng(n)
    properties: dict[str, Any] = {
        "n": n % 10,
        "x": n / 4,
        "ints": list(range(n % 4)),
        "flag": n % 2 == 0,
        "at": f"20{n:02}-05-13T09:30:00.{n:03}+02:00",
        "place": GeoPoint(n / 2, n / 4),
        "text": " ".join(f"w{i}" for i in range(n % 6)) + f" only{n} the end",
        "title": f"w{n % 3}",
        "tags": [f"Tag {n % 5}", f"Tag {n % 7}"],
        "uid": f"00000000-0000-4000-8000-{n % 4:012}",
        "image": "aGk=",
        "next": [Reference("Thing", key(n + 1)), Reference("Thing", key(n + 2))],
    }
    if n % 8 == 3:
        properties = {"n": n}
    vectors = {
        "flat": rng.normal(size=4).astype(np.float32),
        "cosine": rng.normal(size=8).astype(np.float32),
        "tokens": rng.normal(size=(1 + n % 3, 4)).astype(np.float32),
    }
    if n % 9 == 4:
        del vectors["flat"]
    return Object(key(n), properties, vectors, created_ms=1000 + n, updated_ms=2000 + n)


def plain_thing(n: int) -> Object:
    """As ``PLAIN`` has it."""
    made = thing(n)
    return replace(made, vectors={name: one for name, one in made.vectors.items() if name in PLAIN.vectors})


def numbers_of(view: View, doc_ids: Any) -> list[int]:
    """Which things they are."""
    by_key = {key(n): n for n in range(251)}
    return [by_key[uuid] for uuid in view.uuids([int(d) for d in doc_ids])]


def condition(operator: Operator, name: str, value: Any, *, length: bool = False) -> Condition:
    return Condition(operator, PropertyTarget(name, length), value)


FILTERS: list[tuple[Filter, Callable[[Object], bool]]] = [
    (condition(Operator.EQUAL, "n", 4), lambda o: o.properties.get("n") == 4),
    (condition(Operator.NOT_EQUAL, "n", 4), lambda o: o.properties.get("n") != 4),
    (condition(Operator.GREATER_THAN, "x", 3.3), lambda o: o.properties.get("x", -1) > 3.3),
    (condition(Operator.LESS_THAN_EQUAL, "x", 3.25), lambda o: o.properties.get("x", 99) <= 3.25),
    (condition(Operator.CONTAINS_ANY, "ints", (2, 9)), lambda o: 2 in o.properties.get("ints", ())),
    (condition(Operator.CONTAINS_ALL, "ints", (0, 1)), lambda o: {0, 1} <= set(o.properties.get("ints", ()))),
    (condition(Operator.CONTAINS_NONE, "ints", (1,)), lambda o: 1 not in o.properties.get("ints", ())),
    (condition(Operator.EQUAL, "flag", False), lambda o: o.properties.get("flag") is False),
    (condition(Operator.LESS_THAN, "at", "2010-05-13T07:30:00.010Z"), lambda o: o.properties.get("at", "9") < "2010"),
    (condition(Operator.WITHIN_GEO_RANGE, "place", GeoRange(0, 0, 300_000)), lambda o: near_origin(o)),
    (condition(Operator.EQUAL, "text", "W2 end"), lambda o: has_word(o, "w2")),
    (condition(Operator.EQUAL, "text", "the end"), lambda o: has_word(o, "end")),
    (condition(Operator.LIKE, "text", "only1?"), lambda o: any(has_word(o, f"only1{d}") for d in range(10))),
    (condition(Operator.EQUAL, "tags", "Tag 3"), lambda o: "Tag 3" in o.properties.get("tags", ())),
    (condition(Operator.EQUAL, "tags", "tag 3"), lambda o: False),
    (condition(Operator.EQUAL, "uid", "00000000-0000-4000-8000-000000000002"), lambda o: ends(o, "2")),
    (condition(Operator.IS_NULL, "text", True), lambda o: "text" not in o.properties),
    (condition(Operator.EQUAL, "ints", 2, length=True), lambda o: len(o.properties.get("ints", ())) == 2),
    (Condition(Operator.GREATER_THAN, ReferenceCount("next"), 1), lambda o: "next" in o.properties),
    (
        And((condition(Operator.GREATER_THAN, "n", 2), Not(condition(Operator.EQUAL, "flag", True)))),
        lambda o: o.properties["n"] > 2 and o.properties.get("flag") is not True,
    ),
    (
        Or((condition(Operator.EQUAL, "n", 1), condition(Operator.EQUAL, "title", "w2"))),
        lambda o: o.properties["n"] == 1 or o.properties.get("title") == "w2",
    ),
]


def has_word(obj: Object, word: str) -> bool:
    return word in obj.properties.get("text", "").split()


def near_origin(obj: Object) -> bool:
    point = obj.properties.get("place")
    return point is not None and 111.2 * float(np.hypot(point.latitude, point.longitude)) < 300


def ends(obj: Object, digit: str) -> bool:
    return bool(obj.properties.get("uid", "").endswith(digit))


EVERY = frozenset(AggregateMetric)
ASKED = tuple(
    PropertyAggregation(name, EVERY, top_occurrences=3) for name in ("n", "x", "ints", "flag", "at", "tags", "next")
)
