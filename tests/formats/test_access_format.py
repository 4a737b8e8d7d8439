"""The access file of each format opens, and means what it meant when it was written.

``access-v1.json`` is kept as its version wrote it, with these permissions, roles and users.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from weft.access.permissions import Permission, everything
from weft.access.state import AccessState, UserRecord
from weft.access.store import FILE, AccessStore

GOLDEN = Path(__file__).parent / "access-v1.json"
SECRET = bytes(range(32))
DIGEST = "b3bdade77dc9a2f06addea0be2181ff9527329299b012653279d94dbd956c316"
"""Of ``jane's key``."""

STATE = AccessState(
    (SECRET,),
    {
        "reader": (everything("read_data"), Permission("read_collections", ("Mov*",))),
        "empty": (),
        "operator": (
            everything("manage_backups"),
            Permission("read_nodes", ("minimal", "*")),
            everything("read_cluster"),
            Permission("create_roles", ("team-.*",), "match"),
            Permission("read_groups", ("oidc", "/staff")),
            Permission("read_aliases", ("Movies", "*")),
        ),
    },
    {"db:jane": ("reader",), "oidc:joe": ("operator", "reader"), "group:/staff": ("reader",)},
    {
        "jane": UserRecord(DIGEST, "jan", True, 1767225600.5, 1767225601.25),
        "old": UserRecord(None, "abc", False, 1767225602.0),
    },
    frozenset({"jane"}),
)


def test_the_golden_file_opens(tmp_path: Path) -> None:
    shutil.copy(GOLDEN, tmp_path / FILE)
    store = AccessStore(tmp_path, sync=False)
    assert store.state == STATE
    found = store.find("jane's key")
    assert found is not None and found[0] == "jane"


def test_this_version_writes_it_so(tmp_path: Path) -> None:
    store = AccessStore(tmp_path, sync=False)
    store.change(lambda _: (STATE, None))
    assert (tmp_path / FILE).read_text() == GOLDEN.read_text()
