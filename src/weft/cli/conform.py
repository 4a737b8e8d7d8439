"""``weft conform``: whether an engine keeps what Weft promises, with a catalog or without; a report by checks."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import orjson

from weft.cli.interrupts import deferred
from weft.conformance.bench import Bench
from weft.conformance.check import Check
from weft.conformance.cluster import TestedCluster
from weft.conformance.run import CheckResult, CheckVerdict, run
from weft.conformance.suite import CHECKS
from weft.domain.errors import Misconfigured, Unreachable, WeftError

_WIDTH: Final = 78
_INDENT: Final = " " * 12
_INTERRUPTED: Final = 130


def conform(arguments: argparse.Namespace) -> int:
    """0: everything is proven, refused or left out; 1: a check failed, or could not be run; 130 after Ctrl-C."""
    engine = arguments.engine or os.environ.get("WEFT_ENGINE", "")
    catalog = arguments.catalog or os.environ.get("WEFT_CATALOG", "")
    if not engine:
        raise Misconfigured("weft conform needs an engine: --engine qdrant://HOST:PORT, or WEFT_ENGINE")
    if arguments.clean:
        TestedCluster.of_all_runs(engine, catalog).clear()
        return 0
    checks = _chosen(arguments.only)
    target = TestedCluster.new(engine, catalog)
    report = _ConformanceReport(target, arguments.seed, as_json=arguments.json)
    with tempfile.TemporaryDirectory(prefix="weft-conform-") as folder, _terminated_as_interrupted():
        bench = Bench(target.open_server, Path(folder), arguments.seed)
        try:
            bench.server("first")  # what is wrong with an address is said before the report begins
            report.begin(len(checks))
            for result in run(bench, checks, with_servers=target.is_shared):
                report.add(result)
        except KeyboardInterrupt:
            report.stopped = "interrupted"
        except Unreachable as error:
            report.stopped = error.message
        finally:
            with deferred():
                report.left = _end(bench, target, keep=arguments.keep)
    report.end()
    return _INTERRUPTED if report.stopped == "interrupted" else int(report.has_failed)


def _chosen(words: Sequence[str] | None) -> list[Check]:
    """Raises Misconfigured where there is none."""
    found = [one for one in CHECKS if words is None or any(w in one.name or w in one.group for w in words)]
    if not found:
        groups = ", ".join(dict.fromkeys(one.group for one in CHECKS))
        raise Misconfigured(f"no check has the words {' or '.join(words or ())}; the groups are: {groups}")
    return found


def _end(bench: Bench, target: TestedCluster, *, keep: bool) -> str:
    """Why something was left there; empty when nothing was."""
    try:
        bench.close(keep=keep)
        if keep:
            return f"kept, as asked: weft conform --clean drops what begins with {target.prefix}"
        target.clear()
    except WeftError as error:
        return f"not all of it could be dropped ({error.message}); weft conform --clean does that later"
    return ""


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """So that a run that is ended by SIGTERM drops what it has made, too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _ConformanceReport:
    """Printed as it comes; as JSON at the end."""

    def __init__(self, target: TestedCluster, seed: int, *, as_json: bool) -> None:
        self._target = target
        self._seed = seed
        self._as_json = as_json
        self._engine = target.address.public
        self._results: list[CheckResult] = []
        self._group = ""
        self.stopped = ""
        """Why not all checks were run."""
        self.left = ""
        """Why something is left there."""

    @property
    def has_failed(self) -> bool:
        return bool(self.stopped) or any(one.verdict is CheckVerdict.FAILED for one in self._results)

    def begin(self, checks: int) -> None:
        if self._as_json:
            return
        print(f"{self._engine}: {checks} checks, seed {self._seed}")
        if self._target.is_elsewhere:
            print(f"What is made there begins with {self._target.prefix}, and is dropped at the end.")
        sys.stdout.flush()

    def add(self, result: CheckResult) -> None:
        self._results.append(result)
        if self._as_json:
            return
        if result.check.group != self._group:
            self._group = result.check.group
            print(f"\n{self._group}")
        _print_wrapped(f"  {_label(result):10}{result.check.name}", _INDENT)
        if result.note and (result.verdict is not CheckVerdict.LEFT_OUT):
            _print_wrapped(f"{_INDENT}{result.note}", _INDENT)
        sys.stdout.flush()

    def end(self) -> None:
        counted = Counter(one.verdict for one in self._results)
        if self._as_json:
            print(orjson.dumps(self._document(counted), option=orjson.OPT_INDENT_2).decode())
            return
        print(f"\n{', '.join(f'{counted[one]} {one}' for one in CheckVerdict)}")
        for lines in (self._why_left_out(), self._why_stopped(), self.left):
            if lines:
                _print_wrapped(lines, "")

    def _why_left_out(self) -> str:
        notes = {one.note for one in self._results if one.verdict is CheckVerdict.LEFT_OUT}
        return "".join(f"Left out: {note}." for note in sorted(notes))

    def _why_stopped(self) -> str:
        return f"Not all checks were run: {self.stopped}." if self.stopped else ""

    def _document(self, counted: Counter[CheckVerdict]) -> dict[str, object]:
        return {
            "engine": self._engine,
            "seed": self._seed,
            "prefix": self._target.prefix,
            "passed": not self.has_failed,
            "counts": {str(one): counted[one] for one in CheckVerdict},
            "checks": _documents(self._results),
            "stopped": self.stopped or None,
            "left": self.left or None,
        }


def _documents(results: Sequence[CheckResult]) -> list[dict[str, object]]:
    return [
        {
            "group": one.check.group,
            "check": one.check.name,
            "verdict": str(one.verdict),
            "note": one.note or None,
            "error": one.error or None,
            "seconds": round(one.took_s, 3),
        }
        for one in results
    ]


def _label(result: CheckResult) -> str:
    return str(result.verdict).upper() if result.verdict is CheckVerdict.FAILED else str(result.verdict)


def _print_wrapped(text: str, indent: str) -> None:
    print(textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False))
