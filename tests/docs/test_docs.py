"""The documents match the code: every setting and command is there, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import write_settings
from command import run
from weft.config import SETTINGS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    assert write_settings.PAGE.read_text(encoding="utf-8") == write_settings.page()
    assert write_settings.TYPES.read_text(encoding="utf-8") == write_settings.types()
    assert len(re.findall(r"^\| `\w+` \| `\w+` \|", write_settings.tables(), re.MULTILINE)) == len(SETTINGS)


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            place = document.parent / target if target else document
            assert place.exists(), f"{document.name} links to {target}"
            assert not anchor or anchor in anchors(place), f"{document.name} links to {target}#{anchor}"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^  (\w+) +\w", run("--help").stdout, re.MULTILINE)
    assert len(commands) >= 10
    assert [command for command in commands if f"weft {command}" not in readme] == []
