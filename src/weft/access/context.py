"""CallerRights: the rights of one caller, as the rules of requirements use them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from weft.access.permissions import ALL, MATCH, Permission, Right
from weft.access.rights import ANONYMOUS, Rights, RoleRights, forbidden
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden

log = logging.getLogger(__name__)


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
        if not self.may(right):
            refusal = self.refusal(right)
            log.info("denied: %s", refusal.message)
            raise refusal

    def refusal(self, right: Right) -> Forbidden:
        """What says that the caller does not have ``right``."""
        return forbidden(self._rights, self.caller, right)

    @property
    def is_root(self) -> bool:
        """Whether the settings make the caller a root user; true if there are no roles."""
        return not isinstance(self._rights, RoleRights) or self._rights.is_root(self.caller)

    def require_root(self, what: str) -> None:
        """Raises Forbidden; ``what`` completes "only root users can …"."""
        if not self.is_root:
            user = self.caller.user or ANONYMOUS
            raise Forbidden(
                f"{self._rights.title}: authorization, forbidden action: user '{user}': only root users can {what}"
            )

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
                raise Forbidden(
                    f"can only assign and revoke roles with less or equal permissions as the current user: {role[:80]}"
                )
            self._check_held(self.permissions_of(role), "assign and revoke roles")

    def check_may_act_as(self, subject: str) -> None:
        """Raises Forbidden when ``subject`` is a root user and the caller is none, or when it may do more than the
        caller. The message does not say what that is: the caller may not be allowed to read the user's roles."""
        rights = self._rights
        if not isinstance(rights, RoleRights):
            return
        may = rights.is_root(self.caller)
        if not may and not rights.is_root_subject(subject):
            roles = rights.roles_of(subject)
            permissions = [one for role in roles for one in self.permissions_of(role)]
            may = all(rights.has_verbs_of(self.caller, role) for role in roles)
            may = may and rights.first_lacking(self.caller, permissions) is None
        if not may:
            raise Forbidden(
                f"{rights.title}: authorization, forbidden action: user '{self.caller.user}' can only manage users "
                "with less or equal permissions as the current user"
            )

    def _check_held(self, permissions: Iterable[Permission], what: str) -> None:
        rights = self._rights
        lacking = rights.first_lacking(self.caller, permissions) if isinstance(rights, RoleRights) else None
        if lacking is not None:
            why = self.refusal(lacking.right()).message
            raise Forbidden(f"can only {what} with less or equal permissions as the current user: {why}")
