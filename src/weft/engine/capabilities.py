"""Capabilities: what an engine can and cannot do, stated so that callers need not try."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.tenants import TenantStatus


@dataclass(frozen=True, slots=True)
class Capabilities:
    name: str
    """The kind of engine, by the name that users configure."""
    files: bool
    """Its shards are files that can be copied while they are in use, so backups and exports of them work."""
    insertion_order: bool
    """``Selection.first`` returns objects in insertion order; otherwise by uuid."""
    exact_vectors: bool
    """Vectors are returned bit for bit as they were given; otherwise only approximately."""
    conditional_writes: bool
    """The engine itself detects inserts and edits that conflict with another writer."""
    multivectors: bool
    """Objects can have several vectors under one name (late interaction)."""
    snapshots: bool
    """A view is the state of one moment; otherwise what it has named reads as it was first seen, and what it has not
    seen yet is read as it is then."""
    tenant_statuses: frozenset[TenantStatus]
    """The statuses that a tenant can be given."""
    version: str = ""
    """Of the server that the engine is; empty for one that is no server."""
    refuses: tuple[str, ...] = ()
    """What is refused over this engine (Unsupported), in words, for ``/v1/meta``."""
