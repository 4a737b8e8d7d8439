"""Provider: its name, address and key, and the caller's pace.

    address   header X-{Prefix}-Baseurl, else the collection's setting, else variable {PREFIX}_BASE_URL, else its own
    key       header X-{Prefix}-Api-Key, else variable {PREFIX}_APIKEY, unless the provider has other names for them
    pace      headers X-{Prefix}-Ratelimit-RequestPM-Embedding and X-{Prefix}-Ratelimit-TokenPM-Embedding

A key from the environment is never sent to an address that a request names, by header or in the parameters of a
generation: a caller could read it there. A setting with one of the provider's own addresses counts as not given: it is
the default of new collections, and must not hide the variable. The variable applies to every host of the provider.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, Misconfigured
from weft.domain.json_values import JsonValue
from weft.modules.base import ModuleConfig
from weft.modules.providers.pace import Pace
from weft.modules.text_vectorizer import text_setting

_LONGEST_REASON = 2000

Explain = Callable[[int, JsonValue], str]
"""The message for a status and the decoded body of a failure (None when it was not JSON)."""


@dataclass(frozen=True, slots=True)
class Provider:
    """``env_prefix`` begins the provider's variables and headers; ``hosts``: its own addresses, the usual one first.

    ``url_header``: the header with the address, if it has another name. ``key_headers`` and ``key_variables``: those
    with the key, if they have other names; the first that is given counts. ``bare_hosts``: an address without a scheme
    is one of https.
    """

    name: str
    env_prefix: str
    hosts: tuple[str, ...]
    explain: Explain
    url_header: str = ""
    key_headers: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    bare_hosts: bool = False

    def key(self, caller: Caller, *, environment_first: bool = False) -> str:
        """Raises Invalid when neither the request nor the environment has a key that may be sent."""
        key = self.optional_key(caller, environment_first=environment_first)
        if key:
            return key
        if self._own_key():
            raise Invalid(
                f"a request that names the address of {self.name} (by header {self.address_header}, or a parameter) "
                f"also needs header {self.headers_of_key[0]}: the server's own key is never sent to an address "
                "in a request"
            )
        raise Invalid(
            f"no api key found neither in request header: {' or '.join(self.headers_of_key)} nor in environment "
            f"variable under {' or '.join(self.variables_of_key)}"
        )

    def optional_key(self, caller: Caller, *, environment_first: bool = False) -> str:
        """Empty if there is none."""
        given = next(filter(None, (caller.credentials.get(name).strip() for name in self.headers_of_key)), "")
        own = "" if caller.credentials.get(self.address_header) else self._own_key()
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

    def check_public(self, url: str) -> None:
        """Raises Invalid for a URL that is not the provider's or the operator's own and uses plain http or a private
        network, by name or by number."""
        own = [*self.hosts, *filter(None, [self._operators_url()])]
        if any(url == place or url.startswith(f"{place}/") for place in own):
            return
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            found = {info[4][0] for info in socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):
            found = set()
        if parts.scheme != "https" or not found or not all(ip_address(one).is_global for one in found):
            raise Invalid(
                f"base URL {parts.scheme}://{host} is refused: this server calls only https addresses of public hosts "
                f"(MODULES_VALIDATE_BASE_URL); its operator can name another with {self.env_prefix}_BASE_URL"
            )

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
    return re.sub(r"//.*@", "//", url)


def reason_of(body: JsonValue) -> str:
    """The provider's error message, wherever in its answer it is; empty if there is none."""
    if isinstance(body, str):
        return body.strip()
    if isinstance(body, list):
        return ", ".join(filter(None, map(reason_of, body)))
    if isinstance(body, Mapping):
        for name in ("message", "Message", "msg", "detail", "error", "errors", "title"):
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
