"""UBL 2.1: one table writes, reads and explains, so nothing that UBL can carry is lost."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model import Invoice, Note, PaymentInstructions, SupportingDocument, Totals
from formats.model.terms import CATALOGUE
from formats.syntaxes import ubl, xml
from gateway.rules import xsd
from tests.official import documents
from tests.strategies import every_term, invoices, sample_credit_note, sample_invoice

OFFICIAL = [
    "peppol-bis-3/examples",
    "peppol-bis-3/self-billing",
    "en16931/ubl/examples",
    "en16931/ubl/testfiles",
]


# Facts without a field: a version number, the name of a tax that is not VAT, a buyer's tax number that is no
# VAT
# number. Everything else in these documents comes through.
NO_PLACE_IN_THE_MODEL = (
    "/*/cbc:UBLVersionID",
    "/*/cac:AccountingCustomerParty/cac:Party/cac:PartyTaxScheme/",
    "/*/cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme/cac:TaxScheme/",
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(invoices())
def test_reading_back_gives_the_same_invoice(invoice: Invoice) -> None:
    """Whatever is said, and whatever is left out."""
    written = ubl.write(invoice)
    assert ubl.read(written) == invoice
    assert ubl.unread(written) == ()


@pytest.mark.parametrize("type_code", ["380", "381"])
def test_every_term_of_the_standard_is_carried(type_code: str) -> None:
    """Each term of the catalogue, in invoices and in credit notes."""
    invoice = every_term(type_code)
    assert ubl.read(ubl.write(invoice)) == invoice
    assert ubl.losses(invoice) == ()


def test_the_table_knows_every_term() -> None:
    """Groups that are only brackets around others (the payment as a whole, direct debit) have no element."""
    brackets = {"BG-16", "BG-19"}
    assert {
        name for name, entry in CATALOGUE.items() if not entry.is_national
    } - ubl.BINDING.terms() == brackets | {"BG-1"}
    assert {"BT-21", "BT-22"} <= ubl.BINDING.terms()


@pytest.mark.parametrize(
    "invoice", [every_term("380"), every_term("381"), sample_invoice(), sample_credit_note()]
)
def test_the_order_of_elements_is_that_of_the_schema(invoice: Invoice) -> None:
    """The schema of OASIS refuses any other order."""
    root = xml.parse(ubl.write(invoice))
    schema = xsd.load(ubl.KEY, etree.QName(root).localname)
    assert schema is not None
    assert schema.check(root, ubl.BINDING) == ()


def test_the_same_invoice_gives_the_same_bytes() -> None:
    """Digests in the journal depend on it."""
    assert ubl.write(sample_invoice()) == ubl.write(sample_invoice())


@pytest.mark.parametrize("folder", OFFICIAL)
def test_official_documents_survive(folder: str) -> None:
    """Read, write, read: the same invoice, and the same elements with the same content."""
    for path in documents(folder):
        content = path.read_bytes()
        invoice = ubl.read(content)
        written = ubl.write(invoice)
        assert ubl.read(written) == invoice, path.name
        missing = _leaves(content) - _leaves(written)
        assert not [leaf for leaf in missing if not leaf[0].startswith(tuple(NO_PLACE_IN_THE_MODEL))], (
            path.name
        )


def _leaves(content: bytes) -> Counter[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Path, text and attributes of each element that says something, however the number or layout is
    written."""
    root = etree.fromstring(content)
    tree = root.getroottree()
    found: Counter[tuple[str, str, tuple[tuple[str, str], ...]]] = Counter()
    for element in root.iter(etree.Element):
        if len(element) or not (element.text or "").strip():
            continue
        steps = [part.split("[")[0] for part in tree.getpath(element).split("/")]
        kept = {"schemeID", "currencyID", "unitCode", "mimeCode", "filename", "listID"}
        attributes = tuple(sorted((str(k), str(v)) for k, v in element.attrib.items() if k in kept))
        found["/".join(steps), " ".join((element.text or "").split()), attributes] += 1
    return found


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_an_invoice_or_refused(content: bytes) -> None:
    """Nothing but MalformedDocument comes out of a reader."""
    with pytest.raises(MalformedDocument):
        ubl.read(content)


