"""The SAP OData connector reads billing documents from the imitated S/4HANA: paging, deltas, kinds, forms."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.erp.sap_odata_bundle import Bundler, without_triggers
from connectors.erp.sap_odata_canonical import canonical, changed_at, key
from connectors.erp.sap_odata_place import Place
from connectors.erp.sap_odata_settings import SapODataSettings
from formats.errors import RemoteRefused, RemoteUnavailable, RemoteUnexpected
from tests.connectors.s4_bench import START, Host, content, pulled

BILLINGS = "GET .*/A_BillingDocument$"


@pytest.fixture
def host() -> Iterator[Host]:
    """An S/4HANA without documents."""
    made = Host()
    yield made
    made.close()


@pytest.fixture
def seeded() -> Iterator[Host]:
    """An S/4HANA with the demo's documents, one of each kind among them."""
    made = Host(seeded=True)
    yield made
    made.close()


# Paging and deltas.


def test_documents_with_one_change_moment_all_come_once(host: Host) -> None:
    """A batch run stamps many documents with the same moment: the number decides where a page ends."""
    made = host.s4.bill(43, at=START - timedelta(hours=1))
    documents, _, _ = pulled(host.connector(documents_per_page=10))
    assert [document.key for document in documents] == made


def test_a_page_of_the_server_that_is_shorter_than_asked_for_is_not_the_end(host: Host) -> None:
    made = host.s4.bill(12)
    host.s4.page = 5
    documents, _, _ = pulled(host.connector(documents_per_page=10))
    assert [document.key for document in documents] == made


def test_documents_that_change_while_we_page_are_neither_lost_nor_doubled(host: Host) -> None:
    made = host.s4.bill(9, at=START - timedelta(minutes=5))
    later: list[str] = []

    def meanwhile(name: str) -> None:
        if name == "A_BillingDocument" and not later:
            host.clock.forward(seconds=1)
            host.s4.touch(made[0])
            later.extend(host.s4.bill(2))

    host.s4.between_pages = meanwhile
    documents, _, _ = pulled(host.connector(documents_per_page=4))
    keys = [document.key for document in documents]
    assert set(keys) == {*made, *later}
    # The one that changed again comes again, as the same invoice.
    assert sorted(keys) == sorted([*made, *later, made[0]])
    assert len({document.fingerprint for document in documents if document.key == made[0]}) == 1


def test_the_next_visit_gives_only_what_changed(host: Host) -> None:
    made = host.s4.bill(3)
    connector = host.connector()
    _, _, cursor = pulled(connector)
    assert pulled(connector, cursor)[0] == []
    host.clock.forward(minutes=30)
    host.s4.touch(made[1], PurchaseOrderByCustomer="4711")
    documents, _, _ = pulled(connector, cursor)
    assert [(one.key, content(one)["billing"]["PurchaseOrderByCustomer"]) for one in documents] == [
        (made[1], "4711")
    ]


def test_a_change_that_was_committed_late_is_found_by_the_overlap(host: Host) -> None:
    host.s4.bill(1)
    connector = host.connector(overlap_minutes=10)
    _, _, cursor = pulled(connector)
    host.clock.forward(minutes=1)
    (late,) = host.s4.bill(1, at=START - timedelta(minutes=8))
    assert [one.key for one in pulled(connector, cursor)[0]] == [late]
    assert pulled(host.connector(overlap_minutes=0), cursor)[0] == []


def test_a_visit_without_news_reads_no_document_whole(host: Host) -> None:
    """Within the overlap only change markers are asked for, and then what they say is new."""
    host.s4.bill(30)
    connector = host.connector()
    _, _, cursor = pulled(connector)
    before = host.calls
    assert pulled(connector, cursor)[0] == []
    assert host.calls - before == 3  # markers, the end of them, and nothing behind
    (late,) = host.s4.bill(1, at=START - timedelta(minutes=1))
    assert [one.key for one in pulled(connector, cursor)[0]] == [late]


def test_a_document_that_was_waited_for_hides_none_that_changed_before_it(host: Host) -> None:
    """The gateway stood still for hours: what was waited for is posted last and read first."""
    (waits,) = host.s4.bill(1, post=False)
    connector = host.connector()
    _, _, cursor = pulled(connector)
    host.clock.forward(hours=1)
    between = host.s4.bill(2)
    host.clock.forward(hours=4)
    host.s4.post(waits)
    host.s4.touch(waits)
    documents, _, _ = pulled(connector, cursor)
    assert {one.key for one in documents} == {waits, *between}


