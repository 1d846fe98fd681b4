"""Findings in Cross Industry Invoices: judged by schema, with place, business term and a clerk's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from formats.finding import RunState
from formats.model import Invoice, PrecedingInvoice
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import cii
from gateway.rules.clerk import sentence
from gateway.rules.engine import RulesEngine
from tests.official import documents
from tests.strategies import sample_invoice

CORE, FACTUR_X = PROFILES["en16931-cii"], PROFILES["facturx-en16931"]


@pytest.fixture(scope="module")
def judge() -> Iterator[RulesEngine]:
    """Schemas only; business rules are another test's matter."""
    with RulesEngine(packs={}) as engine:
        yield engine


@pytest.mark.parametrize("profile", [CORE, FACTUR_X], ids=lambda profile: profile.key)
def test_a_schema_violation_names_line_and_term(judge: RulesEngine, profile: object) -> None:
    """The third line has its name twice, in the order of neither schema."""
    used = CORE if profile is CORE else FACTUR_X
    name = b"<ram:Name>Handbook</ram:Name>"
    broken = cii.write(used.prepare(sample_invoice())).replace(name, name + b"<ram:SellerAssignedID/>")
    report = judge.check(broken, used)
    assert report.runs[0].state is RunState.FAILED
    (finding,) = report.findings
    line = "ram:IncludedSupplyChainTradeLineItem[3]"
    assert finding.location == (
        f"/rsm:CrossIndustryInvoice/rsm:SupplyChainTradeTransaction/{line}"
        "/ram:SpecifiedTradeProduct/ram:SellerAssignedID"
    )
    assert finding.terms == ("BT-155",)
    assert sentence(finding, sample_invoice()).startswith("Line 3: ")


@pytest.mark.parametrize("profile", [CORE, FACTUR_X], ids=lambda profile: profile.key)
def test_ubl_is_no_cii(judge: RulesEngine, profile: object) -> None:
    report = judge.check(SYNTAXES["ubl-2.1"].write(sample_invoice()), CORE if profile is CORE else FACTUR_X)
    assert report.runs[0].state is RunState.FAILED
    assert "CrossIndustryInvoice" in report.findings[0].text


def test_the_schema_run_says_which_release_it_was(judge: RulesEngine) -> None:
    """D16B itself comes with no package, and the report does not claim it."""
    run = judge.check(cii.write(CORE.prepare(sample_invoice())), CORE).runs[0]
    assert (run.state, run.release) == (RunState.PASSED, "UN/CEFACT D22B in place of D16B")


def test_the_narrower_schema_refuses_what_is_beyond_the_core(judge: RulesEngine) -> None:
    """D22B knows a document's name, which is no term of EN 16931; the Factur-X schema does not."""
    document = cii.write(sample_invoice()).replace(
        b"<ram:TypeCode>380</ram:TypeCode>", b"<ram:Name>INVOICE</ram:Name><ram:TypeCode>380</ram:TypeCode>"
    )
    assert judge.check(document, CORE).runs[0].state is RunState.PASSED
    assert judge.check(document, FACTUR_X).runs[0].state is RunState.FAILED


@pytest.mark.parametrize("count", [0, 1, 2])
def test_preceding_invoices_are_allowed_in_number(judge: RulesEngine, count: int) -> None:
    preceding = tuple(PrecedingInvoice(number=f"2026-{number}") for number in range(count))
    invoice: Invoice = replace(sample_invoice(), preceding_invoices=preceding)
    for profile in (CORE, FACTUR_X):
        assert judge.check(cii.write(invoice), profile).runs[0].state is RunState.PASSED


def test_official_documents_pass_the_schema_of_their_profile(judge: RulesEngine) -> None:
    for path in documents("zugferd/xml/en16931"):
        assert judge.check(path.read_bytes(), FACTUR_X).runs[0].state is RunState.PASSED, path.name
