"""FatturaPA: what Italy says beyond EN 16931, there and back, judged by the official schema where it is."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from typer.testing import CliRunner

from formats.detection import detect
from formats.errors import DocumentError, MalformedDocument
from formats.identifiers import Identifier
from formats.model import (
    Address,
    AllowanceCharge,
    Buyer,
    Delivery,
    Invoice,
    Item,
    Line,
    LineVat,
    Note,
    Price,
    Seller,
    VatBreakdown,
)
from formats.model.italy import (
    Instalment,
    ItalianCharge,
    ItalianInvoice,
    ItalianLine,
    ItalianVat,
    Reference,
    Withholding,
)
from formats.model.kept_back import payable
from formats.model.plain import differences, from_plain, to_plain
from formats.model.totals import COMPLETIONS, complete
from formats.profiles import fatturapa as profiles
from formats.profiles import peppol_bis3
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.signatures import profiles as signatures
from formats.syntaxes import cii, fatturapa, ubl, xml
from formats.syntaxes.fatturapa_files import file_name, progressive
from formats.syntaxes.fatturapa_shape import derived_number
from formats.syntaxes.fatturapa_text import basic, chunks, latin
from gateway.cli.main import app
from gateway.rules.archive import ZipTree
from gateway.rules.schemas import schemas_in
from gateway.rules.xsd import Schema
from mappings.compiler import compile_mapping
from tests.formats.artefacts import style_sheet
from tests.formats.signatures import authority
from tests.official import folder
from tests.strategies import invoices, sample_invoice

BINDING: Final = fatturapa.BINDING
write, read = BINDING.write, BINDING.read
JAR_FILE: Final = "external/schemas/fatturapa/Schema_del_file_xml_FatturaPA_v1.2.2.xsd"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema(style_sheet("ph-fatturapa", JAR_FILE))


def italian(**changes: object) -> Invoice:
    """From one Italian company to another; complete, and everything in it has its place."""
    sample = sample_invoice()
    assert sample.seller is not None
    assert sample.payment is not None
    invoice = Invoice(
        number="FT 2026/17",
        issue_date=date(2026, 11, 20),
        type_code="380",
        currency="EUR",
        specification_id="FPR12",
        seller=replace(
            sample.seller,
            name="Officine Esempio S.r.l.",
            trading_name=None,
            legal_registration=None,
            electronic_address=None,
            vat_identifier="IT01234560017",
            address=Address(
                line_1="Via Roma 1", city="Torino", post_code="10121", subdivision="TO", country="IT"
            ),
            contact=None,
        ),
        buyer=Buyer(
            name="Acquirente S.p.A.",
            vat_identifier="IT09876540015",
            electronic_address=Identifier("ABC1234", "0205"),
            address=Address(
                line_1="Corso Como",
                line_2="12/B",
                city="Milano",
                post_code="20154",
                subdivision="MI",
                country="IT",
            ),
        ),
        lines=(
            Line(
                identifier="1",
                quantity=Decimal("2"),
                unit="C62",
                net_amount=Decimal("200.00"),
                price=Price(net=Decimal("100")),
                vat=LineVat(category="S", rate=Decimal(22)),
                item=Item(name="Manometro", description="classe 1.0"),
            ),
        ),
    )
    made = replace(invoice, **changes)  # type: ignore[arg-type]
    return complete(made, tuple(COMPLETIONS))[0]


def line(amount: str, category: str, rate: str | None, **more: object) -> Line:
    made = Line(
        identifier="1",
        quantity=Decimal(1),
        unit="C62",
        net_amount=Decimal(amount),
        price=Price(net=Decimal(amount)),
        vat=LineVat(category=category, rate=None if rate is None else Decimal(rate)),
        item=Item(name="Servizio"),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def text_of(document: bytes, path: str) -> list[str]:
    return [element.text or "" for element in xml.parse(document).iterfind(f".//{path}")]


def same(invoice: Invoice) -> bytes:
    """Reading back gives the same invoice."""
    document = write(invoice)
    again = read(document)
    assert again == invoice, list(differences(to_plain(invoice), to_plain(again)))
    return document


KEPT: dict[str, Callable[[], Invoice]] = {
    "plain": italian,
    "public": lambda: italian(
        specification_id="FPA12",
        buyer=Buyer(
            name="Comune di Esempio",
            legal_registration=Identifier("00123450017", "0210"),
            electronic_address=Identifier("UFABC1", "0201"),
            address=Address(
                line_1="Piazza 1", city="Asti", post_code="14100", subdivision="AT", country="IT"
            ),
        ),
        tender_reference="Z123456789",
        project_reference="J31B26000120001",
        contract_reference="C-7",
    ),
    "certified mail": lambda: italian(
        buyer=replace(
            italian().buyer or Buyer(), electronic_address=Identifier("fatture@pec.example.com", "EM")
        )
    ),
    "credit note": lambda: italian(type_code="381"),
    "self-billing": lambda: italian(type_code="389"),
    "advance": lambda: italian(type_code="386"),
    "fees": lambda: italian(italy=ItalianInvoice(document_type="TD06", tax_regime="RF19")),
    "allowance and charge": lambda: italian(
        allowances=(
            AllowanceCharge(
                amount=Decimal("10.00"),
                base_amount=Decimal("200.00"),
                percentage=Decimal("5"),
                vat_category="S",
                vat_rate=Decimal(22),
                reason="Fedelta",
                reason_code="95",
            ),
        ),
        charges=(AllowanceCharge(amount=Decimal("4.00"), vat_category="S", vat_rate=Decimal(22)),),
    ),
    "withholding and social fund": lambda: italian(
        lines=(line("1000.00", "S", "22", italy=ItalianLine(withheld="SI")),),
        charges=(
            AllowanceCharge(
                amount=Decimal("40.00"),
                base_amount=Decimal("1000.00"),
                percentage=Decimal("4.00"),
                vat_category="S",
                vat_rate=Decimal(22),
                italy=ItalianCharge(social_fund="TC04"),
            ),
        ),
        payment=sample_invoice().payment and replace(sample_invoice().payment, means_text=None),  # type: ignore[type-var]
        italy=ItalianInvoice(
            withholdings=(
                Withholding(kind="RT01", amount=Decimal("200.00"), rate=Decimal("20.00"), reason="A"),
            )
        ),
    ),
    "split payment": lambda: italian(
        lines=(line("100.00", "B", "22"),),
        payment=sample_invoice().payment and replace(sample_invoice().payment, means_text=None),  # type: ignore[type-var]
    ),
    "deferred VAT": lambda: italian(tax_point_code="432"),
    "stamp duty": lambda: italian(
        lines=(line("100.00", "E", "0"),),
        vat_breakdown=(VatBreakdown(category="E", rate=Decimal(0), exemption_reason="Art. 10 n. 18"),),
        charges=(
            AllowanceCharge(
                amount=Decimal("2.00"),
                vat_category="E",
                vat_rate=Decimal(0),
                reason="Bollo",
                reason_code="SAE",
            ),
        ),
    ),
    "person": lambda: italian(
        seller=Seller(
            name="Maria Rossi",
            vat_identifier="IT01234560017",
            tax_registration="RSSMRA80A41L219Q",
            address=Address(line_1="Via Po 2", city="Torino", post_code="10123", country="IT"),
        ),
        italy=ItalianInvoice(seller_given_name="Maria", seller_family_name="Rossi"),
    ),
    "register": lambda: italian(
        italy=ItalianInvoice(
            register_office="TO",
            register_number="123456",
            share_capital=Decimal("10000.00"),
            shareholders="SU",
            liquidation="LN",
            transmission_number="00017",
            transmitter="IT09999999999",
        )
    ),
    "long texts": lambda: italian(
        notes=(Note(subject_code="AAI", text="parola " * 60 + "fine"), Note(text="x" * 150), Note(text="y")),
        payment_terms="30 giorni",
        buyer_reference="Rif. 4711",
        lines=(line("5.00", "S", "22", note="nota " * 30 + "fine", object=Identifier("OBJ 1", "AAJ")),),
    ),
    "prices of several units": lambda: italian(
        lines=(
            line(
                "3.33",
                "S",
                "22",
                price=Price(
                    net=Decimal("10"),
                    gross=Decimal("12"),
                    discount=Decimal("2"),
                    base_quantity=Decimal(3),
                    base_quantity_unit="C62",
                ),
            ),
        )
    ),
    "returned goods": lambda: italian(
        lines=(
            line("50.00", "S", "22"),
            line("-5.00", "S", "22", quantity=Decimal(-1), price=Price(net=Decimal(5)), identifier="2"),
        )
    ),
    "two natures of one category": lambda: italian(
        lines=(
            line("50.00", "E", "0"),
            line("7.00", "E", "0", identifier="2", italy=ItalianLine(nature="N1")),
        ),
        vat_breakdown=(
            VatBreakdown(
                taxable_amount=Decimal("50.00"), tax_amount=Decimal("0.00"), category="E", rate=Decimal(0)
            ),
            VatBreakdown(
                taxable_amount=Decimal("7.00"),
                tax_amount=Decimal("0.00"),
                category="E",
                rate=Decimal(0),
                italy=ItalianVat(nature="N1"),
            ),
        ),
        totals=None,
    ),
    "references": lambda: italian(
        italy=ItalianInvoice(
            references=(
                Reference(kind="order", document="O-1", issued=date(2026, 10, 1), lines="1", item="10"),
                Reference(kind="despatch", document="D-1", issued=date(2026, 11, 1)),
                Reference(kind="despatch", document="D-2", issued=date(2026, 11, 2)),
            )
        ),
        purchase_order_reference="O-1",
        despatch_advice_reference="D-1",
        lines=(line("5.00", "S", "22", purchase_order_line="10"),),
    ),
    "line identifiers": lambda: italian(
        lines=(line("5.00", "S", "22", identifier="A-1"), line("6.00", "S", "22", identifier="A-2"))
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_reading_back_gives_the_same_invoice(name: str) -> None:
    """With nothing lost, through the stored form too."""
    invoice = KEPT[name]()
    same(invoice)
    assert BINDING.losses(invoice) == ()
    assert BINDING.unread(write(invoice)) == ()
    assert from_plain(to_plain(invoice)) == invoice


@pytest.mark.parametrize("name", KEPT)
def test_the_official_schema_accepts_what_we_write(name: str, schema: Schema) -> None:
    assert schema.check(xml.parse(write(KEPT[name]())), BINDING) == ()


def test_payment_is_less_what_goes_to_the_state() -> None:
    """Withholding tax, and the VAT of split payment; the total stays as it is."""
    withheld = write(KEPT["withholding and social fund"]())
    assert text_of(withheld, "ImportoPagamento") == ["1068.80"]
    assert text_of(withheld, "ImportoTotaleDocumento") == ["1268.80"]
    split = write(KEPT["split payment"]())
    assert (text_of(split, "ImportoPagamento"), text_of(split, "EsigibilitaIVA")) == (["100.00"], ["S"])


@pytest.mark.parametrize(
    ("paid", "asked", "again"),
    [("22.00", "100.00", None), ("10.00", "90.00", "10.00"), ("72.00", "50.00", "72.00")],
)
def test_vat_of_split_payment_is_taken_off_once(paid: str, asked: str, again: str | None) -> None:
    """BT-113 may hold it, alone or with a prepayment; what is paid comes back in the same meaning."""
    plain = KEPT["split payment"]()
    assert plain.totals is not None
    totals = replace(plain.totals, paid=Decimal(paid), due=Decimal("122.00") - Decimal(paid))
    document = write(replace(plain, totals=totals))
    assert text_of(document, "ImportoPagamento") == [asked]
    read_back = read(document)
    assert read_back.totals is not None
    assert read_back.totals.paid == (None if again is None else Decimal(again))
    assert payable(read_back) == Decimal(asked)


def test_official_examples_of_split_payment_ask_for_what_is_transferred() -> None:
    """They hold the VAT in BT-113."""
    for name in ("ubl_b2g_example3.xml", "ubl_b2g_example9.xml"):
        invoice = ubl.BINDING.read((folder("cius-ro/examples") / name).read_bytes())
        assert payable(invoice) == Decimal("1246.00")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("plain", "TD01"),
        ("credit note", "TD04"),
        ("advance", "TD02"),
        ("fees", "TD06"),
        ("self-billing", "TD01"),
    ],
)
def test_document_types(name: str, code: str) -> None:
    document = write(KEPT[name]())
    assert text_of(document, "TipoDocumento") == [code]
    assert text_of(document, "SoggettoEmittente") == (["CC"] if name == "self-billing" else [])


def test_a_delivery_before_the_invoice_makes_it_a_deferred_one() -> None:
    invoice = italian(despatch_advice_reference="D-1", delivery=Delivery(delivered_on=date(2026, 11, 3)))
    assert text_of(same(invoice), "TipoDocumento") == ["TD24"]


@pytest.mark.parametrize(
    ("category", "reason", "nature"),
    [
        ("E", None, "N4"),
        ("E", "VATEX-EU-D", "N5"),
        ("G", None, "N3.1"),
        ("K", None, "N3.2"),
        ("K", "VATEX-EU-151", "N7"),
        ("AE", "VATEX-EU-AE", "N6.9"),
        ("O", "VATEX-EU-O", "N2.2"),
    ],
)
def test_natures(category: str, reason: str | None, nature: str) -> None:
    """Each category without tax, by its reason where there is one, and its legal text is never missing."""
    rate = None if category == "O" else "0"
    invoice = italian(
        lines=(line("5.00", category, rate),),
        vat_breakdown=(
            VatBreakdown(
                category=category,
                rate=None if rate is None else Decimal(rate),
                exemption_reason_code=reason,
            ),
        ),
    )
    document = same(invoice)
    assert text_of(document, "Natura") == [nature, nature]
    assert all(text_of(document, "RiferimentoNormativo"))


def test_what_is_not_subject_to_vat_has_the_rate_zero(schema: Schema) -> None:
    """EN 16931 gives it none (BR-O-05); Italy's schema wants one, in lines and sums."""
    row = VatBreakdown(taxable_amount=Decimal("95.00"), tax_amount=Decimal("0.00"), category="O")
    allowance = AllowanceCharge(
        amount=Decimal("5.00"), base_amount=Decimal("100.00"), vat_category="O", reason="Omaggio"
    )
    lines = (line("100.00", "O", None),)
    invoice = italian(lines=lines, allowances=(allowance,), vat_breakdown=(row,))
    document = write(invoice)
    assert text_of(document, "AliquotaIVA") == ["0.00"] * 3
    assert schema.check(xml.parse(document), BINDING) == ()
    back = read(document)
    assert (back.lines, back.allowances) == (invoice.lines, (allowance,))
    assert [(one.category, one.rate) for one in back.vat_breakdown] == [("O", None)]
    assert write(back) == document


