"""HttpAnswer: a provider's HTTP answer; whether its failure is transient, and how long to wait."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import orjson

from weft.domain.json_values import JsonValue

_PASSING = frozenset({429, 500, 502, 503, 504})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """``headers``: by lower-case names; ``content``: complete."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def may_pass(self) -> bool:
        """Whether the same request can succeed later."""
        return self.status in _PASSING

    def decoded(self) -> JsonValue:
        """None when it is not JSON."""
        try:
            found: JsonValue = orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None
        return found

    def stated_wait_s(self) -> float | None:
        """The wait in ``Retry-After``, given in seconds or as a date; None if absent or unreadable."""
        stated = self.headers.get("retry-after", "").strip()
        try:
            return max(0.0, float(stated)) if re.fullmatch(r"\d+(\.\d+)?", stated) else _seconds_until(stated)
        except (TypeError, ValueError):
            return None

    def stated_pause_s(self) -> float:
        """How long to pause because a limit is used up, according to the headers that OpenAI sends."""
        resets = [
            self.headers.get(f"x-ratelimit-reset-{kind}", "")
            for kind in ("requests", "tokens")
            if self.headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
        ]
        return max(
            (sum(float(n) * _UNIT_S[unit] for n, unit in _DURATION.findall(reset)) for reset in resets), default=0.0
        )


def _seconds_until(date: str) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
