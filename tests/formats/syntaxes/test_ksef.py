"""KSeF FA(3): what Poland says beyond EN 16931, there and back, judged by the official schema where it is.

The JAR lacks the file of elementary types; the few that FA(3) uses are written here from their documentation.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from formats.errors import DocumentError
from formats.model import Invoice, LineVat, PrecedingInvoice
from formats.model.poland import (
    Advance,
    Annotations,
    Corrected,
    Poland,
    PolishLine,
    SettledAdvance,
    ThirdParty,
)
from formats.profiles import ksef as profile
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import ksef, xml
from gateway.rules.xsd import Schema
from tests.formats.artefacts import _unpacked
from tests.formats.syntaxes.national import polish
from tests.strategies import invoices, sample_credit_note, sample_invoice

BINDING = ksef.BINDING
F = f"{{{ksef.NAMESPACE}}}"
KSEF_NUMBER = "5261040828-20261102-0100001AF629-AF"
TYPES = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"
# Name, base, facets.
ELEMENTARY = (
    ("TAdresEmail", "token", '<xs:minLength value="3"/><xs:pattern value=".+@.+"/>'),
    ("TData", "date", ""),
    ("TDataCzas", "dateTime", ""),
    ("TKodKraju", "token", '<xs:pattern value="[A-Z]{2}"/>'),
    ("TNaturalny", "nonNegativeInteger", ""),
    ("TNrIdentyfikacjiPodatkowej", "token", '<xs:minLength value="1"/><xs:maxLength value="50"/>'),
    ("TNrKRS", "string", r'<xs:pattern value="\d{10}"/>'),
    ("TNrNIP", "string", r'<xs:pattern value="[1-9]((\d[1-9])|([1-9]\d))\d{7}"/>'),
    ("TNrREGON", "string", r'<xs:pattern value="\d{9}|\d{14}"/>'),
    ("TTekstowy", "token", '<xs:minLength value="1"/><xs:maxLength value="3500"/>'),
    ("TWybor1", "byte", '<xs:enumeration value="1"/>'),
    ("TWybor1_2", "byte", '<xs:enumeration value="1"/><xs:enumeration value="2"/>'),
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    main = (_unpacked("phive-rules-ksef") / "external/schemas/3.0.0/schemat.xsd").read_text("utf-8")
    folder: Path = tmp_path_factory.mktemp("fa3")
    types = "".join(
        f'<xs:simpleType name="{name}"><xs:restriction base="xs:{base}">{facets}</xs:restriction>'
        "</xs:simpleType>"
        for name, base, facets in ELEMENTARY
    )
    (folder / "StrukturyDanych_v10-0E.xsd").write_text(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{TYPES}">'
        f"{types}</xs:schema>"
    )
    at_its_address = f'namespace="{TYPES}" schemaLocation="{TYPES}StrukturyDanych_v10-0E.xsd"'
    assert main.count(f'namespace="{TYPES}"') == 1
    (folder / "schemat.xsd").write_text(main.replace(f'namespace="{TYPES}"', at_its_address), "utf-8")
    return Schema(folder / "schemat.xsd")  # and the file beside it is taken for the publisher's address


@pytest.mark.parametrize("sample", [sample_invoice(), sample_credit_note()])
def test_the_sample_is_valid_and_comes_back_but_for_what_is_named(sample: Invoice, schema: Schema) -> None:
    invoice = polish(sample)
    document = BINDING.write(invoice)
    assert schema.check(xml.parse(document), BINDING) == ()
    assert set(BINDING.losses(invoice)) == {"BT-23", "BT-24", "BT-30", "BT-34", "BT-49", "BT-82", "BT-139"}
    assert BINDING.unread(document) == ()
    back = BINDING.read(document)
    assert back.poland is None
    assert back.totals == invoice.totals
    assert back.allowances == invoice.allowances
    assert BINDING.write(back) == document


EVERYTHING = Poland(
    created_at="2026-11-20T09:30:00Z",
    system="Example ERP",
    place="Warszawa",
    local_government="1",
    to_receipt="1",
    related_parties="1",
    annotations=Annotations(cash_method="1", split_payment="1", triangular="1"),
    parties=(
        ThirdParty(role="4", name="Drugi nabywca", tax_number="PL5213017228", share=Decimal("40")),
        ThirdParty(role="Opiekun", name="Inny", country="CZ", address_1="Ulice 1", address_2="110 00 Praha"),
    ),
)


def test_what_poland_says_beyond_the_standard_comes_back(schema: Schema) -> None:
    line = PolishLine(goods_group="GTU_06", procedure="TT_D", delivered_on=date(2026, 11, 18))
    sample = sample_invoice()
    lines = (replace(sample.lines[0], poland=line), *sample.lines[1:])
    invoice = polish(replace(sample, lines=lines), poland=EVERYTHING)
    invoice = replace(invoice, lines=(replace(invoice.lines[0], poland=line), *invoice.lines[1:]))
    document = BINDING.write(invoice)
    assert schema.check(xml.parse(document), BINDING) == ()
    back = BINDING.read(document)
    assert back.poland == EVERYTHING
    assert back.lines[0].poland == line
    assert BINDING.unread(document) == ()


def test_a_correction_has_differences_and_the_ksef_number(schema: Schema) -> None:
    poland = Poland(
        correction_reason="Zwrot towaru",
        correction_effect="2",
        corrected=(Corrected(ksef_number=KSEF_NUMBER, number="FV/1"),),
    )
    document = BINDING.write(polish(sample_credit_note(), poland=poland))
    root = xml.parse(document)
    assert schema.check(root, BINDING) == ()
    assert root.findtext(f"{F}Fa/{F}RodzajFaktury") == "KOR"
    assert root.findtext(f"{F}Fa/{F}P_15") == "-2524.22"
    assert root.findtext(f".//{F}NrKSeFFaKorygowanej") == KSEF_NUMBER
    back = BINDING.read(document)
    assert back.type_code == "381"
    assert back.poland == poland


def test_an_advance_stands_in_the_order_and_its_settlement_names_it(schema: Schema) -> None:
    paid = Advance(received_on=date(2026, 11, 18), amount=Decimal("2524.22"))
    advance = polish(sample_invoice(), type_code="386", poland=Poland(advances=(paid,)))
    root = xml.parse(BINDING.write(advance))
    assert schema.check(root, BINDING) == ()
    assert root.find(f"{F}Fa/{F}FaWiersz") is None
    back = BINDING.read_tree(root)
    assert (back.type_code, len(back.lines)) == ("386", 3)
    assert back.poland == Poland(advances=(paid,))
    settled = Poland(settled=(SettledAdvance(ksef_number=KSEF_NUMBER), SettledAdvance(number="ZAL/9")))
    root = xml.parse(BINDING.write(polish(sample_invoice(), poland=settled)))
    assert schema.check(root, BINDING) == ()
    assert root.findtext(f"{F}Fa/{F}RodzajFaktury") == "ROZ"
    assert BINDING.read_tree(root).poland == settled


@pytest.mark.parametrize(
    ("category", "rate", "country", "sums", "code"),
    [
        ("S", "23", "PL", "1", "23"),
        ("S", "8", "PL", "2", "8"),
        ("S", "5", "PL", "3", "5"),
        ("Z", "0", "PL", "6_1", "0 KR"),
        ("K", "0", "DE", "6_2", "0 WDT"),
        ("G", "0", "US", "6_3", "0 EX"),
        ("E", "0", "PL", "7", "zw"),
        ("O", None, "DE", "8", "np I"),
        ("AE", "0", "DE", "9", "np II"),
        ("AE", "0", "PL", "10", "oo"),
    ],
)
def test_each_category_has_its_sums(
    category: str, rate: str | None, country: str, sums: str, code: str, schema: Schema
) -> None:
    sample = polish(sample_invoice())
    percent = None if rate is None else Decimal(rate)
    row = replace(
        sample.vat_breakdown[0],
        category=category,
        rate=percent,
        exemption_reason="art. 43 ust. 1 pkt 18" if category == "E" else None,
    )
    assert sample.buyer is not None
    assert sample.buyer.address is not None
    number = {"PL": "PL5213017228", "DE": "DE136695976", "US": "123456789"}[country]
    invoice = replace(
        sample,
        vat_breakdown=(row,),
        allowances=(),
        charges=(),
        buyer=replace(
            sample.buyer, vat_identifier=number, address=replace(sample.buyer.address, country=country)
        ),
        lines=tuple(replace(line, vat=LineVat(category=category, rate=percent)) for line in sample.lines),
    )
    root = xml.parse(BINDING.write(invoice))
    assert schema.check(root, BINDING) == ()
    assert root.find(f"{F}Fa/{F}P_13_{sums}") is not None
    assert {one.text for one in root.iter(f"{F}P_12")} == {code}
    assert root.findtext(f".//{F}P_18") == ("1" if category == "AE" else "2")
    back = BINDING.read_tree(root)
    taxed = category == "S"
    assert back.vat_breakdown == (row if taxed else replace(row, tax_amount=Decimal(0)),)
    assert {line.vat for line in back.lines} == {LineVat(category=category, rate=percent)}
    assert back.buyer is not None
    assert back.buyer.vat_identifier == number


def test_a_margin_scheme_is_marked_and_comes_back(schema: Schema) -> None:
    sample = polish(sample_invoice())
    row = replace(
        sample.vat_breakdown[0],
        category="E",
        rate=Decimal(0),
        tax_amount=Decimal(0),
        exemption_reason_code="VATEX-EU-F",
    )
    lines = tuple(replace(line, vat=LineVat(category="E", rate=Decimal(0))) for line in sample.lines)
    invoice = replace(sample, vat_breakdown=(row,), allowances=(), charges=(), lines=lines)
    root = xml.parse(BINDING.write(invoice))
    assert schema.check(root, BINDING) == ()
    assert root.findtext(f".//{F}P_PMarzy_3_1") == "1"
    assert BINDING.read_tree(root).vat_breakdown == (row,)


def test_vat_in_zloty_is_shared_out_to_the_last_grosz() -> None:
    """In another currency each rate's VAT stands in zloty, too, and they come to the whole."""
    sample = polish(sample_invoice(), currency="EUR", vat_currency="PLN")
    assert sample.totals is not None
    totals = replace(sample.totals, vat_in_vat_currency=Decimal("1816.33"))
    root = xml.parse(BINDING.write(replace(sample, totals=totals)))
    shares = [Decimal(root.findtext(f"{F}Fa/{F}P_14_{slot}W") or "0") for slot in ("1", "2")]
    assert sum(shares) == Decimal("1816.33")
    assert all(shares)
    back = BINDING.read_tree(root)
    assert back.totals == totals
    assert back.vat_currency == "PLN"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"seller": None}, "seller, BT-31"),
        ({"type_code": "384"}, "BT-3"),
        ({"type_code": "381"}, "BG-3"),
        ({"currency": "EUR"}, "BT-6, BT-111"),
    ],
)
def test_what_cannot_be_said_is_refused_and_named(changes: dict[str, object], where: str) -> None:
    with pytest.raises(DocumentError) as caught:
        BINDING.write(polish(sample_invoice(), **changes))
    assert caught.value.where == where


