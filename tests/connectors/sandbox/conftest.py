"""The imitated Peppol network, running, as the tests of its parts use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.peppol.desk import PeppolDesk


@pytest.fixture
def network() -> Iterator[PeppolDesk]:
    """The whole network on free ports; nothing inside may break."""
    network = PeppolDesk(0)
    network.start()
    try:
        yield network
        assert network.failures == []
    finally:
        network.stop()
