"""The Odoo connector against the imitated Odoo: order, absent values, errors, notes, payments, both
protocols."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import (
    DeliveryState,
    OpenInvoice,
    Page,
    PaymentState,
    SourceDocument,
    StatusReport,
    Surroundings,
)
from connectors.erp.odoo import Odoo, OdooSettings, plain
from connectors.kit.plain import fraction, text_of_html
from connectors.sandbox.faults import Chance, Fault
from connectors.sandbox.odoo import API_KEY, DATABASE, USER, ImitatedOdoo
from connectors.sandbox.odoo_clerk import Item
from formats.errors import RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected
from tests.conftest import SteppingClock

BEANS = Item("Roasted coffee", "2", "10", unit="kg")


class Site:
    """An imitated Odoo without invoices, and connectors to it."""

    def __init__(self, clock: SteppingClock, version: int) -> None:
        self.clock = clock
        self.odoo = ImitatedOdoo(0, version=version, clock=clock, empty=True)
        self.clerk = self.odoo.clerk
        self._open = ExitStack()

    def settings(self, **changed: Any) -> OdooSettings:
        usual = {
            "base_url": self.odoo.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "api_key": "file:secrets/odoo_api_key",
            "company": self.clerk.company,
            "invoices_per_page": 4,
            "protocol": "json2" if self.odoo.version >= 19 else "jsonrpc",
        }
        return OdooSettings.model_validate({**usual, **changed})

    def connector(self, secret: str = API_KEY, **changed: Any) -> Odoo:
        made = Odoo("odoo", self.settings(**changed), Surroundings(lambda _: secret, self.clock, _no_cell))
        self._open.callback(made.close)
        return made

    def keys(self, cursor: str = "", **changed: Any) -> list[int]:
        return [int(one.key) for page in self.connector(**changed).pull(cursor) for one in page.documents]

    def close(self) -> None:
        self._open.close()
        self.odoo.stop()


def _no_cell(name: str) -> Any:
    raise AssertionError(f"no state is kept, and {name} was asked for")


def _pull_often(connector: Odoo) -> None:
    for _ in range(9):
        list(connector.pull(""))


def report(key: int, state: DeliveryState = DeliveryState.DELIVERED, **changed: Any) -> StatusReport:
    facts: dict[str, Any] = {
        "reference": f"GW-{key}-{state}",
        "key": str(key),
        "number": f"INV/2026/{key:05d}",
        "document_id": "",
        "state": state,
        "text": "taken by <Kessel & Co>",
        "at": datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        "channel": "peppol",
        "xml": b"<Invoice/>",
    }
    return StatusReport(**{**facts, **changed})


@pytest.fixture
def make_site(clock: SteppingClock) -> Iterator[Callable[[int], Site]]:
    sites: list[Site] = []

    def made(version: int = 17) -> Site:
        site = Site(clock, version)
        site.odoo.start()
        sites.append(site)
        return site

    yield made
    for site in sites:
        site.close()
        assert site.odoo.failures == []


@pytest.fixture
def site(make_site: Callable[[int], Site]) -> Site:
    return make_site(17)


# Order.


def test_many_invoices_of_one_transaction_come_once_each_and_from_every_place(site: Site) -> None:
    """All carry the same time of writing, so that within it only their ids tell them apart."""
    keys = list(site.clerk.sell(11))
    pages = list(site.connector().pull(""))
    assert [len(page.documents) for page in pages if page.documents] == [4, 4, 3]
    assert [int(one.key) for page in pages for one in page.documents] == keys
    for number, page in enumerate(pages):
        seen = [int(one.key) for one_page in pages[: number + 1] for one in one_page.documents]
        assert set(seen) | set(site.keys(page.cursor)) == set(keys)


def test_a_full_page_that_ends_within_a_second_leaves_none_out(site: Site) -> None:
    """Within the last second they are ordered by millionths, not by id."""
    early = site.clerk.sell(3)
    site.clock.advance(seconds=5, microseconds=900)
    late = site.clerk.sell(4)
    site.clock.advance(microseconds=-400)
    for key in reversed(late):
        site.clerk.note(key, "again")
        site.clock.advance(microseconds=10)
    assert site.keys() == [*early, *late]


def test_a_change_within_the_second_of_the_last_visit_comes(site: Site) -> None:
    """Odoo tells times to the second and compares them to the millionth."""
    first, second = site.clerk.sell(2)
    cursor = list(site.connector().pull(""))[-1].cursor
    site.clock.advance(microseconds=7)
    site.clerk.note(first, "in a hurry")
    assert first in site.keys(cursor, overlap_minutes=0)
    site.clock.advance(hours=1)
    site.clerk.note(second, "later")
    assert second in site.keys(cursor)


def test_a_visit_that_was_broken_off_goes_on_where_it_was(site: Site) -> None:
    """Not from the beginning: with limited calls it would never come to an end."""
    site.clerk.sell(12)
    pages = site.connector().pull("")
    first = next(pages)
    given = {one.key for one in first.documents}
    again: list[Page] = []
    for page in site.connector(overlap_minutes=0).pull(first.cursor):
        again.append(page)
        if "top" not in json.loads(page.cursor):
            break
    came = [one.key for page in again for one in page.documents]
    assert len(came) == 8
    assert given.isdisjoint(came)


def test_what_a_long_transaction_wrote_during_a_visit_comes_with_the_next(site: Site) -> None:
    """It began before the newest change that the visit saw, and ended after the page was read."""
    site.clerk.sell(3)
    site.clock.advance(minutes=5)
    site.clerk.sell(3)
    cursor = list(site.connector().pull(""))[-1].cursor
    site.clock.advance(minutes=-6)
    (late,) = site.clerk.sell(1)
    assert late in site.keys(cursor)


def test_a_page_takes_the_same_calls_however_many_lines_there_are(site: Site) -> None:
    site.clerk.sell(2, lines=1)
    before = site.odoo.calls
    site.keys(invoices_per_page=100)
    few = site.odoo.calls - before
    site.clerk.sell(40, lines=30)
    before = site.odoo.calls
    assert len(site.keys(invoices_per_page=100)) == 42
    assert site.odoo.calls - before <= few


# What is read.


def test_absent_values_and_binary_dust_are_gone() -> None:
    fields = {
        "ref": {"type": "char"},
        "posted": {"type": "boolean"},
        "amount": {"type": "monetary"},
        "partner_id": {"type": "many2one"},
    }
    row = {
        "ref": False,
        "posted": False,
        "amount": Decimal("120.99999999999999"),
        "partner_id": [7, "Kessel"],
    }
    assert plain(row, fields) == {"ref": None, "posted": False, "amount": "121", "partner_id": 7}
    assert [fraction(one) for one in (Decimal("0.30000000000000004"), Decimal("1E+2"), 0)] == [
        "0.3",
        "100",
        "0",
    ]


@pytest.mark.parametrize(
    ("rich", "seen"),
    [
        ("<p>One</p><p>two &amp; <b>three</b></p>", "One\ntwo & three"),
        ("<p><br></p>", None),
        ("<style>p {color: red}</style>Text <br/> more", "Text\nmore"),
        ("a < b", "a < b"),
        (None, None),
    ],
)
def test_rich_text_is_what_a_reader_sees(rich: str | None, seen: str | None) -> None:
    assert text_of_html(rich) == seen


def test_a_payment_does_not_make_an_invoice_new_and_a_correction_does(site: Site) -> None:
    def mark() -> str:
        (document,) = (one for page in site.connector().pull("") for one in page.documents)
        return document.fingerprint

    (key,) = site.clerk.sell(1)
    first = mark()
    site.clock.advance(minutes=1)
    site.odoo.database.set("account.move", key, payment_state="in_payment", amount_residual=0.0)
    assert mark() == first
    site.clerk.note(key, "Please quote the number")
    assert mark() != first


def test_cancelled_invoices_are_shown_and_those_never_posted_are_not(site: Site) -> None:
    posted, never = site.clerk.sell(2)
    site.clerk.cancel(posted)
    site.clerk.cancel(never)
    site.odoo.database.set("account.move", never, posted_before=False)
    (rejected,) = (one for page in site.connector().pull("") for one in page.rejected)
    assert "cancelled" in rejected.problem.what


@pytest.mark.parametrize(
    ("state", "held"),
    [(None, False), ("ready", False), ("skipped", False), ("to_send", True), ("done", True)],
)
def test_what_odoo_itself_sends_is_held_unless_told_otherwise(
    site: Site, state: str | None, held: bool
) -> None:
    key = site.clerk.invoice("Kessel", [BEANS], peppol=state)
    (page,) = (page for page in site.connector().pull("") if page.documents or page.rejected)
    assert [one.key for one in page.documents] == ([] if held else [str(key)])
    assert len(page.rejected) == held
    assert site.keys(when_odoo_sends="take") == [key]


def test_a_server_without_newer_fields_and_modules_is_read_all_the_same(
    make_site: Callable[[int], Site],
) -> None:
    """What Odoo 14 does not have is not asked for, and the check names it."""
    site = make_site(14)
    for model, names in {
        "account.move": ("delivery_date", "peppol_move_state"),
        "res.partner": ("peppol_eas", "peppol_endpoint", "company_registry"),
        "account.move.line": ("deferred_start_date", "deferred_end_date"),
    }.items():
        site.odoo.absent |= {(model, name) for name in names}
    (key,) = site.clerk.sell(1)
    assert site.keys() == [key]
    steps = list(site.connector().check())
    assert all(step.ok for step in steps)
    assert "res.partner.peppol_endpoint" in steps[-1].seen


def test_lines_that_the_user_may_not_see_are_noticed(site: Site) -> None:
    (key,) = site.clerk.sell(1)
    site.odoo.database.set("account.move", key, amount_untaxed=999.0)
    (rejected,) = (one for page in site.connector().pull("") for one in page.rejected)
    assert "999.00" in rejected.problem.what


def test_buyers_come_with_plain_facts_and_archived_ones_do_not(site: Site) -> None:
    site.odoo.database.set("res.partner", site.clerk.buyers["Prairie"], active=False)
    facts = {
        one.facts["name"]: dict(one.facts)
        for page in site.connector().pull_parties("")
        for one in page.parties
    }
    assert set(facts) == {"Kessel Horeca NV", "Grachtzicht Cafés B.V.", "Rösterei Nordwind GmbH"}
    assert facts["Kessel Horeca NV"] == {
        "name": "Kessel Horeca NV",
        "country": "BE",
        "vat_id": "BE0123498717",
        "company_id": "0123498717",
        "electronic_address": "0208:0123498717",
        "email": "boekhouding@kessel.example",
        "iban": "BE85979000000106",
    }


# Payments.


@pytest.mark.parametrize(
    ("settle", "state", "paid"),
    [
        ("nothing", PaymentState.OPEN, "0.00"),
        ("a part", PaymentState.PARTLY_PAID, "10.00"),
        ("registered", PaymentState.OPEN, "0.00"),
        ("confirmed", PaymentState.PAID, "24.20"),
        ("credit note", PaymentState.SETTLED, "24.20"),
    ],
)
@pytest.mark.parametrize("as_text", [False, True], ids=["widget as data", "widget as text"])
def test_only_what_is_on_a_bank_statement_is_paid(
    site: Site, settle: str, state: PaymentState, paid: str, as_text: bool
) -> None:
    key = site.clerk.invoice("Kessel", [BEANS])
    if settle == "credit note":
        site.clerk.offset(key, site.clerk.invoice("Kessel", [BEANS], credits=key), "24.20")
    elif settle != "nothing":
        site.clerk.pay(key, "10.00" if settle == "a part" else "24.20", confirmed=settle == "confirmed")
    row = site.odoo.database.row("account.move", key)
    if as_text:
        site.odoo.database.set(
            "account.move", key, invoice_payments_widget=json.dumps(row.get("invoice_payments_widget"))
        )
    asked = OpenInvoice(str(key), "INV/2026/00001", "EUR", Decimal("24.20"))
    (status,) = site.connector().pull_payments([asked])
    assert (status.state, status.paid, status.currency) == (state, Decimal(paid), "EUR")
    assert status.on == (date(2026, 11, 23) if status.paid else None)
    assert ("not yet on a bank statement" in status.evidence) == (settle == "registered")


def test_an_invoice_settled_by_money_and_credit_is_paid(site: Site) -> None:
    key = site.clerk.invoice("Kessel", [BEANS])
    site.clerk.offset(key, site.clerk.invoice("Kessel", [BEANS], credits=key), "4.20")
    site.clerk.pay(key, "20.00", confirmed=True)
    (status,) = site.connector().pull_payments([OpenInvoice(str(key), "INV", "EUR", Decimal("24.20"))])
    assert status.state is PaymentState.PAID
    assert status.evidence.count(",") == 1


def test_of_old_invoices_odoo_knows_nothing(site: Site) -> None:
    (key,) = site.clerk.sell(1)
    site.odoo.database.set("account.move", key, payment_state="invoicing_legacy")
    assert list(site.connector().pull_payments([OpenInvoice(str(key), "INV", "EUR", Decimal(1))])) == []


# Status.


@pytest.mark.parametrize("version", [16, 17, 19])
def test_a_note_reads_the_same_in_every_version_and_is_found_again(
    make_site: Callable[[int], Site], version: int
) -> None:
    """Before 17 a note is HTML, since then text that Odoo makes HTML of."""
    site = make_site(version)
    (key,) = site.clerk.sell(1)
    news = report(key, reference="GW-100%_&-7")
    assert [site.connector().report_status(news).existed for _ in range(2)] == [False, True]
    (note,) = site.odoo.database.rows("mail.message")
    assert "taken by &lt;Kessel &amp; Co&gt; · 2026-11-23 09:30 UTC · channel peppol" in note["body"]
    assert note["subtype_xmlid"] == "mail.mt_note"
    (file,) = site.odoo.database.rows("ir.attachment")
    assert (file["name"], file["res_id"]) == (f"INV-2026-{key:05d}.xml", key)


def test_an_attachment_whose_note_was_lost_is_not_made_twice(site: Site) -> None:
    (key,) = site.clerk.sell(1)
    site.odoo.faults.arm(Fault("drop-before", "message_post"))
    with pytest.raises(RemoteUnavailable) as lost:
        site.connector().report_status(report(key))
    assert lost.value.uncertain
    assert not site.connector().report_status(report(key)).existed
    assert len(site.odoo.database.rows("ir.attachment")) == 1


def test_news_of_another_reference_is_not_taken_for_this_one(site: Site) -> None:
    """In a search, _ stands for any sign."""
    (key,) = site.clerk.sell(1)
    site.connector().report_status(report(key, reference="GW-1x2"))
    assert not site.connector().report_status(report(key, reference="GW-1")).existed


# Errors and the check.


@pytest.mark.parametrize("version", [17, 19])
@pytest.mark.parametrize(
    ("changed", "secret", "step", "words"),
    [
        ({"database": "lindehoef"}, API_KEY, "Login", "database"),
        ({}, "wrong-key", "Login", "does not accept"),
        ({"company": 2}, API_KEY, "Login", "companies"),
    ],
)
def test_a_wrong_setting_is_named_by_the_check(
    make_site: Callable[[int], Site],
    version: int,
    changed: dict[str, Any],
    secret: str,
    step: str,
    words: str,
) -> None:
    site = make_site(version)
    failed = [one for one in site.connector(secret, **changed).check() if not one.ok]
    assert [one.name for one in failed] == [step]
    assert words in failed[0].seen
    assert failed[0].fix


def test_missing_rights_are_named_by_the_check(make_site: Callable[[int], Site]) -> None:
    for version in (17, 19):
        site = make_site(version)
        site.odoo.forbidden.add("ir.attachment")
        failed = [one for one in site.connector().check() if not one.ok]
        assert [one.name for one in failed] == ["Rights"]
        assert "create ir.attachment" in failed[0].seen


def test_a_refused_model_is_refused_and_the_traceback_is_kept_nowhere(
    make_site: Callable[[int], Site],
) -> None:
    """Odoo tells everybody its traceback, with what it was called with."""
    for version in (17, 19):
        site = make_site(version)
        site.odoo.forbidden.add("account.move.line")
        site.clerk.sell(1)
        with pytest.raises(RemoteRefused) as refused:
            list(site.connector().pull(""))
        assert "account.move.line" in refused.value.what
        assert "Traceback" not in str(refused.value)
        assert API_KEY not in str(refused.value)


def test_an_error_of_odoo_is_kept_as_evidence_without_its_traceback(site: Site) -> None:
    with pytest.raises(RemoteUnexpected) as strange:
        site.connector().report_status(report(999))
    assert b"MissingError" in strange.value.evidence
    assert b"Traceback" not in strange.value.evidence


@pytest.mark.parametrize("version", [17, 19])
@pytest.mark.parametrize("fault", ["soap-fault", "server-error", "too-many-requests", "unavailable"])
def test_a_busy_odoo_is_tried_again(make_site: Callable[[int], Site], version: int, fault: str) -> None:
    """Also where HTTP 200 holds the database's own error."""
    site = make_site(version)
    keys = site.clerk.sell(3)
    site.odoo.faults.arm(Fault(fault, r"account\.move\.read", seconds=30))
    with pytest.raises(RemoteUnavailable) as busy:
        list(site.connector().pull(""))
    if fault == "too-many-requests":
        assert busy.value.retry_at == site.clock() + timedelta(seconds=30)
    assert site.keys() == list(keys)


