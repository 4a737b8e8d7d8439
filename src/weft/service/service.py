"""Service: every verb of the protocol, for whichever wire asks."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any

from weft import __version__
from weft.access.access import Access
from weft.access.requirement import public, requires
from weft.domain.aggregate import AggregateAnswer, Aggregation
from weft.domain.answer import Answer
from weft.domain.caller import Caller
from weft.domain.errors import CorruptData, NotFound, WeftError
from weft.domain.query import Query
from weft.engine.embedded.collection import ACTIVE, Collection
from weft.engine.embedded.engine import Engine
from weft.engine.embedded.shard import Shard
from weft.modules.base import Lexicon, Registry
from weft.service.aggregate import Aggregator
from weft.service.archives.archives import Archives
from weft.service.collections import Collections, SchemaRules
from weft.service.explain import Explainer, TokenQuestion
from weft.service.objects import Objects
from weft.service.permissions.objects import aggregating, explaining, searching
from weft.service.permissions.server import (
    readable_nodes,
    reading_cluster,
    reading_metrics,
    reading_models,
    reading_nodes,
)
from weft.service.replication import Replication
from weft.service.schema.defaults import Defaults
from weft.service.schema.document import parse
from weft.service.search.embedding import QueryEmbedder
from weft.service.search.searcher import Searcher
from weft.service.settings import ServiceSettings
from weft.service.slow_log import SlowLog
from weft.service.vectorize import ObjectVectorizer

SPOKEN_VERSION = "1.39.0"
"""The protocol version that clients are told: the lowest that opens every feature of theirs that Weft has."""

NODE = "weft"


class Service:
    def __init__(self, settings: ServiceSettings, engine: Engine, registry: Registry, access: Access) -> None:
        self._settings = settings
        self._engine = engine
        self._registry = registry
        rules = SchemaRules(
            auto_schema=settings.schema.auto_schema,
            async_indexing=settings.schema.async_indexing,
            defaults=Defaults(
                vectorizer=settings.schema.default_vectorizer,
                index_kind=settings.schema.default_vector_index,
                quantization=settings.schema.default_quantization,
            ),
        )
        self.collections = Collections(engine, registry, rules)
        self.objects = Objects(self.collections, ObjectVectorizer(registry))
        self.replication = Replication(self.collections, NODE)
        self.access = access
        self.archives = Archives(settings.backup, settings.export, engine, self._check_servable)
        for name, part in access.parts().items():
            self.archives.register(name, part)
        self._searcher = Searcher(
            self.collections,
            registry,
            node=NODE,
            default_limit=settings.query.default_limit,
            maximum_results=settings.query.maximum_results,
            hybrid_candidates=settings.query.hybrid_candidates,
        )
        self._slow = SlowLog(settings.query.slow_log_threshold_s) if settings.query.slow_log else None
        self.stopping = False
        """Whether the server is about to stop; ``nodes`` tells."""
        self.exposition: Callable[[], bytes] | None = None
        """The metrics as text; None where none are collected."""
        self._explainer = Explainer(self.collections, QueryEmbedder(registry))
        self._aggregator = Aggregator(self.collections, self._searcher.find, settings.query.maximum_results)

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
    def explain(self, asked: TokenQuestion, caller: Caller) -> dict[str, Any]:
        return self._explainer.run(asked, caller)

    @public
    def meta(self) -> dict[str, Any]:
        return {
            "hostname": f"http://{self._settings.server.host}:{self._settings.rest.port}",
            "version": SPOKEN_VERSION,
            "modules": self._registry.meta() | self.archives.meta(),
            "grpcMaxMessageSize": self._settings.grpc.max_message_bytes,
        }

    @public
    def concept(self, text: str) -> dict[str, Any]:
        """The words of ``text``, their vectors and what is near. Raises Invalid, also without that module."""
        module = self._registry.get("text2vec-contextionary")
        assert isinstance(module, Lexicon)
        return module.concept(text)

    @requires(reading_models)
    def models(self) -> list[dict[str, Any]]:
        """The models in this process's memory."""
        return [one._asdict() for one in self._registry.models()]

    @requires(reading_metrics)
    def metrics(self) -> bytes:
        """For Prometheus, in its text format. Raises NotFound where none are collected."""
        if self.exposition is None:
            raise NotFound("no metrics are collected; start the server with PROMETHEUS_MONITORING_ENABLED=true")
        return self.exposition()

    def close(self) -> None:
        """End what goes on without a request; the engine is still open then."""
        self.archives.close()

    def _check_servable(self, document: Mapping[str, Any]) -> None:
        """Raises Invalid when a module is not enabled that the collection of ``document`` needs for its vectors."""
        for vector in parse(document).vectors.values():
            if vector.vectorizer != "none":
                self._registry.vectorizer(vector.vectorizer)

    @requires(reading_cluster)
    def statistics(self) -> list[dict[str, Any]]:
        """Of a cluster of one, which leads itself."""
        return [
            {
                "name": NODE,
                "status": "HEALTHY",
                "raft": {"state": "Leader", "term": "1", "numPeers": "0", "latestConfigurationIndex": "0"},
                "leaderId": NODE,
                "leaderAddress": "127.0.0.1",
                "ready": True,
                "isVoter": True,
                "open": True,
                "bootstrapped": True,
                "dbLoaded": True,
                "candidates": {},
                "initialLastAppliedIndex": 0,
                "lastAppliedIndex": 0,
            }
        ]

    @requires(reading_nodes, redact=readable_nodes)
    def nodes(self, collection: str | None, verbose: bool) -> list[dict[str, Any]]:
        """The one node, as the protocol describes a cluster's; ``verbose`` lists its shards.

        Weft's own are ``sizes`` of a shard, bytes by component (see ``Shard.sizes``), and ``error`` of one that is
        damaged or cannot be opened. The node is HEALTHY all the same: streaming clients do not go on without that.
        """
        chosen = self._engine.collections() if collection is None else [self.collections.open(collection)]
        shards = [entry for one in chosen for entry in _shards(one)]
        node: dict[str, Any] = {
            "name": NODE,
            "status": "UNHEALTHY" if self.stopping else "HEALTHY",
            "version": SPOKEN_VERSION,
            "gitHash": f"weft-{__version__}-python-{platform.python_version()}",
            "batchStats": {"queueLength": 0, "ratePerSecond": 0},
            "shards": shards if verbose else None,
        }
        if verbose:
            node["stats"] = {"objectCount": sum(s["objectCount"] for s in shards), "shardCount": len(shards)}
        return [node]


def _shards(collection: Collection) -> list[dict[str, Any]]:
    """The active ones. Of one that is not open its objects are counted, and nothing else is known."""
    opened = dict(collection.shards())
    return [
        {
            "name": name,
            "class": collection.config.name,
            "objectCount": collection.count(name),
            "vectorIndexingStatus": _indexing_status(shard, collection.damage(name)),
            "vectorQueueLength": shard.vector_queue if shard else 0,
            "compressed": False,
            "loaded": shard is not None,
            "sizes": shard.sizes() if shard else {},
            **({"error": damage.message} if (damage := collection.damage(name)) else {}),
        }
        for name, shard in (
            (name, opened.get(name)) for name, status in collection.tenants().items() if status == ACTIVE
        )
    ]


def _indexing_status(shard: Shard | None, damage: WeftError | None) -> str:
    if damage is not None:
        return "DAMAGED" if isinstance(damage, CorruptData) else "UNAVAILABLE"
    if shard is None:
        return "LAZY_LOADING"
    return "INDEXING" if shard.vector_queue else "READY"
