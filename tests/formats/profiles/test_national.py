"""National profiles: what they prepare, their examples to the letter, and the official rules on both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings

from formats.detection import detect
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Address, Buyer, Contact, Payee, Seller
from formats.model.plain import from_plain
from formats.registry import PROFILES, SYNTAXES
from gateway.rules.engine import RulesEngine
from tests.golden import PROFILE_EXAMPLES, PROFILE_FOLDERS
from tests.official import folder as official
from tests.published import published_rules
from tests.strategies import invoices

LEITWEG: Final = "04011000-1234512345-06"
SHAPED: Final = [key for key, profile in PROFILES.items() if profile.shape is not None]
# One profile for each way to shape.
SHAPES: Final = {PROFILES[key].shape: key for key in SHAPED}
CASES: Final = [
    (file, key)
    for name, keys in PROFILE_FOLDERS.items()
    for file in sorted((PROFILE_EXAMPLES / name).glob("*.json"))
    for key in keys
]


def prepared(key: str, invoice: Invoice) -> Invoice:
    return PROFILES[key].prepare(invoice)


@pytest.mark.parametrize("key", sorted(SHAPES.values()))
@settings(max_examples=15)
@given(invoice=invoices())
def test_preparing_twice_changes_nothing_more(key: str, invoice: Invoice) -> None:
    once = prepared(key, invoice)
    assert prepared(key, once) == once


def test_both_syntaxes_and_the_hybrid_prepare_alike() -> None:
    assert {"xrechnung-ubl", "xrechnung-cii", "facturx-xrechnung", "nlcius-ubl", "nlcius-cii"} <= set(SHAPED)


# -- XRechnung ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "written"),
    [
        ("04011000-12345 12345-06", LEITWEG),
        (" 04011000-1234512345-06", LEITWEG),
        ("Frau Petersen", "Frau Petersen"),
        ("04011000-12345 12345-07", "04011000-12345 12345-07"),
        (None, None),
    ],
)
def test_a_leitweg_id_is_written_without_blanks(reference: str | None, written: str | None) -> None:
    """Only where it is one: any other reference is the buyer's own text."""
    assert prepared("xrechnung-ubl", Invoice(buyer_reference=reference)).buyer_reference == written


def test_missing_addresses_come_from_leitweg_id_and_mail() -> None:
    seller, buyer = (
        Seller(contact=Contact(email="s@example.com")),
        Buyer(contact=Contact(email="b@example.com")),
    )
    public = prepared("xrechnung-ubl", Invoice(seller=seller, buyer=buyer, buyer_reference=LEITWEG))
    assert public.seller is not None
    assert public.buyer is not None
    assert public.seller.electronic_address == Identifier("s@example.com", "EM")
    assert public.buyer.electronic_address == Identifier(LEITWEG, "0204")
    business = prepared("xrechnung-ubl", Invoice(buyer=buyer, buyer_reference="Frau Petersen")).buyer
    assert business is not None
    assert business.electronic_address == Identifier("b@example.com", "EM")
    nobody = prepared("xrechnung-ubl", Invoice(seller=Seller(), buyer=Buyer()))
    assert nobody.buyer == Buyer()
    known = Identifier("9012345000004", "0088")
    kept = prepared("xrechnung-ubl", Invoice(buyer=replace(buyer, electronic_address=known))).buyer
    assert kept is not None
    assert kept.electronic_address == known


