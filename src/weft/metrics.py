"""Metrics for Prometheus: requests by verb and status, counted as they are answered; stored data, read on demand.

Served on a separate port, at any path (``/metrics``), without credentials: they contain only figures and the names of
collections and models. ``exposition`` is the same text, for ``/v1/metrics``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from weft.domain.cluster import NodeUsage, ShardFacts, sums

ALL_COLLECTIONS = "n/a"
"""The label of the figures of all collections together, as Weaviate has it."""

_MOST_COLLECTIONS = 1_000
"""Of more collections, only the figures of all together are served: each collection is several
series, which Prometheus keeps after it is gone."""

_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ModelFigures(Protocol):
    """The figures of a model in memory: how much it has embedded, and how much waits for it."""

    @property
    def name(self) -> str: ...

    @property
    def embedded(self) -> int: ...

    @property
    def waiting(self) -> int: ...


Shards: TypeAlias = Callable[[], Sequence[ShardFacts]]
Models: TypeAlias = Callable[[], Sequence[ModelFigures]]
ReadUsage: TypeAlias = Callable[[], "NodeUsage | None"]


class Metrics:
    """``shards`` returns the stored shards, ``models`` the models in memory, ``usage`` the memory and disk of the
    server; they are called when metrics are read.

    ``grouped``: the figures of all collections are summed, however few there are. ``before``: is called before metrics
    are read, to ``observe`` what is still to be counted.
    """

    def __init__(
        self,
        shards: Shards,
        models: Models,
        usage: ReadUsage = lambda: None,
        *,
        grouped: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Before(before))
        self._requests = Histogram(
            "weft_request_duration_seconds",
            "Requests answered, and how long they took",
            ("wire", "verb", "status"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, str], Any] = {}
        self.registry.register(_Stored(shards, grouped=grouped))
        self.registry.register(_Models(models))
        self.registry.register(_Machine(usage))
        ProcessCollector(registry=self.registry)

    def observe(self, wire: str, verb: str, status: str, seconds: float) -> None:
        """About 1.3 µs with both readings of the clock (``python bench/observing.py``)."""
        key = (wire, verb, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(*key)
        child.observe(seconds)

    def exposition(self) -> bytes:
        """All metrics, in Prometheus's text format."""
        return generate_latest(self.registry)


class _Before(Collector):
    """Registered first, and so collected first."""

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before

    def collect(self) -> Iterable[Metric]:
        self._before()
        return ()


class _Stored(Collector):
    def __init__(self, shards: Shards, *, grouped: bool) -> None:
        self._shards = shards
        self._grouped = grouped

    def collect(self) -> Iterable[Metric]:
        """Summed over the shards (tenants) of each collection, or of all, so that there are few series."""
        objects = GaugeMetricFamily("weft_objects", "Objects of a collection", labels=["collection"])
        waiting = GaugeMetricFamily("weft_vectors_waiting", "Vectors not yet in their index", labels=["collection"])
        sizes = GaugeMetricFamily("weft_bytes", "Bytes of a collection's part", labels=["collection", "part"])
        damaged = GaugeMetricFamily("weft_shards_damaged", "Shards that cannot be served", labels=["collection"])
        memory = GaugeMetricFamily(
            "weft_memory_bytes", "Bytes in RAM or mapped, of open shards", labels=["collection", "component"]
        )
        disk = GaugeMetricFamily(
            "weft_disk_bytes", "Bytes of the files of open shards", labels=["collection", "component"]
        )
        held: dict[str, list[ShardFacts]] = {}
        counts: dict[str, list[int]] = {}
        parts: dict[tuple[str, str], int] = {}
        shards = self._shards()
        grouped = self._grouped or len({shard.collection for shard in shards}) > _MOST_COLLECTIONS
        for shard in shards:
            name = ALL_COLLECTIONS if grouped else shard.collection
            count = counts.setdefault(name, [0, 0, 0])
            count[0] += shard.objects or 0
            count[1] += shard.vector_queue
            count[2] += shard.damage is not None
            held.setdefault(name, []).append(shard)
            for part, size in shard.sizes.items():
                parts[name, part] = parts.get((name, part), 0) + size
        for name, (stored, queued, failed) in counts.items():
            objects.add_metric([name], stored)
            waiting.add_metric([name], queued)
            damaged.add_metric([name], failed)
        for (name, part), size in parts.items():
            sizes.add_metric([name, part], size)
        for name, some in held.items():
            for family, found in ((memory, sums(s.memory for s in some)), (disk, sums(s.disk for s in some))):
                for component, size in found.items():
                    family.add_metric([name, component], size)
        return objects, waiting, damaged, sizes, memory, disk


class _Models(Collector):
    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        """By the names of the models; the figures of one that is loaded twice are summed."""
        embedded = CounterMetricFamily("weft_embeddings", "Texts and media embedded since the load", labels=["model"])
        waiting = GaugeMetricFamily("weft_embeddings_waiting", "Texts and media not yet embedded", labels=["model"])
        loaded = GaugeMetricFamily("weft_models_loaded", "Models in memory")
        models = self._models()
        figures: dict[str, list[int]] = {}
        for model in models:
            sums = figures.setdefault(model.name, [0, 0])
            sums[0] += model.embedded
            sums[1] += model.waiting
        for name, (done, queued) in figures.items():
            embedded.add_metric([name], done)
            waiting.add_metric([name], queued)
        loaded.add_metric([], len(models))
        return embedded, waiting, loaded


class _Machine(Collector):
    def __init__(self, usage: ReadUsage) -> None:
        self._usage = usage

    def collect(self) -> Iterable[Metric]:
        processes = GaugeMetricFamily("weft_process_memory_bytes", "Memory of a process", labels=["process"])
        limits = GaugeMetricFamily("weft_resource_bytes", "Memory, disk: used, total", labels=["resource", "share"])
        models = GaugeMetricFamily("weft_model_bytes", "Memory of a model, about", labels=["model"])
        requests = GaugeMetricFamily("weft_requests_under_way", "Requests that are answered now", labels=["wire"])
        usage = self._usage()
        if usage is None:
            return ()
        for process in usage.processes:
            if process.memory is not None:
                processes.add_metric([process.name], process.memory)
        for resource, used in (("memory", usage.memory), ("disk", usage.disk)):
            for share, size in zip(("used", "total"), used or (), strict=False):
                limits.add_metric([resource, share], size)
        for name, size in usage.models.items():
            models.add_metric([name], size)
        for wire in ("rest", "grpc"):
            requests.add_metric([wire], usage.requests.get(wire, 0))
        return processes, limits, models, requests
