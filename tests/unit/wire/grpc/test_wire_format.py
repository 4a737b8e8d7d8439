"""The few pieces of the wire format that are written by hand, against the message classes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.domain.errors import CorruptData
from weft.protocol import batch, properties
from weft.wire.grpc.wire_format import NULL_VALUE, map_entries, map_entry, sized, varint


@given(st.integers(0, 2**63 - 1))
def test_varints(n: int) -> None:
    message = properties.PhoneNumber.FromString(b"\x08" + varint(n))
    assert message.country_code == n


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=300), max_size=20))
@settings(max_examples=50)
def test_entries_are_cut_whole(values: dict[str, str]) -> None:
    message = properties.Properties()
    for name, text in values.items():
        message.fields[name].text_value = text
    entries = list(map_entries(message.SerializeToString()))
    assert {name.decode() for name, _, _ in entries} == set(values)
    assert properties.Properties.FromString(b"".join(entry for _, _, entry in entries)) == message
    for key, value, _ in entries:
        assert properties.Value.FromString(value).text_value == values[key.decode()]
    rebuilt = b"".join(map_entry(name.decode(), value) for name, value, _ in entries)
    assert properties.Properties.FromString(rebuilt) == message


def test_null_value() -> None:
    assert properties.Value.FromString(NULL_VALUE).WhichOneof("kind") == "null_value"


@given(st.binary(max_size=40))
def test_bytes_of_another_form_are_reported(data: bytes) -> None:
    try:
        list(map_entries(data))
    except CorruptData:
        return


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 100_000])
def test_sizes(size: int) -> None:
    text = "x" * size
    assert batch.BatchObject.FromString(b"\x0a" + sized(text.encode())).uuid == text
