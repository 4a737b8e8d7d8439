"""Places: how many one holder may have, and who gives way."""

from __future__ import annotations

import pytest

from weft.domain.errors import Overloaded
from weft.wire.grpc.places import Places


def test_one_holder_leaves_places_for_others() -> None:
    places = Places("batch streams", 4, 2)
    leave = places.take("a")
    places.take("a")
    with pytest.raises(Overloaded, match="2 batch streams of this caller"):
        places.take("a")
    places.take("b")
    places.take("c")
    with pytest.raises(Overloaded, match="4 batch streams are open"):
        places.take("d")
    leave()
    leave()
    places.take("d")
    with pytest.raises(Overloaded):
        places.take("e")


def test_few_holders_cannot_have_all() -> None:
    places, taken = Places("batch streams", 64, 16), []
    for holder in "abcdefg":
        taken.append(0)
        with pytest.raises(Overloaded, match="of this caller"):
            while True:
                places.take(holder)
                taken[-1] += 1
    assert taken == [16, 16, 16, 8, 4, 2, 1]
    places.take("one more")


def test_the_oldest_gives_way_to_the_next_of_its_holder() -> None:
    gone: list[int] = []
    places = Places("watches", 10, 2)
    leaves = [places.take("a", lambda number=number: gone.append(number)) for number in range(4)]  # type: ignore[misc]
    assert gone == [0, 1]
    leaves[0]()
    places.take("a", lambda: None)
    assert gone == [0, 1, 2]


def test_where_all_are_taken_the_one_that_has_most_gives_way() -> None:
    gone: list[str] = []
    places = Places("watches", 4, 3)
    for holder in "abbb":
        places.take(holder, lambda holder=holder: gone.append(holder))  # type: ignore[misc]
    places.take("c", lambda: gone.append("c"))
    assert gone == ["b"]
