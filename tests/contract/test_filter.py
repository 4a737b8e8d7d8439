"""The protocol's meaning of each filter operator, on the objects that the official clients' own tests use.

Runs against the words of a plain text index and, where it exists, the collection's inverted index.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from weft.domain.filters import And, Condition, Filter, Not, Operator, Or, PropertyTarget
from weft.domain.objects import Object, format_uuid
from weft.domain.schema import CollectionConfig, DataType, InvertedConfig, Property, Tokenization
from weft.engine.embedded.index.filter.index import FilterIndex

IDS = [format_uuid(bytes([n] * 16)) for n in (1, 2, 3, 4)]
NOW, LATER, MUCH_LATER = (
    "2024-05-13T10:00:00.123456Z",
    "2024-05-13T13:00:00.123456+02:00",
    "2024-05-14T10:00:00.123456Z",
)
STOPWORDS = ("a", "is", "not", "this", "the")
CONFIG = CollectionConfig(
    name="Things",
    properties=(
        Property("text", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD),
        Property("texts", DataType.TEXT_ARRAY, index_searchable=True, tokenization=Tokenization.WORD),
        Property("int", DataType.INT),
        Property("ints", DataType.INT_ARRAY),
        Property("float", DataType.NUMBER),
        Property("floats", DataType.NUMBER_ARRAY),
        Property("bool", DataType.BOOLEAN),
        Property("bools", DataType.BOOLEAN_ARRAY),
        Property("date", DataType.DATE),
        Property("dates", DataType.DATE_ARRAY),
        Property("uuid", DataType.UUID),
        Property("uuids", DataType.UUID_ARRAY),
    ),
    inverted=InvertedConfig(index_null_state=True, index_property_length=True, index_timestamps=True),
)


def things() -> list[Object]:
    values: list[dict[str, Any]] = [
        {
            "text": "this is a test", "int": 1, "ints": [1, 2, 4], "float": 0.5, "floats": [0.4, 0.9, 2.0],
            "bool": True, "bools": [True, False], "dates": [NOW, LATER, MUCH_LATER], "date": NOW,
            "uuids": [IDS[0], IDS[2], IDS[1]], "uuid": IDS[0],
        },
        {
            "text": "this is not a real test", "int": 1, "ints": [5, 6, 9], "float": 0.3, "floats": [0.1, 0.7, 2.0],
            "bool": True, "bools": [False, False], "dates": [NOW, NOW, MUCH_LATER], "date": LATER,
            "uuids": [IDS[1], IDS[1]], "uuid": IDS[1],
        },
        {"text": "real deal", "int": 3, "ints": [], "floats": [], "bool": False, "bools": [], "dates": [], "uuids": []},
        {
            "text": "not real deal", "int": 4, "ints": [4], "float": 8.0, "floats": [0.7], "bool": True,
            "bools": [True], "dates": [MUCH_LATER], "date": MUCH_LATER, "uuids": [IDS[0], IDS[1]], "uuid": IDS[1],
        },
    ]  # fmt: skip
    return [
        Object(
            bytes([n] * 16), {**v, "texts": v["text"].split()}, {}, 1_715_594_400_000 + n, 1_715_594_400_000 + 10 * n
        )
        for n, v in enumerate(values, 1)
    ]


class Words:
    def documents(self, property: str, token: str) -> BitMap:
        return BitMap(i for i, o in enumerate(things()) if token in o.properties["text"].split())

    def matching(self, property: str, pattern: str) -> BitMap:
        expression = re.compile(pattern.replace("?", ".").replace("*", ".*"))
        return BitMap(i for i, o in enumerate(things()) if any(map(expression.fullmatch, o.properties["text"].split())))

    def range(self, property: str, low: str | None, high: str | None, include_low: bool, include_high: bool) -> BitMap:
        def inside(word: str) -> bool:
            return (low is None or word > low or (include_low and word == low)) and (
                high is None or word < high or (include_high and word == high)
            )

        return BitMap(i for i, o in enumerate(things()) if any(map(inside, o.properties["text"].split())))

    def analyze(self, property: str, text: str) -> list[str]:
        return text.lower().split()

    def stopwords(self, property: str) -> Iterable[str]:
        return STOPWORDS


@pytest.fixture(params=["words", "inverted"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> FilterIndex:
    words: Any = Words()
    if request.param == "inverted":
        if importlib.util.find_spec("weft.engine.embedded.index.inverted.index") is None:
            pytest.skip("this build has no inverted index")
        words = importlib.import_module("weft.engine.embedded.index.inverted.index").InvertedIndex(
            tmp_path / "inverted", CONFIG
        )
        words.add(range(4), [o.properties for o in things()])
    made = FilterIndex(tmp_path / "filter", CONFIG, words)
    made.add(range(4), things())
    return made


def on(name: str, operator: str, value: Any) -> Condition:
    return Condition(Operator(operator), PropertyTarget(name.removesuffix("#"), name.endswith("#")), value)


TABLE: list[tuple[Filter, list[int]]] = [
    (on("ints", "ContainsAny", (1, 4)), [0, 3]),
    (on("ints", "ContainsAny", (1.0, 4.0)), [0, 3]),
    (on("ints", "ContainsAny", (10,)), []),
    (on("int", "ContainsAny", (1,)), [0, 1]),
    (on("int", "ContainsAny", 1), [0, 1]),
    (on("text", "ContainsAny", ("test",)), [0, 1]),
    (on("text", "ContainsAny", ("the", "test")), [0, 1]),
    (on("texts", "ContainsAny", ("real", "deal")), [1, 2, 3]),
    (on("float", "ContainsAny", (2,)), []),
    (on("float", "ContainsAny", (8,)), [3]),
    (on("floats", "ContainsAny", (0.4, 0.7)), [0, 1, 3]),
    (on("floats", "ContainsAny", (2,)), [0, 1]),
    (on("bools", "ContainsAny", (True, False)), [0, 1, 3]),
    (on("bool", "ContainsAny", (True,)), [0, 1, 3]),
    (on("ints", "ContainsAll", (1, 4)), [0]),
    (on("text", "ContainsAll", ("real", "test")), [1]),
    (on("floats", "ContainsAll", (0.7, 2)), [1]),
    (on("bool", "ContainsAll", (True, False)), []),
    (on("ints", "ContainsNone", (1, 4)), [1, 2]),
    (on("ints", "ContainsAny", ()), []),
    (on("ints", "ContainsAll", ()), []),
    (on("ints", "ContainsNone", ()), [0, 1, 2, 3]),
    (on("dates", "ContainsAny", (NOW,)), [0, 1]),
    (on("date", "Equal", "2024-05-13T12:00:00.123456+02:00"), [0]),
    (on("date", "GreaterThan", NOW), [1, 3]),
    (on("uuids", "ContainsAll", (IDS[1], IDS[0])), [0, 3]),
    (on("uuid", "GreaterThanEqual", IDS[1]), [1, 3]),
    (on("_id", "ContainsAny", (IDS[0], IDS[2])), [0, 2]),
    (on("_id", "ContainsNone", tuple(IDS)), []),
    (on("_id", "NotEqual", IDS[1]), [0, 2, 3]),
    (on("_id", "Like", "0303*"), [2]),
    (on("_id", "Equal", "nope"), []),
    (on("_id", "Equal", ""), []),
    (Not(on("_id", "Equal", "nope")), [0, 1, 2, 3]),
    (on("_id", "NotEqual", "nope"), [0, 1, 2, 3]),
    (on("_id", "Like", "nope"), []),
    (on("_id", "ContainsAny", ("nope", IDS[0])), [0]),
    (on("_id", "ContainsAny", ("nope",)), []),
    (on("_id", "ContainsAll", ("nope", IDS[0])), []),
    (on("_id", "ContainsNone", ("nope", IDS[1])), [0, 2, 3]),
    (on("_id", "GreaterThan", "nope"), []),
    (on("_id", "LessThanEqual", "nope"), [0, 1, 2, 3]),
    (on("_id", "GreaterThanEqual", ""), [0, 1, 2, 3]),
    (on("text", "Equal", "This is a TEST"), [0, 1]),
    (on("text", "Equal", "real test"), [1]),
    (on("text", "NotEqual", "real test"), []),
    (Not(on("text", "Equal", "real test")), [0, 2, 3]),
    (on("text", "Like", "?eal"), [1, 2, 3]),
    (on("text", "Like", "tes*"), [0, 1]),
    (on("text", "GreaterThan", "test"), [0, 1]),
    (on("text", "LessThan", "deal"), [0, 1]),
    (on("int", "NotEqual", 1), [2, 3]),
    (on("float", "NotEqual", 0.5), [1, 2, 3]),
    (on("float", "LessThanEqual", "0.5"), [0, 1]),
    (on("int", "GreaterThan", 3.0), [3]),
    (on("ints", "GreaterThan", 4), [1]),
    (on("float", "IsNull", True), [2]),
    (on("ints", "IsNull", True), [2]),
    (on("ints", "IsNull", False), [0, 1, 3]),
    (on("text#", "LessThan", 10), [2]),
    (on("ints#", "Equal", 3), [0, 1]),
    (on("_creationTimeUnix", "LessThan", "1715594400003"), [0, 1]),
    (on("_creationTimeUnix", "GreaterThan", "2024-05-13T10:00:00.002Z"), [2, 3]),
    (on("_lastUpdateTimeUnix", "Equal", "1715594400040"), [3]),
    (Or((And((on("int", "GreaterThan", 0), on("int", "LessThan", 3))), on("float", "IsNull", True))), [0, 1, 2]),
    (And((on("int", "GreaterThanEqual", 1), on("int", "LessThan", 1))), []),
]


@pytest.mark.parametrize(("filter", "expected"), TABLE)
def test_each_operator_selects_what_the_protocol_says(index: FilterIndex, filter: Filter, expected: list[int]) -> None:
    assert list(index.evaluate(filter, BitMap(range(4)))) == expected
    assert list(index.evaluate(filter, BitMap([0, 2]))) == [i for i in expected if i in (0, 2)]
