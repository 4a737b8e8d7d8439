"""Places: given up while a request waits for another server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weft.domain.errors import Overloaded
from weft.domain.place import Elsewhere, away, hold_for, holder, placed, waited


class Noted:
    def __init__(self, holder: str) -> None:
        self.holder = holder
        self.seen: list[str] = []

    def leave(self) -> Callable[[], None]:
        self.seen.append("left")
        return lambda: self.seen.append("back")


class Full:
    holder = "full"

    def leave(self) -> Callable[[], None]:
        raise Overloaded("too many are away")


def test_a_request_leaves_its_place_once_and_comes_back() -> None:
    place = Noted("")
    with placed(place):
        hold_for("someone")
        with away():
            assert (place.seen, holder()) == (["left"], "someone")
            with away():
                assert place.seen == ["left"]
        assert place.seen == ["left", "back"]
        with pytest.raises(ValueError, match="x"), away():
            raise ValueError("x")
        assert place.seen == ["left", "back"] * 2
    assert holder() == ""


def test_what_has_no_place_waits_where_it_is() -> None:
    hold_for("no one")
    with away():
        assert holder() == ""
    with placed(Elsewhere("someone")), away():
        assert holder() == "someone"


def test_where_too_many_are_away_the_block_is_not_entered() -> None:
    with placed(Full()), pytest.raises(Overloaded), away():
        raise AssertionError


def test_what_waits_for_this_machine_is_away_where_there_is_room_for_it() -> None:
    place = Noted("")
    with placed(place):
        assert waited(lambda: [*place.seen]) == ["left"]
        assert place.seen == ["left", "back"]
    with placed(Full()):
        assert waited(holder) == "full"

        def fails() -> None:
            raise Overloaded("the model is busy")

        with pytest.raises(Overloaded, match="the model"):
            waited(fails)
    assert waited(lambda: 3) == 3
