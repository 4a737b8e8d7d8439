"""Addresses, workers, limits, metrics and logs of the server."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import Misconfigured
from weft.settings.setting import at_least, is_port, one_of, setting


@dataclass(frozen=True, slots=True)
class ServerSettings:
    host: str = setting("host", "WEFT_HOST", "127.0.0.1", "address to listen on")
    node: str = setting("cluster_hostname", "CLUSTER_HOSTNAME", "weft", "name of the one node of the cluster")
    shutdown_timeout_s: float = setting(
        "shutdown_timeout_s",
        "WEFT_SHUTDOWN_TIMEOUT",
        20.0,
        "longest time that stopping may take, as `20s` or seconds; half of it for requests that are running",
    )

    def __post_init__(self) -> None:
        at_least(0, shutdown_timeout_s=self.shutdown_timeout_s)
        if not self.node:
            raise Misconfigured("cluster_hostname must not be empty; leave it out for the name weft")


@dataclass(frozen=True, slots=True)
class RestSettings:
    port: int = setting("port", "WEFT_PORT", 8080, "REST port; 0 takes a free one")
    workers: int = setting("rest_workers", "WEFT_REST_WORKERS", 16, "threads that answer REST calls")
    cors_allow_origin: str = setting(
        "cors_allow_origin", "CORS_ALLOW_ORIGIN", "", "origin that browsers may call from; empty: none"
    )

    def __post_init__(self) -> None:
        is_port(port=self.port)
        at_least(1, rest_workers=self.workers)


@dataclass(frozen=True, slots=True)
class GrpcSettings:
    port: int = setting("grpc_port", "GRPC_PORT", 50051, "gRPC port; 0 takes a free one")
    workers: int = setting("grpc_workers", "WEFT_GRPC_WORKERS", 16, "threads that answer gRPC calls")
    max_message_bytes: int = setting(
        "grpc_max_message_size", "GRPC_MAX_MESSAGE_SIZE", 104_858_000, "largest gRPC message and REST body in bytes"
    )
    wire: str = setting(
        "grpc_wire",
        "WEFT_GRPC_WIRE",
        "auto",
        "what carries gRPC calls: grpcio; front, the faster package weft-front; auto: front where it is installed",
    )

    def __post_init__(self) -> None:
        is_port(grpc_port=self.port)
        one_of(("auto", "grpcio", "front"), grpc_wire=self.wire)
        at_least(1, grpc_workers=self.workers, grpc_max_message_size=self.max_message_bytes)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    enabled: bool = setting(
        "prometheus_monitoring_enabled",
        "PROMETHEUS_MONITORING_ENABLED",
        False,
        "serve metrics for Prometheus on a separate port",
    )
    port: int = setting(
        "prometheus_monitoring_port", "PROMETHEUS_MONITORING_PORT", 2112, "that port; 0 takes a free one"
    )

    group_collections: bool = setting(
        "prometheus_monitoring_group_classes",
        "PROMETHEUS_MONITORING_GROUP_CLASSES",
        False,
        "one series for all collections instead of one for each",
        older_env="PROMETHEUS_MONITORING_GROUP",
    )

    def __post_init__(self) -> None:
        is_port(prometheus_monitoring_port=self.port)


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: str = setting("log_level", "LOG_LEVEL", "info", "debug, info, warning or error")
    format: str = setting("log_format", "LOG_FORMAT", "text", "text, or json: one object per line")

    def __post_init__(self) -> None:
        one_of(("debug", "info", "warning", "error"), log_level=self.level)
        one_of(("text", "json"), log_format=self.format)
