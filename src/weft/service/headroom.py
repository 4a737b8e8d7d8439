"""Headroom: whether there is memory and disk for more data.

Above a share of either that the settings name, whatever adds data is refused: objects, references, collections,
tenants, restores, classifications, rebuilt indexes. Searches and deletions continue. It is looked at when data are to
be added, at most twice a second, so that the server takes data again by itself as soon as there is room.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from weft.domain.cluster import ProcessFacts
from weft.domain.errors import ReadOnly
from weft.engine import machine
from weft.engine.machine import Used
from weft.settings.resources import ResourceSettings

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.5
_LOOKED_AT_BYTES: Final = 16 << 20
"""What needs less is not looked at by itself."""
_TRIM_EVERY_S: Final = 5.0
_WARN_EVERY_S: Final = 60.0

Measure = Callable[[], "Used | None"]


class Headroom:
    """``folder``: that of the data. ``others``: the ids of further processes whose memory counts."""

    def __init__(
        self, settings: ResourceSettings, folder: Path, others: Callable[[], Iterable[int]] = lambda: ()
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._others = others
        self._lock = threading.Lock()
        self._looked_at = self._trimmed_at = self._warned_at = -1e9
        self._refusal: str | None = None

    def processes(self) -> tuple[ProcessFacts, ...]:
        """This one, and the others in their order."""
        own = os.getpid()
        named = [("primary", own), *((f"worker {n}", pid) for n, pid in enumerate(self._others(), 1))]
        return tuple(ProcessFacts(name, pid, machine.process_memory(pid)) for name, pid in named)

    def memory(self) -> Used | None:
        """Of this process and the others, and the limit of it; None: unknown on this system."""
        return machine.memory(self._others())

    def disk(self) -> Used | None:
        """None where it cannot be looked at."""
        try:
            return machine.disk(self._folder)
        except OSError:
            return None

    @property
    def refusal(self) -> str | None:
        """Why nothing is added now; None where data are taken."""
        with self._lock:
            if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                self._look()
                self._looked_at = time.monotonic()
            return self._refusal

    def check_room(self, needed: int = 0) -> None:
        """For what adds data, and needs about so many bytes of memory meanwhile. Raises ReadOnly."""
        refusal = self.refusal
        if refusal is None and needed >= _LOOKED_AT_BYTES and self._settings.memory_readonly:
            found = self.memory()
            if found is not None and found.used + needed > found.total * self._settings.memory_readonly / 100:
                refusal = (
                    f"this needs about {needed >> 20} MiB of memory, more than there is below "
                    f"{self._settings.memory_readonly}% of {found.total >> 20} MiB (MEMORY_READONLY_PERCENTAGE); send "
                    "it in smaller parts"
                )
        if refusal is not None:
            raise ReadOnly(f"store is read-only: {refusal}")

    def check_disk(self, needed: int) -> None:
        """For what adds about so many bytes of files. Raises ReadOnly."""
        found, limit = self.disk(), self._settings.disk_readonly or 100
        if found is not None and found.used + needed > found.total * limit / 100:
            raise ReadOnly(
                f"store is read-only: this needs about {_mib(needed)} MiB of the disk, more than there is below "
                f"{limit}% of {_mib(found.total)} MiB (DISK_USE_READONLY_PERCENTAGE); delete objects, make room, or "
                "have the limit raised"
            )

    def _look(self) -> None:
        settings, now = self._settings, time.monotonic()
        found = self.memory()
        if _over(found, settings.memory_readonly) and now - self._trimmed_at >= _TRIM_EVERY_S:
            self._trimmed_at = now
            machine.return_freed_memory()
            found = self.memory()
        disk = self.disk()
        before, self._refusal = self._refusal, None
        if _over(found, settings.memory_readonly):
            self._refusal = _reason("memory", found, settings.memory_readonly, "MEMORY_READONLY_PERCENTAGE")
        elif _over(disk, settings.disk_readonly):
            self._refusal = _reason("the disk", disk, settings.disk_readonly, "DISK_USE_READONLY_PERCENTAGE")
        if (before is None) != (self._refusal is None):
            _log.warning("nothing is added: %s", self._refusal) if self._refusal else _log.info("data are taken again")
        for name, used, percentage in (
            ("memory", found, settings.memory_warning),
            ("disk", disk, settings.disk_warning),
        ):
            if used is not None and _over(used, percentage) and now - self._warned_at >= _WARN_EVERY_S:
                self._warned_at = now
                _log.warning("%s is used to %.1f%%; a warning is due above %d%%", name, used.percent, percentage)


def _mib(size_bytes: int) -> int:
    """Rounded up."""
    return -(-size_bytes >> 20)


def _over(used: Used | None, percentage: int) -> bool:
    return used is not None and percentage > 0 and used.percent > percentage


def _reason(what: str, used: Used | None, percentage: int, setting: str) -> str:
    assert used is not None
    return (
        f"{what} is used to {used.percent:.1f}%, and above {percentage}% nothing is added ({setting}); delete objects, "
        "make room, or have the limit raised"
    )