def test_an_allowance_of_nothing_has_no_sign() -> None:
    nothing = AllowanceCharge(
        amount=Decimal("0.00"), vat_category="S", vat_rate=Decimal(22), reason="Omaggio"
    )
    document = write(italian(allowances=(nothing,)))
    assert b"-0.00" not in document
    assert read(document).allowances == (nothing,)


@pytest.mark.parametrize("category", ["Z", "L", "M"])
def test_a_category_that_italy_does_not_know_is_refused_by_name(category: str) -> None:
    with pytest.raises(MalformedDocument, match=f"{category} has no counterpart"):
        write(italian(lines=(line("5.00", category, "0"),)))


def test_a_nature_that_is_said_helps() -> None:
    invoice = italian(
        lines=(line("5.00", "Z", "0", italy=ItalianLine(nature="N3.6")),),
        vat_breakdown=(VatBreakdown(category="Z", rate=Decimal(0), italy=ItalianVat(nature="N3.6")),),
    )
    assert text_of(write(invoice), "Natura") == ["N3.6", "N3.6"]


def test_losses_are_named() -> None:
    """Of an invoice between other countries: what has no field, and what is cut or spelled otherwise."""
    losses = BINDING.losses(profiles.PRIVATE.prepare(sample_invoice()))
    assert losses == ("BT-23", "BT-28", "BT-30", "BT-34", "BT-38", "BT-41", "BT-42", "BT-49", "BT-82")


