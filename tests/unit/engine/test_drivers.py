from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import packages
from weft.domain.errors import Locked, Misconfigured
from weft.domain.schema import CollectionConfig
from weft.engine import drivers
from weft.engine.database import Database
from weft.engine.drivers import driver_class, open_database
from weft.engine.embedded.driver import EmbeddedDriver
from weft.plugins import DRIVERS


def test_the_embedded_engine_is_one_kind() -> None:
    assert driver_class("embedded") is EmbeddedDriver


def test_an_engine_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no engine 'absent'; choose one of embedded"):
        open_database(tmp_path, lambda document: CollectionConfig("A"), durable=False, write_queue=1, engine="absent")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_opened_lets_go_of_the_folder(tmp_path: Path) -> None:
    opened = open_database(tmp_path, lambda document: CollectionConfig("A"), durable=False, write_queue=1)
    with pytest.raises(Locked):
        open_database(tmp_path, lambda document: CollectionConfig("A"), durable=False, write_queue=1)
    opened.create(CollectionConfig("A", document={"class": "A"}))
    opened.close()

    def unreadable(document: object) -> CollectionConfig:
        raise ValueError("a document of a later version")

    with pytest.raises(ValueError, match="later version"):
        open_database(tmp_path, unreadable, durable=False, write_queue=1)
    open_database(tmp_path, lambda document: CollectionConfig("A"), durable=False, write_queue=1).close()


_REMOTE = """
from reference.driver import ReferenceDriver

MADE = []

class Driver(ReferenceDriver):
    def __init__(self, folder, *, address, claim, leads, catalog, durable):
        super().__init__()
        MADE.append((folder, address, claim, catalog, durable, leads))

class Plain(ReferenceDriver):
    def __init__(self, folder):
        super().__init__()

def lacking(folder, *, address):
    import absent_package
"""


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """A driver of an engine that is another server, one without an address, and one that lacks a package; what was made
    of the first."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = {"remote": "Driver", "plain": "Plain", "lacking": "lacking"}
    packages.install(tmp_path, "weft_remote", _REMOTE, names, DRIVERS)
    yield importlib.import_module("weft_remote").MADE
    del sys.modules["weft_remote"]


def opening(folder: Path, engine: str) -> Database:
    return open_database(folder, lambda document: CollectionConfig("A"), durable=False, write_queue=1, engine=engine)


def test_a_driver_gets_its_address_and_what_it_asks_for(remote: list[tuple[Any, ...]], tmp_path: Path) -> None:
    """The catalog's id is the same wherever the engine is."""
    for url in ("remote://key@host:1/a?b=c", "remote://other"):
        opening(tmp_path / "data", url).close()
    (first, second) = remote
    assert first[:2] == (tmp_path / "data", "remote://key@host:1/a?b=c")
    assert second[1] == "remote://other"
    assert first[2] == second[2] and len(first[2]) == 16 and first[5]()
    assert hasattr(first[3], "lock") and first[4] is False


def test_an_address_is_given_where_there_is_one(remote: list[tuple[Any, ...]], tmp_path: Path) -> None:
    for engine, words in (
        ("remote", "the engine 'remote' needs its address: WEFT_ENGINE=remote://HOST:PORT"),
        ("plain://key@host", "the engine 'plain' has no address: WEFT_ENGINE=plain"),
        ("embedded://key@host", "the engine 'embedded' has no address: WEFT_ENGINE=embedded"),
        ("absent://key@host", "there is no engine 'absent'; choose one of"),
        ("remote://", "lacks its host"),
    ):
        with pytest.raises(Misconfigured, match=words) as refused:
            opening(tmp_path / "data", engine)
        assert "key" not in refused.value.message
    assert not (tmp_path / "data").exists()
    opening(tmp_path / "data", "plain").close()


def test_a_package_that_an_engine_needs_is_named_with_its_extra(
    remote: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(drivers._BUILT_IN, "ours", "weft_remote:lacking")
    with pytest.raises(Misconfigured, match=r"needs the package absent_package.*pip install 'weft\[ours\]'"):
        opening(tmp_path / "data", "ours://host")
    monkeypatch.setitem(drivers._BUILT_IN, "ours", "absent_package.driver:Driver")
    with pytest.raises(Misconfigured, match=r"needs the package absent_package.*pip install 'weft\[ours\]'"):
        driver_class("ours")


def test_collections_stay_in_their_engine(remote: list[tuple[Any, ...]], tmp_path: Path) -> None:
    opened = opening(tmp_path / "data", "remote://key@host")
    opened.create(CollectionConfig("A", document={"class": "A"}))
    opened.close()
    with pytest.raises(Misconfigured, match="in the engine 'remote', not in 'embedded'"):
        opening(tmp_path / "data", "embedded")
