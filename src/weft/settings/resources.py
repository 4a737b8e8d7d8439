"""How full memory and disk may be before the server takes no more data."""

from __future__ import annotations

from dataclasses import dataclass

from weft.domain.errors import Misconfigured
from weft.settings.setting import setting


@dataclass(frozen=True, slots=True)
class ResourceSettings:
    """Percentages; 0: never."""

    disk_warning: int = setting(
        "disk_use_warning_percentage",
        "DISK_USE_WARNING_PERCENTAGE",
        80,
        "share of the disk in percent above which a warning is logged; 0: none",
    )
    disk_readonly: int = setting(
        "disk_use_readonly_percentage",
        "DISK_USE_READONLY_PERCENTAGE",
        90,
        "share of the disk in percent above which nothing is added; 0: none",
    )
    memory_warning: int = setting(
        "memory_warning_percentage",
        "MEMORY_WARNING_PERCENTAGE",
        80,
        "share of the memory in percent above which a warning is logged; 0: none",
    )
    memory_readonly: int = setting(
        "memory_readonly_percentage",
        "MEMORY_READONLY_PERCENTAGE",
        90,
        "share of the memory in percent above which nothing is added; 0: none",
    )

    def __post_init__(self) -> None:
        for key, value in (
            ("disk_use_warning_percentage", self.disk_warning),
            ("disk_use_readonly_percentage", self.disk_readonly),
            ("memory_warning_percentage", self.memory_warning),
            ("memory_readonly_percentage", self.memory_readonly),
        ):
            if not 0 <= value <= 100:
                raise Misconfigured(f"{key} must be a percentage from 0 to 100, not {value}")
