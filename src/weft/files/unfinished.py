"""LMDB files whose making was cut short by a loss of power, before anything was stored in them."""

from __future__ import annotations

import logging
from pathlib import Path

from weft.domain.errors import CorruptData
from weft.files import disk
from weft.files.structure import check_structure

_log = logging.getLogger(__name__)


def remove(path: Path) -> None:
    """Removes ``path`` if it is not whole. For files of which it is known that nothing was acknowledged."""
    if not path.exists():
        return
    try:
        check_structure(path)
    except CorruptData as error:
        _log.warning("%s was not finished when it was made, and is made again (%s)", path, error.facts.get("what"))
        disk.remove_if_free(path)
        disk.remove_if_free(path.with_name(f"{path.name}-lock"))
