"""The available engines, and a database over one of them."""

from __future__ import annotations

import inspect
import math
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

from weft.catalog.catalog import Catalog, commit
from weft.catalog.changes import CatalogChange, PutSetting
from weft.catalog.lmdb import LmdbCatalog
from weft.catalog.shared import open_shared
from weft.catalog.state import CatalogState
from weft.domain.address import EngineAddress
from weft.domain.errors import Misconfigured
from weft.engine.database import PUBLISHED, Database, Parse
from weft.engine.driver import Driver
from weft.engine.followed_database import FollowedDatabase
from weft.engine.remote.store import RemoteStore
from weft.engine.shared_database import SharedDatabase
from weft.files.folder_lock import FolderLock
from weft.files.publication import Publication, path_in
from weft.plugins import DRIVERS, find_plugins

EMBEDDED: Final = "embedded"
_SETTING: Final = "engine"
"""The key of the driver's name in the catalog."""
_CLAIM: Final = "catalog id"
"""The key of the catalog's id in the catalog."""
_BUILT_IN: Final = {
    EMBEDDED: "weft.engine.embedded.driver:EmbeddedDriver",
    "milvus": "weft.engine.milvus.driver:milvus_driver",
    "qdrant": "weft.engine.qdrant.driver:QdrantDriver",
}
_STORES: Final = {
    "milvus": "weft.engine.milvus.driver:open_store",
    "qdrant": "weft.engine.qdrant.driver:open_store",
}
"""What opens a client alone."""


def driver_class(name: str) -> Callable[..., Driver]:
    """The factory of that driver, Weft's own or a plug-in's. Raises Misconfigured, also where one of Weft's own needs a
    package that is not installed."""
    plugins = find_plugins(DRIVERS, _BUILT_IN)
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        with _naming_extra(name):
            made: Callable[..., Driver] = getattr(import_module(module), attribute)
        return made
    if name not in plugins:
        known = ", ".join(sorted({*_BUILT_IN, *plugins}))
        raise Misconfigured(
            f"there is no engine {name!r}; choose one of {known} (WEFT_ENGINE=NAME, or NAME://HOST:PORT)"
        )
    return plugins[name].load()


@contextmanager
def _naming_extra(name: str) -> Iterator[None]:
    """The extra that installs what the engine ``name`` needs is called as the engine."""
    try:
        yield
    except ModuleNotFoundError as error:
        if name not in _BUILT_IN or (error.name or "").partition(".")[0] == "weft":
            raise
        raise Misconfigured(
            f"the engine {name!r} needs the package {error.name}, which is not installed; install it with "
            f"pip install 'weft[{name}]'"
        ) from error


def open_database(
    folder: Path,
    parse: Parse,
    *,
    durable: bool,
    write_queue: int,
    expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
    most_open_tenants: int = 0,
    engine: str = EMBEDDED,
    catalog: str = "",
) -> Database:
    """The database of the data folder ``folder``. ``engine`` is a driver's name, or an address that begins with it.
    ``catalog``: the address of one that several servers share; empty: it is in the folder.

    A driver is made with ``folder``, and those of these that it has parameters for, by name: ``durable``,
    ``write_queue``, ``expiry_schedule``, ``most_open_tenants``; ``address``, the whole address, secrets included, for
    an engine that is another server; ``catalog``; ``claim``, the catalog's id, by which a driver notices that the
    engine holds the collections of another catalog; and ``leads``, a function: whether this server is the one that does
    what only one of those with the catalog should do, as to delete what has expired.

    Raises Locked when it is open elsewhere, CorruptData, Misconfigured, OperatorError.
    """
    address = EngineAddress.of(engine)
    make = driver_class(address.driver)
    takes = _takes(make, address)
    if catalog and address.driver == EMBEDDED:
        raise Misconfigured(
            "the engine 'embedded' is in the data folder, which one server has, so its catalog is there, too: leave "
            "out WEFT_CATALOG, or set WEFT_ENGINE to the address of an engine that several servers reach"
        )
    with ExitStack() as undo:
        home = undo.enter_context(FolderLock(folder))
        offered: dict[str, object] = {
            "durable": durable,
            "write_queue": write_queue,
            "expiry_schedule": expiry_schedule,
            "most_open_tenants": most_open_tenants,
            "address": address.url,
            "leads": lambda: True,
        }

        def driver(opened: Catalog) -> Driver:
            _claim(opened, address.driver)
            offered["catalog"] = opened
            if takes("claim"):
                offered["claim"] = catalog_id(opened)
            with _naming_extra(address.driver):
                return make(folder, **{name: value for name, value in offered.items() if takes(name)})

        if catalog:
            shared, members = open_shared(catalog)
            undo.callback(shared.close)
            offered["leads"] = lambda: members.leads
            database: Database = SharedDatabase(home, shared, members, driver(shared), parse)
        else:
            own = LmdbCatalog(folder, sync=durable)
            undo.callback(own.close)
            database = Database(home, own, driver(own), parse, Publication(path_in(folder, PUBLISHED)))
        undo.pop_all()
        return database


def clear_engine(engine: str) -> None:
    """Delete all that begins with the prefix of the address ``engine``, from whichever catalog. Does nothing for an
    engine that has no address, and for a plug-in's. Raises Misconfigured, OperatorError."""
    address = EngineAddress.of(engine)
    if address.driver not in _STORES:
        return
    module, _, attribute = _STORES[address.driver].partition(":")
    with _naming_extra(address.driver):
        opened: RemoteStore = getattr(import_module(module), attribute)(address.url)
    with closing(opened) as store:
        store.clear()


def _takes(make: Callable[..., Driver], address: EngineAddress) -> Callable[[str], bool]:
    """Whether ``make`` has a parameter of a name. Raises Misconfigured when the address is missing, or of no use."""
    parameters = inspect.signature(make).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if "address" in parameters and not address.url:
        raise Misconfigured(
            f"the engine {address.driver!r} needs its address: WEFT_ENGINE={address.driver}://HOST:PORT"
        )
    if address.url and "address" not in parameters and not takes_any:
        raise Misconfigured(f"the engine {address.driver!r} has no address: WEFT_ENGINE={address.driver}")
    return lambda name: takes_any or name in parameters


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


def catalog_id(catalog: Catalog) -> str:
    """16 hex digits, made once for each catalog."""

    def make(state: CatalogState) -> list[CatalogChange]:
        return [PutSetting(_CLAIM, state.settings.get(_CLAIM) or secrets.token_hex(8))]

    known = catalog.read().settings.get(_CLAIM)
    return str(known or commit(catalog, make).settings[_CLAIM])


def follow_database(folder: Path, parse: Parse, *, engine: str = EMBEDDED) -> FollowedDatabase:
    """The database of the data folder ``folder``, which a server in another process has open; it is read only.

    Raises Misconfigured for an engine that has no files to follow, OperatorError where there is no server.
    """
    if engine != EMBEDDED:
        raise Misconfigured(f"the engine {EngineAddress.of(engine).public!r} cannot be followed by other processes")
    from weft.engine.embedded.following.driver import FollowingDriver

    return FollowedDatabase(folder, FollowingDriver, parse)
