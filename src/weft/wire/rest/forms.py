"""The forms of requests, by the names that the OpenAPI document has for them.

Measured with Weaviate 1.40, except the keys of backups, roles, users, replication and tokens: it decodes all its bodies
in the same way. The service has the keys of schema documents. Where Weaviate's own reading is looser, as in settings of
vector indexes and modules, a form says ``ANYTHING``, and the service judges the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.access.permissions import DOMAINS
from weft.domain.filters import Operator
from weft.service.schema.keys import CLASS, PROPERTY
from weft.wire.rest.form import (
    ANYTHING,
    FLAG,
    NUMBER,
    TEXT,
    URI,
    UUID,
    WHOLE,
    AnyForm,
    ArrayForm,
    DocumentForm,
    Form,
    MapForm,
    NumberForm,
    ObjectForm,
    TextForm,
)
from weft.wire.rest.openapi.shapes import Schema

_TEXTS: Final = ArrayForm(TEXT)
_ANALYZER: Final = ObjectForm(asciiFold=FLAG, asciiFoldIgnore=_TEXTS, stopwordPreset=TEXT)
_STOPWORDS: Final = ObjectForm(preset=TEXT, additions=_TEXTS, removals=_TEXTS)
_TOKENIZATION: Final = TextForm(
    "word", "lowercase", "whitespace", "field", "trigram", "gse", "kagome_kr", "kagome_ja", "gse_ch"
)
"""In the order in which Weaviate's refusal lists them."""
_INDEXES: Final[Mapping[str, Form]] = {
    "indexFilterable": FLAG,
    "indexSearchable": FLAG,
    "indexRangeFilters": FLAG,
    "tokenization": _TOKENIZATION,
    "textAnalyzer": _ANALYZER,
}
_NESTED: Final = ObjectForm(dataType=_TEXTS, description=TEXT, name=TEXT, **_INDEXES).nesting("nestedProperties")
_PROPERTY: Final = DocumentForm(
    PROPERTY,
    dataType=_TEXTS,
    description=TEXT,
    name=TEXT,
    indexInverted=FLAG,
    nestedProperties=ArrayForm(_NESTED),
    disableDuplicatedReferences=FLAG,
    **_INDEXES,
)
_CLASS: Final = DocumentForm(
    CLASS,
    **{"class": TEXT},
    vectorConfig=MapForm(ObjectForm(vectorIndexType=TEXT)),
    vectorIndexType=TEXT,
    replicationConfig=ObjectForm(
        factor=WHOLE,
        deletionStrategy=TextForm("NoAutomatedResolution", "DeleteOnConflict", "TimeBasedResolution"),
    ),
    invertedIndexConfig=ObjectForm(
        cleanupIntervalSeconds=NUMBER,
        bm25=ObjectForm(k1=NUMBER, b=NUMBER),
        stopwords=_STOPWORDS,
        indexTimestamps=FLAG,
        indexNullState=FLAG,
        indexPropertyLength=FLAG,
        usingBlockMaxWAND=FLAG,
        stopwordPresets=MapForm(_TEXTS),
    ),
    multiTenancyConfig=ObjectForm(enabled=FLAG, autoTenantCreation=FLAG, autoTenantActivation=FLAG),
    objectTtlConfig=ObjectForm(enabled=FLAG, defaultTtl=WHOLE, deleteOn=TEXT, filterExpiredObjects=FLAG),
    vectorizer=TEXT,
    description=TEXT,
    properties=ArrayForm(_PROPERTY),
)
_OBJECT: Final = ObjectForm(
    **{"class": TEXT},
    id=UUID,
    properties=ANYTHING,
    creationTimeUnix=WHOLE,
    lastUpdateTimeUnix=WHOLE,
    vector=ArrayForm(ANYTHING),
    vectors=MapForm(ANYTHING),
    tenant=TEXT,
    additional=MapForm(ANYTHING),
)
"""The values of properties and vectors are judged where they are read."""
_VALUES: Final[Mapping[str, Form]] = {
    "valueText": TEXT,
    "valueString": TEXT,
    "valueDate": TEXT,
    "valueInt": WHOLE,
    "valueNumber": NUMBER,
    "valueBoolean": FLAG,
}
_WHERE: Final = ObjectForm(
    operator=TextForm("And", "Or", "Not", *Operator),
    path=_TEXTS,
    **{name: ArrayForm(one, or_one=True) for name, one in _VALUES.items()},
    **{f"{name}Array": ArrayForm(one) for name, one in _VALUES.items()},
    valueGeoRange=ObjectForm(
        geoCoordinates=ObjectForm(latitude=NUMBER, longitude=NUMBER), distance=ObjectForm(max=NUMBER)
    ),
).nesting("operands")  # fmt: skip
_MADE_QUERIES: Final = ObjectForm("property", property=TEXT, queries=WHOLE)
_COMMON: Final[Mapping[str, Form]] = {
    "where": _WHERE,
    "limit": WHOLE,
    "offset": WHOLE,
    "autoLimit": WHOLE,
    "returnProperties": _TEXTS,
    "returnMetadata": ArrayForm(
        TextForm("distance", "certainty", "score", "explainScore", "creationTime", "lastUpdateTime")
    ),
    "tenant": TEXT,
    "consistencyLevel": TextForm("ONE", "QUORUM", "ALL"),
    "singlePrompt": TEXT,
    "groupedTask": TEXT,
    "groupBy": TEXT,
    "numberOfGroups": WHOLE,
    "objectsPerGroup": WHOLE,
    "rerank": ObjectForm("property", property=TEXT, query=TEXT),
}
"""Of every search."""
_NEAR: Final[Mapping[str, Form]] = {"certainty": NUMBER, "distance": NUMBER, "targetVector": TEXT}
_BEACON: Final = ObjectForm(**{"class": URI}, beacon=URI, href=URI)
_PLACE: Final[Mapping[str, Form]] = {
    "endpoint": TEXT,
    "bucket": TEXT,
    "path": TEXT,
    "CPUPercentage": NumberForm(whole=True, low=1, high=80),
}
_QUESTION: Final = ObjectForm(query=TEXT, operationName=TEXT, variables=ANYTHING, extensions=ANYTHING)
_RESTORED: Final = TextForm("noRestore", "all")
_COMPRESSION: Final = TextForm(
    *("DefaultCompression", "BestSpeed", "BestCompression"),
    *("ZstdDefaultCompression", "ZstdBestSpeed", "ZstdBestCompression", "NoCompression"),
)
_CHOICE: Final[Mapping[str, Form]] = {"include": _TEXTS, "exclude": _TEXTS}
_PERMISSION: Final = ObjectForm(
    "action",
    action=TEXT,
    **{domain: ObjectForm(**dict.fromkeys((*names, "scope"), TEXT)) for domain, names in DOMAINS.items()},
)

