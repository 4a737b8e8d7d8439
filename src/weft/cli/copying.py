"""``weft copy``: a collection under another name on the same server, with vectors, references, tenants and times.

It is ``weft move`` from a server to itself. Nothing of an unfinished copy is kept beside it: what is started again
continues nothing, and refuses a target that has objects.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import orjson

from weft.cli.move.copying import Copying
from weft.cli.move.journal import Journal
from weft.cli.move.opening import open_source, open_target, place_of
from weft.cli.move.rejections import Rejections
from weft.domain.counts import counted
from weft.domain.errors import Conflict, Invalid
from weft.domain.names import collection_name


def copy(arguments: argparse.Namespace) -> int:
    """0 when every object was copied, otherwise 1."""
    name, other = collection_name(arguments.collection), collection_name(arguments.name)
    if not other or name == other:
        raise Invalid("name the copy differently: weft copy COLLECTION NAME")
    address = place_of(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="weft-copy-") as folder,
        open_target(address, arguments.ca_certificate) as target,
        open_source(address, arguments.ca_certificate) as source,
    ):
        if target.document(other) is not None:
            raise Conflict(f"there is a collection {other} already; name the copy differently, or delete that one")
        journal = Journal(Path(folder) / "journal.json", address.text, address.text)
        rejected = Path(arguments.rejected or f"{other}.rejected.jsonl")
        rejections = Rejections(rejected, journal)
        try:
            (copied,) = Copying(source, target, journal, rejections).run(source.collections({name: other}, target))
        finally:
            rejections.close()
    if arguments.json:
        report = {"collection": name, "copy": other, "stored": copied.stored, "rejected": copied.rejected}
        print(orjson.dumps(report).decode())
    else:
        print(f"{other}: {counted(copied.stored, 'object')} copied from {name}, {copied.rejected:,} rejected")
        if copied.rejected:
            print(f"Rejected objects are in {rejected}, each with its error.")
    return 1 if copied.rejected else 0
