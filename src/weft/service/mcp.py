"""Which callers may use the server over MCP, the Model Context Protocol: the rights of the domain ``mcp``.

What a tool does requires the rights of the verbs that it calls as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.access.permissions import READ, Right
from weft.access.requirement import requires
from weft.service.permissions.context import AuthContext


def connecting(context: AuthContext) -> Iterator[Right]:
    yield Right(READ, "mcp")


def using(context: AuthContext, verbs: str) -> Iterator[Right]:
    yield from (Right(verb, "mcp") for verb in verbs)


class Mcp:
    @requires(connecting, preliminary=True)
    def connect(self) -> None:
        """Raises Forbidden for a caller that may not even read over MCP."""

    @requires(using, preliminary=True)
    def use(self, verbs: str) -> None:
        """Raises Forbidden for a caller that may not use tools that do this: C, R, U, as `weft.access.permissions`."""
