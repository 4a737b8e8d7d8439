"""One run: writers and readers at once, over one or several places, until the time is over or an answer is wrong."""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Protocol

from history.history import History
from history.judging import Question, wrong_with
from history.things import COMING, JOINT, LINKS, SOURCES, STEADY

_SWITCH_S = 5e-5


class Client(Protocol):
    """The verbs of one caller at one place. A write that is refused because of what is stored raises Refused."""

    def batch(self, versions: Mapping[int, int]) -> None: ...
    def insert(self, number: int, version: int) -> None: ...
    def replace(self, number: int, version: int) -> None: ...
    def merge(self, number: int, version: int) -> None: ...
    def delete(self, number: int) -> None: ...
    def delete_many(self, group: str) -> None: ...
    def link(self, number: int, targets: Sequence[int]) -> None: ...
    def questions(self, rng: random.Random) -> Sequence[Question]:
        """Every kind, in any order, with arguments of its own each time."""
        ...


class Place:
    """Where some clients work: what they have written there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.history = History()
        self.versions = itertools.count(1)
        self.asked: Counter[str] = Counter()
        self.written: Counter[str] = Counter()


def fill(place: Place, client: Client) -> None:
    numbers = [*JOINT, *STEADY, *COMING, *SOURCES]
    with place.history.writing(dict.fromkeys(numbers, 0)):
        client.batch(dict.fromkeys(numbers, 0))
    for number in SOURCES:
        client.link(number, list(STEADY)[:LINKS])


class Run:
    """``wrong`` has what was impossible, and the errors of calls; the first one ends the run, unless ``goes_on``."""

    def __init__(self, seed: int, *, goes_on: bool = False) -> None:
        self.rng = random.Random(seed)
        self.wrong: list[str] = []
        self.over = threading.Event()
        self._goes_on = goes_on
        self._threads: list[threading.Thread] = []
        self._rounds: dict[int, int] = {}
        """How many times each reader has asked all questions."""
        self._excused = threading.Event()
        """Set while the server is gone, when calls may fail."""

    def readers(self, place: Place, clients: Sequence[Client]) -> None:
        """Each asks everything once at once, before anything is written."""
        for client in clients:
            self._rounds[id(client)] = 0
            self._found(self._asked(place, client.questions(self.rng)))
            self._start(place, self._reads, client)

    def writers(self, place: Place, clients: Sequence[Client]) -> None:
        for client in clients:
            self._start(place, self._writes, client)

    def excuse(self, *, on: bool) -> None:
        """While the server is killed and started, errors of calls are no faults."""
        self._excused.set() if on else self._excused.clear()

    def work(self, seconds: float, rounds: float = inf, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until the time is over, or each reader has asked all questions ``rounds`` times.

        Threads change places often, so that they meet in the middle of each other's work. ``meanwhile`` is called again
        and again.
        """
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        try:
            for thread in self._threads:
                thread.start()
            end = time.monotonic() + seconds
            while not self.over.is_set() and time.monotonic() < end and min(self._rounds.values()) < rounds:
                self.over.wait(0.1)
                meanwhile()
            self.over.set()
            for thread in self._threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)

    def _start(self, place: Place, work: Callable[[Place, Client, random.Random], None], client: Client) -> None:
        rng = random.Random(self.rng.getrandbits(32))

        def run() -> None:
            while not self.over.is_set():
                excused = self._excused.is_set()
                try:
                    work(place, client, rng)
                except Exception:
                    if not (excused or self._excused.is_set()):
                        self._found([f"{place.name}: {traceback.format_exc()}"])
                    time.sleep(0.05)

        self._threads.append(threading.Thread(target=run, daemon=True))

    def _found(self, wrong: Sequence[str]) -> None:
        if wrong:
            self.wrong += wrong
            if not self._goes_on:
                self.over.set()

    def _reads(self, place: Place, client: Client, rng: random.Random) -> None:
        questions = list(client.questions(rng))
        rng.shuffle(questions)
        for question in questions:
            if self.over.is_set():
                return
            self._found(self._asked(place, [question]))
        self._rounds[id(client)] += 1

    def _asked(self, place: Place, questions: Sequence[Question]) -> list[str]:
        """What is wrong with the answers."""
        place.asked.update(question.name for question in questions)
        return [f"{place.name}: {one}" for question in questions for one in wrong_with(question, place.history)]

    def _writes(self, place: Place, client: Client, rng: random.Random) -> None:
        version = next(place.versions)
        steady, coming = rng.choice(STEADY), rng.choice(COMING)
        several = dict.fromkeys(rng.sample([*STEADY, *COMING], 10), version)
        joint = dict.fromkeys(JOINT, version)
        verbs: list[tuple[int, str, dict[int, int | None], Callable[[], None]]] = [
            (6, "joint", dict(joint), lambda: client.batch(joint)),
            (4, "batch", dict(several), lambda: client.batch(several)),
            (3, "replace", {steady: version}, lambda: client.replace(steady, version)),
            (3, "merge", {steady: version}, lambda: client.merge(steady, version)),
            (2, "replace coming", {coming: version}, lambda: client.replace(coming, version)),
            (2, "merge coming", {coming: version}, lambda: client.merge(coming, version)),
            (4, "insert", {coming: version}, lambda: client.insert(coming, version)),
            (4, "delete", {coming: None}, lambda: client.delete(coming)),
            (1, "delete many", dict.fromkeys(COMING), lambda: client.delete_many("coming")),
            (2, "link", {}, lambda: client.link(rng.choice(SOURCES), rng.sample(STEADY, LINKS))),
        ]
        _, name, versions, send = rng.choices(verbs, [weight for weight, *_ in verbs])[0]
        with place.history.writing(versions):
            send()
        place.written[name] += 1
