"""The bounded queue between the threads of a stream."""

from __future__ import annotations

import threading

from weft.wire.grpc.channel import Channel


def test_what_waits_is_taken_in_order_and_then_the_end() -> None:
    channel: Channel[int] = Channel(10)
    assert channel.put(1)
    assert channel.put(2)
    channel.finish()
    assert (channel.take(), channel.take_if_waiting(), channel.take()) == (1, 2, None)
    assert not channel.put(3)


def test_a_full_channel_makes_the_sender_wait() -> None:
    channel: Channel[int] = Channel(10)
    channel.put(1, weight=100)
    sender = threading.Thread(target=channel.put, args=(2,))
    sender.start()
    sender.join(0.05)
    assert sender.is_alive()
    assert channel.take() == 1
    sender.join(5)
    assert channel.take() == 2


def test_an_urgent_item_does_not_wait() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    assert channel.put(2, wait=False)


def test_abandoning_frees_the_sender_and_the_taker() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    results: list[bool] = []
    sender = threading.Thread(target=lambda: results.append(channel.put(2)))
    sender.start()
    channel.abandon()
    sender.join(5)
    assert results == [False]
    assert channel.take() is None
