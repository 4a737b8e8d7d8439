"""The documents match the code: every setting and command is there, every link leads somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import write_settings
from weft.config import SETTINGS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    assert write_settings.PAGE.read_text(encoding="utf-8") == write_settings.page()
    assert len(re.findall(r"^\| `\w+` \| `\w+` \|", write_settings.tables(), re.MULTILINE)) == len(SETTINGS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_seams_of_the_architecture_are_those_of_the_code() -> None:
    """Every class and function that the seams name exists, each class with the methods that stand below it."""
    found: dict[str, set[str]] = {}
    functions: set[str] = set()
    for file in (ROOT / "src/weft").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                members = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                found.setdefault(node.name, set()).update(members)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.DOTALL)
    names: list[str] = []
    for line in block.splitlines():
        if match := re.match(r"def (\w+)\(", line):
            assert match[1] in functions, line
            continue
        if match := re.match(r"(?:@dataclass )?class ([\w, ]+)", line):
            names = [name.strip() for name in match[1].split(",")]
            assert set(names) <= found.keys(), line
        for method in re.findall(r"\bdef (\w+)\(", line):
            for name in names:
                assert method in found[name], f"{name} has no method {method}"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("serve", "status", "import", "search"):
        assert f"weft {command}" in readme