@settings(max_examples=150)
@given(st.data())
def test_damaged_documents_are_read_or_refused(data: st.DataObject) -> None:
    """One stretch of a good document replaced by anything."""
    content = ubl.write(sample_invoice())
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 40))
    changed = content[:start] + data.draw(st.binary(max_size=20)) + content[start + length :]
    with contextlib.suppress(MalformedDocument):
        assert isinstance(ubl.read(changed), Invoice)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (b"2026-11-20", b"2026-02-30", "BT-2"),
        (b"2026-11-20", b"20261120", "BT-2"),
        (b">299.00<", b">299,00<", "BT-146"),
        (b">299.00<", b">2E2<", "BT-146"),
    ],
)
def test_an_unreadable_value_names_term_and_line(old: bytes, new: bytes, named: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        ubl.read(ubl.write(sample_invoice()).replace(old, new))
    assert caught.value.where.startswith(f"{named} in line ")


@pytest.mark.parametrize(
    "root", [b"<Invoice/>", b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>']
)
def test_other_documents_are_refused(root: bytes) -> None:
    with pytest.raises(MalformedDocument, match="not an invoice or credit note"):
        ubl.read(root)


def test_a_sales_order_alone_stands_beside_na() -> None:
    """UBL wants an order id; Peppol BIS 3 has `NA` written where there is none."""
    invoice = Invoice(type_code="380", sales_order_reference="SO-1")
    assert b"<cbc:ID>NA</cbc:ID>" in ubl.write(invoice)
    assert ubl.read(ubl.write(invoice)) == invoice


def test_the_creditor_identifier_is_read_from_seller_and_payee() -> None:
    document = ubl.write(every_term("380"))
    seller = b'<cbc:ID schemeID="SEPA">BT-90</cbc:ID>'
    assert document.count(seller) == 1
    moved = document.replace(seller, b"<cbc:ID>x</cbc:ID>").replace(
        b'<cbc:ID schemeID="0088">BT-60</cbc:ID>', seller
    )
    payment = ubl.read(moved).payment
    assert payment is not None
    assert payment.direct_debit is not None
    assert payment.direct_debit.creditor == "BT-90"


def test_only_the_vat_currency_total_is_taken_as_bt_111() -> None:
    totals = Totals(vat=Decimal("21.00"), vat_in_vat_currency=Decimal("231.00"))
    invoice = Invoice(type_code="380", currency="EUR", vat_currency="SEK", totals=totals)
    document = ubl.write(invoice)
    assert b'<cbc:TaxAmount currencyID="EUR">21.00' in document
    assert b'<cbc:TaxAmount currencyID="SEK">231.00' in document
    assert ubl.read(document).totals == totals


@pytest.mark.parametrize(
    ("invoice", "lost"),
    [
        (sample_invoice(), ()),
        (Invoice(type_code="381", due_date=date(2026, 12, 1)), ("BT-9",)),
        (Invoice(type_code="380", totals=Totals(vat_in_vat_currency=Decimal(1))), ("BT-110", "BT-111")),
        (Invoice(type_code="380", buyer_reference="a\x0bb"), ("BT-10",)),
        (Invoice(type_code="380", notes=(Note(subject_code="long", text="x"),)), ("BT-21", "BT-22")),
        (Invoice(type_code="380", payment=PaymentInstructions(means_text=" ")), ("BT-82",)),
    ],
)
def test_losses_are_named(invoice: Invoice, lost: tuple[str, ...]) -> None:
    """What UBL cannot carry as it stands is said, not dropped in silence."""
    assert ubl.losses(invoice) == lost


def test_embedded_files_come_back_byte_for_byte() -> None:
    document = SupportingDocument(
        reference="Timesheet", content=bytes(range(256)), media_type="application/pdf", filename="t.pdf"
    )
    invoice = Invoice(type_code="380", documents=(document,), invoiced_object=Identifier("4711", "AAA"))
    assert ubl.read(ubl.write(invoice)) == invoice


@pytest.mark.parametrize(
    ("location", "terms"),
    [
        (
            "/*:Invoice[namespace-uri()='urn:x'][1]/*:AccountingCustomerParty[1]/*:Party[1]/*:EndpointID[1]",
            ("BT-49",),
        ),
        ("/Invoice/cac:InvoiceLine[3]", ("BG-25",)),
        ("/Invoice/cac:InvoiceLine[3]/cbc:InvoicedQuantity/@unitCode", ("BT-130",)),
        (
            "/Q{urn:a/b}CreditNote[1]/Q{urn:a/b}CreditNoteLine[2]/Q{urn:a/b}CreditedQuantity[1]",
            ("BT-129", "BT-130"),
        ),
        ("/Invoice/cac:AllowanceCharge[2]/cbc:Amount", ("BT-92", "BT-99")),
        ("/CreditNote/cac:PaymentMeans/cbc:PaymentDueDate", ("BT-9",)),
        ("/Invoice/cac:OrderReference", ("BT-13", "BT-14")),
        ("/Invoice", ()),
        ("", ()),
        ("no path at all", ()),
    ],
)
def test_locations_of_reports_name_their_terms(location: str, terms: tuple[str, ...]) -> None:
    """In the forms of both publishers, and in ours."""
    assert ubl.explain(location) == terms
