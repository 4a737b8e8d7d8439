"""Calls to providers: one connection pool, tries with back-off, keys and base URLs from where the protocol says.

A call is tried again after a failure that may pass: no connection, a broken one, and the statuses 429, 500, 502, 503
and 504. Between tries it waits as ``Retry-After`` says, or twice as long as the last time. A call whose answer did not
come in time is not made again: the provider may still be at work on it. Redirects are not followed. What fails at last
is a ProviderError with the provider's status.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, ProviderError
from weft.modules.base import Settings
from weft.modules.text_vectorizer import text_setting

if TYPE_CHECKING:
    import httpx

_PASSING = frozenset({429, 500, 502, 503, 504})
_LONGEST_WAIT_S = 20.0
_PARALLEL_CALLS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")
Explain = Callable[[int, Any], str]
"""The message for a status and the decoded body of a failure (None when it was not JSON)."""


class ProviderClient:
    """HTTP to all providers; made once, shared by their modules, safe for many threads."""

    def __init__(self, *, timeout_s: float = 50.0, tries: int = 4, first_wait_s: float = 0.5) -> None:
        self._timeout_s = timeout_s
        self._tries = tries
        self._first_wait_s = first_wait_s
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._threads: ThreadPoolExecutor | None = None

    def post(
        self, provider: str, url: str, body: Mapping[str, Any], headers: Mapping[str, str], explain: Explain
    ) -> Any:
        """The decoded JSON of a 200 answer."""
        import httpx

        wait_s = self._first_wait_s
        for left in range(self._tries - 1, -1, -1):
            try:
                answer = self._client().post(url, json=body, headers=headers)
            except httpx.HTTPError as error:
                if not left or isinstance(error, httpx.ReadTimeout):
                    raise ProviderError(
                        f"{provider} at {url} did not answer: {type(error).__name__} {error}", provider=provider
                    ) from error
            except httpx.InvalidURL as error:
                raise Invalid(f"the base URL of {provider} is not a URL: {error}") from error
            else:
                if answer.status_code == 200:
                    return _decoded(answer, provider)
                if not left or answer.status_code not in _PASSING:
                    message = explain(answer.status_code, _json_or_none(answer))
                    raise ProviderError(message, provider=provider, status=answer.status_code)
                wait_s = _stated_wait_s(answer) or wait_s
            time.sleep(min(wait_s, _LONGEST_WAIT_S))
            wait_s *= 2
        raise AssertionError("the last try returns or raises")

    def each(self, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """``call`` of each item, several at once, in order."""
        if len(items) == 1:
            return [call(items[0])]
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_PARALLEL_CALLS, thread_name_prefix="weft-provider")
        return list(self._threads.map(call, items))

    def close(self) -> None:
        with self._lock:
            http, self._http = self._http, None
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        if http is not None:
            http.close()

    def _client(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._http is None:
                self._http = httpx.Client(timeout=self._timeout_s, follow_redirects=False)
            return self._http


def api_key(caller: Caller, header: str, variable: str, *, environment_first: bool = False) -> str:
    """The provider's key: of the request's ``header``, else of the environment; Invalid when neither has one."""
    given, own = caller.headers.get(header.lower(), ""), os.environ.get(variable, "")
    key = (own or given) if environment_first else (given or own)
    if not key:
        raise Invalid(
            f"no api key found neither in request header: {header} nor in environment variable under {variable}"
        )
    return key


def base_url(settings: Settings, caller: Caller, header: str, default: str) -> str:
    """Where the provider is: the request's ``header``, else the setting ``baseURL``, else ``default``."""
    return checked_url(caller.headers.get(header.lower(), "") or text_setting(settings, "baseURL") or default)


def checked_url(url: str) -> str:
    """``url`` without a slash or ``/v1`` at its end, so that a path can follow; Invalid when it is no address."""
    url = url.rstrip("/").removesuffix("/v1").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise Invalid(f"base URL {url!r} must begin with http:// or https:// and a host")
    return url


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


def _decoded(answer: httpx.Response, provider: str) -> Any:
    found = _json_or_none(answer)
    if not isinstance(found, dict):
        raise ProviderError(f"{provider} answered with something that is not a JSON object", provider=provider)
    return found


def _json_or_none(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _stated_wait_s(answer: httpx.Response) -> float | None:
    stated = answer.headers.get("retry-after", "")
    return float(stated) if stated.isdigit() else None
