"""Part: one collection, or one tenant of it, as the service sees it, whatever keeps it.

Invariants
- A change is acknowledged after it is durable and visible to every view taken from then on.
- The service has checked what it hands over: values fit the schema, vectors have the right shape, equal dimensions and
  finite numbers. An engine may check again; it never stores what it would refuse.
- No version of an object crosses the seam: what must be read, changed and written as one is an ``edit``.
- A part is used while it is leased (``Collection.use``) and not kept afterwards. One that was deleted or deactivated
  meanwhile raises NotFound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from weft.domain.errors import WeftError
from weft.domain.filters import Filter
from weft.domain.schema import CollectionConfig
from weft.engine.changes import Change, Edit, Outcome, Removed
from weft.engine.selection import Resolve
from weft.engine.view import View


class Part(Protocol):
    @property
    def config(self) -> CollectionConfig: ...

    @property
    def count(self) -> int:
        """How many objects there are."""
        ...

    @property
    def models(self) -> Mapping[str, str]:
        """The fingerprint of what made the latest vectors of each name; those given by users have none."""
        ...

    def view(self, *, expired: bool = False) -> View:
        """What there is now. ``expired``: also what has expired and is not deleted yet, which is hidden otherwise."""
        ...

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """Apply the changes, in order; one outcome each. A change that is refused hinders no other.

        Blocks until they are durable and visible. Raises Invalid when the part is read-only, Overloaded, OperatorError;
        then nothing was stored.
        """
        ...

    def edit(self, edits: Mapping[bytes, Edit], *, exclusive: bool = True) -> dict[bytes, WeftError]:
        """Read, change and write the objects of these uuids; the errors of those for which that failed.

        An edit that another writer beats is made again; after some tries other writers are kept waiting, unless
        ``exclusive`` is False (for edits that take long). What then still fails is Conflict; an object that does not
        exist is NotFound. Creation times stay. Raises WeftError when nothing at all could be written.
        """
        ...

    def remove(self, filter: Filter, limit: int, *, dry_run: bool = False, resolve: Resolve | None = None) -> Removed:
        """Remove the first ``limit`` objects that satisfy ``filter``, in the engine's order; none if ``dry_run``.

        One that was changed after it was chosen stays as it is now, and is a Conflict.
        """
        ...
