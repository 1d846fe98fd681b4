"""One application for each file of tests, for they share nothing but counted calls; and an invoice that is at
its buyer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.store.tables import portal_calls
from gateway.web.app import create_app
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.portal.shared import at_buyer, invoice, share
from tests.gateway.web.conftest import Web, written

__all__ = ["Shared", "running", "shared", "web", "written"]


@dataclass(frozen=True, slots=True)
class Shared:
    """An invoice, a link to it, and the path of its page."""

    web: Web
    one: Submission
    link: PortalLink
    path: str


@pytest.fixture(scope="module")
def running(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    config = shutil.copytree(written, tmp_path_factory.mktemp("portal") / "config")
    prepared.sqlite_copy(config / "gateway.db")
    gateway = Gateway.open(config)
    with TestClient(create_app(gateway), base_url="https://testserver", follow_redirects=False) as client:
        web = Web(gateway, client)
        web.add("marit", {ALL_COMPANIES: Role.FINANCE})
        web.add("vera", {ALL_COMPANIES: Role.VIEWER})
        yield web
    gateway.close()


@pytest.fixture
def web(running: Web) -> Web:
    """The application, to which nobody has come yet."""
    with running.gateway.database.begin() as connection:
        connection.execute(delete(portal_calls))
    return running


@pytest.fixture
def shared(web: Web) -> Shared:
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date()))
    link, path = share(web.gateway, one)
    return Shared(web, one, link, path)
