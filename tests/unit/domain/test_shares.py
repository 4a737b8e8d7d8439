"""Shares: no one can take it all, and what is given back can be taken again."""

from __future__ import annotations

from weft.domain.shares import Shares


def test_a_holder_may_take_half_of_what_the_others_leave() -> None:
    shares = Shares(16)
    assert [shares.take("a", 1) for _ in range(9)] == [True] * 8 + [False]
    assert [shares.take("b", 1) for _ in range(5)] == [True] * 4 + [False]
    assert [shares.take("c", 2) for _ in range(2)] == [True, False]
    assert (shares.held("a"), shares.held("b"), shares.held("c"), shares.held("d")) == (8, 4, 2, 0)
    shares.give_back("a", 8)
    assert not shares.held("a")
    assert shares.take("b", 1)
    assert not shares.take("d", 17)


def test_there_is_room_for_any_number_of_holders_of_little() -> None:
    shares = Shares(1 << 20)
    taken = sum(shares.take(f"holder {number}", 1 << (19 - number)) for number in range(20))
    assert taken == 20
