"""The keys of requests that match in any case, as in Weaviate; the service has those of schema documents.

Names of properties, vectors and modules, and the query string, must match exactly. Measured with Weaviate 1.40, except
those of backups, roles, users, replication and tokens: Weaviate decodes all its bodies in the same way.
"""

from __future__ import annotations

from typing import Final

from weft.access.permissions import DOMAINS
from weft.domain.json_keys import Keys
from weft.service.schema.keys import ANALYZER, STOPWORDS

_VALUES: Final = ("Text", "String", "Date", "Int", "Number", "Boolean")

OBJECT: Final = Keys("class", "id", "properties", "vector", "vectors", "tenant")
BATCH: Final = Keys("fields", objects=OBJECT)
WHERE: Final = Keys(
    "operator",
    "path",
    *(f"value{kind}" for kind in _VALUES),
    *(f"value{kind}Array" for kind in _VALUES),
    recursive=("operands",),
    valueGeoRange=Keys(geoCoordinates=Keys("latitude", "longitude"), distance=Keys("max")),
)
BATCH_DELETE: Final = Keys("output", "dryRun", "deletionTimeUnixMilli", match=Keys("class", where=WHERE))
REFERENCE: Final = Keys("beacon", "href", "class")
BATCH_REFERENCES: Final = Keys("from", "to", "tenant")
TENANT: Final = Keys("name", "activityStatus")
SHARD: Final = Keys("status")
ALIAS: Final = Keys("alias", "class")
GRAPHQL: Final = Keys("query", "variables", "operationName", "extensions")
_SEARCHED: Final = (
    *("limit", "offset", "autoLimit", "returnProperties", "returnMetadata", "tenant", "consistencyLevel"),
    *("singlePrompt", "groupedTask", "groupBy", "numberOfGroups", "objectsPerGroup"),
    *("query", "queryProperties", "alpha", "fusionType", "maxVectorDistance"),
    *("id", "certainty", "distance", "targetVector"),
)
SEARCH: Final = Keys(*_SEARCHED, where=WHERE, rerank=Keys("property", "query"))
AGGREGATE: Final = Keys("groupBy", "returnMetrics", "limit", "tenant", "over", "objectLimit", where=WHERE)
_CHOSEN: Final = ("include", "exclude")
_ARCHIVE: Final = ("bucket", "path", "CPUPercentage")
BACKUP: Final = Keys(
    "id",
    *_CHOSEN,
    "incremental_base_backup_id",
    "includeRoles",
    "includeUsers",
    config=Keys(*_ARCHIVE, "CompressionLevel"),
)
RESTORE: Final = Keys(
    *_CHOSEN, "node_mapping", "overwriteAlias", config=Keys(*_ARCHIVE, "rolesOptions", "usersOptions")
)
EXPORT: Final = Keys("id", "file_format", *_CHOSEN)

PERMISSION: Final = Keys("action", recursive=(), **{domain: Keys(*names, "scope") for domain, names in DOMAINS.items()})
PERMISSIONS: Final = Keys(permissions=PERMISSION)
ROLE: Final = Keys("name", permissions=PERMISSION)
ASSIGNMENT: Final = Keys("roles", "userType", "groupType")
USER: Final = Keys("import", "createTime")
DEACTIVATION: Final = Keys("revoke_key")
REPLICATION: Final = Keys("type", "collection", "shard", "sourceNode", "targetNode")
TOKENS: Final = Keys("text", "tokenization", "stopwordPresets", analyzerConfig=ANALYZER, stopwords=STOPWORDS)
