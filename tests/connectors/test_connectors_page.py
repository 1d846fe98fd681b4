"""docs/connectors.md does what it says: its example is installed as it stands there, and passes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.conformance.behaviours import BEHAVIOURS
from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "connectors.md"


def test_the_page_lists_every_behaviour() -> None:
    listed = re.findall(r"^\| ([^|`]+) \| ([^|]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    rows = {name.strip(): why.strip() for name, why in listed}
    assert {behaviour.name: behaviour.why for behaviour in BEHAVIOURS}.items() <= rows.items()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page in a folder, with the metadata that an installation writes."""
    folder = tmp_path_factory.mktemp("acme")
    for name, text in re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    (folder / "acme_gateway" / "__init__.py").write_text("")
    metadata = folder / "acme_gateway-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-gateway\nVersion: 1.0\n")
    project = (folder / "pyproject.toml").read_text("utf-8")
    points = re.findall(r'\[project\.entry-points\."([a-z_.]+)"\]\n(\w+) = "(\S+)"', project)
    assert len(points) == 4
    text = "".join(f"[{group}]\n{name} = {value}\n" for group, name, value in points)
    (metadata / "entry_points.txt").write_text(text)
    return folder


def gateway(*arguments: str, plugin: Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{plugin}{os.pathsep}{ROOT}"}
    return subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "gateway.cli.main", *arguments],
        env=environment,
        cwd=folder or plugin,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_connector_of_the_page_passes(installed: Path) -> None:
    done = gateway("connector-test", "acme", "--json", plugin=installed)
    outcomes = {one["behaviour"]: (one["verdict"], one["note"]) for one in json.loads(done.stdout)}
    failed = {name: note for name, (verdict, note) in outcomes.items() if verdict == "failed"}
    assert (failed, done.returncode) == ({}, 0), done.stderr
    skipped = {name for name, (verdict, _) in outcomes.items() if verdict == "not applicable"}
    assert skipped == {
        *("clock skew", "expired token", "duplicate", "closed period", "master data"),
        *("counting", "payment posting", "received invoices", "forged calls", "empty pushes"),
    }


def test_a_source_of_the_page_is_checked(installed: Path, tmp_path: Path) -> None:
    """Settings, mapping and connector of a plug-in are used like those that are built in."""
    assert gateway("init", str(tmp_path / "config"), plugin=installed).returncode == 0
    (tmp_path / "config" / "sources" / "acme.yaml").write_text(
        (installed / "sources" / "acme.yaml").read_text()
    )
    done = gateway("-c", str(tmp_path / "config"), "check", "acme", "--json", plugin=installed)
    steps = {step["step"]: step for step in json.loads(done.stdout)}
    assert steps["mapping"]["seen"] == "acme 1, Acme sales invoice"
    assert not steps["connection and login"]["ok"], "nothing listens there"
    secret = tmp_path / "config" / "secrets" / "acme-token"
    assert secret.read_text() == "acme-demo-token", "gateway init writes the logins of its imitation"
