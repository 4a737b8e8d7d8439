"""What every part does, whatever keeps it: filters on objects in objects."""

from __future__ import annotations

from typing import Any

import pytest

from contract.kinds import Make
from weft.conformance.things import condition, key, numbers_of
from weft.domain.errors import Inapplicable, Invalid
from weft.domain.filters import And, Filter, Not, Operator, Or
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization
from weft.engine.changes import Upsert
from weft.engine.part import Part

O = Operator  # noqa: E741

_TIRES = Property("tires", DataType.OBJECT_ARRAY, nested=(Property("width", DataType.INT),))
CONFIG = CollectionConfig(
    "Garage",
    (
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
        Property(
            "cars",
            DataType.OBJECT_ARRAY,
            nested=(
                Property("make", DataType.TEXT, tokenization=Tokenization.FIELD),
                Property("about", DataType.TEXT, tokenization=Tokenization.WORD),
                Property("year", DataType.INT),
                Property("price", DataType.NUMBER),
                Property("sold", DataType.BOOLEAN),
                Property("built", DataType.DATE),
                Property("vin", DataType.UUID),
                Property("tags", DataType.TEXT_ARRAY, tokenization=Tokenization.WORD),
                Property("notes", DataType.TEXT, index_filterable=False, tokenization=Tokenization.WORD),
                Property("photo", DataType.BLOB, index_filterable=False),
                Property("owner", DataType.OBJECT, nested=(Property("name", DataType.TEXT),)),
                _TIRES,
            ),
        ),
        Property("place", DataType.OBJECT, nested=(Property("city", DataType.TEXT), Property("n", DataType.INT))),
    ),
)
VIN = "00000000-0000-0000-0000-0000000000aa"
GARAGES: list[dict[str, Any]] = [
    {"cars": [{"make": "Audi", "year": 2001}, {"make": "Fiat", "year": 1990, "tires": [{"width": 150}]}]},
    {"cars": [{"make": "Fiat", "year": 2001}, {"make": "Audi", "year": 1990}], "place": {"city": "Old Ulm"}},
    {"cars": [{"make": "Fiat Panda", "about": "the red mail@b.c", "owner": {"name": "Ada"}, "tires": []}]},
    {
        "cars": [
            {"price": 1.5, "sold": True, "built": "2024-05-13T11:30:00+02:00", "vin": VIN, "tags": ["old red", "b"]}
        ]
    },
    {"cars": [], "place": {"n": 3, "city": None}, "text": "ulm"},
    {"text": "ulm"},
    {
        "cars": [{"tires": [{"width": 150}, {"width": 205}]}, {"tires": [{"width": 225}, {}]}],
        "place": {},
        "text": "ulm",
    },
]


@pytest.fixture
def garages(make: Make) -> Part:
    part = make(CONFIG)
    part.write([Upsert(Object(key(n), properties)) for n, properties in enumerate(GARAGES)])
    return part


def fiat(operator: Operator = O.EQUAL) -> Filter:
    return condition(operator, "cars.make", "Fiat")


def year(n: int) -> Filter:
    return condition(O.EQUAL, "cars.year", n)


