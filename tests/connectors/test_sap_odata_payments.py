"""Settlement and buyers from the imitated S/4HANA: cleared is not paid, and partners change by the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from connectors.base import OpenInvoice, PaymentState, PaymentStatus
from formats.errors import RemoteUnavailable, RemoteUnexpected
from tests.connectors.s4_bench import Host

D = Decimal
KEY = "90001001"
STORED = "0090001001"
TOTAL = D("695.46")
DAY = date(2026, 12, 1)


@pytest.fixture
def host() -> Iterator[Host]:
    """An S/4HANA with one posted document of 695.46 EUR, 90001001."""
    made = Host()
    made.s4.bill(1)
    yield made
    made.close()


def status(host: Host, *keys: str) -> list[PaymentStatus]:
    asked = [OpenInvoice(key, key, "EUR", TOTAL) for key in keys or (KEY,)]
    return list(host.connector().pull_payments(asked))


def told(host: Host) -> tuple[PaymentState, Decimal, date | None]:
    (found,) = status(host)
    assert (found.key, found.number, found.currency) == (KEY, KEY, "EUR")
    return found.state, found.paid, found.on


def test_an_open_line_is_open(host: Host) -> None:
    assert told(host) == (PaymentState.OPEN, D(0), None)


def test_a_line_cleared_by_a_payment_is_paid(host: Host) -> None:
    document = host.s4.ledger.pay(STORED, DAY)
    assert told(host) == (PaymentState.PAID, TOTAL, DAY)
    assert status(host)[0].evidence == f"clearing document {document}"


def test_a_partial_payment_leaves_the_line_open_and_refers_to_it(host: Host) -> None:
    host.s4.ledger.pay(STORED, DAY, D("200.00"))
    assert told(host) == (PaymentState.PARTLY_PAID, D("200.00"), DAY)


def test_a_residual_posting_clears_the_line_and_is_not_paid(host: Host) -> None:
    host.s4.ledger.pay(STORED, DAY, D("600.00"), residual=True)
    assert told(host) == (PaymentState.PARTLY_PAID, D("600.00"), DAY)


def test_a_credit_memo_settles_without_payment(host: Host) -> None:
    (credit,) = host.s4.bill(1, post=False)
    host.s4.touch(credit, BillingDocumentType="G2", SDDocumentCategory="O")
    host.s4.post(credit)
    host.s4.ledger.settle(STORED, f"00{credit}", DAY)
    assert told(host) == (PaymentState.SETTLED, TOTAL, DAY)


def test_a_write_off_is_not_paid(host: Host) -> None:
    host.s4.ledger.write_off(STORED, DAY)
    assert told(host) == (PaymentState.SETTLED, TOTAL, DAY)


def test_a_clearing_that_is_taken_back_opens_the_invoice_again(host: Host) -> None:
    host.s4.ledger.pay(STORED, DAY)
    host.s4.ledger.reset(STORED)
    assert told(host) == (PaymentState.OPEN, D(0), None)


def test_a_reversed_posting_is_settled(host: Host) -> None:
    host.s4.ledger.reverse(STORED)
    (found,) = status(host)
    assert (found.state, found.evidence) == (PaymentState.SETTLED, "reversed by 1800009999")


def test_installments_are_paid_one_by_one(host: Host) -> None:
    (number,) = host.s4.bill(1, post=False)
    host.s4.post(number, installments=3)
    first = host.s4.ledger.lines_of(f"00{number}")[0]
    host.s4.ledger._clear(first, "1400000099", DAY)
    (found,) = status(host, number)
    assert (found.state, found.paid) == (PaymentState.PARTLY_PAID, D("231.82"))


def test_a_down_payment_is_no_payment_of_the_invoice(host: Host) -> None:
    host.s4.ledger.down_payment(host.s4.document(KEY), D("300.00"))
    assert told(host) == (PaymentState.OPEN, D(0), None)


def test_a_document_that_accounting_does_not_show_is_left_out(host: Host) -> None:
    host.s4.posting_delay = timedelta(minutes=5)
    (late,) = host.s4.bill(1)
    assert [one.key for one in status(host, KEY, late)] == [KEY]
    host.clock.forward(minutes=6)
    assert len(status(host, KEY, late)) == 2


def test_the_original_reference_is_the_way_where_the_ledger_does_not_name_the_document(host: Host) -> None:
    """The reference keeps its zeros, the key of the document does not."""
    host.s4.ledger.pay(STORED, DAY)
    for row in host.s4.ledger.rows:
        row["BillingDocument"] = ""
    assert told(host) == (PaymentState.PAID, TOTAL, DAY)


def test_many_invoices_cost_few_calls(host: Host) -> None:
    numbers = host.s4.bill(50)
    before = host.calls
    assert len(status(host, *numbers)) == 50
    assert host.calls - before <= 6


def test_no_invoices_are_no_calls(host: Host) -> None:
    assert list(host.connector().pull_payments([])) == []
    assert host.calls == 0


def test_a_ledger_that_is_down_is_asked_later(host: Host) -> None:
    host.arm("unavailable", "ItemCube")
    with pytest.raises(RemoteUnavailable):
        status(host)


# Buyers.


def test_buyers_come_with_what_routing_needs(host: Host) -> None:
    partner = next(one for one in host.s4.partners if one["Customer"] == "0000100006")
    partner["to_BusinessPartnerBank"] = [
        {
            "BusinessPartner": partner["BusinessPartner"],
            "BankIdentification": "0001",
            "IBAN": "DE02120300000000202051",
        }
    ]
    pages = list(host.connector(documents_per_page=4).pull_parties(""))
    parties = {party.key: party.facts for page in pages for party in page.parties}
    assert len(parties) == len(host.s4.partners)
    assert parties["100006"] == {
        "name": "Bäckerei Sörensen & Söhne e.K.",
        "country": "DE",
        "city": "Husum",
        "post_code": "25813",
        "vat_id": "DE277190352",
        "email": "rechnung@baeckerei-soerensen.example",
        "iban": "DE02120300000000202051",
        "business_partner": partner["BusinessPartner"].lstrip("0"),
    }
    assert parties["100005"]["electronic_address"] == "0088:4399876500025"
    assert parties["100004"]["vat_id"] == "BE0479031233"


def test_only_buyers_that_changed_come_again(host: Host) -> None:
    connector = host.connector()
    cursor = list(connector.pull_parties(""))[-1].cursor
    assert [page.parties for page in connector.pull_parties(cursor)] == [()]
    host.clock.forward(days=3)
    partner = host.s4.partners[2]
    partner.update(LastChangeDate=host.clock().date(), BusinessPartnerIsBlocked=True)
    pages = list(connector.pull_parties(cursor))
    assert [(one.key, one.facts["blocked"]) for page in pages for one in page.parties] == [
        (partner["Customer"].lstrip("0"), "yes")
    ]


def test_a_visit_among_buyers_goes_on_where_it_broke_off(host: Host) -> None:
    connector = host.connector(documents_per_page=5)
    first = next(iter(connector.pull_parties("")))
    rest = [party.key for page in connector.pull_parties(first.cursor) for party in page.parties]
    everyone = {one["Customer"].lstrip("0") for one in host.s4.partners}
    assert {party.key for party in first.parties} | set(rest) == everyone
    assert len(rest) == len(everyone) - 5


def test_a_buyer_s_cursor_that_is_not_ours_is_refused(host: Host) -> None:
    with pytest.raises(RemoteUnexpected, match="stored place"):
        list(host.connector().pull_parties("[]"))
