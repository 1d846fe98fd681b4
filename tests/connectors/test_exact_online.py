"""The Exact Online connector against the imitated Exact Online on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import (
    DeliveryState,
    OpenInvoice,
    PaymentState,
    StatusReport,
)
from connectors.erp.exact_online import ExactOnlineSettings
from connectors.sandbox.exact_online_seed import DIVISION, seeded_id
from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, SandboxHttpServer, json_reply
from formats.errors import RemoteBlocked, RemoteRefused, RemoteUnavailable, RemoteUnexpected
from tests.connectors.exact_site import NUMBERS, Cells, Site, Store


@pytest.fixture
def open_site() -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(**sizes: int) -> Site:
        sites.append(Site(**sizes))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    return open_site()


# Pulling.


def test_processed_invoices_come_once_and_open_ones_never(site: Site) -> None:
    store, connector = Store(), site.connector()
    store.pull(connector)
    assert store.numbers == NUMBERS
    before = len(site.exact.server.calls)
    store.pull(connector)
    assert store.numbers == NUMBERS
    assert len(site.exact.server.calls) - before == 3


def test_a_first_load_stays_within_a_minute_of_calls(open_site: Callable[..., Site]) -> None:
    """Master data is read in bulk: twenty invoices do not cost a hundred calls."""
    site = open_site(minutely=60)
    Store().pull(site.connector())
    assert len(site.exact.server.calls) < 45


@pytest.mark.parametrize(("page", "sync_page", "chunk"), [(1, 1, 1), (2, 3, 2), (7, 5, 25), (60, 37, 20)])
def test_page_sizes_make_no_difference(
    open_site: Callable[..., Site], page: int, sync_page: int, chunk: int
) -> None:
    small = open_site(page=page, sync_page=sync_page)
    usual = open_site()
    first, second = Store(), Store()
    first.pull(small.connector(documents_per_page=chunk))
    second.pull(usual.connector())

    def contents(store: Store) -> dict[str, bytes]:
        return {document.key: document.content for page in store.pages for document in page.documents}

    assert contents(first) == contents(second)
    assert len(contents(first)) == 20


def test_a_document_names_the_invoice_and_its_row_version(site: Site) -> None:
    store = Store()
    store.pull(site.connector())
    document = store.pages[0].documents[0]
    assert document.key == seeded_id("invoice 26700001").lower()
    assert document.revision == str(max(line["Timestamp"] for line in site.exact.books.lines[:3]))
    assert document.media_type == "application/json"
    assert document.key in document.origin


def test_amounts_keep_the_digits_of_the_answer(site: Site) -> None:
    store = Store()
    store.pull(site.connector())
    assert b'"NetPrice":3.475,' in next(
        document.content for document in store.pages[0].documents if b"26700009" in document.content
    )


def test_a_changed_invoice_comes_again_and_only_that(site: Site) -> None:
    store, connector = Store(), site.connector()
    store.pull(connector)
    site.exact.change(26700002, YourRef="HN/2210-B")
    store.pull(connector)
    assert store.numbers[20:] == [26700002]
    assert store.latest(26700002)["invoice"]["YourRef"] == "HN/2210-B"


def test_what_changes_without_the_invoice_does_not_change_the_document(site: Site) -> None:
    """A payment and a new time of change leave the bytes as they are, so nothing is sent twice."""
    store, connector = Store(), site.connector()
    store.pull(connector)
    site.exact.pay(26700008)
    site.exact.change(26700008, StarterSalesInvoiceStatus=3)
    store.pull(connector)
    versions = [
        document.content
        for page in store.pages
        for document in page.documents
        if b"26700008" in document.content
    ]
    assert len(versions) == 2
    assert versions[0] == versions[1]


def test_changes_while_pages_are_read_are_not_missed(open_site: Callable[..., Site]) -> None:
    site = open_site(sync_page=10)
    left = [26700001, 26700018, 26700005]

    def change(name: str) -> None:
        if name.startswith("sync/") and left:
            number = left.pop()
            site.exact.change(number, Remarks=f"changed {number}")

    site.exact.between_pages = change
    store, connector = Store(), site.connector(documents_per_page=3)
    store.pull(connector)
    store.pull(connector)
    assert left == []
    assert set(store.numbers) == set(NUMBERS)
    for number in (26700001, 26700018, 26700005):
        assert store.latest(number)["invoice"]["Remarks"] == f"changed {number}"


def test_an_invoice_deleted_between_list_and_read_is_passed_over(site: Site) -> None:
    def delete(name: str) -> None:
        if name.startswith("sync/"):
            site.exact.between_pages = None
            site.exact.remove(26700010)

    site.exact.between_pages = delete
    store = Store()
    store.pull(site.connector())
    assert store.numbers == [number for number in NUMBERS if number != 26700010]
    assert all(page.rejected == () for page in store.pages)


def test_a_deleted_invoice_is_shown_to_people_once_and_only_if_it_was_read(site: Site) -> None:
    """An invoice that nobody has seen is nobody's business; the other one the buyer may have."""
    store, connector = Store(), site.connector()
    site.exact.remove(26700010)
    store.pull(connector)
    assert not [one for page in store.pages for one in page.rejected if one.key.endswith(":deleted")]
    site.exact.remove(26700004)
    for _ in range(2):
        store.pull(site.connector())
    (gone,) = [one for page in store.pages for one in page.rejected if one.key.endswith(":deleted")]
    assert gone.key == f"{seeded_id('invoice 26700004').lower()}:deleted"
    assert "26700004 was deleted" in gone.problem.what


