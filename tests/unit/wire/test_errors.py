"""Every error of the domain has its own row, and no row uses a code that clients read as something else."""

from __future__ import annotations

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
    assert (row.http < 500 or kind is errors.Unsupported) == issubclass(kind, errors.CallerError)
    assert grpc.StatusCode[row.grpc] not in (
        grpc.StatusCode.OK,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    )


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
