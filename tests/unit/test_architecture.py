"""Imports point down: wire → service → engine → files; domain imports nothing, modules domain, plugins, settings."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import weft

ROOT = Path(weft.__file__).parent

ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "settings": {"domain"},
    "files": {"domain"},
    "catalog": {"domain", "files"},
    "plugins": {"domain"},
    "engine": {"domain", "files", "catalog", "protocol", "plugins"},
    "modules": {"domain", "settings", "plugins"},
    "access": {"domain", "files", "settings"},
    "jobs": {"domain", "files", "catalog", "engine", "plugins"},
    "service": {"domain", "access", "modules", "engine", "jobs", "settings", "plugins"},
    "wire": {"domain", "access", "service", "protocol", "settings"},
    "cli": {"domain", "settings", "config", "app", "protocol", "modules"},
    "protocol": set(),
    "config": {"domain", "settings"},
    "app": {"domain", "config", "metrics", "engine", "modules", "access", "service", "wire"},
    "metrics": {"domain"},
    "embedded": {"app", "config", "domain"},
}
"""For each room, the rooms that it may import beside itself."""


SHARED = {("wire", "weft.engine.encoding")}
"""The stored form of properties is the form of a reply, so the wire reads it."""


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "weft":
                found |= {f"weft.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("weft.")}


def test_imports_point_down() -> None:
    wrong = []
    files = sorted(ROOT.rglob("*.py"))
    assert files
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        room = parts[0]
        if room in ("__init__", "__main__"):
            continue
        assert room in ALLOWED, f"{room} has no place in the architecture"
        for name in imports(file):
            target = room_of(name)
            if target not in ALLOWED[room] | {room, "__version__"} and (room, name) not in SHARED:
                wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_a_room_reads_its_own_group_of_settings() -> None:
    readers = {
        "server": {"wire", "service", "cli"},
        "access": {"access"},
        "collections": {"service"},
        "archives": {"service"},
        "modules": {"modules", "cli"},
        "storage": set(),
        "setting": {"cli"},
    }
    wrong = []
    for file in sorted(ROOT.rglob("*.py")):
        room = file.relative_to(ROOT).with_suffix("").parts[0]
        for name in imports(file):
            group = name.removeprefix("weft.settings.")
            if group != name and room not in readers[group.split(".")[0]] | {"settings", "config"}:
                wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


WIRES: dict[str, set[str]] = {"json": set(), "grpc": set(), "graphql": {"json"}, "rest": {"json", "graphql"}}
"""For each room of the wire, those of the wire that it may import."""


def test_the_wires_share_json_and_nothing_else() -> None:
    wrong = []
    for wire, allowed in WIRES.items():
        for file in sorted((ROOT / "wire" / wire).rglob("*.py")):
            for name in imports(file):
                parts = name.split(".")
                if parts[1] == "wire" and parts[2] in WIRES and parts[2] not in allowed | {wire}:
                    wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_slow_libraries_wait_for_their_first_use() -> None:
    """A server is ready before it has loaded them."""
    code = "import sys, weft.app; print(*{'graphql', 'numba', 'torch'} & sys.modules.keys())"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not loaded


def test_every_room_is_explained() -> None:
    text = (ROOT.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for room in (
        "domain",
        "files",
        "catalog",
        "engine/embedded/storage",
        "engine/embedded/index/vector",
        "engine/embedded/index/multivector",
        "engine/embedded/index/inverted",
        "engine/embedded/index/filter",
        "engine/text",
        "engine/pooling",
        "engine/embedded",
        "access",
        "jobs",
    ):
        assert f"`{room}/`" in text
