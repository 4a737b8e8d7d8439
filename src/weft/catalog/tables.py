"""The tables of a catalog in one LMDB file: those of ``rows``, each value sealed, and

table         key                                     value (sealed JSON)
meta          b"catalog"                              version: grows with each change; missing in format 1
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.catalog.rows import ALIASES, COLLECTIONS, SETTINGS, SHARDS, Rows, with_rows
from weft.catalog.state import CatalogState
from weft.files import disk
from weft.files.environment import Environment, TableReader, Transaction
from weft.files.format import damaged, seal_json, unseal_json
from weft.files.structure import check_structure

META = b"meta"
TABLES = (META, COLLECTIONS, SHARDS, ALIASES, SETTINGS)
_CATALOG = b"catalog"


class CatalogTables:
    """Opens ``path``, or makes it unless it is ``marked`` to be there; ``numbered``: see ``Environment``.

    Raises CorruptData unless every row is as it was written; ``strictly``: and every page.
    """

    def __init__(self, path: Path, *, sync: bool, marked: bool, numbered: bool, strictly: bool = False) -> None:
        if marked and not path.exists():
            raise damaged(path, "the file is missing")
        if strictly:
            with disk.explained(path):
                check_structure(path)
        self.env = Environment(path, TABLES, sync=sync, numbered=numbered)
        try:
            found = dict(_rows(self.env, META))
            if _CATALOG not in found:
                if marked:
                    raise damaged(path, "it does not hold the catalog that was created in it")
                self.env.write(lambda txn: self._put(txn, META, _CATALOG, {"version": 0}))
            self.version = int(found.get(_CATALOG, {}).get("version", 0))
            self.state = stored_state(self.env, 0)
        except BaseException:
            self.env.abandon()
            raise

    def write(self, rows: Rows) -> None:
        """All or nothing. Raises StorageFull, OperatorError."""
        version = self.version + 1

        def body(txn: Transaction) -> None:
            for (table, key), value in rows.items():
                if value is None:
                    txn.delete(key, db=self.env.tables[table])
                else:
                    self._put(txn, table, key, value)
            self._put(txn, META, _CATALOG, {"version": version})

        self.env.write(body)
        self.version = version

    def close(self) -> None:
        self.env.close()

    def _put(self, txn: Transaction, table: bytes, key: bytes, value: Any) -> None:
        txn.put(key, seal_json(table, key, value), db=self.env.tables[table])


def stored_version(env: TableReader) -> int:
    """How many changes the tables have; 0 in format 1. Raises CorruptData when they are not those of a catalog."""
    found = dict(_rows(env, META))
    if _CATALOG not in found:
        raise damaged(env.path, "it does not hold the catalog that was created in it")
    return int(found[_CATALOG].get("version", 0))


def stored_state(env: TableReader, version: int) -> CatalogState:
    """What the tables hold, as the state ``version``. Raises CorruptData."""
    tables = (COLLECTIONS, SHARDS, ALIASES, SETTINGS)
    rows = ((table, key, value) for table in tables for key, value in _rows(env, table))
    return with_rows(CatalogState(), version, rows)


def _rows(env: TableReader, table: bytes) -> list[tuple[bytes, Any]]:
    def body(txn: Transaction) -> list[tuple[bytes, Any]]:
        with txn.cursor(env.tables[table]) as cursor:
            return [(key, unseal_json(table, key, value, env.path)) for key, value in cursor]

    return env.read(body)
