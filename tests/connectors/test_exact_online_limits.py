"""Calls to Exact Online: how many, what is kept for status reports, the forecast, and the brake on errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from connectors.base import CheckStep, DeliveryState, OpenInvoice, StatusReport
from connectors.erp.exact_online import ExactOnline, ExactOnlineSettings
from connectors.sandbox.exact_online_seed import seeded_id
from formats.errors import RemoteRefused, RemoteUnavailable, RemoteUnexpected
from tests.connectors.exact_site import NUMBERS, Site, Store, site_of


def _report(number: int = 26700004) -> StatusReport:
    return StatusReport(
        reference=f"sub-{number}",
        key=seeded_id(f"invoice {number}"),
        number=str(number),
        document_id="",
        state=DeliveryState.DELIVERED,
        text="Delivered",
        at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        xml=b"<Invoice/>",
    )


@pytest.fixture
def real_limits() -> Iterator[Site]:
    """The imitation with the limits of the real service: 60 calls a minute, 5,000 a day."""
    with site_of(minutely=60, daily=5000) as site:
        yield site


def _spent_minutes(site: Site, connector: ExactOnline, store: Store) -> int:
    """Pull to the end, waiting for each new minute; how many minutes were waited for."""
    for waited in range(50):
        try:
            store.pull(connector)
        except RemoteUnavailable as error:
            until = error.retry_at
        else:
            return waited
        assert until is not None
        assert until > site.clock.now
        site.clock.now = until
    raise AssertionError("it never ends")


def test_a_large_first_load_keeps_within_sixty_calls_a_minute(real_limits: Site) -> None:
    """600 invoices: Exact never has to refuse a call, nothing is missed, nothing comes twice."""
    real_limits.exact.add(580)
    store = Store()
    minutes = _spent_minutes(real_limits, real_limits.connector(documents_per_page=25), store)
    assert len(store.numbers) == len(set(store.numbers)) == 600
    assert {call.status for call in real_limits.exact.server.calls} == {200}
    assert minutes < 6


def test_reading_leaves_calls_for_status_reports(real_limits: Site) -> None:
    real_limits.exact.add(400)
    connector = real_limits.connector(documents_per_page=5, calls_kept=10)
    with pytest.raises(RemoteUnavailable):
        Store().pull(connector)
    for number in (26700004, 26700005):
        connector.report_status(_report(number))
    assert {call.status for call in real_limits.exact.server.calls} <= {200, 201}
    with pytest.raises(RemoteUnavailable):
        list(connector.pull_payments([OpenInvoice(_report().key, "26700004", "EUR", Decimal(1))]))


def test_the_reserve_of_the_day_is_kept_as_well() -> None:
    with site_of(daily=60) as site:
        connector = site.connector(calls_per_day=60, calls_kept_daily=45, documents_per_page=5)
        with pytest.raises(RemoteUnavailable) as caught:
            Store().pull(connector)
        assert caught.value.retry_at is not None
        assert caught.value.retry_at.date().isoformat() == "2026-11-23"
        connector.report_status(_report())


def test_calls_of_other_programs_are_learned_from_the_answers(real_limits: Site) -> None:
    """Another program of the same app uses the minute up: we stop without being refused."""
    connector = real_limits.connector(documents_per_page=3)
    pages = connector.pull("")
    next(pages)
    real_limits.exact.spend(45)
    with pytest.raises(RemoteUnavailable):
        list(pages)
    assert 429 not in {call.status for call in real_limits.exact.server.calls}


def test_a_higher_limit_of_an_older_app_is_learned_too() -> None:
    with site_of(minutely=300) as site:
        site.exact.add(380)
        store = Store()
        assert _spent_minutes(site, site.connector(documents_per_page=10), store) == 0
        assert len(store.numbers) == 400


def test_a_spent_day_is_parked_until_midnight_and_asked_nothing_before() -> None:
    with site_of(daily=12) as site:
        connector = site.connector()
        for _ in range(5):
            with pytest.raises(RemoteUnavailable) as caught:
                Store().pull(connector)
        assert caught.value.retry_at == datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC)
        assert len(site.exact.server.calls) < 16


def test_invoices_are_read_many_to_a_call_and_alone_to_the_same_bytes(real_limits: Site) -> None:
    together, alone = Store(), Store()
    together.pull(real_limits.connector())
    calls = real_limits.exact.server.count("GET", "/salesinvoice/SalesInvoices$")
    real_limits.clock.forward(minutes=1)
    alone.pull(real_limits.connector(invoices_per_call=1))
    contents = [
        {one.key: one.content for page in store.pages for one in page.documents}
        for store in (together, alone)
    ]
    assert contents[0] == contents[1]
    assert (len(contents[0]), calls) == (20, 2)


def test_no_address_is_longer_than_a_server_of_this_kind_takes(real_limits: Site) -> None:
    """2,048 signs of query are the usual limit of the web server that Exact runs on."""
    lengths: list[int] = []
    real_limits.exact.seen = lambda request: lengths.append(len(request.target.partition("?")[2]))
    connector = real_limits.connector(documents_per_page=25, invoices_per_call=10)
    Store().pull(connector)
    list(connector.pull_parties(""))
    real_limits.clock.forward(minutes=1)
    list(
        connector.pull_payments(
            [OpenInvoice(seeded_id(f"invoice {n}"), str(n), "EUR", Decimal(1)) for n in NUMBERS]
        )
    )
    assert 1000 < max(lengths) < 2048


@pytest.mark.parametrize("lines", [59, 60, 61, 120, 121])
def test_long_invoices_come_with_all_their_lines(lines: int) -> None:
    """The expanded lines have pages of their own: exactly full ones, and one line more."""
    with site_of() as site:
        site.exact.add(2, lines=lines)
        store = Store()
        store.pull(site.connector())
        for number in (26700021, 26700022):
            found = store.latest(number)["invoice"]["SalesInvoiceLines"]["results"]
            assert [line["LineNumber"] for line in found] == list(range(1, lines + 1))


def test_lines_are_complete_although_the_service_names_no_next_page() -> None:
    with site_of() as site:
        site.exact.add(1, lines=75)
        site.exact.hides_next_lines = True
        store = Store()
        store.pull(site.connector())
        assert len(store.latest(26700021)["invoice"]["SalesInvoiceLines"]["results"]) == 75


@pytest.mark.parametrize("rows", [999, 1000, 1001])
def test_a_feed_whose_last_page_is_exactly_full(rows: int) -> None:
    with site_of() as site:
        before = len(site.exact.books.lines)
        site.exact.add(1, lines=rows - before)
        store = Store()
        store.pull(site.connector())
        # One whose lines lie on both pages may come again, with the same bytes.
        assert set(store.numbers) == {*NUMBERS, 26700021}
        assert len({one.content for page in store.pages for one in page.documents}) == 21


# The forecast.


def _forecast(site: Site, **settings: int) -> CheckStep:
    site.clock.now = datetime.now(UTC)
    *_, last = site.connector(**settings).check()
    assert last.name == "Calls"
    return last


def test_check_says_what_the_next_pull_needs() -> None:
    with site_of() as site:
        step = _forecast(site)
        assert step.ok
        assert "20 invoices with 13 calls" in step.seen
        assert "free today" in step.seen
        store = Store()
        store.pull(site.connector())
        assert "0 invoices" in _forecast(site).seen


def test_check_says_when_a_pull_does_not_fit_into_the_day() -> None:
    with site_of(daily=200) as site:
        site.exact.add(1500, lines=1)
        step = _forecast(site, calls_per_day=200, calls_kept_daily=20)
        assert not step.ok
        assert "1,520 invoices" in step.seen
        assert "are free today" in step.seen
        assert "invoices_per_call" in step.fix
        assert "start earlier" in step.fix


def test_the_forecast_is_no_less_than_what_is_used() -> None:
    with site_of() as site:
        site.exact.add(180)
        step = _forecast(site)
        promised = int(step.seen.split(" with ")[1].split()[0].replace(",", ""))
        before = len(site.exact.server.calls)
        Store().pull(site.connector())
        assert promised * 0.5 <= len(site.exact.server.calls) - before <= promised


# The brake on errors.


def test_the_endpoint_rests_before_the_tenth_error_and_others_go_on() -> None:
    with site_of() as site:
        connector = site.connector()
        lost = replace(_report(), key="00000000-0000-4000-8000-000000000000")
        for _ in range(8):
            with pytest.raises(RemoteUnexpected):
                connector.report_status(lost)
        with pytest.raises(RemoteUnavailable, match="block this") as caught:
            connector.report_status(lost)
        assert caught.value.retry_at == site.clock.now + timedelta(hours=1)
        assert list(connector.pull_parties(""))
        site.clock.forward(hours=1)
        with pytest.raises(RemoteUnexpected):
            connector.report_status(lost)


def test_two_processes_share_the_count_of_errors() -> None:
    """Five errors each would be the tenth together; the second one finds those of the first."""
    with site_of() as site:
        lost = replace(_report(), key="00000000-0000-4000-8000-000000000000")
        first, second = site.connector(), site.connector()
        errors = 0
        for connector in [first, second] * 10:
            try:
                connector.report_status(lost)
            except RemoteUnexpected:
                errors += 1
            except RemoteUnavailable:
                pass
        assert errors < 10
        assert 429 not in {call.status for call in site.exact.server.calls}


def test_an_endpoint_that_exact_has_blocked_is_left_alone_for_an_hour() -> None:
    with site_of() as site:
        connector = site.connector(errors_per_hour=50)
        lost = replace(_report(), key="00000000-0000-4000-8000-000000000000")
        for _ in range(10):
            with pytest.raises(RemoteUnexpected):
                connector.report_status(lost)
        with pytest.raises(RemoteUnavailable, match="has blocked this") as caught:
            connector.report_status(lost)
        assert caught.value.retry_at == site.clock.now + timedelta(hours=1)
        before = len(site.exact.server.calls)
        with pytest.raises(RemoteUnavailable):
            connector.report_status(lost)
        assert len(site.exact.server.calls) == before


def test_a_missing_right_to_one_service_is_that_service_only() -> None:
    """A user without rights to documents: invoices come, status does not go back."""
    with site_of() as site:
        site.exact.forbidden_services.add("documents")
        connector = site.connector(attachments=False)
        store = Store()
        store.pull(connector)
        assert store.numbers == NUMBERS
        with pytest.raises(RemoteRefused, match="right"):
            connector.report_status(_report())


def test_another_division_that_is_closed_to_us_does_not_stop_this_one() -> None:
    with site_of() as site:
        with pytest.raises(RemoteRefused, match="no access"):
            Store().pull(site.connector(division=7))
        store = Store()
        store.pull(site.connector())
        assert store.numbers == NUMBERS


@pytest.mark.parametrize(
    "changes",
    [
        {"calls_kept": 50, "calls_per_minute": 50},
        {"calls_kept_daily": 5000},
        {"callback_url": "https://gateway.example/wake"},
        {"callback_url": "http://gateway.example/wake", "webhook_secret": "env:W"},
        {"redirect_url": "http://gateway.example/callback"},
        {"peppol_kinds": {1: "GLN"}},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    spec: dict[str, object] = {
        "base_url": "https://start.exactonline.nl",
        "division": 1,
        "client_id": "a",
        "client_secret": "env:A",
    }
    ExactOnlineSettings.model_validate(spec)
    with pytest.raises(ValidationError):
        ExactOnlineSettings.model_validate({**spec, **changes})
