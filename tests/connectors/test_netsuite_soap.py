"""NetSuite over SOAP against the imitated account: what is pulled, written and paid, and what goes wrong."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

import pytest
from lxml import etree
from pydantic import ValidationError

from connectors.base import (
    DeliveryState,
    OpenInvoice,
    Page,
    PaymentState,
    SourceDocument,
    StateCell,
    StatusReport,
    Surroundings,
)
from connectors.erp.netsuite_service import Credentials, sign
from connectors.erp.netsuite_soap import NetSuiteSoap, NetSuiteSoapSettings
from connectors.sandbox.faults import Fault
from connectors.sandbox.netsuite import LOG_TYPE_ID, NetSuiteSandbox
from connectors.sandbox.netsuite_records import Custom
from connectors.sandbox.netsuite_seeds import SEEDED_CREDIT_MEMOS, SEEDED_INVOICES
from formats.errors import (
    ConfigError,
    RemoteBlocked,
    RemoteError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)
from tests.conftest import SteppingClock

SENT_AT: Final = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)


def no_cell(name: str) -> AbstractContextManager[StateCell]:
    raise AssertionError(f"no state is kept, {name} was asked for")


@pytest.fixture
def account(clock: SteppingClock) -> Iterator[NetSuiteSandbox]:
    sandbox = NetSuiteSandbox(0, clock=clock)
    sandbox.start()
    yield sandbox
    sandbox.stop()
    assert sandbox.failures == []


Make = Callable[..., NetSuiteSoap]


@pytest.fixture
def connect(account: NetSuiteSandbox, clock: SteppingClock) -> Iterator[Make]:
    """Connectors to the account, with other settings, secrets or clock where a test names them."""
    made: list[NetSuiteSoap] = []

    def make(
        *, secrets: dict[str, str] | None = None, at: Callable[[], datetime] = clock, **settings: Any
    ) -> NetSuiteSoap:
        known = {**account.secrets(), **(secrets or {})}
        wanted = {
            "account": "1234567_SB1",
            "consumer_key": "file:netsuite_consumer_key",
            "consumer_secret": "file:netsuite_consumer_secret",
            "token_id": "file:netsuite_token_id",
            "token_secret": "file:netsuite_token_secret",
            "base_url": account.addresses()["soap"],
            "read_seconds": 0.8,
            "busy_attempts": 1,
            **settings,
        }
        surroundings = Surroundings(
            secret=lambda reference: known[reference.removeprefix("file:")], clock=at, locked=no_cell
        )
        connector = NetSuiteSoap("brightwater", NetSuiteSoapSettings.model_validate(wanted), surroundings)
        made.append(connector)
        return connector

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def netsuite(connect: Make) -> NetSuiteSoap:
    return connect()


def documents(pages: Iterator[Page]) -> list[SourceDocument]:
    return [document for page in pages for document in page.documents]


def number(document: SourceDocument) -> str:
    return etree.fromstring(document.content).findtext("record/{*}tranId") or ""


def numbers(pages: Iterator[Page]) -> list[str]:
    return sorted(map(number, documents(pages)))


REPORT: Final = StatusReport(
    reference="brightwater/invoice/1002/delivered",
    key="invoice/1002",
    number="BW-2026-0102",
    document_id="",
    state=DeliveryState.DELIVERED,
    text="",
    at=SENT_AT,
    message_id="7c3f2c1e-0000-4000-8000-000000000001",
)

# Signing in.


def test_the_signature_of_the_published_example() -> None:
    """Parts joined by & without encoding, HMAC-SHA256, base64: the known value comes out."""
    credentials = Credentials("1234567_SB1", "ck-demo-0001", "cs-demo-0001", "tk-demo-0001", "ts-demo-0001")
    signature = sign(credentials, "12345678901234567890", 1767225600)
    assert signature == "H74Tl7VIhSdzf0BWVa4JqXGTFwN7QZfMChLZd1D8DKc="


def test_no_secret_shows_in_the_credentials_text() -> None:
    """A credentials value that ends up in a log says nothing."""
    shown = repr(Credentials("1234567", "ck-demo-0001", "cs-demo-0001", "tk-demo-0001", "ts-demo-0001"))
    assert "cs-demo" not in shown
    assert "tk-demo" not in shown
    assert "ts-demo" not in shown


def test_each_request_is_signed_anew(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """The account refuses a nonce that it has seen, and refused none."""
    list(netsuite.pull(""))
    assert len(account.operations) >= 4
    assert set(account.login.audit_trail) == {"Success"}


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        ({"netsuite_token_id": "tk-other"}, "TokenRejected"),
        ({"netsuite_token_secret": "ts-other"}, "InvalidSignature"),
        ({"netsuite_consumer_key": "ck-other"}, "ConsumerKeyUnknown"),
    ],
)
def test_wrong_secrets_are_refused_and_say_where_to_look(
    account: NetSuiteSandbox, connect: Make, secrets: dict[str, str], reason: str
) -> None:
    """NetSuite keeps the reason in its own audit trail, so the remedy points there."""
    with pytest.raises(RemoteRefused, match="Login Audit Trail") as caught:
        list(connect(secrets=secrets).pull(""))
    assert account.login.audit_trail == [reason]
    assert not any(secret in str(caught.value) for secret in account.secrets().values())


def test_a_revoked_token_is_refused_and_not_asked_again(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """One request, one refusal: a loop would lock the user out."""
    account.login.revoked = True
    with pytest.raises(RemoteRefused):
        list(netsuite.pull(""))
    assert len(account.operations) == 1


def test_a_clock_ten_minutes_off_is_refused(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """The signature is right and too old all the same."""
    netsuite = connect(at=lambda: clock() + timedelta(minutes=10))
    with pytest.raises(RemoteRefused, match="clock"):
        list(netsuite.pull(""))
    assert account.login.audit_trail == ["InvalidTimestamp"]


@pytest.mark.parametrize("spelling", ["1234567_sb1", "1234567-SB1", "1234567-sb1", ""])
def test_the_account_id_is_checked_before_anything_is_sent(connect: Make, spelling: str) -> None:
    """Mixing up host name and account id is the commonest mistake, and NetSuite would not say so."""
    with pytest.raises(ValidationError, match="account"):
        connect(account=spelling)


def test_the_address_follows_from_the_account(connect: Make) -> None:
    """In host names the account id is in small letters and has a hyphen."""
    settings = NetSuiteSoapSettings.model_validate(
        dict.fromkeys(("consumer_key", "consumer_secret", "token_id", "token_secret"), "file:x")
        | {"account": "1234567_SB1"}
    )
    assert settings.address == "https://1234567-sb1.suitetalk.api.netsuite.com"


# Pulling.


def test_approved_invoices_and_credit_memos_come_and_others_do_not(netsuite: NetSuiteSoap) -> None:
    """Open and paid ones; pending approval and void ones stay where they are."""
    assert numbers(netsuite.pull("")) == sorted((*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS))


def test_a_document_holds_the_records_around_the_invoice(netsuite: NetSuiteSoap) -> None:
    """Customer, subsidiary, currency, and for each line its item and tax code, as the service gave them."""
    (document,) = [found for found in documents(netsuite.pull("")) if number(found) == "BW-2026-0103"]
    root = etree.fromstring(document.content)
    assert document.key == "invoice/1003"
    assert document.revision == root.findtext("record/{*}lastModifiedDate")
    assert root.findtext("customer/{*}companyName") == "Noordzee Analytics NV"
    assert root.findtext("subsidiary/{*}federalIdNumber") == "BE1999307184"
    assert root.findtext("currency/{*}symbol") == "EUR"
    kinds = [line.get("kind") for line in root.iterfind("line")]
    assert kinds == ["InventoryItem", "InventoryItem", "SubtotalItem"]
    below = [[part.get("kind") for part in line.iterfind("adjustment")] for line in root.iterfind("line")]
    assert below == [["DiscountItem"], ["MarkupItem"], []]
    assert root.findtext("line/adjustment/item/{*}itemId") == "DISC-TRADE"
    assert root.findtext("line/taxCode/{*}itemId") == "S-BE"


def test_a_credit_memo_brings_the_invoice_it_was_made_from(netsuite: NetSuiteSoap) -> None:
    """Its number is only there."""
    (document,) = [found for found in documents(netsuite.pull("")) if number(found) == "BW-CN-2026-0011"]
    assert etree.fromstring(document.content).findtext("preceding/{*}tranId") == "BW-2026-0101"


def test_an_attached_file_comes_along(netsuite: NetSuiteSoap) -> None:
    """The custom field names it; its content is in the document."""
    (document,) = [found for found in documents(netsuite.pull("")) if number(found) == "BW-2026-0111"]
    root = etree.fromstring(document.content)
    assert root.findtext("file/{*}name") == "calibration-hours-2026-10.csv"
    assert root.findtext("file/{*}content")


def test_what_a_record_names_and_the_service_does_not_have_is_noted(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """A deleted file is visible in the document instead of silently absent."""
    del account.records["file", "9001"]
    (document,) = [found for found in documents(netsuite.pull("")) if number(found) == "BW-2026-0111"]
    (missing,) = etree.fromstring(document.content).iterfind("missing")
    assert {str(name): value for name, value in missing.attrib.items()} == {
        "kind": "file",
        "id": "9001",
        "code": "RCRD_DSNT_EXIST",
    }


def test_the_same_records_give_the_same_bytes(netsuite: NetSuiteSoap) -> None:
    """Whether something changed is decided by comparing content."""
    first, second = documents(netsuite.pull("")), documents(netsuite.pull(""))
    assert [document.content for document in first] == [document.content for document in second]


def test_the_cursor_is_the_end_of_the_window(netsuite: NetSuiteSoap, clock: SteppingClock) -> None:
    """Nothing changed since: one empty page that moves the cursor on."""
    (*_, last) = netsuite.pull("")
    clock.advance(hours=1)
    (page,) = netsuite.pull(last.cursor)
    assert page.documents == ()
    assert datetime.fromisoformat(page.cursor) == clock()


def test_a_change_after_the_cursor_is_found(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, clock: SteppingClock
) -> None:
    """And only that."""
    (*_, last) = netsuite.pull("")
    clock.advance(hours=1)
    account.save("BW-2026-0102", otherRefNum="KZ/2026/0913")
    clock.advance(minutes=1)
    assert numbers(netsuite.pull(last.cursor)) == ["BW-2026-0102"]


def test_a_record_that_shows_up_late_is_found_by_the_overlap(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, clock: SteppingClock
) -> None:
    """Saved before the last window ended, visible only afterwards."""
    (*_, last) = netsuite.pull("")
    account.transaction("BW-2026-0102").modified = clock() - timedelta(minutes=5)
    clock.advance(minutes=5)
    assert numbers(netsuite.pull(last.cursor)) == ["BW-2026-0102"]


def test_batches_come_oldest_first_and_each_cursor_leads_to_the_rest(connect: Make) -> None:
    """After a crash between two pages, reading on from the stored cursor gives all that was not stored."""
    netsuite = connect(batch_size=5, overlap_minutes=0)
    pages = list(netsuite.pull(""))
    assert len(pages) == 4
    revisions = [datetime.fromisoformat(found.revision) for page in pages for found in page.documents]
    assert revisions == sorted(revisions)
    rest = {document.key for page in pages[2:] for document in page.documents}
    assert rest <= {document.key for document in documents(netsuite.pull(pages[1].cursor))}


def test_a_result_of_several_pages_is_whole(connect: Make) -> None:
    """18 hits on pages of 5."""
    assert numbers(connect(page_size=5).pull("")) == sorted((*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS))


def test_pages_that_shift_while_paging_lose_nothing(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """A record of the first page leaves the window, so that one of the second page slips onto the first."""

    def save_first() -> None:
        clock.advance(minutes=1)
        account.save("BW-2026-0101", otherRefNum="changed meanwhile")

    account.between_pages.append(save_first)
    netsuite = connect(page_size=5)
    pages = list(netsuite.pull(""))
    clock.advance(minutes=1)
    later = list(netsuite.pull(pages[-1].cursor))
    everything = {number(document) for document in documents(iter([*pages, *later]))}
    assert everything == {*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS}


def test_a_shift_that_keeps_the_count_loses_nothing(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """One record leaves the window while another enters it late: the totals agree, the pages do not."""
    late = account.transaction("BW-CN-2026-0012")
    seen = late.modified
    late.modified = clock() + timedelta(days=1)

    def swap() -> None:
        account.transaction("BW-2026-0101").modified = clock() + timedelta(minutes=1)
        late.modified = seen

    account.between_pages.append(swap)
    netsuite = connect(page_size=5)
    pages = list(netsuite.pull(""))
    clock.advance(minutes=2)
    later = list(netsuite.pull(pages[-1].cursor))
    everything = {number(document) for document in documents(iter([*pages, *later]))}
    assert everything == {*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS}


def test_a_page_given_twice_in_place_of_another_is_noticed(account: NetSuiteSandbox, connect: Make) -> None:
    """The same wrong page in two readings: they agree, and the count says that a page is missing."""
    account.faults.arm(Fault("duplicate", "searchMoreWithId", times=6))
    found = numbers(connect(page_size=5).pull(""))
    assert found == sorted((*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS))


def test_a_list_that_never_stands_still_is_tried_later(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """Five readings that do not agree: nothing is given rather than something with a hole."""
    numbers_left = iter(SEEDED_INVOICES)

    def save_another() -> None:
        account.transaction(next(numbers_left)).modified = clock() + timedelta(minutes=1)

    account.between_pages.extend([save_another] * len(SEEDED_INVOICES))
    with pytest.raises(RemoteUnavailable, match="did not agree"):
        list(connect(page_size=5).pull(""))


def test_a_window_without_hits_has_no_list_at_all(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """A missing recordList is zero hits, not an error."""
    account.forbidden |= {"invoice", "creditMemo"}
    (page,) = netsuite.pull("")
    assert page.documents == ()


def test_one_record_that_fails_does_not_hold_up_the_others(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """The failed one is shown to a person with NetSuite's own words."""
    account.fail_reading("1002", "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: x")
    (page,) = netsuite.pull("")
    assert len(page.documents) == len(SEEDED_INVOICES) + len(SEEDED_CREDIT_MEMOS) - 1
    (rejected,) = page.rejected
    assert rejected.key == "invoice/1002"
    assert "An unexpected error occurred" in rejected.problem.what


