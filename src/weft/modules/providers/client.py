"""ProviderClient: calls to providers, with one connection pool, retries and bounded waits.

A call is retried after a transient failure: no connection, a broken one, and the statuses 429, 500, 502, 503, 504
and 529 (overloaded), also where an answer of status 200 states them.
Between tries it waits as ``Retry-After`` or its ``Backoff`` says. An answer that asks to wait closes the gate for all
calls with that key to that address. A call that times out is not retried: the provider may still be working on it.
Redirects are not followed. A final failure is a ProviderError with the provider's status and message.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from weft.domain.errors import Invalid, Overloaded, ProviderError
from weft.domain.json_values import JsonValue
from weft.modules.providers.backoff import Backoff
from weft.modules.providers.body import MultipartForm, Sign, encoded
from weft.modules.providers.http_answer import HttpAnswer
from weft.modules.providers.pace import Pace, PaceGate
from weft.modules.providers.provider import Provider, reason_of, reports_error, without_user

if TYPE_CHECKING:
    import httpx

_TRIES = 6
_PARALLEL_CALLS = 8
"""Concurrent calls to one provider, of all imports together."""
_GATES = 1000
_QUERY_PATIENCE_S = 20.0
"""The longest that a search, or a generation, waits between tries: the clients' own limit is 30 s."""
_TURN_PATIENCE_S = 120.0
"""The longest that one call of an import waits for its turn."""
_LONGEST_PAUSE_S = 600.0
"""The longest pause: after it a provider is called again, however long it asked to wait."""
_LARGEST_ANSWER_BYTES = 1 << 29
_BYTES_A_TOKEN = 3
_LONGEST_EXCERPT = 300

Item = TypeVar("Item")
Result = TypeVar("Result")


