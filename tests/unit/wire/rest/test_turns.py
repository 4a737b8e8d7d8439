"""Turns: a caller that sends more than others delays itself."""

from __future__ import annotations

import anyio
import pytest

from weft.domain.errors import Overloaded
from weft.wire.rest.turns import Turns


async def started(turns: Turns, group: anyio.abc.TaskGroup, begun: list[str], *callers: str) -> None:
    """Each request of ``callers`` waits for its turn, and notes that it has it."""

    async def one(caller: str) -> None:
        await turns.begin(caller)
        begun.append(caller)

    for caller in callers:
        group.start_soon(one, caller)
    await anyio.wait_all_tasks_blocked()


def test_one_caller_has_three_quarters_and_then_callers_take_turns() -> None:
    async def run() -> None:
        turns, begun = Turns(4, 100), list[str]()
        async with anyio.create_task_group() as group:
            await started(turns, group, begun, *"aaaaaa", "b", "c", "c")
            assert begun == [*"aaa", "b"], "three of four threads, and the last one for another"
            turns.end("b")
            await anyio.wait_all_tasks_blocked()
            assert begun[4:] == ["c"]
            turns.end("a")
            await anyio.wait_all_tasks_blocked()
            turns.end("a")
            await anyio.wait_all_tasks_blocked()
            turns.end("a")
            await anyio.wait_all_tasks_blocked()
            assert begun[5:] == ["a", "c", "a"], "in turn"
            for caller in ("a", "a", "c", "c"):
                turns.end(caller)
            await anyio.wait_all_tasks_blocked()
            assert begun[8:] == ["a"]
            turns.end("a")

    anyio.run(run)


def test_there_is_a_limit_to_those_that_wait_in_all_and_of_one_caller() -> None:
    async def run() -> None:
        turns, begun = Turns(1, 8), list[str]()
        async with anyio.create_task_group() as group:
            await started(turns, group, begun, *"aaaaaa")
            with pytest.raises(Overloaded, match="6 requests of this caller"):
                turns.check_room("a")
            await started(turns, group, begun, *"bb")
            with pytest.raises(Overloaded, match="8 requests are waiting"):
                await turns.begin("c")
            for _ in range(8):
                turns.end(begun[-1])
                await anyio.wait_all_tasks_blocked()
            assert begun == list("aababaaa")
            turns.check_room("a")

    anyio.run(run)


def test_one_that_is_away_makes_room_and_has_its_place_when_it_returns() -> None:
    async def run() -> None:
        turns, begun = Turns(1, 8), list[str]()
        async with anyio.create_task_group() as group:
            await started(turns, group, begun, *"aab")
            turns.leave("a")
            await anyio.wait_all_tasks_blocked()
            assert begun == ["a", "a"]
            turns.enter("a")
            turns.end("a")
            await anyio.wait_all_tasks_blocked()
            assert begun == ["a", "a"], "the one that has returned is answered"
            turns.end("a")
            await anyio.wait_all_tasks_blocked()
            assert begun == ["a", "a", "b"]
            turns.end("b")

    anyio.run(run)


def test_one_that_went_away_for_good_takes_no_turn() -> None:
    async def run() -> None:
        turns, begun = Turns(1, 8), list[str]()
        async with anyio.create_task_group() as group:
            await started(turns, group, begun, "a")
            async with anyio.create_task_group() as gone:
                await started(turns, gone, begun, *"aab")
                gone.cancel_scope.cancel()
            await started(turns, group, begun, "c")
            turns.end("a")
            await anyio.wait_all_tasks_blocked()
            assert begun == ["a", "c"]
            turns.end("c")
            await started(turns, group, begun, "d")
            assert begun == ["a", "c", "d"]

    anyio.run(run)
