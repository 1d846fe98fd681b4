"""Facturae 3.2.2: what Spain says beyond EN 16931, there and back, judged by the official schema where it
is."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from formats.errors import DocumentError, MalformedDocument
from formats.model import Invoice, LineVat
from formats.model.spain import (
    Centre,
    Correction,
    Instalment,
    Person,
    Spain,
    SpanishLineTax,
    SpanishTax,
    Withheld,
)
from formats.profiles import facturae as profile
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import cii, facturae, ubl, xml
from gateway.rules.archive import ZipTree
from gateway.rules.schemas import schemas_in
from gateway.rules.xsd import Schema
from tests.formats.artefacts import _unpacked
from tests.formats.syntaxes.national import spanish
from tests.official import folder
from tests.strategies import invoices, sample_credit_note, sample_invoice

BINDING = facturae.BINDING
# The sample's terms that Facturae has no place for.
LOST = {
    "BT-10",
    "BT-23",
    "BT-24",
    "BT-30",
    "BT-34",
    "BT-49",
    "BT-75",
    "BT-77",
    "BT-78",
    "BT-80",
    "BT-82",
    "BT-85",
    "BT-95",
    "BT-96",
    "BT-102",
    "BT-103",
    "BT-157",
}
IRPF = Withheld(tax_type="04", rate=Decimal("15.00"), base=Decimal("100.00"), amount=Decimal("15.00"))


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema(_unpacked("phive-rules-facturae") / "external/schemas/Facturaev3_2_2.xsd")


EVERYTHING = Spain(
    series="2026-",
    exchange_rate=Decimal("1.00"),
    exchange_date=date(2026, 11, 19),
    language="ca",
    centres=(
        Centre(code="L01280796", role="01"),
        Centre(code="L01280796", role="02", description="Órgano gestor"),
        Centre(code="LA0000001", role="03", street="Plaza 2", post_code="28013", town="Madrid"),
    ),
    withheld=(IRPF,),
    instalments=(
        Instalment(due_date=date(2026, 12, 20), amount=Decimal("1000.00")),
        Instalment(due_date=date(2027, 1, 20), amount=Decimal("1509.22")),
    ),
    retention_reason="Garantía de obra",
    retention=Decimal("100.00"),
)


@pytest.mark.parametrize("sample", [sample_invoice(), sample_credit_note()])
def test_the_sample_is_valid_and_comes_back_but_for_what_is_named(sample: Invoice, schema: Schema) -> None:
    document = BINDING.write(sample)
    assert schema.check(xml.parse(document), BINDING) == ()
    assert set(BINDING.losses(sample)) == LOST
    assert BINDING.unread(document) == ()
    assert BINDING.write(BINDING.read(document)) == document


@pytest.mark.parametrize("sample", [sample_invoice(), sample_credit_note()])
def test_what_spain_says_beyond_the_standard_comes_back(sample: Invoice, schema: Schema) -> None:
    """Series, administrative centres, tax withheld, instalments, retention."""
    invoice = spanish(sample, spain=EVERYTHING)
    document = BINDING.write(invoice)
    assert schema.check(xml.parse(document), BINDING) == ()
    assert BINDING.read(document).spain == EVERYTHING
    assert BINDING.unread(document) == ()
    assert not [term for term in BINDING.losses(invoice) if term.startswith("ES-")]


def test_withheld_tax_lowers_what_is_paid_and_not_the_invoice() -> None:
    root = xml.parse(BINDING.write(spanish(sample_invoice(), spain=Spain(withheld=(IRPF,)))))
    totals = root.find("Invoices/Invoice/InvoiceTotals")
    assert totals is not None
    assert totals.findtext("TotalTaxesWithheld") == "15.00"
    assert totals.findtext("InvoiceTotal") == "2509.22"
    assert BINDING.read_tree(root).totals == sample_invoice().totals


def test_a_credit_note_is_a_correction_by_differences() -> None:
    """Negative amounts, method 02, and the texts of the official lists."""
    document = BINDING.write(spanish(sample_credit_note()))
    assert b"<InvoiceClass>OR</InvoiceClass>" in document
    assert "Rectificación por diferencias".encode() in document
    assert b"<InvoiceTotal>-2524.22</InvoiceTotal>" in document
    back = BINDING.read(document)
    assert back.type_code == "381"
    assert back.totals == sample_credit_note().totals


def test_a_corrected_invoice_keeps_its_reason_and_method() -> None:
    correction = Correction(reason="83", method="03", explanation="Rappel 2026")
    sample = replace(
        sample_invoice(), type_code="384", preceding_invoices=sample_credit_note().preceding_invoices
    )
    invoice = spanish(sample, spain=Spain(correction=correction))
    back = BINDING.read(BINDING.write(invoice))
    assert back.type_code == "384"
    assert back.spain == Spain(correction=correction)
    assert back.preceding_invoices == invoice.preceding_invoices


@pytest.mark.parametrize(
    ("category", "code"), [("E", "01"), ("AE", "01"), ("K", "01"), ("G", "01"), ("O", "02"), ("Z", None)]
)
def test_categories_without_tax_come_back(category: str, code: str | None, schema: Schema) -> None:
    """Facturae has no categories: the special event of the lines and its words tell them."""
    rate = None if category == "O" else Decimal(0)
    sample = sample_invoice()
    row = replace(
        sample.vat_breakdown[0],
        category=category,
        rate=rate,
        tax_amount=Decimal(0),
        taxable_amount=Decimal("2114.50"),
        exemption_reason=None if category == "Z" else "Art. 20",
    )
    invoice = spanish(
        sample,
        vat_breakdown=(row,),
        allowances=(),
        charges=(),
        lines=tuple(replace(line, vat=LineVat(category=category, rate=rate)) for line in sample.lines),
    )
    document = BINDING.write(invoice)
    assert schema.check(xml.parse(document), BINDING) == ()
    back = BINDING.read(document)
    assert back.vat_breakdown == (row,)
    assert {line.vat for line in back.lines} == {LineVat(category=category, rate=rate)}
    assert xml.parse(document).findtext(".//SpecialTaxableEventCode") == code


@pytest.mark.parametrize(("category", "tax_type"), [("S", "01"), ("M", "02"), ("L", "03")])
def test_each_tax_has_its_type(category: str, tax_type: str) -> None:
    """IVA, IPSI of Ceuta and Melilla, IGIC of the Canary Islands."""
    sample = sample_invoice()
    invoice = spanish(
        sample,
        vat_breakdown=tuple(replace(row, category=category) for row in sample.vat_breakdown),
        lines=tuple(
            replace(line, vat=LineVat(category=category, rate=line.vat.rate))
            for line in sample.lines
            if line.vat
        ),
    )
    root = xml.parse(BINDING.write(invoice))
    assert {one.text for one in root.iter("TaxTypeCode")} == {tax_type}
    assert BINDING.read_tree(root).vat_breakdown == invoice.vat_breakdown


def test_other_taxes_and_the_equivalence_surcharge_come_back(schema: Schema) -> None:
    surcharge = {"surcharge_rate": Decimal("5.20"), "surcharge": Decimal("100.98")}
    sample = sample_invoice()
    first, second = sample.vat_breakdown
    line = replace(sample.lines[0], spain=SpanishLineTax(tax_type="05", withheld=(IRPF,)))
    invoice = spanish(
        sample,
        vat_breakdown=(replace(first, spain=SpanishTax(**surcharge)), second),  # type: ignore[arg-type]
        lines=(line, *sample.lines[1:]),
    )
    document = BINDING.write(invoice)
    assert schema.check(xml.parse(document), BINDING) == ()
    back = BINDING.read(document)
    assert back.vat_breakdown == invoice.vat_breakdown
    assert back.lines[0].spain == line.spain


def test_a_person_is_told_by_the_number() -> None:
    """A DNI is a person's; the name is split, and comes back whole."""
    invoice = spanish(sample_invoice())
    assert invoice.buyer is not None
    invoice = replace(
        invoice, buyer=replace(invoice.buyer, name="Ana García López", vat_identifier="ES12345678Z")
    )
    document = BINDING.write(invoice)
    assert b"<Name>Ana</Name>" in document
    back = BINDING.read(document)
    assert back.buyer is not None
    assert back.buyer.name == "Ana García López"
    assert back.spain is None
    parts = Spain(buyer=Person(first_name="Ana", surname="García", second_surname="López"))
    again = BINDING.read(BINDING.write(replace(invoice, spain=parts)))
    assert again.spain is not None
    assert again.spain.buyer == parts.buyer


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"currency": "XTS"}, "BT-5"),
        ({"number": "1" * 21}, "BT-1"),
        ({"buyer": None}, "buyer, BT-48"),
        ({"lines": ()}, "BG-25"),
        ({"issue_date": None}, "BT-2"),
    ],
)
def test_what_cannot_be_said_is_refused_and_named(changes: dict[str, object], where: str) -> None:
    with pytest.raises(DocumentError) as caught:
        BINDING.write(spanish(sample_invoice(), **changes))
    assert caught.value.where == where