def test_json2_asked_of_an_older_server_is_explained(site: Site) -> None:
    site.clerk.sell(1)
    with pytest.raises(RemoteRefused, match="Odoo 19"):
        list(site.connector(protocol="json2").pull(""))


def test_both_protocols_bring_the_same_documents(make_site: Callable[[int], Site]) -> None:
    site = make_site(19)
    site.clerk.sell(5)

    def documents(protocol: str) -> list[SourceDocument]:
        return [one for page in site.connector(protocol=protocol).pull("") for one in page.documents]

    assert documents("jsonrpc") == documents("json2")
    assert all(step.ok for step in site.connector(protocol="json2").check())


def test_the_calls_of_a_minute_leave_a_reserve_for_writing(site: Site) -> None:
    (key,) = site.clerk.sell(1)
    connector = site.connector(calls_per_minute=20)
    with pytest.raises(RemoteUnavailable) as spent:
        _pull_often(connector)
    assert spent.value.retry_at == site.clock() + timedelta(minutes=1)
    site.clock.advance(minutes=1)
    assert not connector.report_status(report(key)).existed


@pytest.mark.parametrize("version", [17, 19])
def test_with_every_twentieth_call_going_wrong_nothing_is_lost_or_doubled(
    make_site: Callable[[int], Site], version: int
) -> None:
    site = make_site(version)
    keys = {str(key) for key in site.clerk.sell(20)}
    site.odoo.faults.arm(Chance(0.05, seed=3, seconds=0.3))
    connector = site.connector(read_seconds=0.2)
    seen: dict[str, str] = {}
    cursor = ""
    for _ in range(40):
        try:
            for page in connector.pull(cursor):
                cursor = page.cursor
                for one in page.documents:
                    assert seen.setdefault(one.key, one.fingerprint) == one.fingerprint
        except RemoteError:
            site.clock.advance(minutes=1)
    assert set(seen) == keys
    for key in sorted(keys)[:5]:
        assert any(_written(connector, report(int(key))) for _ in range(20))
        assert site.odoo.times_written(report(int(key)).reference) == 1
    assert len(site.odoo.database.rows("ir.attachment")) == 5


def _written(connector: Odoo, news: StatusReport) -> bool:
    try:
        return bool(connector.report_status(news).where)
    except RemoteError:
        return False


def test_a_place_of_another_connector_is_refused(site: Site) -> None:
    with pytest.raises(RemoteUnexpected, match="place"):
        list(site.connector().pull("12345"))


@pytest.mark.parametrize(
    "changed", [{"base_url": "http://odoo.example.com"}, {"user": "", "protocol": "jsonrpc"}]
)
def test_settings_that_cannot_work_are_refused(site: Site, changed: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        site.settings(**changed)
