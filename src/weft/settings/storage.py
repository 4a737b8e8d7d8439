"""The data folder: writing, open tenants and expiry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weft.domain import schedule
from weft.domain.address import EngineAddress
from weft.domain.errors import Misconfigured
from weft.settings.setting import at_least, setting


@dataclass(frozen=True, slots=True)
class StorageSettings:
    data_path: Path = setting("data_path", "PERSISTENCE_DATA_PATH", Path("weft-data"), "folder that holds all data")
    engine: str = setting(
        "engine",
        "WEFT_ENGINE",
        "embedded",
        "what stores the objects: `embedded`; the address of another server, whose scheme names the driver, as "
        "`qdrant://host:6333`; or the name of a plug-in's driver",
    )
    catalog: str = setting(
        "catalog",
        "WEFT_CATALOG",
        "",
        "the database that several servers share for schema, tenants, aliases, users, roles and jobs, as "
        "`postgresql://user@host/database?schema=weft`; empty: the data folder, for one server",
    )
    durable: bool = setting("durable", "WEFT_DURABLE", True, "sync each commit to the disk before it is acknowledged")
    write_queue: int = setting(
        "write_queue", "WEFT_WRITE_QUEUE", 200_000, "objects that may wait to be written to one shard"
    )
    max_open_tenants: int = setting(
        "max_open_tenants",
        "WEFT_MAX_OPEN_TENANTS",
        0,
        "tenants that are open at a time; 0: as many as the process may open files for",
    )
    expiry: str = setting(
        "objects_ttl_delete_schedule",
        "OBJECTS_TTL_DELETE_SCHEDULE",
        "@every 1m",
        "when expired objects are deleted: a cron expression, `@every 5m`, `@hourly`, `@daily`; empty: never",
    )

    def __post_init__(self) -> None:
        at_least(1, write_queue=self.write_queue)
        at_least(0, max_open_tenants=self.max_open_tenants)
        EngineAddress.of(self.engine)
        self.expiry_schedule()  # reports an invalid schedule at the start

    def expiry_schedule(self) -> schedule.Schedule:
        try:
            return schedule.parse(self.expiry)
        except Misconfigured as error:
            raise Misconfigured(f"objects_ttl_delete_schedule: {error.message}") from None
