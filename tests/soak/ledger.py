"""What a client of the soak has sent, and what of it was acknowledged; all that an object has follows from its number.

A place is a collection, and a tenant of it or nothing. What was sent and not acknowledged may have happened or not,
until ``settle`` says what the store holds.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

PLAIN, SHARED, MEANT, LINKED = "Plain", "Shared", "Meant", "Linked"
LASTING = (PLAIN, SHARED, MEANT, LINKED)
"""The collections that are never dropped; others come and go."""
DIMS = 8

Place: TypeAlias = tuple[str, str]
Numbers: TypeAlias = Mapping[uuid.UUID, int]


class Ledger:
    """One client's. No object is changed by two clients."""

    def __init__(self) -> None:
        self.sure: defaultdict[Place, dict[uuid.UUID, int]] = defaultdict(dict)
        """The numbers of the objects that are there."""
        self.gone: defaultdict[Place, set[uuid.UUID]] = defaultdict(set)
        """Of objects that were there, and whose deletion was acknowledged."""
        self.unsure: defaultdict[Place, dict[uuid.UUID, set[int | None]]] = defaultdict(dict)
        """What objects may have become by what was not acknowledged; None: deleted."""
        self.joint: dict[Place, set[uuid.UUID]] = {}
        """Of a change that happens to all of these or to none, while it is not acknowledged."""
        self.links: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        self.perhaps_links: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        self.names: dict[str, bool] = {}
        """Collections, properties and vectors that are there (True) or not: ``Thing``, ``Thing.property``."""
        self.perhaps_names: set[str] = set()
        self.acknowledged = 0
        """Changes of objects."""

    def change(self, place: Place, changes: Mapping[uuid.UUID, int | None], send: Callable[[], object]) -> None:
        unsure = self.unsure[place]
        for id_, n in changes.items():
            unsure.setdefault(id_, set()).add(n)
        send()
        sure, gone = self.sure[place], self.gone[place]
        for id_, n in changes.items():
            del unsure[id_]
            if n is None:
                sure.pop(id_, None)
                gone.add(id_)
            else:
                sure[id_] = n
                gone.discard(id_)
        self.acknowledged += len(changes)

    def change_jointly(self, place: Place, changes: Mapping[uuid.UUID, int | None], send: Callable[[], object]) -> None:
        """As ``change``; a server never keeps a part of them."""
        self.joint[place] = set(changes)
        self.change(place, changes, send)
        del self.joint[place]

    def drop(self, place: Place, send: Callable[[], object]) -> None:
        """All objects of a place go."""
        self.change_jointly(place, dict.fromkeys(self.sure[place]), send)

    def name(self, name: str, there: bool, send: Callable[[], object]) -> None:
        self.perhaps_names.add(name)
        send()
        self.names[name] = there
        self.perhaps_names.discard(name)

    def live(self, collection: str, tenant: str = "") -> list[uuid.UUID]:
        return list(self.sure[collection, tenant])

    def places(self) -> set[Place]:
        return {*self.sure, *self.gone, *self.unsure}

    def states(self, place: Place) -> dict[uuid.UUID, set[int | None]]:
        """What each object that may be there may be."""
        found: dict[uuid.UUID, set[int | None]] = {id_: {n} for id_, n in self.sure[place].items()}
        for id_, more in self.unsure[place].items():
            found.setdefault(id_, {None}).update(more)
        return found

    def settle(self, place: Place, stored: Numbers) -> None:
        """What was unsure is what the store says."""
        self.joint.pop(place, None)
        sure, gone = self.sure[place], self.gone[place]
        for id_ in self.unsure.pop(place, {}):
            if id_ in stored:
                sure[id_] = stored[id_]
                gone.discard(id_)
            else:
                sure.pop(id_, None)
                gone.add(id_)

    def settle_names(self, there: Iterable[str]) -> None:
        present = set(there)
        for name in self.perhaps_names:
            self.names[name] = name in present
        self.perhaps_names.clear()


def vector_of(n: int) -> list[float]:
    vector: list[float] = np.random.default_rng(n).normal(size=DIMS).astype(np.float32).tolist()
    return vector


def tokens_of(n: int) -> list[list[float]]:
    """One to five token vectors."""
    rng = np.random.default_rng(n)
    tokens: list[list[float]] = rng.normal(size=(rng.integers(1, 6), DIMS)).astype(np.float32).tolist()
    return tokens


def vectors_of(collection: str, n: int) -> Any:
    """None where the server makes them."""
    if collection == MEANT:
        return None
    return {"whole": vector_of(n), "tokens": tokens_of(n)} if collection == PLAIN else vector_of(n)


def kind_of(n: int) -> str:
    return f"kind{n % 7}"


def part_of(n: int) -> str:
    return f"part{n % 13}"


def properties_of(n: int) -> dict[str, Any]:
    return {"n": n, "word": f"word{n}", "kind": kind_of(n), "text": f"common {part_of(n)}"}
