"""Reports of imports: how many are kept, and how much of what was refused; media that imports may name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.domain.errors import Misconfigured
from weft.settings.setting import at_least, is_timeout, setting


@dataclass(frozen=True, slots=True)
class ImportSettings:
    most_reports: int = setting(
        "import_reports",
        "WEFT_IMPORT_REPORTS",
        200,
        "reports of imports that are kept, the latest; 0: none are made",
    )
    pause_s: float = setting(
        "import_pause",
        "WEFT_IMPORT_PAUSE",
        60.0,
        "time without a batch of the same caller into the same collection after which the next begins another import",
    )
    rejected_bytes: int = setting(
        "import_rejected_bytes",
        "WEFT_IMPORT_REJECTED_BYTES",
        128 << 20,
        "bytes on disk of refused objects that are kept to be imported again, of all imports together; one may take "
        "half of it",
    )

    def __post_init__(self) -> None:
        at_least(0, import_reports=self.most_reports, import_rejected_bytes=self.rejected_bytes)
        is_timeout(import_pause=self.pause_s)


@dataclass(frozen=True, slots=True)
class MediaReferenceSettings:
    folders: tuple[str, ...] = setting(
        "media_folders",
        "WEFT_MEDIA_FOLDERS",
        (),
        "folders, comma-separated, of which callers that may store objects may name files as values of `blob` "
        "properties (`file:///folder/image.png`); empty: none",
    )
    hosts: tuple[str, ...] = setting(
        "media_hosts",
        "WEFT_MEDIA_HOSTS",
        (),
        "hosts, as host or host:port, from which such values may be fetched (`https://host/image.png`), wherever they "
        "are; `*`: all that are public; empty: none",
    )

    def __post_init__(self) -> None:
        for folder in self.folders:
            if not Path(folder).is_absolute():
                raise Misconfigured(f"media_folders must be absolute paths, not {folder!r}")
        for host in self.hosts:
            if "/" in host or "@" in host:
                raise Misconfigured(f"media_hosts must be hosts like example.com or example.com:8443, not {host!r}")
