"""``shardingConfig``: a collection has one shard, and more are refused. Defaults and limits."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.service.schema.documents import Document, Stated, filled

_TENANT_SHARDING: Document = {
    "virtualPerPhysical": 0,
    "desiredCount": 0,
    "actualCount": 0,
    "desiredVirtualCount": 0,
    "actualVirtualCount": 0,
    "key": "",
    "strategy": "",
    "function": "",
}


_MAX_VIRTUAL = 1_000_000


def requested_shards(collection: Stated) -> int:
    """How many a new collection states for itself; 0 with tenants, which are its shards, and 1 if it does not say."""
    tenancy = json_fields.object_(collection, "multiTenancyConfig", "class") or {}
    if json_fields.boolean(tenancy, "enabled", "multiTenancyConfig"):
        return 0
    sharding = json_fields.object_(collection, "shardingConfig", "class") or {}
    stated = json_fields.integer(sharding, "desiredCount", "shardingConfig")
    return 1 if stated is None else stated


def complete(given: Stated | None, tenants: bool, existing: Stated | None) -> Document:
    """With the requested and the actual number of shards."""
    where = "shardingConfig"
    if tenants:
        if given is not None and existing is None and given != _TENANT_SHARDING:
            raise Invalid("cannot have both shardingConfig and multiTenancyConfig; tenants are the shards")
        return dict(_TENANT_SHARDING)
    defaults: dict[str, bool | int | str] = {
        "virtualPerPhysical": 128,
        "desiredCount": 1,
        "key": "_id",
        "strategy": "hash",
        "function": "murmur3",
    }
    config = filled(given or {}, defaults, where)
    if existing is None and config["desiredCount"] != 1:
        raise Invalid(
            "sharding config: Weft keeps all objects of a collection in one shard, got desiredCount: "
            f"{config['desiredCount']}; set it to 1 or leave it out, and use tenants to keep objects apart"
        )
    config["actualCount"] = 1
    config["desiredVirtualCount"] = config["desiredCount"] * config["virtualPerPhysical"]
    config["actualVirtualCount"] = config["virtualPerPhysical"]
    return config


def validate(config: Stated) -> None:
    for key, only in (("key", "_id"), ("strategy", "hash"), ("function", "murmur3")):
        if config[key] != only:
            raise Invalid(f"sharding only supported with {key} '{only}', got: {shorten(config[key])}")
    if not 0 <= config["virtualPerPhysical"] <= _MAX_VIRTUAL:
        raise Invalid(
            f"sharding config: virtualPerPhysical must be from 0 to {_MAX_VIRTUAL}, got: {config['virtualPerPhysical']}"
        )
