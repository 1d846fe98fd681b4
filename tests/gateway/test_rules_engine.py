"""The rules engine says what the official artefacts say, and never calls passed what it could not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from formats.errors import ConfigError
from formats.finding import CheckRun, Report, RunState, Severity
from formats.registry import PROFILES
from formats.syntaxes import ubl, xml
from gateway.rules import Engine, RulesEngine, installed_packs
from gateway.rules.clerk import sentence
from gateway.rules.location import readable_location
from gateway.rules.packs import read_pack
from tests.official import documents, test_cases, verdicts
from tests.strategies import every_term, sample_credit_note, sample_invoice

PEPPOL = PROFILES["peppol-bis-3"]
CORE = PROFILES["en16931-ubl"]
VALID = ubl.write(sample_invoice())


@pytest.fixture(scope="module", params=list(Engine))
def engine(request: pytest.FixtureRequest) -> Iterator[RulesEngine]:
    """Each of the two: whoever judges, the verdict is the same."""
    with RulesEngine(engine=request.param) as made:
        yield made


@pytest.fixture(scope="module")
def saxon() -> Iterator[RulesEngine]:
    with RulesEngine(engine=Engine.SAXON) as made:
        yield made


# Rules that mean something else in the installed release than in the one that the cases were written for.
CHANGED_SINCE = {"NL-R-007"}


def _ids(report: Report, prefix: str, severity: Severity) -> list[str]:
    """The ids of one publisher's rules, sorted, each once."""
    found = {
        finding.rule
        for finding in report.findings
        if finding.severity is severity
        and finding.rule != "XSD"
        and finding.rule.startswith("PEPPOL") == bool(prefix)
    }
    return sorted(found)


def _run(report: Report, name: str) -> CheckRun:
    return next(run for run in report.runs if run.name == name)


@pytest.mark.parametrize("invoice", [sample_invoice(), sample_credit_note()])
def test_correct_documents_pass_every_check(engine: RulesEngine, invoice: object) -> None:
    report = engine.check(ubl.write(invoice), PEPPOL)  # type: ignore[arg-type]
    assert report.findings == ()
    assert report.passed
    assert [run.state for run in report.runs] == [RunState.PASSED] * 3


def test_old_rules_are_called_old(engine: RulesEngine) -> None:
    """Whoever reads the report sees which release judged, and that a newer one binds."""
    report = engine.check(VALID, PEPPOL)
    peppol = _run(report, "Peppol BIS Billing rules for UBL")
    assert "November 2023" in peppol.release
    assert "3.0.21" in peppol.note
    core = _run(report, "EN 16931 rules for UBL")
    assert (core.release, core.note) == ("1.3.16", "")


def test_a_broken_rule_is_reported_with_id_place_and_terms(engine: RulesEngine) -> None:
    invoice = sample_invoice()
    assert invoice.totals is not None
    wrong = replace(invoice, totals=replace(invoice.totals, due=Decimal("2500.00")))
    report = engine.check(ubl.write(wrong), PEPPOL)
    (finding,) = report.fatal
    assert finding.rule == "BR-CO-16"
    assert finding.location == "/Invoice/cac:LegalMonetaryTotal"
    assert finding.terms[:3] == ("BT-115", "BT-112", "BT-113")
    assert not report.passed
    assert _run(report, "EN 16931 rules for UBL").state is RunState.FAILED
    assert sentence(finding, wrong) == (
        "Invoice total amount with VAT 2,524.22 = 2,524.22 EUR, "
        "but Amount due for payment (BT-115) says 2,500.00 EUR: 24.22 EUR too little."
    )


def test_a_finding_in_a_line_names_the_line(engine: RulesEngine) -> None:
    invoice = sample_invoice()
    broken = ubl.write(invoice).replace(
        b"<cbc:Name>Calibration on site</cbc:Name>", b"<cbc:Name> </cbc:Name>"
    )
    finding = next(found for found in engine.check(broken, CORE).fatal if found.rule == "BR-25")
    assert "BT-153" in finding.terms
    assert finding.location == "/Invoice/cac:InvoiceLine[2]"
    assert sentence(finding, invoice) == (
        "Line 2: Each Invoice line (BG-25) shall contain the Item name (BT-153)."
    )


def test_rules_are_not_run_on_what_breaks_the_schema(engine: RulesEngine) -> None:
    broken = VALID.replace(b"<cbc:ID>2026-00417</cbc:ID>", b"<cbc:Number>2026-00417</cbc:Number>", 1)
    report = engine.check(broken, PEPPOL)
    assert [run.state for run in report.runs] == [RunState.FAILED, RunState.NOT_RUN, RunState.NOT_RUN]
    assert "schema" in report.runs[1].note
    (finding,) = report.fatal
    assert finding.rule == "XSD"
    assert finding.location == "/Invoice/cbc:Number"
    assert "{" not in sentence(finding)
    study = engine.check(broken, PEPPOL, rules_despite_schema=True)
    assert "BR-02" in {finding.rule for finding in study.fatal}
    assert not study.passed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        VALID[:-20],
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
    ],
)
def test_other_content_fails_the_first_check(engine: RulesEngine, content: bytes) -> None:
    """Entity bombs and other documents never reach the rules process."""
    report = engine.check(content, PEPPOL)
    assert [run.state for run in report.runs] == [RunState.FAILED, RunState.NOT_RUN, RunState.NOT_RUN]
    assert [finding.rule for finding in report.fatal] == ["XSD"]


