"""What verbs on collections, tenants and aliases need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.access.permissions import CREATE, DELETE, READ, UPDATE, Right
from weft.domain.names import collection_name
from weft.service.asking import Asking
from weft.service.needs.row import Given, Rule


def known(asking: Asking, name: str) -> Iterator[Right]:
    """Whoever may do anything with a collection knows how it is made up: its data shows it."""
    collection = asking.collection(name)
    if not asking.touches(collection):
        yield Right(READ, "data", (collection, "*", "*"))


def schema(verb: str) -> Rule:
    def rule(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
        yield Right(verb, "collections", (asking.collection(name),))

    return rule


def all_schemas(asking: Asking) -> Iterator[Right]:
    yield Right(READ, "collections", ("*",))


def all_data(asking: Asking) -> Iterator[Right]:
    yield Right(READ, "data", ("*", "*", "*"))


def created(asking: Asking, given: Given) -> Iterator[Right]:
    name = collection_name(str(given.get("class") or ""))
    yield Right(CREATE, "collections", (name,))
    if _expires(given):
        yield Right(DELETE, "data", (name, "*", "*"))
    properties = given.get("properties")
    for one in properties if isinstance(properties, list) else ():
        yield from _pointing(asking, one, name)


def updated(asking: Asking, name: str, given: Given) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "collections", (collection,))
    if (given.get("objectTtlConfig") or {}) != (asking.document(name).get("objectTtlConfig") or {}):
        yield Right(DELETE, "data", (collection, "*", "*"))


def property_added(asking: Asking, name: str, given: Given) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "collections", (collection,))
    yield Right(READ, "collections", (collection,))
    yield from _pointing(asking, given, collection)


def _pointing(asking: Asking, given: Any, own: str) -> Iterator[Right]:
    """Who lets a property point to a collection must know that one."""
    types = given.get("dataType") if isinstance(given, Mapping) else None
    for target in types if isinstance(types, list) else ():
        if isinstance(target, str) and target[:1].isupper() and target != own:
            yield Right(READ, "collections", (asking.collection(target),))


def _expires(given: Given) -> bool:
    config = given.get("objectTtlConfig")
    return isinstance(config, Mapping) and bool(config.get("enabled"))


def index_dropped(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "data", (collection, "*", "*"))
    yield Right(UPDATE, "collections", (collection,))


def shards(asking: Asking, name: str, tenant: str | None = None) -> Iterator[Right]:
    yield Right(READ, "tenants", (asking.collection(name), tenant or "*"))


def shard_set(asking: Asking, name: str, shard: str, status: str) -> Iterator[Right]:
    yield Right(UPDATE, "tenants", (asking.collection(name), shard or "*"))


def may_read(asking: Asking, found: Sequence[Any], *_: Any) -> list[Any]:
    return [one for one in found if asking.may(Right(READ, "collections", (one.name,)))]


def tenants(verb: str) -> Rule:
    def rule(asking: Asking, name: str, given: Sequence[Any]) -> Iterator[Right]:
        collection = asking.collection(name)
        for one in given:
            tenant = one.get("name") if isinstance(one, Mapping) else one
            yield Right(verb, "tenants", (collection, str(tenant or "*")))

    return rule


def tenants_listed(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
    """Whoever may do nothing with a collection is not told whether it exists."""
    collection = asking.collection(name)
    if not asking.touches(collection):
        yield Right(READ, "tenants", (collection, "*"))


def tenants_shown(asking: Asking, found: Sequence[Any], name: str, *_: Any) -> list[Any]:
    collection = asking.collection(name)
    return [one for one in found if asking.may(Right(READ, "tenants", (collection, one["name"])))]


def aliases_shown(asking: Asking, found: Sequence[Any], *_: Any) -> list[Any]:
    return [one for one in found if asking.may(Right(READ, "aliases", (one["class"], one["alias"])))]


def alias_created(asking: Asking, alias: str, name: str) -> Iterator[Right]:
    yield Right(CREATE, "aliases", (collection_name(name), collection_name(alias)))


def alias_moved(asking: Asking, alias: str, name: str) -> Iterator[Right]:
    """Both from where it points and to where it will."""
    alias = collection_name(alias)
    yield Right(UPDATE, "aliases", (collection_name(name), alias))
    target = asking.target_of(alias)
    if target != "*":
        yield Right(UPDATE, "aliases", (target, alias))


def alias(verb: str) -> Rule:
    def rule(asking: Asking, alias: str) -> Iterator[Right]:
        alias = collection_name(alias)
        yield Right(verb, "aliases", (asking.target_of(alias), alias))

    return rule