class ProviderClient:
    """HTTP to all providers; made once, shared by their modules, safe for many threads.

    ``timeout_s`` bounds one try, and no other try begins after it has passed. ``public_only``: addresses in collections
    and requests must be those of public hosts.
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
        self._gates: OrderedDict[tuple[str, int], PaceGate] = OrderedDict()
        self._closed = threading.Event()

    def post(
        self,
        provider: Provider,
        url: str,
        body: Mapping[str, object] | MultipartForm,
        headers: Mapping[str, str],
        pace: Pace | None = None,
        sign: Sign | None = None,
    ) -> JsonValue:
        """The decoded JSON of a 200 answer. Raises ProviderError for every other answer.

        ``pace``: given by imports, which wait for their turn; searches do not. ``sign``: more headers for each try.
        """
        if self._public_only:
            provider.check_public(url)
        gate = self._gate(url, headers, sign)
        content, content_type = encoded(body)
        headers = {"Content-Type": content_type, **headers}
        patience_s = self._timeout_s if pace is not None else min(self._timeout_s, _QUERY_PATIENCE_S)
        backoff = Backoff(self._tries, self._first_wait_s, patience_s)
        while True:
            self._await_turn(provider, gate, pace, len(content) // _BYTES_A_TOKEN)
            backoff.begin(time.monotonic())
            outcome = self._try(provider, url, content, {**headers, **sign(url, content, headers)} if sign else headers)
            stated_s = None
            if isinstance(outcome, HttpAnswer):
                if outcome.status == 200:
                    gate.close_until(time.monotonic() + min(outcome.stated_pause_s(), _LONGEST_PAUSE_S))
                    decoded = outcome.decoded()
                    if decoded is None:
                        raise _not_json(provider, outcome)
                    if not reports_error(decoded):
                        return decoded
                    outcome = outcome.failed(decoded)
                error, may_pass = _failure(provider, outcome), outcome.may_pass
                stated_s = outcome.stated_wait_s() if may_pass else None
                if stated_s is not None:
                    gate.close_until(time.monotonic() + min(stated_s, _LONGEST_PAUSE_S))
            else:
                error, may_pass = outcome
            wait_s = backoff.next_wait_s(stated_s, time.monotonic()) if may_pass else None
            if wait_s is None:
                raise error
            self._sleep(wait_s)

    def each(self, provider: Provider, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """``call`` for each item, several concurrently, in order. A slow provider does not delay calls to others."""
        if len(items) == 1:
            return [call(items[0])]
        name = provider.env_prefix
        with self._lock:
            if self._closed.is_set():
                raise _stopping()
            threads = self._threads.get(name)
            if threads is None:
                threads = ThreadPoolExecutor(_PARALLEL_CALLS, thread_name_prefix=f"weft-{name.lower()}")
                self._threads[name] = threads
            running = [threads.submit(call, item) for item in items]
        try:
            return [one.result() for one in running]
        except CancelledError as error:
            raise _stopping() from error

    def close(self) -> None:
        """Waiting calls give up; running ones are cut off."""
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
    ) -> HttpAnswer | tuple[ProviderError, bool]:
        """The answer, or the error and whether it is transient. Raises Invalid for a value that no header can have."""
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable() or value != value.strip():
                raise Invalid(
                    f"header {name} for {provider.name} would have characters that a header cannot have, or a blank at "
                    "an end"
                )
        import httpx

        try:
            return self._send(url, content, headers)
        except httpx.InvalidURL as error:
            raise Invalid(f"the base URL of {provider.name} is not a URL: {error}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            too_late = isinstance(error, httpx.ReadTimeout | TimeoutError)
            may_pass = not too_late and not isinstance(error, httpx.DecodingError | httpx.UnsupportedProtocol)
            message = f"{provider.name} at {without_user(url)} did not answer: {type(error).__name__} {error}".rstrip()
            if too_late:
                message += f"; its limit was {self._timeout_s:g} s (MODULES_CLIENT_TIMEOUT)"
            return ProviderError(message, provider=provider.name), may_pass
        except RuntimeError as error:
            if self._closed.is_set():
                raise _stopping() from error
            raise

    def _send(self, url: str, content: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """One request. Raises httpx.HTTPError, and TimeoutError for an answer that takes too long."""
        import httpx

        deadline = time.monotonic() + self._timeout_s
        received = bytearray()
        with self._client().stream("POST", url, content=content, headers=dict(headers)) as answer:
            for part in answer.iter_bytes():
                received += part
                if time.monotonic() > deadline:
                    raise TimeoutError("the answer was not complete in time")
                if len(received) > _LARGEST_ANSWER_BYTES:
                    raise httpx.DecodingError(f"the answer is longer than {_LARGEST_ANSWER_BYTES} bytes")
            return HttpAnswer(answer.status_code, dict(answer.headers), bytes(received)).restated()

    def _await_turn(self, provider: Provider, gate: PaceGate, pace: Pace | None, tokens: int) -> None:
        patience_s = _TURN_PATIENCE_S if pace is not None else _QUERY_PATIENCE_S
        until = time.monotonic() + patience_s
        while wait_s := gate.enter(pace, tokens, time.monotonic()):
            if time.monotonic() + wait_s > until:
                raise ProviderError(
                    f"{provider.name} can be called again in {wait_s:.0f} s, but a call waits {patience_s:g} s at "
                    "most: it asked for a pause, or its rate limit or that of the request's headers is used up; send "
                    "fewer objects at a time",
                    provider=provider.name,
                    status=429,
                )
            self._sleep(wait_s)

    def _sleep(self, wait_s: float) -> None:
        if self._closed.wait(wait_s):
            raise _stopping()

    def _gate(self, url: str, headers: Mapping[str, str], sign: Sign | None) -> PaceGate:
        """The gate of the address and the key, which is in a header or signs; beyond a number the least recently used
        are forgotten."""
        payer = (url, hash((*sorted(headers.items()), sign)))
        with self._lock:
            gate = self._gates.setdefault(payer, PaceGate())
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


def _failure(provider: Provider, answer: HttpAnswer) -> ProviderError:
    message = provider.explain(answer.status, answer.explanation())
    stated_s = answer.stated_wait_s()
    if stated_s and answer.may_pass:
        message += f" (it asks to wait {stated_s:.0f} s)"
    return ProviderError(message, provider=provider.name, status=answer.status)


def _not_json(provider: Provider, answer: HttpAnswer) -> ProviderError:
    words = reason_of(answer.explanation())[:_LONGEST_EXCERPT]
    message = f"{provider.name} answered with something that is not a JSON object{f': {words}' if words else ''}"
    return ProviderError(message, provider=provider.name)


def _stopping() -> Overloaded:
    return Overloaded("the server is stopping; send the request again when it has started")
