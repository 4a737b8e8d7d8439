"""Imports point down: wire → service → engine → files; domain and compiled import nothing of other rooms."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import weft

ROOT = Path(weft.__file__).parent

ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "settings": {"domain"},
    "compiled": set(),
    "files": {"domain"},
    "catalog": {"domain", "files"},
    "imports": {"domain", "files"},
    "plugins": {"domain"},
    "engine": {"domain", "compiled", "files", "catalog", "protocol", "plugins"},
    "modules": {"domain", "compiled", "settings", "plugins"},
    "access": {"domain", "files", "settings"},
    "jobs": {"domain", "files", "catalog", "engine", "plugins"},
    "evaluation": {"domain"},
    "service": {"domain", "access", "modules", "engine", "jobs", "imports", "settings", "plugins", "evaluation"},
    "wire": {"domain", "compiled", "access", "service", "imports", "protocol", "settings", "evaluation"},
    "checks": {"domain", "files", "catalog", "engine", "access", "jobs", "service"},
    "conformance": {"domain", "catalog", "engine"},
    "cli": {"conformance", "domain", "compiled", "settings", "config", "app", "protocol", "modules", "checks"},
    "protocol": set(),
    "config": {"domain", "settings"},
    "workers": {"domain", "config", "engine", "wire"},
    "worker": {"cli", "compiled", "domain", "replica", "wire", "workers"},
    "app": {
        *("domain", "compiled", "config", "metrics", "metrics_server"),
        *("engine", "modules", "access", "service", "wire", "workers"),
    },
    "replica": {"domain", "compiled", "config", "engine", "modules", "access", "service", "wire"},
    "metrics": {"domain"},
    "metrics_server": {"domain"},
    "embedded": {"app", "config", "domain"},
    "pytest_plugin": {"embedded"},
}
"""For each room, the rooms that it may import beside itself."""


SHARED = {("wire", "weft.engine.encoding"), ("wire", "weft.engine.record")}
"""The stored form of properties is the form of a reply, so the wire reads it, and where it is in a record."""


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


def test_what_is_above_the_engines_knows_none_of_them() -> None:
    """The service, the jobs and the wires see the protocols of ``engine`` alone."""
    found = {
        file.relative_to(ROOT).as_posix()
        for room in ("service", "jobs", "wire", "access", "modules", "cli")
        for file in (ROOT / room).rglob("*.py")
        if any(name.startswith("weft.engine.embedded") for name in imports(file))
    }
    assert not found


def test_a_room_reads_its_own_group_of_settings() -> None:
    readers = {
        "server": {"wire", "service", "cli"},
        "access": {"access"},
        "collections": {"service"},
        "limits": {"service"},
        "resources": {"service"},
        "archives": {"service"},
        "imports": {"service"},
        "modules": {"modules", "cli"},
        "storage": set(),
        "tls": {"wire"},
        "audit": {"access"},
        "usage": {"service"},
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


WIRES: dict[str, set[str]] = {
    "json": set(),
    "grpc": set(),
    "graphql": {"json"},
    "mcp": {"json"},
    "rest": {"json", "graphql", "mcp"},
}
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


def name_of(file: Path) -> str:
    return ".".join(("weft", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def needed(file: Path, modules: Collection[str]) -> set[str]:
    """The modules that ``file`` imports at its head or in its functions; what only types need does not count."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(name if name in modules else str(node.module) for name in whole)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text(encoding="utf-8")))
    return {name for name in found if name in modules}


def test_no_imports_go_in_a_circle() -> None:
    """Not even late ones, inside functions: files that need each other are one file, or lack a third."""
    files = {
        name_of(file): file for file in sorted(ROOT.rglob("*.py")) if file.parent != ROOT or file.stem != "__init__"
    }
    left = {name: needed(file, files) - {name} for name, file in files.items()}
    while free := {name for name, imported in left.items() if not imported & left.keys()}:
        left = {name: imported for name, imported in left.items() if name not in free}
    while free := left.keys() - set().union(*left.values()):
        left = {name: imported for name, imported in left.items() if name not in free}
    assert not left, "\n".join(f"{name} imports {sorted(needs & left.keys())}" for name, needs in left.items())


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
        "service/classification",
        "service/indexes",
        "front",
        "jobs",
        "settings",
    ):
        assert f"`{room}/`" in text


COMPLETE = {"Part", "View", "ServedCollection", "OpenCollection", "CollectionFiles", "Driver", "Catalog", "VectorIndex"}
"""Classes of which ARCHITECTURE.md lists every public member."""


def members(node: ast.ClassDef) -> dict[str, list[str] | None]:
    """The public members of a class by name: the parameters of a method, None for what is an attribute."""
    found: dict[str, list[str] | None] = {}
    for one in node.body:
        match one:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Expr(value=ast.Name(id=name)):
                found[name] = None
            case ast.FunctionDef(name=name, decorator_list=decorators):
                arguments = [*one.args.args, *one.args.kwonlyargs]
                is_property = any(ast.unparse(decorator) == "property" for decorator in decorators)
                found[name] = None if is_property else [one.arg for one in arguments if one.arg not in ("self", "cls")]
    return {name: parameters for name, parameters in found.items() if not name.startswith("_")}


def test_the_seams_are_as_described() -> None:
    """Each class of the code blocks in ARCHITECTURE.md has the members and parameters that stand there."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT.parents[1] / "ARCHITECTURE.md").read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    one_a_line = "\n".join(lines).replace("; def", "\n    def")
    source = re.sub(r"def (\w+)\(([^)]*)\)", r"def \1(\2): ...", one_a_line)
    described = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    assert described.keys() >= COMPLETE
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted(ROOT.rglob("*.py"))]
    classes = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    for name, node in described.items():
        real, stated = members(classes[name]), members(node)
        assert stated.items() <= real.items(), f"{name}: {[one for one in stated.items() if one not in real.items()]}"
        assert name not in COMPLETE or stated == real, f"{name} lacks {real.keys() - stated.keys()}"
