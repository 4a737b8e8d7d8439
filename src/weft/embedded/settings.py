"""Settings of a server by key, for editors and type checkers, by ``tools/write_settings.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class ConnectSettings(TypedDict, total=False):
    engine: str
    catalog: str
    durable: bool
    write_queue: int
    max_open_tenants: int
    objects_ttl_delete_schedule: str
    workers: int
    allowed_hosts: Sequence[str] | str
    cluster_hostname: str
    shutdown_timeout_s: float
    port: int
    rest_workers: int
    cors_allow_origin: str
    rest_max_connections: int
    rest_max_connections_per_address: int
    rest_max_header_size: int
    rest_read_timeout_s: float
    grpc_port: int
    grpc_workers: int
    grpc_max_message_size: int
    grpc_max_streams: int
    grpc_max_caller_streams: int
    grpc_stream_idle_s: float
    grpc_message_timeout_s: float
    grpc_max_connections: int
    grpc_wire: str
    mcp_server_enabled: bool
    mcp_server_write_access_enabled: bool
    log_level: str
    log_format: str
    audit_log: str
    audit_log_path: str
    prometheus_monitoring_enabled: bool
    prometheus_monitoring_port: int
    metrics_host: str
    prometheus_monitoring_group_classes: bool
    anonymous_access: bool
    apikey_enabled: bool
    apikey_allowed_keys: Sequence[str] | str
    apikey_users: Sequence[str] | str
    db_users_enabled: bool
    oidc_enabled: bool
    oidc_issuer: str
    oidc_client_id: str
    oidc_skip_client_id_check: bool
    oidc_username_claim: str
    oidc_groups_claim: str
    oidc_scopes: Sequence[str] | str
    oidc_jwks_url: str
    oidc_certificate: str
    oidc_insecure_skip_tls_verify: bool
    rbac_enabled: bool
    rbac_root_users: Sequence[str] | str
    rbac_root_groups: Sequence[str] | str
    rbac_readonly_groups: Sequence[str] | str
    rbac_admin_users: Sequence[str] | str
    rbac_viewer_users: Sequence[str] | str
    adminlist_enabled: bool
    adminlist_users: Sequence[str] | str
    adminlist_groups: Sequence[str] | str
    adminlist_readonly_users: Sequence[str] | str
    adminlist_readonly_groups: Sequence[str] | str
    autoschema_enabled: bool
    default_vectorizer_module: str
    default_vector_index: str
    default_quantization: str
    default_sharding_count: int
    async_indexing: bool
    runtime_reindex_enabled: bool
    maximum_allowed_objects_count: int
    maximum_allowed_collections_count: int
    maximum_allowed_tenants_per_collection: int
    maximum_allowed_shards_per_collection: int
    usage_limits_error_message: str
    disk_use_warning_percentage: int
    disk_use_readonly_percentage: int
    memory_warning_percentage: int
    memory_readonly_percentage: int
    query_defaults_limit: int
    query_defaults_limit_graphql: int
    query_maximum_results: int
    query_hybrid_maximum_results: int
    query_slow_log_enabled: bool
    query_slow_log_threshold_s: float
    query_timeout_s: float
    query_maximum_conditions: int
    query_maximum_values: int
    query_maximum_filter_characters: int
    query_maximum_characters: int
    query_maximum_vectors: int
    import_reports: int
    import_pause: float
    import_rejected_bytes: int
    media_folders: Sequence[str] | str
    media_hosts: Sequence[str] | str
    enable_modules: Sequence[str] | str
    api_based_modules_disabled: bool
    embedding_threads: int
    embedding_queue: int
    models_path: str
    model_downloads: bool
    modules_client_timeout_s: float
    modules_validate_base_url: bool
    provider_private_errors: bool
    provider_hosts: Sequence[str] | str
    media_workers: int
    media_max_pixels: int
    media_memory_mb: int
    media_timeout_s: float
    media_cpu_s: float
    backup_filesystem_path: str
    backup_dynamic_location: bool
    backup_s3_bucket: str
    backup_s3_path: str
    backup_s3_endpoint: str
    backup_s3_use_ssl: bool
    export_enabled: bool
    export_default_path: str
    export_default_bucket: str
