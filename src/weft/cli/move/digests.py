"""Digests: what a place holds of a collection, in 256 buckets by the first byte of the uuid.

A bucket is the number of its objects and the XOR of their digests, so the order in which they are read does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from weft.cli.move.forms import Forms
from weft.cli.move.objects import MovedCollection, SourcePage
from weft.cli.move.place import MoveSource, MoveTarget

BUCKETS = 256


class Digests:
    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        self._sums = [0] * BUCKETS

    @property
    def total(self) -> int:
        return sum(self.counts)

    def add(self, uuid: bytes, digest: bytes) -> None:
        self.counts[uuid[0]] += 1
        self._sums[uuid[0]] ^= int.from_bytes(digest, "little")

    def differing(self, other: Digests) -> list[int]:
        """Ascending."""
        return [i for i in range(BUCKETS) if (self.counts[i], self._sums[i]) != (other.counts[i], other._sums[i])]


def digests_of(pages: Iterable[SourcePage], forms: Forms) -> Digests:
    found = Digests()
    for page in pages:
        for one in page.objects:
            form = forms.of(one)
            found.add(form.uuid, form.digest())
    return found


def both_digests(
    source: MoveSource, target: MoveTarget, collection: MovedCollection, tenant: str | None, forms: Forms
) -> tuple[Digests, Digests]:
    """Both places are read at the same time."""
    with ThreadPoolExecutor(1, thread_name_prefix="weft-move-digest") as beside:
        theirs = beside.submit(digests_of, target.pages(collection, tenant, None), forms)
        mine = digests_of(source.pages(collection, tenant, None), forms)
        return mine, theirs.result()


def in_buckets(
    place: MoveSource | MoveTarget, collection: MovedCollection, tenant: str | None, buckets: Sequence[int]
) -> Iterator[SourcePage]:
    """The objects of these buckets, ascending ones. A place that is not ordered is read as a whole."""
    asked = set(buckets)
    for first, last in _runs(buckets) if place.ordered else [(0, BUCKETS - 1)]:
        wanted = asked.intersection(range(first, last + 1))
        after = None if first == 0 else f"{first - 1:02x}ffffff-ffff-ffff-ffff-ffffffffffff"
        for page in place.pages(collection, tenant, after):
            page.objects = [one for one in page.objects if int(one.uuid[:2], 16) in wanted]
            yield page
            if place.ordered and int(str(page.after)[:2], 16) > last:
                break


def _runs(buckets: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of each unbroken run."""
    found: list[tuple[int, int]] = []
    for one in buckets:
        if found and found[-1][1] == one - 1:
            found[-1] = found[-1][0], one
        else:
            found.append((one, one))
    return found