def test_a_note_of_the_full_length_runs_into_the_next_and_that_is_named() -> None:
    assert BINDING.losses(italian(notes=(Note(text="x" * 200), Note(text="y")))) == ("BG-1",)


def test_ubl_names_what_it_cannot_say_of_an_italian_invoice() -> None:
    losses = ubl.BINDING.losses(KEPT["withholding and social fund"]())
    assert {"IT-G2", "IT-41", "IT-47"} <= set(losses)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("“Größe” – 5 €", '"Größe" - 5 EUR'),
        ("Łódź", "Lódz"),
        ("日本", "??"),
        ("a\nb", "a b"),
        ("naïve", "naïve"),
    ],
)
def test_texts_are_spelled_in_latin(said: str, written: str) -> None:
    assert latin(said) == written
    assert basic(written).isascii()
    assert "".join(chunks(said, 2)) == said


def test_the_number_of_a_transmission_is_always_the_same_and_its_own() -> None:
    first, second = italian(), italian(number="FT 2026/18")
    assert text_of(write(first), "ProgressivoInvio") == [derived_number(first)] == [derived_number(italian())]
    assert derived_number(second) != derived_number(first)
    assert len(derived_number(first)) == 10


def test_foreign_buyers_get_what_the_authority_wants() -> None:
    """Without a number of their own, without an Italian post code, and no code to send to."""
    buyer = Buyer(name="Kunde", address=Address(line_1="Ring 1", city="Wien", post_code="1010", country="AT"))
    document = write(italian(buyer=buyer))
    root = xml.parse(document).find("FatturaElettronicaHeader/CessionarioCommittente")
    assert root is not None
    assert (root.findtext(".//IdPaese"), root.findtext(".//IdCodice")) == ("AT", "OO99999999999")
    assert root.findtext("Sede/CAP") == "00000"
    assert text_of(document, "CodiceDestinatario") == ["XXXXXXX"]
    assert BINDING.losses(italian(buyer=buyer)) == ("BT-53",)