def test_deletions_are_left_alone_where_that_is_set(site: Site) -> None:
    store = Store()
    store.pull(site.connector(deletions=False))
    site.exact.remove(26700004)
    store.pull(site.connector(deletions=False))
    assert site.exact.server.count("GET", "/sync/Deleted") == 0


def test_rows_given_twice_count_once(site: Site) -> None:
    site.fault("duplicate@sync")
    store = Store()
    store.pull(site.connector())
    assert store.numbers == NUMBERS


def test_a_late_row_version_within_the_overlap_is_still_found(site: Site) -> None:
    """Exact can finish a change whose row version is older than the newest one seen."""
    late = site.exact.books.invoice(26700004)
    line = site.exact.books.lines_of(late)[0]
    version, line["Timestamp"] = line["Timestamp"], 10
    store, connector = Store(), site.connector()
    late["Status"] = 20
    store.pull(connector)
    late["Status"], line["Timestamp"] = 50, version
    store.pull(connector)
    assert store.numbers[-1] == 26700004


def test_a_moved_division_is_read_from_the_start(site: Site) -> None:
    store, connector = Store(), site.connector()
    store.pull(connector)
    site.exact.move_division()
    site.exact.change(26700003, YourRef="after the move")
    store.pull(connector)
    assert store.latest(26700003)["invoice"]["YourRef"] == "after the move"
    assert set(store.numbers[20:]) == set(NUMBERS)


def test_a_processed_invoice_without_a_number_is_shown_and_comes_once_it_has_one(site: Site) -> None:
    invoice = site.exact.books.invoice(26700006)
    invoice["InvoiceNumber"] = None
    store, connector = Store(), site.connector()
    store.pull(connector)
    problems = [rejected.problem.what for page in store.pages for rejected in page.rejected]
    assert problems == ["the invoice is processed but has no number yet"]
    invoice["InvoiceNumber"] = 26700006
    site.exact.books.touch(invoice)
    store.pull(connector)
    assert store.numbers[-1] == 26700006


def test_what_exact_sends_by_peppol_itself_is_held_unless_told_otherwise(site: Site) -> None:
    site.exact.books.accounts[1]["InvoicingMethod"] = 32
    held, taken = Store(), Store()
    held.pull(site.connector())
    assert [number for number in NUMBERS if number not in held.numbers] == [26700002, 26700005]
    assert "twice" in next(rejected for page in held.pages for rejected in page.rejected).problem.what
    taken.pull(site.connector(when_exact_sends="take"))
    assert taken.numbers == NUMBERS


def test_a_linked_file_is_embedded_and_one_that_is_too_large_stops_its_invoice_only(site: Site) -> None:
    small, large = Store(), Store()
    small.pull(site.connector())
    (file,) = small.latest(26700010)["attachments"]
    assert (file["FileName"], file["MediaType"]) == ("pakbon-26700010.pdf", "application/pdf")
    site.exact.books.attachments[0]["Content"] = bytes(2 * 1024 * 1024)
    site.exact.books.attachments[0]["FileSize"] = Decimal(1)
    large.pull(site.connector(largest_attachment_mb=1))
    assert 26700010 not in large.numbers
    assert len(large.numbers) == 19
    (rejected,) = (rejected for page in large.pages for rejected in page.rejected)
    assert "attachment" in rejected.problem.what


