"""Cross Industry Invoice: one table writes, reads and explains, so nothing that it can carry is lost."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model import (
    CreditTransfer,
    Invoice,
    Item,
    Line,
    PaymentInstructions,
    Price,
    Seller,
    SupportingDocument,
    Totals,
)
from formats.model.terms import CATALOGUE
from formats.syntaxes import cii, ubl
from tests.official import documents, folder
from tests.strategies import every_term, invoices, sample_credit_note, sample_invoice

CORE = [
    "en16931/cii/examples",
    "zugferd/xml/en16931",
    "zugferd/pdf/en16931-xml",
    "xrechnung/testsuite/business-cases/standard",
    "xrechnung/testsuite/technical-cases/cius",
    "xrechnung/rule-cases/cii",
]
EXTENDED = ["zugferd/xml/extended"]

# Facts beyond the core that stand in a few of its official examples all the same; and a gross price for
# another quantity than the net price, which the core cannot say.
BEYOND_THE_CORE = {
    "rsm:ExchangedDocument/ram:Name",
    "rsm:ExchangedDocumentContext/ram:TestIndicator/udt:Indicator",
    "ram:SpecifiedProcuringProject/ram:Name",
    "ram:GrossPriceProductTradePrice/ram:AppliedTradeAllowanceCharge/ram:Reason",
    "ram:GrossPriceProductTradePrice/ram:BasisQuantity",
}

_TAX_POINT_CODES = ("5", "29", "72")


def _as_this_vocabulary_has_it(invoice: Invoice) -> Invoice:
    """Identifiers without a scheme come first, and the codes of the other list cannot be told from ours."""
    if invoice.tax_point_code in _TAX_POINT_CODES:
        invoice = replace(invoice, tax_point_code="35")
    seller = invoice.seller
    if seller is not None:
        ordered = tuple(sorted(seller.identifiers, key=lambda one: one.scheme is not None))
        invoice = replace(invoice, seller=replace(seller, identifiers=ordered))
    return invoice


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(invoices().map(_as_this_vocabulary_has_it))
def test_reading_back_gives_the_same_invoice(invoice: Invoice) -> None:
    """Whatever is said, and whatever is left out."""
    written = cii.write(invoice)
    assert cii.read(written) == invoice
    assert cii.unread(written) == ()
    assert cii.losses(invoice) == ()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(invoices().map(_as_this_vocabulary_has_it))
def test_both_vocabularies_say_the_same(invoice: Invoice) -> None:
    """UBL to CII to UBL ends where it began."""
    assert cii.read(cii.write(ubl.read(ubl.write(invoice)))) == invoice


@pytest.mark.parametrize("type_code", ["380", "381"])
def test_every_term_of_the_standard_is_carried(type_code: str) -> None:
    """Each term of the catalogue, in invoices and in credit notes."""
    invoice = every_term(type_code)
    assert cii.read(cii.write(invoice)) == invoice
    assert cii.losses(invoice) == ()


def test_the_table_knows_every_term() -> None:
    """Groups that are only brackets around others have no element of their own."""
    brackets = {"BG-13", "BG-16", "BG-19"}
    assert {
        name for name, entry in CATALOGUE.items() if not entry.is_national
    } - cii.BINDING.terms() == brackets


@pytest.mark.parametrize(
    "invoice", [every_term("380"), every_term("381"), sample_invoice(), sample_credit_note()]
)
def test_the_order_of_elements_is_that_of_the_schema(invoice: Invoice) -> None:
    """The Factur-X schema of the EN 16931 profile knows the order, and nothing beyond the core."""
    schema = _factur_x_schema()
    assert schema.validate(etree.fromstring(cii.write(invoice))), schema.error_log


def _factur_x_schema() -> etree.XMLSchema:
    package = find_spec("facturx")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).with_name("xsd_and_schematron") / "facturx-en16931" / "Factur-X_EN16931.xsd"
    return etree.XMLSchema(file=str(path))


def test_an_empty_invoice_has_its_mandatory_parts() -> None:
    """The schema wants agreement, delivery and settlement even where nothing is said."""
    root = etree.fromstring(cii.write(Invoice()))
    parts = [etree.QName(part).localname for part in root[0]]
    assert parts == [f"ApplicableHeaderTrade{name}" for name in ("Agreement", "Delivery", "Settlement")]
    assert cii.read(cii.write(Invoice())) == Invoice()


@pytest.mark.parametrize("name", CORE)
def test_official_documents_survive(name: str) -> None:
    """Read, write, read: the same invoice; what the core has no term for is named."""
    found = 0
    for path in _cii_documents(name):
        found += 1
        content = path.read_bytes()
        invoice = cii.read(content)
        assert cii.read(cii.write(invoice)) == invoice, path.name
        beyond = [place for place in cii.unread(content) if not place.endswith(tuple(BEYOND_THE_CORE))]
        assert not beyond or "rule-cases" in name, (path.name, beyond)
    assert found


@pytest.mark.parametrize("name", EXTENDED)
def test_documents_beyond_the_core_are_read_and_the_rest_is_named(name: str) -> None:
    """The EXTENDED profile says more than EN 16931; nothing of it disappears in silence."""
    for path in documents(name):
        content = path.read_bytes()
        invoice = cii.read(content)
        assert cii.read(cii.write(invoice)) == invoice, path.name
        assert cii.unread(content), path.name


@pytest.mark.parametrize("name", CORE[:3])
def test_official_documents_stay_valid(name: str) -> None:
    """What was valid by the Factur-X schema is so after reading and writing."""
    schema = _factur_x_schema()
    for path in _cii_documents(name):
        content = path.read_bytes()
        if schema.validate(etree.fromstring(content)):
            written = etree.fromstring(cii.write(cii.read(content)))
            assert schema.validate(written), (path.name, schema.error_log)


def _cii_documents(name: str) -> list[Path]:
    found = [path for path in documents(name) if b"CrossIndustryInvoice>" in path.read_bytes()]
    assert found, f"{folder(name)} holds no Cross Industry Invoice"
    return found


@settings(max_examples=150)
@given(st.data())
def test_damaged_documents_are_read_or_refused(data: st.DataObject) -> None:
    """One stretch of a good document replaced by anything."""
    content = cii.write(sample_invoice())
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 40))
    changed = content[:start] + data.draw(st.binary(max_size=20)) + content[start + length :]
    with contextlib.suppress(MalformedDocument):
        assert isinstance(cii.read(changed), Invoice)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (b">20261120<", b">20260230<", "BT-2"),
        (b">20261120<", b">2026-11-20<", "BT-2"),
        (b'"102">20261120<', b'"610">202611<', "BT-2"),
        (b'"102">20261120<', b'"203">20261120noon<', "BT-2"),
        (b">299.00<", b">299,00<", "BT-146"),
    ],
)
def test_an_unreadable_value_names_term_and_line(old: bytes, new: bytes, named: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        cii.read(cii.write(sample_invoice()).replace(old, new))
    assert caught.value.where.startswith(f"{named} in line ")


def test_a_time_of_day_is_left_out() -> None:
    """Format 203 is a day with hours and minutes."""
    timed = cii.write(sample_invoice()).replace(b'"102">20261120<', b'"203">202611201530<')
    assert cii.read(timed).issue_date == date(2026, 11, 20)


@pytest.mark.parametrize(("model", "written"), [("3", "5"), ("35", "29"), ("432", "72"), ("999", "999")])
def test_the_tax_point_code_is_translated(model: str, written: str) -> None:
    """The two syntaxes use two code lists for BT-8; the model has that of UBL."""
    document = cii.write(Invoice(type_code="380", tax_point_code=model))
    assert f"<ram:DueDateTypeCode>{written}<".encode() in document
    assert cii.read(document).tax_point_code == model


def test_a_tax_point_stands_in_one_row_only() -> None:
    """The rules allow one TaxPointDate in a document (CII-SR-461)."""
    invoice = replace(sample_invoice(), tax_point_date=date(2026, 11, 19))
    assert len(invoice.vat_breakdown) == 2
    assert cii.write(invoice).count(b"<ram:TaxPointDate>") == 1


@pytest.mark.parametrize(
    ("account", "element"),
    [("NL91ABNA0417164300", "IBANID"), ("123456-7", "ProprietaryID"), ("ACCOUNT 12", "ProprietaryID")],
)
def test_accounts_are_ibans_or_proprietary(account: str, element: str) -> None:
    payment = PaymentInstructions(
        means_code="30", credit_transfers=(CreditTransfer(account=account, account_name="Tulip"),)
    )
    invoice = Invoice(type_code="380", payment=payment)
    assert f"<ram:{element}>{account}<".encode() in cii.write(invoice)
    assert cii.read(cii.write(invoice)) == invoice


def test_the_order_of_a_seller_s_identifiers_is_no_loss() -> None:
    """ID elements stand before GlobalID elements, whatever the order was."""
    identifiers = (Identifier("8711253001202", "0088"), Identifier("S-77"))
    invoice = Invoice(seller=Seller(identifiers=identifiers))
    read = cii.read(cii.write(invoice)).seller
    assert read is not None
    assert set(read.identifiers) == set(identifiers)
    assert cii.losses(invoice) == ()


def test_the_base_quantity_stands_at_both_prices_and_that_of_the_net_price_counts() -> None:
    price = Price(net=Decimal(9), gross=Decimal(10), base_quantity=Decimal(100), base_quantity_unit="C62")
    invoice = Invoice(lines=(Line(identifier="1", price=price),))
    document = cii.write(invoice)
    assert document.count(b'<ram:BasisQuantity unitCode="C62">100<') == 2
    changed = document.replace(b">100<", b">1<", 1)
    assert cii.read(changed) == invoice
    assert [place.rpartition("/")[2] for place in cii.unread(changed)] == ["ram:BasisQuantity"]


def test_three_uses_of_one_reference_are_told_apart() -> None:
    """Tender 50, invoiced object 130, supporting documents 916; another type is no document of ours."""
    invoice = Invoice(
        tender_reference="LOT-7",
        invoiced_object=Identifier("METER-1", "AVE"),
        documents=(SupportingDocument(reference="Timesheet", content=b"%PDF", media_type="application/pdf"),),
    )
    document = cii.write(invoice)
    assert re.findall(rb"<ram:TypeCode>(\d+)<", document) == [b"50", b"130", b"916"]
    assert cii.read(document) == invoice
    changed = document.replace(b">916<", b">270<")
    assert cii.read(changed) == replace(invoice, documents=())
    assert len(cii.unread(changed)) == 3


def test_a_project_has_the_name_that_the_schema_wants() -> None:
    """Ours is a filler; a real project name has no term and is named as unread."""
    document = cii.write(Invoice(project_reference="P-1"))
    assert b"<ram:Name>Project reference<" in document
    assert cii.unread(document) == ()
    real = document.replace(b"Project reference", b"Town hall")
    assert [place.rpartition("/")[2] for place in cii.unread(real)] == ["ram:Name"]


def test_only_the_vat_totals_carry_a_currency() -> None:
    """The rules forbid a currency at every other amount."""
    totals = Totals(lines=Decimal(100), vat=Decimal("21.00"), vat_in_vat_currency=Decimal("231.00"))
    invoice = Invoice(currency="EUR", vat_currency="SEK", totals=totals)
    document = cii.write(invoice)
    assert re.findall(rb'<ram:(\w+) currencyID="(\w+)"', document) == [
        (b"TaxTotalAmount", b"EUR"),
        (b"TaxTotalAmount", b"SEK"),
    ]
    assert cii.read(document) == invoice


def test_a_total_without_currency_is_in_the_invoice_currency() -> None:
    document = cii.write(Invoice(currency="EUR", vat_currency="SEK", totals=Totals(vat=Decimal(1))))
    plain = document.replace(b' currencyID="EUR"', b"")
    assert cii.read(plain).totals == Totals(vat=Decimal(1))


@pytest.mark.parametrize("tag", ["VA", "va"])
def test_vat_and_other_tax_numbers_are_told_apart(tag: str) -> None:
    invoice = Invoice(seller=Seller(vat_identifier="NL123456789B13", tax_registration="201/113"))
    document = cii.write(invoice).replace(b'"VA"', f'"{tag}"'.encode())
    assert cii.read(document) == invoice


def test_losses_are_named() -> None:
    assert cii.losses(Invoice(tax_point_code="29")) == ("BT-8",)
    assert cii.losses(Invoice(lines=(Line(item=Item(name="a\x0bb")),))) == ("BT-153",)


@pytest.mark.parametrize("root", [b"<CrossIndustryInvoice/>", ubl.write(sample_invoice())])
def test_other_documents_are_refused(root: bytes) -> None:
    with pytest.raises(MalformedDocument, match="not an invoice or credit note"):
        cii.read(root)


_LINE = "/rsm:CrossIndustryInvoice/rsm:SupplyChainTradeTransaction/ram:IncludedSupplyChainTradeLineItem[3]"
_HEAD = "/*:CrossIndustryInvoice[namespace-uri()='urn:x'][1]/*:SupplyChainTradeTransaction[1]"


@pytest.mark.parametrize(
    ("location", "terms"),
    [
        (_LINE, ("BG-25",)),
        (f"{_LINE}/ram:SpecifiedLineTradeDelivery/ram:BilledQuantity/@unitCode", ("BT-130",)),
        (
            f"{_HEAD}/*:ApplicableHeaderTradeAgreement[1]/*:BuyerTradeParty[1]"
            "/*:URIUniversalCommunication[1]/*:URIID[1]",
            ("BT-49",),
        ),
        (f"{_HEAD}/*:ApplicableHeaderTradeSettlement[1]/*:ApplicableTradeTax[2]", ("BG-23",)),
        ("/CrossIndustryInvoice", ()),
    ],
)
def test_locations_of_reports_name_their_terms(location: str, terms: tuple[str, ...]) -> None:
    assert cii.explain(location) == terms