def test_several_instalments_are_kept() -> None:
    rows = tuple(
        Instalment(
            means="MP05",
            due_date=date(2026, month, 28),
            amount=Decimal("122.00"),
            account="IT60X0542811101000000123456",
        )
        for month in (11, 12)
    )
    document = write(italian(italy=ItalianInvoice(instalments=rows)))
    assert text_of(document, "CondizioniPagamento") == ["TP01"]
    again = read(document)
    assert again.italy is not None
    assert again.italy.instalments == rows
    assert again.due_date == date(2026, 11, 28)
    same(again)


def test_a_file_with_several_invoices_is_refused_with_each_named() -> None:
    both = _two_in_one()
    with pytest.raises(MalformedDocument, match=r"2 invoices .*: FT 1 of 2026-11-20; FT 2 of 2026-11-20"):
        read(both)
    assert [invoice.number for invoice in fatturapa.read_all(both)] == ["FT 1", "FT 2"]


def _two_in_one() -> bytes:
    first, second = (xml.parse(write(italian(number=number))) for number in ("FT 1", "FT 2"))
    first.append(second[-1])
    return xml.serialize(first)


def test_too_many_lines_are_refused_before_anything_is_written() -> None:
    with pytest.raises(MalformedDocument, match="10000 lines"):
        write(italian(lines=tuple(line("1.00", "S", "22", identifier=str(n)) for n in range(1, 10001))))


