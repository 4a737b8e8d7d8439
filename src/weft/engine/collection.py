"""A collection as the service uses it: its configuration, and its parts, one per tenant or only one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from weft.catalog.state import ShardEntry
from weft.domain.errors import Inapplicable
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.part import Part

ONLY_SHARD = "main"
"""The name of the only shard, and so of the only part, of a collection without tenants."""


def shard_name(config: CollectionConfig, tenant: str | None) -> str:
    """The name of the shard that a request with ``tenant`` addresses. Raises Invalid."""
    if not config.tenancy.enabled:
        if tenant:
            message = f"class {config.name} has multi-tenancy disabled, but request was with tenant"
            raise Inapplicable(message, tenant=tenant)
        return ONLY_SHARD
    if not tenant:
        raise Inapplicable(f"class {config.name} has multi-tenancy enabled, but request was without tenant")
    return tenant


def check_active(shard: ShardEntry) -> None:
    """Raises Invalid for a shard that is not active."""
    if shard.status is not TenantStatus.ACTIVE:
        raise Inapplicable(
            f"tenant not active: '{shard.name}'; activate it to use it", tenant=shard.name, status=shard.status
        )


class ServedCollection(Protocol):
    @property
    def config(self) -> CollectionConfig: ...

    def tenants(self) -> Mapping[str, TenantStatus]:
        """Status by name."""
        ...

    def use(self, tenant: str | None) -> AbstractContextManager[Part]:
        """The part of ``tenant`` (None without tenants), which stays open until the context ends.

        Raises Invalid, NotFound, CorruptData, at the latest when the context is entered.
        """
        ...
