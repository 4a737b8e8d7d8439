"""ReadStates: the states of a shard that may still be read, so that nothing that lives in one is purged.

A state is referenced by its views, and nothing says when a view is no longer used: it is gone when its last reference
is, which costs a query nothing. Only the published state can gain readers.
"""

from __future__ import annotations

from weakref import ref

from pyroaring import BitMap

from weft.engine.embedded.shard_view import Reading


class ReadStates:
    """One thread adds; any number of threads ask."""

    def __init__(self) -> None:
        self._known: list[ref[Reading]] = []

    def add(self, state: Reading) -> None:
        """Before it is published."""
        self._known = [*(known for known in self._known if known() is not None), ref(state)]

    def named(self, published: Reading) -> list[BitMap]:
        """The live doc_ids of each state; ``published`` is the current one, or was a moment ago.

        What lives in later ones either lives in it or is newer.
        """
        others = [known() for known in self._known]
        return [published.live, *(one.live for one in others if one is not None and one is not published)]

    def kept(self, published: Reading) -> BitMap:
        """What lives in any of ``named``."""
        named = self.named(published)
        return named[0] if len(named) == 1 else BitMap.union(*named)
