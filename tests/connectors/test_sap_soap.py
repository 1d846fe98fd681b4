"""The journal entry services of the imitated S/4HANA: taken is not done, and a failure may say 200."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from connectors.base import DeliveryState, IncomingPayment, PostsPayments, ReadsParties
from connectors.erp.sap_soap import SapSoapSettings
from connectors.erp.sap_soap_messages import addressing, change_message, message_id
from connectors.sandbox.s4_wsdl import CHANGE, CREATE
from formats.errors import (
    DocumentError,
    RemoteBlocked,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)
from tests.connectors.s4_bench import START, Host, pulled, report

KEY = "90001001"
STORED = "0090001001"
BANK = {"default_bank_account": "0011001000"}


@pytest.fixture
def host() -> Iterator[Host]:
    """An S/4HANA with one posted document of 695.46 EUR, 90001001."""
    made = Host()
    made.s4.bill(1)
    yield made
    made.close()


def shown(host: Host, number: str = STORED) -> list[str]:
    host.s4.journal.settle()
    return [line["Reference3IDByBusinessPartner"] for line in host.s4.ledger.lines_of(number)]


def payment(reference: str = "pay-1", amount: str = "695.46", key: str = KEY) -> IncomingPayment:
    return IncomingPayment(
        reference,
        date(2026, 11, 20),
        "EUR",
        Decimal(amount),
        ((key, key, Decimal(amount)),),
        account="DE93 7000 0999 0012 3456 78",
        evidence="STMT-2026-11-20/7",
    )


def posted(host: Host) -> list[tuple[str, Decimal, str]]:
    return [
        (row["FinancialAccountType"], row["AmountInTransactionCurrency"], row["DebitCreditCode"])
        for row in host.s4.ledger.rows
        if row["AccountingDocument"].startswith("01")
    ]


def test_it_reads_as_the_odata_connector_does_and_can_post(host: Host) -> None:
    connector = host.soap()
    assert [document.key for document in pulled(connector)[0]] == [KEY]
    assert isinstance(connector, PostsPayments)
    assert isinstance(connector, ReadsParties)


# Status.


def test_status_goes_into_a_reference_field_of_the_customer_line(host: Host) -> None:
    written = host.soap().report_status(report(KEY))
    assert not written.existed
    assert shown(host) == ["EINV:DELIVERED"]
    assert host.soap().report_status(report(KEY)).existed
    assert host.s4.journal.messages == [("change", message_id(_item_reference(host), "item"))]
    assert len(host.s4.attachments.rows) == 1


def _item_reference(host: Host) -> str:
    line = host.s4.ledger.lines_of(STORED)[0]
    return (
        f"news-1|ItemKey(company_code='1000', fiscal_year='2026', document='{line['AccountingDocument']}', "
        "item='001')"
    )


def test_all_installments_show_the_status(host: Host) -> None:
    (number,) = host.s4.bill(1, post=False)
    host.s4.post(number, installments=3)
    host.soap().report_status(report(number))
    assert shown(host, f"00{number}") == ["EINV:DELIVERED"] * 3


def test_what_was_taken_is_confirmed_by_reading_again(host: Host) -> None:
    """SAP answers 202 and carries the change out some time later."""
    host.s4.journal.delay = timedelta(minutes=3)
    with pytest.raises(RemoteUnavailable, match="does not show it yet") as caught:
        host.soap(attach_xml=False).report_status(report(KEY))
    assert caught.value.uncertain
    assert caught.value.retry_at == START + timedelta(seconds=60)
    host.clock.forward(minutes=4)
    assert host.soap(attach_xml=False).report_status(report(KEY)).existed
    assert len(host.s4.journal.changed) == 1


def test_a_message_sent_again_is_the_same_message(host: Host) -> None:
    host.s4.journal.delay = timedelta(minutes=10)
    for _ in range(3):
        with pytest.raises(RemoteUnavailable):
            host.soap().report_status(report(KEY))
        host.clock.forward(minutes=1)
    assert len(host.s4.journal.messages) == 3
    assert len(set(host.s4.journal.messages)) == 1
    host.clock.forward(minutes=10)
    assert shown(host) == ["EINV:DELIVERED"]
    assert sum(host.s4.journal.changed.values()) == 1


def test_a_change_that_never_comes_is_told_to_a_person(host: Host) -> None:
    host.s4.journal.locked.add(STORED)
    connector = host.soap(confirm_hours=24)
    with pytest.raises(RemoteUnavailable):
        connector.report_status(report(KEY))
    host.clock.forward(hours=25)
    with pytest.raises(RemoteBlocked, match="never carried it out") as caught:
        connector.report_status(report(KEY))
    assert "message monitoring" in caught.value.fix


def test_a_status_never_goes_back(host: Host) -> None:
    connector = host.soap()
    connector.report_status(report(KEY, "delivered"))
    assert connector.report_status(report(KEY, "sent", DeliveryState.ACCEPTED_FOR_TRANSPORT)).existed
    assert shown(host) == ["EINV:DELIVERED"]
    connector.report_status(report(KEY, "rejected", DeliveryState.REJECTED))
    assert shown(host) == ["EINV:REJECTED"]


def test_a_dispute_is_shown_as_one_until_it_is_answered(host: Host) -> None:
    connector = host.soap()
    connector.report_status(report(KEY, "delivered"))
    connector.report_status(report(KEY, "disputed", DeliveryState.DISPUTED))
    assert shown(host) == ["EINV:DISPUTED"]
    connector.report_status(report(KEY, "answered", DeliveryState.DELIVERED))
    assert shown(host) == ["EINV:DELIVERED"]


def test_a_document_that_is_not_in_the_ledger_yet_is_waited_for(host: Host) -> None:
    (number,) = host.s4.bill(1, post=False)
    with pytest.raises(RemoteUnavailable, match="not in the ledger yet"):
        host.soap().report_status(report(number))


def test_an_endpoint_that_insists_on_reliable_messaging_says_so(host: Host) -> None:
    host.s4.journal.strict = True
    with pytest.raises(RemoteUnexpected, match="WS-ReliableMessaging"):
        host.soap().report_status(report(KEY))


def test_a_change_counts_only_where_it_is_asked_for() -> None:
    """The flag is false by default, and then SAP changes nothing without a word."""
    message = change_message("r", START, [], {"Reference3IDByBusinessPartner": "X"})
    assert message["JournalEntryDebtorCreditorItem"] == []


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "server-error", "soap-fault"])
def test_a_failed_change_is_done_later_once(host: Host, fault: str) -> None:
    host.arm(fault, f"POST {CHANGE}")
    with pytest.raises(RemoteUnavailable):
        host.soap().report_status(report(KEY))
    host.soap().report_status(report(KEY))
    assert shown(host) == ["EINV:DELIVERED"]
    assert sum(host.s4.journal.changed.values()) == 1


def test_the_custom_object_can_be_used_all_the_same(host: Host) -> None:
    host.soap(write_back="status-object").report_status(report(KEY))
    assert host.s4.status.written == {"news-1": 1}
    assert shown(host) == [""]


# Payments.


def test_a_payment_is_posted_from_the_customer_to_the_bank(host: Host) -> None:
    written = host.soap(**BANK).post_payment(payment())
    assert (written.existed, written.where) == (False, "accounting document 1000/100000001/2026 in SAP")
    assert posted(host) == [("S", Decimal("695.46"), "S"), ("D", Decimal("-695.46"), "H")]
    line = host.s4.ledger.rows[-1]
    assert (line["Customer"], line["AssignmentReference"], line["DocumentItemText"]) == (
        "0000100001",
        KEY,
        f"Payment of invoice {KEY}",
    )


def test_a_payment_is_posted_once_whoever_tries(host: Host) -> None:
    first, second = (host.soap(**BANK).post_payment(payment()) for _ in range(2))
    assert (first.existed, second.existed) == (False, True)
    assert len(host.s4.journal.entries) == 1


@pytest.mark.parametrize("fault", ["drop-after", "truncated"])
def test_a_lost_answer_does_not_post_twice(host: Host, fault: str) -> None:
    host.arm(fault, f"POST {CREATE}")
    with pytest.raises(RemoteUnavailable) as caught:
        host.soap(**BANK).post_payment(payment())
    assert caught.value.uncertain
    assert host.soap(**BANK).post_payment(payment()).existed
    assert len(host.s4.journal.entries) == 1


def test_http_200_with_an_error_in_the_log_is_a_failure(host: Host) -> None:
    host.s4.journal.closed.add("2026-11")
    with pytest.raises(RemoteBlocked, match=r"Posting period 11 2026 is not open \(609\(RW\)\)"):
        host.soap(**BANK).post_payment(payment())
    assert posted(host) == []
    host.s4.journal.closed.clear()
    assert not host.soap(**BANK).post_payment(payment()).existed


def test_prefixes_of_the_answer_do_not_matter(host: Host) -> None:
    host.s4.journal.prefix, host.s4.journal.envelope_prefix = "ns7", "env"
    assert not host.soap(**BANK).post_payment(payment()).existed


def test_an_answer_that_the_message_was_known_is_no_failure_where_it_is_posted(host: Host) -> None:
    """The ledger may show a posting late: then the message is sent again, and SAP says that it was done."""
    host.s4.journal.duplicates = "error"
    host.soap(**BANK).post_payment(payment())
    hidden = [row for row in host.s4.ledger.rows if row["AccountingDocument"].startswith("01")]
    connector = host.soap(**BANK)
    for row in hidden:
        host.s4.ledger.rows.remove(row)
    host.s4.between_pages = lambda name: (
        host.s4.ledger.rows.extend(hidden)
        if host.s4.server.count("POST", CREATE) == 1 and hidden[0] not in host.s4.ledger.rows
        else None
    )
    assert connector.post_payment(payment()).where.endswith("2026 in SAP")
    assert len(host.s4.journal.entries) == 1


def test_two_payments_of_one_invoice_are_two(host: Host) -> None:
    connector = host.soap(**BANK)
    connector.post_payment(payment("pay-1", "300.00"))
    connector.post_payment(payment("pay-2", "395.46"))
    assert len(host.s4.journal.entries) == 2


def test_a_bank_account_that_is_not_configured_is_refused(host: Host) -> None:
    with pytest.raises(RemoteRefused, match="no G/L account") as caught:
        host.soap().post_payment(payment())
    assert "7000" not in str(caught.value)
    connector = host.soap(bank_accounts={"DE93700009990012345678": "11001000"})
    assert not connector.post_payment(payment()).existed


def test_a_payment_for_an_unknown_invoice_is_for_a_person(host: Host) -> None:
    with pytest.raises(DocumentError, match="invoice 4711 of the payment is not in the ledger"):
        host.soap(**BANK).post_payment(payment(key="4711"))


def test_a_malformed_request_is_a_fault_of_500(host: Host) -> None:
    host.arm("soap-fault", f"POST {CREATE}")
    with pytest.raises(RemoteUnavailable, match="SRT: Processing error"):
        host.soap(**BANK).post_payment(payment())


def test_the_service_refuses_what_real_ones_refuse(host: Host) -> None:
    """The imitation itself: no CreationDateTime is a fault, a wrong sign is an error in the log."""
    connector = host.soap(**BANK)
    connector._postings.load()
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<n:JournalEntryBulkCreateRequest xmlns:n="http://sap.com/xi/SAPSCORE/SFIN"><MessageHeader/>'
        "</n:JournalEntryBulkCreateRequest></e:Body></e:Envelope>"
    )
    answer = connector._http.request("POST", CREATE, body=envelope.encode(), allowed=(500,))
    assert answer.status == 500
    assert b"CreationDateTime" in answer.content


def test_addressing_keeps_the_message_id_on_retry() -> None:
    first, second = (
        [block.text for block in addressing("pay-1", "urn:action", "https://sap.example/x")] for _ in range(2)
    )
    assert first == second
    assert first[1] != addressing("pay-2", "urn:action", "https://sap.example/x")[1].text


def test_a_status_must_fit_into_its_field(host: Host) -> None:
    with pytest.raises(ValidationError, match="longer than the 12 characters"):
        SapSoapSettings(**host.settings(status_field="Reference1IDByBusinessPartner"))
