"""Tenants that are created or activated by the requests that use them, while others change them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from in_process import InProcess
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, TenantNotFound
from weft.domain.objects import IncomingObject
from weft.domain.tenants import Tenant, TenantStatus

ANYONE = Caller()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    made = InProcess(tmp_path)
    yield made
    made.close()


def create(server: InProcess, **tenancy: bool) -> None:
    server.service.collections.create({"class": "Shop", "multiTenancyConfig": {"enabled": True, **tenancy}})


def insert(server: InProcess) -> None:
    server.service.objects.insert(IncomingObject("Shop", None, {}, tenant="one"), ANYONE)


class Overtaken:
    """The turn to change schemas, which another request gets first."""

    def __init__(self, other: Callable[[], object]) -> None:
        self._other: Callable[[], object] | None = other
        self._turn = threading.RLock()

    def __enter__(self) -> None:
        self._turn.acquire()
        other, self._other = self._other, None
        if other is not None:
            other()

    def __exit__(self, *_: object) -> None:
        self._turn.release()


def overtake(server: InProcess, monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    monkeypatch.setattr(server.service.tenants._schemas, "turn", Overtaken(other))


def test_an_import_creates_its_tenant(server: InProcess) -> None:
    create(server, autoTenantCreation=True)
    insert(server)
    assert server.service.tenants.all("Shop") == [Tenant("one", TenantStatus.ACTIVE)]


def test_a_tenant_that_another_request_makes_inactive_first_stays_so(
    server: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(server, autoTenantCreation=True)
    inactive = Tenant("one", TenantStatus.INACTIVE)
    overtake(server, monkeypatch, lambda: server.service.tenants.create("Shop", [inactive]))
    with pytest.raises(Invalid, match="tenant not active"):
        insert(server)
    assert server.service.tenants.all("Shop") == [inactive]


def test_a_tenant_that_another_request_deletes_is_not_activated_again(
    server: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(server, autoTenantActivation=True)
    server.service.tenants.create("Shop", [Tenant("one", TenantStatus.INACTIVE)])
    overtake(server, monkeypatch, lambda: server.service.tenants.delete("Shop", ["one"]))
    with pytest.raises(TenantNotFound):
        insert(server)
    assert server.service.tenants.all("Shop") == []
