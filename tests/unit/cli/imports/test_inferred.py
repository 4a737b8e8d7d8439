"""What the values of rows say about properties, and dates in the forms that people write."""

from __future__ import annotations

from typing import Any

import pytest

from weft.cli.imports.dates import rfc3339
from weft.cli.imports.identity import mended, uuid_of
from weft.cli.imports.inferred import inferred


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1, 2, None], "int"),
        ([1, 2.5], "number"),
        ([1 << 70], "number"),
        ([1, "many"], "int"),
        ([True, False], "boolean"),
        (["2024-05-13", "2024-05-13T09:30:00Z"], "date"),
        (["2024-05-13", "soon"], "text"),
        ([[1], [], [2]], "int[]"),
        ([["2024-05-13"]], "date[]"),
        ([{"latitude": 1.0, "longitude": 2}], "geoCoordinates"),
        ([{"n": 1}, {"m": "x"}], "object"),
        ([[{"n": 1}]], "object[]"),
        (["00000000-0000-0000-0000-00000000000a"], None),
        ([None, []], None),
        ([True, 1.0], None),
        ([{"beacon": "weaviate://localhost/A/1"}], None),
        ([[1], 1], None),
    ],
)
def test_the_type_of_values(values: list[Any], type_: str | None) -> None:
    found = inferred([{"p": value} for value in values])
    assert [one["dataType"] for one in found] == ([[type_]] if type_ else [])


def test_objects_within_objects() -> None:
    (found,) = inferred([{"car": {"wheels": [{"width": 5}], "make": "a"}}, {"car": {"wheels": [{"width": 5.5}]}}])
    wheels, make = found["nestedProperties"]
    assert (make["name"], make["dataType"]) == ("make", ["text"])
    assert wheels["nestedProperties"] == [{"name": "width", "dataType": ["number"]}]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-05-13", "2024-05-13T00:00:00Z"),
        ("2024-05-13 09:30", "2024-05-13T09:30:00Z"),
        ("2024-05-13T09:30:01.5+0200", "2024-05-13T09:30:01.5+02:00"),
        ("2024-05-13T09:30:01,25-05", "2024-05-13T09:30:01.25-05:00"),
        ("2024-05-13 09:30:00 Z", "2024-05-13T09:30:00Z"),
        ("2024-02-30", None),
        ("2024-05-13T25:00", None),
        ("20240513", None),
        ("13.5.2024", None),
    ],
)
def test_dates(text: str, date: str | None) -> None:
    assert rfc3339(text) == date


def test_names_of_properties() -> None:
    assert [mended(name, ()) for name in ("title", "Title", "my col", "2nd", "id", "größe", "é")] == [
        "title",
        "title",
        "my_col",
        "_2nd",
        "source_id",
        "gr_e",
        "_",
    ]
    assert mended("my col", {"my col", "my_col"}) == "my_col_2"
    assert len(mended("x" * 500, ())) == 231


def test_ids() -> None:
    from weaviate.util import generate_uuid5

    assert uuid_of("A" * 32) == "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
    assert [uuid_of(one) for one in ("doc 1", 7, 7.5)] == [generate_uuid5(one) for one in ("doc 1", 7, 7.5)]
    others: list[Any] = [None, True, "", [], {}]
    assert [uuid_of(one) for one in others] == [None] * 5
