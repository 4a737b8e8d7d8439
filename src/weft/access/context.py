"""CallerRights: the rights of one caller, as the rules of requirements use them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.access.permissions import ALL, MATCH, Permission, Right
from weft.access.rights import Rights, RoleRights, forbidden, require
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden


class CallerRights:
    """Made for each request. ``rights`` are those of the server."""

    __slots__ = ("_rights", "caller")

    def __init__(self, rights: Rights, caller: Caller) -> None:
        self._rights = rights
        self.caller = caller

    def may(self, right: Right) -> bool:
        return self._rights.may(self.caller, right)

    def require(self, right: Right) -> None:
        """Raises Forbidden."""
        require(self._rights, self.caller, right)

    def refusal(self, right: Right) -> Forbidden:
        """What says that the caller does not have ``right``."""
        return forbidden(self._rights, self.caller, right)

    @property
    def is_root(self) -> bool:
        """Whether the settings make the caller a root user; true if there are no roles."""
        return not isinstance(self._rights, RoleRights) or self._rights.is_root(self.caller)

    def touches(self, collection: str) -> bool:
        """Whether the caller has any right on the collection, its tenants or its objects."""
        return self._rights.touch(self.caller, collection)

    # -- roles

    def check_role(self, verb: str, name: str, permissions: Iterable[Permission]) -> None:
        """Raises Forbidden unless the caller may do this to every role of that name, or (scope ``match``) to roles that
        allow no more than the caller has."""
        if self.may(Right(verb, "roles", (name,), ALL)):
            return
        matching = Right(verb, "roles", (name,), MATCH)
        if not self.may(matching):
            why = self.refusal(matching).message
            raise Forbidden(f"can only create roles with less or equal permissions as the current user: {why}")
        self._check_held(permissions, "create roles")

    def permissions_of(self, role: str) -> Sequence[Permission]:
        """Empty if there is no such role, or roles are off."""
        return (self._rights.permissions_of(role) or ()) if isinstance(self._rights, RoleRights) else ()

    def roles_of(self, subjects: Iterable[str]) -> list[str]:
        """Empty if roles are off."""
        return self._rights.roles_of_all(subjects) if isinstance(self._rights, RoleRights) else []

    def check_held(self, roles: Sequence[str]) -> None:
        """Raises Forbidden when one of the roles allows more than the caller has."""
        rights = self._rights
        if not isinstance(rights, RoleRights):
            return
        for role in roles:
            if not rights.has_verbs_of(self.caller, role):
                raise Forbidden(f"can only assign roles with less or equal permissions as the current user: {role}")
            self._check_held(self.permissions_of(role), "assign roles")

    def _check_held(self, permissions: Iterable[Permission], what: str) -> None:
        rights = self._rights
        lacking = rights.first_lacking(self.caller, permissions) if isinstance(rights, RoleRights) else None
        if lacking is not None:
            why = self.refusal(lacking.right()).message
            raise Forbidden(f"can only {what} with less or equal permissions as the current user: {why}")
