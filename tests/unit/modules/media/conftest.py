"""One decoder for all tests: its workers take a third of a second to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from weft.modules.media import MediaDecoder


@pytest.fixture(scope="package")
def decoder() -> Iterator[MediaDecoder]:
    made = MediaDecoder(workers=2)
    yield made
    made.close()
