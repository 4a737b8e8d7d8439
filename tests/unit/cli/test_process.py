"""What a server's process does about its memory."""

from __future__ import annotations

import gc

from weft.cli import process


def test_what_is_loaded_is_left_out_of_garbage_collections() -> None:
    thresholds = gc.get_threshold()
    try:
        process.settle()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] > thresholds[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