OFFICIAL = ("fatturapa/official", "fatturapa/other")


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_official_example_is_read_and_written_with_equal_content(name: str, schema: Schema) -> None:
    """What no term holds is named: the carrier, an intermediary, days of payment terms."""
    known = {"DatiAnagraficiVettore", "TerzoIntermediarioOSoggettoEmittente", "GiorniTerminiPagamento"}
    seen = 0
    for path in sorted(folder(name).rglob("*.xml")):
        content = path.read_bytes()
        if content.rstrip().endswith(b"</FatturaElettronicaBody>"):
            with pytest.raises(MalformedDocument, match="breaks off"):
                fatturapa.read_all(content)
            content += b"</p:FatturaElettronica>"  # that one example lacks its end
        for one in fatturapa.split(content):
            invoice = read(one)
            left = {step for place in BINDING.unread(one) for step in place.split("/")} & known
            assert all(any(step in place for step in left) for place in BINDING.unread(one)), path.name
            again = write(invoice)
            assert read(again) == invoice, path.name
            assert schema.check(xml.parse(again), BINDING) == (), path.name
            seen += 1
    assert seen >= 5


@pytest.mark.parametrize("name", ["en16931/ubl/examples", "en16931/cii/examples", "peppol-bis-3/examples"])
def test_european_examples_become_valid_documents(name: str, schema: Schema) -> None:
    """All whose VAT categories Italy knows and whose seller has the VAT number that Italy wants."""
    written = 0
    for path in sorted(folder(name).rglob("*.xml")):
        root = xml.parse(path.read_bytes())
        for binding in (ubl.BINDING, cii.BINDING):
            if root.tag not in (binding.invoice_root, binding.credit_note_root):
                continue
            invoice = profiles.PRIVATE.prepare(binding.read_tree(root))
            if not any(line.vat and line.vat.category == "Z" for line in invoice.lines) and (
                invoice.seller and invoice.seller.vat_identifier
            ):
                written += 1
                document = write(invoice)
                assert schema.check(xml.parse(document), BINDING) == (), path.name
                assert read(write(read(document))) == read(document), path.name
    assert written >= 3