# When the other side misbehaves.


@pytest.mark.parametrize("kind", ["server-error", "unavailable", "truncated", "drop-before", "drop-after"])
@pytest.mark.parametrize("place", ["sync/", "/salesinvoice/SalesInvoices", "crm/Accounts", "vat/VATCodes"])
def test_nothing_is_missed_after_a_failure_in_the_middle(
    open_site: Callable[..., Site], kind: str, place: str
) -> None:
    site = open_site(sync_page=10)
    store, connector = Store(), site.connector(documents_per_page=4)
    stream = connector.pull("")
    for _ in range(2):
        page = next(stream)
        store.pages.append(page)
        store.cursor = page.cursor
    site.fault(f"{kind}@{place}")
    try:
        for page in stream:
            store.pages.append(page)
            store.cursor = page.cursor
    except RemoteUnavailable:
        pass
    store.pull(site.connector())
    assert sorted(set(store.numbers)) == NUMBERS


def test_one_unreadable_invoice_does_not_stop_the_others(site: Site) -> None:
    key = seeded_id("invoice 26700003")
    site.exact.unreadable.add(key)
    store, connector = Store(), site.connector()
    store.pull(connector)
    assert store.numbers == [number for number in NUMBERS if number != 26700003]
    assert [rejected.key for page in store.pages for rejected in page.rejected] == [key]
    site.exact.unreadable.clear()
    store.pull(connector)
    assert store.numbers[-1] == 26700003


def test_an_invoice_that_stays_unreadable_freezes_nothing(site: Site) -> None:
    site.exact.unreadable.add(seeded_id("invoice 26700003"))
    store, connector = Store(), site.connector()
    for _ in range(3):
        store.pull(connector)
    site.exact.change(26700020, Remarks="new")
    store.pull(connector)
    assert store.numbers[-1] == 26700020


def test_a_service_that_fails_on_every_invoice_is_down(site: Site) -> None:
    site.fault("server-error@/salesinvoice/SalesInvoices*1000")
    store, connector = Store(), site.connector()
    for _ in range(4):
        with pytest.raises(RemoteUnavailable):
            store.pull(connector)
    site.exact.faults.clear()
    store.pull(connector)
    store.pull(connector)
    assert sorted(store.numbers) == NUMBERS


def test_the_limit_of_a_minute_is_waited_for_and_the_work_goes_on(open_site: Callable[..., Site]) -> None:
    """The connector stops by itself before the service has to refuse, keeps what it has, and goes on."""
    site = open_site(minutely=17)
    store, connector = Store(), site.connector(documents_per_page=5)
    waits: list[datetime | None] = []
    while len(waits) < 12 and len(store.numbers) < len(NUMBERS):
        try:
            store.pull(connector)
        except RemoteUnavailable as error:
            waits.append(error.retry_at)
            site.clock.now = error.retry_at or site.clock.now
    assert store.numbers == NUMBERS
    assert waits == [datetime(2026, 11, 22, 8, minute, 1, tzinfo=UTC) for minute in range(1, len(waits) + 1)]
    assert 1 < len(waits) < 12
    assert all(call.status != 429 for call in site.exact.server.calls)


def test_a_refusal_for_too_many_calls_names_the_end_of_the_minute(site: Site) -> None:
    site.fault("too-many-requests@sync~30")
    with pytest.raises(RemoteUnavailable) as caught:
        Store().pull(site.connector())
    assert caught.value.retry_at == site.clock.now + timedelta(seconds=31)


def test_a_refusal_without_any_time_waits_a_minute(site: Site) -> None:
    site.fault("too-many-requests-bare@sync")
    with pytest.raises(RemoteUnavailable) as caught:
        Store().pull(site.connector())
    assert caught.value.retry_at == site.clock.now + timedelta(seconds=60)


def test_a_spent_day_waits_for_the_next(open_site: Callable[..., Site]) -> None:
    site = open_site(daily=12)
    connector = site.connector()
    with pytest.raises(RemoteUnavailable) as caught:
        Store().pull(connector)
    assert caught.value.retry_at == datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC)
    before = len(site.exact.server.calls)
    with pytest.raises(RemoteUnavailable):
        Store().pull(connector)
    assert len(site.exact.server.calls) == before


