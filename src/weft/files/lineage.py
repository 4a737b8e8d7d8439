"""Lineage: which commit of an LMDB file its pages are of, and which commits led to it.

Each commit states it, in LMDB's own table of tables, which every commit changes anyway:

    key                 value, little-endian
    b"weft.commit"      XXH3-64 of the rest; u64 number of the commit; u64 branch; then, of up to 32 earlier branches,
                        the latest first: u64 branch, u64 number of its last commit

A branch is a random number for the commits of one opening. A copy that is opened and changed has another one, so what
was derived from a commit is known to be of this file, or of one that only began with the same commits. By the number
the pages of an older commit differ from those of the latest: LMDB takes one for the other when it is given a wrong
root.
"""

from __future__ import annotations

import secrets
import struct
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import xxhash

from weft.files.format import damaged

_KEY = b"weft.commit"
_SUM, _PAIR = struct.Struct("<Q"), struct.Struct("<QQ")
_EARLIER = 32

Moment = tuple[int, int]
"""A branch, and the number of a commit of it."""


class Lineage(NamedTuple):
    """``branch`` is 0 before there was any."""

    commit: int = 0
    branch: int = 0
    earlier: tuple[Moment, ...] = ()

    @property
    def moment(self) -> Moment:
        return self.branch, self.commit

    def then(self, commit: int, branch: int) -> Lineage:
        """The lineage of the next commit."""
        if branch == self.branch or not self.branch:
            return Lineage(commit, branch, self.earlier)
        return Lineage(commit, branch, (self.moment, *self.earlier)[:_EARLIER])

    def includes(self, moment: Moment) -> bool:
        """Whether the commit is this one, or led to it. One from before all branches that are known is taken to be."""
        branch, commit = moment
        for known, last in (self.moment, *self.earlier):
            if branch == known:
                return commit <= last
        return len(self.earlier) == _EARLIER and commit <= self.earlier[-1][1]


class Origin(Protocol):
    """What a derived file is of."""

    def state(self) -> Moment | None:
        """What the file states when it is written: a commit that is on disk and has all that the file has; None where
        nothing is known. Raises OperatorError, StorageFull."""
        ...

    def includes(self, moment: Moment | None, end: int) -> bool:
        """Whether what states ``moment``, and has no doc_id from ``end`` on, is of this. Of what states nothing, as
        earlier formats do not, ``end`` decides."""
        ...


class UnknownOrigin:
    """Nothing is stated, and everything accepted: for what is read without its source."""

    def state(self) -> Moment | None:
        return None

    def includes(self, moment: Moment | None, end: int) -> bool:
        return True


UNKNOWN = UnknownOrigin()


def stated_moment(found: Any) -> Moment | None:
    """A moment as JSON has it."""
    return None if found is None else (int(found[0]), int(found[1]))


def new_branch() -> int:
    return secrets.randbits(63) + 1


def write_lineage(txn: Any, lineage: Lineage) -> None:
    """In the transaction of the commit."""
    rest = b"".join(_PAIR.pack(a, b) for a, b in ((lineage.commit, lineage.branch), *lineage.earlier))
    txn.put(_KEY, _SUM.pack(xxhash.xxh3_64_intdigest(rest)) + rest)


def read_lineage(txn: Any, path: Path) -> Lineage | None:
    """The lineage that the pages state which ``txn`` reads; None if they state none. Raises CorruptData."""
    value = txn.get(_KEY)
    if value is None:
        return None
    rest = bytes(value[_SUM.size :])
    if not rest or len(rest) % _PAIR.size or _SUM.pack(xxhash.xxh3_64_intdigest(rest)) != value[: _SUM.size]:
        raise damaged(path, "what its last commit states of itself fails its checksum")
    (commit, branch), *earlier = _PAIR.iter_unpack(rest)
    return Lineage(commit, branch, tuple(earlier))


def check_lineage(txn: Any, path: Path) -> None:
    """Raises CorruptData when the pages that ``txn`` reads are not those of its commit."""
    number, found = int(txn.id()), read_lineage(txn, path)
    if found is None or found.commit != number:
        of = "no commit" if found is None else f"commit {found.commit}"
        raise damaged(path, f"its commit {number} has the pages of {of}")