def test_a_visit_that_breaks_off_goes_on_where_it_was(host: Host) -> None:
    made = host.s4.bill(9)
    connector, cursor = host.connector(documents_per_page=3), ""
    keys: list[str] = []
    host.s4.between_pages = lambda name: (
        host.arm("unavailable", BILLINGS) if name == "A_BillingDocument" and not keys else None
    )
    with pytest.raises(RemoteUnavailable):  # noqa: PT012  # what came before it counts
        for page in connector.pull(""):
            cursor = page.cursor
            keys += [document.key for document in page.documents]
    assert keys == made[:3]
    host.s4.faults.clear()
    assert [document.key for document in pulled(connector, cursor)[0]] == made[3:]


def test_the_first_day_bounds_the_very_first_visit(host: Host) -> None:
    host.s4.bill(1, at=START - timedelta(days=40))
    (new,) = host.s4.bill(1)
    documents, _, _ = pulled(host.connector(first_day=date(2026, 11, 1)))
    assert [document.key for document in documents] == [new]


def test_a_document_of_300_items_is_whole_also_when_the_server_pages_expanded_lists(seeded: Host) -> None:
    seeded.s4.nested = 40
    documents, _, _ = pulled(seeded.connector())
    bundle = content(next(one for one in documents if one.key == "90000419"))
    assert len(bundle["billing"]["to_Item"]) == 300
    assert all(
        [len(item[name]) for name in ("prices", "adjustments", "taxes")] == [1, 0, 1]
        for item in bundle["billing"]["to_Item"]
    )


def test_a_read_that_takes_too_long_is_split_not_repeated(host: Host) -> None:
    made = host.s4.bill(6)
    host.arm("slow", BILLINGS, seconds=1.0)
    documents, _, _ = pulled(host.connector(read_seconds=0.3, documents_per_page=50))
    assert [document.key for document in documents] == made


def test_a_row_that_is_given_twice_is_one_invoice(host: Host) -> None:
    made = host.s4.bill(4)
    host.arm("duplicate", BILLINGS)
    documents, _, _ = pulled(host.connector())
    assert {(one.key, one.fingerprint) for one in documents} == {
        (one.key, one.fingerprint) for one in documents[::2]
    }
    assert {one.key for one in documents} == set(made)


# What is an invoice.


def test_each_kind_of_document_is_sent_or_set_aside_with_its_reason(seeded: Host) -> None:
    documents, rejected, _ = pulled(seeded.connector())
    kinds = {document.key: content(document)["kind"] for document in documents}
    assert {number: kinds[number] for number in ("90000201", "90000301", "90000408", "90000409")} == {
        "90000201": "invoice",
        "90000301": "credit-note",
        "90000408": "invoice",
        "90000409": "debit-note",
    }
    reasons = {one.key: one.problem.what for one in rejected}
    assert {number: why.partition(number)[2].strip() for number, why in reasons.items()} == {
        "90000401": "was cancelled in SAP before it was sent",
        "90000402": "cancels 90000401, which was never sent",
        "90000403": "is pro forma: nothing is posted for it",
        "90000404": "is pro forma: nothing is posted for it",
        "90000405": "is an intercompany invoice, between companies of one group",
        "90000406": "is a down payment request, not a tax invoice",
        "90000407": "is an invoice list; the invoices in it are sent one by one",
        "90000414": "is not posted to accounting yet (status F); its amounts may still change",
        "90000423": "was cancelled in SAP before it was sent",
        "90000424": "cancels 90000423, which was never sent",
    }
    assert not any(one.needs_person for one in rejected)
    # Another company code is left alone, without a word.
    assert "90000420" not in kinds.keys() | reasons.keys()


def test_settings_decide_about_the_kinds_that_companies_see_differently(seeded: Host) -> None:
    connector = seeded.connector(
        intercompany_pairs=("1000/2000",), down_payment_requests="prepayment", types={"BV": "skip"}
    )
    documents, rejected, _ = pulled(connector)
    kinds = {document.key: content(document)["kind"] for document in documents}
    assert (kinds["90000405"], kinds["90000406"]) == ("invoice", "prepayment")
    assert "90000408" in {one.key for one in rejected}