def test_a_web_page_instead_of_data_is_no_quiet_day(site: Site) -> None:
    site.fault("html@sync")
    with pytest.raises(RemoteUnexpected, match="web page"):
        Store().pull(site.connector())


def test_a_next_page_on_another_host_is_never_called(open_site: Callable[..., Site]) -> None:
    site = open_site(sync_page=5)
    site.exact.links_to = "http://127.0.0.2:9"
    with pytest.raises(RemoteUnexpected, match="outside its own host"):
        Store().pull(site.connector())


def test_pages_that_lead_in_a_circle_end(site: Site) -> None:
    """A next page that was read before is a fault of the service, not a reason to read for ever."""
    server = SandboxHttpServer(0, Faults())
    token = {"access_token": "a", "refresh_token": "b", "expires_in": "600"}
    server.route("POST", "/api/oauth2/token", lambda _: json_reply(token))
    server.route("GET", ".*Divisions", lambda _: json_reply({"d": [{"Code": DIVISION}]}))
    server.route(
        "GET",
        ".*",
        lambda request: json_reply({"d": {"results": [], "__next": f"{server.url}{request.path}?2"}}),
    )
    server.start()
    with pytest.raises(RemoteUnexpected, match="never end"):
        Store().pull(site.connector(base_url=server.url))
    server.stop()
    assert server.count("GET", "sync") == 2


@pytest.mark.parametrize(
    "answer",
    ['{"d": 5}', '{"d": [1]}', "[]", '{"e": []}', '{"d": {"results": [], "__next": 7}}', "{}", "null"],
)
def test_an_answer_of_another_form_is_kept_as_evidence(site: Site, answer: str) -> None:
    server = SandboxHttpServer(0, Faults())
    token = {"access_token": "a", "refresh_token": "b"}
    server.route("POST", "/api/oauth2/token", lambda _: json_reply(token))
    server.route("GET", ".*", lambda _: Reply(200, answer.encode(), "application/json"))
    server.start()
    with pytest.raises(RemoteUnexpected) as caught:
        Store().pull(site.connector(base_url=server.url))
    server.stop()
    assert caught.value.evidence == answer.encode()


@pytest.mark.parametrize(
    ("reason", "words"), [("NoDivisionAccess", "no access"), ("LicenseExpired", "licence"), ("Else", "right")]
)
def test_missing_rights_are_named(site: Site, reason: str, words: str) -> None:
    site.exact.forbidden = reason
    with pytest.raises(RemoteRefused, match=words):
        Store().pull(site.connector())


def test_a_division_under_a_backup_is_waited_for(site: Site) -> None:
    site.exact.forbidden = "DivisionBlocked"
    with pytest.raises(RemoteUnavailable, match="backup"):
        Store().pull(site.connector())
    site.exact.forbidden = ""
    store = Store()
    store.pull(site.connector())
    assert store.numbers == NUMBERS


def test_errors_in_a_row_stop_before_exact_blocks_the_endpoint(site: Site) -> None:
    connector = site.connector()
    report = _report(key="00000000-0000-4000-8000-000000000000")
    for _ in range(8):
        with pytest.raises(RemoteUnexpected):
            connector.report_status(report)
    before = len(site.exact.server.calls)
    with pytest.raises(RemoteUnavailable) as caught:
        connector.report_status(report)
    assert len(site.exact.server.calls) == before
    assert caught.value.retry_at == site.clock.now + timedelta(hours=1)


def test_a_broken_cursor_is_said_to_be_broken(site: Site) -> None:
    with pytest.raises(RemoteUnexpected, match="cannot be read"):
        list(site.connector().pull("{]"))


# Login.


def test_one_access_token_serves_for_nine_minutes_and_a_half(site: Site) -> None:
    connector = site.connector()
    for step in (0, 300, 269):
        site.clock.forward(seconds=step)
        Store().pull(connector)
        site.clock.forward(seconds=0)
    assert site.exact.login.token_calls == 1
    site.clock.forward(seconds=2)
    Store().pull(connector)
    assert site.exact.login.token_calls == 2


def test_tokens_outlive_the_process(site: Site) -> None:
    Store().pull(site.connector())
    Store().pull(site.connector())
    assert site.exact.login.token_calls == 1


