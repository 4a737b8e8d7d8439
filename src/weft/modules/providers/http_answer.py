"""HttpAnswer: a provider's HTTP answer; whether its failure is transient, and how long to wait."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from html import unescape

import orjson

from weft.domain.json_values import JsonValue

_PASSING = frozenset({429, 500, 502, 503, 504, 529})
_THROTTLED = re.compile(r"throttl|toomanyrequests", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNSEEN = re.compile(r"<(script|style|head)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_EXPLANATION_BYTES = 20_000
_DURATION_CHARS = 100
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

    def restated(self) -> HttpAnswer:
        """This answer with status 429 if AWS states that it throttles, which some of its services do with 400."""
        throttled = self.status == 400 and _THROTTLED.search(self.headers.get("x-amzn-errortype", ""))
        return replace(self, status=429) if throttled else self

    def failed(self, body: JsonValue) -> HttpAnswer:
        """This answer with the status that its decoded ``body`` states, if that is an error.

        Gateways put one into an answer of status 200, for example while a model is loaded.
        """
        inner = body.get("error") if isinstance(body, Mapping) else None
        for place in (inner, body):
            if isinstance(place, Mapping):
                for stated in (str(place.get("code")), str(place.get("status"))):
                    if stated.isdecimal() and 400 <= int(stated) < 600:
                        return replace(self, status=int(stated))
        return self

    def explanation(self) -> JsonValue:
        """The decoded JSON, or the words of a text or an HTML page; None if there are none."""
        found = self.decoded()
        if found is not None:
            return found
        text = self.content[:_EXPLANATION_BYTES].decode("utf-8", "replace")
        if "<" in text:
            text = unescape(_TAG.sub(" ", _visible(text)))
        return " ".join(text.split()) or None

    def decoded(self) -> JsonValue:
        """None when it is not JSON."""
        try:
            found: JsonValue = orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None
        return found

    def stated_wait_s(self) -> float | None:
        """The wait in ``Retry-After``, given in seconds or as a date, else in the ``retryDelay`` of Google's errors;
        None if absent or unreadable."""
        stated = self.headers.get("retry-after", "").strip()
        if not stated:
            return self._retry_delay_s()
        try:
            return max(0.0, float(stated)) if re.fullmatch(r"\d+(\.\d+)?", stated) else _seconds_until(stated)
        except (TypeError, ValueError):
            return None

    def _retry_delay_s(self) -> float | None:
        body = self.decoded()
        error = body.get("error") if isinstance(body, Mapping) else None
        details = error.get("details") if isinstance(error, Mapping) else None
        for one in details if isinstance(details, list) else []:
            delay = one.get("retryDelay") if isinstance(one, Mapping) else None
            if isinstance(delay, str) and _DURATION.search(delay[:_DURATION_CHARS]):
                return _seconds(delay)
        return None

    def stated_pause_s(self) -> float:
        """How long to pause because a limit is used up, according to the headers that OpenAI sends."""
        resets = [
            self.headers.get(f"x-ratelimit-reset-{kind}", "")
            for kind in ("requests", "tokens")
            if self.headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
        ]
        return max(map(_seconds, resets), default=0.0)


def _seconds(duration: str) -> float:
    """Of its beginning: an answer may be of any server."""
    return sum(float(n) * _UNIT_S[unit] for n, unit in _DURATION.findall(duration[:_DURATION_CHARS]))


def _visible(page: str) -> str:
    """An HTML page without its scripts, styles and head. Each part of it is looked at once."""
    kept: list[str] = []
    at = 0
    ends: dict[str, re.Match[str] | None] = {}
    for begin in _UNSEEN.finditer(page):
        name = begin[1].lower()
        end = ends.get(name)
        if begin.start() < at or (name in ends and end is None):
            continue  # in an element that is left out, or it has no end either
        if end is None or end.start() < begin.end():
            end = ends[name] = re.compile(f"</{name}>", re.IGNORECASE).search(page, begin.end())
        if end is not None:
            kept.append(page[at : begin.start()])
            at = end.end()
    return " ".join([*kept, page[at:]])


def _seconds_until(date: str) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