@given(invoices())
def test_any_invoice_is_written_or_refused_and_what_is_read_stays(invoice: Invoice) -> None:
    """Once in Italian shape, writing and reading change nothing more."""
    seller = invoice.seller or Seller()
    seller = replace(seller, vat_identifier=seller.vat_identifier or "IT01234567890")
    try:
        first = read(write(replace(invoice, specification_id="FPR12", seller=seller)))
    except DocumentError:
        return
    assert read(write(first)) == first


def test_the_added_schema_is_found_in_the_publishers_files(schema: Schema) -> None:
    del schema  # skips by name where there is no JAR
    (jar,) = Path(os.environ["GATEWAY_TEST_RULES"]).glob("ph-fatturapa-*.jar")
    tree = ZipTree(jar)
    found = schemas_in(tree)
    tree.close()
    assert {one.key for one in found} == {"fatturapa-fpr12", "fatturapa-fpa12"}
    assert all(one.main == JAR_FILE for one in found)


@pytest.mark.parametrize("profile", [profiles.PRIVATE, profiles.PUBLIC, profiles.SIMPLIFIED])
def test_a_profile_is_recognised_by_its_format(profile: Profile) -> None:
    document = SYNTAXES[profile.syntax].write(profile.prepare(italian()))
    found = detect(document)
    assert (found.syntax, found.profile_key) == (profile.syntax, profile.key)


@pytest.mark.parametrize(
    ("key", "ending"), [("fatturapa-cades", ".xml.p7m"), ("fatturapa-xades", ".xml"), ("", ".xml")]
)
def test_signed_files_have_the_names_that_the_authority_wants(key: str, ending: str) -> None:
    assert file_name(italian(), progressive(17), key) == f"IT01234560017_0000H{ending}"


@pytest.mark.parametrize(("count", "text"), [(1, "00001"), (36, "00010"), (36**5 - 1, "ZZZZZ")])
def test_numbers_of_files_have_five_signs(count: int, text: str) -> None:
    assert progressive(count) == text


def test_numbers_of_files_end() -> None:
    with pytest.raises(ValueError, match="not between"):
        progressive(36**5)
    with pytest.raises(MalformedDocument, match="cannot be the number"):
        file_name(italian(), "12-34")


