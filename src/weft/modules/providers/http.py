"""Calls to providers: one connection pool, back-off, and no wait without an end.

A call is tried again after a failure that may pass: no connection, a broken one, and the statuses 429, 500, 502, 503
and 504. Between tries it waits as ``Retry-After`` says, or about twice as long as the last time. An answer that tells
to wait closes the gate for all calls of that key to that address. A call whose answer did not come in time is not made
again: the provider may still be at work on it. Redirects are not followed. What fails at last is a ProviderError with
the provider's status and words.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from weft.domain.errors import Invalid, Overloaded, ProviderError
from weft.modules.providers.pace import Gate, Pace
from weft.modules.providers.provider import Provider

if TYPE_CHECKING:
    import httpx

_PASSING = frozenset({429, 500, 502, 503, 504})
_TRIES = 6
_PARALLEL_CALLS = 8
"""To one provider, of all imports together."""
_GATES = 1000
_QUERY_PATIENCE_S = 20.0
"""The longest that a search, or a generation, waits between tries: the clients' own limit is 30 s."""
_TURN_PATIENCE_S = 120.0
"""The longest that one call of an import waits for its turn."""
_LONGEST_PAUSE_S = 600.0
"""However long a provider asks to wait, after this it is tried again."""
_LARGEST_ANSWER_BYTES = 1 << 29
_BYTES_A_TOKEN = 3
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def decoded(self) -> Any:
        """None when it is not JSON."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None

    def stated_wait_s(self) -> float | None:
        """What ``Retry-After`` says, in seconds or as a date; None when it says nothing that can be read."""
        stated = self.headers.get("retry-after", "").strip()
        try:
            return max(0.0, float(stated)) if re.fullmatch(r"\d+(\.\d+)?", stated) else _seconds_until(stated)
        except (TypeError, ValueError):
            return None

    def stated_pause_s(self) -> float:
        """How long nothing more is answered: a limit is used up, and when it is whole again is told (OpenAI's way)."""
        resets = [
            self.headers.get(f"x-ratelimit-reset-{kind}", "")
            for kind in ("requests", "tokens")
            if self.headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
        ]
        return max(
            (sum(float(n) * _UNIT_S[unit] for n, unit in _DURATION.findall(reset)) for reset in resets), default=0.0
        )


class ProviderClient:
    """HTTP to all providers; made once, shared by their modules, safe for many threads.

    ``timeout_s`` bounds one try, and is the time after whose end no other try begins. ``public_only``: addresses that
    collections and requests name must be those of public hosts.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 50.0,
        tries: int = _TRIES,
        first_wait_s: float = 0.5,
        public_only: bool = False,
    ) -> None:
        self._timeout_s = timeout_s
        self._tries = tries
        self._first_wait_s = first_wait_s
        self._public_only = public_only
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._gates: OrderedDict[tuple[str, int], Gate] = OrderedDict()
        self._closed = threading.Event()

    def post(
        self,
        provider: Provider,
        url: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        pace: Pace | None = None,
    ) -> dict[str, Any]:
        """The JSON object of a 200 answer. ``pace`` is given by imports: they wait for their turn, searches do not."""
        answer = self.post_any(provider, url, body, headers, pace)
        if not isinstance(answer, dict):
            raise ProviderError(
                f"{provider.name} answered with something that is not a JSON object", provider=provider.name
            )
        return answer

    def post_any(
        self,
        provider: Provider,
        url: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        pace: Pace | None = None,
    ) -> Any:
        """The decoded JSON of a 200 answer, whatever it is; None when it is not JSON."""
        if self._public_only:
            provider.check_public(url)
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json", **headers}
        gate = self._gate(url, headers)
        patience_s = self._timeout_s if pace is not None else min(self._timeout_s, _QUERY_PATIENCE_S)
        deadline: float | None = None
        backoff_s = self._first_wait_s
        for left in range(self._tries - 1, -1, -1):
            self._await_turn(provider, gate, pace, len(content) // _BYTES_A_TOKEN)
            deadline = deadline or time.monotonic() + patience_s
            outcome = self._try(provider, url, content, headers)
            if isinstance(outcome, _Answer) and outcome.status == 200:
                gate.close_until(time.monotonic() + min(outcome.stated_pause_s(), _LONGEST_PAUSE_S))
                return outcome.decoded()
            wait_s = backoff_s * random.uniform(0.5, 1)
            backoff_s *= 2
            if isinstance(outcome, _Answer):
                error = self._failure(provider, outcome)
                stated_s = outcome.stated_wait_s() if outcome.status in _PASSING else None
                if stated_s is not None:
                    wait_s = max(wait_s, stated_s)
                    gate.close_until(time.monotonic() + min(stated_s, _LONGEST_PAUSE_S))
                passing = outcome.status in _PASSING
            else:
                error, passing = outcome
            if not passing or not left or time.monotonic() + wait_s > deadline:
                raise error
            self._sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def each(self, provider: Provider, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """``call`` of each item, several at once, in order. One provider's slowness holds up no other's calls."""
        if len(items) == 1:
            return [call(items[0])]
        with self._lock:
            if self._closed.is_set():
                raise _stopping()
            threads = self._threads.get(provider.word)
            if threads is None:
                threads = ThreadPoolExecutor(_PARALLEL_CALLS, thread_name_prefix=f"weft-{provider.word.lower()}")
                self._threads[provider.word] = threads
            running = [threads.submit(call, item) for item in items]
        try:
            return [one.result() for one in running]
        except CancelledError as error:
            raise _stopping() from error

    def close(self) -> None:
        """Calls that wait give up; those under way are cut off."""
        self._closed.set()
        with self._lock:
            http, self._http = self._http, None
            threads, self._threads = self._threads, {}
        for one in threads.values():
            one.shutdown(wait=False, cancel_futures=True)
        if http is not None:
            http.close()

    def _try(
        self, provider: Provider, url: str, content: bytes, headers: Mapping[str, str]
    ) -> _Answer | tuple[ProviderError, bool]:
        """The answer, or what went wrong and whether it may pass."""
        import httpx

        try:
            return self._send(url, content, headers)
        except httpx.InvalidURL as error:
            raise Invalid(f"the base URL of {provider.name} is not a URL: {error}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            too_late = isinstance(error, httpx.ReadTimeout | TimeoutError)
            passing = not too_late and not isinstance(error, httpx.DecodingError | httpx.UnsupportedProtocol)
            told = f"{provider.name} at {url} did not answer: {type(error).__name__} {error}".rstrip()
            if too_late:
                told += f"; it had {self._timeout_s:g} s, which MODULES_CLIENT_TIMEOUT can change"
            return ProviderError(told, provider=provider.name), passing
        except RuntimeError as error:
            if self._closed.is_set():
                raise _stopping() from error
            raise

    def _send(self, url: str, content: bytes, headers: Mapping[str, str]) -> _Answer:
        """One request. Raises httpx.HTTPError, and TimeoutError for an answer that trickles in for too long."""
        import httpx

        deadline = time.monotonic() + self._timeout_s
        received = bytearray()
        with self._client().stream("POST", url, content=content, headers=dict(headers)) as answer:
            for part in answer.iter_bytes():
                received += part
                if time.monotonic() > deadline:
                    raise TimeoutError("the answer was not whole in time")
                if len(received) > _LARGEST_ANSWER_BYTES:
                    raise httpx.DecodingError(f"the answer is longer than {_LARGEST_ANSWER_BYTES} bytes")
            return _Answer(answer.status_code, dict(answer.headers), bytes(received))

    def _await_turn(self, provider: Provider, gate: Gate, pace: Pace | None, tokens: int) -> None:
        patience_s = _TURN_PATIENCE_S if pace is not None else _QUERY_PATIENCE_S
        until = time.monotonic() + patience_s
        while wait_s := gate.enter(pace, tokens, time.monotonic()):
            if time.monotonic() + wait_s > until:
                raise ProviderError(
                    f"{provider.name} can be asked again in {wait_s:.0f} s, and a call waits {patience_s:g} s at most: "
                    "it asked for a pause, or a rate limit is used up, its own or that of the request's headers; send "
                    "less at once",
                    provider=provider.name,
                    status=429,
                )
            self._sleep(wait_s)

    def _sleep(self, wait_s: float) -> None:
        if self._closed.wait(wait_s):
            raise _stopping()

    def _gate(self, url: str, headers: Mapping[str, str]) -> Gate:
        """Of the address and the key; the least used are forgotten beyond a number."""
        payer = (url, hash(headers.get("Authorization") or headers.get("api-key")))
        with self._lock:
            gate = self._gates.setdefault(payer, Gate())
            self._gates.move_to_end(payer)
            if len(self._gates) > _GATES:
                self._gates.popitem(last=False)
            return gate

    def _client(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._closed.is_set():
                raise _stopping()
            if self._http is None:
                self._http = httpx.Client(timeout=self._timeout_s, follow_redirects=False)
            return self._http

    @staticmethod
    def _failure(provider: Provider, answer: _Answer) -> ProviderError:
        message = provider.explain(answer.status, answer.decoded())
        stated_s = answer.stated_wait_s()
        if stated_s and answer.status in _PASSING:
            message += f" (it asks to wait {stated_s:.0f} s)"
        return ProviderError(message, provider=provider.name, status=answer.status)


def chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def batches_by_size(texts: Sequence[str], most: int, size_bytes: int) -> list[Sequence[str]]:
    """At most ``most`` texts and ``size_bytes`` of UTF-8 in each, in order; one longer text goes alone."""
    batches: list[list[str]] = []
    room = 0
    for text in texts:
        size = len(text.encode("utf-8", "replace")) + 1
        if not batches or size > room or len(batches[-1]) >= most:
            batches.append([])
            room = size_bytes
        batches[-1].append(text)
        room -= size
    return [*batches]


def data_url(image: str) -> str:
    """A base64 picture as a ``data:`` URL; one that is such already stays as it is."""
    return image if image.startswith("data:") else f"data:image/png;base64,{image}"


def _seconds_until(date: str) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())


def _stopping() -> Overloaded:
    return Overloaded("the server is stopping; send the request again when it has started")
