"""The audit log: where it goes."""

from __future__ import annotations

from dataclasses import dataclass

from weft.settings.setting import one_of, setting

FILE, STDOUT = "file", "stdout"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    log: str = setting(
        "audit_log",
        "AUDIT_LOG",
        "",
        "where each use of the server is recorded, allowed or refused: `file`, `stdout`; empty: nowhere",
    )
    path: str = setting("audit_log_path", "WEFT_AUDIT_LOG_PATH", "", "the file; empty: `audit.log` in the data folder")

    @property
    def is_printed(self) -> bool:
        return self.log == STDOUT

    def __post_init__(self) -> None:
        one_of(("", FILE, STDOUT), audit_log=self.log)
