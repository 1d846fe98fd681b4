"""gateway portal: the links of an invoice by command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formats.errors import ConfigError
from gateway.cli.main import app
from gateway.pipeline.submission import State
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.portal.conftest import written
from tests.gateway.portal.shared import at_buyer, invoice

__all__ = ["written"]


@pytest.fixture(scope="module")
def config(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(written, tmp_path_factory.mktemp("command") / "config")
    prepared.sqlite_copy(folder / "gateway.db")
    settings = folder / "gateway.yaml"
    text = settings.read_text("utf-8").replace('address: ""', "address: https://invoices.example.com")
    settings.write_text(text, "utf-8")
    gateway = Gateway.open(folder)
    today = gateway.clock().date()
    at_buyer(gateway, invoice("2026-1", today=today))
    at_buyer(gateway, invoice("2026-2", today=today, addressed=False))
    at_buyer(gateway, invoice("2026-3", today=today))
    at_buyer(gateway, invoice("2026-3", today=today, due_in=20))
    at_buyer(gateway, invoice("2026-4", today=today), state=State.SUPERSEDED)
    gateway.close()
    return folder


def run(config: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["-c", str(config), "portal", *words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_a_link_is_made_listed_and_revoked(config: Path) -> None:
    made = json.loads(run(config, "link", "2026-1", "--days", "3", "--json"))
    assert made["url"].startswith("https://invoices.example.com/p/" + made["link"])
    (listed,) = json.loads(run(config, "list", "2026-1", "--json"))
    assert (listed["url"], listed["holds"], listed["openings"]) == (made["url"], True, 0)
    assert "not opened yet" in run(config, "list", "2026-1")
    assert "1 link opens nothing any more." in run(config, "revoke", "2026-1")
    assert "0 links open nothing any more." in run(config, "revoke", "2026-1")
    assert made["url"] not in run(config, "list", "2026-1")
    assert "revoked" in run(config, "list", "2026-1")


def test_the_link_stands_alone_on_its_line(config: Path) -> None:
    first, second = run(config, "link", "2026-2").splitlines()
    assert first.startswith("https://invoices.example.com/p/")
    assert second.startswith("For Brouwerij De Klaproos NV, holds until ")
    assert "There is no link to 2026-9" in run(config, "list", "2026-9")


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("2026-3", "2 invoices have the number"),
        ("2026-4", "nothing that a buyer"),
        ("2026-9", "there is no invoice"),
    ],
)
def test_what_cannot_be_shared_is_said(config: Path, number: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        run(config, "link", number)
