"""Settings: one frozen dataclass, read once, from flags over environment over a TOML file over defaults.

Environment names are Weaviate's own where it has one. An unknown key in the file or an unknown ``WEFT_…`` variable is
refused; so is a value that does not fit its type.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from weft.domain.clock import duration_s
from weft.domain.errors import Misconfigured
from weft.domain.schedule import Schedule
from weft.domain.schedule import parse as parse_schedule

_OTHER_VARIABLES = ("WEFT_CONFIG", "WEFT_API_KEY")
"""Variables of the command line, not of the server."""


_LONGEST_TIMEOUT_S = 3600


def _setting(env: str, help: str, default: Any, *, also: str = "") -> Any:
    """``also``: another name of the variable; the first one wins."""
    return field(default=default, metadata={"env": env, "help": help, "also": also})


@dataclass(frozen=True)
class Settings:
    """Every setting of a server. The field name is the key in the file and, with hyphens, the flag."""

    data_path: Path = _setting("PERSISTENCE_DATA_PATH", "folder that holds all data", Path("weft-data"))
    host: str = _setting("WEFT_HOST", "address to listen on", "127.0.0.1")
    port: int = _setting("WEFT_PORT", "REST port; 0 takes a free one", 8080)
    grpc_port: int = _setting("GRPC_PORT", "gRPC port; 0 takes a free one", 50051)
    grpc_max_message_size: int = _setting(
        "GRPC_MAX_MESSAGE_SIZE", "largest gRPC message and REST body in bytes", 104_858_000
    )
    grpc_workers: int = _setting("WEFT_GRPC_WORKERS", "threads that answer gRPC calls", 16)
    rest_workers: int = _setting("WEFT_REST_WORKERS", "threads that answer REST calls", 16)
    query_defaults_limit: int = _setting("QUERY_DEFAULTS_LIMIT", "hits when a query states no limit", 10)
    query_maximum_results: int = _setting("QUERY_MAXIMUM_RESULTS", "largest offset + limit of a query", 10_000)
    query_hybrid_maximum_results: int = _setting(
        "QUERY_HYBRID_MAXIMUM_RESULTS", "candidates that each leg of a hybrid search fetches at least", 100
    )
    autoschema_enabled: bool = _setting(
        "AUTOSCHEMA_ENABLED", "create missing collections and properties on import", True
    )
    enable_modules: tuple[str, ...] = _setting("ENABLE_MODULES", "modules to enable, comma-separated; empty: all", ())
    default_vectorizer_module: str = _setting(
        "DEFAULT_VECTORIZER_MODULE", "vectorizer of collections that name none", "none"
    )
    default_vector_index: str = _setting("DEFAULT_VECTOR_INDEX", "index type of vectors that name none", "hnsw")
    default_quantization: str = _setting("DEFAULT_QUANTIZATION", "quantizer of vectors that name none", "none")
    async_indexing: bool = _setting("ASYNC_INDEXING", "allow the dynamic index type", False)
    anonymous_access: bool = _setting(
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED",
        "answer requests without credentials; off unless said otherwise where keys, users or OIDC are on",
        True,
    )
    apikey_enabled: bool = _setting("AUTHENTICATION_APIKEY_ENABLED", "accept API keys", False)
    apikey_allowed_keys: tuple[str, ...] = _setting("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "the API keys", ())
    apikey_users: tuple[str, ...] = _setting(
        "AUTHENTICATION_APIKEY_USERS", "the user of each key, or one user for all of them", ()
    )
    db_users_enabled: bool = _setting(
        "AUTHENTICATION_DB_USERS_ENABLED", "let users be created, and their keys rotated, while the server runs", False
    )
    oidc_enabled: bool = _setting("AUTHENTICATION_OIDC_ENABLED", "accept tokens of an identity provider", False)
    oidc_issuer: str = _setting("AUTHENTICATION_OIDC_ISSUER", "address of the identity provider", "")
    oidc_client_id: str = _setting("AUTHENTICATION_OIDC_CLIENT_ID", "the client that tokens must be for", "")
    oidc_skip_client_id_check: bool = _setting(
        "AUTHENTICATION_OIDC_SKIP_CLIENT_ID_CHECK", "accept tokens for any client of the provider", False
    )
    oidc_username_claim: str = _setting(
        "AUTHENTICATION_OIDC_USERNAME_CLAIM", "claim of a token that names the user", ""
    )
    oidc_groups_claim: str = _setting("AUTHENTICATION_OIDC_GROUPS_CLAIM", "claim of a token that lists groups", "")
    oidc_scopes: tuple[str, ...] = _setting(
        "AUTHENTICATION_OIDC_SCOPES", "scopes that clients are told to ask the provider for", ()
    )
    oidc_jwks_url: str = _setting(
        "AUTHENTICATION_OIDC_JWKS_URL", "where the provider's keys are; empty: where its configuration says", ""
    )
    oidc_certificate: str = _setting(
        "AUTHENTICATION_OIDC_CERTIFICATE", "certificate to trust the provider by: PEM text or a file", ""
    )
    oidc_insecure_skip_tls_verify: bool = _setting(
        "AUTHENTICATION_OIDC_INSECURE_SKIP_TLS_VERIFY", "trust any certificate of the provider; for tests only", False
    )
    rbac_enabled: bool = _setting(
        "AUTHORIZATION_RBAC_ENABLED", "allow callers what their roles allow", False, also="AUTHORIZATION_ENABLE_RBAC"
    )
    rbac_root_users: tuple[str, ...] = _setting(
        "AUTHORIZATION_RBAC_ROOT_USERS", "users with the role root", (), also="AUTHORIZATION_ADMIN_USERS"
    )
    rbac_root_groups: tuple[str, ...] = _setting("AUTHORIZATION_RBAC_ROOT_GROUPS", "groups with the role root", ())
    rbac_readonly_groups: tuple[str, ...] = _setting(
        "AUTHORIZATION_RBAC_READONLY_GROUPS",
        "groups with the role read-only",
        (),
        also="EXPERIMENTAL_AUTHORIZATION_RBAC_READONLY_ROOT_GROUPS",
    )
    rbac_admin_users: tuple[str, ...] = _setting(
        "EXPERIMENTAL_AUTHORIZATION_RBAC_ADMIN_USERS", "users with the role admin", ()
    )
    rbac_viewer_users: tuple[str, ...] = _setting(
        "EXPERIMENTAL_AUTHORIZATION_RBAC_READONLY_USERS", "users with the role viewer", ()
    )
    adminlist_enabled: bool = _setting(
        "AUTHORIZATION_ADMINLIST_ENABLED", "allow only those on the lists below anything", False
    )
    adminlist_users: tuple[str, ...] = _setting("AUTHORIZATION_ADMINLIST_USERS", "users who may do everything", ())
    adminlist_groups: tuple[str, ...] = _setting("AUTHORIZATION_ADMINLIST_GROUPS", "groups that may do everything", ())
    adminlist_readonly_users: tuple[str, ...] = _setting(
        "AUTHORIZATION_ADMINLIST_READONLY_USERS", "users who may read", ()
    )
    adminlist_readonly_groups: tuple[str, ...] = _setting(
        "AUTHORIZATION_ADMINLIST_READONLY_GROUPS", "groups that may read", ()
    )
    cors_allow_origin: str = _setting("CORS_ALLOW_ORIGIN", "origin that browsers may call from; empty: none", "")
    embedding_threads: int = _setting("WEFT_EMBEDDING_THREADS", "threads of each local model; 0: one a core", 0)
    embedding_queue: int = _setting("WEFT_EMBEDDING_QUEUE", "texts that may wait for a local model", 100_000)
    models_path: str = _setting("WEFT_MODELS_PATH", "folder of models that collections may name; empty: none", "")
    model_downloads: bool = _setting(
        "WEFT_MODEL_DOWNLOADS", "let collections name models of the hub, fetched on first use", False
    )
    prometheus_monitoring_enabled: bool = _setting(
        "PROMETHEUS_MONITORING_ENABLED", "serve metrics for Prometheus on a port of their own", False
    )
    prometheus_monitoring_port: int = _setting("PROMETHEUS_MONITORING_PORT", "that port; 0: any free one", 2112)
    objects_ttl_delete_schedule: str = _setting(
        "OBJECTS_TTL_DELETE_SCHEDULE",
        "when expired objects are deleted: a cron expression, `@every 5m`, `@hourly`, `@daily`; empty: never",
        "@every 1m",
    )
    media_workers: int = _setting(
        "WEFT_MEDIA_WORKERS", "pictures, sounds and films that are decoded at a time; 0: one a core, at most 4", 0
    )
    media_max_pixels: int = _setting(
        "WEFT_MEDIA_MAX_PIXELS", "greatest picture, or frame of a film, that is decoded, in pixels", 40_000_000
    )
    media_memory_mb: int = _setting("WEFT_MEDIA_MEMORY_MB", "memory that decoding one medium may take, in MB", 2048)
    media_timeout_s: float = _setting(
        "WEFT_MEDIA_TIMEOUT", "longest time that decoding one medium may take, as `60s` or seconds", 60.0
    )
    modules_client_timeout_s: float = _setting(
        "MODULES_CLIENT_TIMEOUT", "longest wait for one answer of a model provider, as `50s`, `1m30s` or seconds", 50.0
    )
    modules_validate_base_url: bool = _setting(
        "MODULES_VALIDATE_BASE_URL",
        "refuse providers' addresses in collections and headers that are plain http or in a private network",
        False,
    )
    backup_filesystem_path: str = _setting(
        "BACKUP_FILESYSTEM_PATH", "folder for backups; turns the module backup-filesystem on", ""
    )
    backup_dynamic_location: bool = _setting(
        "WEFT_BACKUP_DYNAMIC_LOCATION", "let requests name a folder or bucket of their own for a backup", True
    )
    backup_s3_bucket: str = _setting("BACKUP_S3_BUCKET", "bucket for backups; turns the module backup-s3 on", "")
    backup_s3_path: str = _setting("BACKUP_S3_PATH", "path within the bucket", "")
    backup_s3_endpoint: str = _setting("BACKUP_S3_ENDPOINT", "host[:port] of the S3 storage", "s3.amazonaws.com")
    backup_s3_use_ssl: bool = _setting("BACKUP_S3_USE_SSL", "reach the S3 storage over TLS", True)
    export_enabled: bool = _setting("EXPORT_ENABLED", "answer requests to export collections", False)
    export_default_path: str = _setting("EXPORT_DEFAULT_PATH", "folder, or path within the bucket, for exports", "")
    export_default_bucket: str = _setting("EXPORT_DEFAULT_BUCKET", "bucket for exports to S3", "")
    write_queue: int = _setting("WEFT_WRITE_QUEUE", "objects that may wait for one shard's writer", 200_000)
    max_open_tenants: int = _setting(
        "WEFT_MAX_OPEN_TENANTS", "tenants that are open at a time; 0: as many as the process may open files for", 0
    )
    shutdown_timeout_s: float = _setting(
        "WEFT_SHUTDOWN_TIMEOUT",
        "longest time that stopping may take, as `20s` or seconds; half of it for requests that are running",
        20.0,
    )
    durable: bool = _setting("WEFT_DURABLE", "sync each commit to the disk before it is acknowledged", True)
    log_level: str = _setting("LOG_LEVEL", "debug, info, warning or error", "info")
    log_format: str = _setting("LOG_FORMAT", "text, or json: one object a line", "text")
    query_slow_log_enabled: bool = _setting("QUERY_SLOW_LOG_ENABLED", "log searches that take long", False)
    query_slow_log_threshold_s: float = _setting(
        "QUERY_SLOW_LOG_THRESHOLD", "how long that is, as `500ms` or seconds", 5.0
    )

    @property
    def expiry_schedule(self) -> Schedule:
        name = "objects_ttl_delete_schedule"
        try:
            return parse_schedule(self.objects_ttl_delete_schedule, lambda text: _seconds(name, text))
        except Misconfigured as error:
            raise Misconfigured(f"{name}: {error.message}") from None

    def __post_init__(self) -> None:
        for name in ("port", "grpc_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise Misconfigured(f"{name} must be a port from 0 to 65535, not {getattr(self, name)}")
        for name in (
            "grpc_max_message_size",
            "grpc_workers",
            "rest_workers",
            "query_defaults_limit",
            "query_maximum_results",
            "query_hybrid_maximum_results",
            "embedding_queue",
            "write_queue",
            "media_max_pixels",
            "media_memory_mb",
        ):
            if getattr(self, name) < 1:
                raise Misconfigured(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("modules_client_timeout_s", "media_timeout_s", "query_slow_log_threshold_s"):
            if not 0 < getattr(self, name) <= _LONGEST_TIMEOUT_S:
                raise Misconfigured(
                    f"{name} must be above 0 and at most {_LONGEST_TIMEOUT_S}, not {getattr(self, name):g}"
                )
        self.expiry_schedule  # noqa: B018 – read now, so that a mistake is told at the start
        for name in ("embedding_threads", "media_workers"):
            if getattr(self, name) < 0:
                raise Misconfigured(f"{name} must be 0 or more, not {getattr(self, name)}")
        _one_of("default_vector_index", self.default_vector_index, ("hnsw", "flat", "dynamic", "hfresh"))
        _one_of("default_quantization", self.default_quantization, ("none", "pq", "bq", "sq", "rq-1", "rq-8"))
        _one_of("log_level", self.log_level, ("debug", "info", "warning", "error"))
        _one_of("log_format", self.log_format, ("text", "json"))
        if self.default_vector_index == "dynamic" and not self.async_indexing:
            raise Misconfigured("default_vector_index dynamic needs async_indexing; set ASYNC_INDEXING=true")
        for module, path in (("backup-filesystem", "backup_filesystem_path"), ("backup-s3", "backup_s3_bucket")):
            if module in self.enable_modules and not getattr(self, path):
                raise Misconfigured(f"module {module} is enabled and {path} is not set; set {path.upper()}")
        users, keys = len(self.apikey_users), len(self.apikey_allowed_keys)
        if self.apikey_enabled and (keys == 0 or users not in (1, keys)):
            raise Misconfigured(
                f"API keys are enabled with {keys} keys and {users} users; give at least one key, and one user for all "
                "keys or one for each (AUTHENTICATION_APIKEY_ALLOWED_KEYS, AUTHENTICATION_APIKEY_USERS)"
            )
        if self.apikey_enabled and len(set(self.apikey_allowed_keys)) < keys:
            raise Misconfigured("apikey_allowed_keys holds the same key twice; give each user a key of his own")
        if not self.anonymous_access and not self.has_users:
            raise Misconfigured(
                "anonymous access is off and no other way in is on; set AUTHENTICATION_APIKEY_ENABLED=true with keys"
            )
        if self.oidc_enabled:
            self._check_oidc()
        if self.adminlist_enabled and self.rbac_enabled:
            raise Misconfigured("adminlist_enabled and rbac_enabled exclude each other; set one of them")
        if self.rbac_enabled and not self.has_users:
            raise Misconfigured(
                "roles are on, but no users are; set AUTHENTICATION_APIKEY_ENABLED=true with keys, or "
                "AUTHENTICATION_OIDC_ENABLED=true"
            )

    @property
    def has_users(self) -> bool:
        """Whether there is a way to say who one is."""
        return self.apikey_enabled or self.db_users_enabled or self.oidc_enabled

    def _check_oidc(self) -> None:
        missing = [name for name in ("oidc_issuer", "oidc_username_claim") if not getattr(self, name)]
        if not self.oidc_client_id and not self.oidc_skip_client_id_check:
            missing.append("oidc_client_id (or oidc_skip_client_id_check)")
        if missing:
            raise Misconfigured(f"OIDC is on without {', '.join(missing)}; set what is missing")
        if self.oidc_certificate and self.oidc_insecure_skip_tls_verify:
            raise Misconfigured(
                "oidc_certificate and oidc_insecure_skip_tls_verify exclude each other; set one of them"
            )


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Flags win over the environment, which wins over the TOML ``file``. Raises Misconfigured with the key at fault."""
    environ = os.environ if environ is None else environ
    known = {f.name: f for f in fields(Settings)}
    values: dict[str, Any] = {}
    if file is not None:
        for key, raw in _read_file(file).items():
            if key not in known:
                raise Misconfigured(f"unknown setting {key!r} in {file}; {_suggestion(key, known)}")
            values[key] = _convert(key, raw, known[key].default)
    by_env = {f.metadata["env"]: f for f in known.values()}
    by_other_env = {f.metadata["also"]: f for f in known.values() if f.metadata["also"]}
    for name, raw in environ.items():
        if name in by_other_env and by_other_env[name].metadata["env"] not in environ:
            values[by_other_env[name].name] = _convert(name, raw, by_other_env[name].default)
        if name in by_env:
            values[by_env[name].name] = _convert(name, raw, by_env[name].default)
        elif name.startswith("WEFT_") and name not in _OTHER_VARIABLES:
            raise Misconfigured(f"unknown setting {name}; {_suggestion(name, by_env)}")
    for key, raw in (flags or {}).items():
        if key not in known:
            raise Misconfigured(f"unknown setting {key!r}; {_suggestion(key, known)}")
        values[key] = _convert(key, raw, known[key].default)
    if any(values.get(way) for way in ("apikey_enabled", "db_users_enabled", "oidc_enabled")):
        values.setdefault("anonymous_access", False)
    return Settings(**values)


