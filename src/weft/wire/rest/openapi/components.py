"""What requests and answers hold, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.domain.filters import Operator
from weft.domain.jobs import JobStatus
from weft.domain.query import Fusion, MediaKind
from weft.domain.schema import QuantizerKind, Tokenization
from weft.evaluation.variant import SearchBy
from weft.imports.record import ImportKind, ImportStatus
from weft.service.classification.request import ALIASES, CONTEXTUAL, KNN, ZERO_SHOT
from weft.wire.rest.openapi.shapes import (
    ANYTHING,
    BEACON,
    BOOLEAN,
    CLASS_NAME,
    COUNT,
    INTEGER,
    NAME,
    NUMBER,
    OBJECT,
    TEXT,
    UUID,
    Schema,
    array,
    choice,
    maybe,
    record,
    ref,
    request,
)

_OUTCOME: Final = choice("SUCCESS", "FAILED")
_JOB: Final = choice(
    "STARTED", "TRANSFERRING", "TRANSFERRED", "FINALIZING", "SUCCESS", "FAILED", "CANCELLING", "CANCELED"
)
_TOKENIZATION: Final = choice(*Tokenization)
_BYTES: Final[Schema] = {"type": "object", "additionalProperties": COUNT}
_SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_MEASURE: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z]+@[0-9]+$"}
_FIGURES: Final = record("mean low high", mean=NUMBER, low=NUMBER, high=NUMBER)
_ACTION: Final[Schema] = {"type": "string", "pattern": "^[a-z]+(_[a-z]+)+$"}
_VALUES: Final = ("Text", "String", "Date", "Int", "Number", "Boolean")
_OBJECT: Final[Mapping[str, Schema]] = {
    "id": TEXT,
    "properties": OBJECT,
    "vector": ref("Vector"),
    "vectors": {"type": "object", "additionalProperties": maybe(ref("Vector"))},
    "tenant": TEXT,
}
_CLASS: Final[Mapping[str, Schema]] = {
    "description": TEXT,
    "properties": array(ref("Property")),
    "vectorConfig": {"type": "object", "additionalProperties": ref("VectorConfig")},
    "vectorizer": TEXT,
    "vectorIndexType": TEXT,
    "vectorIndexConfig": OBJECT,
    "moduleConfig": OBJECT,
    "invertedIndexConfig": OBJECT,
    "multiTenancyConfig": request(
        enabled=BOOLEAN, autoTenantCreation=BOOLEAN, autoTenantActivation=BOOLEAN
    ),
    "replicationConfig": OBJECT,
    "shardingConfig": OBJECT,
    "objectTtlConfig": OBJECT,
}  # fmt: skip

_INDEX: Final = choice("filterable", "searchable", "rangeFilters")
_COMMON: Final[Mapping[str, Schema]] = {
    "where": OBJECT, "limit": COUNT, "offset": COUNT, "autoLimit": COUNT, "returnProperties": array(TEXT),
    "returnMetadata": array(
        choice("distance", "certainty", "score", "explainScore", "creationTime", "lastUpdateTime")
    ),
    "tenant": TEXT, "consistencyLevel": choice("", "ONE", "QUORUM", "ALL"),
}  # fmt: skip
_NEAR: Final[Mapping[str, Schema]] = {"certainty": NUMBER, "distance": NUMBER, "targetVector": TEXT}

COMPONENTS: Final[Mapping[str, Schema]] = {
    # failures
    "Error": record("error", error=array(record("message", message=TEXT), minItems=1)),
    "Refused": record("code message", code=INTEGER, message=TEXT),
    # before the call ran; of 422, the code says which rule of this document was broken
    "UsageLimitExceeded": record(
        "errorCode limit message value", errorCode=TEXT, limit=choice("objects", "collections", "tenants", "shards"),
        message=TEXT, value=INTEGER,
    ),
    "Results": record("status", status=_OUTCOME, errors=ref("Error")),
    # the server
    "Links": record("links", links=array(record("name href", name=TEXT, href=TEXT))),
    "Meta": record(
        "hostname version modules",
        hostname=TEXT,
        version=TEXT,
        modules=OBJECT,
        grpcMaxMessageSize=COUNT,
        weft=record(
            "version grpcPort grpcWire engine",
            version=TEXT,
            grpcPort=COUNT,
            grpcWire=TEXT,
            engine=record("name refuses", name=TEXT, version=TEXT, refuses=array(TEXT)),
        ),
    ),
    "OpenId": record("href clientId", href=TEXT, clientId=TEXT, scopes=array(TEXT)),
    "Nodes": record("nodes", nodes=array(ref("Node"))),
    "Node": record(
        "name status version gitHash shards", operationalMode=TEXT, name=TEXT, status=TEXT, version=TEXT, gitHash=TEXT,
        batchStats=record(queueLength=COUNT, ratePerSecond=COUNT), stats=record(objectCount=COUNT, shardCount=COUNT),
        shards=maybe(array(ref("Shard"))), usage=OBJECT, error=TEXT,
    ),
    "Shard": record(
        "name class objectCount vectorIndexingStatus vectorQueueLength loaded", name=TEXT, **{"class": TEXT},
        objectCount=COUNT, vectorIndexingStatus=TEXT, vectorQueueLength=COUNT, compressed=BOOLEAN, loaded=BOOLEAN,
        numberOfReplicas=COUNT, replicationFactor=COUNT, asyncReplicationStatus=array(OBJECT),
        sizes=_BYTES, memory=_BYTES, disk=_BYTES, objectsWithoutVector=_BYTES, error=TEXT,
    ),
    "Models": record("models", models=array(ref("Model"))),
    "VectorModels": record("models", models=OBJECT),
    "Model": record(
        "name waiting threads embedded", name=TEXT, waiting=COUNT, threads=COUNT, embedded=COUNT, bytes=COUNT,
        truncated=COUNT,
    ),
    "Concept": record(
        "individualWords",
        individualWords=array(record("word present", word=TEXT, present=BOOLEAN, info=OBJECT)),
        concatenatedWord=OBJECT,
    ),
    "Extension": request("concept definition weight", concept=NAME, definition=NAME, weight=NUMBER),
    "Statistics": record("statistics synchronized", statistics=array(OBJECT), synchronized=BOOLEAN),
    # collections
    "Class": request("class", **{"class": CLASS_NAME}, **_CLASS),
    "Classes": record("classes", classes=array(ref("Class"))),
    "ClassChange": request("", **{"class": TEXT}, **_CLASS),
    "Property": request(
        "name dataType", name=NAME, dataType=array(TEXT, minItems=1), description=TEXT, tokenization=TEXT,
        indexFilterable=BOOLEAN, indexSearchable=BOOLEAN, indexRangeFilters=BOOLEAN, indexInverted=BOOLEAN,
        moduleConfig=OBJECT, textAnalyzer=OBJECT, nestedProperties=array(ref("Property")),
    ),
    "Indexes": record(
        "collection properties", collection=TEXT,
        properties=array(record(
            "name dataType indexes", name=TEXT, dataType=TEXT, description=TEXT, indexes=maybe(array(ref("Index"))),
        )),
    ),
    "Index": record(
        "type status", type=_INDEX, status=choice("ready", "pending", "indexing", "failed", "cancelled"),
        progress=NUMBER, taskId=TEXT, tokenization=TEXT, targetTokenization=TEXT, algorithm=choice("blockmax"),
    ),
    "IndexChange": request(tokenization=TEXT, algorithm=TEXT),
    "IndexChanged": record("status", status=choice("STARTED", "NO_OP", "CANCELLED"), taskId=TEXT),
    "Task": record(
        "id version status startedAt finishedAt payload units", id=TEXT, version=INTEGER,
        status=choice("STARTED", "SWAPPING", "FINISHED", "FAILED", "CANCELLED"), startedAt=TEXT, finishedAt=TEXT,
        finishedNodes=maybe(array(TEXT)), error=TEXT, payload=OBJECT,
        units=array(record(
            "id status updatedAt finishedAt", id=TEXT, nodeId=TEXT,
            status=choice("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED"), progress=NUMBER, error=TEXT,
            updatedAt=TEXT, finishedAt=TEXT,
        )),
    ),
    "VectorConfig": request(vectorizer=OBJECT, vectorIndexType=TEXT, vectorIndexConfig=OBJECT),
    "ShardStatus": record(
        "name status", name=TEXT, status=TEXT, per_node_status=OBJECT, vectorQueueSize=COUNT,
    ),
    "ShardChange": record("status", status=choice("READY", "READONLY")),
    "Tenant": request(
        "name", name={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        activityStatus=choice("", "ACTIVE", "INACTIVE", "HOT", "COLD", "OFFLOADED", "FROZEN"),
    ),
    "Alias": record("alias class", alias=CLASS_NAME, **{"class": CLASS_NAME}),
    "Aliases": record("aliases", aliases=array(ref("Alias"))),
    "AliasChange": record("class", **{"class": CLASS_NAME}),
    "TokenizeText": request(
        "text tokenization", text=TEXT, tokenization=_TOKENIZATION,
        analyzerConfig=OBJECT, stopwords=OBJECT, stopwordPresets=OBJECT,
    ),
    "TokenizeProperty": record("text", text=TEXT),
    "Tokens": record("indexed query", indexed=array(TEXT), query=array(TEXT)),
    # objects
    "Vector": {"anyOf": [array(NUMBER), array(array(NUMBER))]},
    "NewObject": request("class", **{"class": CLASS_NAME}, **_OBJECT),
    "ObjectChange": request("", **{"class": TEXT}, **_OBJECT),
    "Object": record(
        "class id properties creationTimeUnix lastUpdateTimeUnix",
        **{**_OBJECT, "class": TEXT, "id": UUID}, creationTimeUnix=INTEGER, lastUpdateTimeUnix=INTEGER,
    ),
    "Objects": record(
        "objects", objects=array(ref("Object")), totalResults=COUNT, deprecations=maybe(array(TEXT))
    ),
    "Batch": request("objects", objects=array(ANYTHING, minItems=1), weftModels=OBJECT, weftCopies=BOOLEAN),
    "BatchAnswer": array(record("result", result=ref("Results"), id=UUID)),
    "BatchDelete": request(
        "match", match=record("class where", **{"class": CLASS_NAME}, where=ref("Where")),
        output=choice("minimal", "verbose"), dryRun=BOOLEAN,
    ),
    "BatchDeleted": record(
        "match output dryRun results", match=OBJECT, output=TEXT, dryRun=BOOLEAN,
        results=record(
            "matches limit successful failed objects", matches=COUNT, limit=COUNT, successful=COUNT, failed=COUNT,
            objects=maybe(array(record("id status", id=UUID, status=TEXT, errors=ref("Error")))),
        ),
    ),
    "NewClassification": request(
        "class basedOnProperties classifyProperties", **{"class": CLASS_NAME},
        type=choice(*ALIASES, KNN, ZERO_SHOT, CONTEXTUAL), basedOnProperties=array(TEXT, minItems=1),
        classifyProperties=array(TEXT, minItems=1), settings=OBJECT, filters=OBJECT,
    ),
    "Classification": record(
        "id class type basedOnProperties classifyProperties status meta", id=UUID, **{"class": TEXT}, type=TEXT,
        basedOnProperties=array(TEXT), classifyProperties=array(TEXT),
        status=choice("running", "completed", "failed"), settings=OBJECT, filters=OBJECT, error=TEXT,
        meta=record(
            "started completed", started=TEXT, completed=TEXT, count=COUNT, countSucceeded=COUNT, countFailed=COUNT
        ),
    ),
    "Where": request(
        "operator", operator=choice("And", "Or", "Not", *Operator), path=array(TEXT), operands=array(ref("Where")),
        valueGeoRange=OBJECT,
        **{f"value{kind}": ANYTHING for kind in _VALUES}, **{f"value{kind}Array": array(ANYTHING) for kind in _VALUES},
    ),
    "Beacon": record("beacon", beacon=BEACON),
    "BatchReferences": array(ANYTHING),
    "BatchReferencesAnswer": array(
        record("result", **{"from": TEXT}, to=TEXT, result=ref("Results"))
    ),
    "Explain": request(
        "", query={"anyOf": [NAME, array(array(NUMBER, minItems=1), minItems=1)]}, vector=TEXT, matrix=BOOLEAN,
        search=ref("ExplainedSearch"),
    ),
    "ExplainedSearch": request(
        "", bm25=ref("SearchBm25"), hybrid=ref("SearchHybrid"), nearText=ref("SearchNearText"),
        nearObject=ref("SearchNearObject"), boost=OBJECT,
    ),
    "ExplainedHit": record(
        "rank explanation text", rank=COUNT, score=NUMBER, distance=NUMBER, explanation=ref("ScorePart"), text=TEXT
    ),
    "ScorePart": record(
        "name score words facts parts", name=TEXT, score=NUMBER, words=TEXT, facts=OBJECT,
        parts=array(ref("ScorePart")),
    ),
    "Explained": record(
        "vector distance matches", vector=TEXT, distance=NUMBER, matrix=array(array(NUMBER)),
        matches=array(record(queryToken=COUNT, documentToken=COUNT, similarity=NUMBER, share=NUMBER, chunk=TEXT)),
    ),
    "GraphQL": request("query", query=TEXT, variables=OBJECT, operationName=TEXT),
    "GraphQLBatch": array(ANYTHING, minItems=1, maxItems=100),
    "GraphQLAnswer": record(data=maybe(OBJECT), errors=array(record("message", message=TEXT))),
    # backups and exports
    "SearchBm25": request("query", query=NAME, queryProperties=array(TEXT), **_COMMON),
    "SearchHybrid": request(
        "query", query=NAME, alpha=NUMBER, fusionType=choice("", "ranked", "relativeScore"), maxVectorDistance=NUMBER,
        queryProperties=array(TEXT), targetVector=TEXT, **_COMMON,
    ),
    "SearchNearText": request("query", query=array(NAME, minItems=1), **_NEAR, **_COMMON),
    "SearchNearObject": request("id", id=UUID, **_NEAR, **_COMMON),
    "SearchResults": record("results tookMs", results=array(ref("SearchResult")), tookMs=COUNT),
    "SearchResult": record(
        "id properties", id=UUID, properties=OBJECT,
        references={"type": "object", "additionalProperties": array(OBJECT)},
        metadata=record(
            distance=NUMBER, certainty=NUMBER, score=NUMBER, explainScore=TEXT, creationTime=COUNT,
            lastUpdateTime=COUNT,
        ),
    ),
    "Aggregate": request("", groupBy=TEXT, returnMetrics=array(choice("count")), where=OBJECT,
        limit=COUNT, tenant=TEXT),
    "Aggregated": record("tookMs", count=COUNT, tookMs=COUNT, groups=array(record(
        "groupedBy count", count=COUNT, groupedBy=record("path value", path=array(TEXT), value=ANYTHING),
    ))),
    "Backup": request(
        "id", id=NAME, include=array(TEXT), exclude=array(TEXT), config=OBJECT, incremental_base_backup_id=TEXT,
    ),
    "Restore": request(
        "", include=array(TEXT), exclude=array(TEXT), config=OBJECT, node_mapping=OBJECT, overwriteAlias=BOOLEAN,
    ),
    "Export": request("id", id=NAME, file_format=TEXT, include=array(TEXT), exclude=array(TEXT)),
    "Job": record(
        "id status", id=TEXT, backend=TEXT, path=TEXT, status=_JOB, classes=array(TEXT), startedAt=TEXT,
        completedAt=TEXT, error=TEXT, size=NUMBER, progress=record("done total", done=COUNT, total=COUNT),
        incremental_base_backup_id=TEXT, tookInMs=COUNT, shardStatus=OBJECT,
    ),
    "NewEvaluation": request(
        "collection", collection=CLASS_NAME, tenant=TEXT, name=TEXT, queries=array(ref("JudgedQuery")),
        knownItem=ref("MadeQueries"), captions=ref("MadeQueries"), measures=array(_MEASURE), sample=COUNT,
        vectors=array(TEXT), models=array(request("module", module=NAME, settings=OBJECT)), keyword=BOOLEAN,
        alphas=array(_SHARE), fusions=array(choice(*Fusion)), rerankers=array(NAME), rerankProperty=TEXT,
        quantizers=array(choice(*QuantizerKind)), ef=array(COUNT), pooling=array(COUNT),
    ),
    "JudgedQuery": request(
        "relevant", id=TEXT, text=TEXT, **{kind.value: TEXT for kind in MediaKind}, vector=ref("Vector"),
        relevant={"anyOf": [array(UUID), {"type": "object", "additionalProperties": NUMBER}]},
    ),
    "MadeQueries": request("property", property=NAME, queries=COUNT),
    "Evaluations": record("evaluations", evaluations=array(ref("Evaluation"))),
    "Evaluation": record(
        "id job name collection status startedAt progress measures", id=UUID, job=NAME, name=TEXT, collection=TEXT,
        tenant=TEXT, status=choice(*JobStatus), startedAt=TEXT, endedAt=TEXT, error=TEXT,
        progress=record("done total", done=COUNT, total=COUNT), measures=array(_MEASURE), queries=COUNT, objects=COUNT,
        variants=array(ref("EvaluatedVariant")), best=TEXT, verdict=TEXT, notes=array(TEXT),
    ),
    "EvaluatedVariant": record(
        "name by", name=TEXT, by=choice(*SearchBy), vector=TEXT, module=TEXT, model=TEXT, quantizer=TEXT, ef=COUNT,
        pooling=COUNT, alpha=_SHARE, fusion=TEXT, reranker=TEXT, error=TEXT, pValue=_SHARE, bytesPerObject=COUNT,
        measures={"type": "object", "additionalProperties": _FIGURES},
        milliseconds=record("mean p50 p95", mean=NUMBER, p50=NUMBER, p95=NUMBER),
    ),
    "EvaluationComparison": record(
        "variant other measure queries mean otherMean difference pValue significant won lost", variant=TEXT, other=TEXT,
        measure=_MEASURE, queries=COUNT, mean=NUMBER, otherMean=NUMBER, difference=_FIGURES, pValue=_SHARE,
        significant=BOOLEAN, won=COUNT, lost=COUNT, wonQueries=array(ref("ComparedQuery")),
        lostQueries=array(ref("ComparedQuery")),
    ),
    "ComparedQuery": record(
        "id query relevant score otherScore hits otherHits", id=TEXT, query=TEXT, relevant=OBJECT, score=NUMBER,
        otherScore=NUMBER, hits=array(UUID), otherHits=array(UUID),
    ),
    "WatchedJobs": record("jobs", jobs=array(ref("WatchedJob"))),
    "WatchedJob": record(
        "id kind name collections status pausable startedAt progress", id=NAME, kind=NAME, name=TEXT,
        collections=array(TEXT), status=choice(*JobStatus), pausable=BOOLEAN, startedAt=TEXT, endedAt=TEXT, error=TEXT,
        progress=record("done total unit", done=COUNT, total=COUNT, unit=TEXT),
    ),
    "Reembeddings": record("reembeddings", reembeddings=array(ref("Reembedding"))),
    "NewReembedding": request(
        "collection vector", collection=NAME, vector=NAME, module=TEXT, settings=OBJECT, vectorIndexType=TEXT,
        vectorIndexConfig=OBJECT, dryRun=BOOLEAN,
    ),
    "VectorRevision": record(
        "module settings vectorIndexType objectsWithoutVector", module=TEXT, settings=OBJECT, vectorIndexType=TEXT,
        objectsWithoutVector=maybe(COUNT),
    ),
    "Reembedding": record(
        "collection vector status objects serving", collection=NAME, vector=NAME, status=TEXT, objects=COUNT,
        serving=ref("VectorRevision"), other=ref("VectorRevision"), keptUntil=TEXT, jobId=TEXT, startedAt=TEXT,
        endedAt=TEXT, error=TEXT, progress=record("done total unit", done=COUNT, total=COUNT, unit=TEXT),
        report=record(
            "made without failed tokens errors", made=COUNT, without=COUNT, failed=COUNT, tokens=COUNT,
            errors=array(record("id shard error", id=UUID, shard=TEXT, error=TEXT)),
        ),
        estimate=ref("Estimate"),
    ),
    "Estimate": record(
        "objects dimensions seconds tokens diskBytes peakDiskBytes memoryBytes", objects=COUNT, dimensions=COUNT,
        seconds=NUMBER, tokens=COUNT, diskBytes=COUNT, peakDiskBytes=COUNT, memoryBytes=COUNT,
    ),
    "ReembeddingEstimate": record("estimate", estimate=ref("Estimate")),
    "Cutover": request("", keepSeconds=NUMBER, incomplete=BOOLEAN),
    "RevisionQueries": request("queries", queries=array(NAME, minItems=1), limit=COUNT),
    "RevisionComparison": record("limit overlap queries", limit=COUNT, overlap=NUMBER, queries=array(record(
        "query overlap serving other", query=TEXT, overlap=NUMBER, serving=array(UUID), other=array(UUID),
    ))),
    "Imports": record("imports", imports=array(ref("ImportReport"))),
    "ImportReport": record(
        "id collection kind wire status startedAt activeAt batches objects references errors rejected vectors tookMs",
        id=NAME, collection=TEXT, kind=choice(*ImportKind), wire=TEXT, user=TEXT, status=choice(*ImportStatus),
        startedAt=TEXT, activeAt=TEXT, endedAt=TEXT, batches=COUNT, tookMs=COUNT,
        objects=record("stored refused", stored=COUNT, refused=COUNT),
        references=record("stored refused", stored=COUNT, refused=COUNT),
        errors=array(record("type count examples", type=TEXT, count=COUNT, examples=array(
            record("id message", id=TEXT, message=TEXT),
        ))),
        rejected=record("kept omitted bytes", kept=COUNT, omitted=COUNT, bytes=COUNT),
        vectors=record(
            "providerCalls retries tokens truncatedTexts", providerCalls=COUNT, retries=COUNT, tokens=COUNT,
            truncatedTexts=COUNT,
        ),
    ),
    # people
    "Permission": record("action", action=_ACTION),
    "Role": request("name", name=NAME, permissions=array(ref("Permission"))),
    "Permissions": record("permissions", permissions=array(ref("Permission"))),
    "UserRoles": request("roles", roles=array(TEXT), userType=choice("", "db", "oidc")),
    "GroupRoles": record("roles groupType", roles=array(TEXT), groupType=choice("oidc")),
    "UserAssignment": record("userId userType", userId=TEXT, userType=TEXT),
    "GroupAssignment": record("groupId groupType", groupId=TEXT, groupType=TEXT),
    "Me": record("username groups roles", username=TEXT, groups=array(TEXT), roles=maybe(array(ref("Role")))),
    "User": record(
        "userId dbUserType active roles", userId=TEXT, dbUserType=TEXT, active=BOOLEAN, roles=maybe(array(TEXT)),
        createdAt=TEXT, lastUsedAt=TEXT, apiKeyFirstLetters=TEXT,
    ),
    "NewUser": request("", **{"import": BOOLEAN}, createTime=TEXT),
    "Deactivation": request("", revoke_key=BOOLEAN),
    "ApiKey": record("apikey", apikey=TEXT),
    # a cluster
    "ShardingState": record("shardingState", shardingState=record(
        "collection shards", collection=TEXT, shards=array(record("shard replicas", shard=TEXT, replicas=array(TEXT))),
    )),
    "Replicate": request(
        "collection shard sourceNode targetNode", collection=NAME, shard=NAME, sourceNode=NAME, targetNode=NAME,
        type=choice("COPY", "MOVE"),
    ),
}  # fmt: skip
