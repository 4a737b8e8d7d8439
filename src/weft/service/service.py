"""Service: every verb of the protocol, for all wires."""

from __future__ import annotations

from collections.abc import Callable

from weft.access.access import Access
from weft.access.requirement import public, requires
from weft.domain.aggregate import AggregateAnswer, Aggregation
from weft.domain.answer import Answer
from weft.domain.caller import Caller
from weft.domain.cluster import Node, ServerFacts
from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject
from weft.domain.query import Query
from weft.engine.database import Database
from weft.jobs.ledger import JobLedger
from weft.jobs.runner import JobRunner
from weft.modules.registry import ModelState, Registry
from weft.service.aggregate import Aggregator
from weft.service.aliases import Aliases
from weft.service.archives.archives import Archives
from weft.service.centroids import Centroids
from weft.service.classification.classifications import Classifications
from weft.service.collections import Collections
from weft.service.explain import Explainer, TokenExplanation, TokenQuestion
from weft.service.indexes.property_indexes import PropertyIndexes
from weft.service.jobs import Jobs
from weft.service.object_finder import ObjectFinder
from weft.service.objects import Objects
from weft.service.permissions.objects import aggregating, explaining, searching
from weft.service.permissions.server import (
    readable_nodes,
    reading_cluster,
    reading_metrics,
    reading_models,
    reading_nodes,
)
from weft.service.references import References
from weft.service.replication import Replication
from weft.service.schema.document import parse
from weft.service.schema.documents import Defaults
from weft.service.schemas import SchemaRules, Schemas
from weft.service.search.embedding import QueryEmbedder
from weft.service.search.searcher import Searcher
from weft.service.settings import ServiceSettings
from weft.service.slow_log import SlowLog
from weft.service.tenants import Tenants
from weft.service.usage import Usage
from weft.service.vectorize import ObjectVectorizer
from weft.service.words.words import VectorWords


class Service:
    """``exposition`` returns the metrics as text; None if none are collected."""

    def __init__(
        self,
        settings: ServiceSettings,
        database: Database,
        registry: Registry,
        access: Access,
        *,
        exposition: Callable[[], bytes] | None = None,
    ) -> None:
        self._settings = settings
        self._node = settings.server.node
        self._database = database
        self._registry = registry
        self._exposition = exposition
        rules = SchemaRules(
            auto_schema=settings.schema.auto_schema,
            async_indexing=settings.schema.async_indexing,
            defaults=Defaults(
                vectorizer=settings.schema.default_vectorizer,
                index_kind=settings.schema.default_vector_index,
                quantization=settings.schema.default_quantization,
            ),
        )
        schemas = Schemas(database, registry, rules, Usage(settings.usage, database))
        self.tenants = Tenants(schemas)
        self.aliases = Aliases(schemas)
        self.collections = Collections(schemas, self.tenants)
        self.objects = Objects(self.collections, ObjectVectorizer(registry, Centroids(self.collections)))
        self.references = References(self.collections)
        self.finder = ObjectFinder(self.collections)
        self.replication = Replication(self.collections, self._node)
        self.access = access
        self._runner = JobRunner(JobLedger(database))
        self.jobs = Jobs(self._runner)
        self.archives = Archives(
            settings.backup, settings.export, database, self._runner, access.parts(), self._check_servable
        )
        self.indexes = PropertyIndexes(schemas, self._runner, enabled=settings.schema.runtime_reindex)
        self.classifications = Classifications(self.collections, registry, self._runner)
        self._searcher = Searcher(
            self.collections,
            registry,
            node=self._node,
            default_limit=settings.query.default_limit,
            unpaged_limit=settings.query.graphql_limit,
            maximum_results=settings.query.maximum_results,
            hybrid_candidates=settings.query.hybrid_candidates,
        )
        self.words = VectorWords(registry, database)
        self._slow = SlowLog(settings.query.slow_log_threshold_s) if settings.query.slow_log else None
        self._stopping = False
        self._explainer = Explainer(self.collections, QueryEmbedder(registry))
        self._aggregator = Aggregator(self.collections, self._searcher.find)

    @requires(searching)
    def search(self, query: Query, caller: Caller) -> Answer:
        if self._slow is None:
            return self._searcher.run(query, caller)
        return self._slow.run(query, lambda: self._searcher.run(query, caller))

    @requires(aggregating)
    def aggregate(self, asked: Aggregation, caller: Caller) -> AggregateAnswer:
        if self._slow is None:
            return self._aggregator.run(asked, caller)
        return self._slow.run(asked, lambda: self._aggregator.run(asked, caller))

    @requires(explaining)
    def explain(self, asked: TokenQuestion, caller: Caller) -> TokenExplanation:
        return self._explainer.run(asked, caller)

    @public
    def meta(self) -> ServerFacts:
        address = f"http://{self._settings.server.host}:{self._settings.rest.port}"
        modules = self._registry.meta() | self.archives.meta()
        return ServerFacts(address, self._settings.grpc.max_message_bytes, modules)

    @requires(reading_models)
    def models(self) -> list[ModelState]:
        """The models in this process's memory."""
        return self._registry.models()

    @requires(reading_metrics)
    def metrics(self) -> bytes:
        """For Prometheus, in its text format. Raises NotFound if none are collected."""
        if self._exposition is None:
            raise NotFound("no metrics are collected; start the server with PROMETHEUS_MONITORING_ENABLED=true")
        return self._exposition()

    def announce_stop(self) -> None:
        """From now on ``nodes`` reports that the server is about to stop."""
        self._stopping = True

    def close(self) -> None:
        """Ends background work; called while the database is still open."""
        self._runner.close()

    def _check_servable(self, document: JsonObject) -> None:
        """Raises Invalid if a module that the vectors of the collection of ``document`` need is not enabled."""
        for vector in parse(document).vectors.values():
            if vector.vectorizer != "none":
                self._registry.vectorizer(vector.vectorizer)

    @requires(reading_cluster)
    def statistics(self) -> list[str]:
        """The names of the cluster's nodes, the leader first: this one only."""
        return [self._node]

    @requires(reading_nodes, redact=readable_nodes)
    def nodes(self, collection: str | None, verbose: bool) -> list[Node]:
        """The only node; ``verbose``: with its shards, or those of ``collection``."""
        chosen = self._database.collections() if collection is None else [self.collections.open(collection)]
        shards = tuple(facts for one in chosen for facts in one.facts()) if verbose else None
        return [Node(self._node, self._stopping, shards)]
