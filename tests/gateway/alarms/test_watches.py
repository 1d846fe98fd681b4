"""Each watch: when it speaks, when it is silent, and what it says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.base import Counts
from formats.errors import EInvoicingError, RemoteUnavailable, RemoteUnexpected
from gateway.alarms.model import Kind
from gateway.pipeline.stops import stop
from gateway.pipeline.submission import State
from gateway.store import alarms, attempts, reports, submissions
from gateway.store.submissions import Submission
from tests.gateway.alarms.conftest import SOURCE, World

TODAY = date(2026, 11, 20)  # a Friday
DAY = TODAY - timedelta(days=3)


def workdays(count: int, until: date) -> list[date]:
    every = [until - timedelta(days=one) for one in range(count)]
    return sorted(day for day in every if day.weekday() < 5)


def test_a_source_that_sends_each_workday_and_then_does_not_is_told_the_next_morning(world: World) -> None:
    world.invoices(workdays(60, date(2026, 11, 18)))
    assert world.open(Kind.SILENCE) == ()
    world.look()
    (alarm,) = world.open(Kind.SILENCE)
    assert alarm.subject == SOURCE
    assert alarm.sentence.startswith(
        f"{SOURCE} usually sends on Mondays to Fridays; nothing has come since Wed"
    )
    assert alarm.since == datetime(2026, 11, 18, 23, 0, tzinfo=UTC)  # midnight in Amsterdam
    world.invoice("late")
    world.look()
    assert world.open(Kind.SILENCE) == ()


def test_a_buyer_that_stops_is_told_while_the_source_goes_on(world: World) -> None:
    world.invoices(workdays(60, date(2026, 11, 19)))
    world.invoices(workdays(60, date(2026, 11, 11)), buyer="Moulin")
    world.look()
    (alarm,) = world.open(Kind.SILENCE)
    assert alarm.subject == f"{SOURCE}: Moulin"
    assert "Moulin (from exact-vandael) usually gets invoices on Mondays to Fridays" in alarm.sentence


def test_a_source_that_cannot_be_read_is_not_called_silent_too(world: World) -> None:
    world.invoices(workdays(60, date(2026, 11, 12)))
    world.source_fails(8)
    world.look()
    assert len(world.open(Kind.SOURCE)) == 1
    assert world.open(Kind.SILENCE) == ()


class Counting:
    """The connector of the tests' source, with an ERP that counts."""

    def __init__(self, answers: dict[date, int | EInvoicingError]) -> None:
        self.answers, self.asked = answers, 0

    def count_posted(self, day: date) -> int:
        self.asked += 1
        found = self.answers.get(day, 0)
        if isinstance(found, EInvoicingError):
            raise found
        return found

    def close(self) -> None:
        """Nothing to let go of."""


def counting(world: World, answers: dict[date, int | EInvoicingError]) -> Counting:
    made = Counting(answers)
    assert isinstance(made, Counts)
    world.gateway._sources[SOURCE] = made  # type: ignore[assignment]  # only what is asked here
    return made


def delivered(world: World, number: str, *, told: bool = True, day: date = DAY) -> None:
    one = world.invoice(number, day=day)
    world.set(one, state=State.DELIVERED.value)
    with world.gateway.database.begin() as connection:
        reports.queue(connection, one.id, "delivered", "", now=world.now)
        if told:
            reports.done(connection, reports.of(connection, one.id)[0].reference, "note 1", now=world.now)


def test_numbers_that_agree_are_no_alarm_and_the_erp_is_asked_once(world: World) -> None:
    delivered(world, "2026-1")
    delivered(world, "2026-2")
    erp = counting(world, {DAY: 2})
    assert world.look() == ()
    asked = erp.asked
    world.pass_(hours=12)
    world.look()
    assert erp.asked == asked
    with world.gateway.database.read() as connection:
        count = alarms.count_of(connection, SOURCE, DAY)
    assert count is not None
    assert (count.posted, count.received, count.delivered, count.acknowledged) == (2, 2, 2, 2)


def test_an_invoice_that_never_came_in_is_missed(world: World) -> None:
    delivered(world, "2026-1")
    erp = counting(world, {DAY: 2})
    world.look()
    (alarm,) = world.open(Kind.COUNT)
    assert alarm.subject == f"{SOURCE} 2026-11-17"
    assert "2 posted, 1 received, 1 delivered. 1 never came in" in alarm.sentence
    erp.answers[DAY] = 1
    world.pass_(hours=7)
    world.look()
    assert world.open(Kind.COUNT) == ()


def test_an_erp_that_cannot_be_asked_is_said_and_the_rest_is_still_counted(world: World) -> None:
    delivered(world, "2026-1", told=False)
    world.invoice("2026-2", day=DAY)
    down = RemoteUnavailable("no answer within 5 seconds", where="ERP", fix="wait")
    erp = counting(world, dict.fromkeys((TODAY - timedelta(days=one) for one in range(9)), down))
    world.look()
    assert erp.asked == 1
    (alarm,) = world.open(Kind.COUNT)
    assert "2 received, 1 delivered" in alarm.sentence
    assert "1 on the way for too long; 1 delivered without the ERP knowing" in alarm.sentence
    with world.gateway.database.read() as connection:
        count = alarms.count_of(connection, SOURCE, DAY)
    assert count is not None
    assert (count.posted, count.said) == (None, "no answer within 5 seconds")


def test_a_day_that_has_not_had_its_time_is_not_told(world: World) -> None:
    world.invoice("2026-1", day=TODAY - timedelta(days=1))
    counting(world, {})
    assert world.look() == ()


