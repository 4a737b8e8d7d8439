"""The documents match the code: every setting and command is there, every link leads somewhere."""

from __future__ import annotations

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


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("serve", "status", "import", "search"):
        assert f"weft {command}" in readme
