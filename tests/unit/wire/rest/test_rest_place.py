"""RestPlace: what is counted as answered, also where a request ends before its thread does."""

from __future__ import annotations

import threading

import anyio

from weft.domain.place import away, placed
from weft.domain.shares import Shares
from weft.wire.rest.rest_place import RestPlace
from weft.wire.rest.turns import Turns


def test_a_request_that_is_cut_off_while_it_is_away_ends_once() -> None:
    async def run() -> None:
        turns, shares = Turns(1, 8), Shares(8)
        answers = threading.Event()
        waits = anyio.Event()
        loop = anyio.lowlevel.current_token()

        def handled(place: RestPlace) -> None:
            with placed(place):
                with away():
                    anyio.from_thread.run_sync(waits.set, token=loop)
                    answers.wait(60)
                with away():
                    pass

        async def answered(place: RestPlace) -> None:
            await anyio.to_thread.run_sync(handled, place)

        async with anyio.create_task_group() as group:
            await turns.begin("a")
            place = RestPlace("a", turns, shares)
            group.start_soon(answered, place)
            await waits.wait()
            with anyio.fail_after(60):
                await turns.begin("b")  # in the place that was given up
            place.end()
            answers.set()
        assert shares.held("a") == 0
        begun: list[str] = []

        async def another() -> None:
            await turns.begin("c")
            begun.append("c")

        async with anyio.create_task_group() as group:
            group.start_soon(another)
            await anyio.wait_all_tasks_blocked()
            assert not begun, "b is answered"
            turns.end("b")
            await anyio.wait_all_tasks_blocked()
            assert begun == ["c"]
        turns.end("c")

    anyio.run(run)


def test_a_request_that_comes_back_has_its_place_until_it_ends() -> None:
    async def run() -> None:
        turns, shares = Turns(1, 8), Shares(8)

        def handled(place: RestPlace) -> None:
            with placed(place), away():
                pass

        await turns.begin("a")
        place = RestPlace("a", turns, shares)
        await anyio.to_thread.run_sync(handled, place)
        begun: list[str] = []

        async def another() -> None:
            await turns.begin("b")
            begun.append("b")

        async with anyio.create_task_group() as group:
            group.start_soon(another)
            await anyio.wait_all_tasks_blocked()
            assert not begun
            place.end()
        assert begun == ["b"]

    anyio.run(run)