@pytest.mark.parametrize("key", ["fatturapa-cades", "fatturapa-xades"])
def test_signed_documents_are_read_and_nobody_is_believed(key: str) -> None:
    invoice = italian()
    signed = signatures.named(key).sign(write(invoice), authority.signer(), authority.NOW).content
    found = detect(signed)
    assert (found.profile_key, found.signature.partition(",")[0].split()[0]) == ("fatturapa-fpr12", "signed")
    assert "not verified" in found.signature
    assert found.tree is not None
    assert BINDING.read_tree(found.tree) == invoice
    assert BINDING.unread_tree(found.tree) == ()


def test_signed_twice_and_in_base64() -> None:
    profile, signer = signatures.named("fatturapa-cades"), authority.signer()
    once = profile.sign(write(italian()), signer, authority.NOW).content
    twice = profile.sign(once, signer, authority.NOW).content
    assert detect(base64.encodebytes(twice)).document == write(italian())


def test_a_signed_file_that_was_changed_is_refused() -> None:
    document = write(italian())
    signed = signatures.named("fatturapa-cades").sign(document, authority.signer(), authority.NOW).content
    found = detect(signed.replace(b"Manometro", b"Barometro"))
    assert (found.syntax, found.tree) == (None, None)
    assert "the signature fails" in found.reason


def test_the_schema_takes_a_signature_inside(schema: Schema) -> None:
    signed = signatures.named("fatturapa-xades").sign(write(italian()), authority.signer(), authority.NOW)
    assert schema.check(xml.parse(signed.content), BINDING) == ()


SIMPLE = SYNTAXES["fatturapa-simplified-1.0"]


@pytest.mark.parametrize(("name", "code"), [("plain", "TD07"), ("credit note", "TD08")])
def test_the_simplified_invoice_says_what_is_paid(name: str, code: str) -> None:
    """Amounts with VAT in each line; what it has no place for is named, and the rest comes back."""
    invoice = profiles.SIMPLIFIED.prepare(KEPT[name]())
    document = SIMPLE.write(invoice)
    assert (text_of(document, "TipoDocumento"), text_of(document, "Importo")) == ([code], ["244.00"])
    assert SIMPLE.losses(invoice) == ("BT-129", "BT-130", "BT-146")
    assert SIMPLE.unread(document) == ()
    again = SIMPLE.read(document)
    assert (again.totals, again.vat_breakdown) == (invoice.totals, invoice.vat_breakdown)


def test_the_simplified_lines_add_up_to_the_vat_of_the_rate() -> None:
    """Three times 0.10 at 22 % is 0.066 of VAT: 0.07, and not three times 0.02."""
    lines = tuple(line("0.10", "S", "22", identifier=str(number)) for number in (1, 2, 3))
    document = SIMPLE.write(profiles.SIMPLIFIED.prepare(italian(lines=lines)))
    assert text_of(document, "Imposta") == ["0.02", "0.02", "0.03"]


def test_the_commands_read_and_write_it(tmp_path: Path) -> None:
    """Convert out and in, validate (whose schema check says that it was not run), render."""
    source, out = tmp_path / "invoice.xml", tmp_path / "IT01234560017_00001.xml"
    source.write_bytes(ubl.BINDING.write(peppol_bis3.PROFILE.prepare(italian())))
    run = CliRunner().invoke
    done = run(app, ["convert", str(source), "--to", "fatturapa-fpr12", "-o", str(out)])
    assert done.exit_code == 0
    assert "Business process type" in done.stderr
    assert BINDING.losses(read(out.read_bytes())) == ()
    signed = out.with_suffix(".xml.p7m")
    signer = authority.signer()
    signed.write_bytes(
        signatures.named("fatturapa-cades").sign(out.read_bytes(), signer, authority.NOW).content
    )
    back = run(app, ["convert", str(signed), "--to", "peppol-bis-3"])
    assert back.exit_code == 0
    assert "not verified" in back.stderr
    assert ubl.BINDING.read(back.stdout_bytes) == peppol_bis3.PROFILE.prepare(read(out.read_bytes()))
    page = tmp_path / "page.html"
    assert run(app, ["render", str(signed), "-o", str(page)]).exit_code == 0
    assert "Manometro" in page.read_text("utf-8")
    judged = run(app, ["validate", "--jsonl", str(signed)])
    told = json.loads(judged.stdout)
    assert (judged.exit_code, told["profile"]) == (1, "fatturapa-fpr12")
    assert "not run" in told["error"]


