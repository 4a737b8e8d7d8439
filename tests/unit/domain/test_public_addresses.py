"""Which addresses are public, and that a name is connected to at the address that was checked."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from weft.domain.errors import Invalid
from weft.domain.outgoing import client, only_to_public
from weft.domain.public_addresses import is_public, public_addresses


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::7f00:1"),
        *(
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::",
        ),
        *("2001:0:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "3fff::1", "5f00::1", "4000::1", "localhost", ""),
    ],
)
def test_addresses_of_machines_networks_and_tunnels(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "::1", "", "\0", "." * 300]
)
def test_names_of_this_machine(host: str) -> None:
    with pytest.raises(Invalid, match="WEFT_PROVIDER_HOSTS"):
        public_addresses(host, 443)


class Names:
    """Answers look-ups of ``host`` with each of ``addresses`` in turn; others as the system does."""

    def __init__(self, host: str, *addresses: list[str]) -> None:
        self.host, self.addresses, self.asked = host, list(addresses), 0
        self._look_up = socket.getaddrinfo

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != self.host:
            return self._look_up(host, port, *args, **kwargs)
        self.asked += 1
        found = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], []])
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names("rebound.example", addresses))
    with client(timeout_s=5) as http, only_to_public(True), pytest.raises(Invalid, match=r"rebound\.example"):
        http.get("http://rebound.example/")


def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second answer to a look-up would be a private one."""
    listener = socket.create_server(("127.0.0.1", 0))
    names = Names("rebound.example", ["8.8.8.8"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    connected: list[Any] = []

    def connect(address: Any, *args: Any, **kwargs: Any) -> Any:
        connected.append(address)
        raise OSError("no way out of a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    port = listener.getsockname()[1]
    with client(timeout_s=5) as http, only_to_public(True), pytest.raises(Exception, match="no way out"):
        http.get(f"http://rebound.example:{port}/")
    assert connected == [("8.8.8.8", port)] and names.asked == 1
    listener.close()


def test_what_answers_elsewhere_than_at_the_checked_address_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port, create = listener.getsockname()[1], socket.create_connection
    monkeypatch.setattr(socket, "getaddrinfo", Names("rebound.example", ["8.8.8.8"]))
    monkeypatch.setattr(socket, "create_connection", lambda address, *args, **kwargs: create(("127.0.0.1", port)))
    with client(timeout_s=5) as http, only_to_public(True), pytest.raises(Invalid):
        http.get("http://rebound.example/")
    accepted, _ = listener.accept()
    assert accepted.recv(100) == b""
    accepted.close()
    listener.close()