def test_documents_that_sap_sends_itself_are_not_sent_twice(seeded: Host) -> None:
    documents, rejected, _ = pulled(seeded.connector(sent_by_sap=("1000",)))
    assert documents == []
    assert "SAP's own document compliance" in rejected[0].problem.what


def test_a_category_that_nobody_knows_is_shown_to_a_person(host: Host) -> None:
    (number,) = host.s4.bill(1)
    host.s4.touch(number, SDDocumentCategory="9")
    _, rejected, _ = pulled(host.connector())
    assert [(one.key, one.needs_person) for one in rejected] == [(number, True)]


def test_an_invoice_cancelled_after_it_was_given_is_followed_by_its_cancellation(host: Host) -> None:
    (number,) = host.s4.bill(1)
    connector = host.connector()
    first, _, cursor = pulled(connector)
    host.clock.forward(minutes=5)
    new = host.s4.cancel(number)
    host.s4.post(new)
    documents, rejected, _ = pulled(host.connector(), cursor)
    assert rejected == []
    assert {one.key: content(one)["kind"] for one in documents} == {
        number: "invoice",
        new: "invoice-cancellation",
    }
    # The invoice itself comes as the one that is known, so that nothing is sent again.
    again = next(one for one in documents if one.key == number)
    assert again.fingerprint == first[0].fingerprint
    cancellation = content(next(one for one in documents if one.key == new))
    assert cancellation["preceding"] == [
        {
            "BillingDocument": number,
            "BillingDocumentDate": "2026-11-23",
            "BillingDocumentType": "F2",
        }
    ]


def test_an_unposted_document_is_waited_for_and_shown_when_it_takes_too_long(host: Host) -> None:
    (number,) = host.s4.bill(1, post=False)
    connector = host.connector(unposted_hours=24)
    documents, rejected, cursor = pulled(connector)
    assert (documents, [one.needs_person for one in rejected]) == ([], [False])
    host.clock.forward(hours=25)
    _, rejected, cursor = pulled(connector, cursor)
    assert [(one.key, one.needs_person) for one in rejected] == [(number, True)]
    assert pulled(connector, cursor)[1] == []
    # Posting does not move the document on in the feed.
    host.s4.post(number)
    documents, _, cursor = pulled(connector, cursor)
    assert [document.key for document in documents] == [number]
    assert pulled(connector, cursor)[0] == []


def test_an_unposted_document_can_be_taken_where_the_company_says_so(host: Host) -> None:
    (number,) = host.s4.bill(1, post=False)
    documents, _, _ = pulled(host.connector(take_unposted=True, due_date_minutes=0))
    assert [document.key for document in documents] == [number]


def test_a_document_waits_for_its_due_date_while_accounting_lags_behind(host: Host) -> None:
    host.s4.posting_delay = timedelta(minutes=10)
    (number,) = host.s4.bill(1)
    connector = host.connector(due_date_minutes=60)
    documents, _, cursor = pulled(connector)
    assert documents == []
    host.clock.forward(minutes=15)
    documents, _, _ = pulled(connector, cursor)
    assert [(one.key, content(one)["due_dates"]) for one in documents] == [(number, ["2026-12-23"])]


def test_a_document_does_not_wait_for_ever_and_its_due_date_is_no_other_invoice(host: Host) -> None:
    host.s4.posting_delay = timedelta(days=9)
    (number,) = host.s4.bill(1)
    connector = host.connector(due_date_minutes=60)
    _, _, cursor = pulled(connector)
    host.clock.forward(minutes=61)
    (first,), _, cursor = pulled(connector, cursor)
    assert content(first)["due_dates"] == []
    host.clock.forward(days=10)
    host.s4.touch(number)
    (second,), _, _ = pulled(connector, cursor)
    assert content(second)["due_dates"] == ["2026-12-23"]
    assert first.fingerprint == second.fingerprint


# One form.


def test_a_german_logon_gives_the_same_bytes(seeded: Host) -> None:
    english, _, _ = pulled(seeded.connector(language="EN"))
    seeded.cells.clear()
    german, _, _ = pulled(seeded.connector(language="DE"))
    assert len(english) > 20
    assert [one.content for one in english] == [one.content for one in german]


def test_internal_costs_never_leave_the_house(seeded: Host) -> None:
    documents, _, _ = pulled(seeded.connector())
    whole = b"".join(document.content for document in documents)
    assert b"TTX1" in whole
    for internal in (b"PCIP", b"DCD1", b"CostAmount", b"VPRS"):
        assert internal not in whole


