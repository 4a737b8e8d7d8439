"""What web pages may not do: drive a server that answers callers without credentials.

A browser on the operator's machine reaches 127.0.0.1 and the private network, and any page in it may send requests
there. A server that requires credentials refuses these, since a page has none. One that does not relies on what
browsers say about where a request comes from:

- ``Origin``: of any page but one of this server, it is refused unless ``CORS_ALLOW_ORIGIN`` lists it.
- ``Sec-Fetch-Site``: the same for requests without an origin, such as images and scripts. A link to the server is
  followed, because the page it stands in cannot read the answer.
- ``Host``: a page whose name was made to lead to this server (DNS rebinding) counts as one of this server for the
  browser, but its requests have that name. Checked on a server that listens on a loopback address, whose names are
  known, and wherever ``WEFT_ALLOWED_HOSTS`` lists names.

Programs that are not browsers send neither of the first two, and the name or address that they connect to.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from weft.settings.server import RestSettings, ServerSettings, is_loopback
from weft.wire.rest.endpoint import Reply, failure, json_response

_ANY: Final = "*"
_LOCAL: Final = "localhost"
_READING: Final = ("GET", "HEAD")
_SCHEMES: Final = (b"http://", b"https://")
_MOST_QUOTED: Final = 100


class WebPages:
    """``refusal`` says why a request is refused, by the headers of its scope; "" if it is not."""

    def __init__(self, server: ServerSettings, rest: RestSettings, *, anonymous: bool) -> None:
        self._origins = frozenset(origin.lower().encode() for origin in rest.cors_origins)
        self._any_origin = _ANY in rest.cors_origins
        self._hosts = frozenset(host_name(name.encode()) for name in server.allowed_hosts)
        self._checks_hosts = _ANY not in server.allowed_hosts and bool(
            self._hosts or (anonymous and is_loopback(server.host))
        )
        self._own = host_name(server.host.encode())
        self._checks_pages = anonymous

    def refusal(self, scope: Scope) -> str:
        host = origin = site = mode = b""
        for name, value in scope["headers"]:
            if name == b"host":
                if self._checks_hosts and not self._is_own(value):
                    return (
                        f"this server is not {_quoted(value)}; use one of its names, or add that one to "
                        "WEFT_ALLOWED_HOSTS"
                    )
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"sec-fetch-mode":
                mode = value
        if not self._checks_pages or self._any_origin:
            return ""
        if origin:
            return "" if self._may_call(origin.lower(), host.lower()) else _foreign(f"from {_quoted(origin)}")
        if site in (b"cross-site", b"same-site") and not (mode == b"navigate" and scope["method"] in _READING):
            return _foreign("of another site")
        return ""

    def _is_own(self, host: bytes) -> bool:
        name = host_name(host)
        return name in self._hosts or name == self._own or is_loopback(name)

    def _may_call(self, origin: bytes, host: bytes) -> bool:
        """A page of this server may, if its host is known to be this server's."""
        if origin in self._origins:
            return True
        return self._checks_hosts and any(origin == scheme + host for scheme in _SCHEMES)


class PageGuard:
    """ASGI middleware that refuses what ``pages`` refuses, with 403, before anything of the request is read."""

    def __init__(self, app: ASGIApp, pages: WebPages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (reason := self._pages.refusal(scope)):
            await json_response(Reply(failure(reason), 403))(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@lru_cache(maxsize=64)
def host_name(host: bytes) -> str:
    """The name or address in a ``Host`` header, without its port; in lower case, addresses in their shortest form."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        name = text[1:].partition("]")[0]
    else:
        name = text if text.count(":") > 1 else text.partition(":")[0]
    try:
        return str(ip_address(name))
    except ValueError:
        return name.rstrip(".")


def _foreign(which: str) -> str:
    return (
        f"a web page {which} may not use this server, which answers without credentials; list its origin in "
        "CORS_ALLOW_ORIGIN if it should"
    )


def _quoted(value: bytes) -> str:
    return repr(value[:_MOST_QUOTED].decode("latin-1"))
