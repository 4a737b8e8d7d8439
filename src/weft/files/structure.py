"""The structure of an LMDB file, checked without LMDB, which trusts it: page by page, from the roots on.

A file whose structure is whole cannot mislead LMDB; what its values are worth, their checksums say.
"""

from __future__ import annotations

from pathlib import Path

from lmdb.verify import VerifyError, verify

from weft.files.format import damaged


def check_structure(path: Path) -> None:
    """Raises CorruptData for the first fault that is found; OSError."""
    try:
        faults = verify(str(path), subdir=False)
    except VerifyError as error:
        raise damaged(path, str(error)) from error
    if faults:
        raise damaged(path, str(faults[0]))
