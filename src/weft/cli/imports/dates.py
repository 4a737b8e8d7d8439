"""Dates as people and other programs write them, as the protocol has them."""

from __future__ import annotations

import re

from weft.domain import instants
from weft.domain.errors import Invalid

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d(?:[.,]\d{1,9})?))? ?(Z|z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)


def rfc3339(text: str) -> str | None:
    """``2024-05-13`` as ``2024-05-13T00:00:00Z``; None for what is no ISO 8601 date. Without a zone it is UTC."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    day, minute, second, zone = match.groups()
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        zone = f"{zone[0]}{digits[:2]}:{digits[2:] or '00'}"
    whole = f"{day}T{minute or '00:00'}:{(second or '00').replace(',', '.')}{(zone or 'Z').upper()}"
    try:
        instants.nanoseconds(whole)
    except Invalid:
        return None
    return whole
