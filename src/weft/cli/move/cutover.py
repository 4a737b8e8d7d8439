"""``--until-equal``, ``--follow`` and ``--cutover``: the target kept equal, and made the place that clients use.

A client of both places cannot switch other clients. It can see to it that nothing is lost when they are switched: the
source takes no writes any more, the target is equal, and its aliases lead where they led at the source. The way back is
the same with the places exchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from weft.cli.move.objects import MovedCollection
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.move.syncing import Synced, Syncing
from weft.cli.move.verifying import Verified, verify
from weft.domain.errors import Overloaded

_MAX_PASSES: Final = 10

Report = Callable[[Sequence[Synced]], None]
"""Called with the result of each pass."""


def until_equal(syncing: Syncing, collections: Sequence[MovedCollection], report: Report) -> list[Synced]:
    """Repeats until a pass finds nothing to do, or objects stay rejected. Raises Overloaded after ten passes, because
    the source is written to faster than it is followed."""
    before = -1
    for _ in range(_MAX_PASSES):
        synced = syncing.run(collections)
        report(synced)
        rejected = sum(one.rejected for one in synced)
        done = sum(one.stored + one.removed for one in synced)
        if not done and rejected in (0, before):
            return synced
        before = rejected
    raise Overloaded(
        f"after {_MAX_PASSES} passes the target still differs, because the source is written to meanwhile; stop the "
        "writers, or use --cutover, which makes the source read-only"
    )


def follow(syncing: Syncing, collections: Sequence[MovedCollection], report: Report, interval_s: float) -> None:
    """Repeats until Ctrl-C, ``interval_s`` after each pass; a pass that found nothing is not reported."""
    while True:
        synced = syncing.run(collections)
        if not all(one.is_equal for one in synced):
            report(synced)
        time.sleep(interval_s)


class CutOver:
    """``aliases``: names that are to lead to collections of the target, beside those that the source has."""

    def __init__(self, source: MoveSource, target: MoveTarget, syncing: Syncing, aliases: Mapping[str, str]) -> None:
        self._source = source
        self._target = target
        self._syncing = syncing
        self._aliases = aliases
        self.is_read_only = False
        """Whether the source takes no writes any more."""

    def run(self, collections: Sequence[MovedCollection], report: Report) -> list[Verified]:
        """The source stays read-only if all are equal, and takes writes again if not, or if anything fails."""
        for one in collections:
            if self._target.document(one.name) is not None:
                self._target.set_read_only(one, read_only=False)  # after an earlier move in the other direction
        is_done = False
        try:
            done = [self._source.set_read_only(one, read_only=True) for one in collections]
            self.is_read_only = all(done)
            until_equal(self._syncing, collections, report)
            verified = verify(self._source, self._target, collections, 0)
            is_done = all(one.is_equal for one in verified)
            if is_done:
                self._lead_aliases(collections)
        finally:
            if not is_done:
                for one in collections:
                    self._source.set_read_only(one, read_only=False)
        return verified

    def _lead_aliases(self, collections: Sequence[MovedCollection]) -> None:
        for one in collections:
            for alias in one.aliases:
                self._target.set_alias(alias, one.name)
        for alias, name in self._aliases.items():
            self._target.set_alias(alias, name)
