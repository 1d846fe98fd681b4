"""Fixtures of the discovery tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Surroundings
from connectors.channels.peppol.discovery.lookup import Directory
from connectors.channels.peppol.network import PeppolNetwork
from tests.connectors.peppol.authorities import NOW
from tests.connectors.peppol.little_network import LittleNetwork, little_network


@pytest.fixture
def network() -> Iterator[LittleNetwork]:
    """DNS zone, SMP and certificates on this machine."""
    with little_network() as made:
        yield made


@pytest.fixture
def directory(network: LittleNetwork, tmp_path: Path) -> Iterator[Directory]:
    """The directory of a gateway that lives in this network."""
    network.world.write(tmp_path / "trust" / "test")
    made = PeppolNetwork(network.settings(), surroundings(tmp_path))
    yield made.directory
    made.close()


def surroundings(folder: Path) -> Surroundings:
    def no_cell(key: str) -> Any:
        raise AssertionError(key)

    secrets: dict[str, str] = {}
    return Surroundings(secrets.__getitem__, lambda: NOW, no_cell, folder=folder)
