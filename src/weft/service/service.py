"""Service: every verb of the protocol, for all wires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from weft.access.access import Access
from weft.access.requirement import public, requires
from weft.domain.caller import Caller
from weft.domain.cluster import Node, NodeUsage, ServerFacts
from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject
from weft.domain.schema import CollectionConfig
from weft.engine.database import Database
from weft.imports.ledger import ImportLedger
from weft.jobs.backup.descriptor import StoredCollection, StoredShard
from weft.jobs.ledger import JobLedger
from weft.jobs.runner import JobRunner
from weft.modules.registry import ModelState, Registry
from weft.service.archives.archives import Archives
from weft.service.centroids import Centroids
from weft.service.classification.classifications import Classifications
from weft.service.evaluation.evaluations import Evaluations
from weft.service.explain import Explainer, TokenExplanation, TokenQuestion
from weft.service.imports import Imports
from weft.service.indexes.property_indexes import PropertyIndexes
from weft.service.jobs import Jobs
from weft.service.mcp import Mcp
from weft.service.media_references.folders import MediaFolders
from weft.service.media_references.hosts import MediaHosts
from weft.service.media_references.references import MediaReferences
from weft.service.object_finder import ObjectFinder
from weft.service.objects import Objects
from weft.service.permissions.objects import explaining
from weft.service.permissions.server import (
    readable_nodes,
    reading_cluster,
    reading_metrics,
    reading_models,
    reading_nodes,
)
from weft.service.reembedding.reembeddings import Reembeddings
from weft.service.references import References
from weft.service.replication import Replication
from weft.service.schema.document import parse
from weft.service.search.embedding import QueryEmbedder
from weft.service.search_service import SearchService
from weft.service.settings import ServiceSettings
from weft.service.vectorize import ObjectVectorizer
from weft.service.words.words import VectorWords
from weft.settings.imports import ImportSettings


class Service(SearchService):
    """``exposition`` returns the metrics as text; None if none are collected. ``processes``: the ids of further
    processes that belong to this server; ``under_way``: see ``NodeUsage.requests``."""

    def __init__(
        self,
        settings: ServiceSettings,
        database: Database,
        registry: Registry,
        access: Access,
        *,
        address: str = "",
        exposition: Callable[[], bytes] | None = None,
        processes: Callable[[], Iterable[int]] = lambda: (),
        under_way: Callable[[], Mapping[str, int]] = dict,
        grpc: Callable[[], tuple[int, str]] = lambda: (0, ""),
    ) -> None:
        super().__init__(settings, database, registry, processes)
        self._settings = settings
        self._address = address
        self._database = database
        self._registry = registry
        self._exposition = exposition
        self._under_way = under_way
        self._grpc = grpc
        vectorizer = ObjectVectorizer(registry, Centroids(self.collections))
        self._media = MediaReferences(
            self.collections,
            MediaFolders(settings.media_references.folders),
            MediaHosts(settings.media_references.hosts),
        )
        self.objects = Objects(self.collections, vectorizer, self._limits, self._media)
        self.references = References(self.collections)
        self.imports = Imports(_ledger(settings.imports, database.folder), self.collections)
        self.collections.on_delete(self.imports.forget_collection)
        self.finder = ObjectFinder(self.collections)
        self.mcp = Mcp()
        self.replication = Replication(self.collections, self._node)
        self.access = access
        self._runner = JobRunner(JobLedger(database))
        self.jobs = Jobs(self._runner)
        self.archives = Archives(
            settings.backup,
            settings.export,
            database,
            self._runner,
            access.parts(),
            self._check_servable,
            self._admit_restored,
        )
        self.indexes = PropertyIndexes(self._schemas, self._runner, enabled=settings.schema.runtime_reindex)
        self.reembeddings = Reembeddings(self._schemas, registry, self._runner, self._busy)
        self.classifications = Classifications(self.collections, registry, self._runner, self._limits)
        self.evaluations = Evaluations(
            self.collections, self.searcher, registry, settings, database, self._runner, self._limits
        )
        self.words = VectorWords(registry, database)
        self._stopping = False
        database.watch(self._runner.take_over)
        self._explainer = Explainer(self.collections, QueryEmbedder(registry), self._limits)

    @requires(explaining)
    def explain(self, asked: TokenQuestion, caller: Caller) -> TokenExplanation:
        return self._explainer.run(asked, caller)

    @public
    def meta(self) -> ServerFacts:
        modules = self._registry.meta() | self.archives.meta()
        can = self._database.capabilities
        most_bytes = self._settings.grpc.max_message_bytes
        return ServerFacts(self._address, most_bytes, modules, can.name, can.version, can.refuses, *self._grpc())

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
        self.reembeddings.close()
        self._runner.close()
        self.imports.close()
        self._media.close()

    def _busy(self) -> int:
        """How many requests are being answered."""
        under_way = self._under_way()
        return under_way.get("rest", 0) + under_way.get("grpc", 0)

    def _check_servable(self, document: JsonObject) -> CollectionConfig:
        """The collection of ``document``. Raises Invalid if a module that its vectors need is not enabled."""
        config = parse(document)
        for vector in config.vectors.values():
            if vector.vectorizer != "none":
                self._registry.vectorizer(vector.vectorizer)
        return config

    def _admit_restored(self, collections: Sequence[StoredCollection]) -> AbstractContextManager[None]:
        """What keeps room for their objects. Raises ReadOnly, or UsageLimitExceeded, if they cannot be added."""
        self._headroom.check_room()
        self._headroom.check_disk(sum(shard.size_bytes for one in collections for shard in one.shards))
        usage = self._schemas.usage
        usage.check_restored({one.name: [shard.name for shard in one.shards] for one in collections})
        objects = {one.name: sum(map(_objects, one.shards)) for one in collections}
        usage.check_objects(sum(objects.values()))
        return usage.restoring(objects)

    @requires(reading_cluster)
    def statistics(self) -> list[str]:
        """The names of the cluster's nodes, the leader first."""
        return [name for _, name in self._servers()] or [self._node]

    def _servers(self) -> list[tuple[str, str]]:
        """The id and the name of each server that has the catalog, the leader first; names that several have get
        their ids added."""
        running = self._database.servers()
        names = Counter(one.name for one in running)
        return [(one.id, one.name if names[one.name] == 1 else f"{one.name}-{one.id[:6]}") for one in running]

    @requires(reading_nodes, redact=readable_nodes)
    def nodes(self, collection: str | None, verbose: bool) -> list[Node]:
        """This node first, then the other servers with the catalog; ``verbose``: with the shards, or those of
        ``collection``, which are listed once: every server answers for all. Objects are not counted while the engine
        does not answer."""
        chosen = self._database.collections() if collection is None else [self.collections.open(collection)]
        trouble = self._database.trouble
        shards = tuple(facts for one in chosen for facts in one.facts(counted=trouble is None)) if verbose else None
        usage = self.usage() if verbose and collection is None else None
        names = dict(self._servers())
        own = names.pop(self._database.server, self._node)
        others = [Node(name, False, () if verbose else None) for name in names.values()]
        return [Node(own, self._stopping, shards, self._headroom.refusal, usage, trouble), *others]

    @requires(reading_metrics)
    def usage(self) -> NodeUsage:
        """Memory and disk of the server, its processes, models and requests under way."""
        models: dict[str, int] = {}
        for one in self._registry.models():
            models[one.name] = models.get(one.name, 0) + one.bytes
        headroom = self._headroom
        return NodeUsage(headroom.memory(), headroom.disk(), headroom.processes(), models, self._under_way())


def _objects(shard: StoredShard) -> int:
    """Of a restored shard: at least one where its backup did not count them."""
    return int(shard.manifest is not None) if shard.objects is None else shard.objects


def _ledger(settings: ImportSettings, folder: Path) -> ImportLedger | None:
    if not settings.most_reports:
        return None
    return ImportLedger(
        folder / "imports",
        most=settings.most_reports,
        pause_ms=round(settings.pause_s * 1000),
        rejected_bytes=settings.rejected_bytes,
    )
