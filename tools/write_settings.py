"""Writes the tables of docs/settings.md from ``weft.config.Settings``: ``python tools/write_settings.py``.

The page's own words stand before and after the tables, and stay.
"""

from __future__ import annotations

import re
from pathlib import Path

from weft.config import Settings
from weft.settings.setting import Setting, sections

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_BEGIN, _END = "<!-- settings -->\n", "<!-- end -->\n"
_TABLE_HEAD = "| key | variable | default | what it sets |\n|---|---|---|---|\n"


def tables() -> str:
    return "\n".join(
        f"## {title}\n\n{_TABLE_HEAD}" + "".join(row(one) + "\n" for one in settings)
        for title, settings in sections(Settings)
    )


def row(setting: Setting) -> str:
    text = default_text(setting.default)
    return f"| `{setting.key}` | `{setting.env}` | {f'`{text}`' if text else ''} | {setting.help} |"


def default_text(default: object) -> str:
    if isinstance(default, tuple):
        return ", ".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def page() -> str:
    """What the page should hold: its words as they are, and the tables of today's settings."""
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(f"{_BEGIN}.*{_END}", lambda match: f"{_BEGIN}\n{tables()}\n{_END}", text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
