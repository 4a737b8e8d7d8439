"""Callers of a gRPC method, each a process of its own with one connection: how long do prepared requests take?"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType

import grpc
import numpy as np


@dataclass(frozen=True)
class Calls:
    """``took_s`` ``(n,)``: of each call. ``replies`` are in the order of the requests, if they were kept."""

    took_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    began_s: float
    """By ``time.perf_counter``."""
    wall_s: float
    replies: list[bytes]

    @property
    def a_second(self) -> float:
        return len(self.took_s) / self.wall_s


class Callers:
    """``count`` processes that call ``path`` on a port of this machine, one call at a time each."""

    def __init__(self, port: int, path: str, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, port, path), daemon=True)
            process.start()
            self._ends.append(ours)
            self._processes.append(process)

    def call(self, requests: Sequence[bytes], times: int, *, keep: bool = False) -> Calls:
        """Each process sends its share of ``requests``, ``times`` over; begins when all are ready."""
        self.begin(requests, times, keep=keep)
        return self.wait()

    def begin(self, requests: Sequence[bytes], times: int, *, keep: bool = False) -> None:
        """As ``call``, without waiting for the answers."""
        for n, end in enumerate(self._ends):
            end.send((list(requests[n :: len(self._ends)]), times, keep))
        for end in self._ends:
            end.recv()
        self._begun = time.perf_counter(), len(requests) if keep else 0
        for end in self._ends:
            end.send(None)

    def wait(self) -> Calls:
        """For the answers to what has begun."""
        answers = [end.recv() for end in self._ends]
        started, kept_replies = self._begun
        wall_s = time.perf_counter() - started
        replies: list[bytes] = [b""] * kept_replies
        for n, (_, kept) in enumerate(answers):
            if kept_replies:
                replies[n :: len(self._ends)] = kept
        return Calls(np.concatenate([took for took, _ in answers]), started, wall_s, replies)

    def __enter__(self) -> Callers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.join(10)


def _serve(end: Connection, port: int, path: str) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1)]) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        grpc.channel_ready_future(channel).result(60)
        while True:
            try:
                requests, times, keep = end.recv()
            except EOFError:
                return
            end.send(None)
            end.recv()
            took, replies = [], []
            for _ in range(times):
                for request in requests:
                    before = time.perf_counter()
                    reply = call(request, timeout=300)
                    took.append(time.perf_counter() - before)
                    if keep:
                        replies.append(reply)
            end.send((np.array(took), replies))