def test_a_pack_that_is_not_installed_is_not_run() -> None:
    packs = {key: pack for key, pack in installed_packs().items() if key != "peppol-ubl"}
    with RulesEngine(packs) as without:
        report = without.check(VALID, PEPPOL)
    assert [run.state for run in report.runs] == [RunState.PASSED, RunState.PASSED, RunState.NOT_RUN]
    assert "not installed" in report.runs[2].note
    assert not report.passed


def test_an_artefact_that_stops_is_not_run(tmp_path: Path) -> None:
    """A dynamic error gives no verdict: the other pack's findings stand, the report has not passed."""
    sheet = tmp_path / "stops.xsl"
    sheet.write_text(
        '<xsl:stylesheet version="2.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<xsl:template match="/"><xsl:value-of select="error()"/></xsl:template></xsl:stylesheet>'
    )
    packs = dict(installed_packs()) | {"peppol-ubl": read_pack("peppol-ubl", sheet)}
    with RulesEngine(packs) as made:
        report = made.check(VALID, PEPPOL)
    assert [run.state for run in report.runs] == [RunState.PASSED, RunState.PASSED, RunState.NOT_RUN]
    assert "could not be run" in report.runs[2].note
    assert not report.passed


def test_an_artefact_that_is_no_style_sheet_is_not_run(tmp_path: Path) -> None:
    sheet = tmp_path / "broken.xsl"
    sheet.write_text("<nothing/>")
    packs = dict(installed_packs()) | {"peppol-ubl": read_pack("peppol-ubl", sheet)}
    with RulesEngine(packs) as made:
        states = {run.name: run.state for run in made.warm()}
    assert states["Peppol BIS Billing rules for UBL"] is RunState.NOT_RUN
    assert states["EN 16931 rules for UBL"] is RunState.PASSED


def test_a_rule_file_that_cannot_be_read_is_the_operators_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_pack("peppol-ubl", tmp_path / "absent.xsl")
    with pytest.raises(ConfigError, match="no profile uses"):
        read_pack("peppol-uble", tmp_path / "absent.xsl")


def test_a_killed_process_is_replaced(saxon: RulesEngine) -> None:
    """Between two documents."""
    assert saxon.check(VALID, PEPPOL).passed
    (before,) = saxon.process_ids()
    os.kill(before, signal.SIGKILL)
    assert saxon.check(VALID, PEPPOL).passed
    assert saxon.process_ids() != (before,)


def test_a_process_killed_at_work_is_replaced(saxon: RulesEngine) -> None:
    """In the middle of a large document, which is then checked by the next process."""
    invoice = sample_invoice()
    lines = tuple(replace(invoice.lines[0], identifier=str(number)) for number in range(1500))
    content = ubl.write(replace(invoice, lines=lines))
    saxon.warm()
    (before,) = saxon.process_ids()
    killer = threading.Timer(0.4, os.kill, (before, signal.SIGKILL))
    killer.start()
    report = saxon.check(content, CORE)
    killer.join()
    assert report.not_run == ()
    assert "BR-CO-10" in {finding.rule for finding in report.fatal}
    assert saxon.process_ids() != (before,)


def test_a_document_that_takes_too_long_is_not_run() -> None:
    """The process is ended at the limit; the next document is checked as ever."""
    invoice = sample_invoice()
    lines = tuple(replace(invoice.lines[0], identifier=str(number)) for number in range(3000))
    with RulesEngine(timeout=0.5, engine="saxon") as hasty:
        hasty.warm()
        report = hasty.check(ubl.write(replace(invoice, lines=lines)), CORE)
        assert report.runs[1].state is RunState.NOT_RUN
        assert "0.5 seconds" in report.runs[1].note
        assert not report.passed
        hasty.warm()
        assert hasty.check(VALID, CORE).passed


