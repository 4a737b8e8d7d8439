"""Asking: one caller's request as the table of needs sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from weft.access.access import Access
from weft.access.permissions import ALL, MATCH, Permission, Right
from weft.access.rights import RoleRights, forbidden, require
from weft.access.roles import parse_permissions, parse_role
from weft.domain.caller import Caller
from weft.domain.errors import CallerError, Forbidden, WeftError
from weft.domain.names import collection_name, property_name
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.embedded.collection import Collection
from weft.service.archives.places import chosen_classes
from weft.service.schema import auto_schema


class Asking:
    """Made for each request, so it only holds on; ``service`` is the unguarded one."""

    __slots__ = ("_access", "_service", "caller")

    def __init__(self, service: Any, access: Access, caller: Caller) -> None:
        self._service = service
        self._access = access
        self.caller = caller

    # -- rights

    def may(self, right: Right) -> bool:
        return self._access.rights.may(self.caller, right)

    def require(self, right: Right) -> None:
        require(self._access.rights, self.caller, right)

    def touches(self, collection: str) -> bool:
        return self._access.rights.touch(self.caller, collection)

    # -- collections

    def collection(self, name: str) -> str:
        """The collection that a name or alias means, whether or not it exists."""
        name = collection_name(name) or "*"
        target: str = self._service.collections.aliases_by_name().get(name, name)
        return target

    def target_of(self, alias: str) -> str:
        found: str = self._service.collections.aliases_by_name().get(alias, "*")
        return found

    def document(self, name: str) -> Mapping[str, Any]:
        found = self._config(self.collection(name))
        return {} if found is None else found.document

    def targets(self, collection: str, property: str) -> Sequence[str]:
        """The collections that a reference property points to; none when it is no such property."""
        config = self._config(collection)
        declared = None if config is None else config.by_name.get(property_name(property))
        return () if declared is None or declared.data_type is not DataType.REFERENCE else declared.target_collections

    @property
    def makes_schemas(self) -> bool:
        return bool(self._service.collections.makes_schemas)

    def lacks_collection(self, collection: str) -> bool:
        """Whether an import would make it."""
        return self.makes_schemas and self._found(collection) is None

    def lacks_properties(self, collection: str, properties: Mapping[str, Any]) -> bool:
        """Whether an import would add properties."""
        config = self._config(collection)
        return self.makes_schemas and config is not None and not auto_schema.is_covered(config, properties)

    def lacks_tenant(self, collection: str, tenant: str) -> bool:
        """Whether an import would make it."""
        found = self._found(collection)
        if found is None:
            return False
        tenancy = found.config.tenancy
        return tenancy.enabled and tenancy.auto_creation and tenant not in found.tenants()

    def _found(self, collection: str) -> Collection | None:
        found: Collection | None = self._service.collections.find(collection)
        return found

    def _config(self, collection: str) -> CollectionConfig | None:
        found = self._found(collection)
        return None if found is None else found.config

    # -- backups

    def chosen(self, request: Mapping[str, Any], present: Sequence[str] | None = None) -> list[str]:
        """The collections among ``present``, or of this server, that a backup, restore or export takes in.

        None for a request that the verb will refuse.
        """
        known = [one.name for one in self._service.collections.all()] if present is None else present
        try:
            return chosen_classes(request, known, "there")
        except CallerError:
            return []

    def archived(self, backend: str, id: str, at: Mapping[str, Any]) -> list[str]:
        """The collections in a backup; none where there is no such backup."""
        try:
            return list(self._service.archives.classes(backend, id, at))
        except WeftError:  # the verb will tell, when the caller may know of all backups
            return []

    def exported(self, backend: str, id: str) -> list[str]:
        try:
            return list(self._service.archives.exports.status(backend, id, self.caller)["classes"])
        except WeftError:
            return []

    # -- roles

    def check_role(self, verb: str, name: str, permissions: Iterable[Permission]) -> None:
        """Raises Forbidden unless the caller may do this to every role of such a name, or (scope ``match``) to those
        that allow no more than he may do himself."""
        if self.may(Right(verb, "roles", (name,), ALL)):
            return
        matching = Right(verb, "roles", (name,), MATCH)
        if not self.may(matching):
            why = forbidden(self.caller, matching).message
            raise Forbidden(f"can only create roles with less or equal permissions as the current user: {why}")
        self._check_held(permissions, "create roles")

    def role_changes(self, verb: str, name: str) -> Sequence[Permission]:
        """What of a role counts when it is deleted: its permissions. Reading needs none."""
        if verb != "D" or not isinstance(self._access.rights, RoleRights):
            return ()
        return self._access.rights.permissions_of(name) or ()

    def parsed_role(self, document: Mapping[str, Any]) -> tuple[str, Sequence[Permission]]:
        return parse_role(document)

    def parsed_permissions(self, name: str, given: Any) -> Sequence[Permission]:
        return parse_permissions(given, allow_none=False)

    def roles_of(self, subjects: Iterable[str]) -> list[str]:
        return self._access.roles.names_of(subjects)

    def check_held(self, roles: Sequence[str]) -> None:
        """Raises Forbidden when one of the roles allows what the caller may not do."""
        rights = self._access.rights
        if not isinstance(rights, RoleRights):
            return
        for role in roles:
            if not rights.has_verbs_of(self.caller, role):
                raise Forbidden(f"can only assign roles with less or equal permissions as the current user: {role}")
            self._check_held(rights.permissions_of(role) or (), "assign roles")

    def _check_held(self, permissions: Iterable[Permission], what: str) -> None:
        rights = self._access.rights
        lacking = rights.first_lacking(self.caller, permissions) if isinstance(rights, RoleRights) else None
        if lacking is not None:
            why = forbidden(self.caller, lacking.right()).message
            raise Forbidden(f"can only {what} with less or equal permissions as the current user: {why}")
