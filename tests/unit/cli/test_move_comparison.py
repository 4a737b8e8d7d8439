"""Forms, differences and digests of objects that ``weft move`` compares."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from weft.cli.move.differences import NORMALISED, ROUNDED, Difference, differences
from weft.cli.move.digests import Digests
from weft.cli.move.forms import ComparedObject, Forms
from weft.cli.move.objects import MovedObject
from weft.cli.move.place import PlaceHit
from weft.cli.move.sampling import agreement
from weft.domain.json_values import JsonObject, JsonValue

ID = "5f0c5a3e-7f5b-4d6a-9c55-0a6b8f6a2c11"
PROPERTIES: list[JsonValue] = [
    {"name": "x", "dataType": ["number"]},
    {"name": "xs", "dataType": ["number[]"]},
    {"name": "n", "dataType": ["int"]},
    {"name": "day", "dataType": ["date"]},
    {"name": "key", "dataType": ["uuid"]},
    {"name": "place", "dataType": ["geoCoordinates"]},
    {"name": "phone", "dataType": ["phoneNumber"]},
    {"name": "by", "dataType": ["Author"]},
    {"name": "inner", "dataType": ["object"], "nestedProperties": [{"name": "x", "dataType": ["number"]}]},
]
FORMS = Forms({"class": "Doc", "properties": PROPERTIES}, times=True)


def form(given: Mapping[str, Any]) -> ComparedObject:
    """Of an object with these properties, beside ``vector`` and ``times``."""
    properties = {name: value for name, value in given.items() if name not in ("vector", "times")}
    vectors: dict[str, JsonValue] = {"v": given["vector"]} if "vector" in given else {}
    return FORMS.of(MovedObject(ID, properties, vectors, *given.get("times", (1, 2))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": 1}, {"x": 1.0}),
        ({"n": 1.0}, {"n": 1}),
        ({"xs": [1, 2]}, {"xs": [1.0, 2.0]}),
        ({"day": "2024-01-01T00:00:00Z"}, {"day": "2024-01-01T01:00:00.000+01:00"}),
        ({"key": ID.upper()}, {"key": ID}),
        (
            {"place": {"latitude": 0.1, "longitude": 2}},
            {"place": {"latitude": float(np.float32(0.1)), "longitude": 2.0}},
        ),
        (
            {"phone": {"input": "030 1", "internationalFormatted": "+49 30 1", "valid": True}},
            {"phone": {"input": "+49 30 1", "internationalFormatted": "+49 30 1"}},
        ),
        ({"by": [{"beacon": f"weaviate://localhost/Author/{ID}"}]}, {"by": [{"beacon": f"weaviate://localhost/{ID}"}]}),
        ({"inner": {"x": 1, "y": None}}, {"inner": {"x": 1.0}}),
        ({"absent": None}, {}),
    ],
)
def test_what_places_write_differently_is_equal(one: JsonObject, other: JsonObject) -> None:
    assert differences(form(one), form(other)) == []
    assert form(one).digest() == form(other).digest()


@pytest.mark.parametrize(
    ("one", "other", "field"),
    [
        ({"x": 1}, {"x": 2}, "x"),
        ({"x": 1}, {}, "x"),
        ({"title": "a"}, {"title": "A"}, "title"),
        ({"by": [{"beacon": f"weaviate://localhost/{ID}"}]}, {"by": []}, "by"),
        ({"times": (1, 3)}, {}, "times"),
        ({"vector": [1.0, 2.0]}, {}, "vector v"),
        ({"vector": [1.0, 2.0]}, {"vector": [1.0, 2.0, 3.0]}, "vector v"),
        ({"vector": [1.0, 2.0]}, {"vector": [2.0, 1.0]}, "vector v"),
        ({"vector": [1.0, 2.0]}, {"vector": [2.0, 4.0]}, "vector v"),
    ],
)
def test_what_has_to_be_repaired_is_named(one: dict[str, Any], other: dict[str, Any], field: str) -> None:
    assert differences(form(one), form(other)) == [Difference(field)]
    assert form(one).digest() != form(other).digest()


def test_what_a_place_changes_by_itself_is_known() -> None:
    near = math.nextafter(0.1, 1)
    assert differences(form({"x": 0.1, "xs": [1.0, near]}), form({"x": near, "xs": [1.0, 0.1]})) == [
        Difference("x", ROUNDED),
        Difference("xs", ROUNDED),
    ]
    vector = [3.0, 4.0, 12.0]
    unit = (np.array(vector, np.float32) / 13).tolist()
    assert differences(form({"vector": vector}), form({"vector": unit})) == [Difference("vector v", NORMALISED)]
    close = (np.array(unit, np.float32) * np.float32(1.0000001)).tolist()
    assert differences(form({"vector": unit}), form({"vector": close})) == [Difference("vector v", ROUNDED)]


def test_digests_find_the_bucket_of_each_change_in_any_order() -> None:
    chance = random.Random(5)
    rows = [(chance.randbytes(16), chance.randbytes(16)) for _ in range(2_000)]
    one, other = Digests(), Digests()
    for row in rows:
        one.add(*row)
    chance.shuffle(rows)
    for row in rows[1:]:
        other.add(*row)
    assert (one.total, other.total) == (2_000, 1_999)
    assert one.differing(other) == [rows[0][0][0]]
    other.add(rows[0][0], bytes(16))
    assert one.differing(other) == [rows[0][0][0]]


def test_a_hit_that_is_as_good_agrees() -> None:
    mine = [PlaceHit(str(i), rank) for i, rank in enumerate([0.1, 0.2, 0.3, 0.3, 0.4])]
    theirs = [PlaceHit(str(i), 7.0) for i in (1, 0, 3, 4)]
    assert agreement(mine, theirs[:3], 3) == 1
    assert agreement(mine, theirs[1:], 3) == pytest.approx(2 / 3)
    assert agreement([], theirs, 3) == agreement(mine, [], 3) == 0
    assert agreement([], [], 3) == 1
