"""Requests for backups, restores and exports are read as Weaviate's clients write them, and wrong types are refused."""

from __future__ import annotations

from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.service.archives.requests import CollectionChoice, Location, NewBackup, NewExport, NewRestore
from weft.wire.rest.archive_requests import new_backup, new_export, new_restore, place
from weft.wire.rest.forms import FORMS


def spelled(form: str, body: JsonObject) -> Any:
    keys = FORMS[form].keys
    assert keys is not None
    return keys.fold(body)


def test_backups() -> None:
    assert new_backup({}) == NewBackup("")
    body: JsonObject = {
        "ID": "one",
        "Include": ["Book"],
        "exclude": None,
        "config": {"Bucket": "b", "path": "/p", "CPUPercentage": 5, "compressionLevel": "BestSpeed"},
        "incremental_base_backup_id": "zero",
        "includeRoles": ["reader"],
        "INCLUDEUSERS": ["*"],
    }
    choice, at = CollectionChoice(include=("Book",)), Location("b", "/p")
    assert new_backup(spelled("Backup", body)) == NewBackup(
        "one", choice, at, "BestSpeed", 5, "zero", roles=("reader",), users=("*",)
    )


def test_restores() -> None:
    assert new_restore({"node_mapping": {"a": "b"}}) == NewRestore()
    body: JsonObject = {"OverwriteAlias": True, "Config": {"RolesOptions": "all", "PATH": "/p", "cpuPercentage": 7}}
    assert new_restore(spelled("Restore", body)) == NewRestore(
        CollectionChoice(), Location("", "/p"), 7, True, "all", ""
    )


def test_exports() -> None:
    body: JsonObject = {"Id": "one", "File_Format": "parquet", "EXCLUDE": ["A*"]}
    assert new_export(spelled("Export", body)) == NewExport("one", "parquet", CollectionChoice(exclude=("A*",)))


def test_places() -> None:
    assert place({"bucket": "", "path": None}) == Location()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"include": [1]}, "include must be an array of names"),
        ({"exclude": {}}, "exclude must be an array of names"),
        ({"include": "Things"}, "array"),
        ({"id": 5}, "must be a string"),
        ({"config": {"PATH": 5}}, "must be a string"),
        ({"config": {"CPUPercentage": "all"}}, "CPUPercentage"),
        ({"config": []}, "must be an object"),
    ],
)
def test_wrong_types(body: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        new_backup(spelled("Backup", body))
    assert said in caught.value.message
