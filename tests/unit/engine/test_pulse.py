"""Whether an engine elsewhere answers, as it is asked and as it is silent."""

from __future__ import annotations

import logging

import pytest

from weft.domain.errors import Unreachable
from weft.engine.remote.pulse import Pulse


def test_an_engine_that_is_away_is_in_trouble_until_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    away = True

    def ping() -> None:
        if away:
            raise Unreachable("nothing listens there")

    pulse = Pulse(ping)
    assert pulse.trouble is None
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            pulse.ask()
            assert pulse.trouble == "nothing listens there"
        away = False
        pulse.ask()
    assert pulse.trouble is None
    first, last = (record.getMessage() for record in caplog.records)
    assert first == "this server is not ready, because its engine does not answer: nothing listens there"
    assert last == "the engine answers again; this server is ready"


def test_an_engine_that_is_silent_is_in_trouble_before_the_client_gives_up() -> None:
    now_s = 0.0
    seen: list[str | None] = []

    def ping() -> None:
        nonlocal now_s
        for passed_s in (1.0, 5.0, 5.1, 60.0):
            now_s = passed_s
            seen.append(pulse.trouble)

    pulse = Pulse(ping, clock=lambda: now_s)
    pulse.ask()
    silent = "the engine has not answered for 5 s"
    assert seen == [None, None, silent, silent]
    assert pulse.trouble is None
