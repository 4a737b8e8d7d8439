"""The examples run: the quickstart, and each page's Python, which prints what its comments say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from server import Server

ROOT = Path(__file__).parents[2]
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "```python\n" in page.read_text(encoding="utf-8")]
_TIMEOUT_S = 300
OPTIONAL = {"mcp", "pyarrow"}
"""Packages that only an extra brings."""


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def imports(page: Path) -> list[str]:
    return re.findall(r"^(?:import|from) .*$", "".join(blocks(page)), re.MULTILINE)


def python(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:Dep031", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        timeout=_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    for package in OPTIONAL & {line.split()[1].partition(".")[0] for line in imports(page)}:
        pytest.importorskip(package)
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page)), encoding="utf-8")
    expected = re.findall(r"^print\(.*\)  # (.*)$", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert python("page.py", folder=tmp_path).splitlines() == expected


def test_the_readme_is_true(tmp_path: Path) -> None:
    served, embedded = blocks(ROOT / "README.md")
    with Server(tmp_path / "data") as server:
        ports = f"port={server.rest_port}, grpc_port={server.grpc_port}, skip_init_checks=True"
        (tmp_path / "served.py").write_text(served.replace("connect_to_local()", f"connect_to_local({ports})"))
        assert python("served.py", folder=tmp_path) == "{'title': 'Rockets carry satellites'}\n"
    (tmp_path / "embedded.py").write_text(embedded)
    assert python("embedded.py", folder=tmp_path) == ""
    assert (tmp_path / "my-data").is_dir()


def test_the_quickstart_imports_and_searches(tmp_path: Path) -> None:
    printed = python(
        str(ROOT / "examples/quickstart.py"), "--documents", "150", "--keep", str(tmp_path / "kept"), folder=tmp_path
    )
    assert "150 objects stored in " in printed
    assert len(re.findall(r"^by (meaning|keyword|both).* ms\)$", printed, re.MULTILINE)) == 4
    assert len(re.findall(r"^  (distance|score) \d+\.\d{3}  \w", printed, re.MULTILINE)) >= 4
    assert (tmp_path / "kept").is_dir()
