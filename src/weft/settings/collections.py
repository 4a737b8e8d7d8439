"""Defaults of collections, and limits of queries."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import Misconfigured
from weft.settings.setting import at_least, is_timeout, one_of, setting


@dataclass(frozen=True, slots=True)
class SchemaSettings:
    auto_schema: bool = setting(
        "autoschema_enabled", "AUTOSCHEMA_ENABLED", True, "create missing collections and properties on import"
    )
    default_vectorizer: str = setting(
        "default_vectorizer_module", "DEFAULT_VECTORIZER_MODULE", "none", "vectorizer of collections that name none"
    )
    default_vector_index: str = setting(
        "default_vector_index", "DEFAULT_VECTOR_INDEX", "hnsw", "index type of vectors that name none"
    )
    default_quantization: str = setting(
        "default_quantization", "DEFAULT_QUANTIZATION", "none", "quantizer of vectors that name none"
    )
    default_shards: int = setting(
        "default_sharding_count",
        "DEFAULT_SHARDING_COUNT",
        1,
        "shards of a new collection; more than one is refused at the start",
    )
    async_indexing: bool = setting("async_indexing", "ASYNC_INDEXING", False, "allow the dynamic index type")

    runtime_reindex: bool = setting(
        "runtime_reindex_enabled",
        "RUNTIME_REINDEX_ENABLED",
        True,
        "let the indexes of properties be changed and rebuilt",
    )

    def __post_init__(self) -> None:
        one_of(("hnsw", "flat", "dynamic", "hfresh"), default_vector_index=self.default_vector_index)
        one_of(("none", "pq", "bq", "sq", "rq-1", "rq-8"), default_quantization=self.default_quantization)
        if self.default_vector_index == "dynamic" and not self.async_indexing:
            raise Misconfigured("default_vector_index dynamic needs async_indexing; set ASYNC_INDEXING=true")
        if self.default_shards not in (0, 1):  # Weaviate's default is 0, which leaves the number to the server
            raise Misconfigured(
                f"default_sharding_count must be 1, not {self.default_shards}: Weft keeps all objects of a collection "
                "in one shard; leave it out"
            )


@dataclass(frozen=True, slots=True)
class QuerySettings:
    default_limit: int = setting(
        "query_defaults_limit", "QUERY_DEFAULTS_LIMIT", 10, "hits when a query states no limit"
    )
    graphql_limit: int = setting(
        "query_defaults_limit_graphql",
        "QUERY_DEFAULTS_LIMIT_GRAPHQL",
        100,
        "hits when a query over GraphQL states neither limit, offset nor autocut",
    )
    maximum_results: int = setting(
        "query_maximum_results", "QUERY_MAXIMUM_RESULTS", 10_000, "largest offset + limit of a query"
    )
    hybrid_candidates: int = setting(
        "query_hybrid_maximum_results",
        "QUERY_HYBRID_MAXIMUM_RESULTS",
        100,
        "candidates that each leg of a hybrid search fetches at least",
    )
    slow_log: bool = setting("query_slow_log_enabled", "QUERY_SLOW_LOG_ENABLED", False, "log searches that take long")
    slow_log_threshold_s: float = setting(
        "query_slow_log_threshold_s", "QUERY_SLOW_LOG_THRESHOLD", 5.0, "how long that is, as `500ms` or seconds"
    )

    def __post_init__(self) -> None:
        at_least(
            1,
            query_defaults_limit=self.default_limit,
            query_defaults_limit_graphql=self.graphql_limit,
            query_maximum_results=self.maximum_results,
            query_hybrid_maximum_results=self.hybrid_candidates,
        )
        is_timeout(query_slow_log_threshold_s=self.slow_log_threshold_s)
