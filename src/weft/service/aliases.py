"""The verbs on aliases: other names of collections."""

from __future__ import annotations

from collections.abc import Mapping

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain.errors import Conflict, Invalid, NotFound
from weft.domain.names import Alias, collection_name
from weft.service.permissions import collections as permit
from weft.service.schema.validate import check_class_name
from weft.service.schemas import Schemas

_MAX_QUOTED = 80


class Aliases:
    """The first letter of a name may be lower case."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def by_name(self) -> Mapping[str, str]:
        """The collection of each alias, for other verbs; a snapshot."""
        return self._schemas.database.aliases()

    @requires(redact=permit.readable_aliases)
    def all(self, name: str | None = None) -> list[Alias]:
        """Ordered by alias; only those of the collection ``name`` if it is given."""
        target = None if name is None else collection_name(name)
        return [Alias(alias, one) for alias, one in sorted(self.by_name().items()) if target in (None, one)]

    @requires(permit.alias(READ))
    def get(self, alias: str) -> Alias:
        """Raises NotFound."""
        alias = collection_name(alias)
        target = self.by_name().get(alias)
        if target is None:
            raise _absent(alias)
        return Alias(alias, target)

    @requires(permit.creating_alias)
    def create(self, alias: str, name: str) -> Alias:
        with self._schemas.turn:
            alias = collection_name(alias)
            check_class_name(alias, "alias")
            if alias.lower() in {one.lower() for one in self.by_name()}:
                raise Conflict(f"create alias: {alias}, alias already exists", alias=alias)
            if self._schemas.database.find(alias) is not None:
                raise Conflict(f"create alias: class {alias} already exists", alias=alias)
            return self._point(alias, name)

    @requires(permit.moving_alias)
    def update(self, alias: str, name: str) -> Alias:
        with self._schemas.turn:
            alias = collection_name(alias)
            if alias not in self.by_name():
                raise _absent(alias)
            return self._point(alias, name)

    @requires(permit.alias(DELETE))
    def delete(self, alias: str) -> None:
        with self._schemas.turn:
            self._schemas.database.drop_alias(collection_name(alias))

    def _point(self, alias: str, name: str) -> Alias:
        target = collection_name(name)
        if all(one.config.name != target for one in self._schemas.database.collections()):
            raise Invalid(f"class {target} not found; an alias must point to an existing class")
        self._schemas.database.put_alias(alias, target)
        return Alias(alias, target)


def _absent(alias: str) -> NotFound:
    return NotFound(f"there is no alias '{alias[:_MAX_QUOTED]}'", alias=alias)
