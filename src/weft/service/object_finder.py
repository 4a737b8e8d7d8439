"""The collections that hold an object which a request names by id alone: with a tenant, those that have tenants,
otherwise the others."""

from __future__ import annotations

from collections.abc import Iterator

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain.errors import CorruptData, NotFound
from weft.domain.objects import parse_uuid
from weft.service.collections import Collections
from weft.service.permissions.objects import by_id, linking_by_id
from weft.service.stored_objects import is_visible


class ObjectFinder:
    """Every verb raises Invalid for what is no uuid, NotFound if no collection has the object, CorruptData if it may be
    in one that is damaged."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    @requires(by_id(READ), preliminary=True)
    def to_read(self, uuid: str, tenant: str | None) -> str:
        """The first by name."""
        return next(self._holding(uuid, tenant))

    @requires(by_id(DELETE), preliminary=True)
    def to_delete(self, uuid: str, tenant: str | None) -> list[str]:
        """All by name."""
        return list(self._holding(uuid, tenant))

    @requires(linking_by_id, preliminary=True)
    def to_link(self, uuid: str, tenant: str | None) -> str:
        """The first by name, for changes of its references."""
        return next(self._holding(uuid, tenant))

    def _holding(self, uuid: str, tenant: str | None) -> Iterator[str]:
        key = parse_uuid(uuid)
        unread: CorruptData | None = None
        found = False
        for config in self._collections.all():
            if config.tenancy.enabled != (tenant is not None):
                continue
            try:
                with self._collections.use(self._collections.open(config.name), tenant) as part:
                    holds = is_visible(part, key)
            except NotFound:  # no such tenant there, or the collection was just deleted
                continue
            except CorruptData as error:
                unread = error
                continue
            if holds:
                found = True
                yield config.name
        if unread is not None:
            raise unread
        if not found:
            raise NotFound(f"no object with id '{uuid}'")
