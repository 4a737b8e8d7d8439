"""Provider: its name, address and key, and the caller's pace.

    address   header X-{Prefix}-Baseurl, else the collection's setting, else variable {PREFIX}_BASE_URL, else its own
    key       header X-{Prefix}-Api-Key, else variable {PREFIX}_APIKEY, unless the provider has other names for them
    pace      headers X-{Prefix}-Ratelimit-RequestPM-Embedding and X-{Prefix}-Ratelimit-TokenPM-Embedding

A key from the environment is sent to the provider's own hosts, to the variable's address and to hosts that the operator
lists, and never to another address that a request or a collection names: a caller could read it there. A setting with
one of the provider's own addresses counts as not given: it is the default of new collections, and must not hide the
variable. The variable applies to every host of the provider.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured
from weft.domain.json_values import JsonValue
from weft.modules.base import ModuleConfig
from weft.modules.providers.pace import Pace
from weft.modules.text_vectorizer import text_setting

_LONGEST_REASON = 2000
REASONS = ("message", "Message", "msg", "detail", "error", "errors", "title")
"""Where providers state what went wrong."""
_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

Explain = Callable[[int, JsonValue], str]
"""The message for a status and the decoded body of a failure (None when it was not JSON)."""


@dataclass(frozen=True, slots=True)
class Provider:
    """``env_prefix`` begins the provider's variables and headers; ``hosts``: its own addresses, the usual one first.

    ``url_header``: the header with the address, if it has another name. ``key_headers`` and ``key_variables``: those
    with the key, if they have other names; the first that is given counts. ``bare_hosts``: an address without a scheme
    is one of https. ``own_hosts`` matches the names of its other hosts, all of https.
    """

    name: str
    env_prefix: str
    hosts: tuple[str, ...]
    explain: Explain
    url_header: str = ""
    key_headers: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    bare_hosts: bool = False
    own_hosts: re.Pattern[str] | None = None

    def key(self, caller: Caller, *, trusted: bool, environment_first: bool = False) -> str:
        """``trusted``: the address may have the server's own key. Raises Invalid when neither the request nor the
        environment has a key that may be sent."""
        key = self.optional_key(caller, trusted=trusted, environment_first=environment_first)
        if key:
            return key
        if self._own_key():
            raise Invalid(
                f"a request that names the address of {self.name} (by header {self.address_header}, a parameter or the "
                f"collection) also needs header {self.headers_of_key[0]}: the server's own key is never sent to an "
                "address in a request or a collection, unless the operator lists its host in WEFT_PROVIDER_HOSTS"
            )
        raise Invalid(
            f"no api key found neither in request header: {' or '.join(self.headers_of_key)} nor in environment "
            f"variable under {' or '.join(self.variables_of_key)}"
        )

    def optional_key(self, caller: Caller, *, trusted: bool, environment_first: bool = False) -> str:
        """Empty if there is none."""
        given = next(filter(None, (caller.credentials.get(name).strip() for name in self.headers_of_key)), "")
        own = self._own_key() if trusted else ""
        key = (own or given) if environment_first else (given or own)
        if not key.isascii() or not key.isprintable():
            raise Invalid(
                f"the api key for {self.name} contains characters that a header cannot have; copy it as issued"
            )
        return key

    def _own_key(self) -> str:
        return next(filter(None, (os.environ.get(name, "").strip() for name in self.variables_of_key)), "")

    @property
    def address_header(self) -> str:
        return self.url_header or f"X-{self.env_prefix.capitalize()}-Baseurl"

    @property
    def headers_of_key(self) -> tuple[str, ...]:
        return self.key_headers or (f"X-{self.env_prefix.capitalize()}-Api-Key",)

    @property
    def variables_of_key(self) -> tuple[str, ...]:
        return self.key_variables or (f"{self.env_prefix}_APIKEY",)

    def base_url(self, settings: ModuleConfig, caller: Caller, host: str = "", *, setting: str = "baseURL") -> str:
        """The address before a path, without a slash or ``/v1`` at the end. ``host``: replaces the provider's first.

        Raises Invalid for an invalid address, Misconfigured if it is the variable's.
        """
        usual = host or next(iter(self.hosts), "")
        found = self.given_url(settings, caller, setting=setting) or self._operators_url() or usual
        if not found:
            raise Invalid(f"{self.name} has no usual address; name one with the setting {setting}")
        return found

    def given_url(self, settings: ModuleConfig, caller: Caller, *, setting: str = "baseURL") -> str:
        """The address in the request or the collection; empty if neither has one."""
        given = caller.credentials.get(self.address_header)
        if given:
            return self._address(given, f"header {self.address_header}")
        chosen = text_setting(settings, setting)
        chosen = self._address(chosen, f"setting {setting}") if chosen else ""
        return "" if chosen in self.hosts else chosen

    def asked_at(self, named: object, collection: ModuleConfig, caller: Caller, *, setting: str) -> Caller:
        """``caller`` as if the request had the address ``named`` in a header, unless it is the provider's, the
        operator's or the collection's."""
        if not isinstance(named, str) or not named or caller.credentials.get(self.address_header):
            return caller
        known = {*self.hosts, self._operators_url(), self.given_url(collection, caller, setting=setting)}
        if self._address(named, f"parameter {setting}") in known:
            return caller
        return caller.having(self.address_header, named)

    def is_own(self, url: str) -> bool:
        """Whether ``url`` leads to a host of the provider, or to that of the variable."""
        operators = self._operators_url()
        if operators and (url == operators or url.startswith(f"{operators}/")):
            return True
        origin = _origin(url)
        if origin is None:
            return False
        if origin in map(_origin, filter(None, (*self.hosts, operators))):
            return True
        scheme, host, port = origin
        return self.own_hosts is not None and (scheme, port) == ("https", 443) and bool(self.own_hosts.fullmatch(host))

    def _operators_url(self) -> str:
        variable = f"{self.env_prefix}_BASE_URL"
        stated = os.environ.get(variable, "")
        try:
            return self._address(stated, f"variable {variable}") if stated else ""
        except Invalid as error:
            raise Misconfigured(error.message) from error

    def _address(self, url: str, origin: str) -> str:
        bare = self.bare_hosts and "://" not in url
        return address(f"https://{url}" if bare else url, origin)

    def pace(self, caller: Caller) -> Pace:
        """The caller's limits per minute; a header that is not a number counts as not given."""
        return Pace(self._limit(caller, "requestpm"), self._limit(caller, "tokenpm"))

    def _limit(self, caller: Caller, kind: str) -> int | None:
        stated = caller.credentials.get(f"X-{self.env_prefix}-Ratelimit-{kind}-Embedding")
        return int(stated) or None if stated.isdecimal() and len(stated) < 12 else None


