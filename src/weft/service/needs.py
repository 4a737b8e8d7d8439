"""What each verb needs: the one table that every wire's calls are checked by (see ``guard``).

A row is found by the verb's place in the service, ``objects.insert``. Its rule takes what the verb takes, and yields
the rights that the caller must have. A verb without a row is refused to everybody where authorization is on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weft.access.permissions import ASSIGN, CREATE, DELETE, READ, UPDATE, Right, upper_first
from weft.domain.aggregate import Aggregation
from weft.domain.caller import Caller
from weft.domain.objects import IncomingObject, IncomingReference, Reference
from weft.domain.query import Query
from weft.service.archives.places import option
from weft.service.asking import Asking
from weft.service.explain import TokenQuestion
from weft.service.needs_of_data import imported, read_by, references_of

Rule = Callable[..., Iterable[Right]]
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """``rule``: all of its rights, or the call is refused. ``each``: the rights for one item of the first argument; the
    items that are forbidden get an error for result, and the others go on. Items that are ``alike`` need the same.
    ``shown``: what the caller sees of the result; its arguments are the asking, the result and those of the verb.
    """

    rule: Rule | None = None
    each: Rule | None = None
    alike: Callable[[Asking, Any], Hashable] | None = None
    shown: Callable[..., Any] | None = None


# -- collections


def _known(asking: Asking, name: str) -> Iterator[Right]:
    """Whoever may do anything with a collection knows how it is made up: its data shows it."""
    collection = asking.collection(name)
    if not asking.touches(collection):
        yield Right(READ, "data", (collection, "*", "*"))


def _schema(verb: str) -> Rule:
    def rule(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
        yield Right(verb, "collections", (asking.collection(name),))

    return rule


def _all_schemas(asking: Asking) -> Iterator[Right]:
    yield Right(READ, "collections", ("*",))


def _all_data(asking: Asking) -> Iterator[Right]:
    yield Right(READ, "data", ("*", "*", "*"))


def _created(asking: Asking, given: Given) -> Iterator[Right]:
    name = upper_first(str(given.get("class") or ""))
    yield Right(CREATE, "collections", (name,))
    if _expires(given):
        yield Right(DELETE, "data", (name, "*", "*"))
    properties = given.get("properties")
    for one in properties if isinstance(properties, list) else ():
        yield from _pointing(asking, one, name)


def _updated(asking: Asking, name: str, given: Given) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "collections", (collection,))
    if (given.get("objectTtlConfig") or {}) != (asking.document(name).get("objectTtlConfig") or {}):
        yield Right(DELETE, "data", (collection, "*", "*"))


def _property_added(asking: Asking, name: str, given: Given) -> Iterator[Right]:
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


def _index_dropped(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "data", (collection, "*", "*"))
    yield Right(UPDATE, "collections", (collection,))


def _shards(asking: Asking, name: str, tenant: str | None = None) -> Iterator[Right]:
    yield Right(READ, "tenants", (asking.collection(name), tenant or "*"))


def _shard_set(asking: Asking, name: str, shard: str, status: str) -> Iterator[Right]:
    yield Right(UPDATE, "tenants", (asking.collection(name), shard or "*"))


def _may_read(asking: Asking, found: Sequence[Any], *_: Any) -> list[Any]:
    return [one for one in found if asking.may(Right(READ, "collections", (one.name,)))]


# -- tenants and aliases


def _tenants(verb: str) -> Rule:
    def rule(asking: Asking, name: str, given: Sequence[Any]) -> Iterator[Right]:
        collection = asking.collection(name)
        for one in given:
            tenant = one.get("name") if isinstance(one, Mapping) else one
            yield Right(verb, "tenants", (collection, str(tenant or "*")))

    return rule


def _tenants_shown(asking: Asking, found: Sequence[Any], name: str, *_: Any) -> list[Any]:
    collection = asking.collection(name)
    return [one for one in found if asking.may(Right(READ, "tenants", (collection, one["name"])))]


def _aliases_shown(asking: Asking, found: Sequence[Any], *_: Any) -> list[Any]:
    return [one for one in found if asking.may(Right(READ, "aliases", (one["class"], one["alias"])))]


def _alias_set(verb: str) -> Rule:
    def rule(asking: Asking, alias: str, name: str) -> Iterator[Right]:
        yield Right(verb, "aliases", (upper_first(name), upper_first(alias)))

    return rule


def _alias(verb: str) -> Rule:
    def rule(asking: Asking, alias: str) -> Iterator[Right]:
        alias = upper_first(alias)
        yield Right(verb, "aliases", (asking.target_of(alias), alias))

    return rule


# -- objects


def _imported(*verbs: str) -> Rule:
    """Of a whole object that is written by its class, or by class and id."""

    def rule(asking: Asking, incoming: IncomingObject, *_: Any) -> Iterator[Right]:
        yield from imported(asking, incoming, verbs)

    return rule


def _alike(asking: Asking, incoming: IncomingObject) -> Hashable:
    """Where imports make what is missing, objects differ by what they need to be made."""
    return id(incoming) if asking.makes_schemas else (incoming.collection, incoming.tenant)


def _object(verb: str) -> Rule:
    def rule(asking: Asking, collection: str, uuid: str, tenant: str | None, **_: Any) -> Iterator[Right]:
        yield Right(verb, "data", (asking.collection(collection), tenant or "*", uuid or "*"))

    return rule


def _deleted_many(asking: Asking, collection: str, tenant: str | None, filter: Any, **_: Any) -> Iterator[Right]:
    yield Right(DELETE, "data", (asking.collection(collection), tenant or "*", "*"))
    yield from read_by(asking, collection, tenant, filter)


def _linked(asking: Asking, reference: IncomingReference) -> Iterator[Right]:
    tenant = reference.tenant or "*"
    collection = asking.collection(reference.collection)
    yield Right(UPDATE, "data", (collection, tenant, "*"))
    for target in references_of(asking, collection, reference.property, reference.to_collection):
        yield Right(READ, "data", (target, tenant, "*"))


def _unlinked(asking: Asking, reference: IncomingReference, *_: Any) -> Iterator[Right]:
    collection, tenant = asking.collection(reference.collection), reference.tenant or "*"
    yield Right(READ, "data", (collection, tenant, "*"))
    yield Right(UPDATE, "data", (collection, tenant, "*"))


def _relinked(
    asking: Asking, name: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None
) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "data", (collection, tenant or "*", "*"))
    for one in targets:
        for target in references_of(asking, collection, property, one.collection):
            yield Right(READ, "data", (target, tenant or "*", "*"))


# -- searches


def _searched(asking: Asking, query: Query, *_: Any) -> Iterator[Right]:
    yield from read_by(asking, query.collection, query.tenant, query.filter, query.returns.references)


def _aggregated(asking: Asking, asked: Aggregation, *_: Any) -> Iterator[Right]:
    yield from read_by(asking, asked.collection, asked.tenant, asked.filter)


def _explained(asking: Asking, asked: TokenQuestion, *_: Any) -> Iterator[Right]:
    yield Right(READ, "data", (asking.collection(asked.collection), asked.tenant or "*", asked.uuid or "*"))


# -- the server


def _nodes(asking: Asking, collection: str | None, verbose: bool) -> Iterator[Right]:
    if not verbose:
        yield Right(READ, "nodes", ("minimal", "*"))
    elif collection is not None:
        yield Right(READ, "nodes", ("verbose", asking.collection(collection)))


def _nodes_shown(asking: Asking, found: Sequence[Any], collection: str | None, verbose: bool) -> Sequence[Any]:
    """Of all collections: the shards of those that the caller may read, and figures of these alone."""
    if verbose and collection is None:
        for node in found:
            shards = [one for one in node["shards"] if asking.may(Right(READ, "nodes", ("verbose", one["class"])))]
            counts = {"objectCount": sum(one["objectCount"] for one in shards), "shardCount": len(shards)}
            node.update(shards=shards, stats=counts)
    return found


def _cluster(asking: Asking, *_: Any) -> Iterator[Right]:
    yield Right(READ, "cluster")


# -- backups


def _archived(asking: Asking, backend: str, request: Given, *_: Any) -> Iterator[Right]:
    yield from _backed_up(CREATE, asking.chosen(request))


def _restored(asking: Asking, backend: str, id: str, request: Given, *_: Any) -> Iterator[Right]:
    given = request.get("config")
    config = given if isinstance(given, Mapping) else {}
    yield from _backed_up(CREATE, asking.chosen(request, asking.archived(backend, id, config)))
    if option(config, "rolesOptions") or option(config, "usersOptions"):
        yield Right(CREATE, "backups", ("*",))


def _archive(verb: str) -> Rule:
    def rule(asking: Asking, backend: str, id: str, at: Given, *_: Any) -> Iterator[Right]:
        yield from _backed_up(verb, asking.archived(backend, id, at))

    return rule


def _export(verb: str) -> Rule:
    def rule(asking: Asking, backend: str, id: str, caller: Caller) -> Iterator[Right]:
        yield from _backed_up(verb, asking.exported(backend, id))

    return rule


def _backed_up(verb: str, names: Iterable[str]) -> Iterator[Right]:
    """For all collections where none are known."""
    for name in list(names) or ["*"]:
        yield Right(verb, "backups", (upper_first(name),))


def _archives_shown(asking: Asking, found: Sequence[Any], *_: Any) -> list[Any]:
    return [one for one in found if all(asking.may(right) for right in _backed_up(READ, one["classes"]))]


# -- roles and users


def _role(verb: str) -> Rule:
    def rule(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
        asking.check_role(verb, name, asking.role_changes(verb, name))
        yield from ()

    return rule


def _role_created(asking: Asking, document: Given) -> Iterator[Right]:
    name, permissions = asking.parsed_role(document)
    asking.check_role(CREATE, name, permissions)
    yield from ()


def _role_changed(asking: Asking, name: str, given: Any) -> Iterator[Right]:
    asking.check_role(UPDATE, name, asking.parsed_permissions(name, given))
    yield from ()


def _roles_of_user(asking: Asking, user: str, user_type: str | None, caller: Caller, *, full: bool) -> Iterator[Right]:
    if user == caller.user and user_type in (None, caller.user_type):
        return
    yield Right(READ, "users", (user,))
    if full:
        for role in asking.roles_of([f"{one}:{user}" for one in ("db", "oidc") if user_type in (None, one)]):
            asking.check_role(READ, role, ())


def _roles_of_group(asking: Asking, group: str, group_type: str, caller: Caller, *, full: bool) -> Iterator[Right]:
    if group in caller.groups:
        return
    yield Right(READ, "groups", ("oidc", group))
    if full:
        for role in asking.roles_of([f"group:{group}"]):
            asking.check_role(READ, role, ())


def _given(domain: str, *, held: bool) -> Rule:
    """Roles to or from a user or a group. ``held``: the caller must himself have what the roles allow."""

    def rule(asking: Asking, subject: str, roles: Sequence[str], *_: Any) -> Iterator[Right]:
        yield Right(ASSIGN, domain, ("oidc", subject) if domain == "groups" else (subject,))
        if held:
            asking.check_held(roles)

    return rule


def _user(verb: str) -> Rule:
    def rule(asking: Asking, user: str, *_: Any, **__: Any) -> Iterator[Right]:
        yield Right(verb, "users", (user,))

    return rule


FREE: Final = Row()
"""For everybody who is let in."""

TABLE: Final[Mapping[str, Row]] = {
    "meta": FREE,
    "nodes": Row(_nodes, shown=_nodes_shown),
    "statistics": Row(_cluster),
    "search": Row(_searched),
    "aggregate": Row(_aggregated),
    "explain": Row(_explained),
    "collections.get": Row(_known),
    "collections.all": Row(_all_schemas),
    "collections.searchable": Row(_all_data),
    "collections.described": Row(_schema(READ)),
    "collections.all_described": Row(shown=_may_read),
    "collections.create": Row(_created),
    "collections.update": Row(_updated),
    "collections.delete": Row(_schema(DELETE)),
    "collections.add_property": Row(_property_added),
    "collections.drop_property_index": Row(_index_dropped),
    "collections.drop_vector_index": Row(_index_dropped),
    "collections.shards": Row(_shards),
    "collections.set_shard_status": Row(_shard_set),
    "collections.tenants": Row(shown=_tenants_shown),
    "collections.tenant": Row(_shards),
    "collections.create_tenants": Row(_tenants(CREATE)),
    "collections.update_tenants": Row(_tenants(UPDATE)),
    "collections.delete_tenants": Row(_tenants(DELETE)),
    "collections.aliases": Row(shown=_aliases_shown),
    "collections.alias": Row(_alias(READ)),
    "collections.create_alias": Row(_alias_set(CREATE)),
    "collections.update_alias": Row(_alias_set(UPDATE)),
    "collections.delete_alias": Row(_alias(DELETE)),
    "objects.insert": Row(_imported(CREATE)),
    "objects.replace": Row(_imported(UPDATE)),
    "objects.merge": Row(_imported(UPDATE)),
    "objects.validate": Row(_imported(READ)),
    "objects.delete": Row(_object(DELETE)),
    "objects.exists": Row(_object(READ)),
    "objects.get": Row(_object(READ)),
    "objects.batch": Row(each=_imported(UPDATE, CREATE), alike=_alike),
    "objects.delete_many": Row(_deleted_many),
    "objects.link": Row(each=_linked),
    "objects.unlink": Row(_unlinked),
    "objects.relink": Row(_relinked),
    "archives.backups.create": Row(_archived),
    "archives.backups.status": Row(_archive(READ)),
    "archives.backups.cancel": Row(_archive(DELETE)),
    "archives.backups.list": Row(shown=_archives_shown),
    "archives.restores.create": Row(_restored),
    "archives.restores.status": Row(_archive(READ)),
    "archives.restores.cancel": Row(_archive(DELETE)),
    "archives.exports.create": Row(_archived),
    "archives.exports.status": Row(_export(READ)),
    "archives.exports.cancel": Row(_export(DELETE)),
    "access.openid": FREE,
    "access.roles.all": FREE,
    "access.roles.get": Row(_role(READ)),
    "access.roles.create": Row(_role_created),
    "access.roles.delete": Row(_role(DELETE)),
    "access.roles.add_permissions": Row(_role_changed),
    "access.roles.remove_permissions": Row(_role_changed),
    "access.roles.has_permission": Row(_role(READ)),
    "access.roles.of_user": Row(_roles_of_user),
    "access.roles.of_group": Row(_roles_of_group),
    "access.roles.groups": FREE,
    "access.roles.users_with": Row(_role(READ)),
    "access.roles.groups_with": Row(_role(READ)),
    "access.roles.assign_to_user": Row(_given("users", held=True)),
    "access.roles.revoke_from_user": Row(_given("users", held=False)),
    "access.roles.assign_to_group": Row(_given("groups", held=True)),
    "access.roles.revoke_from_group": Row(_given("groups", held=False)),
    "access.users.me": FREE,
    "access.users.all": FREE,
    "access.users.get": Row(_user(READ)),
    "access.users.create": Row(_user(CREATE)),
    "access.users.rotate": Row(_user(UPDATE)),
    "access.users.activate": Row(_user(UPDATE)),
    "access.users.deactivate": Row(_user(UPDATE)),
    "access.users.delete": Row(_user(DELETE)),
}
"""FREE rows of roles and users show each caller what he may see of them."""
