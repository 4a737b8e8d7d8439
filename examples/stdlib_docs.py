"""A corpus that every machine has: the docstrings of Python's standard library."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = {"test", "tests", "idlelib", "lib2to3", "site-packages", "__pycache__", "turtledemo", "ensurepip"}
_SHORTEST = 60


@dataclass(frozen=True, slots=True)
class Doc:
    """``name`` is dotted; ``kind`` is module, class or function."""

    name: str
    kind: str
    module: str
    text: str


def stdlib_docs(limit: int | None = None) -> list[Doc]:
    """Docstrings of at least 60 characters, in a fixed order, none twice; or ``limit`` of them, evenly spread."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: list[Doc] = []
    seen: set[str] = set()
    for file in sorted(root.rglob("*.py")):
        if _SKIPPED & set(file.relative_to(root).parts):
            continue
        for doc in _docs(file, ".".join(file.relative_to(root).with_suffix("").parts)):
            if len(doc.text) >= _SHORTEST and doc.text not in seen:
                seen.add(doc.text)
                found.append(doc)
    if limit is None or limit >= len(found):
        return found
    return [found[i * len(found) // limit] for i in range(limit)]


def _docs(file: Path, module: str) -> Iterator[Doc]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return
    yield from _walk(tree, module.removesuffix(".__init__"), module.removesuffix(".__init__"))


def _walk(node: ast.AST, name: str, module: str) -> Iterator[Doc]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node)
        if text:
            kind = {ast.Module: "module", ast.ClassDef: "class"}.get(type(node), "function")
            yield Doc(name, kind, module, text)
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _walk(child, f"{name}.{child.name}", module)
