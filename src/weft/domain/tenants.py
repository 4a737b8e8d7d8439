"""Tenants: isolated parts of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TenantStatus(StrEnum):
    ACTIVE = "ACTIVE"
    """Its objects can be read and written."""
    INACTIVE = "INACTIVE"
    """Its objects are stored, but cannot be used."""
    OFFLOADED = "OFFLOADED"
    """Its objects are stored elsewhere."""


@dataclass(frozen=True, slots=True)
class Tenant:
    name: str
    status: TenantStatus = TenantStatus.ACTIVE
