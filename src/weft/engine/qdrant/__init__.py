"""Qdrant as the engine: a collection there for each one here, its objects as points, its tenants by a payload key."""
