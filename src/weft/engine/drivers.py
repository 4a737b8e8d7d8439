"""The available engines, and a database over one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from weft.catalog.catalog import Catalog, commit
from weft.catalog.changes import PutSetting
from weft.catalog.lmdb import LmdbCatalog
from weft.domain.errors import Misconfigured
from weft.engine.database import Database, Parse
from weft.engine.driver import Driver
from weft.files.folder_lock import FolderLock
from weft.plugins import DRIVERS, find_plugins

EMBEDDED: Final = "embedded"
_SETTING: Final = "engine"
"""The key of the engine's name in the catalog."""
_BUILT_IN: Final = {EMBEDDED: "weft.engine.embedded.driver:EmbeddedDriver"}


def driver_class(name: str) -> Callable[..., Driver]:
    """The factory of that driver, Weft's own or a plug-in's. Raises Misconfigured."""
    plugins = find_plugins(DRIVERS, _BUILT_IN)
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        made: Callable[..., Driver] = getattr(import_module(module), attribute)
        return made
    if name not in plugins:
        raise Misconfigured(f"there is no engine {name!r}; choose one of {', '.join(sorted({*_BUILT_IN, *plugins}))}")
    return plugins[name].load()


def open_database(
    folder: Path,
    parse: Parse,
    *,
    durable: bool,
    write_queue: int,
    expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
    most_open_tenants: int = 0,
    engine: str = EMBEDDED,
) -> Database:
    """The database of the data folder ``folder``. A driver is made with ``folder`` and these settings by name.

    Raises Locked when it is open elsewhere, CorruptData, Misconfigured, OperatorError.
    """
    make = driver_class(engine)
    home = FolderLock(folder)
    try:
        catalog = LmdbCatalog(folder, sync=durable)
        try:
            _claim(catalog, engine)
            driver = make(
                folder,
                durable=durable,
                write_queue=write_queue,
                expiry_schedule=expiry_schedule,
                most_open_tenants=most_open_tenants,
            )
            return Database(home, catalog, driver, parse)
        except BaseException:
            catalog.close()
            raise
    except BaseException:
        home.release()
        raise


def _claim(catalog: Catalog, engine: str) -> None:
    """Note which engine has the catalog's collections. Raises Misconfigured when another one has them."""
    state = catalog.read()
    known = state.settings.get(_SETTING, EMBEDDED)
    if known == engine:
        return
    if state.collections:
        raise Misconfigured(
            f"the collections of this data folder are in the engine {known!r}, not in {engine!r}: "
            f"set WEFT_ENGINE={known}, or use another data folder"
        )
    commit(catalog, lambda state: [PutSetting(_SETTING, engine)])
