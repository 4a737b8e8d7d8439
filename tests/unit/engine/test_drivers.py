from __future__ import annotations

from pathlib import Path

import pytest

from weft.domain.errors import Locked, Misconfigured
from weft.domain.schema import CollectionConfig
from weft.engine.drivers import driver_class, open_database
from weft.engine.embedded.driver import EmbeddedDriver


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