def test_one_of_three_failing_in_a_batch_is_not_taken_for_success(
    account: NetSuiteSandbox, connect: Make
) -> None:
    """The list's own status says success; each record has its own."""
    account.fail_reading("1002", "INSUFFICIENT_PERMISSION", "You do not have permissions")
    first = next(connect(batch_size=3).pull(""))
    assert [document.key for document in first.documents] == ["invoice/1001", "invoice/1003"]
    assert [rejected.key for rejected in first.rejected] == ["invoice/1002"]


def test_a_record_deleted_since_the_search_is_left_out(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """There is nothing to send and nothing to mend."""
    account.fail_reading("1002", "RCRD_DSNT_EXIST", "That record does not exist.")
    (page,) = netsuite.pull("")
    assert "BW-2026-0102" not in map(number, page.documents)
    assert page.rejected == ()


def test_a_missing_right_for_customers_stops_the_pull(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """Without customers no invoice would have a buyer; IT hears of it, and nothing is skipped."""
    account.forbidden.add("customer")
    with pytest.raises(RemoteRefused, match="INSUFFICIENT_PERMISSION") as caught:
        list(netsuite.pull(""))
    assert "customer/801" in caught.value.where


def test_an_unreadable_cursor_names_its_remedy(netsuite: NetSuiteSoap) -> None:
    """A damaged cursor is for an operator, not for a guess."""
    with pytest.raises(ConfigError, match="reset the cursor"):
        list(netsuite.pull("yesterday"))


# Failures on the way.


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("too-many-requests", RemoteUnavailable),
        ("server-error", RemoteUnavailable),
        ("unavailable", RemoteUnavailable),
        ("truncated", RemoteUnavailable),
        ("soap-fault", RemoteUnavailable),
        ("drop-before", RemoteUnavailable),
        ("html", RemoteUnexpected),
        ("revoked-token", RemoteRefused),
    ],
)
@pytest.mark.parametrize("operation", ["search", "getList"])
def test_after_a_failure_the_next_pull_gives_everything(
    account: NetSuiteSandbox,
    netsuite: NetSuiteSoap,
    operation: str,
    kind: str,
    expected: type[RemoteError],
) -> None:
    """Each failure says who acts, and asking again from the same cursor loses nothing."""
    account.faults.arm(Fault(kind, f"^{operation}$"))
    with pytest.raises(expected):
        list(netsuite.pull(""))
    assert numbers(netsuite.pull("")) == sorted((*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS))


