"""Plug-ins of other packages: found by their metadata, imported late, refused where their names clash."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import packages
from weft.domain.errors import Invalid, Misconfigured
from weft.plugins import DRIVERS, MODULES, find_plugins

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(package, code, {name: attribute})``: a package that is importable, with entry points."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def add(package: str, code: str, names: dict[str, str], group: str = MODULES) -> None:
        packages.install(tmp_path, package, code, names, group)
        made.append(package)

    yield add
    for package in made:
        sys.modules.pop(package, None)


def test_a_plugin_is_found_by_its_name_and_imported_when_it_is_loaded(install: Install) -> None:
    install("weft_fine", "class Thing:\n    pass\n", {"thing": "Thing"})
    plugin = find_plugins(MODULES)["thing"]
    assert str(plugin) == "plug-in thing of the package weft_fine 1.5"
    assert "weft_fine" not in sys.modules
    assert plugin.load().__name__ == "Thing"


def test_each_group_has_its_own(install: Install) -> None:
    install("weft_driver", "def open_it(): ...\n", {"elsewhere": "open_it"}, DRIVERS)
    assert "elsewhere" in find_plugins(DRIVERS)
    assert "elsewhere" not in find_plugins(MODULES)


def test_a_name_that_weft_has_itself_is_refused(install: Install) -> None:
    install("weft_greedy", "class Mine: ...\n", {"text2vec-openai": "Mine"})
    with pytest.raises(Misconfigured, match=r"plug-in text2vec-openai of the package weft_greedy 1\.5 has a name that"):
        find_plugins(MODULES, {"text2vec-openai"})


def test_a_name_of_two_packages_is_refused_with_both(install: Install) -> None:
    install("weft_one", "class Mine: ...\n", {"thing": "Mine"})
    install("weft_two", "class Mine: ...\n", {"thing": "Mine"})
    with pytest.raises(Misconfigured, match=r"weft_(one|two) 1\.5 and weft_(one|two) 1\.5 both have a plug-in thing"):
        find_plugins(MODULES)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_library\n", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise RuntimeError('licence?')\n", "cannot be imported: RuntimeError: licence?"),
        ("raise SystemExit('no licence')\n", "cannot be imported: SystemExit: no licence"),
        ("Other = 1\n", "cannot be imported: AttributeError"),
        ("Thing = 3\n", "names weft_broken:Thing, a int and not a class or function"),
    ],
)
def test_a_broken_plugin_is_named_when_it_is_loaded_and_not_before(install: Install, code: str, message: str) -> None:
    install("weft_broken", code, {"thing": "Thing"})
    install("weft_fine", "class Thing: ...\n", {"other": "Thing"})
    found = find_plugins(MODULES)
    with pytest.raises(Misconfigured, match=rf"plug-in thing of the package weft_broken 1\.5 {message}"):
        found["thing"].load()
    found["other"].load()


def test_what_it_raises_is_its_own_and_errors_of_weft_pass(install: Install) -> None:
    code = "from weft.domain.errors import Invalid\ndef odd(): return 1 / 0\ndef fine(): raise Invalid('as it is')\n"
    code += "def ends(): raise SystemExit(3)\n"
    install("weft_odd", code, {"odd": "odd", "fine": "fine", "ends": "ends"})
    found = find_plugins(MODULES)
    with pytest.raises(Misconfigured, match=r"plug-in odd of the package weft_odd 1\.5 cannot be opened: ZeroDivision"):
        found["odd"].make()
    with pytest.raises(Invalid, match="as it is"):
        found["fine"].make()
    with pytest.raises(
        Misconfigured, match=r"plug-in ends of the package weft_odd 1\.5 cannot be opened: SystemExit: 3"
    ):
        found["ends"].make()
