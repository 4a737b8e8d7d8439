"""Instants: RFC 3339 text as int64 that compare as the instants do.

An instant is coded in nanoseconds since 1970 between the years 1700 and 2250, and in microseconds beyond (counted on
from the last nanosecond of that window), so that one int64 orders every date from year 0 to 9999. Finer digits
are truncated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid

Codes = npt.NDArray[np.int64]

_NS_S = 1_000_000_000
_DAY_S = 86_400
_LOW = -8_520_336_000 * _NS_S
_HIGH = 8_835_955_200 * _NS_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_DAYS_IN_400_YEARS = 146_097
_DAYS_IN_YEAR_0 = 366
_US = timedelta(microseconds=1)
_SHORT = len("2024-05-13T09:30:00Z")
_FIRST = (1 - _DAYS_IN_YEAR_0 - _EPOCH_ORDINAL) * _DAY_S * _NS_S
_LAST = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * _DAY_S * _NS_S - 1
"""The first and the last nanosecond of the years 0 to 9999, in UTC."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))", re.ASCII
)


def parse(text: str) -> int:
    """The code of an RFC 3339 date-time; raises Invalid for anything else."""
    return from_ns(nanoseconds(text))


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 date-time; raises Invalid for anything else."""
    match = _RFC3339.fullmatch(text)
    ns = _nanoseconds(match) if match else None
    if ns is None:
        raise Invalid(f"{text[:80]!r} is not an RFC 3339 date; expected the form 2024-05-13T09:30:00Z", value=text[:80])
    return ns


def parse_all(texts: Sequence[str]) -> Codes:
    """``(n,)`` codes of dates that were checked before."""
    whole = "".join(texts)
    if len(whole) == _SHORT * len(texts) and whole[_SHORT - 1 :: _SHORT] == "Z" * len(texts) and whole.isascii():
        seconds = np.frombuffer(whole.encode(), f"S{_SHORT}").astype(f"S{_SHORT - 1}").astype("datetime64[s]")
        counted = seconds.astype(np.int64)
        if ((counted > _LOW // _NS_S) & (counted < _HIGH // _NS_S)).all():
            return counted * _NS_S
    return np.fromiter((_parse_checked(text) for text in texts), np.int64, len(texts))


def from_ns(ns: int) -> int:
    """The code of nanoseconds since 1970 (any size)."""
    if ns < _LOW:
        return _LOW + (ns - _LOW) // 1000
    if ns > _HIGH:
        return _HIGH + (ns - _HIGH) // 1000
    return ns


def to_ns(code: int) -> int:
    """Nanoseconds since 1970; inverse of ``from_ns`` up to the precision of the code."""
    if code < _LOW:
        return _LOW + (code - _LOW) * 1000
    if code > _HIGH:
        return _HIGH + (code - _HIGH) * 1000
    return code


def are_exact(codes: Codes) -> bool:
    """Whether ``codes (n,)`` are all of the years that are coded in nanoseconds."""
    return bool(((codes >= _LOW) & (codes <= _HIGH)).all())


def to_seconds(codes: Codes) -> npt.NDArray[np.float64]:
    """``(n,)``: seconds since 1970, rounded to float64."""
    seconds = codes / 1e9
    for i in np.flatnonzero((codes < _LOW) | (codes > _HIGH)).tolist():
        seconds[i] = to_ns(int(codes[i])) / 1e9
    return seconds


def to_text(ns: int) -> str:
    """RFC 3339 with as many fraction digits as needed: in UTC, unless the year there has not four digits.

    That is so for the last hours of 9999 and the first ones of 0000 in a time zone of their own.
    """
    minutes = _zone(ns)
    seconds, fraction = divmod(ns + minutes * 60 * _NS_S, _NS_S)
    days, second = divmod(seconds, _DAY_S)
    eras, day = divmod(days + _EPOCH_ORDINAL - 1, _DAYS_IN_400_YEARS)
    civil = date.fromordinal(day + 1)
    hour, rest = divmod(second, 3600)
    tail = f".{fraction:09d}".rstrip("0") if fraction else ""
    return (
        f"{civil.year + 400 * eras:04d}-{civil.month:02d}-{civil.day:02d}"
        f"T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}{tail}"
        + (f"{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}" if minutes else "Z")
    )


def _zone(ns: int) -> int:
    """Minutes to add so that the year has four digits: whole hours, or one minute less than a day."""
    over = max(_FIRST - ns, ns - _LAST, 0)
    minutes = min(-(-over // (3600 * _NS_S)) * 60, _DAY_S // 60 - 1)
    return minutes if ns < _FIRST else -minutes


def _parse_checked(text: str) -> int:
    """As ``parse``, through the C parser where it is exact: at most six fraction digits, years from 1."""
    if text[10:11] == "T" and not text[26:27].isdigit():
        try:
            return from_ns((datetime.fromisoformat(text) - _EPOCH) // _US * 1000)
        except (ValueError, TypeError, OverflowError):
            return parse(text)
    return parse(text)


def _nanoseconds(match: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    # year 0 is valid in RFC 3339 but not in datetime: count it in the next era of 400 years, which has the same days
    era = 1 if int(year) < 1 else 0
    try:
        ordinal = date(int(year) + 400 * era, int(month), int(day)).toordinal() - era * _DAYS_IN_400_YEARS
    except ValueError:
        return None
    seconds = (ordinal - _EPOCH_ORDINAL) * _DAY_S + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        if int(offset_hour) > 23 or int(offset_minute) > 59:
            return None
        offset = int(offset_hour) * 3600 + int(offset_minute) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * _NS_S + int((fraction or "0")[:9].ljust(9, "0"))
