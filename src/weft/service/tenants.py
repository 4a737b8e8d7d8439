"""What the protocol says of tenants: their names and their activity statuses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.errors import Invalid

ACTIVE = "ACTIVE"
INACTIVE = "INACTIVE"
OFFLOADED = "OFFLOADED"
MOST_UPDATES = 100
"""Tenants that one update may change."""

_SPELLINGS = {
    "": ACTIVE,
    "ACTIVE": ACTIVE,
    "HOT": ACTIVE,
    "INACTIVE": INACTIVE,
    "COLD": INACTIVE,
    "OFFLOADED": OFFLOADED,
    "FROZEN": OFFLOADED,
}
TOLD = {ACTIVE: "HOT", INACTIVE: "COLD"}
"""What answers say: the newer names are for requests only, and clients before 4.7 read none but the older ones."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def statuses(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Status by name, from the documents of tenants; raises Invalid naming the one at fault."""
    found: dict[str, str] = {}
    for one in given:
        name = one.get("name") if isinstance(one, Mapping) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Invalid(
                f"{str(name)[:80]!r} is not a valid tenant name; use 1 to 64 letters, digits, hyphens, underscores"
            )
        status = one.get("activityStatus", "")
        status = "" if status is None else status
        if not isinstance(status, str) or status not in _SPELLINGS:
            raise Invalid(
                f"invalid tenant activity status {str(status)[:40]!r}; it is one of ACTIVE, INACTIVE, OFFLOADED"
            )
        if _SPELLINGS[status] == OFFLOADED:
            raise Invalid("tenants cannot be offloaded: no offload module is enabled; make them INACTIVE instead")
        found[name] = _SPELLINGS[status]
    return found
