"""Schedules: cron expressions, ``@hourly`` and the like, ``@every`` with a duration."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias

from cronsim import CronSim, CronSimError

from weft.domain.clock import duration_s
from weft.domain.errors import Misconfigured

Schedule: TypeAlias = Callable[[float], float]
"""The first time of a schedule after a given one, both in seconds since 1970."""

_EVERY = "@every "
_NAMED: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def never(after_s: float) -> float:
    return math.inf


def parse(text: str) -> Schedule:
    """Cron fields are in the machine's local time; if there are six, the first is the seconds. An empty text: never.

    Raises Misconfigured.
    """
    text = text.strip()
    if not text:
        return never
    if text.startswith(_EVERY):
        try:
            every_s = duration_s(text.removeprefix(_EVERY))
        except ValueError:
            every_s = math.nan
        if not every_s > 0:
            raise Misconfigured(f"a schedule must be @every and a duration above 0 like 5m, not {text!r}")
        return lambda after_s: after_s + every_s
    expression = _NAMED.get(text, text)
    following = _following(expression, text)
    following(0.0)  # a date that never occurs is refused here
    return following


def _following(expression: str, text: str) -> Schedule:
    def following(after_s: float) -> float:
        try:
            return next(CronSim(expression, datetime.fromtimestamp(after_s).astimezone())).timestamp()
        except (CronSimError, StopIteration) as error:
            reason = str(error) or "it never occurs"
            raise Misconfigured(
                "a schedule must be a cron expression like */10 * * * *, @hourly, @daily, or @every and a duration "
                f"like 5m; {text!r} is invalid: {reason}"
            ) from None

    return following
