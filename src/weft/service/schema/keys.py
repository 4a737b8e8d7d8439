"""The keys of schema documents, which match in any case: those of a collection, and those of a property.

The keys inside ``vectorIndexConfig``, ``shardingConfig`` and the settings of modules must match exactly. Measured
with Weaviate 1.40. All other keys are dropped when a document is completed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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
    "disableDuplicatedReferences",
    recursive=("nestedProperties",),
    textAnalyzer=ANALYZER,
)
_NOT_NESTED: Final = ("indexInverted", "moduleConfig", "disableDuplicatedReferences")


def property_keys(given: Mapping[str, Any], *, nested: bool) -> dict[str, Any]:
    """The keys of a property, or of one within an object, that the protocol has and that are not null."""
    return {key: value for key, value in PROPERTY.declared(given).items() if not nested or key not in _NOT_NESTED}


INVERTED: Final = Keys(
    "cleanupIntervalSeconds",
    "indexNullState",
    "indexPropertyLength",
    "indexTimestamps",
    "stopwordPresets",
    "tokenizerUserDict",
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

NAMED_VECTOR: Final = Keys("vectorizer", "vectorIndexType", "vectorIndexConfig")

CLASS: Final = Keys(
    "class",
    "description",
    "vectorizer",
    "vectorIndexType",
    "vectorIndexConfig",
    "moduleConfig",
    "shardingConfig",
    properties=PROPERTY,
    vectorConfig=ByName(NAMED_VECTOR),
    invertedIndexConfig=INVERTED,
    multiTenancyConfig=Keys("enabled", "autoTenantCreation", "autoTenantActivation"),
    replicationConfig=Keys("factor", "deletionStrategy", "asyncEnabled", asyncConfig=Keys(*ASYNC_REPLICATION)),
    objectTtlConfig=Keys("enabled", "defaultTtl", "deleteOn", "filterExpiredObjects"),
)
