"""A collection as the service uses it: its configuration, and its parts, one a tenant or only one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.part import Part

ONLY_SHARD = "main"
"""The name of the one shard, and so of the part, of a collection without tenants."""


class ServedCollection(Protocol):
    @property
    def config(self) -> CollectionConfig: ...

    def tenants(self) -> Mapping[str, TenantStatus]:
        """Status by name."""
        ...

    def use(self, tenant: str | None) -> AbstractContextManager[Part]:
        """The part of ``tenant`` (None without tenants), which stays open while the context lasts.

        Raises Invalid, NotFound, CorruptData, at the latest when it is entered.
        """
        ...