def address(url: str, origin: str) -> str:
    """``url`` without a slash or ``/v1`` at its end; errors name its ``origin``."""
    url = url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    parts = split(url, origin)
    if parts.query or parts.fragment:
        raise Invalid(f"base URL {without_user(url)!r} of {origin} must end with its path: a path is added to it")
    return url


def is_listed(url: str, hosts: Container[str]) -> bool:
    """Whether ``hosts`` has the host of ``url``, as ``host`` for the usual port or as ``host:port``."""
    origin = _origin(url)
    if origin is None:
        return False
    scheme, host, port = origin
    return f"{host}:{port}" in hosts or (port == _PORTS[scheme] and host in hosts)


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for an address that is not plainly one of them, such as one with a user."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not _PLAIN.fullmatch(parts.netloc):
        return None
    return parts.scheme, (parts.hostname or "").rstrip("."), port or _PORTS[parts.scheme]


def split(url: str, origin: str) -> SplitResult:
    """The parts of a valid http(s) URL; raises Invalid for any other text."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise Invalid(f"base URL {without_user(url)!r} of {origin} must begin with http:// or https:// and a host")
    return parts


def without_user(url: str) -> str:
    """``url`` for a message: without the user and the password that it may have."""
    before, slashes, rest = url.partition("//")
    return before + slashes + rest.rpartition("@")[2]


def reason_of(body: JsonValue) -> str:
    """The provider's error message, wherever in its answer it is; empty if there is none."""
    if isinstance(body, str):
        return body.strip()
    if isinstance(body, list):
        return ", ".join(filter(None, map(reason_of, body)))
    if isinstance(body, Mapping):
        for name in REASONS:
            if found := reason_of(body.get(name)):
                return found
    return ""


def reports_error(body: JsonValue) -> bool:
    """Whether the decoded body of an answer of status 200 is an error and not a result."""
    if not isinstance(body, Mapping):
        return False
    return body.get("object") == "error" or any(reason_of(body.get(name)) for name in ("error", "errors"))


def explained(start: str) -> Explain:
    """Explains a failure by its status and the provider's message; ``start`` names the provider."""
    return lambda status, body: failure(start, status, reason_of(body))


def failure(start: str, status: int, reason: str) -> str:
    """The message of a failure; ``start`` names the provider. A very long reason is cut."""
    message = f"{start} failed with status: {status}"
    return f"{message} error: {reason[:_LONGEST_REASON]}" if reason else message
