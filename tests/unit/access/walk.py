"""What each route and each gRPC method needs, said once more and independently of the server's own table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from unit.access.world import OBJECT
from weft.protocol import aggregate, base, batch, batch_delete, search_get, tenants

OTHER = "00000000-0000-4000-8000-000000000002"
BEACON = {"beacon": f"weaviate://localhost/Movies/{OBJECT}"}


class AnyOf(tuple[str, ...]):
    """Actions of which each alone allows a request."""


def allowed(needs: tuple[str, ...], actions: Iterable[str]) -> bool:
    return not set(needs).isdisjoint(actions) if isinstance(needs, AnyOf) else set(needs) <= set(actions)


@dataclass(frozen=True)
class Step:
    """A request, and the actions that together allow it (or each alone). ``open``: no caller is refused."""

    path: str
    needs: tuple[str, ...] = ()
    body: Any = None
    open: bool = False


def needs(*actions: str, path: str, body: Any = None) -> Step:
    return Step(path, actions, body)


def free(path: str, body: Any = None) -> Step:
    return Step(path, (), body, open=True)


_TOUCHING = AnyOf(
    f"{verb}_{domain}"
    for domain in ("collections", "data", "tenants")
    for verb in ("create", "read", "update", "delete")
)
_SCHEMA = "/v1/schema/Movies"
_REFERENCES = f"/v1/objects/Movies/{OBJECT}/references/next"
_REFERENCES_BY_ID = f"/v1/objects/{OBJECT}/references/next"
_CONTEXTIONARY = "/v1/modules/text2vec-contextionary"
_OBJECT = {"class": "Movies", "id": OTHER, "properties": {"title": "Heat"}}
_WHERE = {"path": ["title"], "operator": "Equal", "valueText": "nothing"}
_ROLE = {"name": "made", "permissions": []}
_READS = {"action": "read_data", "data": {"collection": "Movies"}}
_ONE = "/v1/objects/{class_name}/{id}"
_QUESTION = {"query": "{ Get { Movies { title } } }"}
_REPLICATE = "/v1/replication/replicate"
_BACKUP = "/v1/backups/filesystem/one"
_IMPORT = "/v1/weft/imports/0123456789abcdef"
_JOB = "/v1/weft/jobs/0123456789abcdef"
_REVISION = "/v1/weft/reembeddings/Movies/v"
_REEMBEDDING = ("update_data", "update_collections")

REST: dict[tuple[str, str], Step] = {
    ("GET", "/v1"): free("/v1"),
    ("GET", "/v1/meta"): free("/v1/meta"),
    ("GET", "/v1/tasks"): needs("read_cluster", path="/v1/tasks"),
    ("GET", "/v1/.well-known/live"): free("/v1/.well-known/live"),
    ("GET", "/v1/.well-known/ready"): free("/v1/.well-known/ready"),
    ("GET", "/v1/.well-known/openid-configuration"): free("/v1/.well-known/openid-configuration"),
    ("GET", "/v1/.well-known/openapi"): free("/v1/.well-known/openapi"),
    ("GET", "/v1/.well-known/openapi.json"): free("/v1/.well-known/openapi.json"),
    ("GET", "/v1/nodes"): needs("read_nodes", path="/v1/nodes"),
    ("GET", "/v1/nodes/{name}"): needs("read_nodes", path="/v1/nodes/Movies?output=verbose"),
    ("GET", "/v1/weft/collections/{name}/models"): needs("read_tenants", path="/v1/weft/collections/Movies/models"),
    ("GET", "/v1/weft/models"): needs("read_nodes", path="/v1/weft/models"),
    ("GET", "/v1/metrics"): needs("read_nodes", path="/v1/metrics"),
    ("GET", "/v1/cluster/statistics"): needs("read_cluster", path="/v1/cluster/statistics"),
    ("GET", "/v1/replication/sharding-state"): needs(
        "read_replicate", path="/v1/replication/sharding-state?collection=Movies"
    ),
    ("POST", "/v1/replication/replicate"): needs(
        "create_replicate",
        path=_REPLICATE,
        body={"collection": "Movies", "shard": "main", "sourceNode": "a", "targetNode": "b", "type": "COPY"},
    ),
    ("DELETE", "/v1/replication/replicate"): needs("read_replicate", path=_REPLICATE),
    ("GET", "/v1/replication/replicate/list"): needs("read_replicate", path=f"{_REPLICATE}/list"),
    ("GET", "/v1/replication/replicate/{id}"): needs("read_replicate", path=f"{_REPLICATE}/{OTHER}"),
    ("DELETE", "/v1/replication/replicate/{id}"): needs("read_replicate", path=f"{_REPLICATE}/{OTHER}"),
    ("POST", "/v1/replication/replicate/{id}/cancel"): needs("read_replicate", path=f"{_REPLICATE}/{OTHER}/cancel"),
    ("GET", "/v1/schema"): free("/v1/schema"),
    ("POST", "/v1/schema"): needs("create_collections", path="/v1/schema", body={"class": "Made"}),
    ("GET", "/v1/schema/{name}"): needs("read_collections", path=_SCHEMA),
    ("PUT", "/v1/schema/{name}"): needs("update_collections", path=_SCHEMA, body={"class": "Movies"}),
    ("DELETE", "/v1/schema/{name}"): needs("delete_collections", path=_SCHEMA),
    ("POST", "/v1/schema/{name}/properties"): needs(
        "update_collections",
        "read_collections",
        path=f"{_SCHEMA}/properties",
        body={"name": "more", "dataType": ["text"]},
    ),
    ("GET", "/v1/schema/{name}/indexes"): needs("read_collections", path=f"{_SCHEMA}/indexes"),
    ("PUT", "/v1/schema/{name}/properties/{property}/index/{index}"): needs(
        "update_collections", "update_data", path=f"{_SCHEMA}/properties/title/index/searchable", body={}
    ),
    ("POST", "/v1/schema/{name}/properties/{property}/index/{index}/rebuild"): needs(
        "update_collections", "update_data", path=f"{_SCHEMA}/properties/title/index/searchable/rebuild"
    ),
    ("POST", "/v1/schema/{name}/properties/{property}/index/{index}/cancel"): needs(
        "update_collections", "update_data", path=f"{_SCHEMA}/properties/title/index/searchable/cancel"
    ),
    ("DELETE", "/v1/schema/{name}/properties/{property}/index/{index}"): needs(
        "update_collections", "update_data", path=f"{_SCHEMA}/properties/title/index/searchable"
    ),
    ("DELETE", "/v1/schema/{name}/vectors/{vector}/index"): needs(
        "update_collections", "update_data", path=f"{_SCHEMA}/vectors/v/index"
    ),
    ("GET", "/v1/schema/{name}/shards"): needs("read_tenants", path=f"{_SCHEMA}/shards"),
    ("PUT", "/v1/schema/{name}/shards/{shard}"): needs(
        "update_tenants", path=f"{_SCHEMA}/shards/main", body={"status": "READY"}
    ),
    ("GET", "/v1/schema/{name}/tenants"): Step("/v1/schema/Shops/tenants", _TOUCHING),
    ("POST", "/v1/schema/{name}/tenants"): needs(
        "create_tenants", path="/v1/schema/Shops/tenants", body=[{"name": "t1"}]
    ),
    ("PUT", "/v1/schema/{name}/tenants"): needs(
        "update_tenants", path="/v1/schema/Shops/tenants", body=[{"name": "t1", "activityStatus": "ACTIVE"}]
    ),
    ("DELETE", "/v1/schema/{name}/tenants"): needs("delete_tenants", path="/v1/schema/Shops/tenants", body=["t2"]),
    ("GET", "/v1/schema/{name}/tenants/{tenant}"): needs("read_tenants", path="/v1/schema/Shops/tenants/t1"),
    ("HEAD", "/v1/schema/{name}/tenants/{tenant}"): needs("read_tenants", path="/v1/schema/Shops/tenants/t1"),
    ("GET", "/v1/aliases"): free("/v1/aliases"),
    ("POST", "/v1/aliases"): needs("create_aliases", path="/v1/aliases", body={"alias": "Flicks2", "class": "Movies"}),
    ("GET", "/v1/aliases/{alias}"): needs("read_aliases", path="/v1/aliases/Flicks"),
    ("PUT", "/v1/aliases/{alias}"): needs("update_aliases", path="/v1/aliases/Flicks", body={"class": "Movies"}),
    ("DELETE", "/v1/aliases/{alias}"): needs("delete_aliases", path="/v1/aliases/Flicks"),
    ("POST", "/v1/tokenize"): free("/v1/tokenize", {"text": "a b", "tokenization": "word"}),
    ("POST", "/v1/schema/{name}/properties/{property}/tokenize"): needs(
        "read_collections", path=f"{_SCHEMA}/properties/title/tokenize", body={"text": "a b"}
    ),
    ("GET", "/v1/objects"): needs("read_data", path="/v1/objects"),
    ("POST", "/v1/objects"): needs("create_data", path="/v1/objects", body=_OBJECT),
    ("POST", "/v1/objects/validate"): needs("read_data", path="/v1/objects/validate", body=_OBJECT),
    ("GET", _ONE): needs("read_data", path=f"/v1/objects/Movies/{OBJECT}"),
    ("HEAD", _ONE): needs("read_data", path=f"/v1/objects/Movies/{OBJECT}"),
    ("PUT", _ONE): needs("update_data", path=f"/v1/objects/Movies/{OTHER}", body=_OBJECT),
    ("PATCH", _ONE): needs("update_data", path=f"/v1/objects/Movies/{OTHER}", body=_OBJECT),
    ("DELETE", _ONE): needs("delete_data", path=f"/v1/objects/Movies/{OTHER}"),
    ("GET", "/v1/objects/{id}"): needs("read_data", path=f"/v1/objects/{OBJECT}"),
    ("HEAD", "/v1/objects/{id}"): needs("read_data", path=f"/v1/objects/{OBJECT}"),
    ("PUT", "/v1/objects/{id}"): needs("update_data", path=f"/v1/objects/{OTHER}", body=_OBJECT),
    ("PATCH", "/v1/objects/{id}"): needs("update_data", path=f"/v1/objects/{OTHER}", body=_OBJECT),
    ("DELETE", "/v1/objects/{id}"): needs("delete_data", path=f"/v1/objects/{OBJECT}"),
    ("POST", "/v1/objects/{class}/{id}/explain"): needs(
        "read_data", path=f"/v1/objects/Movies/{OBJECT}/explain", body={"query": "x"}
    ),
    ("POST", "/v1/objects/{class_name}/{id}/references/{property}"): needs(
        "update_data", "read_data", "read_collections", path=_REFERENCES, body=BEACON
    ),
    ("PUT", "/v1/objects/{class_name}/{id}/references/{property}"): needs(
        "update_data", "read_data", "read_collections", path=_REFERENCES, body=[BEACON]
    ),
    ("DELETE", "/v1/objects/{class_name}/{id}/references/{property}"): needs(
        "update_data", "read_data", "read_collections", path=_REFERENCES, body=BEACON
    ),
    ("POST", "/v1/objects/{id}/references/{property}"): needs(
        "update_data", "read_data", "read_collections", path=_REFERENCES_BY_ID, body=BEACON
    ),
    ("PUT", "/v1/objects/{id}/references/{property}"): needs(
        "update_data", "read_data", "read_collections", path=_REFERENCES_BY_ID, body=[BEACON]
    ),
    ("DELETE", "/v1/objects/{id}/references/{property}"): needs(
        "update_data", "read_data", "read_collections", path=_REFERENCES_BY_ID, body=BEACON
    ),
    ("POST", "/v1/classifications"): needs(
        "update_collections",
        "read_data",
        "read_collections",
        path="/v1/classifications",
        body={"class": "Movies", "classifyProperties": ["next"], "basedOnProperties": ["title"]},
    ),
    ("GET", "/v1/classifications/{id}"): free(f"/v1/classifications/{OTHER}"),
    ("GET", f"{_CONTEXTIONARY}/concepts/{{concept}}"): free(f"{_CONTEXTIONARY}/concepts/car"),
    ("POST", f"{_CONTEXTIONARY}/extensions"): needs(
        "update_collections",
        path=f"{_CONTEXTIONARY}/extensions",
        body={"concept": "word", "definition": "a thing that is said", "weight": 1},
    ),
    ("POST", "/v1/batch/references"): needs(
        "update_data",
        "read_data",
        "read_collections",
        path="/v1/batch/references",
        body=[{"from": f"{BEACON['beacon']}/next", "to": BEACON["beacon"]}],
    ),
    ("POST", "/v1/mcp"): needs("read_mcp", path="/v1/mcp", body={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    ("POST", "/v1/batch/objects"): needs(
        "create_data", "update_data", path="/v1/batch/objects", body={"objects": [_OBJECT]}
    ),
    ("DELETE", "/v1/batch/objects"): needs(
        "delete_data",
        "read_data",
        "read_collections",
        path="/v1/batch/objects",
        body={"match": {"class": "Movies", "where": _WHERE}},
    ),
    ("POST", "/v1/search/{name}/bm25"): needs("read_data", path="/v1/search/Movies/bm25", body={"query": "x"}),
    ("POST", "/v1/search/{name}/hybrid"): needs(
        "read_data", path="/v1/search/Movies/hybrid", body={"query": "x", "alpha": 0}
    ),
    ("POST", "/v1/search/{name}/near-text"): needs(
        "read_data", path="/v1/search/Movies/near-text", body={"query": ["x"]}
    ),
    ("POST", "/v1/search/{name}/near-object"): needs(
        "read_data", path="/v1/search/Movies/near-object", body={"id": OBJECT}
    ),
    ("POST", "/v1/aggregate/{name}"): needs("read_data", path="/v1/aggregate/Movies", body={}),
    ("POST", "/v1/graphql"): needs("read_data", path="/v1/graphql", body=_QUESTION),
    ("POST", "/v1/graphql/batch"): needs("read_data", path="/v1/graphql/batch", body=[_QUESTION]),
    ("GET", "/v1/backups/{backend}"): free("/v1/backups/filesystem"),
    ("POST", "/v1/backups/{backend}"): needs(
        "manage_backups", path="/v1/backups/filesystem", body={"id": "one", "include": ["Movies"]}
    ),
    ("GET", "/v1/backups/{backend}/{id}"): needs("manage_backups", path=_BACKUP),
    ("DELETE", "/v1/backups/{backend}/{id}"): needs("manage_backups", path=_BACKUP),
    ("POST", "/v1/backups/{backend}/{id}/restore"): needs("manage_backups", path=f"{_BACKUP}/restore", body={}),
    ("GET", "/v1/backups/{backend}/{id}/restore"): needs("manage_backups", path=f"{_BACKUP}/restore"),
    ("DELETE", "/v1/backups/{backend}/{id}/restore"): needs("manage_backups", path=f"{_BACKUP}/restore"),
    ("POST", "/v1/export/{backend}"): needs(
        "manage_backups", path="/v1/export/filesystem", body={"id": "one", "file_format": "parquet"}
    ),
    ("GET", "/v1/export/{backend}/{id}"): needs("manage_backups", path="/v1/export/filesystem/one"),
    ("DELETE", "/v1/export/{backend}/{id}"): needs("manage_backups", path="/v1/export/filesystem/one"),
    ("POST", "/v1/weft/evaluations"): needs(
        "read_data",
        path="/v1/weft/evaluations",
        body={"collection": "Movies", "queries": [{"text": "x", "relevant": [OBJECT]}]},
    ),
    ("GET", "/v1/weft/evaluations"): free("/v1/weft/evaluations"),
    ("GET", "/v1/weft/evaluations/{id}"): free(f"/v1/weft/evaluations/{OTHER}"),
    ("DELETE", "/v1/weft/evaluations/{id}"): free(f"/v1/weft/evaluations/{OTHER}"),
    ("GET", "/v1/weft/evaluations/{id}/comparison"): free(f"/v1/weft/evaluations/{OTHER}/comparison?variant=a&other=b"),
    ("GET", "/v1/weft/jobs"): free("/v1/weft/jobs"),
    ("GET", "/v1/weft/jobs/{id}"): needs("manage_backups", path=_JOB),
    ("DELETE", "/v1/weft/jobs/{id}"): needs("manage_backups", path=_JOB),
    ("POST", "/v1/weft/jobs/{id}/pause"): needs("manage_backups", path=f"{_JOB}/pause"),
    ("POST", "/v1/weft/jobs/{id}/resume"): needs("manage_backups", path=f"{_JOB}/resume"),
    ("GET", "/v1/weft/reembeddings"): free("/v1/weft/reembeddings"),
    ("POST", "/v1/weft/reembeddings"): needs(
        *_REEMBEDDING, path="/v1/weft/reembeddings", body={"collection": "Movies", "vector": "v"}
    ),
    ("GET", "/v1/weft/reembeddings/{name}/{vector}"): needs("read_collections", path=_REVISION),
    ("DELETE", "/v1/weft/reembeddings/{name}/{vector}"): needs(*_REEMBEDDING, path=_REVISION),
    **{
        ("POST", f"/v1/weft/reembeddings/{{name}}/{{vector}}/{action}"): needs(
            *_REEMBEDDING, path=f"{_REVISION}/{action}", body=body
        )
        for action, body in (("pause", None), ("resume", None), ("cutover", {}), ("rollback", None), ("drop", None))
    },
    ("POST", "/v1/weft/reembeddings/{name}/{vector}/compare"): needs(
        "read_data", path=f"{_REVISION}/compare", body={"queries": ["alien"]}
    ),
    ("GET", "/v1/weft/imports"): free("/v1/weft/imports"),
    ("GET", "/v1/weft/imports/{id}"): needs("read_data", path=_IMPORT),
    ("DELETE", "/v1/weft/imports/{id}"): needs("delete_data", path=_IMPORT),
    ("GET", "/v1/weft/imports/{id}/rejected"): needs("read_data", path=f"{_IMPORT}/rejected"),
    ("GET", "/v1/authz/roles"): free("/v1/authz/roles"),
    ("POST", "/v1/authz/roles"): needs("create_roles", path="/v1/authz/roles", body=_ROLE),
    ("GET", "/v1/authz/roles/{role}"): needs("read_roles", path="/v1/authz/roles/viewer"),
    ("DELETE", "/v1/authz/roles/{role}"): needs("delete_roles", path="/v1/authz/roles/made"),
    ("POST", "/v1/authz/roles/{role}/add-permissions"): needs(
        "update_roles", path="/v1/authz/roles/made/add-permissions", body={"permissions": [_READS]}
    ),
    ("POST", "/v1/authz/roles/{role}/remove-permissions"): needs(
        "update_roles", path="/v1/authz/roles/made/remove-permissions", body={"permissions": [_READS]}
    ),
    ("POST", "/v1/authz/roles/{role}/has-permission"): needs(
        "read_roles", path="/v1/authz/roles/viewer/has-permission", body=_READS
    ),
    ("GET", "/v1/authz/roles/{role}/users"): needs("read_roles", path="/v1/authz/roles/viewer/users"),
    ("GET", "/v1/authz/roles/{role}/user-assignments"): needs(
        "read_roles", path="/v1/authz/roles/viewer/user-assignments"
    ),
    ("GET", "/v1/authz/roles/{role}/group-assignments"): needs(
        "read_roles", path="/v1/authz/roles/viewer/group-assignments"
    ),
    ("GET", "/v1/authz/users/{user}/roles"): needs("read_users", "read_roles", path="/v1/authz/users/root-user/roles"),
    ("GET", "/v1/authz/users/{user}/roles/{type}"): needs(
        "read_users", path="/v1/authz/users/list-user/roles/db?includeFullRoles=false"
    ),
    ("POST", "/v1/authz/users/{user}/assign"): needs(
        "assign_and_revoke_users", path="/v1/authz/users/list-user/assign", body={"roles": ["empty"], "userType": "db"}
    ),
    ("POST", "/v1/authz/users/{user}/revoke"): needs(
        "assign_and_revoke_users", path="/v1/authz/users/list-user/revoke", body={"roles": ["empty"], "userType": "db"}
    ),
    ("GET", "/v1/authz/groups/{type}"): free("/v1/authz/groups/oidc"),
    ("GET", "/v1/authz/groups/{group:path}/roles/{type}"): needs(
        "read_groups", path="/v1/authz/groups/%2Fstaff/roles/oidc"
    ),
    ("POST", "/v1/authz/groups/{group:path}/assign"): needs(
        "assign_and_revoke_groups",
        path="/v1/authz/groups/%2Fstaff/assign",
        body={"roles": ["empty"], "groupType": "oidc"},
    ),
    ("POST", "/v1/authz/groups/{group:path}/revoke"): needs(
        "assign_and_revoke_groups",
        path="/v1/authz/groups/%2Fstaff/revoke",
        body={"roles": ["empty"], "groupType": "oidc"},
    ),
    ("GET", "/v1/users/own-info"): free("/v1/users/own-info"),
    ("GET", "/v1/users/db"): free("/v1/users/db"),
    ("GET", "/v1/users/db/{user}"): needs("read_users", path="/v1/users/db/someone"),
    ("POST", "/v1/users/db/{user}"): needs("create_users", path="/v1/users/db/someone"),
    ("DELETE", "/v1/users/db/{user}"): needs("delete_users", path="/v1/users/db/someone"),
    ("POST", "/v1/users/db/{user}/rotate-key"): needs("update_users", path="/v1/users/db/someone/rotate-key"),
    ("POST", "/v1/users/db/{user}/activate"): needs("update_users", path="/v1/users/db/someone/activate"),
    ("POST", "/v1/users/db/{user}/deactivate"): needs("update_users", path="/v1/users/db/someone/deactivate"),
}

_NEW = batch.BatchObject(uuid=OTHER, collection="Movies")
_LINK = batch.BatchReference(
    name="next", from_collection="Movies", from_uuid=OBJECT, to_collection="Movies", to_uuid=OBJECT
)
_FILTER = base.Filters(
    operator=base.Filters.OPERATOR_EQUAL, target=base.FilterTarget(property="title"), value_text="nothing"
)

GRPC: dict[str, tuple[tuple[str, ...], Any]] = {
    "Search": (("read_data",), search_get.SearchRequest(collection="Movies", uses_127_api=True)),
    "Aggregate": (("read_data",), aggregate.AggregateRequest(collection="Movies", objects_count=True)),
    "BatchObjects": (("create_data", "update_data"), batch.BatchObjectsRequest(objects=[_NEW])),
    "BatchReferences": (
        ("update_data", "read_data", "read_collections"),
        batch.BatchReferencesRequest(references=[_LINK]),
    ),
    "BatchDelete": (
        ("delete_data", "read_data"),
        batch_delete.BatchDeleteRequest(collection="Movies", filters=_FILTER),
    ),
    "TenantsGet": (_TOUCHING, tenants.TenantsGetRequest(collection="Shops")),
    "BatchStream": (("create_data", "update_data"), [_NEW]),
}
"""By method: the actions that together allow it, or each alone."""

GRAPHQL: dict[str, tuple[tuple[str, ...], str]] = {
    "Get": (("read_data",), "{ Get { Movies { title } } }"),
    "Aggregate": (("read_data",), "{ Aggregate { Movies { meta { count } } } }"),
    "Explore": (("read_data",), "{ Explore(nearVector: {vector: [1, 2]}) { className } }"),
}
"""By field of a query: the actions that together allow it."""
