"""Limits of what a server keeps, and how the refusal is worded."""

from __future__ import annotations

from dataclasses import dataclass

from weft.settings.setting import setting

_UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class UsageSettings:
    """A negative number is no limit."""

    most_objects: int = setting(
        "maximum_allowed_objects_count",
        "MAXIMUM_ALLOWED_OBJECTS_COUNT",
        _UNLIMITED,
        "objects in all collections together; -1: no limit",
    )
    most_collections: int = setting(
        "maximum_allowed_collections_count",
        "MAXIMUM_ALLOWED_COLLECTIONS_COUNT",
        _UNLIMITED,
        "collections; -1: no limit",
    )
    most_tenants: int = setting(
        "maximum_allowed_tenants_per_collection",
        "MAXIMUM_ALLOWED_TENANTS_PER_COLLECTION",
        _UNLIMITED,
        "tenants of each collection; -1: no limit",
    )
    most_shards: int = setting(
        "maximum_allowed_shards_per_collection",
        "MAXIMUM_ALLOWED_SHARDS_PER_COLLECTION",
        _UNLIMITED,
        "shards that a new collection without tenants may request; -1: no limit",
    )
    message: str = setting(
        "usage_limits_error_message",
        "USAGE_LIMITS_ERROR_MESSAGE",
        "{limit} count limit of {value} reached for this instance.",
        "what a refusal says: `{limit}` is what is limited, `{value}` how many may be there",
    )