def _suggestion(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return (f"did you mean {near[0]}? " if near else "") + "weft serve --help lists all settings"


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"cannot read the settings file {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the settings file {file} is not TOML: {error}") from error


def _convert(name: str, raw: Any, default: Any) -> Any:
    """``raw`` as the type of ``default``."""
    if isinstance(default, bool):
        if isinstance(raw, bool):
            return raw
        if str(raw).strip().lower() in ("true", "1", "on", "enabled", "yes"):
            return True
        if str(raw).strip().lower() in ("false", "0", "off", "disabled", "no", ""):
            return False
        raise Misconfigured(f"{name} must be true or false, not {raw!r}")
    if isinstance(default, int):
        try:
            return int(str(raw))
        except ValueError:
            raise Misconfigured(f"{name} must be a whole number, not {raw!r}") from None
    if isinstance(default, float):
        return _seconds(name, str(raw).strip())
    if isinstance(default, tuple):
        items = raw if isinstance(raw, list | tuple) else str(raw).split(",")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if isinstance(default, Path):
        return Path(raw)
    return str(raw)


def _seconds(name: str, raw: str) -> float:
    """A number of seconds, or a duration as the protocol's server writes it: ``1m30s``, ``500ms``."""
    try:
        return duration_s(raw)
    except ValueError:
        raise Misconfigured(f"{name} must be a time like 50s, 1m30s or 50, not {raw!r}") from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Misconfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