def test_a_refusal_to_refresh_early_loses_nothing(site: Site) -> None:
    """Our clock runs ahead: the service says that the token has not expired, and we go on with it."""
    connector = site.connector()
    Store().pull(connector)
    state = json.loads(site.cells.values["tokens"])
    state["obtained"] = (site.clock.now - timedelta(seconds=580)).isoformat()
    site.cells.values["tokens"] = json.dumps(state)
    Store().pull(connector)
    assert site.exact.login.token_calls == 2
    site.clock.forward(seconds=601)
    Store().pull(connector)
    assert site.exact.login.token_calls == 3


def test_an_expired_token_is_renewed_in_the_middle_of_the_work(site: Site) -> None:
    site.fault("expired-token@/salesinvoice/SalesInvoices")
    store = Store()
    store.pull(site.connector())
    assert store.numbers == NUMBERS
    assert site.exact.login.token_calls == 2


def test_a_token_that_dies_between_two_pages_costs_one_call_more_and_no_row(
    open_site: Callable[..., Site],
) -> None:
    """The same next page is asked for again, not the list from its beginning."""
    site = open_site(sync_page=5)
    pages: list[str] = []

    def expire(name: str) -> None:
        pages.append(name)
        if pages.count("sync/SalesInvoice/SalesInvoices") == 2:
            site.exact.between_pages = None
            site.exact.login.expire_access()

    site.exact.between_pages = expire
    store = Store()
    store.pull(site.connector())
    assert set(store.numbers) == set(NUMBERS)
    refused = [call for call in site.exact.server.calls if call.status == 401]
    feed = site.exact.server.count("GET", "/sync/SalesInvoice/")
    assert (len(refused), site.exact.login.token_calls) == (1, 2)
    assert "/sync/" not in refused[0].path
    assert feed == -(-len(site.exact.books.lines) // 5)


@pytest.mark.parametrize("empty", ['{"d": []}', '{"d": {"results": []}}'])
def test_an_empty_answer_of_either_form_is_a_quiet_day(site: Site, empty: str) -> None:
    server = SandboxHttpServer(0, Faults())
    token = {"access_token": "a", "refresh_token": "b"}
    server.route("POST", "/api/oauth2/token", lambda _: json_reply(token))
    server.route("GET", ".*Divisions", lambda _: json_reply({"d": [{"Code": DIVISION}]}))
    server.route("GET", ".*", lambda _: Reply(200, empty.encode(), "application/json"))
    server.start()
    store = Store()
    store.pull(site.connector(base_url=server.url))
    server.stop()
    assert (store.numbers, store.cursor) == ([], "")


def test_ids_are_the_same_in_upper_and_lower_case(site: Site) -> None:
    for row in (*site.exact.books.invoices, *site.exact.books.lines):
        row["InvoiceID"] = row["InvoiceID"].upper()
    store, connector = Store(), site.connector()
    store.pull(connector)
    assert store.numbers == NUMBERS
    store.pull(connector)
    assert store.numbers == NUMBERS
    assert not connector.report_status(_report()).existed
    assert connector.report_status(_report()).existed


def test_a_withdrawn_login_stops_asking_until_a_person_logs_in_again(site: Site) -> None:
    connector = site.connector()
    Store().pull(connector)
    site.exact.login.revoke()
    for _ in range(3):
        with pytest.raises(RemoteRefused, match=r"(?i)log in to Exact Online again"):
            Store().pull(connector)
    assert site.exact.login.token_calls == 2
    site.secrets["exact-refresh-token"] = site.exact.login.log_in_again()
    store = Store()
    store.pull(connector)
    assert store.numbers == NUMBERS


def test_a_refresh_token_older_than_thirty_days_needs_a_person(site: Site) -> None:
    connector = site.connector()
    Store().pull(connector)
    site.clock.forward(days=31)
    with pytest.raises(RemoteRefused, match="older than 30 days"):
        Store().pull(connector)


def test_a_lost_answer_to_a_refresh_is_told_as_what_it_is(site: Site) -> None:
    site.fault("drop-after@token")
    connector = site.connector()
    with pytest.raises(RemoteUnavailable) as caught:
        Store().pull(connector)
    assert caught.value.uncertain
    with pytest.raises(RemoteRefused, match="lost"):
        Store().pull(connector)


def test_a_wrong_client_secret_does_not_end_the_login(site: Site) -> None:
    right = site.secrets["exact-client-secret"]
    site.secrets["exact-client-secret"] = "wrong"
    connector = site.connector()
    with pytest.raises(RemoteRefused, match="client secret"):
        Store().pull(connector)
    site.secrets["exact-client-secret"] = right
    Store().pull(connector)


def test_two_threads_refresh_once(site: Site) -> None:
    """Two copies of one refresh token would kill each other; the lock lets one go first."""
    errors: list[Exception] = []
    barrier = threading.Barrier(2)

    def work() -> None:
        connector = site.connector()
        barrier.wait(5)
        try:
            list(connector.pull_payments([_open(26700001)]))
        except RemoteRefused as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert site.exact.login.token_calls == 1


def test_errors_of_the_login_hold_no_tokens(site: Site) -> None:
    site.fault("html@token")
    with pytest.raises(RemoteUnexpected) as caught:
        Store().pull(site.connector())
    assert caught.value.evidence == b""
    for secret in site.secrets.values():
        assert secret not in str(caught.value)


# Status reports.


def _report(**changes: Any) -> StatusReport:
    spec: dict[str, Any] = {
        "reference": "sub-17-delivered",
        "key": seeded_id("invoice 26700004"),
        "number": "26700004",
        "document_id": "",
        "state": DeliveryState.DELIVERED,
        "text": "Delivered to the buyer's access point",
        "at": datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
        "message_id": "0b6ff5f3-6c9c-4d0e-9d9c-1f4f2f1c7a55",
        "channel": "peppol",
        "xml": b"<Invoice/>",
        "filename": "26700004.xml",
        **changes,
    }
    return StatusReport(**spec)


def _documents(site: Site) -> Any:
    return site.exact.holdings()["documents"]


def test_delivery_becomes_a_document_with_the_proof_on_the_buyers_account(site: Site) -> None:
    written = site.connector().report_status(_report())
    assert not written.existed
    (document,) = _documents(site)
    assert document["account"] == "Bouwbedrijf Hendriks B.V."
    assert document["subject"] == "E-invoice 26700004 delivered [sub-17-delivered]"
    assert document["files"] == ["26700004.xml"]
    assert "0b6ff5f3-6c9c-4d0e-9d9c-1f4f2f1c7a55" in document["body"]
    row = site.exact.books.documents[-1]
    assert row["FinancialTransactionEntryID"] == seeded_id("invoice 26700004")
    assert row["DocumentDate"] == datetime(2026, 11, 23)  # noqa: DTZ001  # the day in Amsterdam
    assert site.exact.books.attachments[-1]["Content"] == b"<Invoice/>"


def test_a_question_of_the_buyer_is_not_called_a_rejection(site: Site) -> None:
    asked = {
        "state": DeliveryState.DISPUTED,
        "reference": "sub-17-asked",
        "text": "the buyer asks: which order?",
    }
    site.connector().report_status(_report(**asked))
    (document,) = _documents(site)
    assert document["subject"] == "E-invoice 26700004 questioned or disputed by the buyer [sub-17-asked]"
    assert "which order?" in document["body"]


def test_news_about_one_invoice_costs_few_calls(site: Site) -> None:
    connector = site.connector()
    connector.report_status(_report(state=DeliveryState.ACCEPTED_FOR_TRANSPORT, reference="sub-17-sent"))
    connector.report_status(_report())
    assert len(site.exact.server.calls) == 1 + 3 + 3


def test_reporting_twice_files_one_document(site: Site) -> None:
    connector = site.connector()
    connector.report_status(_report())
    assert connector.report_status(_report()).existed
    assert len(_documents(site)) == 1


@pytest.mark.parametrize("place", ["documents/Documents$", "documents/DocumentAttachments$"])
@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "truncated", "slow"])
def test_a_lost_answer_makes_no_second_document(site: Site, place: str, kind: str) -> None:
    connector = site.connector(read_seconds=0.2)
    site.fault(f"{kind}@^POST .+{place}~0.5")
    with pytest.raises(RemoteUnavailable) as caught:
        connector.report_status(_report())
    assert caught.value.uncertain
    site.exact.faults.clear()
    site.exact.server.stop()  # waits for what is still under way
    site.exact.server.start()
    site.connector().report_status(_report())
    (document,) = _documents(site)
    assert document["files"] == ["26700004.xml"]


