"""The page on how we write quotes this repository: every quoted line is in the file that the quotation names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-we-write.md").read_text(encoding="utf-8")
QUOTATIONS = re.findall(r"^```py\n# (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("file", "lines"), QUOTATIONS, ids=[file for file, _ in QUOTATIONS])
def test_quoted_lines_exist(file: str, lines: str) -> None:
    """In the quoted order; the last line of a quotation may end before the line of the file does."""
    source = (ROOT / file).read_text(encoding="utf-8")
    position = 0
    for line in lines.splitlines():
        found = source.find(line, position)
        assert found >= 0, f"{file} has no line {line!r}"
        position = found + len(line)


def test_every_block_names_its_file() -> None:
    assert re.findall(r"^```(\w+)$", PAGE, re.MULTILINE) == ["py"] * len(QUOTATIONS)