def width(operator: Operator, n: int, path: str = "cars.tires.width") -> Filter:
    return condition(operator, path, n)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (fiat(), [0, 1]),
        (fiat(O.NOT_EQUAL), [0, 1, 2]),
        (Not(fiat()), [0, 1, 2, 3, 6]),
        (Not(condition(O.LESS_THAN, "cars.year", 2010)), [2, 3, 6]),
        (condition(O.LIKE, "cars.make", "*at*"), [0, 1, 2]),
        (condition(O.EQUAL, "cars.about", "Red"), [2]),
        (condition(O.LIKE, "cars.about", "*@*"), [2]),
        (condition(O.GREATER_THAN, "cars.price", 1.25), [3]),
        (condition(O.EQUAL, "cars.sold", True), [3]),
        (condition(O.EQUAL, "cars.built", "2024-05-13T09:30:00Z"), [3]),
        (condition(O.EQUAL, "cars.vin", VIN.upper()), [3]),
        (condition(O.EQUAL, "cars.tags", "red old"), [3]),
        (condition(O.EQUAL, "cars.tags", "old b"), []),
        (condition(O.CONTAINS_ALL, "cars.tags", ("old", "b")), [3]),
        (condition(O.CONTAINS_ANY, "cars.tags", ("old b", "b")), [3]),
        (condition(O.CONTAINS_NONE, "cars.tags", ("old", "b")), []),
        (condition(O.CONTAINS_NONE, "cars.tags", ("old",)), [3]),
        (condition(O.EQUAL, "cars.tags[1]", "b"), [3]),
        (condition(O.EQUAL, "cars.tags[0]", "b"), []),
        (condition(O.EQUAL, "cars.owner.name", "ada"), [2]),
        (condition(O.EQUAL, "place.city", "ulm"), [1]),
        (condition(O.EQUAL, "cars[0].make", "Fiat"), [1]),
        (condition(O.EQUAL, "cars[7].make", "Fiat"), []),
        (And((fiat(), year(2001))), [1]),
        (And((fiat(), And((year(1990), width(O.EQUAL, 150))))), [0]),
        (And((And((fiat(), condition(O.EQUAL, "text", "ulm"))), year(2001))), []),
        (And((condition(O.EQUAL, "cars[0].make", "Fiat"), condition(O.EQUAL, "cars[1].make", "Audi"))), [1]),
        (And((condition(O.EQUAL, "cars[0].make", "Audi"), year(2001))), [0]),
        (And((condition(O.EQUAL, "cars[1].make", "Audi"), year(2001))), []),
        (And((width(O.GREATER_THAN, 200), width(O.LESS_THAN, 210))), [6]),
        (And((width(O.GREATER_THAN, 210), width(O.LESS_THAN, 210))), []),
        (And((width(O.EQUAL, 150, "cars.tires[0].width"), width(O.EQUAL, 205, "cars.tires[1].width"))), [6]),
        (And((width(O.EQUAL, 150, "cars.tires[0].width"), width(O.EQUAL, 205, "cars[1].tires[1].width"))), []),
        (And((Or((fiat(), width(O.EQUAL, 225))), condition(O.IS_NULL, "cars.year", True))), [6]),
        (Not(And((fiat(), year(2001)))), [0, 1, 2, 3, 6]),
        (
            Not(And((condition(O.EQUAL, "cars[0].make", "Fiat"), condition(O.EQUAL, "cars[0].year", 2001)))),
            [0, 2, 3, 6],
        ),
        (Not(Or((fiat(), condition(O.EQUAL, "text", "ulm")))), [2, 3]),
        (condition(O.IS_NULL, "cars.make", True), [3, 6]),
        (condition(O.IS_NULL, "cars.make", False), [0, 1, 2]),
        (Not(condition(O.IS_NULL, "cars.make", False)), [3, 6]),
        (condition(O.IS_NULL, "cars.tires", True), [0, 1, 2, 3]),
        (condition(O.IS_NULL, "cars.tires", False), [0, 6]),
        (condition(O.IS_NULL, "cars.tires[1]", False), [6]),
        (condition(O.IS_NULL, "cars.tires.width", True), [6]),
        (condition(O.IS_NULL, "cars.owner", False), [2]),
        (condition(O.IS_NULL, "place.city", True), [4, 6]),
        (condition(O.IS_NULL, "place", True), [0, 2, 3, 5]),
        (condition(O.IS_NULL, "place", False), [1, 4, 6]),
        (condition(O.IS_NULL, "cars", True), [4, 5]),
        (condition(O.IS_NULL, "cars", False), [0, 1, 2, 3, 6]),
        (Not(condition(O.IS_NULL, "cars", False)), [4, 5]),
        (condition(O.IS_NULL, "cars[1]", False), [0, 1, 6]),
        (Or((condition(O.IS_NULL, "cars", True), fiat())), [0, 1, 4, 5]),
        (And((condition(O.IS_NULL, "cars[1]", False), fiat())), [0]),
        (Not(And((fiat(), condition(O.IS_NULL, "cars", False)))), [0, 1, 2, 3, 6]),
    ],
)
def test_a_condition_is_about_elements(garages: Part, filter: Filter, expected: list[int]) -> None:
    view = garages.view()
    assert sorted(numbers_of(view, view.select(filter).first())) == expected


@pytest.mark.parametrize(
    "filter",
    [
        condition(O.EQUAL, "cars", "x"),
        condition(O.EQUAL, "cars.tires", "x"),
        condition(O.EQUAL, "cars.wheels", "x"),
        condition(O.EQUAL, "cars.make.x", "x"),
        condition(O.EQUAL, "place[0].city", "x"),
        condition(O.EQUAL, "cars.make[0]", "x"),
        condition(O.EQUAL, "cars.about", "the"),
        condition(O.EQUAL, "cars.notes", "x"),
        condition(O.IS_NULL, "cars.notes", True),
        condition(O.EQUAL, "cars.photo", "x"),
    ],
)
def test_what_no_element_can_satisfy_is_refused(garages: Part, filter: Filter) -> None:
    for asked in (filter, Not(filter), And((fiat(), filter)), Or((fiat(), filter))):
        with pytest.raises(Invalid):
            garages.view().select(asked)


def test_a_nested_property_without_an_index_says_so(garages: Part) -> None:
    with pytest.raises(Inapplicable, match=r"notes.*not filterable"):
        garages.view().select(condition(O.EQUAL, "cars.notes", "x"))


def test_searches_and_removals_take_them(garages: Part) -> None:
    view = garages.view()
    present = view.select(condition(O.IS_NULL, "place", False))
    assert sorted(numbers_of(view, view.keyword(Keyword("ulm"), 10, present).doc_ids)) == [4, 6]
    removed = garages.remove(And((fiat(), year(1990))), 10, dry_run=False, resolve=lambda *_: pytest.fail("none"))
    assert removed.matches == 1
    view = garages.view()
    assert sorted(numbers_of(view, view.select(fiat()).first())) == [1]
    garages.write([Upsert(Object(key(1), {"cars": [{"make": "Audi"}]}))])
    assert len(garages.view().select(fiat())) == 0
