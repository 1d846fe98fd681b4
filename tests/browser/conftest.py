"""What the tests in a browser share. The browser and the demo's day are made once for all of them, and end
with them: the browser's loop must not run in the thread of other tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.setup import write_config
from tests.browser.office import Office, bad_day, copy_of, in_a_thread, opened
from tests.gateway import prepared
from tests.gateway.offline import Offline
from tests.gateway.web.conftest import Web

_HERE = Path(__file__).parent
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs a browser."""
    needs = pytest.mark.skipif(not _CHROMIUM, reason="needs a browser: apt-get install chromium")
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(needs)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="package")
def empty_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config folder with a database in which nothing has happened, to be copied."""
    config = tmp_path_factory.mktemp("empty") / "config"
    write_config(config, 21000)
    prepared.sqlite_copy(config / "gateway.db")
    return config


@pytest.fixture
def served(tmp_path: Path, empty_config: Path) -> Iterator[tuple[Web, str]]:
    """An empty gateway that answers on a port of this machine, with a clerk who has signed in."""
    config = shutil.copytree(empty_config, tmp_path / "config")
    with opened(config, roles={"marit": {ALL_COMPANIES: Role.FINANCE}}) as office:
        yield office.web, office.url


@pytest.fixture(scope="package")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offline]:
    """The demo's invoices on a bad day (see `bad_day`)."""
    with in_a_thread(bad_day(tmp_path_factory.mktemp("day"))) as made:
        yield made


@pytest.fixture(scope="package")
def demo(day: Offline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A gateway after that day, for everybody who only looks."""
    with copy_of(day, tmp_path_factory.mktemp("demo")) as office:
        yield office