_SEARCHES: Final[Mapping[str, Form]] = {
    "SearchBm25": ObjectForm("query", query=TEXT, queryProperties=_TEXTS, **_COMMON),
    "SearchHybrid": ObjectForm(
        "query",
        query=TEXT,
        alpha=NUMBER,
        fusionType=TextForm("ranked", "relativeScore"),
        maxVectorDistance=NUMBER,
        queryProperties=_TEXTS,
        targetVector=TEXT,
        **_COMMON,
    ),
    "SearchNearText": ObjectForm("query", query=_TEXTS, **_NEAR, **_COMMON),
    "SearchNearObject": ObjectForm("id", id=UUID, **_NEAR, **_COMMON),
}
_EXPLAINED: Final = ObjectForm(
    bm25=_SEARCHES["SearchBm25"],
    hybrid=_SEARCHES["SearchHybrid"],
    nearText=_SEARCHES["SearchNearText"],
    nearObject=_SEARCHES["SearchNearObject"],
    boost=ANYTHING,
)
FORMS: Final[Mapping[str, Form]] = {
    "Class": _CLASS,
    "ClassChange": _CLASS,
    "Property": _PROPERTY,
    "IndexChange": ObjectForm(tokenization=TEXT, algorithm=TEXT),
    "ShardChange": ObjectForm(status=TEXT),
    "Tenant": ObjectForm(
        name=TEXT,
        activityStatus=TextForm(
            *("ACTIVE", "INACTIVE", "OFFLOADED", "OFFLOADING", "ONLOADING"),
            *("HOT", "COLD", "FROZEN", "FREEZING", "UNFREEZING"),
        ),
    ),
    "Alias": ObjectForm(**{"class": TEXT}, alias=TEXT),
    "AliasChange": ObjectForm(**{"class": TEXT}),
    "TokenizeText": ObjectForm(
        "text tokenization",
        text=TEXT,
        tokenization=_TOKENIZATION,
        analyzerConfig=_ANALYZER,
        stopwords=_STOPWORDS,
        stopwordPresets=MapForm(_TEXTS),
    ),
    "TokenizeProperty": ObjectForm("text", text=TEXT),
    "NewObject": _OBJECT,
    "ObjectChange": _OBJECT,
    "Batch": ObjectForm(fields=_TEXTS, objects=ArrayForm(_OBJECT), weftModels=MapForm(TEXT), weftCopies=FLAG),
    "BatchDelete": ObjectForm(
        match=ObjectForm(**{"class": TEXT}, where=_WHERE), output=TEXT, deletionTimeUnixMilli=WHOLE, dryRun=FLAG
    ),
    "NewClassification": ObjectForm(
        **{"class": TEXT},
        type=TEXT,
        basedOnProperties=_TEXTS,
        classifyProperties=_TEXTS,
        settings=ANYTHING,
        filters=ObjectForm(sourceWhere=_WHERE, trainingSetWhere=_WHERE, targetWhere=_WHERE),
        id=UUID,
        status=TextForm("running", "completed", "failed"),
        error=TEXT,
        meta=ObjectForm(started=TEXT, completed=TEXT, count=WHOLE, countSucceeded=WHOLE, countFailed=WHOLE),
    ),
    "Beacon": _BEACON,
    "BatchReferences": ArrayForm(ObjectForm(**{"from": URI}, to=URI, tenant=TEXT)),
    "Extension": ObjectForm("concept definition weight", concept=TEXT, definition=TEXT, weight=NUMBER),
    "NewEvaluation": ObjectForm(
        "collection",
        collection=TEXT,
        tenant=TEXT,
        name=TEXT,
        queries=ArrayForm(MapForm(ANYTHING)),
        knownItem=_MADE_QUERIES,
        captions=_MADE_QUERIES,
        measures=_TEXTS,
        sample=WHOLE,
        vectors=_TEXTS,
        models=ArrayForm(ObjectForm("module", module=TEXT, settings=MapForm(ANYTHING))),
        keyword=FLAG,
        alphas=ArrayForm(NUMBER),
        fusions=_TEXTS,
        rerankers=_TEXTS,
        rerankProperty=TEXT,
        quantizers=_TEXTS,
        ef=ArrayForm(WHOLE),
        pooling=ArrayForm(WHOLE),
    ),
    "Explain": ObjectForm(query=ANYTHING, vector=TEXT, matrix=FLAG, search=_EXPLAINED),
    "GraphQL": _QUESTION,
    "GraphQLBatch": ArrayForm(AnyForm(_QUESTION.keys)),
    **_SEARCHES,
    "Aggregate": ObjectForm(
        groupBy=TEXT,
        returnMetrics=_TEXTS,
        where=_WHERE,
        limit=WHOLE,
        tenant=TEXT,
        over=MapForm(ANYTHING),
        objectLimit=WHOLE,
    ),
    "Backup": ObjectForm(
        id=TEXT,
        config=ObjectForm(**_PLACE, CompressionLevel=_COMPRESSION),
        includeUsers=_TEXTS,
        includeRoles=_TEXTS,
        incremental_base_backup_id=TEXT,
        **_CHOICE,
    ),
    "Restore": ObjectForm(
        config=ObjectForm(**_PLACE, rolesOptions=_RESTORED, usersOptions=_RESTORED),
        node_mapping=MapForm(TEXT),
        overwriteAlias=FLAG,
        **_CHOICE,
    ),
    "Export": ObjectForm("id file_format", id=TEXT, file_format=TextForm("parquet"), **_CHOICE),
    "NewReembedding": ObjectForm(
        "collection vector",
        collection=TEXT,
        vector=TEXT,
        module=TEXT,
        settings=MapForm(ANYTHING),
        vectorIndexType=TEXT,
        vectorIndexConfig=MapForm(ANYTHING),
        dryRun=FLAG,
    ),
    "Cutover": ObjectForm(keepSeconds=NUMBER, incomplete=FLAG),
    "RevisionQueries": ObjectForm("queries", queries=_TEXTS, limit=WHOLE),
    "Permission": _PERMISSION,
    "Role": ObjectForm("name permissions", name=TEXT, permissions=ArrayForm(_PERMISSION)),
    "Permissions": ObjectForm("permissions", permissions=ArrayForm(_PERMISSION)),
    "UserRoles": ObjectForm(roles=_TEXTS, userType=TextForm("db", "oidc")),
    "GroupRoles": ObjectForm(roles=_TEXTS, groupType=TextForm("oidc")),
    "NewUser": ObjectForm(**{"import": FLAG}, createTime=TEXT),
    "Deactivation": ObjectForm(revoke_key=FLAG),
    "Replicate": ObjectForm(
        "collection shard sourceNode targetNode",
        collection=TEXT,
        shard=TEXT,
        sourceNode=TEXT,
        targetNode=TEXT,
        type=TextForm("COPY", "MOVE"),
    ),
}


def form_of(schema: Schema) -> Form:
    """The form of a request that the OpenAPI document describes by ``schema``: a component, or an array."""
    name = schema.get("$ref")
    if isinstance(name, str):
        return FORMS[name.rpartition("/")[2]]
    items = schema.get("items")
    if isinstance(items, Mapping):
        return ArrayForm(form_of(items))
    return TEXT if schema.get("type") == "string" else ANYTHING
