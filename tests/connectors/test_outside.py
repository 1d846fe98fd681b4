"""Addresses that others name never lead inside, not even when a name changes its mind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.http import HttpClient
from connectors.outside import InsideAddress, is_outside, outside_addresses
from formats.errors import RemoteRefused
from tests.connectors.peppol.servers import WebServer, web_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "64:ff9b::909:909", "2002:909:909::1"])
def test_public_addresses_are_outside(address: str) -> None:
    assert is_outside(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1"),
        *("::127.0.0.1", "::169.254.169.254", "::9.9.9.9", "::ffff:0:127.0.0.1", "::ffff:0:9.9.9.9"),
        *("fec0::1", "64:ff9b:1::7f00:1", "64:ff9b:1::909:909", "5f00::1", "4000::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2002:7f00:1::", "not an address"),
    ],
)
def test_all_others_are_not(address: str) -> None:
    assert not is_outside(address)


def test_a_name_that_leads_inside_is_refused() -> None:
    with pytest.raises(InsideAddress):
        outside_addresses("localhost", 443)
    with pytest.raises(InsideAddress):
        outside_addresses("[::1]", 443)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_connection_inside_is_refused_before_anything_is_sent(web: WebServer, host: str) -> None:
    client = HttpClient(f"http://{host}:{web.port}", clock=lambda: datetime.now(UTC), outside_only=True)
    with pytest.raises(RemoteRefused, match="leads into an inner network"):
        client.get_bytes("/")
    client.close()
    assert web.calls == []


def test_the_same_client_without_the_bound_gets_there(web: WebServer) -> None:
    web.pages["/"] = b"here"
    client = HttpClient(web.url, clock=lambda: datetime.now(UTC))
    assert client.get_bytes("/") == b"here"
    client.close()


def test_an_unknown_name_is_unknown() -> None:
    with pytest.raises(socket.gaierror):
        outside_addresses("nothing.invalid", 443)