@pytest.mark.parametrize(
    ("terms", "written"),
    [
        ("#SKONTO#TAGE=14#PROZENT=2.25#", "#SKONTO#TAGE=14#PROZENT=2.25#\n"),
        ("#skonto#tage=14#prozent=2,5", "#SKONTO#TAGE=14#PROZENT=2.50#\n"),
        (
            "# Skonto # Tage = 7 # Prozent = 3 # Basisbetrag = 357,9 #",
            "#SKONTO#TAGE=7#PROZENT=3.00#BASISBETRAG=357.90#\n",
        ),
        (
            "Zahlbar in 30 Tagen\n#SKONTO#TAGE=7#PROZENT=3.00#\nohne Abzug",
            "Zahlbar in 30 Tagen\n#SKONTO#TAGE=7#PROZENT=3.00#\nohne Abzug",
        ),
        ("30 Tage netto", "30 Tage netto"),
        ("Bestellung #4711", "Bestellung #4711"),
        ("#SKONTO#TAGE=bald#PROZENT=2.25#", "#SKONTO#TAGE=bald#PROZENT=2.25#"),
    ],
)
def test_lines_of_cash_discount_are_written_as_the_rule_wants_them(terms: str, written: str) -> None:
    assert prepared("xrechnung-cii", Invoice(payment_terms=terms)).payment_terms == written


# -- numbers that people group -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "said", "written"),
    [
        ("nlcius-ubl", Identifier("6471 20 35", "0106"), Identifier("64712035", "0106")),
        (
            "nlcius-cii",
            Identifier("0000 0001 0043 2176 5000", "0190"),
            Identifier("00000001004321765000", "0190"),
        ),
        ("nlcius-ubl", Identifier("DE 814", "9930"), Identifier("DE 814", "9930")),
        ("peppol-bis-3", Identifier("0738.124.072", "0208"), Identifier("0738124072", "0208")),
        ("peppol-bis-3", Identifier("BE 0738.124.072", "9925"), Identifier("BE0738124072", "9925")),
        ("peppol-bis-3", Identifier("64 71", "0106"), Identifier("64 71", "0106")),
    ],
)
def test_groups_of_digits_are_written_as_one_number(key: str, said: Identifier, written: Identifier) -> None:
    plain = Identifier(said.value)  # without a scheme it is somebody's own number
    invoice = Invoice(
        seller=Seller(identifiers=(said, plain), legal_registration=said, electronic_address=said),
        buyer=Buyer(identifier=said, legal_registration=said, electronic_address=said),
        payee=Payee(identifier=said, legal_registration=plain),
    )
    done = prepared(key, invoice)
    assert done.seller == Seller(
        identifiers=(written, plain), legal_registration=written, electronic_address=written
    )
    assert done.buyer == Buyer(identifier=written, legal_registration=written, electronic_address=written)
    assert done.payee == Payee(identifier=written, legal_registration=plain)


def test_belgian_vat_numbers_lose_their_dots() -> None:
    invoice = Invoice(
        seller=Seller(vat_identifier="BE 0738.124.072"), buyer=Buyer(vat_identifier="NL 856234187B01")
    )
    done = prepared("peppol-bis-3", invoice)
    assert done.seller == Seller(vat_identifier="BE0738124072")
    assert done.buyer == invoice.buyer


# -- Romania -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subdivision", "city", "written"),
    [
        ("Cluj", "Cluj-Napoca", ("RO-CJ", "Cluj-Napoca")),
        ("CJ", "Dej", ("RO-CJ", "Dej")),
        ("RO-CJ", "Sector 1", ("RO-CJ", "Sector 1")),
        ("Județul Brașov", "Brașov", ("RO-BV", "Brașov")),
        ("jud. Iași", "Iași", ("RO-IS", "Iași")),
        ("București", "Sectorul 3", ("RO-B", "SECTOR3")),
        ("Bucuresti", "Sector 6", ("RO-B", "SECTOR6")),
        ("B", "București, sector 2", ("RO-B", "SECTOR2")),
        ("RO-B", "SECTOR1", ("RO-B", "SECTOR1")),
        ("RO-B", "Sector 7", ("RO-B", "Sector 7")),
        ("Transilvania", "Cluj", ("Transilvania", "Cluj")),
        (None, "București", (None, "București")),
    ],
)
def test_counties_and_sectors_become_codes(
    subdivision: str | None, city: str, written: tuple[str | None, str]
) -> None:
    """Whatever is none of them stays for the rules to judge."""
    address = Address(city=city, subdivision=subdivision, country="RO")
    done = prepared("cius-ro", Invoice(seller=Seller(address=address), buyer=Buyer(address=address)))
    for party in (done.seller, done.buyer):
        assert party is not None
        assert party.address is not None
        assert (party.address.subdivision, party.address.city) == written