def test_a_rate_that_poland_does_not_have_is_refused() -> None:
    sample = polish(sample_invoice())
    rows = (replace(sample.vat_breakdown[0], rate=Decimal("21")), *sample.vat_breakdown[1:])
    with pytest.raises(DocumentError, match="rate 21"):
        BINDING.write(replace(sample, vat_breakdown=rows))


def test_an_exemption_needs_its_provision() -> None:
    sample = polish(sample_invoice())
    row = replace(sample.vat_breakdown[0], category="E", rate=Decimal(0))
    with pytest.raises(DocumentError, match="provision"):
        BINDING.write(replace(sample, vat_breakdown=(row,)))


def test_a_correction_of_an_undated_invoice_is_refused() -> None:
    undated = (PrecedingInvoice(number="FV/1"),)
    with pytest.raises(DocumentError, match="without its number or its date"):
        BINDING.write(polish(sample_credit_note(), preceding_invoices=undated))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(invoices())
def test_any_invoice_is_written_or_refused_and_what_is_read_stays(invoice: Invoice) -> None:
    """Once in Polish shape, writing and reading change nothing more."""
    try:
        first = BINDING.read(BINDING.write(polish(invoice) if invoice.seller else invoice))
    except DocumentError:
        return
    assert BINDING.read(BINDING.write(first)) == first


def test_the_profile_is_known() -> None:
    assert PROFILES["ksef"] is profile.PROFILE
    assert SYNTAXES[profile.PROFILE.syntax] is BINDING
