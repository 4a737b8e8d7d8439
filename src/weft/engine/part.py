"""Part: one collection, or one tenant of it, as the service sees it, in any engine.

Invariants
- A change is acknowledged after it is durable and visible to every view taken from then on.
- The service validates what it passes: values fit the schema, vectors have the right shape, equal dimensions and
  finite numbers. An engine may check again; it never stores what it would refuse.
- No version of an object crosses the seam: an atomic read, change and write is an ``edit``.
- A part is used while it is leased (``ServedCollection.use``) and not kept afterwards. One that was deleted or
  deactivated meanwhile raises NotFound.
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
        """The number of objects."""
        ...

    @property
    def models(self) -> Mapping[str, str]:
        """The fingerprint of the model that made the latest vectors of each name; vectors from callers have none."""
        ...

    def view(self, *, expired: bool = False) -> View:
        """The current state. ``expired``: with expired objects that are not deleted yet; otherwise they are hidden."""
        ...

    def write(self, changes: Sequence[Change]) -> list[Outcome]:
        """Apply the changes, in order; one outcome each. A refused change does not affect the others.

        Blocks until they are durable and visible. Raises Invalid when the part is read-only, Overloaded, OperatorError;
        then nothing was stored.
        """
        ...

    def edit(self, edits: Mapping[bytes, Edit], *, exclusive: bool = True) -> dict[bytes, WeftError]:
        """Read, change and write the objects of these uuids; the errors of those for which that failed.

        An edit that conflicts with another writer is repeated; after some tries other writers must wait, unless
        ``exclusive`` is False (for slow edits). One that still fails is a Conflict; an object that does not exist is
        NotFound. Creation times are kept. Raises WeftError when nothing at all could be written.
        """
        ...

    def remove(self, filter: Filter, limit: int, *, dry_run: bool = False, resolve: Resolve | None = None) -> Removed:
        """Remove the first ``limit`` objects of a view that satisfy ``filter``, in the engine's order; none if
        ``dry_run``. What expired and is hidden is not among them.

        One that is changed after it was chosen is judged again by its new state: it is removed, or not counted.
        """
        ...