MAPPING: Final = """
mapping: acme
version: "1"
document: Acme invoice
reads: json
terms:
  BT-1: doc.no
  IT-G1:
    terms:
      IT-4: {const: RF19}
      IT-G2:
        each: doc.held
        terms: {IT-20: item.kind, IT-21: item.amount}
  BG-25:
    each: doc.lines
    terms:
      IT-G5: {terms: {IT-42: item.nature}}
"""


def test_a_mapping_sets_what_italy_says_beyond_the_standard() -> None:
    content = {
        "no": "1",
        "held": [{"kind": "RT01", "amount": "20.00"}],
        "lines": [{"nature": "N6.7"}],
    }
    mapped = compile_mapping("acme", {"acme.yaml": MAPPING}).map(json.dumps(content).encode(), 0, {}).invoice
    assert mapped.italy == ItalianInvoice(
        tax_regime="RF19", withholdings=(Withholding(kind="RT01", amount=Decimal("20.00")),)
    )
    assert mapped.lines[0].italy == ItalianLine(nature="N6.7")


EXAMPLES: Final = Path(__file__).parents[2] / "data" / "formats" / "fatturapa"


def test_there_are_examples() -> None:
    assert {file.stem.rpartition(".")[2] for file in EXAMPLES.glob("*.json")} == {"fpr12", "fpa12", "fsm10"}


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_examples_are_written_to_the_letter_and_read_back(file: Path) -> None:
    """The canonical invoice (.json) and its document (.xml)."""
    invoice = from_plain(json.loads(file.read_text("utf-8")))
    document = file.with_suffix(".xml").read_bytes()
    found = detect(document)
    assert found.syntax is not None
    assert SYNTAXES[found.syntax].write(invoice) == document
    assert SYNTAXES[found.syntax].read(document) == invoice


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (lambda one: replace(one, seller=replace(one.seller, vat_identifier=None)), "IdFiscaleIVA"),
        (lambda one: replace(one, seller=None), "IdFiscaleIVA"),
        (lambda one: replace(one, lines=()), "no invoice line"),
    ],
    ids=["without VAT number", "without seller", "without lines"],
)
@pytest.mark.parametrize("key", ["fatturapa-fpr12", "fatturapa-fpa12", "fatturapa-fsm10"])
def test_what_italy_demands_and_nobody_can_derive_is_asked_for(
    changed: Callable[[Invoice], Invoice], named: str, key: str
) -> None:
    profile = PROFILES[key]
    with pytest.raises(DocumentError, match=named):
        SYNTAXES[profile.syntax].write(profile.prepare(changed(sample_invoice())))


def test_the_name_of_a_bank_is_no_bic() -> None:
    """It stays where Italy has it, and comes back as it was."""
    profile = PROFILES["fatturapa-fpr12"]
    written = SYNTAXES[profile.syntax].write(profile.prepare(sample_invoice()))
    written = re.sub(rb"\s*<BIC>[^<]*</BIC>", b"", written)
    place = written.index(b"<IBAN>")
    named = written[:place] + b"<IstitutoFinanziario>Banca Inventata</IstitutoFinanziario>" + written[place:]
    read = SYNTAXES[profile.syntax].read(named)
    assert read.payment is not None
    assert read.payment.credit_transfers[0].account
    assert read.payment.credit_transfers[0].service_provider is None
    assert read.italy is not None
    assert read.italy.instalments[0].bank == "Banca Inventata"
    assert SYNTAXES[profile.syntax].read(SYNTAXES[profile.syntax].write(read)) == read
    assert ubl.BINDING.losses(read) == ("IT-G4",)
