"""The keys of requests that match in any case, as in Weaviate; the service has those of schema documents.

Names of properties, vectors and modules, and the query string, must match exactly. Measured with Weaviate 1.40.
"""

from __future__ import annotations

from typing import Final

from weft.domain.json_keys import Keys

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
