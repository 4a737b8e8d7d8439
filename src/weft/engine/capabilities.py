"""Capabilities: what an engine can do and what it loses, stated so that callers need not try."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.tenants import TenantStatus


@dataclass(frozen=True, slots=True)
class Capabilities:
    name: str
    """The kind of engine, as users know it."""
    files: bool
    """Its shards are files that can be copied while they are in use, so backups and exports of them work."""
    insertion_order: bool
    """Objects that nothing else ranks are listed in the order in which they were stored; otherwise by uuid."""
    exact_vectors: bool
    """Vectors are returned bit by bit as they were given; otherwise as near as the engine keeps them."""
    conditional_writes: bool
    """Inserts and edits that another writer beats are noticed by the engine itself."""
    multivectors: bool
    """Objects can have several vectors under one name (late interaction)."""
    tenant_statuses: frozenset[TenantStatus]
    """The statuses that a tenant can be given."""