@pytest.mark.parametrize("name", ["en16931/ubl/examples", "en16931/cii/examples", "peppol-bis-3/examples"])
def test_european_examples_become_valid_documents(name: str, schema: Schema) -> None:
    """All that say what Spain wants of every invoice; written again they are the same."""
    written, refused = 0, []
    for path in sorted(folder(name).rglob("*.xml")):
        root = xml.parse(path.read_bytes())
        roots = (cii.BINDING, ubl.BINDING)
        binding = next((one for one in roots if root.tag in (one.invoice_root, one.credit_note_root)), None)
        if binding is None:
            continue
        try:
            document = BINDING.write(profile.PROFILE.prepare(binding.read_tree(root)))
        except DocumentError as error:
            refused.append(error.what)
            continue
        written += 1
        assert schema.check(xml.parse(document), BINDING) == (), path.name
        assert BINDING.write(BINDING.read(document)) == document, path.name
    assert written
    assert all("no tax identification" in what or "characters" in what for what in refused)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(invoices())
def test_any_invoice_is_written_or_refused_and_what_is_read_stays(invoice: Invoice) -> None:
    """Once in Spanish shape, writing and reading change nothing more."""
    try:
        if invoice.seller and invoice.buyer:
            invoice = spanish(invoice, currency="EUR", number="17", issue_date=date(2026, 11, 20))
        first = BINDING.read(BINDING.write(invoice))
    except DocumentError:
        return
    assert BINDING.read(BINDING.write(first)) == first


def test_the_profile_is_found_by_the_document() -> None:
    assert PROFILES["facturae"].syntax == facturae.KEY
    assert SYNTAXES[facturae.KEY] is BINDING
    with pytest.raises(MalformedDocument):
        BINDING.read(b"<Facturae/>")


def test_the_added_schema_is_found_in_the_archive_that_brings_it(schema: Schema) -> None:
    """What `gateway rules add` does with the JAR."""
    del schema  # skips where there are no archives
    (jar,) = Path(os.environ["GATEWAY_TEST_RULES"]).glob("phive-rules-facturae-*.jar")
    tree = ZipTree(jar)
    found = schemas_in(tree)
    tree.close()
    assert [one.key for one in found] == [facturae.KEY]
