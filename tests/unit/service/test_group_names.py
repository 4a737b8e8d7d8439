"""The names of groups keep values apart."""

from __future__ import annotations

from typing import Any

import pytest

from weft.domain.objects import GeoPoint, PhoneNumber, Reference
from weft.domain.schema import DataType
from weft.service.group_names import date_name, group_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2024-01-01T00:00:00.100Z", "2024-01-01T00:00:00.1Z"),
        ("2024-01-01T00:00:00.000000+02:00", "2024-01-01T00:00:00+02:00"),
        ("2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00,50-00:00", "2024-01-01T00:00:00.5Z"),
        ("2024-01-01T00:00:00.1234567899Z", "2024-01-01T00:00:00.123456789Z"),
        ("2024-01-01T10:20:30Z", "2024-01-01T10:20:30Z"),
    ],
)
def test_a_date_in_its_shortest_form(text: str, name: str) -> None:
    assert date_name(text) == name
    assert group_name(text, DataType.DATE) == group_name(text, DataType.DATE_ARRAY) == name
    assert group_name(text, DataType.TEXT) == text


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        (None, DataType.INT, ""),
        (True, DataType.BOOLEAN, "true"),
        (9007199254740993, DataType.INT, "9007199254740993"),
        ('a "b" <c>', DataType.TEXT, 'a "b" <c>'),
        (GeoPoint(1.0, 2.0), DataType.GEO, '{"latitude":1,"longitude":2}'),
        (GeoPoint(51.225555419921875, 9.99999993922529e-09), DataType.GEO, '{"latitude":51.225555,"longitude":1e-8}'),
        (GeoPoint(51.225555, -0.1), DataType.GEO, '{"latitude":51.225555,"longitude":-0.1}'),
        (
            PhoneNumber("+49 171 1234567", "", 49, 1711234567, "+49 171 1234567", "0171 1234567", True),
            DataType.PHONE,
            '{"countryCode":49,"input":"+49 171 1234567","internationalFormatted":"+49 171 1234567",'
            '"national":1711234567,"nationalFormatted":"0171 1234567","valid":true}',
        ),
        ({"s": "ä", "n": 1.0, "l": [1, 2.5]}, DataType.OBJECT, '{"l":[1,2.5],"n":1,"s":"ä"}'),
        (
            Reference("To", bytes(15) + b"M"),
            DataType.REFERENCE,
            "weaviate://localhost/To/" + "0" * 8 + "-0000" * 3 + "-00000000004d",
        ),
    ],
)
def test_the_name_of_a_value(value: Any, kind: DataType, name: str) -> None:
    assert group_name(value, kind) == name
