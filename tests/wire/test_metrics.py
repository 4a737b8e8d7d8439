"""Metrics of a real server, as Prometheus reads them."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from weaviate.classes.config import Configure

from weft.app import App
from weft.config import load_settings
from weft.domain.cluster import ShardFacts
from weft.domain.errors import Misconfigured
from weft.metrics import Metrics
from weft.metrics_server import MetricsServer


def read(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labels(**given: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(given.items()))


def test_requests_and_what_is_stored(tmp_path: Path) -> None:
    import weaviate

    ports = {"port": 0, "grpc_port": 0, "prometheus_monitoring_port": 0}
    app = App(load_settings({"data_path": tmp_path, "prometheus_monitoring_enabled": True, **ports}, {}))
    app.start()
    try:
        with weaviate.connect_to_local(
            host="127.0.0.1", port=app.rest_port, grpc_port=app.grpc_port, skip_init_checks=True
        ) as client:
            things: Any = client.collections.create("Things", vector_config=Configure.Vectors.self_provided())
            things.data.insert_many([{"n": i} for i in range(3)])
            things.query.fetch_objects()
            with pytest.raises(Exception, match="no such prop"):
                things.query.fetch_objects(return_properties=["nothing"])
            with things.batch.stream(concurrency=1) as batch:
                batch.add_object({"n": 3})
            client.collections.create(
                "Texts", vector_config=Configure.Vectors.text2vec_transformers(source_properties=["t"])
            ).data.insert({"t": "a text"})
        found = read(app.metrics_port)
        over_rest = httpx.get(f"http://127.0.0.1:{app.rest_port}/v1/metrics")
    finally:
        app.stop()
    count = "weft_request_duration_seconds_count"
    assert found[count, labels(wire="grpc", verb="Search", status="OK")] == 1
    assert found[count, labels(wire="grpc", verb="Search", status="INVALID_ARGUMENT")] == 1
    assert found[count, labels(wire="grpc", verb="BatchObjects", status="OK")] == 1
    assert found[count, labels(wire="rest", verb="POST /v1/schema", status="200")] == 2
    assert found["weft_objects", labels(collection="Things")] == 4
    assert found["weft_bytes", labels(collection="Things", part="objects")] > 0
    assert found[count, labels(wire="grpc", verb="BatchStream", status="OK")] == 1
    assert found["weft_models_loaded", ()] == 1
    ((_, embedded),) = [(key, value) for key, value in found.items() if key[0] == "weft_embeddings_total"]
    assert embedded == 1
    assert over_rest.headers["content-type"].startswith("text/plain")
    assert 'weft_objects{collection="Things"} 4.0' in over_rest.text
    assert found["process_resident_memory_bytes", ()] > 0


def test_no_metrics_unless_asked_for(tmp_path: Path) -> None:
    app = App(load_settings({"data_path": tmp_path, "port": 0, "grpc_port": 0}, {}))
    app.start()
    assert app.metrics_port == 0
    refused = httpx.get(f"http://127.0.0.1:{app.rest_port}/v1/metrics")
    assert refused.status_code == 404
    assert "PROMETHEUS_MONITORING_ENABLED" in refused.text
    app.stop()


def test_a_port_that_is_taken_is_reported() -> None:
    metrics = Metrics(list, list)
    server = MetricsServer(metrics.registry, "127.0.0.1", 0)
    try:
        with pytest.raises(Misconfigured, match="PROMETHEUS_MONITORING_PORT"):
            MetricsServer(metrics.registry, "127.0.0.1", server.port)
    finally:
        server.stop()


def test_idle_connections_take_a_few_threads_and_no_more() -> None:
    server = MetricsServer(Metrics(list, list).registry, "127.0.0.1", 0)
    before, idle = threading.active_count(), []
    try:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
        for one in idle:  # those beyond are closed
            one.settimeout(0.05)
            with contextlib.suppress(TimeoutError, OSError):
                one.recv(1)
        assert threading.active_count() - before <= 16
        for one in idle:
            one.close()
        assert "process_resident_memory_bytes" in until_read(server.port)
    finally:
        for one in idle:
            one.close()
        server.stop()


def until_read(port: int) -> str:
    """The metrics, once the server has seen that the other connections are closed."""
    for _ in range(200):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{port}/metrics").text
    raise AssertionError("the port answers no more")


def test_metrics_may_be_served_on_an_address_of_their_own(tmp_path: Path) -> None:
    flags = {"data_path": tmp_path, "port": 0, "grpc_port": 0, "prometheus_monitoring_enabled": True}
    app = App(load_settings({**flags, "prometheus_monitoring_port": 0, "metrics_host": "127.0.0.2"}, {}))
    app.start()
    try:
        assert httpx.get(f"http://127.0.0.2:{app.metrics_port}/metrics").status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{app.metrics_port}/metrics")
    finally:
        app.stop()


def test_collections_in_one_series() -> None:
    def figures(collections: int, *, grouped: bool) -> list[tuple[str, float]]:
        shards = [
            ShardFacts(f"C{i % collections}", f"tenant{i}", 2, sizes={"objects": 10}) for i in range(2 * collections)
        ]
        metrics = Metrics(lambda: shards, lambda: (), grouped=grouped)
        families = list(text_string_to_metric_families(metrics.exposition().decode()))
        return sorted(
            (sample.labels["collection"], sample.value)
            for family in families
            if family.name == "weft_objects"
            for sample in family.samples
        )

    assert figures(2, grouped=False) == [("C0", 4), ("C1", 4)]
    assert figures(2, grouped=True) == [("n/a", 8)]
    assert len(figures(1000, grouped=False)) == 1000
    assert figures(1001, grouped=False) == [("n/a", 4004)]