def test_news_is_counted_by_its_reference(site: Site) -> None:
    connector = site.connector()
    for _ in range(3):
        connector.report_status(_report())
    connector.report_status(_report(state=DeliveryState.ACCEPTED_FOR_TRANSPORT, reference="sub-17-sent"))
    assert site.exact.holdings()["status_references"] == {"sub-17-delivered": 1, "sub-17-sent": 1}


def test_filing_a_status_and_being_paid_leave_the_bytes_of_an_invoice(site: Site) -> None:
    """So there is no need of a fingerprint: what moves by itself is not in the bundle."""
    connector = site.connector()

    def read() -> dict[str, bytes]:
        return {one.key: one.content for page in connector.pull("") for one in page.documents}

    rounds = [read()]
    connector.report_status(_report())
    site.exact.pay(26700004)
    rounds.append(read())
    site.exact.change(26700004, StarterSalesInvoiceStatus=3)
    rounds.append(read())
    assert rounds[0] == rounds[1] == rounds[2]
    site.exact.change(26700004, YourRef="PRJ-5512")
    changed = read()
    assert {key for key, content in changed.items() if content != rounds[0][key]} == {
        seeded_id("invoice 26700004")
    }


def test_a_restarted_imitation_takes_over_the_refresh_token_of_its_earlier_run(
    open_site: Callable[..., Site],
) -> None:
    """The database of the demo outlives the imitation; its rotated token is the one in force."""
    before, after = open_site(), open_site()
    before.connector().report_status(_report())
    after.cells = before.cells
    after.clock.now = before.clock.now + timedelta(hours=1)
    after.connector().report_status(_report())
    assert len(_documents(after)) == 1


