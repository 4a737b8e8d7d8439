"""``replicationConfig``: one replica on one node; other settings are only stored. Defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.service.schema.documents import Document, Stated, filled
from weft.service.schema.keys import ASYNC_REPLICATION

_DELETION_STRATEGIES = ("TimeBasedResolution", "NoAutomatedResolution", "DeleteOnConflict")
_ASYNC_LIMITS: Mapping[str, tuple[int, int]] = {
    "hashtreeHeight": (0, 20),
    "frequency": (0, 2**43),
    "frequencyWhilePropagating": (0, 2**43),
    "loggingFrequency": (1, 2**33),
    "diffBatchSize": (1, 10_000),
    "diffPerNodeTimeout": (1, 2**33),
    "prePropagationTimeout": (1, 2**33),
    "propagationTimeout": (1, 2**33),
    "propagationLimit": (1, 100_000),
    "propagationDelay": (0, 2**43),
    "propagationConcurrency": (1, 20),
    "propagationBatchSize": (1, 1_000),
}


def complete(given: Stated) -> Document:
    where = "replicationConfig"
    config = filled(given, {"factor": 1, "deletionStrategy": "TimeBasedResolution"}, where)
    config["factor"] = config["factor"] or 1
    config["deletionStrategy"] = config["deletionStrategy"] or "TimeBasedResolution"
    config["asyncEnabled"] = False
    given_async = json_fields.object_(given, "asyncConfig", where) or {}
    config.pop("asyncConfig", None)
    kept = {key: json_fields.integer(given_async, key, "asyncConfig") for key in ASYNC_REPLICATION}
    known = {key: value for key, value in kept.items() if value is not None}
    if known:
        config["asyncConfig"] = known
    return config


def validate(config: Stated) -> None:
    if config["factor"] < 1:
        raise Invalid(f"replication factor must be at least 1, got {config['factor']}")
    if config["factor"] > 1:
        raise Invalid(
            f"invalid replication factor: this server is one node and keeps one replica: got {config['factor']}; set 1"
        )
    if config["deletionStrategy"] not in _DELETION_STRATEGIES:
        known = ", ".join(_DELETION_STRATEGIES)
        raise Invalid(f"unknown deletionStrategy {shorten(config['deletionStrategy'])!r}; one of {known} expected")
    for key, value in config.get("asyncConfig", {}).items():
        low, high = _ASYNC_LIMITS[key]
        if not low <= value <= high:
            raise Invalid(f"async replication config: {key}: value {value} out of range: min {low}, max {high}")
