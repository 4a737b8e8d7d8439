from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from weft.cli.interrupts import deferred


@pytest.fixture(autouse=True)
def as_at_a_terminal() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_block_is_done_whole() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), deferred():
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]
    with pytest.raises(KeyboardInterrupt):  # and afterwards it is as it was
        signal.raise_signal(signal.SIGINT)


def test_a_second_one_strikes_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), deferred():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_an_error_of_the_block_goes_first() -> None:
    with pytest.raises(ValueError, match="of the block"), deferred():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("of the block")


def test_in_the_background_it_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
