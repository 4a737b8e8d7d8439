"""Putting the head of an LMDB file right whose meta pages state wrong numbers of commits, while its pages are whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import lmdb

from weft.domain.errors import CorruptData
from weft.files import disk, meta_pages
from weft.files.lineage import check_lineage
from weft.files.structure import check_structure


def mended_meta(path: Path) -> Callable[[], None] | None:
    """What replaces ``path`` by a file that is whole, and has its last commit; None where no number makes it whole.

    The damaged file stays, as ``<name>.damaged``.
    """
    with tempfile.TemporaryDirectory(prefix="weft-check-") as scratch:
        trial = Path(scratch) / path.name
        for pages in meta_pages.candidates(path):
            shutil.copyfile(path, trial)
            with trial.open("r+b") as file:
                for at, page in pages:
                    file.seek(at)
                    file.write(page)
            if _is_whole(trial):
                return partial(_replace, path, pages)
    return None


def _is_whole(path: Path) -> bool:
    try:
        meta_pages.check(path)
        check_structure(path)
        env = lmdb.open(os.fsencode(path), subdir=False, readonly=True, lock=False, create=False, max_dbs=16)
        try:
            with env.begin() as txn:
                check_lineage(txn, path)
        finally:
            env.close()
    except (CorruptData, OSError, lmdb.Error):
        return False
    return True


def _replace(path: Path, pages: list[tuple[int, bytes]]) -> None:
    with disk.explained(path):
        shutil.copyfile(path, path.with_name(f"{path.name}.damaged"))
        with path.open("r+b") as file:
            for at, page in pages:
                file.seek(at)
                file.write(page)
            file.flush()
            disk.sync_file(file.fileno())
        disk.sync_folder(path.parent)
