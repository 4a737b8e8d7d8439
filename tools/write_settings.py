"""Writes what follows from ``weft.config.Settings``: ``python tools/write_settings.py``.

That is the tables of docs/settings.md, whose own words stand before and after the tables and stay, and the types of the
settings that ``weft.connect`` takes.
"""

from __future__ import annotations

import re
from pathlib import Path

from weft.config import Settings
from weft.settings.setting import Setting, sections

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "settings.md"
TYPES = _ROOT / "src" / "weft" / "embedded" / "settings.py"
_TYPES_HEAD = '''"""Settings of a server by key, for editors and type checkers, by ``tools/write_settings.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class ConnectSettings(TypedDict, total=False):
'''
_NOT_TAKEN = ("host", "data_path")
"""By ``weft.connect``, as is TLS."""
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


def types() -> str:
    """The module of the types of today's settings."""
    known = [
        one
        for title, settings in sections(Settings)
        for one in settings
        if one.key not in _NOT_TAKEN and not one.key.startswith(("tls_", "grpc_cert", "grpc_key", "grpc_ca"))
    ]
    return _TYPES_HEAD + "".join(f"    {one.key}: {_type(one.default)}\n" for one in known)


def _type(default: object) -> str:
    if isinstance(default, tuple):
        return "Sequence[str] | str"
    return type(default).__name__


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    TYPES.write_text(types(), encoding="utf-8")
