"""The keys of schema documents, which match in any case: those of a collection, and those of a property.

The keys inside ``vectorIndexConfig``, ``shardingConfig`` and the settings of modules must match exactly. Measured
with Weaviate 1.40.
"""

from __future__ import annotations

from typing import Final

from weft.domain.json_keys import ByName, Keys

ANALYZER: Final = Keys("asciiFold", "asciiFoldIgnore", "stopwordPreset")
STOPWORDS: Final = Keys("preset", "additions", "removals")
PROPERTY: Final = Keys(
    "name",
    "dataType",
    "description",
    "tokenization",
    "indexFilterable",
    "indexSearchable",
    "indexRangeFilters",
    "indexInverted",
    "moduleConfig",
    recursive=("nestedProperties",),
    textAnalyzer=ANALYZER,
)

_INVERTED: Final = Keys(
    "cleanupIntervalSeconds",
    "indexNullState",
    "indexPropertyLength",
    "indexTimestamps",
    "stopwordPresets",
    "usingBlockMaxWAND",
    bm25=Keys("b", "k1"),
    stopwords=STOPWORDS,
)

ASYNC_REPLICATION: Final = (
    "hashtreeHeight",
    "frequency",
    "frequencyWhilePropagating",
    "loggingFrequency",
    "diffBatchSize",
    "diffPerNodeTimeout",
    "prePropagationTimeout",
    "propagationTimeout",
    "propagationLimit",
    "propagationDelay",
    "propagationConcurrency",
    "propagationBatchSize",
)

CLASS: Final = Keys(
    "class",
    "description",
    "vectorizer",
    "vectorIndexType",
    "vectorIndexConfig",
    "moduleConfig",
    "shardingConfig",
    properties=PROPERTY,
    vectorConfig=ByName(Keys("vectorizer", "vectorIndexType", "vectorIndexConfig")),
    invertedIndexConfig=_INVERTED,
    multiTenancyConfig=Keys("enabled", "autoTenantCreation", "autoTenantActivation"),
    replicationConfig=Keys("factor", "deletionStrategy", "asyncEnabled", asyncConfig=Keys(*ASYNC_REPLICATION)),
    objectTtlConfig=Keys("enabled", "defaultTtl", "deleteOn", "filterExpiredObjects"),
)
