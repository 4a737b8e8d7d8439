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
from typing import TYPE_CHECKING, TypeVar

from weft.domain.errors import Invalid, Overloaded, ProviderError
from weft.domain.json_cost import decoded_bytes
from weft.domain.json_values import JsonValue
from weft.domain.metering import count
from weft.domain.place import away, holder
from weft.domain.shares import Shares
from weft.modules.providers.address_rules import AddressRules, hidden_failure, without_reasons
from weft.modules.providers.backoff import Backoff
from weft.modules.providers.body import MultipartForm, Sign, encoded
from weft.modules.providers.crews import Crews, stopping
from weft.modules.providers.http_answer import HttpAnswer
from weft.modules.providers.pace import Pace, PaceGate
from weft.modules.providers.provider import Provider, reason_of, reports_error, without_user
from weft.modules.providers.stated_tokens import stated_tokens

if TYPE_CHECKING:
    import httpx

_TRIES = 6
_GATES = 1000
_QUERY_PATIENCE_S = 20.0
"""The longest that a search, or a generation, waits between tries: the clients' own limit is 30 s."""
_TURN_PATIENCE_S = 120.0
"""The longest that one call of an import waits for its turn."""
_LONGEST_PAUSE_S = 600.0
"""The longest pause: after it a provider is called again, however long it asked to wait."""
_LARGEST_ANSWER_BYTES, _LARGEST_OF_IMPORT_BYTES = 1 << 26, 1 << 28
"""Of a search or a generation, and of a call for many objects."""
_RECEIVED_BYTES = 1 << 30
"""Of all answers that are being received; a caller may take half of what the others leave."""
_DECODED_BYTES = 5 << 27
"""What the values of one answer may take; those of a small one take little."""
_UNCHECKED_BYTES = 1 << 20
_BYTES_A_TOKEN = 3
_LONGEST_EXCERPT = 300

Item = TypeVar("Item")
Result = TypeVar("Result")


class ProviderClient:
    """HTTP to all providers; made once, shared by their modules, safe for many threads.

    While a request waits for one, others are answered in its place (``weft.domain.place``).

    ``timeout_s`` bounds one try, and no other try begins after it has passed. ``rules``: for the addresses that are
    called.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 50.0,
        tries: int = _TRIES,
        first_wait_s: float = 0.5,
        rules: AddressRules | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._tries = tries
        self._first_wait_s = first_wait_s
        self.rules = rules or AddressRules()
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._crews = Crews()
        self._receiving = Shares(_RECEIVED_BYTES)
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
        hides = self.rules.hides_errors(provider, url)
        with away():
            try:
                found = self._post(provider, url, body, headers, pace, sign)
            except ProviderError:
                if hides:
                    raise hidden_failure(provider) from None
                raise
        return without_reasons(found) if hides else found

    def _post(
        self,
        provider: Provider,
        url: str,
        body: Mapping[str, object] | MultipartForm,
        headers: Mapping[str, str],
        pace: Pace | None,
        sign: Sign | None,
    ) -> JsonValue:
        from weft.domain.outgoing import only_to_public

        public_only = self.rules.checked(provider, url)
        gate = self._gate(url, headers, sign)
        content, content_type = encoded(body)
        headers = {"Content-Type": content_type, **headers}
        patience_s = self._timeout_s if pace is not None else min(self._timeout_s, _QUERY_PATIENCE_S)
        backoff = Backoff(self._tries, self._first_wait_s, patience_s)
        count(calls=1)
        most_bytes = _LARGEST_ANSWER_BYTES if pace is None else _LARGEST_OF_IMPORT_BYTES
        while True:
            self._await_turn(provider, gate, pace, len(content) // _BYTES_A_TOKEN)
            backoff.begin(time.monotonic())
            signed = {**headers, **sign(url, content, headers)} if sign else headers
            with only_to_public(public_only):
                outcome = self._try(provider, url, content, signed, most_bytes)
            stated_s = None
            if isinstance(outcome, HttpAnswer):
                if outcome.status == 200:
                    gate.close_until(time.monotonic() + min(outcome.stated_pause_s(), _LONGEST_PAUSE_S))
                    decoded = outcome.decoded()
                    if decoded is None:
                        raise _not_json(provider, outcome)
                    if not reports_error(decoded):
                        count(tokens=stated_tokens(decoded))
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
            count(retries=1)
            self._sleep(wait_s)

    def each(self, provider: Provider, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """``call`` for each item, several concurrently, in order. A slow provider does not delay calls to others."""
        if len(items) == 1:
            return [call(items[0])]
        return self._crews.each(provider.env_prefix, call, items)

    def close(self) -> None:
        """Waiting calls give up; running ones are cut off."""
        self._closed.set()
        with self._lock:
            http, self._http = self._http, None
        self._crews.close()
        if http is not None:
            http.close()

    def _try(
        self, provider: Provider, url: str, content: bytes, headers: Mapping[str, str], most_bytes: int
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
            return self._send(url, content, headers, most_bytes)
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
                raise stopping() from error
            raise

    def _send(self, url: str, content: bytes, headers: Mapping[str, str], most_bytes: int) -> HttpAnswer:
        """One request. Raises httpx.HTTPError, Overloaded where too much is being received."""
        import httpx

        from weft.domain.outgoing import within_s

        received, held, caller = bytearray(), 0, holder()
        sent = dict(headers)
        try:
            with within_s(self._timeout_s), self._client().stream("POST", url, content=content, headers=sent) as answer:
                for part in answer.iter_bytes():
                    if len(received) + len(part) > most_bytes:
                        raise httpx.DecodingError(f"the answer is longer than {most_bytes} bytes")
                    if not self._receiving.take(caller, len(part)):
                        raise Overloaded("the answers of providers that are being received take too much; try later")
                    held += len(part)
                    received += part
                found = HttpAnswer(answer.status_code, dict(answer.headers), bytes(received)).restated()
            if len(received) > _UNCHECKED_BYTES and decoded_bytes(found.content) > _DECODED_BYTES:
                raise httpx.DecodingError("the values of the answer would take too much memory")
            return found
        finally:
            self._receiving.give_back(caller, held)

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
            raise stopping()

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
        from weft.domain.outgoing import client

        with self._lock:
            if self._closed.is_set():
                raise stopping()
            if self._http is None:
                self._http = client(timeout_s=self._timeout_s)
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
