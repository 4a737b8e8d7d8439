"""The caller, and the credentials in the request for the providers of modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_PREFIXES = ("x-", "X-")
PEER = "weft-peer"
"""Among the headers of a request: the address that it came from. Wires set it, in place of one that was sent."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The headers ``X-…`` of a request: API keys, addresses and rate limits of providers; and where it came from.

    No other header is kept, so the caller's own key or token for this server reaches no module. The values are not part
    of the representation, so they reach no log.
    """

    _values: Mapping[str, str] = field(default_factory=dict, repr=False)
    address: str = ""
    """Where the request came from; empty where the wire does not say it."""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Credentials:
        """From the headers of a request, or the metadata of a gRPC call, by name in any case."""
        values = {name.lower(): value for name, value in headers.items() if name[:2] in _PREFIXES}
        return cls(values, headers.get(PEER, ""))

    def get(self, header: str) -> str:
        """The value of a header, whose name may have any case; empty when there is none."""
        return self._values.get(header.lower(), "")

    def having(self, header: str, value: str) -> Credentials:
        """These, with another value for ``header``."""
        return Credentials({**self._values, header.lower(): value}, self.address)


@dataclass(frozen=True, slots=True)
class Caller:
    """``user`` None is anonymous. ``user_type``: ``db`` for users of this server, ``oidc`` for those of an identity
    provider, which alone have groups."""

    user: str | None = None
    groups: tuple[str, ...] = ()
    user_type: str = "db"
    credentials: Credentials = field(default_factory=Credentials)

    @property
    def address(self) -> str:
        """Where the request came from; empty where the wire does not say it."""
        return self.credentials.address

    def having(self, header: str, value: str) -> Caller:
        """The same caller, with ``value`` for ``header``."""
        return replace(self, credentials=self.credentials.having(header, value))
