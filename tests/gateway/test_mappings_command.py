"""gateway mappings, as whoever maintains a mapping uses it: examples, and what a change would do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from gateway.pipeline.runner import Runner
from gateway.wiring import Gateway
from mappings.registry import MAPPINGS
from tests.gateway.offline import offline_world
from tests.golden import MAPPING_EXAMPLES

_CHANGED = """
mapping: ours
version: "2"
extends: sap_invoic02
terms:
  BT-10: {const: "always this"}
"""
_BROKEN = """
mapping: broken
version: "3"
extends: sap_invoic02
terms:
  BT-12: {from: doc.nowhere, field: "A field nobody fills", required: true}
"""


def _run(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["-c", str(config), "mappings", *map(str, arguments)])


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A config folder whose gateway has taken in what SAP put out."""
    with offline_world(tmp_path_factory.mktemp("mappings"), ["sap"]) as offline:
        gateway = Gateway.open(offline.config)
        runner = Runner(gateway)
        runner.collect("sap-nordlicht")
        runner.work()
        gateway.close()
        yield offline.config


@pytest.fixture
def config(worked: Path) -> Iterator[Path]:
    yield worked
    shutil.rmtree(worked / "mappings", ignore_errors=True)


def test_a_kept_invoice_is_an_example_that_a_changed_mapping_breaks(config: Path) -> None:
    kept = _run(config, "keep", "90000202", "discounts")
    assert kept.exit_code == 0, kept.output
    folder = config / "mappings" / "examples" / "sap_invoic02" / "discounts"
    assert json.loads((folder / "invoice.json").read_text("utf-8"))["BT-1"] == "90000202"
    assert _run(config, "check").exit_code == 0

    said = json.loads((folder / "invoice.json").read_text("utf-8"))
    (folder / "invoice.json").write_text(json.dumps({**said, "BT-1": "something else"}), "utf-8")
    failed = _run(config, "check", "sap_invoic02")
    assert failed.exit_code == 1
    assert "BT-1" in failed.stdout
    assert "something else -> 90000202" in failed.stdout

    assert _run(config, "accept", "sap_invoic02", "discounts").exit_code == 0
    assert _run(config, "check", "sap_invoic02").exit_code == 0


def test_a_mapping_without_examples_is_not_called_passed(config: Path) -> None:
    (config / "mappings").mkdir()
    (config / "mappings" / "ours.yaml").write_text(_CHANGED, "utf-8")
    result = _run(config, "check", "ours")
    assert result.exit_code == 0
    assert "no examples" in result.stdout
    assert "passed" not in result.stdout


def test_the_examples_of_the_gateway_run_without_any_of_ones_own(tmp_path: Path) -> None:
    """On a machine with nothing but the gateway, for each of its mappings."""
    result = _run(tmp_path, "check", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert {row["mapping"] for row in told["examples"]} == set(MAPPINGS)
    assert {row["from"] for row in told["examples"]} == {"the gateway"}
    assert told["without examples"] == []


def test_a_mapping_of_ones_own_is_not_held_against_the_examples_of_the_gateway(tmp_path: Path) -> None:
    """Neither where it has the name of ours, nor where its tables change what ours gives."""
    own = tmp_path / "mappings"
    (own / "tables").mkdir(parents=True)
    (own / "sap_invoic02.yaml").write_text(
        _CHANGED.replace("ours", "sap_invoic02").replace("extends: sap_invoic02", "extends: tryton"), "utf-8"
    )
    (own / "tables" / "tryton.yaml").write_text("units: {}\ntaxes: {}\nexemptions: {}\n", "utf-8")
    told = json.loads(_run(tmp_path, "check", "sap_invoic02", "tryton", "--json").stdout)
    assert {row["mapping"] for row in told["examples"]} == {"tryton"}
    assert all(row["passed"] for row in told["examples"])
    assert told["without examples"] == ["sap_invoic02"]


def test_our_own_examples_run_by_the_command(config: Path) -> None:
    result = _run(config, "check", "sap_invoic02", "--examples", MAPPING_EXAMPLES, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert len(told["examples"]) == len(list((MAPPING_EXAMPLES / "sap_invoic02").glob("*/source.*")))
    assert told["without examples"] == []


def test_a_replay_names_what_would_change_and_sends_nothing(config: Path, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(_CHANGED, "utf-8")
    gateway = Gateway.open(config)
    with gateway.database.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*), max(seq) FROM journal").one()
    result = _run(config, "diff", "sap_invoic02", tmp_path / "ours.yaml", "--json")
    told = {row["number"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 0, result.output
    assert told["90000201"]["terms"] == [["BT-10", "01062-80412-93", "always this"]]
    assert told["90000201"]["newly_broken"] == []
    with gateway.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*), max(seq) FROM journal").one() == before
    gateway.close()


def test_a_replay_fails_where_the_new_mapping_would_stop_invoices(config: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(_BROKEN, "utf-8")
    result = _run(config, "diff", "sap_invoic02", tmp_path / "broken.yaml")
    assert result.exit_code == 1
    assert "taken -> A field nobody fills is empty" in result.stdout
    assert "nothing was stored or sent" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("keep", "no-such-number", "case"), "no invoice"),
        (("keep", "90000201", "../outside"), "name of an example"),
        (("diff", "sap_invoic02", "missing.yaml"), "no such file"),
        (("diff", "sap_invoic02", "netsuite", "--since", "soon"), "number of days"),
        (("diff", "netsuite", "sap_invoic02"), "no source uses"),
        (("accept", "sap_invoic02"), "no such example"),
        (("check", "nonsense"), "no mapping file"),
    ],
)
def test_a_wrong_call_says_what_to_do(config: Path, arguments: tuple[str, ...], why: str) -> None:
    result = _run(config, *arguments)
    assert result.exit_code != 0
    assert why in str(result.exception)


def test_editors_get_the_schema(config: Path) -> None:
    schema = json.loads(_run(config, "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "BT-" in json.dumps(schema)


def test_the_list_counts_examples_and_says_whose_a_mapping_is(config: Path) -> None:
    (config / "mappings").mkdir()
    (config / "mappings" / "ours.yaml").write_text(_CHANGED, "utf-8")
    rows = {row["mapping"]: row for row in json.loads(_run(config, "list", "--json").stdout)}
    assert rows["ours"]["yours"]
    assert rows["ours"]["version"] == "2 on sap_invoic02 1"
    assert not rows["netsuite"]["yours"]
