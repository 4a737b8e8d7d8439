"""A process that follows a server's catalog, while that is changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from weft.catalog.followed import Outdated
from weft.catalog.state import CatalogState
from weft.catalog.tables import stored_state
from weft.domain.errors import OperatorError
from weft.domain.schema import CollectionConfig
from weft.engine.database import PUBLISHED
from weft.engine.drivers import follow_database, open_database
from weft.files.publication import Publication, path_in

CONFIG = CollectionConfig("Thing", (), {}, document={"class": "Thing"})


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return CONFIG


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    database = open_database(tmp_path, parse, durable=False, write_queue=100)
    database.create(CONFIG)
    database.close()
    return Publication(path_in(tmp_path, PUBLISHED))


def test_a_process_starts_while_the_catalog_is_changed(tmp_path: Path, publication: Publication) -> None:
    with publication.change():
        database = follow_database(tmp_path, parse)
        with pytest.raises(OperatorError, match="being changed"):
            database.follow()
        with pytest.raises(OperatorError, match="being changed"):
            database.tidy()
    assert database.find("Thing") is None
    database.tidy()
    assert database.find("Thing") is not None
    database.close()


def test_a_catalog_that_changes_while_it_is_read_is_not_read_until_it_stands_still(
    tmp_path: Path, publication: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a process would do nothing else for as long as tenants come and go quickly."""
    reads = 0

    def changed_meanwhile(*arguments: Any) -> CatalogState:
        nonlocal reads
        reads += 1
        with publication.change():
            return stored_state(*arguments)

    database = follow_database(tmp_path, parse)
    with monkeypatch.context() as patch:
        patch.setattr("weft.catalog.followed.stored_state", changed_meanwhile)
        with pytest.raises(Outdated):
            database.follow()
        assert reads == 1
    database.follow()
    assert database.find("Thing") is not None
    database.close()
