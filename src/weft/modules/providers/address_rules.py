"""AddressRules: which addresses of providers are called, which get the server's own keys, whose errors are returned.

An address is the provider's or the operator's, or one that a collection or a request names. Of the latter the operator
may list hosts, which are treated like the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, ProviderError
from weft.domain.json_values import JsonValue
from weft.domain.public_addresses import not_public, public_addresses
from weft.modules.providers.provider import REASONS, Provider, is_listed


@dataclass(frozen=True, slots=True)
class AddressRules:
    """``public_only``: addresses that are named must be those of public hosts. ``private_errors``: of others, what they
    answer with an error is returned."""

    public_only: bool = False
    private_errors: bool = True
    hosts: frozenset[str] = frozenset()

    def trusts(self, provider: Provider, url: str) -> bool:
        """Whether it is an address of the provider or of the operator, which may be in a private network."""
        return provider.is_own(url) or is_listed(url, self.hosts)

    def gets_own_key(self, provider: Provider, url: str, caller: Caller) -> bool:
        """Whether the server's own key may be sent there. Where a request names the address, only to a host that the
        operator lists."""
        named = caller.credentials.get(provider.address_header)
        return is_listed(url, self.hosts) or (not named and provider.is_own(url))

    def checked(self, provider: Provider, url: str) -> bool:
        """Whether connections must be made to public addresses. Raises Invalid for an address without TLS then; its
        host is checked when it is connected to, unless a proxy does that, then here."""
        if not self.public_only or self.trusts(provider, url):
            return False
        parts = urlsplit(url)
        if parts.scheme != "https":
            raise not_public(f"{parts.scheme}://{parts.hostname or ''}")
        if getproxies():
            public_addresses(parts.hostname or "", parts.port or 443)
        return True

    def hides_errors(self, provider: Provider, url: str) -> bool:
        """Whether a caller that names the address would read there what only the server may."""
        if self.private_errors or self.public_only or self.trusts(provider, url):
            return False
        parts = urlsplit(url)
        try:
            public_addresses(parts.hostname or "", parts.port or 443)
        except Invalid:
            return True
        return False


def without_reasons(answer: JsonValue) -> JsonValue:
    """``answer`` without what messages of errors are taken from."""
    if not isinstance(answer, Mapping):
        return answer
    return {key: value for key, value in answer.items() if key not in REASONS}


def hidden_failure(provider: Provider) -> ProviderError:
    return ProviderError(
        f"{provider.name} failed at the address that the collection or the request names; what is in a private network "
        "is not returned (WEFT_PROVIDER_PRIVATE_ERRORS)",
        provider=provider.name,
    )
