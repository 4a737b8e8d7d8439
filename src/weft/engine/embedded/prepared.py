"""Indexes of a shard that were built beside those in use, and how they take the place of those.

    <shard>/index/inverted/, index/filter/    in use
    <shard>/reindex/building/                 being built
    <shard>/reindex/ready/                    complete as of some doc_id: ``inverted/``, and ``filter/`` if that was
                                              rebuilt as well

They are derived from the store as those in use are, and what they lack is replayed. So any configuration that ready
ones fit may adopt them at any time, also after a crash; and they may be removed at any time.
"""

from __future__ import annotations

from pathlib import Path

from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.inverted import folder
from weft.engine.embedded.index.inverted.fields import fields_of
from weft.files import disk

INVERTED, FILTER = "inverted", "filter"


def building(shard: Path) -> Path:
    return shard / "reindex" / "building"


def sync(shard: Path) -> None:
    """What was built is on the disk."""
    disk.sync_tree(building(shard))


def finish(shard: Path) -> None:
    """What was built is ready, in the place of anything that was. Call it with the turn held. Raises StorageFull,
    OperatorError."""
    with disk.explained(shard):
        _remove_ready(shard)
        building(shard).rename(_ready(shard))
        disk.sync_folder(_ready(shard).parent)


def fits(shard: Path, config: CollectionConfig) -> bool:
    """Whether there are ready indexes that ``config`` would adopt.

    Those of a change that is still to come may have more than ``config`` asks for: they are left alone while the index
    in use serves it. A rebuild has no such change to wait for: what it has more was switched off meanwhile.
    """
    inverted = _ready(shard) / INVERTED
    if not inverted.exists():
        return False
    fields = fields_of(config)
    waits = not (_ready(shard) / FILTER).exists() and folder.covers(shard / "index" / INVERTED, fields)
    return folder.covers(inverted, fields, exactly=waits)


def adopt(shard: Path, config: CollectionConfig) -> frozenset[str]:
    """Puts ready indexes that ``config`` fits in the place of those in use, which must be closed, and are opened next;
    returns which. The inverted index comes last: after a crash, the next opening does what is left to do."""
    adopted: set[str] = set()
    replaced = shard / "reindex" / "replaced"
    if not fits(shard, config):
        if not (_ready(shard) / INVERTED).exists():  # a crash came after the last step
            disk.remove_folder(replaced)
        return frozenset(adopted)
    with disk.explained(shard):
        for name in (FILTER, INVERTED):
            if not (_ready(shard) / name).exists():
                continue
            disk.remove_folder(replaced)
            (shard / "index").mkdir(parents=True, exist_ok=True)
            if (shard / "index" / name).exists():
                (shard / "index" / name).rename(replaced)
            (_ready(shard) / name).rename(shard / "index" / name)
            adopted.add(name)
        disk.sync_folder(shard / "index")
    forget(shard)
    return frozenset(adopted)


def forget(shard: Path) -> None:
    """Removes what was built, ready or not."""
    _remove_ready(shard)
    disk.remove_folder(shard / "reindex")


def _remove_ready(shard: Path) -> None:
    folder.remove(_ready(shard) / INVERTED)
    disk.remove_folder(_ready(shard))


def _ready(shard: Path) -> Path:
    return shard / "reindex" / "ready"
