"""One gateway and one access point on phase4 for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop import peer
from tests.interop.peer import Phase4
from tests.interop.world import Site, open_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Access point POP000001."""
    with open_site(tmp_path_factory.mktemp("interop")) as site:
        yield site


@pytest.fixture(scope="session")
def phase4(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phase4]:
    """Access point POP000002."""
    try:
        program = peer.build()
    except peer.NotBuilt as reason:
        pytest.skip(f"no proof against phase4: {reason}")
    with peer.running(program, tmp_path_factory.mktemp("phase4"), site.pki) as running:
        yield running