def test_addresses_elsewhere_are_left_alone() -> None:
    abroad = Seller(address=Address(city="Sector 1", subdivision="B", country="MD"))
    assert prepared("cius-ro", Invoice(seller=abroad)).seller == abroad


# -- examples ----------------------------------------------------------------------------------------------


def test_each_folder_of_examples_has_some() -> None:
    assert {folder.name for folder in PROFILE_EXAMPLES.iterdir()} == set(PROFILE_FOLDERS)
    assert {file.parent.name for file, _ in CASES} == set(PROFILE_FOLDERS)


@pytest.mark.parametrize(("file", "key"), CASES, ids=lambda one: one.stem if isinstance(one, Path) else one)
def test_examples_are_written_to_the_letter_and_read_back(file: Path, key: str) -> None:
    invoice = prepared(key, from_plain(json.loads(file.read_text("utf-8"))))
    binding = SYNTAXES[PROFILES[key].syntax]
    document = file.with_suffix(f".{key}.xml").read_bytes()
    assert binding.write(invoice) == document
    assert binding.losses(invoice) == ()
    assert binding.read(document) == invoice
    assert detect(document).profile_key == key


# -- judged by the official rules --------------------------------------------------------------------------

RULES: Final = (
    *("en16931-ubl", "en16931-cii", "peppol-ubl", "xrechnung-ubl", "xrechnung-cii"),
    *("nlcius-ubl", "nlcius-cii", "cius-ro-en16931-ubl"),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RulesEngine]:
    with RulesEngine(published_rules(RULES, tmp_path_factory.mktemp("rules"))) as made:
        yield made


@pytest.mark.testdata
@pytest.mark.parametrize(("file", "key"), CASES, ids=lambda one: one.stem if isinstance(one, Path) else one)
def test_the_official_rules_accept_the_examples(engine: RulesEngine, file: Path, key: str) -> None:
    """Without a warning even."""
    report = engine.check(file.with_suffix(f".{key}.xml").read_bytes(), PROFILES[key])
    assert report.not_run == ()
    assert report.findings == ()


# Official documents that cannot pass: BT-115 of the first does not add up in itself, and the second has no
# VAT total (BT-110), which CII can do without and UBL cannot.
FAULTY: Final = {
    ("05.01a-INVOICE_ubl", "xrechnung-ubl"),
    ("05.01a-INVOICE_ubl", "xrechnung-cii"),
    ("01.05_minimal_test_uncefact", "xrechnung-ubl"),
}


@pytest.mark.testdata
@pytest.mark.parametrize(
    ("folder", "key", "pattern"),
    [
        ("xrechnung/testsuite", "xrechnung-ubl", "*.xml"),
        ("xrechnung/testsuite", "xrechnung-cii", "*.xml"),
        ("nlcius/rule-cases", "nlcius-ubl", "*_ok*.xml"),
        ("cius-ro/examples", "cius-ro", "*.xml"),
        ("peppol-bis-3/examples", "peppol-bis-3", "*.xml"),
    ],
)
def test_official_documents_written_anew_pass_their_own_rules(
    engine: RulesEngine, folder: str, key: str, pattern: str
) -> None:
    """Read from UBL or CII, prepared, and written in the syntax of the profile."""
    broken = {}
    files = [file for file in sorted(official(folder).rglob(pattern)) if (file.stem, key) not in FAULTY]
    assert files
    for file in files:
        found = detect(file.read_bytes())
        assert found.syntax is not None
        assert found.tree is not None
        invoice = prepared(key, SYNTAXES[found.syntax].read_tree(found.tree))
        report = engine.check(SYNTAXES[PROFILES[key].syntax].write(invoice), PROFILES[key])
        if not report.passed:
            broken[file.stem] = {finding.rule for finding in report.fatal}
    assert broken == {}
