"""Misspelt settings of modules are refused when a collection is created."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import weft.modules
from weft.domain.errors import Invalid
from weft.modules.setting_names import KNOWN, check_names

_READ = re.compile(r'(?:text_setting\(settings, |settings\.get\(|number_of\(settings, )"([A-Za-z]+)"')


def test_every_setting_that_a_module_reads_is_known() -> None:
    files = Path(weft.modules.__file__).parent.rglob("*.py")
    read = {name for file in files for name in _READ.findall(file.read_text(encoding="utf-8"))}
    assert len(read) > 20
    assert read - KNOWN == set()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("modell", "model"),
        ("base_url", "baseURL"),
        ("vectorize_class_name", "vectorizeClassName"),
        ("imageField", "imageFields"),
        ("dimension", "dimensions"),
    ],
)
def test_a_misspelt_setting_is_refused(given: str, meant: str) -> None:
    with pytest.raises(Invalid, match=f"the module any has no setting '{given}'; did you mean '{meant}'"):
        check_names("any", [given])


def test_a_setting_that_resembles_none_is_left_alone() -> None:
    check_names("any", ["somethingNew", *KNOWN])
