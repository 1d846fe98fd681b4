"""Fixtures of the certificate tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.peppol.authorities import World
from tests.connectors.peppol.servers import WebServer, web_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A server on which authorities publish."""
    with web_server() as server:
        yield server


@pytest.fixture(scope="session")
def world() -> World:
    """A PKI whose certificates name no place to ask about revocation."""
    return World.made()