def test_what_a_person_set_aside_is_not_missed(world: World) -> None:
    world.set(world.invoice("2026-1", day=DAY), state=State.SUPERSEDED.value)
    counting(world, {DAY: 1})
    assert world.look() == ()


def test_a_corrected_invoice_counts_once(world: World) -> None:
    first = world.invoice("2026-1", day=DAY)
    world.set(first, state=State.SUPERSEDED.value, source_key="the key")
    delivered(world, "2026-1b")
    with world.gateway.database.read() as connection:
        from gateway.store import submissions

        (second,) = submissions.find(connection, "2026-1b")
    world.set(second, source_key="the key")
    counting(world, {DAY: 1})
    assert world.look() == ()


def certificate(days: int, now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def test_a_certificate_is_told_at_each_step_also_when_somebody_took_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.alarms import deciding
    from gateway.alarms.watches import certificates

    end = world.now + timedelta(days=100)
    monkeypatch.setattr(certificates, "ends", lambda gateway, now: iter([("the key seal", end)]))
    assert world.look() == ()
    told = []
    for days in (15, 56, 22, 4, 4):
        world.pass_(days=days)
        (alarm,) = world.look()
        told.append((alarm.level, alarm.taken_by))
        deciding.take(world.gateway, alarm, by="it")
    assert told == [(1, ""), (2, ""), (3, ""), (3, "it"), (4, "")]
    assert "ended on 28 February 2027" in alarm.sentence


def test_certificates_in_settings_of_sources_are_found(world: World) -> None:
    from gateway.alarms.watches import certificates

    (world.config / "secrets" / "client.pem").write_bytes(certificate(5, world.now))
    found = dict(certificates._clients(world.gateway))
    assert found == {}
    reference = certificates._references({"login": {"certificate": "file:secrets/client.pem"}}, ())
    assert list(reference) == [(("login", "certificate"), "file:secrets/client.pem")]
    (end,) = certificates._read("file:secrets/client.pem", world.config)
    assert (end - world.now).days == 5


def test_a_channel_that_takes_nothing_is_told_after_some_minutes(world: World) -> None:
    one = world.invoice("2026-1")
    world.set(
        one,
        state=State.PARKED.value,
        resume_state=State.SENDING.value,
        verdict="provider",
        sentence="no answer within 30 seconds",
        channel="email",
        failures=9,
    )
    assert world.look() == ()
    world.pass_(minutes=20)
    (alarm,) = world.look()
    assert (alarm.kind, alarm.subject) == ("channel", "email")
    assert alarm.sentence.endswith("one invoice waits: no answer within 30 seconds")


def sending(world: World, number: str) -> Submission:
    """An invoice whose first try over the channel email begins now."""
    one = world.invoice(number)
    with world.gateway.database.begin() as connection:
        attempts.open_next(connection, one.id, "email", one.message_id, now=world.now)
    world.set(one, state=State.SENDING.value, channel="email")
    return one


def fails(world: World, one: Submission, error: EInvoicingError) -> Submission:
    """As when it is tried once more."""
    with world.gateway.database.read() as connection:
        now = submissions.get(connection, one.id)
    return stop(world.gateway, now, error)


def test_one_receiver_out_of_reach_says_nothing_about_the_channel(world: World) -> None:
    """However quiet the channel is, and however often it is tried."""
    fix = "it is tried again by itself"
    both = [sending(world, "2026-1"), sending(world, "2026-2")]
    for _ in range(10):
        after = [
            fails(
                world,
                one,
                RemoteUnavailable("no answer within 5 seconds", where="email", fix=fix, one_receiver=True),
            )
            for one in both
        ]
        world.pass_(minutes=20)
        assert world.open(Kind.CHANNEL) == ()
        assert [one for one in world.look() if one.kind == "channel"] == []
    assert {one.state for one in after} == {State.PARKED}
    fails(world, both[0], RemoteUnexpected("no answer within 6 seconds", where="email", fix=fix))
    world.look()
    (alarm,) = world.open(Kind.CHANNEL)
    assert alarm.sentence.endswith("one invoice waits: no answer within 6 seconds")


def test_a_channel_is_told_once_and_since_the_first_try(world: World) -> None:
    """Each later try changes the invoice, and nothing of that."""
    began = world.now
    one = sending(world, "2026-1")
    told = []
    for seconds in range(2, 10):
        said = f"no answer within {seconds} seconds"
        fails(world, one, RemoteUnexpected(said, where="email", fix="it is tried again by itself"))
        world.pass_(minutes=10)
        world.look()
        told += [(alarm.id, alarm.since) for alarm in world.open(Kind.CHANNEL)]
    assert len(told) == 7
    assert {since for _, since in told} == {began}
    assert len(set(told)) == 1


def test_work_that_nobody_does_is_told(world: World) -> None:
    world.set(world.invoice("2026-1"), due_at=world.now)
    assert world.look() == ()
    world.pass_(minutes=40)
    assert [one.kind for one in world.look()] == ["work"]


def test_news_that_an_erp_refuses_is_told(world: World) -> None:
    one = world.invoice("2026-1")
    world.set(one, amount=Decimal("10.00"))
    with world.gateway.database.begin() as connection:
        reports.queue(connection, one.id, "sent", "", now=world.now)
        for _ in range(8):
            (report,) = reports.of(connection, one.id)
            reports.failed(connection, report, verdict="precondition", sentence="no right", due_at=world.now)
    (alarm,) = world.look()
    assert (alarm.kind, alarm.subject) == ("write-back", SOURCE)