def test_down_payments_that_are_settled_are_told_apart_from_the_price() -> None:
    """Statistical or not; one that does not hold is none, and without any the document stays as it was."""

    def condition(kind: str, **more: object) -> dict[str, object]:
        return {"ConditionType": kind, "ConditionClass": "A", "ConditionAmount": "-10.00", **more}

    conditions = [
        condition("K007"),
        condition("AZWR", ConditionIsForStatistics=True),
        condition("AZWR", ConditionInactiveReason="X"),
        condition("VPRS"),
    ]
    settings = SapODataSettings(
        base_url="https://s4.example",
        client="100",
        user="GATEWAY",
        password="file:secrets/s4-password",
        company_codes=("1000",),
    )
    none: Any = None  # no service is asked
    bundler = Bundler(settings, none, none, none, none)
    (item,) = bundler._billed({"to_Item": [{"to_PricingElement": conditions}]})["to_Item"]
    assert [one["ConditionType"] for one in item["adjustments"]] == ["K007"]
    assert [one["ConditionType"] for one in item["down_payments"]] == ["AZWR"]
    (plain,) = bundler._billed({"to_Item": [{"to_PricingElement": conditions[:1]}]})["to_Item"]
    assert "down_payments" not in plain


@pytest.mark.parametrize(
    ("total", "kept"), [("4.21", ["XR1", "XR2"]), ("56.86", ["UTXJ", "XR1", "XR2"]), ("", ["XR1", "XR2"])]
)
def test_trigger_rows_of_tax_engines_go_where_the_sum_says_so(total: str, kept: list[str]) -> None:
    """A row of 100 % calls an engine outside SAP; it is no tax where the other rows make the tax."""
    rows = [
        {
            "ConditionType": kind,
            "ConditionRateValue": rate,
            "ConditionAmount": amount,
            "ConditionBaseValue": "52.65",
        }
        for kind, rate, amount in (
            ("UTXJ", "100.000000000", "52.65"),
            ("XR1", "4.000000000", "2.10"),
            ("XR2", "4.000000000", "2.11"),
        )
    ]
    assert [row["ConditionType"] for row in without_triggers(rows, total)] == kept


def test_what_changes_without_the_invoice_is_not_in_the_document(seeded: Host) -> None:
    documents, _, _ = pulled(seeded.connector())
    for name in (
        b"LastChangeDateTime",
        b"AccountingTransferStatus",
        b"__metadata",
        b"BillingDocumentIsCancelled",
    ):
        assert not any(name in document.content for document in documents)


def test_fields_of_the_customers_own_come_as_extensions(seeded: Host) -> None:
    documents, _, _ = pulled(seeded.connector())
    bundle = content(next(one for one in documents if one.key == "90000201"))
    assert bundle["billing"]["extensions"] == {"YY1_BuyerReference_BDH": "01062-80412-93"}


def test_the_buyer_comes_by_customer_number_which_is_not_the_partners(seeded: Host) -> None:
    documents, _, _ = pulled(seeded.connector())
    buyer = content(next(one for one in documents if one.key == "90000210"))["buyer"]
    assert buyer["Customer"] == "100006"
    assert buyer["BusinessPartner"].startswith("10")
    assert len(buyer["BusinessPartner"]) == 4
    first, *others = buyer["to_BusinessPartnerAddress"][0]["to_EmailAddress"]
    assert (first["EmailAddress"], first["IsDefaultEmailAddress"]) == (
        "rechnung@baeckerei-soerensen.example",
        True,
    )
    assert [one["IsDefaultEmailAddress"] for one in others] == [False]


def test_a_buyer_without_a_business_partner_is_given_by_number_only(seeded: Host) -> None:
    documents, _, _ = pulled(seeded.connector())
    assert content(next(one for one in documents if one.key == "90000417"))["buyer"] == {"Customer": "199999"}


def test_the_sold_to_party_can_be_the_buyer(host: Host) -> None:
    (number,) = host.s4.bill(1)
    row = host.s4.document(number)
    row["SoldToParty"] = "0000100002"
    row["to_Partner"] = [
        {**one, "Customer": "0000100002"} if one["PartnerFunction"] == "AG" else one
        for one in row["to_Partner"]
    ]
    names = []
    for function in ("BP", "SP"):
        host.cells.clear()
        (document,), _, _ = pulled(host.connector(buyer_function=function))
        names.append(content(document)["buyer"]["BusinessPartnerName"])
    assert names == ["Stadtwerke Elbmarsch AöR", "Kranbau Wendt GmbH"]


