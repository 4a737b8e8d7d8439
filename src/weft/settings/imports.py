"""Reports of imports: how many are kept, and how much of what was refused."""

from __future__ import annotations

from dataclasses import dataclass

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
