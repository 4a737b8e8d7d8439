"""Which backends this server has, and what requests say about ids, collections and locations."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.names import collection_name
from weft.jobs.backends.backend import Backend, Location
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.backends.s3 import S3Backend
from weft.settings.archives import BackupSettings, ExportSettings

_ID = re.compile(r"[a-z0-9_-]{1,128}")
_MOST_PATTERNS, _LONGEST_PATTERN = 100, 300


def backup_backends(settings: BackupSettings, data_path: Path) -> dict[str, Backend]:
    """By name; those that the settings turn on. Raises Misconfigured when a package is missing."""
    found: list[Backend] = []
    if settings.filesystem_path:
        found.append(FilesystemBackend(Path(settings.filesystem_path).absolute(), data_path))
    if settings.s3_bucket:
        found.append(_s3(settings, settings.s3_bucket, settings.s3_path))
    return {one.name: one for one in found}


def export_backends(settings: ExportSettings, backup: BackupSettings) -> dict[str, Backend]:
    """By name; of exports, which do not go where backups go by default. The S3 storage is that of ``backup``."""
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
    backend = backends.get(name)
    if backend is None:
        known = ", ".join(sorted(backends)) or "none"
        raise Invalid(f"no backend {name[:80]!r}: this server has {known}; {hint}", backend=name)
    return backend


def is_id(id: str) -> bool:
    return _ID.fullmatch(id) is not None


def checked_id(id: str | None, what: str) -> str:
    if not id or not is_id(id):
        raise Invalid(f"invalid {what} id {str(id or '')[:80]!r}: use 1 to 128 lower-case letters, digits, - and _")
    return id


def location(config: Mapping[str, Any], *, dynamic: bool) -> Location:
    """The location in a request's ``config`` or query, whatever the case of its keys. Raises Invalid."""
    found = Location(option(config, "bucket") or "", option(config, "path") or "")
    if found != Location() and not dynamic:
        raise Invalid("this server keeps backups in one place only; leave bucket and path out")
    return found


def option(config: Mapping[str, Any], name: str) -> str | None:
    """A text of ``config``, whose keys clients spell in several ways."""
    for key in config:
        if key.lower() == name.lower():
            return json_fields.string(config, key, "config")
    return None


def chosen_classes(given: Mapping[str, Any], present: Sequence[str], where: str) -> list[str]:
    """Of ``present``, what ``include`` and ``exclude`` of the request leave; ``*`` and ``?`` stand for any letters.

    Raises Invalid: for both at once, a name twice, one that is not present, and when nothing is left.
    """
    include, exclude = (_names(given, key) for key in ("include", "exclude"))
    if include and exclude:
        raise Invalid("name collections in include or in exclude, not in both")
    known = set(present)
    for name, sent in zip(include, given.get("include") or (), strict=True):
        if not is_pattern(name) and name not in known:
            raise Invalid(f"class {sent[:80]} does not exist {where}; it has {_listed(present)}", collection=name)
    named = matching(known, include or exclude)
    chosen = [name for name in present if (name in named) == bool(include)]
    if not chosen:
        raise Invalid(f"no class is left to choose {where}; it has {_listed(present)}")
    return chosen


def _names(given: Mapping[str, Any], key: str) -> list[str]:
    value = given.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise Invalid(f"{key} must be an array of names")
    names = [collection_name(name) for name in value]
    for name, count in Counter(names).items():
        if count > 1:
            raise Invalid(f"{key} contains {name!r} twice")
    return names


def is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def matching(present: Set[str], asked: Sequence[str]) -> set[str]:
    """What of ``present`` the names and patterns among ``asked`` mean. Raises Invalid for too many."""
    patterns = [one.replace("[", "[[]") for one in asked if is_pattern(one)]
    if len(patterns) > _MOST_PATTERNS:
        raise Invalid(f"{len(patterns)} names have * or ?, and one request may hold {_MOST_PATTERNS} such")
    for pattern in patterns:
        if len(pattern) > _LONGEST_PATTERN:
            raise Invalid(f"a name with * or ? has at most {_LONGEST_PATTERN} letters, not {len(pattern)}")
    found = {name for name in asked if name in present}
    for pattern in patterns:
        found.update(name for name in present if fnmatch.fnmatchcase(name, pattern))
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20]) or "none"
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")