def test_sap_s_own_pdf_comes_along_where_it_is_wanted(host: Host) -> None:
    printed, unprinted = host.s4.bill(2)
    host.s4.without_pdf.add(unprinted)
    found = {one.key: content(one)["pdf"] for one in pulled(host.connector(pdf=True))[0]}
    assert found[unprinted] is None
    assert base64.b64decode(found[printed]["Content"], validate=True).startswith(b"%PDF")


def test_many_documents_cost_few_calls(host: Host) -> None:
    host.s4.bill(100)
    pulled(host.connector(documents_per_page=50))
    # For each page of 50: itself, and due dates in two parts; once: buyers, company code, the empty page.
    assert host.calls <= 2 * (1 + 2) + 3


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/Date(1772409600000)/", "2026-03-02"),
        ("/Date(1772409600000+0000)/", "2026-03-02"),
        ("/Date(1774656000000)/", "2026-03-28"),  # the night before clocks go forward in Europe
        ("/Date(1774742400000)/", "2026-03-29"),
        ("/Date(1792972800000)/", "2026-10-26"),
        ("/Date(-2208988800000)/", "1900-01-01"),
        ("/Date(253402214400000)/", "9999-12-31"),
        (None, None),
    ],
)
def test_days_are_days_whatever_the_zone(said: str | None, shown: str | None) -> None:
    assert canonical({"BillingDocumentDate": said}) == {"BillingDocumentDate": shown}


@pytest.mark.parametrize("said", ["0", "", "0.00", "10.125", "-5.00"])
def test_decimals_keep_the_very_digits(said: str) -> None:
    assert canonical({"NetAmount": said})["NetAmount"] == said


@pytest.mark.parametrize(
    ("padded", "plain"),
    [("0090000123", "90000123"), ("90000123", "90000123"), ("GR-200", "GR-200"), ("000", "0")],
)
def test_padded_and_unpadded_keys_are_one(padded: str, plain: str) -> None:
    assert key(padded) == plain


def test_a_change_moment_keeps_all_its_decimals() -> None:
    """JSON has milliseconds; comparing with those would read the last document again and again."""
    tag = "W/\"datetimeoffset'2026-03-02T08%3A15%3A30.1234567Z'\""
    row = {"LastChangeDateTime": "/Date(1772439330123+0000)/", "__metadata": {"etag": tag}}
    assert changed_at(row) == "2026-03-02T08:15:30.1234567Z"
    assert changed_at({**row, "__metadata": {}}) == "2026-03-02T08:15:30.1230000Z"
    with pytest.raises(RemoteUnexpected):
        changed_at({"BillingDocument": "1", "LastChangeDateTime": None})


# What can go wrong.


def test_a_login_page_with_200_is_an_error_not_a_quiet_day(host: Host) -> None:
    host.arm("html", BILLINGS)
    with pytest.raises(RemoteUnexpected, match="web page"):
        pulled(host.connector())


def test_very_old_services_give_a_bare_list(host: Host) -> None:
    made = host.s4.bill(2)
    host.s4.bare_lists = True
    assert [one.key for one in pulled(host.connector())[0]] == made


@pytest.mark.parametrize("fault", ["unavailable", "server-error", "truncated", "drop-before"])
def test_a_host_that_is_down_is_asked_again_later(host: Host, fault: str) -> None:
    host.s4.bill(1)
    host.arm(fault, BILLINGS)
    with pytest.raises(RemoteUnavailable):
        pulled(host.connector())
    assert len(pulled(host.connector())[0]) == 1


def test_throttling_names_when_to_come_back(host: Host) -> None:
    host.arm("too-many-requests", BILLINGS, seconds=30)
    with pytest.raises(RemoteUnavailable) as caught:
        pulled(host.connector())
    assert caught.value.retry_at == START + timedelta(seconds=30)


def test_a_service_that_the_user_may_not_use_is_named(host: Host) -> None:
    host.s4.forbidden.add("API_BILLING_DOCUMENT_SRV")
    with pytest.raises(RemoteRefused, match="No authorization"):
        pulled(host.connector())