def test_threads_share_the_engine() -> None:
    """Two processes, six threads, each document gets its own verdict."""
    good, bad = VALID, VALID.replace(b'schemeID="9930"', b'schemeID="9999"')
    verdicts_of: dict[int, bool] = {}
    with RulesEngine(workers=2, engine="saxon") as shared:
        shared.warm()
        assert len(shared.process_ids()) == 2

        def check(number: int) -> None:
            for _ in range(3):
                verdicts_of[number] = shared.check(good if number % 2 else bad, PEPPOL).passed

        threads = [threading.Thread(target=check, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verdicts_of == {number: bool(number % 2) for number in range(6)}


def test_closing_ends_the_processes() -> None:
    made = RulesEngine(engine=Engine.SAXON)
    made.warm()
    (process,) = made.process_ids()
    made.close()
    made.close()
    assert made.process_ids() == ()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


_LIMITED = """
import resource, sys
from pathlib import Path
from formats.registry import PROFILES
from gateway.rules.engine import Engine, RulesEngine

resource.setrlimit(resource.RLIMIT_AS, (16 * 1024**3, resource.getrlimit(resource.RLIMIT_AS)[1]))
content, core = Path(sys.argv[1]).read_bytes(), PROFILES["en16931-ubl"]
with RulesEngine(engine=Engine.SAXON) as limited, RulesEngine() as compiled:
    print(limited.check(content, core).runs[1])
    print(compiled.check(content, core).passed)
"""


def test_an_address_space_limit_is_explained(tmp_path: Path) -> None:
    """Saxon would end the process without a word; the worker looks at the limit first. Compiled rules need
    none of it. In a process of its own, since a limit holds for the whole process."""
    pytest.importorskip("resource", reason="address space limits exist on Unix only")
    document = tmp_path / "invoice.xml"
    document.write_bytes(VALID)
    command = [sys.executable, "-c", _LIMITED, str(document)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603
    saxon, compiled = done.stdout.splitlines()
    assert "NOT_RUN" in saxon
    assert "ulimit -v unlimited" in saxon
    assert compiled == "True"


@pytest.mark.parametrize("folder", ["en16931/ubl/examples", "en16931/ubl/testfiles", "peppol-bis-3/examples"])
def test_official_documents_get_the_official_verdict(engine: RulesEngine, folder: str) -> None:
    """The same ids with the same severity for the rules of EN 16931, in every example."""
    official = verdicts(folder)
    for path in documents(folder):
        verdict = official[path.name, 0]
        if "error" in verdict or "cen-ubl" not in verdict["rules"]:
            continue
        report = engine.check(path.read_bytes(), CORE, rules_despite_schema=True)
        for severity in Severity:
            expected = [rule for rule in verdict[severity] if not rule.startswith("PEPPOL")]
            assert _ids(report, "", severity) == expected, path.name
    assert any("cen-ubl" in verdict["rules"] for verdict in official.values())


@pytest.mark.parametrize("folder", ["en16931/ubl/rule-cases/invoice", "en16931/ubl/rule-cases/creditnote"])
def test_rule_cases_get_the_official_verdict(engine: RulesEngine, folder: str) -> None:
    """Every fifth case of the publisher's own tests: the same ids with the same severity."""
    official = verdicts(folder)
    compared = 0
    for case in list(test_cases(folder))[::5]:
        verdict = official[case.file, case.number]
        if "error" in verdict:
            continue
        report = engine.check(case.document, CORE, rules_despite_schema=True)
        for severity in Severity:
            assert _ids(report, "", severity) == verdict[severity], f"{case.file}, test {case.number}"
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("folder", ["PEPPOL", "NL", "DK", "IT"])
def test_peppol_rule_cases_meet_their_expectations(engine: RulesEngine, folder: str) -> None:
    """As far as the installed rules, which are older than the cases, know the rule at all."""
    known = engine.packs["peppol-ubl"].path.read_text(encoding="utf-8")
    compared = 0
    for case in list(test_cases(f"peppol-bis-3/rule-cases/{folder}"))[::3]:
        report = engine.check(case.document, PEPPOL, rules_despite_schema=True)
        fired = {finding.rule: finding.severity for finding in report.findings}
        for kind, rule in case.expected:
            if f'"{rule}"' not in known or rule in CHANGED_SINCE:
                continue
            wanted = {"error": Severity.FATAL, "warning": Severity.WARNING}.get(kind)
            assert fired.get(rule) == wanted, f"{case.file}, test {case.number}: {rule}"
            compared += 1
    assert compared


def test_locations_of_both_publishers_are_made_readable() -> None:
    root = xml.parse(ubl.write(every_term("380")))
    uri = "urn:oasis:names:specification:ubl:schema:xsd:"
    invoice, aggregate = f"{uri}Invoice-2", f"{uri}CommonAggregateComponents-2"
    iso = (
        f"/*:Invoice[namespace-uri()='{invoice}'][1]"
        f"/*:InvoiceLine[namespace-uri()='{aggregate}'][2]/*:Item[namespace-uri()='{aggregate}'][1]"
    )
    eq = f"/Q{{{invoice}}}Invoice[1]/Q{{{aggregate}}}InvoiceLine[2]/Q{{{aggregate}}}Item[1]"
    assert readable_location(root, iso) == "/Invoice/cac:InvoiceLine[2]/cac:Item"
    assert readable_location(root, eq) == "/Invoice/cac:InvoiceLine[2]/cac:Item"
    assert readable_location(root, f"{eq}/@id") == "/Invoice/cac:InvoiceLine[2]/cac:Item/@id"
    assert readable_location(root, "/Invoice[1]/nowhere[1]") == "/Invoice[1]/nowhere[1]"
    assert readable_location(root, "]]") == "]]"
