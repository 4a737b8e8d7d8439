"""Fixtures for the tests of programs that use Weft; pytest finds them where Weft is installed.

    def test_search(weft):
        weft.collections.create("Article")

``weft`` is a connected client of a server in this process that starts once a session. Each test begins without
collections. Settings are those of ``weft.connect``, from the environment or by a fixture ``weft_settings`` of one's own
(scope: session).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from weft.embedded import EmbeddedClient
    from weft.embedded.settings import ConnectSettings


@pytest.fixture(scope="session")
def weft_settings() -> ConnectSettings:
    """The settings of the session's server; to be replaced by a fixture of the same name."""
    return {}


@pytest.fixture(scope="session")
def weft_session(weft_settings: ConnectSettings) -> Iterator[EmbeddedClient]:
    """A client of the session's server, on a temporary folder that is not synced; what tests store stays there."""
    import weft

    settings: ConnectSettings = {"durable": False}
    settings.update(weft_settings)
    with weft.connect(**settings) as client:
        yield client


@pytest.fixture
def weft(weft_session: EmbeddedClient) -> Iterator[EmbeddedClient]:
    """The session's client; the collections and aliases that a test has made are gone when it ends."""
    yield weft_session
    for alias in weft_session.alias.list_all():
        weft_session.alias.delete(alias_name=alias)
    weft_session.collections.delete_all()
