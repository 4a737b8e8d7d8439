"""A run of the checks: a verdict for each, and what it took to get it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from weft.conformance.bench import Bench
from weft.conformance.check import Check
from weft.conformance.discrepancy import Discrepancy
from weft.domain.errors import Unreachable, Unsupported, WeftError


class CheckVerdict(StrEnum):
    PROVEN = "proven"
    REFUSED = "refused"
    """The engine says that it cannot do this."""
    FAILED = "failed"
    LEFT_OUT = "left out"
    """What the check needs was not given."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``note``: what was asked, the refusal, or what differs. ``error``: the kind of a refusal or failure. ``took_s``:
    with dropping what the check has made."""

    check: Check
    verdict: CheckVerdict
    note: str = ""
    error: str = ""
    took_s: float = 0.0


def run(bench: Bench, checks: Iterable[Check], *, with_servers: bool) -> Iterator[CheckResult]:
    """One result after the other. Raises Unreachable when the engine does not answer any more."""
    for check in checks:
        if check.needs_servers and not with_servers:
            yield CheckResult(
                check, CheckVerdict.LEFT_OUT, "needs a catalog that two servers share: --catalog postgresql://…"
            )
            continue
        since = time.monotonic()
        result = _prove(bench, check)
        try:
            bench.end_check()
        except WeftError as error:
            if result.verdict is not CheckVerdict.FAILED:
                result = CheckResult(check, CheckVerdict.FAILED, f"afterwards: {error.message}", type(error).__name__)
        yield replace(result, took_s=time.monotonic() - since)


def _prove(bench: Bench, check: Check) -> CheckResult:
    try:
        return CheckResult(check, CheckVerdict.PROVEN, check.prove(bench) or "")
    except Unsupported as refusal:
        return CheckResult(check, CheckVerdict.REFUSED, refusal.message, type(refusal).__name__)
    except Unreachable:
        raise
    except Discrepancy as found:
        return CheckResult(check, CheckVerdict.FAILED, found.message, type(found).__name__)
    except WeftError as error:
        return CheckResult(
            check, CheckVerdict.FAILED, f"unexpected {type(error).__name__}: {error.message}", type(error).__name__
        )
    except Exception as error:
        return CheckResult(
            check, CheckVerdict.FAILED, f"unexpected {type(error).__name__}: {error}", type(error).__name__
        )