def test_a_slow_account_is_unavailable_and_not_empty(account: NetSuiteSandbox, connect: Make) -> None:
    """A time-out reaches the caller."""
    netsuite = connect(read_seconds=0.2)
    account.faults.arm(Fault("slow", "^search$", seconds=0.6))
    with pytest.raises(RemoteUnavailable) as caught:
        list(netsuite.pull(""))
    assert caught.value.uncertain is False


def test_a_maintenance_page_of_the_web_server_is_unavailable(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """In front of everything, the service description included."""
    account.faults.arm(Fault("unavailable", "netsuite.wsdl"))
    with pytest.raises(RemoteUnavailable):
        list(netsuite.pull(""))
    assert documents(netsuite.pull(""))


def test_a_failed_status_with_http_200_is_no_success(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """`isSuccess="false"` in the answer to a search is not an empty result."""
    account.answer_next("search", failed_search())
    with pytest.raises(RemoteRefused, match="INSUFFICIENT_PERMISSION"):
        list(netsuite.pull(""))


def failed_search() -> bytes:
    return (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b'<searchResponse xmlns="urn:messages_2025_2.platform.webservices.netsuite.com">'
        b'<c:searchResult xmlns:c="urn:core_2025_2.platform.webservices.netsuite.com">'
        b'<c:status isSuccess="false"><c:statusDetail type="ERROR"><c:code>INSUFFICIENT_PERMISSION</c:code>'
        b"<c:message>Find Transaction is needed</c:message></c:statusDetail></c:status>"
        b"</c:searchResult></searchResponse></e:Body></e:Envelope>"
    )


def test_an_entity_bomb_in_an_answer_is_refused(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """Nothing is expanded."""
    bomb = b"".join(b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10))
    account.answer_next("search", b'<!DOCTYPE x [<!ENTITY l0 "ha">' + bomb + b"]>" + failed_search())
    with pytest.raises(RemoteUnexpected, match="document type"):
        list(netsuite.pull(""))


def test_an_answer_about_other_records_is_refused(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """Fewer records than asked for would be invoices that nobody misses."""
    account.answer_next("getList", EMPTY_LIST)
    with pytest.raises(RemoteUnexpected, match="18 records were asked for and 0 answered"):
        list(netsuite.pull(""))


EMPTY_LIST: Final = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    b'<getListResponse xmlns="urn:messages_2025_2.platform.webservices.netsuite.com"><readResponseList>'
    b'<c:status xmlns:c="urn:core_2025_2.platform.webservices.netsuite.com" isSuccess="true"/>'
    b"</readResponseList></getListResponse></e:Body></e:Envelope>"
)


def test_a_version_that_is_switched_off_is_named(connect: Make) -> None:
    """Endpoints end; the operator reads which one was asked for."""
    with pytest.raises(RemoteRefused, match="2024_1"):
        list(connect(version="2024_1").pull(""))


def test_after_the_end_of_soap_the_message_names_the_way_on(account: NetSuiteSandbox, connect: Make) -> None:
    """Release 2028.2 has neither the service nor its description, before and after a connector was made."""
    netsuite = connect()
    list(netsuite.pull(""))
    account.release = (2028, 2)
    for connector in (netsuite, connect()):
        with pytest.raises(RemoteRefused, match="netsuite-rest"):
            list(connector.pull(""))


def test_a_full_account_is_asked_again_after_a_pause(account: NetSuiteSandbox, connect: Make) -> None:
    """Two refusals for too many requests at the same time, then everything comes."""
    account.faults.arm(Fault("too-many-requests", "^search$", times=2))
    found = numbers(connect(busy_attempts=3, busy_seconds=0.01).pull(""))
    assert found == sorted((*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS))
    assert account.operations.count("search") >= 3


@pytest.mark.parametrize("size", [4, 1001])
def test_page_sizes_that_the_service_refuses_are_refused_before(connect: Make, size: int) -> None:
    """5 to 1000 hits a page."""
    with pytest.raises(ValidationError, match="page_size"):
        connect(page_size=size)


def test_in_a_closed_period_the_news_goes_into_a_custom_record(
    account: NetSuiteSandbox, connect: Make
) -> None:
    """Once, whatever happens to the answer, and without touching the invoice."""
    netsuite = connect(log_record_type=LOG_TYPE_ID)
    before = account.transaction("BW-2026-0102").modified
    account.close_period(date(2026, 10, 31))
    account.faults.arm(Fault("drop-after", "^add$"))
    with pytest.raises(RemoteUnavailable):
        netsuite.report_status(REPORT)
    assert netsuite.report_status(REPORT).existed
    (note,) = account.notes.values()
    assert note["custrecord_einv_invoice"] == {"id": "1002"}
    assert (note["custrecord_einv_state"], note["custrecord_einv_reference"]) == (
        "delivered",
        REPORT.reference,
    )
    assert account.transaction("BW-2026-0102").modified == before


# Writing the status back.


def test_news_is_written_into_the_custom_fields(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """State, message and moment, in text fields whose names the settings give."""
    written = netsuite.report_status(REPORT)
    assert not written.existed
    assert account.holdings()["status_notes"] == {
        "BW-2026-0102": {
            "custbody_einv_status": "delivered",
            "custbody_einv_message_id": "7c3f2c1e-0000-4000-8000-000000000001",
            "custbody_einv_sent_at": "2026-11-23T08:05:00+00:00",
        }
    }


def test_the_same_news_twice_is_written_once(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """Looked up first."""
    netsuite.report_status(REPORT)
    assert netsuite.report_status(REPORT).existed
    assert len(account.updates) == 1


def test_a_time_out_after_the_commit_is_looked_up_and_not_written_again(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """The first attempt is uncertain, the second finds what it wrote."""
    account.faults.arm(Fault("drop-after", "^update$"))
    with pytest.raises(RemoteUnavailable) as caught:
        netsuite.report_status(REPORT)
    assert caught.value.uncertain
    assert netsuite.report_status(REPORT).existed
    assert len(account.updates) == 1


def test_older_news_does_not_replace_newer(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """ "sent" that was retried for an hour does not undo "delivered"."""
    netsuite.report_status(REPORT)
    late = replace(REPORT, state=DeliveryState.ACCEPTED_FOR_TRANSPORT, at=SENT_AT - timedelta(minutes=3))
    assert netsuite.report_status(late).existed
    assert account.transaction("BW-2026-0102").custom["custbody_einv_status"].value == "delivered"


def test_a_rejection_says_why_and_a_later_delivery_clears_it(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """The error field holds what is wrong now."""
    fields = account.transaction("BW-2026-0102").custom
    text = "The buyer's access point\nrefused it. " + "x" * 400
    netsuite.report_status(replace(REPORT, state=DeliveryState.REJECTED, text=text))
    assert fields["custbody_einv_error"].value.startswith("The buyer's access point refused it.")
    assert len(fields["custbody_einv_error"].value) == 300
    netsuite.report_status(replace(REPORT, at=SENT_AT + timedelta(hours=1)))
    assert "custbody_einv_error" not in fields


def test_a_question_is_no_rejection_and_says_what_the_buyer_asks(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    fields = account.transaction("BW-2026-0102").custom
    netsuite.report_status(replace(REPORT, state=DeliveryState.DISPUTED, text="the buyer asks: which order?"))
    assert fields["custbody_einv_status"].value == "disputed"
    assert fields["custbody_einv_error"].value == "the buyer asks: which order?"


def test_our_own_note_brings_the_invoice_again_but_nothing_else_changed(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, clock: SteppingClock
) -> None:
    """Only what the mapping does not look at differs."""
    (*_, last) = netsuite.pull("")
    (before,) = [found for found in documents(netsuite.pull("")) if found.key == "invoice/1002"]
    clock.advance(hours=1)
    netsuite.report_status(REPORT)
    (after,) = documents(netsuite.pull(last.cursor))
    assert after.key == "invoice/1002"
    assert stripped(after) == stripped(before)
    assert after.content != before.content
    assert after.fingerprint == before.fingerprint


def test_rounds_without_a_change_end_in_the_same_fingerprint_and_no_second_update(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, clock: SteppingClock
) -> None:
    """Our own note moves the record, the record comes again, and the circle ends there."""
    prints, contents = set(), set()
    for _ in range(3):
        (found,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
        prints.add(found.fingerprint)
        contents.add(found.content)
        clock.advance(hours=1)
        # The same news, told anew with the moment of this round.
        netsuite.report_status(replace(REPORT, at=clock()))
    assert len(prints) == 1
    assert re.fullmatch(r"[0-9a-f]{64}", prints.pop())
    assert len(contents) == 2
    assert len(account.updates) == 1
    assert list(cast("dict[str, int]", account.holdings()["status_references"]).values()) == [1]


def test_other_news_is_written_and_leaves_the_fingerprint(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, clock: SteppingClock
) -> None:
    """Another state, and another message after a correction, are news."""
    (before,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
    changes: tuple[dict[str, Any], ...] = (
        {"state": DeliveryState.ACCEPTED_FOR_TRANSPORT},
        {"state": DeliveryState.REJECTED, "text": "refused"},
        {
            "state": DeliveryState.ACCEPTED_FOR_TRANSPORT,
            "message_id": "7c3f2c1e-0000-4000-8000-000000000002",
        },
    )
    for step, change in enumerate(changes):
        clock.advance(minutes=5)
        moment = SENT_AT + timedelta(hours=step)
        assert not netsuite.report_status(replace(REPORT, at=moment, **change)).existed
    (after,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
    assert len(account.updates) == 3
    assert set(cast("dict[str, int]", account.holdings()["status_references"]).values()) == {1}
    assert after.fingerprint == before.fingerprint


def test_a_payment_leaves_the_fingerprint(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """It changes what is left and the status, and not the invoice."""
    (before,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
    account.pay("BW-2026-0102", Decimal("100.00"))
    (after,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
    assert after.content != before.content
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize("what", ["order number", "line", "customer", "buyer reference", "tax code"])
def test_a_real_change_has_another_fingerprint(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, what: str
) -> None:
    """Wherever it is that the e-invoice takes its words from."""
    (before,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
    record = account.transaction("BW-2026-0102")
    rows = record.sublists["item"]
    match what:
        case "order number":
            account.save("BW-2026-0102", otherRefNum="KZ/2026/0913")
        case "line":
            rows[1] = replace(rows[1], fields={**rows[1].fields, "quantity": Decimal(3)})
        case "customer":
            account.records["customer", "802"].fields["email"] = "other@kestrel-ziekenhuis.example"
        case "buyer reference":
            record.custom["custbody_einv_buyer_reference"] = Custom("String", "LAB-C-205")
        case "tax code":
            account.records["salesTaxItem", "12"].fields["description"] = "VAT 6 %"
    (after,) = [one for one in documents(netsuite.pull("")) if one.key == "invoice/1002"]
    assert after.fingerprint != before.fingerprint


def stripped(document: SourceDocument) -> bytes:
    """Without the date of the last change and our own fields."""
    root = etree.fromstring(document.content)
    for record in root.iterfind("record"):
        for changed in record.findall("{*}lastModifiedDate"):
            record.remove(changed)
        for listed in record.findall("{*}customFieldList"):
            for entry in listed:
                if entry.get("scriptId", "").startswith("custbody_einv_") and entry.get("scriptId") not in (
                    "custbody_einv_buyer_reference",
                    "custbody_einv_prepaid",
                ):
                    listed.remove(entry)
            for entry in listed:
                entry.attrib.pop("internalId")
            if not len(listed):
                record.remove(listed)
    return etree.tostring(root, method="c14n")


def test_someone_else_saving_meanwhile_is_read_again(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """RCRD_HAS_BEEN_CHANGED twice, then it is written."""
    account.edit_meanwhile("BW-2026-0102", times=2)
    assert not netsuite.report_status(REPORT).existed
    assert account.operations == ["get", "update"] * 3


def test_someone_else_saving_all_the_time_is_tried_later(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """The first attempt and three more, no endless loop."""
    account.edit_meanwhile("BW-2026-0102", times=99)
    with pytest.raises(RemoteUnavailable, match="keeps changing"):
        netsuite.report_status(REPORT)
    assert account.operations.count("update") == 4


def test_a_closed_period_is_for_a_person(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """With the way out."""
    account.close_period(date(2026, 10, 31))
    with pytest.raises(RemoteBlocked, match="Allow Non-G/L Changes"):
        netsuite.report_status(REPORT)
    assert account.updates == []


def test_a_locked_record_is_for_a_person(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """A workflow holds it."""
    account.lock_record("BW-2026-0102")
    with pytest.raises(RemoteBlocked, match="RCRD_LOCKED_BY_WF"):
        netsuite.report_status(REPORT)


def test_a_field_that_does_not_exist_is_not_taken_for_written(connect: Make) -> None:
    """A misspelled custom field is an error, not a silent success."""
    netsuite = connect(status_field="custbody_einv_statuss")
    with pytest.raises(RemoteUnexpected, match="custbody_einv_statuss"):
        netsuite.report_status(REPORT)


def test_a_saved_record_whose_script_failed_counts_as_written(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """afterSubmitFailed means that the record is saved."""
    account.answer_next("update", AFTER_SUBMIT_FAILED)
    assert not netsuite.report_status(REPORT).existed


AFTER_SUBMIT_FAILED: Final = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    b'<updateResponse xmlns="urn:messages_2025_2.platform.webservices.netsuite.com"><writeResponse>'
    b'<c:status xmlns:c="urn:core_2025_2.platform.webservices.netsuite.com" isSuccess="false">'
    b'<c:statusDetail type="ERROR"><c:code>SSS_SCRIPT</c:code><c:message>a script failed</c:message>'
    b"<c:afterSubmitFailed>true</c:afterSubmitFailed></c:statusDetail></c:status>"
    b"</writeResponse></updateResponse></e:Body></e:Envelope>"
)


def test_a_key_of_another_system_is_refused_before_anything_is_sent(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """A key names a record type and an internal id."""
    with pytest.raises(ConfigError, match="not a key"):
        netsuite.report_status(replace(REPORT, key="0090000123"))
    assert account.operations == []


# Payments.


def open_invoice(key: str, number: str, amount: str) -> OpenInvoice:
    return OpenInvoice(key, number, "EUR", Decimal(amount))


def test_settlement_is_read_from_the_records(account: NetSuiteSandbox, netsuite: NetSuiteSoap) -> None:
    """Paid, partly paid and open, with what was paid so far."""
    asked = [
        open_invoice("invoice/1001", "BW-2026-0101", "2253.02"),
        open_invoice("invoice/1003", "BW-2026-0103", "3525.70"),
        open_invoice("invoice/1002", "BW-2026-0102", "1205.07"),
    ]
    found = [(status.number, status.state, status.paid) for status in netsuite.pull_payments(asked)]
    assert found == [
        ("BW-2026-0101", PaymentState.PAID, Decimal("2253.02")),
        ("BW-2026-0103", PaymentState.PARTLY_PAID, Decimal("1000.00")),
        ("BW-2026-0102", PaymentState.OPEN, Decimal("0.00")),
    ]


def test_a_payment_is_seen_although_the_invoice_was_not_saved(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """Applying a payment does not touch the date of the last change."""
    asked = [open_invoice("invoice/1002", "BW-2026-0102", "1205.07")]
    account.pay("BW-2026-0102", Decimal("1205.07"))
    (status,) = netsuite.pull_payments(asked)
    assert status.state is PaymentState.PAID
    assert "Paid In Full" in status.evidence


def test_invoices_that_are_gone_are_left_out_of_the_payments(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap
) -> None:
    """Nothing is said about them, and the others are not held up."""
    asked = [
        open_invoice("invoice/9999", "BW-X", "1.00"),
        open_invoice("invoice/1001", "BW-2026-0101", "2253.02"),
    ]
    assert [status.number for status in netsuite.pull_payments(asked)] == ["BW-2026-0101"]


# Checking.


def test_a_good_connection_passes_every_step(netsuite: NetSuiteSoap, account: NetSuiteSandbox) -> None:
    """And nothing is written."""
    steps = list(netsuite.check())
    assert [step.name for step in steps] == [
        "name",
        "connection",
        "description",
        "login",
        "clock",
        "search",
        "read",
    ]
    assert all(step.ok for step in steps)
    assert account.updates == []


@pytest.mark.parametrize(
    ("arrange", "stopped_at"),
    [
        (lambda account: account.faults.arm(Fault("unavailable", "netsuite.wsdl")), "connection"),
        (lambda account: account.faults.arm(Fault("html", "core.xsd")), "description"),
        (lambda account: setattr(account.login, "revoked", True), "login"),
        (lambda account: account.answer_next("search", failed_search()), "rights"),
        (lambda account: account.forbidden.add("customer"), "rights"),
    ],
    ids=["connection", "description", "login", "search right", "customer right"],
)
def test_a_check_stops_at_the_step_that_fails(
    account: NetSuiteSandbox,
    netsuite: NetSuiteSoap,
    arrange: Callable[[NetSuiteSandbox], object],
    stopped_at: str,
) -> None:
    """With a remedy, and without raising."""
    arrange(account)
    *passed, failed = netsuite.check()
    assert all(step.ok for step in passed)
    assert (failed.name, failed.ok) == (stopped_at, False)
    assert failed.fix


def test_a_clock_near_the_limit_is_told_before_it_fails(connect: Make, clock: SteppingClock) -> None:
    """Five minutes are refused; four and a half still work and are named."""
    netsuite = connect(at=lambda: clock() + timedelta(seconds=270))
    step = next(step for step in netsuite.check() if step.name == "clock")
    assert not step.ok
    assert "270 seconds" in step.seen


@pytest.mark.parametrize(("minutes", "named"), [(0, False), (10, True)])
def test_a_refused_login_with_a_wrong_clock_names_the_clock(minutes: int, named: bool, connect: Make) -> None:
    """The web server's own date tells what the refusal does not."""

    def now() -> datetime:
        return datetime.now(UTC)

    account = NetSuiteSandbox(0, clock=now)
    account.login.revoked = True
    account.start()
    try:
        netsuite = connect(
            base_url=account.addresses()["soap"], at=lambda: now() + timedelta(minutes=minutes)
        )
        *_, failed = netsuite.check()
    finally:
        account.stop()
    assert (failed.name, failed.ok) == ("login", False)
    assert ("seconds apart" in failed.seen) is named


# The account itself.


@pytest.mark.parametrize(("parallel", "blocked"), [(1, False), (4, True)])
def test_a_connector_keeps_to_its_share_of_the_account(
    clock: SteppingClock, connect: Make, parallel: int, blocked: bool
) -> None:
    """Four readings at once in an account that takes one at a time: with `parallel: 1` they wait for each
    other."""
    busy = NetSuiteSandbox(0, clock=clock, concurrency=1, latency=0.1)
    busy.start()
    netsuite = connect(base_url=busy.addresses()["soap"], parallel=parallel)
    asked = [open_invoice("invoice/1001", "BW-2026-0101", "2253.02")]
    outcomes: list[bool] = []

    def read() -> None:
        try:
            outcomes.append(bool(list(netsuite.pull_payments(asked))))
        except RemoteUnavailable:
            outcomes.append(False)

    threads = [threading.Thread(target=read) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        busy.stop()
    assert len(outcomes) == 4
    assert (False in outcomes) is blocked


def test_mending_puts_the_faulty_invoices_right(
    account: NetSuiteSandbox, netsuite: NetSuiteSoap, clock: SteppingClock
) -> None:
    """What the clerk saved is pulled again, and nothing else."""
    (*_, last) = netsuite.pull("")
    clock.advance(hours=1)
    assert len(account.mend()) == 3
    assert numbers(netsuite.pull(last.cursor)) == ["BW-2026-0113", "BW-2026-0115", "BW-2026-0116"]


# Buyers.


def test_customers_come_with_what_routing_needs(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """All of them first, page by page, then those that changed."""
    netsuite = connect(page_size=5, batch_size=4)
    pages = list(netsuite.pull_parties(""))
    facts = {party.key: dict(party.facts) for page in pages for party in page.parties}
    assert (len(facts), [page.cursor for page in pages[:-1]]) == (10, ["", ""])
    assert facts["customer/801"] == {
        "name": "Noordzee Analytics NV",
        "vat_id": "BE1999412696",
        "electronic_address": "0208:1999412696",
        "email": "invoices@noordzee-analytics.example",
    }
    clock.advance(days=3)
    customer = account.records["customer", "801"]
    customer.custom["custentity_peppol_id"] = Custom("String", "0208:1999508708")
    customer.modified = clock()
    (page,) = netsuite.pull_parties(pages[-1].cursor)
    (changed,) = page.parties
    assert changed.facts["electronic_address"] == "0208:1999508708"