def test_only_the_first_token_shown_is_adopted(open_site: Callable[..., Site]) -> None:
    """From then on a refresh token lives once, as with the real service."""
    site = open_site()
    site.connector().report_status(_report())
    site.cells = Cells()
    site.clock.now += timedelta(hours=1)
    with pytest.raises(RemoteRefused, match="used before"):
        site.connector().report_status(_report())


def test_a_token_of_another_form_is_not_adopted(open_site: Callable[..., Site]) -> None:
    site = open_site()
    site.secrets["exact-refresh-token"] = "stampNL001.somebody-elses"
    with pytest.raises(RemoteRefused):
        site.connector().report_status(_report())


def test_each_piece_of_news_has_its_own_document(site: Site) -> None:
    connector = site.connector()
    connector.report_status(_report(state=DeliveryState.ACCEPTED_FOR_TRANSPORT, reference="sub-17-sent"))
    connector.report_status(_report())
    sent, delivered = _documents(site)
    assert (sent["files"], delivered["files"]) == ([], ["26700004.xml"])


def test_what_exact_will_not_take_is_shown_in_its_own_words_and_concerns_that_invoice(site: Site) -> None:
    gone = next(row for row in site.exact.books.accounts if row["Name"].startswith("Bouwbedrijf"))
    site.exact.books.accounts.remove(gone)
    connector = site.connector()
    with pytest.raises(RemoteBlocked, match="does not take this: Ongeldig: Relatie"):
        connector.report_status(_report())
    assert not connector.report_status(
        _report(key=seeded_id("invoice 26700001"), number="26700001", reference="sub-18")
    ).existed


def test_quotes_in_a_reference_cannot_reach_other_documents(site: Site) -> None:
    connector = site.connector()
    connector.report_status(_report())
    assert not connector.report_status(_report(reference="x' or 1 eq 1 or Subject eq '")).existed
    assert len(_documents(site)) == 2


def test_a_key_that_is_no_guid_is_refused_before_it_is_sent(site: Site) -> None:
    with pytest.raises(RemoteUnexpected, match="not a GUID"):
        site.connector().report_status(_report(key="1') or (1 eq 1"))


# Payments.


def _open(number: int, amount: str = "1.00") -> OpenInvoice:
    return OpenInvoice(seeded_id(f"invoice {number}"), str(number), "EUR", Decimal(amount))


