"""Which backends this server has, and which ids backups and exports may have."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from weft.domain.errors import Invalid, Misconfigured, NotFound
from weft.jobs.backends.backend import Backend
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.backends.s3 import S3Backend
from weft.plugins import BACKUP_BACKENDS, Plugin, find_plugins
from weft.settings.archives import BackupSettings, ExportSettings

LONGEST_ID = 128
_ID = re.compile(rf"[a-z0-9_-]{{1,{LONGEST_ID}}}")
_BUILT_IN = (FilesystemBackend.name, S3Backend.name)


def backup_backends(
    settings: BackupSettings, data_path: Path, environ: Mapping[str, str] = os.environ
) -> dict[str, Backend]:
    """By name: those that the settings enable, and those of other packages that ``environ`` enables.

    Raises Misconfigured when a package is missing, or a plug-in does not make a backend.
    """
    found: dict[str, Backend] = {}
    if settings.filesystem_path:
        found["filesystem"] = FilesystemBackend(Path(settings.filesystem_path).absolute(), data_path)
    if settings.s3_bucket:
        found["s3"] = _s3(settings, settings.s3_bucket, settings.s3_path)
    for name, plugin in find_plugins(BACKUP_BACKENDS, _BUILT_IN).items():
        backend = _plugged(plugin, environ)
        if backend is not None:
            found[name] = backend
    return found


def _plugged(plugin: Plugin, environ: Mapping[str, str]) -> Backend | None:
    """The plug-in's backend; None if the environment does not enable it."""
    made: object = plugin.load()(environ)
    if made is not None and not (isinstance(made, Backend) and made.name == plugin.name):
        raise Misconfigured(f"{plugin} does not make a backend of that name; repair or uninstall the package")
    return made


def export_backends(settings: ExportSettings, backup: BackupSettings) -> dict[str, Backend]:
    """By name, for exports: their default location differs from that of backups. The S3 storage is that of
    ``backup``."""
    if not settings.enabled:
        return {}
    path = settings.default_path
    found: dict[str, Backend] = {}
    if path and not settings.default_bucket:
        found["filesystem"] = FilesystemBackend(Path(path).absolute())
    if settings.default_bucket:
        found["s3"] = _s3(backup, settings.default_bucket, path)
    return found


def _s3(settings: BackupSettings, bucket: str, path: str) -> S3Backend:
    return S3Backend(bucket, path, settings.s3_endpoint, use_ssl=settings.s3_use_ssl)


def chosen_backend(backends: Mapping[str, Backend], name: str, hint: str) -> Backend:
    """Raises Invalid."""
    backend = backends.get(name)
    if backend is None:
        known = ", ".join(sorted(backends)) or "none"
        raise Invalid(f"no backend {name[:80]!r}: this server has {known}; {hint}", backend=name)
    return backend


def unknown_backup(id: str) -> NotFound:
    return NotFound(f"backup id {id[:LONGEST_ID]!r} does not exist", id=id)


def never_restored(id: str) -> NotFound:
    return NotFound(f"backup {id[:LONGEST_ID]!r} has not been restored on this server", id=id)


def is_id(id: str) -> bool:
    return _ID.fullmatch(id) is not None


def checked_id(id: str, what: str) -> str:
    """Raises Invalid."""
    if not is_id(id):
        raise Invalid(f"invalid {what} id {id[:80]!r}: use 1 to {LONGEST_ID} lower-case letters, digits, - and _")
    return id
