"""What calls take in the query string, and what the names in paths mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from weft.wire.json.words import INTERPRETATION, NEIGHBOURS, PROJECTION
from weft.wire.rest.openapi.shapes import BOOLEAN, CLASS_NAME, COUNT, NAME, TEXT, UUID, Schema, choice


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    description: str
    schema: Schema = field(default_factory=lambda: TEXT)
    required: bool = False


TENANT: Final = Parameter("tenant", "The tenant, where the collection has tenants.")
CONSISTENCY: Final = Parameter(
    "consistency_level",
    "Of reads and writes, where an engine elsewhere has replicas.",
    choice("ONE", "QUORUM", "ALL"),
)
VECTOR: Final = "vector"
CLASSIFICATION: Final = "classification"
INCLUDES: Final[Mapping[str, str]] = {
    **{name: name for name in (VECTOR, CLASSIFICATION, INTERPRETATION, NEIGHBOURS, PROJECTION)},
    **dict.fromkeys(("nearestneighbors", "nearest-neighbors", "nearest_neighbors"), NEIGHBOURS),
    **dict.fromkeys(("featureprojection", "feature-projection", "feature_projection"), PROJECTION),
}
"""What can be added to objects that are read, by its spellings."""
INCLUDE: Final = Parameter(
    "include",
    "What to add to each object: `vector`, `classification`, and where its vector has words, `interpretation`, "
    "`nearestNeighbors`, `featureProjection`.",
    {"type": "string", "pattern": f"^(({'|'.join(INCLUDES)}),?)*$"},
)
NODES_OUTPUT: Final = Parameter("output", "`verbose` lists the shards.", choice("minimal", "verbose"))
FULL_ROLES: Final = Parameter("includeFullRoles", "Roles with their permissions.", BOOLEAN)
LAST_USED: Final = Parameter("includeLastUsedTime", "When the user's key was last used.", BOOLEAN)
PLACE: Final = (
    Parameter("bucket", "Another bucket than that of the settings."),
    Parameter("path", "Another path than that of the settings."),
)
PAGE: Final = (
    Parameter(
        "class", "Only objects of this collection; otherwise of all without tenants, or of all that have `tenant`."
    ),
    Parameter("limit", "How many objects; 25 if not said.", {**COUNT, "maximum": 2**31 - 1}),
    Parameter("offset", "How many to leave out.", {**COUNT, "maximum": 2**31 - 1}),
    Parameter("after", "Only objects whose id follows this one; needs `class`."),
    Parameter("sort", "Properties to sort by, separated by commas."),
    Parameter("order", "`asc` or `desc` for each of `sort`, separated by commas."),
    INCLUDE,
    TENANT,
)

INDEXES: Final = ("filterable", "searchable", "rangeFilters", "rangeable")
PATH: Final[Mapping[str, tuple[str, Schema]]] = {
    "alias": ("The alias.", CLASS_NAME),
    "backend": ("Where it is kept: `filesystem`, `s3`, or a backend that another package adds.", NAME),
    "class": ("The collection, or an alias of it.", CLASS_NAME),
    "class_name": ("The collection, or an alias of it.", CLASS_NAME),
    "concept": ("A word.", NAME),
    "group": ("The group.", NAME),
    "id": ("The id.", NAME),
    "index": ("Which index of the property.", choice(*INDEXES)),
    "name": ("The collection, or an alias of it.", NAME),
    "property": ("The property.", NAME),
    "role": ("The role.", NAME),
    "shard": ("The shard: the tenant's name, or that of the only shard.", NAME),
    "tenant": ("The tenant.", NAME),
    "type": ("Of which kind the user or group is.", choice("db", "oidc")),
    "user": ("The user.", NAME),
    "vector": ("The vector's name.", NAME),
}
"""By the name in the path; ``id`` of objects is a UUID."""

OBJECT_ID: Final = ("The object's id.", UUID)
