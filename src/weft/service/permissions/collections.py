"""The rights that verbs on collections, tenants and aliases require."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from weft.access.permissions import CREATE, DELETE, READ, UPDATE, Right
from weft.access.requirement import Rule
from weft.domain.json_values import JsonObject
from weft.domain.names import Alias, collection_name
from weft.domain.tenants import Tenant
from weft.service.permissions.context import AuthContext

# -- collections


def knowing_collection(context: AuthContext, name: str) -> Iterator[Right]:
    """A caller that has any right on a collection may see its configuration, which its data reveals anyway."""
    collection = context.collection(name)
    if not context.touches(collection):
        yield Right(READ, "data", (collection, "*", "*"))


def searching_collection(context: AuthContext, name: str, tenant: str | None = None) -> Iterator[Right]:
    yield Right(READ, "data", (context.collection(name), tenant or "*", "*"))


def reading_object(context: AuthContext, name: str, uuid: str, tenant: str | None) -> Iterator[Right]:
    yield Right(READ, "data", (context.collection(name), tenant or "*", uuid or "*"))


def collection(verb: str) -> Rule:
    """``verb`` on the configuration of a collection, which is found by its name."""

    def rule(context: AuthContext, name: str, *_: object) -> Iterator[Right]:
        yield Right(verb, "collections", (context.collection(name),))

    return rule


def reading_all_collections(context: AuthContext) -> Iterator[Right]:
    yield Right(READ, "collections", ("*",))


def reading_all_data(context: AuthContext, tenant: str | None = None) -> Iterator[Right]:
    yield Right(READ, "data", ("*", tenant or "*", "*"))


def creating_collection(context: AuthContext, given: JsonObject) -> Iterator[Right]:
    name = collection_name(str(given.get("class") or ""))
    yield Right(CREATE, "collections", (name,))
    if _expires(given):
        yield Right(DELETE, "data", (name, "*", "*"))
    properties = given.get("properties")
    for one in properties if isinstance(properties, list) else ():
        yield from _pointing(context, one, name)


def updating_collection(context: AuthContext, name: str, given: JsonObject) -> Iterator[Right]:
    collection = context.collection(name)
    yield Right(UPDATE, "collections", (collection,))
    if (given.get("objectTtlConfig") or {}) != (context.document(name).get("objectTtlConfig") or {}):
        yield Right(DELETE, "data", (collection, "*", "*"))


def adding_property(context: AuthContext, name: str, given: JsonObject) -> Iterator[Right]:
    collection = context.collection(name)
    yield Right(UPDATE, "collections", (collection,))
    yield Right(READ, "collections", (collection,))
    yield from _pointing(context, given, collection)


def dropping_index(context: AuthContext, name: str, *_: object) -> Iterator[Right]:
    collection = context.collection(name)
    yield Right(UPDATE, "data", (collection, "*", "*"))
    yield Right(UPDATE, "collections", (collection,))


def readable_documents(context: AuthContext, found: Sequence[JsonObject], *_: object) -> list[JsonObject]:
    return [one for one in found if context.may(Right(READ, "collections", (str(one["class"]),)))]


def reembedding(context: AuthContext, name: str, *_: object, **__: object) -> Iterator[Right]:
    yield from dropping_index(context, name)


def comparing_revisions(context: AuthContext, name: str, tenant: str | None, *_: object) -> Iterator[Right]:
    yield from searching_collection(context, name, tenant)


class OfCollection(Protocol):
    @property
    def collection(self) -> str: ...


T = TypeVar("T", bound=OfCollection)


def readable_reembeddings(context: AuthContext, found: Sequence[T]) -> list[T]:
    return [one for one in found if context.may(Right(READ, "collections", (one.collection,)))]


def reading_tokens(context: AuthContext, name: str, property: str, text: str) -> Iterator[Right]:
    yield Right(READ, "collections", (context.collection(name),))


def _pointing(context: AuthContext, given: object, own: str) -> Iterator[Right]:
    """A property may only point to collections that the caller may read."""
    types = given.get("dataType") if isinstance(given, Mapping) else None
    for target in types if isinstance(types, list) else ():
        if isinstance(target, str) and target[:1].isupper() and target != own:
            yield Right(READ, "collections", (context.collection(target),))


def _expires(given: JsonObject) -> bool:
    config = given.get("objectTtlConfig")
    return isinstance(config, Mapping) and bool(config.get("enabled"))


# -- shards and tenants


def reading_shards(context: AuthContext, name: str, tenant: str | None = None) -> Iterator[Right]:
    yield Right(READ, "tenants", (context.collection(name), tenant or "*"))


def setting_shard_status(context: AuthContext, name: str, shard: str, *, read_only: bool) -> Iterator[Right]:
    yield Right(UPDATE, "tenants", (context.collection(name), shard or "*"))


def tenants(verb: str) -> Rule:
    """``verb`` on each tenant that a request names."""

    def rule(context: AuthContext, name: str, given: Sequence[Tenant | str]) -> Iterator[Right]:
        collection = context.collection(name)
        for one in given:
            tenant = one.name if isinstance(one, Tenant) else one
            yield Right(verb, "tenants", (collection, tenant or "*"))
        if not given:
            yield Right(verb, "tenants", (collection, "*"))

    return rule


def listing_tenants(context: AuthContext, name: str, *_: object) -> Iterator[Right]:
    """A caller without any right on a collection does not learn whether it exists."""
    collection = context.collection(name)
    if not context.touches(collection):
        yield Right(READ, "tenants", (collection, "*"))


def readable_tenants(context: AuthContext, found: Sequence[Tenant], name: str, *_: object) -> list[Tenant]:
    collection = context.collection(name)
    return [one for one in found if context.may(Right(READ, "tenants", (collection, one.name)))]


# -- aliases


def alias(verb: str) -> Rule:
    """``verb`` on an existing alias."""

    def rule(context: AuthContext, alias: str) -> Iterator[Right]:
        yield from _of_alias(context, verb, collection_name(alias))

    return rule


def _of_alias(context: AuthContext, verb: str, alias: str) -> Iterator[Right]:
    """``verb`` on an alias as it is. The refusal is that for one that does not exist."""
    right = Right(verb, "aliases", (context.target_of(alias), alias))
    if not context.may(right):
        yield right.of_any("collection")


def creating_alias(context: AuthContext, alias: str, name: str) -> Iterator[Right]:
    yield Right(CREATE, "aliases", (collection_name(name), collection_name(alias)))


def moving_alias(context: AuthContext, alias: str, name: str) -> Iterator[Right]:
    """On both the old and the new target."""
    alias = collection_name(alias)
    yield Right(UPDATE, "aliases", (collection_name(name), alias))
    yield from _of_alias(context, UPDATE, alias)


def readable_aliases(context: AuthContext, found: Sequence[Alias], *_: object) -> list[Alias]:
    return [one for one in found if context.may(Right(READ, "aliases", (one.collection, one.name)))]
