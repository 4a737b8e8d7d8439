"""What each verb needs: the one table that every wire's calls are checked by (see ``guard``).

A row is found by the verb's place in the service, ``objects.insert``. Its rule takes what the verb takes, and yields
the rights that the caller must have. A verb without a row is refused to everybody where authorization is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.access.permissions import CREATE, DELETE, READ, UPDATE
from weft.service.needs import archives, collections, objects, people, server
from weft.service.needs.row import Row

FREE: Final = Row()
"""For everybody who is let in."""

TABLE: Final[Mapping[str, Row]] = {
    "meta": FREE,
    "concept": FREE,
    "nodes": Row(server.nodes, shown=server.nodes_shown),
    "models": Row(server.models),
    "metrics": Row(server.metrics),
    "statistics": Row(server.cluster),
    "replication.sharding_state": Row(server.sharding_state),
    "replication.replicate": Row(server.replicated),
    "replication.operations": Row(server.replications),
    "replication.operation": Row(server.replications),
    "search": Row(objects.searched),
    "aggregate": Row(objects.aggregated),
    "explain": Row(objects.explained),
    "collections.get": Row(collections.known),
    "collections.all": Row(collections.all_schemas),
    "collections.searchable": Row(collections.all_data),
    "collections.described": Row(collections.schema(READ)),
    "collections.all_described": Row(shown=collections.may_read),
    "collections.create": Row(collections.created),
    "collections.update": Row(collections.updated),
    "collections.delete": Row(collections.schema(DELETE)),
    "collections.add_property": Row(collections.property_added),
    "collections.drop_property_index": Row(collections.index_dropped),
    "collections.drop_vector_index": Row(collections.index_dropped),
    "collections.shards": Row(collections.shards),
    "collections.set_shard_status": Row(collections.shard_set),
    "collections.tenants": Row(collections.tenants_listed, shown=collections.tenants_shown),
    "collections.tenant": Row(collections.shards),
    "collections.create_tenants": Row(collections.tenants(CREATE)),
    "collections.update_tenants": Row(collections.tenants(UPDATE)),
    "collections.delete_tenants": Row(collections.tenants(DELETE)),
    "collections.aliases": Row(shown=collections.aliases_shown),
    "collections.alias": Row(collections.alias(READ)),
    "collections.create_alias": Row(collections.alias_created),
    "collections.update_alias": Row(collections.alias_moved),
    "collections.delete_alias": Row(collections.alias(DELETE)),
    "objects.insert": Row(objects.imported(CREATE)),
    "objects.replace": Row(objects.imported(UPDATE)),
    "objects.merge": Row(objects.imported(UPDATE)),
    "objects.validate": Row(objects.imported(READ)),
    "objects.delete": Row(objects.one(DELETE)),
    "objects.exists": Row(objects.one(READ)),
    "objects.get": Row(objects.one(READ)),
    "objects.batch": Row(each=objects.imported(UPDATE, CREATE), alike=objects.alike),
    "objects.delete_many": Row(objects.deleted_many),
    "objects.link": Row(each=objects.linked),
    "objects.unlink": Row(objects.unlinked),
    "objects.relink": Row(objects.relinked),
    "archives.backups.create": Row(archives.archived),
    "archives.backups.status": Row(archives.archive(READ)),
    "archives.backups.cancel": Row(archives.archive(DELETE)),
    "archives.backups.list": Row(shown=archives.archives_shown),
    "archives.restores.create": Row(archives.restored),
    "archives.restores.status": Row(archives.archive(READ)),
    "archives.restores.cancel": Row(archives.archive(DELETE)),
    "archives.exports.create": Row(archives.archived),
    "archives.exports.status": Row(archives.export(READ)),
    "archives.exports.cancel": Row(archives.export(DELETE)),
    "access.openid": FREE,
    "access.roles.all": FREE,
    "access.roles.get": Row(people.role(READ)),
    "access.roles.create": Row(people.role_created),
    "access.roles.delete": Row(people.role(DELETE)),
    "access.roles.add_permissions": Row(people.role_changed),
    "access.roles.remove_permissions": Row(people.role_changed),
    "access.roles.has_permission": Row(people.role(READ)),
    "access.roles.of_user": Row(people.roles_of_user),
    "access.roles.of_group": Row(people.roles_of_group),
    "access.roles.groups": FREE,
    "access.roles.users_with": Row(people.role(READ)),
    "access.roles.groups_with": Row(people.role(READ)),
    "access.roles.assign_to_user": Row(people.handed_out("users", held=True)),
    "access.roles.revoke_from_user": Row(people.handed_out("users", held=False)),
    "access.roles.assign_to_group": Row(people.handed_out("groups", held=True)),
    "access.roles.revoke_from_group": Row(people.handed_out("groups", held=False)),
    "access.users.me": FREE,
    "access.users.all": FREE,
    "access.users.get": Row(people.user(READ)),
    "access.users.create": Row(people.user(CREATE)),
    "access.users.rotate": Row(people.user(UPDATE)),
    "access.users.activate": Row(people.user(UPDATE)),
    "access.users.deactivate": Row(people.user(UPDATE)),
    "access.users.delete": Row(people.user(DELETE)),
}
"""FREE rows of roles and users show each caller what he may see of them."""
