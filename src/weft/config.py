"""Settings as one value, read once: flags over environment over a TOML file over defaults.

An unknown key in the file or an unknown ``WEFT_…`` variable is refused; so is a value that does not fit its type.
``weft.settings`` declares each setting, by group.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from weft.domain.clock import duration_s
from weft.domain.errors import Misconfigured
from weft.settings.access import AccessSettings
from weft.settings.archives import BackupSettings, ExportSettings
from weft.settings.audit import AuditSettings
from weft.settings.collections import QuerySettings, SchemaSettings
from weft.settings.imports import ImportSettings, MediaReferenceSettings
from weft.settings.limits import LimitSettings
from weft.settings.modules import ModuleSettings
from weft.settings.resources import ResourceSettings
from weft.settings.server import (
    GrpcSettings,
    LogSettings,
    McpSettings,
    MetricsSettings,
    RestSettings,
    ServerSettings,
    is_loopback,
)
from weft.settings.setting import Setting, group, sections, setting_of
from weft.settings.storage import StorageSettings
from weft.settings.tls import TlsSettings
from weft.settings.usage import UsageSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Group = TypeVar("_Group", bound="DataclassInstance")

_OTHER_VARIABLES: Final = (
    *("WEFT_CONFIG", "WEFT_API_KEY", "WEFT_URL", "WEFT_SOURCE_KEY", "WEFT_TARGET_KEY"),
    *("WEFT_CA_CERTIFICATE", "WEFT_CLIENT_CERTIFICATE", "WEFT_CLIENT_KEY"),
)
"""Variables of the command line, not of the server."""

_TRUE: Final = ("true", "1", "on", "enabled", "yes")
_FALSE: Final = ("false", "0", "off", "disabled", "no", "")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a server, by group."""

    storage: StorageSettings = group(StorageSettings, "Storage")
    server: ServerSettings = group(ServerSettings, "Server")
    rest: RestSettings = group(RestSettings, "REST")
    grpc: GrpcSettings = group(GrpcSettings, "gRPC")
    mcp: McpSettings = group(McpSettings, "MCP")
    tls: TlsSettings = group(TlsSettings, "TLS")
    log: LogSettings = group(LogSettings, "Log")
    audit: AuditSettings = group(AuditSettings, "Audit log")
    metrics: MetricsSettings = group(MetricsSettings, "Metrics")
    access: AccessSettings = group(AccessSettings, "Access")
    schema: SchemaSettings = group(SchemaSettings, "Collections")
    usage: UsageSettings = group(UsageSettings, "Usage limits")
    resources: ResourceSettings = group(ResourceSettings, "Memory and disk")
    query: QuerySettings = group(QuerySettings, "Queries")
    limits: LimitSettings = group(LimitSettings, "Limits of a query")
    imports: ImportSettings = group(ImportSettings, "Reports of imports")
    media_references: MediaReferenceSettings = group(MediaReferenceSettings, "Media by reference")
    modules: ModuleSettings = group(ModuleSettings, "Modules")
    backup: BackupSettings = group(BackupSettings, "Backups")
    export: ExportSettings = group(ExportSettings, "Exports")

    def __post_init__(self) -> None:
        for module, key, value in (
            ("backup-filesystem", "backup_filesystem_path", self.backup.filesystem_path),
            ("backup-s3", "backup_s3_bucket", self.backup.s3_bucket),
        ):
            if module in self.modules.enabled and not value:
                raise Misconfigured(f"module {module} is enabled, but {key} is not set; set {key.upper()}")


SETTINGS: Final[Mapping[str, Setting]] = {one.key: one for _, section in sections(Settings) for one in section}
"""By key."""


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """The settings from ``flags``, by key, ``environ`` (None: the process's own) and ``file``.

    If there are users, callers without credentials are refused unless a setting admits them. Where others than the user
    of this machine may call, requests name no addresses and folders of their own unless a setting lets them. Raises
    Misconfigured, naming the invalid key.
    """
    values = {} if file is None else _from_file(file)
    values |= _from_environment(os.environ if environ is None else environ)
    for key, raw in (flags or {}).items():
        if key not in SETTINGS:
            raise Misconfigured(f"unknown setting {key!r}; {_suggestion(key, SETTINGS)}")
        values[key] = _convert(key, raw, SETTINGS[key].default)
    has_users = any(values.get(way) for way in ("apikey_enabled", "db_users_enabled", "oidc_enabled"))
    if has_users:
        values.setdefault("anonymous_access", False)
    if has_users or not is_loopback(str(values.get("host", SETTINGS["host"].default))):
        values.setdefault("backup_dynamic_location", False)
        values.setdefault("modules_validate_base_url", True)
        values.setdefault("provider_private_errors", False)
    return _build(Settings, values)


def _build(kind: type[_Group], values: Mapping[str, object]) -> _Group:
    """A group, with the groups in it, of ``values`` by key."""
    given: dict[str, object] = {}
    for one in fields(kind):
        declared = setting_of(one)
        if declared is None:
            given[one.name] = _build(one.metadata["group"], values)
        elif declared.key in values:
            given[one.name] = values[declared.key]
    return kind(**given)


def _from_file(file: Path) -> dict[str, object]:
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"cannot read the settings file {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the settings file {file} is not TOML: {error}") from error
    for key in read:
        if key not in SETTINGS:
            raise Misconfigured(f"unknown setting {key!r} in {file}; {_suggestion(key, SETTINGS)}")
    return {key: _convert(key, raw, SETTINGS[key].default) for key, raw in read.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    by_env = {one.env: one for one in SETTINGS.values()}
    by_older_env = {one.older_env: one for one in SETTINGS.values() if one.older_env}
    found: dict[str, object] = {}
    for name, raw in environ.items():
        if name in by_older_env and by_older_env[name].env not in environ:
            found[by_older_env[name].key] = _convert(name, raw, by_older_env[name].default)
        if name in by_env:
            found[by_env[name].key] = _convert(name, raw, by_env[name].default)
        elif name.startswith("WEFT_") and name not in _OTHER_VARIABLES:
            raise Misconfigured(f"unknown setting {name}; {_suggestion(name, by_env)}")
    return found


def _suggestion(name: str, known: Iterable[str]) -> str:
    """The advice for an unknown name."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return (f"did you mean {near[0]}? " if near else "") + "weft serve --help lists all settings"


def _convert(name: str, raw: object, default: object) -> object:
    """``raw`` as the type of ``default``; ``name`` is what the error names."""
    text = str(raw).strip()
    if isinstance(default, bool):
        if text.lower() not in (*_TRUE, *_FALSE):
            raise Misconfigured(f"{name} must be true or false, not {raw!r}")
        return text.lower() in _TRUE
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise Misconfigured(f"{name} must be an integer, not {raw!r}") from None
    if isinstance(default, float):
        try:
            return _seconds(text)
        except ValueError:
            raise Misconfigured(f"{name} must be a time like 50s, 1m30s or 50, not {text!r}") from None
    if isinstance(default, tuple):
        items = raw if isinstance(raw, list | tuple) else str(raw).split(",")
        return tuple(str(item).strip() for item in items if str(item).strip())
    return Path(str(raw)) if isinstance(default, Path) else str(raw)


def _seconds(text: str) -> float:
    """A number of seconds, or a duration as Weaviate writes it: ``1m30s``, ``500ms``. Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        return duration_s(text)
