"""The reference engine as a plug-in of another package, so that a server of another process can run on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from command import ENVIRON

_DRIVER = """
from reference.driver import ReferenceDriver

class Driver(ReferenceDriver):
    def __init__(self, folder, **settings):
        super().__init__()
"""


def reference_environ(folder: Path) -> Mapping[str, str]:
    """The environment of a server on the reference engine, which is installed in ``folder``, as pip leaves it."""
    info = folder / "weft_reference-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weft-reference\nVersion: 0.1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[weft.drivers]\nreference = weft_reference:Driver\n", encoding="utf-8")
    (folder / "weft_reference.py").write_text(_DRIVER, encoding="utf-8")
    paths = f"{ENVIRON['PYTHONPATH']}:{folder}:{Path(__file__).parents[1]}"
    return {"PYTHONPATH": paths, "WEFT_ENGINE": "reference"}
