from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.domain import instants
from weft.domain.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T16:30:00.5-07:30", 500_000_000),
        ("1970-01-01T00:00:00.1234567891234Z", 123_456_789),
        ("2000-02-29T12:00:00+00:00", 951_825_600 * 10**9),
    ],
)
def test_text_is_parsed_exactly(text: str, ns: int) -> None:
    assert instants.to_ns(instants.parse(text)) == ns
    assert instants.parse_all([text]).tolist() == [instants.parse(text)]


@given(st.datetimes(timezones=st.timezones().filter(lambda z: z.key != "localtime")))
def test_every_datetime_agrees_with_the_standard_library(moment: datetime) -> None:
    moment = moment.astimezone(UTC) if datetime(2, 1, 2) < moment.replace(tzinfo=None) < datetime(9998, 1, 1) else EPOCH
    text = moment.isoformat().replace("+00:00", "Z")
    ns = (moment - EPOCH) // timedelta(microseconds=1) * 1000
    assert instants.to_ns(instants.parse(text)) == ns
    assert instants.parse_all([text]).tolist() == [instants.from_ns(ns)]
    assert instants.parse(instants.to_text(ns)) == instants.from_ns(ns)


@given(st.lists(st.integers(-62_167_219_200 * 10**9, 253_402_300_799 * 10**9), min_size=2))
def test_codes_keep_the_order(moments: list[int]) -> None:
    moments.sort()
    codes = [instants.from_ns(ns) for ns in moments]
    assert codes == sorted(codes)
    assert all(-(2**63) <= code < 2**63 for code in codes)
    assert all(abs(instants.to_ns(code) - ns) < 1000 for code, ns in zip(codes, moments, strict=True))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
        ("9999-12-31T23:59:59.123456789-00:30", "9999-12-31T23:29:59.123456789-01:00"),
        ("9999-12-31T23:59:59.999999999-23:59", "9999-12-31T23:59:59.999999999-23:59"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ("9999-12-31T14:00:00-10:00", "9999-12-31T23:00:00-01:00"),
        ("0000-01-01T00:00:00+14:00", "0000-01-01T00:00:00+14:00"),
        ("0000-01-01T00:00:00.000000001+00:30", "0000-01-01T00:30:00.000000001+01:00"),
        ("0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00+23:59"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    ],
)
def test_a_date_keeps_a_year_of_four_digits(text: str, written: str) -> None:
    ns = instants.nanoseconds(text)
    assert instants.to_text(ns) == written
    assert instants.nanoseconds(written) == ns


def test_codes_of_far_years_are_not_exact() -> None:
    near = instants.parse_all(["1700-01-02T00:00:00Z", "2249-01-01T00:00:00Z"])
    assert instants.are_exact(near)
    assert instants.are_exact(near[:0])
    for far in ("1500-01-01T00:00:00Z", "2300-01-01T00:00:00Z"):
        assert not instants.are_exact(instants.parse_all([far, "2000-01-01T00:00:00Z"]))


@pytest.mark.parametrize("text", ["0000-01-01T00:00:00Z", "0000-03-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_last_years_survive(text: str) -> None:
    assert instants.to_text(instants.to_ns(instants.parse(text))) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024",
        "2024-01-01",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00+24:00",
        "2024-W01-1T00:00:00Z",
        "٢٠٢٤-01-01T00:00:00Z",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="RFC 3339"):
        instants.parse(text)


@given(st.lists(st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")), max_size=5))
def test_dates_of_the_usual_form_are_parsed_together_as_one_by_one(texts: list[str]) -> None:
    assert instants.parse_all(texts).tolist() == [instants.parse(text) for text in texts]
    others = [*texts, "2024-05-13T09:30:00.5Z", "0000-02-29T09:30:00+01:00"]
    assert instants.parse_all(others).tolist() == [instants.parse(text) for text in others]


@pytest.mark.parametrize(
    "text", ["0000-02-29T00:00:00Z", "1700-01-01T00:00:00Z", "2250-01-01T00:00:00Z", "1699-12-31T23:59:59Z"]
)
def test_dates_at_the_ends_of_nanoseconds_are_parsed_together_as_one_by_one(text: str) -> None:
    assert instants.parse_all([text, text]).tolist() == 2 * [instants.parse(text)]
