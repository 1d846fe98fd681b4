"""The table of mandates: what is in force for an invoice, for whom, on which of its dates, and what the
operator may say about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Address, Buyer, Delivery, Period
from formats.model.spain import Centre, Spain
from formats.registry import PROFILES
from gateway import config_file
from gateway.buyer_kinds import kind_of_buyer
from gateway.mandates import BuyerKind, Mandate, OwnMandates, held, networks_of, table
from tests.strategies import sample_invoice

BUSINESS, PUBLIC, CONSUMER = BuyerKind.BUSINESS, BuyerKind.PUBLIC, BuyerKind.CONSUMER
NOTHING = OwnMandates()


def row(identifier: str) -> Mandate:
    return next(one for one in table(NOTHING) if one.id == identifier)


def of(day: date, **changes: object) -> Invoice:
    """An invoice of a day, without a delivery date of its own."""
    return replace(sample_invoice(), issue_date=day, delivery=None, period=None, **changes)  # type: ignore[arg-type]


def in_force(
    seller: str, buyer: str, kind: BuyerKind, day: date, own: OwnMandates = NOTHING
) -> tuple[list[str], list[str]]:
    """Ids of the duties, and of what does not count."""
    found = held(own, of(day), seller, buyer, kind)
    return [one.id for one in found.must], [one.id for one, _ in found.left_out]


# -- the table ---------------------------------------------------------------------------------------------


def test_every_row_has_an_id_of_its_own_and_a_source() -> None:
    rows = table(NOTHING)
    assert len({one.id for one in rows}) == len(rows) >= 25
    assert all(len(one.law) > 10 and len(one.source) > 5 for one in rows)


def test_a_duty_that_stops_invoices_can_be_met_by_what_the_gateway_writes() -> None:
    """Or its note says that it cannot."""
    for one in table(NOTHING):
        if one.demand == "must" and one.binds_all and all(PROFILES[key].judged_only for key in one.profiles):
            assert "does not write" in one.note, one.id


@pytest.mark.parametrize(
    ("earlier", "later"), [("de-business-large", "de-business"), ("fr-business-large", "fr-business")]
)
def test_a_step_ends_the_day_before_the_next_begins(earlier: str, later: str) -> None:
    until = row(earlier).until
    assert until is not None
    assert (row(later).since - until).days == 1


# -- dates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seller", "buyer", "kind", "day", "must"),
    [
        ("BE", "BE", BUSINESS, date(2025, 12, 31), []),
        ("BE", "BE", BUSINESS, date(2026, 1, 1), ["be-business"]),
        ("BE", "BE", CONSUMER, date(2026, 1, 1), []),
        ("NL", "BE", BUSINESS, date(2026, 1, 1), []),
        ("BE", "NL", BUSINESS, date(2026, 1, 1), []),
        ("DE", "DE", PUBLIC, date(2020, 11, 26), []),
        ("DE", "DE", PUBLIC, date(2020, 11, 27), ["de-public"]),
        ("DE", "DE", BUSINESS, date(2027, 12, 31), []),
        ("DE", "DE", BUSINESS, date(2028, 1, 1), ["de-business"]),
        ("NL", "NL", PUBLIC, date(2026, 11, 22), []),
        ("IT", "IT", CONSUMER, date(2026, 11, 22), ["it-consumer"]),
        ("IT", "IT", PUBLIC, date(2026, 11, 22), ["it-public"]),
        ("PL", "PL", BUSINESS, date(2026, 3, 31), []),
        ("PL", "PL", BUSINESS, date(2026, 4, 1), ["pl-business"]),
        ("FR", "FR", BUSINESS, date(2026, 11, 22), []),
        ("FR", "FR", BUSINESS, date(2027, 9, 1), ["fr-business"]),
        ("RO", "RO", BUSINESS, date(2026, 11, 22), ["ro-business"]),
        ("RO", "RO", CONSUMER, date(2024, 12, 31), []),
        ("HR", "HR", BUSINESS, date(2026, 1, 1), ["hr-business"]),
        ("", "", BUSINESS, date(2026, 1, 1), []),
    ],
)
def test_countries_kind_and_day_decide(
    seller: str, buyer: str, kind: BuyerKind, day: date, must: list[str]
) -> None:
    assert in_force(seller, buyer, kind, day)[0] == must


def test_an_invoice_without_a_date_is_under_no_mandate() -> None:
    undated = replace(of(date(2026, 1, 1)), issue_date=None)
    assert held(NOTHING, undated, "BE", "BE", BUSINESS).must == ()


@pytest.mark.parametrize(
    ("issued", "changes", "must"),
    [
        (date(2027, 12, 28), {"delivery": Delivery(delivered_on=date(2027, 12, 20))}, []),
        (date(2028, 1, 10), {"delivery": Delivery(delivered_on=date(2027, 12, 30))}, ["de-business"]),
        (
            date(2027, 12, 28),
            {"period": Period(start=date(2027, 12, 1), end=date(2028, 1, 31))},
            ["de-business"],
        ),
        (date(2028, 1, 10), {}, ["de-business"]),
    ],
)
def test_german_businesses_go_by_the_later_of_supply_and_invoice(
    issued: date, changes: dict[str, object], must: list[str]
) -> None:
    """Paper is left for what is supplied and invoiced in 2027, not for what is invoiced later."""
    invoice = replace(of(issued), **changes)  # type: ignore[arg-type]
    found = held(NOTHING, invoice, "DE", "DE", BUSINESS)
    assert [one.id for one in found.must] == must


# -- what the operator says --------------------------------------------------------------------------------


def test_what_binds_some_sellers_or_is_not_verified_counts_once_applied() -> None:
    day = date(2027, 6, 1)
    assert in_force("DE", "DE", BUSINESS, day) == ([], ["de-business-large"])
    own = OwnMandates(apply=("de-business-large", "be-public"))
    assert in_force("DE", "DE", BUSINESS, day, own) == (["de-business-large"], [])
    assert in_force("BE", "BE", PUBLIC, day) == ([], ["be-public"])
    assert in_force("BE", "BE", PUBLIC, day, own) == (["be-public"], [])


def test_a_row_that_is_set_aside_keeps_its_reason() -> None:
    own = OwnMandates(set_aside={"pl-business": "below 10,000 zloty a month"})
    found = held(own, of(date(2026, 11, 22)), "PL", "PL", BUSINESS)
    assert found.must == ()
    assert [(one.id, why) for one, why in found.left_out] == [
        ("pl-business", "set aside: below 10,000 zloty a month")
    ]


def test_a_row_of_the_operator_s_takes_the_place_of_the_table_s() -> None:
    later = row("be-business").model_copy(update={"since": date(2026, 4, 1)})
    more = row("be-business").model_copy(update={"id": "lu-business", "seller": ("LU",), "buyer": ("LU",)})
    own = OwnMandates(rows=(later, more))
    assert [one.id for one in table(own)] == [*(one.id for one in table(NOTHING)), "lu-business"]
    assert in_force("BE", "BE", BUSINESS, date(2026, 3, 31), own)[0] == []
    assert in_force("LU", "LU", BUSINESS, date(2026, 3, 31), own)[0] == ["lu-business"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"profiles": ["edifact"]}, "no profile"),
        ({"networks": ["fax"]}, "no network"),
        ({"until": "2001-01-01"}, "until lies before since"),
        ({"needs": ["Leitweg"]}, "match pattern"),
        ({"kinds": ["government"]}, "business"),
        ({"law": ""}, "at least 1"),
    ],
)
def test_a_row_with_a_mistake_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Mandate.model_validate(row("be-business").model_dump(mode="json") | change)


# -- what satisfies a row ----------------------------------------------------------------------------------


def test_a_way_satisfies_a_row_by_profile_and_network() -> None:
    belgian = row("be-business")
    assert belgian.refuses("peppol-bis-3", networks_of("peppol", ())) == ""
    assert "en16931-ubl is not what it asks for" in belgian.refuses("en16931-ubl", None)
    assert "does not go over the Peppol network" in belgian.refuses("peppol-bis-3", networks_of("email", ()))
    assert row("de-public").refuses("xrechnung-cii", networks_of("email", ())) == ""


def test_a_provider_reaches_what_its_route_says_and_any_network_without_a_word() -> None:
    assert networks_of("sftp-outbox", ()) is None
    assert networks_of("sftp-outbox", ("sdi",)) == frozenset({"sdi"})
    assert networks_of("peppol", ("peppol", "nemhandel")) == frozenset({"peppol", "nemhandel"})


def test_one_of_two_alternatives_is_enough() -> None:
    dutch = row("nl-public")
    assert dutch.missing(frozenset({"BT-13", "BT-49"})) == ()
    assert dutch.missing(frozenset({"BT-49"})) == ("BT-10 or BT-13",)


# -- kinds of buyers ---------------------------------------------------------------------------------------


def buyer(country: str, **facts: object) -> Invoice:
    return Invoice(buyer=Buyer(address=Address(country=country), **facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("invoice", "kind", "because"),
    [
        (buyer("DE", electronic_address=Identifier("04011000-1234512345-06", "0204")), PUBLIC, "0204"),
        (replace(buyer("DE"), buyer_reference="04011000-1234512345-06"), PUBLIC, "BT-10"),
        (replace(buyer("DE"), buyer_reference="04011000-1234512345-07"), CONSUMER, "no VAT number"),
        (replace(buyer("AT"), buyer_reference="04011000-1234512345-06"), CONSUMER, "no VAT number"),
        (buyer("NL", legal_registration=Identifier("00000001004321765000", "0190")), PUBLIC, "BT-47"),
        (buyer("NL", legal_registration=Identifier("71203465", "0106")), BUSINESS, "BT-47"),
        (buyer("IT", electronic_address=Identifier("UFABCD", "0201"), vat_identifier="IT1"), PUBLIC, "0201"),
        (buyer("IT", legal_registration=Identifier("RSSMRA85T10A562S", "0210")), CONSUMER, "natural person"),
        (buyer("IT", legal_registration=Identifier("12345678903", "0210")), BUSINESS, "BT-47"),
        (buyer("RO", legal_registration=Identifier("0000000000000")), CONSUMER, "natural person"),
        (
            replace(buyer("ES", vat_identifier="ES1"), spain=Spain(centres=(Centre(code="L01280796"),))),
            PUBLIC,
            "DIR3",
        ),
        (buyer("BE", vat_identifier="BE0123456749"), BUSINESS, "BT-48"),
        (buyer("CH", electronic_address=Identifier("CHE999123455", "0183")), BUSINESS, "BT-49"),
        (buyer("BE", electronic_address=Identifier("ann@example.com", "EM")), CONSUMER, "no VAT number"),
        (buyer("BE", identifier=Identifier("10")), CONSUMER, "no VAT number"),
        (Invoice(), CONSUMER, "no VAT number"),
    ],
)
def test_identifiers_tell_the_kind_of_a_buyer(invoice: Invoice, kind: BuyerKind, because: str) -> None:
    found = kind_of_buyer(invoice, {})
    assert found.kind is kind
    assert because in found.because


@pytest.mark.parametrize("name", ["BE0314595348", "0208:0314595348", "0314595348"])
def test_the_operator_knows_a_buyer_better(name: str) -> None:
    known = buyer("BE", vat_identifier="BE0314595348", electronic_address=Identifier("0314595348", "0208"))
    assert kind_of_buyer(known, {name: PUBLIC}).kind is PUBLIC
    assert kind_of_buyer(known, {"BE0999": PUBLIC}).kind is BUSINESS


def test_the_sample_for_the_config_folder_is_right_in_every_line(tmp_path: Path) -> None:
    """Each example in it, with its mark of a comment taken away."""
    sample = Path(__file__).parents[2] / "config" / "mandates.yaml"
    lines = sample.read_text("utf-8").splitlines()
    settings = ("apply:", "set_aside:", "buyers:", "rows:")
    kept = [line[2:] for line in lines if line[2:].startswith((*settings, "  "))]
    file = tmp_path / "mandates.yaml"
    file.write_text("\n".join(kept), "utf-8")
    own = config_file.validated(OwnMandates, config_file.load(file), file)
    assert all((own.apply, own.set_aside, own.buyers, own.rows))
