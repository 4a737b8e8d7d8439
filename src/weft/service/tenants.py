"""The verbs on tenants; other verbs get the tenant that they use from here, too."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager

from weft.access.permissions import CREATE, DELETE, UPDATE
from weft.access.requirement import requires
from weft.domain.errors import Invalid, NotFound, TenantNotFound
from weft.domain.tenants import Tenant, TenantStatus
from weft.engine.collection import ServedCollection
from weft.engine.driver import OpenCollection
from weft.engine.part import Part
from weft.service.permissions import collections as permit
from weft.service.schemas import Schemas

_MAX_UPDATES = 100
"""The most tenants that one update may change."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_QUOTED = 80


class Tenants:
    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    @property
    def _possible(self) -> Collection[TenantStatus]:
        return self._schemas.database.capabilities.tenant_statuses

    @requires(permit.listing_tenants, redact=permit.readable_tenants)
    def all(self, name: str, names: Sequence[str] | None = None) -> list[Tenant]:
        """Ordered by name; or those in ``names`` that exist, in their order."""
        known = self._with_tenants(name).tenants()
        chosen = sorted(known) if names is None else [one for one in names if one in known]
        return [Tenant(one, known[one]) for one in chosen]

    @requires(permit.reading_shards)
    def get(self, name: str, tenant: str) -> Tenant:
        """Raises NotFound."""
        status = self._with_tenants(name).tenants().get(tenant)
        if status is None:
            raise _absent(tenant)
        return Tenant(tenant, status)

    @requires(permit.tenants(CREATE))
    def create(self, name: str, given: Sequence[Tenant]) -> list[Tenant]:
        """Existing tenants stay as they are; returns each tenant with its resulting status."""
        with self._schemas.turn:
            collection = self._with_tenants(name)
            asked = statuses(given, self._possible)
            known = collection.tenants()
            new = {tenant: status for tenant, status in asked.items() if tenant not in known}
            if new:
                self._schemas.headroom.check_room()
                self._schemas.usage.check_tenants(known, new)
                self._schemas.database.put_tenants(collection, new)
            return self.all(name, list(asked))

    @requires(permit.tenants(UPDATE))
    def update(self, name: str, given: Sequence[Tenant]) -> list[Tenant]:
        """Change the status of tenants. Raises TenantNotFound when one does not exist; then nothing changes."""
        with self._schemas.turn:
            collection = self._with_tenants(name)
            if len(given) > _MAX_UPDATES:
                raise Invalid(
                    f"maximum number of tenants allowed to be updated simultaneously is {_MAX_UPDATES}. "
                    "Please reduce the number of tenants in your request and try again"
                )
            asked = statuses(given, self._possible)
            known = collection.tenants()
            for tenant in asked:
                if tenant not in known:
                    raise TenantNotFound(_absent(tenant).message, tenant=tenant)
            self._schemas.database.put_tenants(collection, asked)
            return self.all(name, list(asked))

    @requires(permit.tenants(DELETE))
    def delete(self, name: str, names: Sequence[str]) -> None:
        """With all their objects; unknown ones are ignored."""
        if "" in names:
            raise Invalid("empty tenant name; send the names of the tenants to delete")
        with self._schemas.turn:
            self._schemas.database.drop_tenants(self._with_tenants(name), names)

    def use(
        self, collection: ServedCollection, tenant: str | None, *, importing: bool = False
    ) -> AbstractContextManager[Part]:
        """The part of ``tenant``, to be used while it is leased; see ``ServedCollection.use``.

        The tenant is created (on import) or activated first if the collection says so.
        """
        if tenant and _needs_preparing(collection, tenant, importing):
            with self._schemas.turn:
                opened = self._schemas.open(collection.config.name)
                if _needs_preparing(opened, tenant, importing):  # another request may have changed it meanwhile
                    known = opened.tenants()
                    if tenant not in known:
                        self._schemas.headroom.check_room()
                    self._schemas.usage.check_tenants(known, [tenant])
                    self._schemas.database.put_tenants(opened, statuses([Tenant(tenant)], self._possible))
        return collection.use(tenant)

    def _with_tenants(self, name: str) -> OpenCollection:
        collection = self._schemas.open(name)
        if not collection.config.tenancy.enabled:
            raise Invalid(f'multi-tenancy is not enabled for class "{collection.config.name}"')
        return collection


def _needs_preparing(collection: ServedCollection, tenant: str, importing: bool) -> bool:
    """Whether the tenant must be created or activated before it is used, and the collection allows that."""
    tenancy = collection.config.tenancy
    if not tenancy.enabled or not (tenancy.auto_activation or (importing and tenancy.auto_creation)):
        return False
    status = collection.tenants().get(tenant)
    if status is None:
        return importing and tenancy.auto_creation
    return status is TenantStatus.INACTIVE and tenancy.auto_activation


def statuses(given: Sequence[Tenant], possible: Collection[TenantStatus]) -> dict[str, TenantStatus]:
    """Status by name. ``possible``: the statuses that the engine supports. Raises Invalid naming the invalid tenant."""
    asked: dict[str, TenantStatus] = {}
    for one in given:
        check_tenant_name(one.name)
        if one.name in asked:
            raise Invalid(f"tenant name {one.name} existed multiple times; send each tenant once")
        asked[one.name] = one.status
        if one.status not in possible:
            raise Invalid(
                f"tenants cannot be {one.status.lower()}: no offload module is enabled; make them INACTIVE instead"
            )
    return asked


def check_tenant_name(name: str) -> None:
    """Raises Invalid."""
    if not name:
        raise Invalid("empty tenant name; use 1 to 64 letters, digits, hyphens, underscores")
    if not is_tenant_name(name):
        raise Invalid(
            f"{name[:_MAX_QUOTED]!r} is not a valid tenant name; use 1 to 64 letters, digits, hyphens, underscores"
        )


def is_tenant_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _absent(tenant: str) -> NotFound:
    return NotFound(f'tenant not found: "{tenant[:_MAX_QUOTED]}"', tenant=tenant)