def test_payments_tell_open_partly_paid_and_paid(site: Site) -> None:
    site.exact.pay(26700004, paid=False)
    wanted = [_open(number) for number in (26700001, 26700002, 26700003, 26700004, 26700008)]
    found = {int(status.number): status for status in site.connector().pull_payments(wanted)}
    assert {number: (status.state, status.paid) for number, status in found.items()} == {
        26700001: (PaymentState.PARTLY_PAID, Decimal("313.60")),
        26700002: (PaymentState.PAID, Decimal("1318.05")),
        26700003: (PaymentState.OPEN, Decimal(0)),
        26700004: (PaymentState.SETTLED, Decimal("2117.00")),
        26700008: (PaymentState.PARTLY_PAID, Decimal("1168.86")),
    }
    assert found[26700002].on == date(2026, 10, 20)
    assert found[26700002].evidence.endswith("entry 26700002")
    assert found[26700003].on is None


def test_a_payment_of_the_rest_completes_it(site: Site) -> None:
    site.exact.pay(26700001)
    (status,) = site.connector().pull_payments([_open(26700001)])
    assert (status.state, status.paid) == (PaymentState.PAID, Decimal("627.20"))
    assert status.on == date(2026, 11, 22)


def test_a_foreign_currency_is_paid_in_that_currency(site: Site) -> None:
    site.exact.pay(26700007)
    (status,) = site.connector().pull_payments([_open(26700007)])
    assert (status.currency, status.paid) == ("USD", Decimal("5648.76"))


def test_the_same_number_in_another_journal_is_another_invoice(site: Site) -> None:
    row = next(row for row in site.exact.books.receivables if row["InvoiceNumber"] == 26700003)
    site.exact.books.receivables.append(
        {**row, "ID": seeded_id("other"), "Journal": "71", "IsFullyPaid": True}
    )
    (status,) = site.connector().pull_payments([_open(26700003)])
    assert status.state is PaymentState.OPEN


def test_invoices_that_exact_does_not_know_are_left_out(site: Site) -> None:
    assert list(site.connector().pull_payments([_open(999)])) == []


def test_many_invoices_are_asked_for_in_few_calls(site: Site) -> None:
    assert len(list(site.connector().pull_payments([_open(number) for number in NUMBERS]))) == 20
    assert site.exact.server.count("GET", "Receivables|SalesInvoices") == 4


# Checking and settings.


def test_check_goes_through_every_step() -> None:
    site = Site()
    site.clock.now = datetime.now(UTC)
    steps = list(site.connector().check())
    site.close()
    assert [step.name for step in steps if step.ok] == [
        "Connection",
        "Login",
        "Division",
        "Sales invoices",
        "Accounts",
        "VAT codes",
        "Receivables",
        "Documents",
        "Calls",
    ]
    assert "Van Dael" in steps[2].seen


def test_check_finds_a_clock_that_is_wrong(site: Site) -> None:
    site.clock.now = datetime.now(UTC) + timedelta(hours=1)
    (step,) = site.connector().check()
    assert not step.ok
    assert "NTP" in step.fix


def test_check_finds_a_dead_login_a_wrong_division_and_a_closed_door() -> None:
    site = Site()
    site.clock.now = datetime.now(UTC)
    wrong = list(site.connector(division=4).check())[-1]
    assert (wrong.name, wrong.ok) == ("Division", False)
    site.exact.login.revoke()
    dead = list(site.connector().check())[-1]
    assert (dead.name, dead.ok) == ("Login", False)
    assert "log in" in dead.fix.lower()
    site.exact.stop()
    (closed,) = site.connector().check()
    assert (closed.name, closed.ok) == ("Connection", False)
    site.close()


@pytest.mark.parametrize(
    "address", ["http://start.exactonline.nl", "start.exactonline.nl", "http://127.0.0.1.example.com"]
)
def test_tokens_never_travel_unencrypted(address: str) -> None:
    with pytest.raises(ValidationError, match="https"):
        ExactOnlineSettings(
            base_url=address, division=1, client_id="a", client_secret="env:A", refresh_token="env:B"
        )


# The imitation itself, where the connector does not go.


def test_mending_puts_the_faulty_invoices_into_the_feed_again(site: Site) -> None:
    store, connector = Store(), site.connector()
    store.pull(connector)
    sentences = site.exact.mend()
    store.pull(connector)
    assert store.numbers[20:] == [26700012, 26700013, 26700014]
    assert [
        number for number in store.numbers[20:] if not any(str(number) in text for text in sentences)
    ] == []