def test_a_service_that_does_not_exist_is_named(host: Host) -> None:
    with pytest.raises(RemoteRefused, match="/IWFND/MED/170"):
        pulled(host.connector(billing_service="API_BILLING_DOCUMENT_OLD"))


def test_an_error_in_a_message_of_a_good_answer_is_an_error(host: Host) -> None:
    host.s4.message = json.dumps({"code": "ZZ/001", "message": "Index is being built", "severity": "error"})
    with pytest.raises(RemoteUnexpected, match="Index is being built"):
        pulled(host.connector())
    host.s4.message = json.dumps({"code": "ZZ/002", "message": "Slow today", "severity": "warning"})
    assert pulled(host.connector())[0] == []


def test_our_own_budget_ends_a_visit_and_says_when_to_go_on(host: Host) -> None:
    host.s4.bill(20)
    connector = host.connector(calls_per_minute=6, calls_kept=2, documents_per_page=5)
    with pytest.raises(RemoteUnavailable, match="used up") as caught:
        pulled(connector)
    assert caught.value.retry_at == START + timedelta(minutes=1)


def test_a_cursor_that_is_not_ours_is_refused(host: Host) -> None:
    with pytest.raises(RemoteUnexpected, match="stored place"):
        pulled(host.connector(), '{"version": 3}')


def test_the_place_forgets_what_lies_before_the_overlap() -> None:
    place = Place(at="2026-11-23T08:29:00.0000000Z")
    for minute in range(30):
        place.give(str(minute), f"2026-11-23T08:{minute:02}:00.0000000Z")
    kept = Place.read(place.written(timedelta(minutes=10)))
    assert (kept.at, len(kept.seen)) == ("2026-11-23T08:29:00.0000000Z", 11)
    assert kept.since(timedelta(minutes=10)) == "2026-11-23T08:19:00.0000000Z"


# Checking and settings.


def test_check_reads_each_service(seeded: Host) -> None:
    # The web server's own clock is the real one.
    seeded.clock.now = datetime.now(UTC)
    steps = list(seeded.connector().check())
    assert [step.name for step in steps if not step.ok] == []
    assert [step.name for step in steps] == [
        "Connection",
        "Billing documents",
        "Business partners",
        "Company codes",
        "Accounting items",
        "Status object",
        "Attachments",
        "Calls",
    ]


def test_check_names_a_missing_right_and_a_wrong_company_code(seeded: Host) -> None:
    seeded.clock.now = datetime.now(UTC)
    seeded.s4.forbidden.add("API_BUSINESS_PARTNER")
    steps = {step.name: step for step in seeded.connector(company_codes=("1000", "9999")).check()}
    assert not steps["Business partners"].ok
    assert "SAP_COM_0008" in steps["Business partners"].fix
    assert (steps["Company codes"].ok, steps["Company codes"].seen) == (
        False,
        "there is no company code 9999",
    )


def test_check_notices_clocks_that_differ(host: Host) -> None:
    host.clock.now = datetime.now(UTC) + timedelta(minutes=10)
    steps = list(host.connector().check())
    assert [step.ok for step in steps] == [False]
    assert "clocks differ" in steps[0].seen


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "http://sap.example.com"}, "must begin with https"),
        ({"user": ""}, "needs user"),
        ({"login": "oauth"}, "needs client_id"),
        ({"client": ""}, "client is needed"),
        ({"company_codes": ()}, "company_codes"),
        ({"company_codes": ("1000' or '1",)}, "company code"),
        ({"calls_kept": 400, "calls_per_minute": 300}, "less than"),
        ({"types": {"F2": "post"}}, "types"),
        ({"password": "secret"}, "password"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], words: str) -> None:
    good = {
        "base_url": "http://127.0.0.1:47060",
        "client": "100",
        "user": "GATEWAY",
        "password": "file:secrets/s4-password",
        "company_codes": ("1000",),
    }
    assert SapODataSettings(**good).documents_per_page == 50
    with pytest.raises(ValidationError, match=words):
        SapODataSettings(**{**good, **changes})


def test_a_credit_with_negative_amounts_says_so(host: Host) -> None:
    (number,) = host.s4.bill(1)
    host.s4.touch(number, SDDocumentCategory="O", BillingDocumentType="G2", TotalGrossAmount=Decimal("-5.00"))
    (document,), _, _ = pulled(host.connector())
    assert (content(document)["kind"], content(document)["sign"]) == ("credit-note", "-1")
