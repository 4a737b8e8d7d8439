"""Writes the table of docs/settings.md from ``weft.config.Settings``: ``python tools/write_settings.py``."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from weft.config import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_ROW = re.compile(r"(?:^\| `.*\|\n)+", re.MULTILINE)


def row(setting: Field[Any]) -> str:
    shown = default_text(setting.default)
    default = f"`{shown}`" if shown else ""
    return f"| `{setting.name}` | `{setting.metadata['env']}` | {default} | {setting.metadata['help']} |"


def default_text(default: Any) -> str:
    if isinstance(default, tuple):
        return ", ".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def main() -> None:
    rows = "".join(row(setting) + "\n" for setting in fields(Settings))
    PAGE.write_text(_ROW.sub(lambda match: rows, PAGE.read_text(encoding="utf-8"), count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
