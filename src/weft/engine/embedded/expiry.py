"""When objects expire: a number of seconds after their creation, their last change, or a date property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.schema import Expiry


def expired_at(expiry: Expiry, now_s: float) -> Condition:
    """The condition that objects expired by ``now_s`` (seconds since 1970) satisfy; one without the date never does."""
    try:
        limit = datetime.fromtimestamp(now_s, UTC) - timedelta(seconds=expiry.after_s)
    except OverflowError:  # before the first possible date, or after the last
        limit = (datetime.min if expiry.after_s > 0 else datetime.max).replace(tzinfo=UTC)
    return Condition(
        Operator.LESS_THAN_EQUAL, PropertyTarget(expiry.property), limit.isoformat(timespec="milliseconds")
    )
