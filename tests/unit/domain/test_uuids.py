"""Uuids of objects: their text is read as ``uuid.UUID`` reads it, whatever its form."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.domain.errors import Invalid
from weft.domain.objects import format_uuid, parse_uuid

_TEXT = "01234567-89ab-cdef-0123-456789abcdef"


@given(st.uuids())
def test_every_form_of_a_uuid_is_read(uuid: UUID) -> None:
    for text in (str(uuid), str(uuid).upper(), uuid.hex, f"{{{uuid}}}", uuid.urn):
        assert parse_uuid(text) == uuid.bytes
    assert format_uuid(uuid.bytes) == str(uuid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        _TEXT[:-1],
        _TEXT + "0",
        _TEXT[:-1] + "g",
        _TEXT[:-2] + "  ",
        _TEXT[:-3] + "a b",
        _TEXT[:-3] + "1_2",
        _TEXT[:-1] + "-",
        "-" * 36,
        _TEXT[:-1] + "é",
    ],
)
def test_what_is_not_a_uuid_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is not a uuid"):
        parse_uuid(text)
