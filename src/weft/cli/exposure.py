"""What of a server others can read or reach that they perhaps should not: warnings at its start."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from weft.config import SETTINGS, Settings
from weft.domain.address import has_secrets
from weft.settings.server import is_loopback

_SECRETS: Final = ("apikey_allowed_keys",)


def exposures(settings: Settings, flags: Collection[str], file: Path | None) -> Iterator[str]:
    """A sentence for each. ``flags``: the keys that the command line states; ``file``: the one that holds settings."""
    host = settings.server.host
    if settings.access.anonymous and not is_loopback(host):
        yield f"anyone who can reach {host} may read and change everything; see --anonymous-access"
    elif not is_loopback(host) and (settings.tls.rest is None or settings.tls.grpc is None):
        yield (
            f"keys and data are sent to {host} without encryption; set --tls-certificate and --tls-key, or have a "
            "reverse proxy encrypt them"
        )
    storage = settings.storage
    addresses = {"engine": storage.engine, "catalog": storage.catalog}
    secrets = [*_SECRETS, *(key for key, address in addresses.items() if has_secrets(address))]
    for key in secrets:
        if key in flags:
            yield (
                f"every user of this machine can read --{key.replace('_', '-')} in the list of processes; set "
                f"{SETTINGS[key].env}, or {key} in a file that --config names"
            )
    if file is not None and settings.access.apikeys and _is_open_to_others(file):
        yield f"every user of this machine can read the keys in {file}; take that from them: chmod o-rwx {file}"
    for folder in {settings.storage.data_path, *map(Path, filter(None, [settings.backup.filesystem_path]))}:
        if _is_open_to_others(folder):
            yield f"every user of this machine can look into {folder}; take that from them: chmod o-rwx {folder}"


def _is_open_to_others(path: Path) -> bool:
    """Of users who neither own it nor belong to its group; false where there is no such path."""
    try:
        return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO)
    except OSError:
        return False
