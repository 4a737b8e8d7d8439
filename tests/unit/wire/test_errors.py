"""Every error of the domain has its own row, and no row uses a code that clients read as something else."""

from __future__ import annotations

import errno
import inspect
import logging

import grpc
import pytest

from weft.domain import errors
from weft.wire.errors import STATUS_CODES, UNEXPECTED, codes_of, to_refusal

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.WeftError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_every_error_has_a_row(kind: type[errors.WeftError]) -> None:
    row = STATUS_CODES[kind]
    assert 400 <= row.http <= 599
    of_caller = row.http < 500 or kind in (errors.Unsupported, errors.DeadlinePassed)
    assert of_caller == issubclass(kind, errors.CallerError)
    code = grpc.StatusCode[row.grpc]
    assert code not in (grpc.StatusCode.OK, grpc.StatusCode.ABORTED)
    assert (code is grpc.StatusCode.UNAVAILABLE) == (kind is errors.Unreachable)


def test_only_a_caller_that_has_gone_reads_as_one_that_cancelled() -> None:
    assert [k for k, row in STATUS_CODES.items() if row.grpc == "CANCELLED"] == [errors.CallerGone]


def test_only_what_is_forbidden_reads_as_forbidden() -> None:
    assert [k for k, row in STATUS_CODES.items() if row.grpc == "PERMISSION_DENIED"] == [errors.Forbidden]
    assert [k for k, row in STATUS_CODES.items() if row.grpc == "UNAUTHENTICATED"] == [errors.Unauthenticated]


def test_the_tree_is_drawn_in_the_module() -> None:
    for kind in CLASSES:
        assert kind.__name__ in (errors.__doc__ or "")


def test_a_subclass_inherits_its_parents_row() -> None:
    class Stranger(errors.NotFound):
        pass

    assert codes_of(Stranger) == STATUS_CODES[errors.NotFound]


def test_a_foreseen_error_keeps_its_message() -> None:
    refusal = to_refusal(errors.Invalid("vectors have 3 dimensions, expected 4", expected_dims=4))
    assert refusal.message == "vectors have 3 dimensions, expected 4"
    assert refusal.codes.http == 422


def test_an_unforeseen_error_is_logged_and_hidden(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        refusal = to_refusal(ZeroDivisionError("secret detail"))
    assert refusal.codes == UNEXPECTED
    assert "secret" not in refusal.message
    error_id = refusal.message.rsplit(" ", 1)[1]
    assert error_id in caplog.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("error", "says", "http"),
    [
        (OSError(errno.EMFILE, "Too many open files", "/data/a"), "/data/a: too many open files; raise the limit", 500),
        (OSError(errno.EIO, "Input/output error"), "the disk failed", 500),
        (OSError(errno.EROFS, "Read-only file system", b"/data"), "mounted read-only", 500),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory", 500),
        (OSError(errno.ENOSPC, "No space left on device", "/data/b"), "no space left to write /data/b", 507),
        (MemoryError(), "not enough memory for this request", 500),
    ],
)
def test_what_the_machine_refuses_is_said(error: Exception, says: str, http: int) -> None:
    refused = to_refusal(error)
    assert says in refused.message and refused.codes.http == http
    assert "internal error" not in refused.message


def test_another_error_of_the_system_is_unexpected() -> None:
    assert to_refusal(OSError(errno.ENOTTY, "Inappropriate ioctl")).codes == UNEXPECTED
