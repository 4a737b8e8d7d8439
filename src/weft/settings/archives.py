"""Backups and exports."""

from __future__ import annotations

from dataclasses import dataclass

from weft.settings.setting import setting


@dataclass(frozen=True, slots=True)
class BackupSettings:
    filesystem_path: str = setting(
        "backup_filesystem_path",
        "BACKUP_FILESYSTEM_PATH",
        "",
        "folder for backups; turns the module backup-filesystem on",
    )
    dynamic_location: bool = setting(
        "backup_dynamic_location",
        "WEFT_BACKUP_DYNAMIC_LOCATION",
        True,
        "let requests name any folder or bucket for a backup, not only folders below the configured one; off unless "
        "set where there are users or the server listens on more than a loopback address",
    )
    s3_bucket: str = setting(
        "backup_s3_bucket", "BACKUP_S3_BUCKET", "", "bucket for backups; turns the module backup-s3 on"
    )
    s3_path: str = setting("backup_s3_path", "BACKUP_S3_PATH", "", "path within the bucket")
    s3_endpoint: str = setting(
        "backup_s3_endpoint",
        "BACKUP_S3_ENDPOINT",
        "s3.amazonaws.com",
        "host[:port] of the S3 storage, for backups and exports",
    )
    s3_use_ssl: bool = setting("backup_s3_use_ssl", "BACKUP_S3_USE_SSL", True, "reach the S3 storage over TLS")


@dataclass(frozen=True, slots=True)
class ExportSettings:
    enabled: bool = setting("export_enabled", "EXPORT_ENABLED", False, "answer requests to export collections")
    default_path: str = setting(
        "export_default_path", "EXPORT_DEFAULT_PATH", "", "folder, or path within the bucket, for exports"
    )
    default_bucket: str = setting("export_default_bucket", "EXPORT_DEFAULT_BUCKET", "", "bucket for exports to S3")
