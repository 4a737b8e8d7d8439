"""SearchService: the verbs that read by a search, which a process that follows a server's data offers as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from weft.access.requirement import requires
from weft.domain.aggregate import AggregateAnswer, Aggregation
from weft.domain.answer import Answer
from weft.domain.caller import Caller
from weft.domain.explanation import HitExplanation
from weft.domain.query import Query
from weft.engine.database import Database
from weft.modules.registry import Registry
from weft.service.aggregate import Aggregator
from weft.service.aliases import Aliases
from weft.service.collections import Collections
from weft.service.headroom import Headroom
from weft.service.permissions.objects import aggregating, searching
from weft.service.query_limits import QueryLimits
from weft.service.schema.documents import Defaults
from weft.service.schemas import SchemaRules, Schemas
from weft.service.search.searcher import Searcher
from weft.service.settings import ServiceSettings
from weft.service.slow_log import SlowLog
from weft.service.tenants import Tenants
from weft.service.usage import Usage


class SearchService:
    """``processes``: the ids of further processes that belong to this server."""

    def __init__(
        self,
        settings: ServiceSettings,
        database: Database,
        registry: Registry,
        processes: Callable[[], Iterable[int]] = lambda: (),
    ) -> None:
        self._node = settings.server.node
        rules = SchemaRules(
            auto_schema=settings.schema.auto_schema,
            async_indexing=settings.schema.async_indexing,
            defaults=Defaults(
                vectorizer=settings.schema.default_vectorizer,
                index_kind=settings.schema.default_vector_index,
                quantization=settings.schema.default_quantization,
            ),
        )
        self._headroom = Headroom(settings.resources, database.folder, processes)
        self._schemas = Schemas(database, registry, rules, Usage(settings.usage, database), self._headroom)
        self.tenants = Tenants(self._schemas)
        self.aliases = Aliases(self._schemas)
        self.collections = Collections(self._schemas, self.tenants)
        self.searcher = Searcher(
            self.collections,
            registry,
            node=self._node,
            default_limit=settings.query.default_limit,
            unpaged_limit=settings.query.graphql_limit,
            maximum_results=settings.query.maximum_results,
            hybrid_candidates=settings.query.hybrid_candidates,
        )
        self._aggregator = Aggregator(self.collections, self.searcher.find)
        self._limits = QueryLimits(settings.limits)
        self._slow = SlowLog(settings.query.slow_log_threshold_s) if settings.query.slow_log else None

    @requires(searching)
    def search(self, query: Query, caller: Caller) -> Answer:
        self._limits.check_query(query)
        if self._slow is None:
            return self.searcher.run(query, caller)
        return self._slow.run(query, lambda: self.searcher.run(query, caller))

    @requires(searching)
    def explain_search(self, query: Query, caller: Caller, uuid: str) -> HitExplanation:
        """Why the object has its place among the hits of ``query``; see ``Searcher.explain``."""
        self._limits.check_query(query)
        return self.searcher.explain(query, uuid, caller)

    @requires(aggregating)
    def aggregate(self, asked: Aggregation, caller: Caller) -> AggregateAnswer:
        self._limits.check_aggregation(asked)
        if self._slow is None:
            return self._aggregator.run(asked, caller)
        return self._slow.run(asked, lambda: self._aggregator.run(asked, caller))
