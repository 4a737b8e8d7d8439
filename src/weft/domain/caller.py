"""The caller, and the credentials in the request for the providers of modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_PREFIX = "x-"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The headers ``X-…`` of a request: API keys, addresses and rate limits of providers.

    No other header is kept, so the caller's own key or token for this server reaches no module. The values are not part
    of the representation, so they reach no log.
    """

    _values: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Credentials:
        """From the headers of a request, or the metadata of a gRPC call, by name in any case."""
        return cls({key: value for name, value in headers.items() if (key := name.lower()).startswith(_PREFIX)})

    def get(self, header: str) -> str:
        """The value of a header, whose name may have any case; empty when there is none."""
        return self._values.get(header.lower(), "")

    def having(self, header: str, value: str) -> Credentials:
        """These, with another value for ``header``."""
        return Credentials({**self._values, header.lower(): value})


@dataclass(frozen=True, slots=True)
class Caller:
    """``user`` None is anonymous. ``user_type``: ``db`` for users of this server, ``oidc`` for those of an identity
    provider, which alone have groups."""

    user: str | None = None
    groups: tuple[str, ...] = ()
    user_type: str = "db"
    credentials: Credentials = field(default_factory=Credentials)

    def having(self, header: str, value: str) -> Caller:
        """The same caller, with ``value`` for ``header``."""
        return replace(self, credentials=self.credentials.having(header, value))
