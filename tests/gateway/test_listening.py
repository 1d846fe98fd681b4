"""The interface beside the scheduler: a port that is taken is tried again and told, and freed at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.alarms.watches import channels
from gateway.cli.rounds import Web
from gateway.wiring import Gateway
from tests.gateway.offline import offline_world


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def gateway(tmp_path: Path, taken: socket.socket) -> Iterator[Gateway]:
    with offline_world(tmp_path, ("sap",), also=("peppol",)) as offline:
        opened = Gateway.open(offline.config)
        web = opened.settings.web.model_copy(update={"enabled": True, "port": taken.getsockname()[1]})
        opened.settings = replace(opened.settings, web=web)
        yield opened
        opened.close()


def wait(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_taken_port_is_told_and_tried_again(gateway: Gateway, taken: socket.socket) -> None:
    web = Web(gateway, again=0.1)
    try:
        web.start(lambda: None)
        (found,) = channels.watch(gateway, gateway.clock())
        assert found.subject == "web"
        assert "peppol" in found.sentence
        taken.close()
        wait(lambda: web.listening)
        assert list(channels.watch(gateway, gateway.clock())) == []
    finally:
        web.stop()


def test_an_end_frees_the_port_although_a_caller_is_connected(gateway: Gateway, taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    taken.close()
    web = Web(gateway, again=0.1)
    web.start(lambda: None)
    try:
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(b"POST /as4 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            web.leave()
            socket.create_server(("127.0.0.1", port)).close()
    finally:
        web.stop()


def test_an_end_while_the_port_is_taken_ends_the_tries(gateway: Gateway) -> None:
    web = Web(gateway, again=0.1)
    web.start(lambda: None)
    web.leave()
    web.stop()
    assert not [one for one in threading.enumerate() if one.name == "web again"]
