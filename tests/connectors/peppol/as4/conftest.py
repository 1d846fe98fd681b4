"""A network of two access points for each test; their keys are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.peppol.as4.world import Network, key_of
from tests.connectors.peppol.authorities import World


@pytest.fixture(scope="session")
def peppol_world() -> World:
    return World.made()


@pytest.fixture(scope="session")
def _network(peppol_world: World, tmp_path_factory: pytest.TempPathFactory) -> Network:
    a, b = (key_of(peppol_world.access_points.issue(seat)) for seat in ("POP000001", "POP000002"))
    return Network(tmp_path_factory.mktemp("as4"), peppol_world, a, b)


@pytest.fixture
def network(_network: Network, tmp_path: Path) -> Network:
    """A fresh inbox and an empty folder."""
    return Network(tmp_path, _network.world, _network.a, _network.b)
