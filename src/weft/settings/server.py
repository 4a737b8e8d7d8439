"""Addresses, workers, limits, metrics and logs of the server."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from weft.domain.errors import Misconfigured
from weft.settings.setting import at_least, is_port, is_timeout, one_of, setting


@dataclass(frozen=True, slots=True)
class ServerSettings:
    host: str = setting("host", "WEFT_HOST", "127.0.0.1", "address to listen on")
    workers: int = setting(
        "workers",
        "WEFT_WORKERS",
        0,
        "processes that answer searches, up to 64; more than 1 need weft-front; 0: one for each core, up to 8, where "
        "there can be several, otherwise 1",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "allowed_hosts",
        "WEFT_ALLOWED_HOSTS",
        (),
        "names in the header `Host` to answer to besides `host` and localhost; `*`: any. Without it, they are checked "
        "on a loopback address that is open to anonymous callers",
    )
    node: str = setting("cluster_hostname", "CLUSTER_HOSTNAME", "weft", "name of the one node of the cluster")
    shutdown_timeout_s: float = setting(
        "shutdown_timeout_s",
        "WEFT_SHUTDOWN_TIMEOUT",
        20.0,
        "longest time that stopping may take, as `20s` or seconds; half of it for requests that are running",
    )

    def __post_init__(self) -> None:
        at_least(0, shutdown_timeout_s=self.shutdown_timeout_s, workers=self.workers)
        if not self.node:
            raise Misconfigured("cluster_hostname must not be empty; leave it out for the name weft")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761: such names never lead elsewhere


@dataclass(frozen=True, slots=True)
class RestSettings:
    port: int = setting("port", "WEFT_PORT", 8080, "REST port; 0 takes a free one")
    workers: int = setting("rest_workers", "WEFT_REST_WORKERS", 16, "threads that answer REST calls")
    cors_allow_origin: str = setting(
        "cors_allow_origin",
        "CORS_ALLOW_ORIGIN",
        "",
        "origins that web pages may call from, comma-separated; `*`: any; empty: none",
    )
    max_connections: int = setting(
        "rest_max_connections",
        "WEFT_REST_MAX_CONNECTIONS",
        2048,
        "REST connections at a time, but never more than a quarter of the files that the process may open",
    )
    max_connections_per_address: int = setting(
        "rest_max_connections_per_address",
        "WEFT_REST_MAX_CONNECTIONS_PER_ADDRESS",
        0,
        "REST connections of one address at a time; 0: half of all",
    )
    max_header_bytes: int = setting(
        "rest_max_header_size",
        "WEFT_REST_MAX_HEADER_SIZE",
        65_536,
        "bytes that the request line and the headers of a REST request may take",
    )
    read_timeout_s: float = setting(
        "rest_read_timeout_s",
        "WEFT_REST_READ_TIMEOUT",
        30.0,
        "time for the headers of a REST request, and for each 480 kB of its body, as `30s` or seconds",
    )

    @property
    def cors_origins(self) -> tuple[str, ...]:
        return tuple(origin.strip() for origin in self.cors_allow_origin.split(",") if origin.strip())

    def __post_init__(self) -> None:
        is_port(port=self.port)
        is_timeout(rest_read_timeout_s=self.read_timeout_s)
        at_least(0, rest_max_connections_per_address=self.max_connections_per_address)
        at_least(
            1,
            rest_workers=self.workers,
            rest_max_connections=self.max_connections,
            rest_max_header_size=self.max_header_bytes,
        )


@dataclass(frozen=True, slots=True)
class GrpcSettings:
    port: int = setting("grpc_port", "GRPC_PORT", 50051, "gRPC port; 0 takes a free one")
    workers: int = setting("grpc_workers", "WEFT_GRPC_WORKERS", 16, "threads that answer gRPC calls")
    max_message_bytes: int = setting(
        "grpc_max_message_size", "GRPC_MAX_MESSAGE_SIZE", 104_858_000, "largest gRPC message and REST body in bytes"
    )
    max_streams: int = setting(
        "grpc_max_streams", "WEFT_GRPC_MAX_STREAMS", 64, "batch streams that may be open at a time"
    )
    max_caller_streams: int = setting(
        "grpc_max_caller_streams",
        "WEFT_GRPC_MAX_CALLER_STREAMS",
        16,
        "batch streams of one user, or where calls are anonymous of one address",
    )
    stream_idle_s: float = setting(
        "grpc_stream_idle_s",
        "WEFT_GRPC_STREAM_IDLE",
        900.0,
        "how long a batch stream may be open without a message before it is asked to end, as `15m` or seconds",
    )
    message_timeout_s: float = setting(
        "grpc_message_timeout_s",
        "WEFT_GRPC_MESSAGE_TIMEOUT",
        100.0,
        "how long the message of a call may take to arrive, as `100s` or seconds",
    )
    max_connections: int = setting(
        "grpc_max_connections", "WEFT_GRPC_MAX_CONNECTIONS", 4_096, "gRPC connections that may be open at a time"
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
        at_least(
            1,
            grpc_max_streams=self.max_streams,
            grpc_max_caller_streams=self.max_caller_streams,
            grpc_stream_idle_s=self.stream_idle_s,
            grpc_message_timeout_s=self.message_timeout_s,
            grpc_max_connections=self.max_connections,
        )


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
    host: str = setting(
        "metrics_host",
        "WEFT_METRICS_HOST",
        "",
        "address of that port, which answers without credentials and names the collections; empty: that of the server",
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


@dataclass(frozen=True, slots=True)
class McpSettings:
    enabled: bool = setting(
        "mcp_server_enabled",
        "MCP_SERVER_ENABLED",
        False,
        "offer tools to language models at `/v1/mcp`; see docs/mcp.md",
    )
    write_access: bool = setting(
        "mcp_server_write_access_enabled",
        "MCP_SERVER_WRITE_ACCESS_ENABLED",
        False,
        "also those that store, change and delete",
    )
