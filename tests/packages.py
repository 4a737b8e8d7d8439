"""Packages with entry points, as pip leaves them in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, package: str, code: str, names: Mapping[str, str], group: str = "weft.modules") -> None:
    """``package`` of version 1.5: a module of ``code``, whose attributes are entry points of ``group`` by name."""
    (folder / f"{package}.py").write_text(code, encoding="utf-8")
    info = folder / f"{package}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n", encoding="utf-8")
    lines = [f"[{group}]", *(f"{name} = {package}:{attribute}" for name, attribute in names.items())]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
