"""The servers that have a catalog, as the catalog knows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegisteredServer:
    """``id``: of one process, from its start to its end; ``name``: of the node, which several may have; ``address``: of
    its REST port."""

    id: str
    name: str
    address: str
