"""Sources and channels that fail are called so by pages, interface and alarms, since when and why, until they
work again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from connectors.sandbox.faults import Fault
from formats.errors import (
    ConfigError,
    EInvoicingError,
    RemoteBlocked,
    RemoteRefused,
    RemoteUnavailable,
    RouteError,
)
from gateway.access.four_eyes import AccountNotAgreed
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.alarms.rounds import Rounds
from gateway.cli.main import app
from gateway.pipeline import failing
from gateway.pipeline.deciding import Outcome, resolve
from gateway.pipeline.submission import State
from gateway.store import alarms, people, sessions, sides
from gateway.store.database import Database
from gateway.store.sides import Errand
from gateway.web.app import create_app
from tests.conftest import SteppingClock
from tests.gateway.stories import SharedRules, Story, billing, tell
from tests.gateway.web.conftest import Web

SOURCE = "sap-nordlicht"
PROVIDER = "peppol-provider"


@pytest.fixture
def story(tmp_path: Path, rules: SharedRules) -> Iterator[Story]:
    with tell(tmp_path, rules) as told:
        yield told


@contextmanager
def pages(story: Story) -> Iterator[Web]:
    """The web application, with somebody of IT signed in."""
    with TestClient(create_app(story.gateway), base_url="https://testserver") as client:
        web = Web(story.gateway, client)
        web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
        yield web


def headers(web: Web) -> dict[str, str]:
    """Of a session that was just opened: hours pass in these stories."""
    with web.gateway.database.begin() as connection:
        person = people.by_login(connection, "ingrid")
        assert person is not None
        web.cookies["ingrid"] = sessions.open_for(connection, person.id, now=web.gateway.clock())
    return web.headers("ingrid")


def text(web: Web, place: str) -> str:
    answer = web.client.get(place, headers=headers(web))
    assert answer.status_code == 200, place
    return answer.text


def told(web: Web, kind: str, name: str) -> list[dict[str, Any]]:
    """What the interface says this one fails at."""
    every = web.client.get(f"/api/v1/{kind}", headers=headers(web)).json()
    (found,) = [one["failing"] for one in every if one["name"] == name]
    return list(found)


def alarmed(story: Story) -> dict[str, str]:
    """Open alarms about sources and channels after a look: what each says."""
    Rounds(story.gateway).look(everything=True)
    with story.gateway.database.read() as connection:
        return {
            one.subject: one.sentence
            for one in alarms.open_ones(connection)
            if one.kind in ("source", "channel")
        }


# -- what is kept


def test_a_row_is_there_from_the_first_failure_to_the_next_success(
    database: Database, clock: SteppingClock
) -> None:
    said = {"verdict": "provider", "what": "no answer", "fix": "wait"}
    began = clock.now
    with database.begin() as connection:
        sides.failed(connection, "channel email", Errand.SEND, now=began, **said)
        sides.failed(connection, "channel email", Errand.FOLLOW, now=began + timedelta(seconds=5), **said)
    later = began + timedelta(hours=1)
    with database.begin() as connection:
        said = {"verdict": "precondition", "what": "the login is refused", "fix": "a new password"}
        sides.failed(connection, "channel email", Errand.SEND, now=later, **said)
        (send, follow) = sides.of(connection, "channel email")
    assert (send.since, send.last_at, send.failures) == (began, later, 2)
    assert (send.verdict, send.what, send.fix) == ("precondition", "the login is refused", "a new password")
    assert (follow.errand, follow.failures) == (Errand.FOLLOW, 1)
    with database.begin() as connection:
        assert sides.passed(connection, "channel email", [Errand.SEND]) == 1
        assert sides.passed(connection, "channel email", [Errand.SEND]) == 0
        assert [one.errand for one in sides.of(connection, "channel email")] == [Errand.FOLLOW]
        assert sides.of(connection, "source email") == ()


def test_what_it_must_mend_comes_before_what_heals_by_itself(
    database: Database, clock: SteppingClock
) -> None:
    with database.begin() as connection:
        for errand, verdict, minute in (
            (Errand.FOLLOW, "provider", 0),
            (Errand.SEND, "precondition", 2),
        ):
            at = clock.now + timedelta(minutes=minute)
            sides.failed(connection, "channel email", errand, verdict=verdict, what="x", fix="", now=at)
        found = sides.failing(connection)["channel email"]
    assert [one.errand for one in found] == [Errand.SEND, Errand.FOLLOW]


_ONE: tuple[EInvoicingError, ...] = (
    RouteError("unknown", where="there", fix="wait"),
    RemoteUnavailable("mailbox full", where="there", fix="wait", one_receiver=True),
    RemoteUnavailable(
        "may be there", where="there", fix="wait", uncertain=True, retry_at=datetime(2026, 11, 23, tzinfo=UTC)
    ),
    RemoteBlocked("period closed", where="there", fix="wait"),
    AccountNotAgreed("not agreed", where="there", fix="wait"),
)
_ALL: tuple[EInvoicingError, ...] = (
    RemoteUnavailable("no answer", where="there", fix="wait", uncertain=True),
    RemoteRefused("login refused", where="there", fix="wait"),
    ConfigError("no such secret", where="there", fix="wait"),
)


def test_only_what_concerns_the_whole_side_counts(story: Story) -> None:
    """One receiver, one account, one locked record: the channel is well."""
    side = sides.channel("email")
    for error in _ONE:
        failing.note(story.gateway, side, Errand.SEND, error)
        with story.gateway.database.read() as connection:
            assert sides.of(connection, side) == (), error.what
    for error in _ALL:
        failing.note(story.gateway, side, Errand.SEND, error)
        with story.gateway.database.read() as connection:
            (found,) = sides.of(connection, side)
        assert found.what == error.what


# -- what people are told


def test_a_refused_login_is_told_everywhere_at_once_and_over_by_itself(story: Story) -> None:
    with pages(story) as web:
        assert "Everything the gateway knows about is well." in text(web, "/system")
        story.provider.faults.arm(Fault("revoked-token", "login", times=10_000))
        story.put(billing("90000214"))
        began = story.clock.now
        story.round()
        one = story.one("90000214")
        assert one.verdict == "precondition"

        system = text(web, "/system")
        assert "Everything the gateway knows about is well." not in system
        assert "One thing is unwell." in system
        assert "Takes nothing" in system
        assert "refuses the login" in system
        assert "refuses the login" in text(web, "/overview")
        (said,) = [entry for entry in told(web, "channels", PROVIDER) if entry["errand"] == "send"]
        assert (said["verdict"], said["since"]) == ("precondition", began.isoformat().replace("+00:00", "Z"))
        assert said["fix"]
        assert web.client.get("/ready").json() == {"ready": True, "waits_for": [], "failing": [PROVIDER]}
        assert f'side="channel {PROVIDER}"' in text(web, "/metrics")
        assert "one invoice waits" in alarmed(story)[PROVIDER]
        assert "refuses the login" in alarmed(story)[PROVIDER]

        story.provider.faults.clear()
        story.rounds(2, hours=2)
        assert story.one("90000214").state is State.DELIVERED
        assert "Takes nothing" not in text(web, "/system")
        assert told(web, "channels", PROVIDER) == []
        assert web.client.get("/ready").json()["failing"] == []
        assert alarmed(story) == {}


def test_what_may_heal_by_itself_is_shown_at_once_and_alarms_after_its_time(story: Story) -> None:
    with pages(story) as web:
        story.mail.stop()
        story.put(billing("90000210"))
        story.round()
        (send,) = [one for one in told(web, "channels", "email") if one["errand"] == "send"]
        assert send["verdict"] == "provider"
        assert "email" in web.client.get("/ready").json()["failing"]
        assert alarmed(story) == {}
        story.rounds(3, minutes=6)
        assert "one invoice waits" in alarmed(story)["email"]
        (later,) = [one for one in told(web, "channels", "email") if one["errand"] == "send"]
        assert later["since"] == send["since"]
        assert later["failures"] > 1
        story.mail.start()
        story.rounds(3, hours=2)
        assert told(web, "channels", "email") == []
        assert alarmed(story) == {}


def test_a_source_that_cannot_be_read_is_told_with_the_way_on(story: Story) -> None:
    with pages(story) as web:
        story.sap.faults.arm(Fault("revoked-token", "login", times=10_000))
        story.round()
        system = text(web, "/system")
        assert "Cannot be read" in system
        (said,) = [entry for entry in told(web, "sources", SOURCE) if entry["errand"] == "collect"]
        assert said["verdict"] == "precondition"
        assert said["sentence"] in system.replace("&#39;", "'") or "login" in system
        assert f"{SOURCE} cannot be read, never read" in alarmed(story)[SOURCE]
        story.sap.faults.clear()
        story.rounds(2, hours=2)
        assert told(web, "sources", SOURCE) == []
        assert alarmed(story) == {}


def test_a_channel_for_which_nothing_waits_any_more_is_tried_all_the_same(story: Story) -> None:
    """Rarely, and by its check: the alarm ends without an invoice that finds out."""
    story.mail.faults.arm(Fault("revoked-token", "smtp AUTH", times=10_000))
    story.put(billing("90000210"))
    story.round()
    one = story.one("90000210")
    with story.gateway.database.begin() as connection:
        resolve(connection, story.gateway, one, Outcome.DISMISSED, "billed twice", by="marit")
    assert story.all_of("90000210")[0].state is State.SUPERSEDED
    story.rounds(1, minutes=5)
    assert "email" in alarmed(story)
    story.rounds(1, hours=2)
    assert "email" in alarmed(story), "the login is still refused"
    story.mail.faults.clear()
    story.rounds(1, minutes=5)
    assert "email" in alarmed(story), "not knocked at all the time"
    story.rounds(1, hours=2)
    assert alarmed(story) == {}


def test_an_alarm_mail_that_its_channel_cannot_send_is_noted_there(story: Story) -> None:
    """Finance may send nothing all day, and IT would wait for the mail that says so."""
    settings = story.gateway.settings
    to = settings.alarms.mail.model_copy(update={"to": ("it@nordlicht.example",), "channel": "email"})
    object.__setattr__(settings, "alarms", settings.alarms.model_copy(update={"mail": to}))
    story.mail.faults.arm(Fault("revoked-token", "smtp AUTH", times=10_000))
    now = story.clock()
    with story.gateway.database.begin() as connection:
        alarms.queue_mail(connection, "it@nordlicht.example", "Alarm", "the disk is full", now=now)
    assert Rounds(story.gateway).send() == 0
    with story.gateway.database.read() as connection:
        ((side, (found,)),) = sides.failing(connection).items()
    assert (side, found.errand, found.verdict) == ("channel email", Errand.SEND, "precondition")
    assert "refused the login" in found.what
    with pages(story) as web:
        assert web.client.get("/ready").json()["failing"] == ["email"]
    story.mail.faults.clear()
    story.clock.advance(minutes=2)
    assert Rounds(story.gateway).send() == 1
    with story.gateway.database.read() as connection:
        assert sides.failing(connection) == {}


def test_a_check_by_hand_that_succeeds_ends_it(story: Story) -> None:
    words = {"where": "there", "fix": "wait"}
    for name in ("email", PROVIDER):
        failing.note(story.gateway, sides.channel(name), Errand.SEND, RemoteRefused("no login", **words))
    config = str(story.offline.config)
    assert CliRunner().invoke(app, ["-c", config, "check", "email"]).exit_code == 0
    with story.gateway.database.read() as connection:
        assert list(sides.failing(connection)) == [sides.channel(PROVIDER)]


def test_a_stop_at_a_channel_that_sends_meanwhile_is_no_alarm_about_the_channel(
    tmp_path: Path, rules: SharedRules
) -> None:
    """A mail that may have gone out waits for a person; the others go."""
    settings = {"    archive_folder: Archive": "    # no archive_folder"}
    with tell(tmp_path, rules, settings=settings) as story:
        story.mail.faults.arm(Fault("drop-after", "smtp DATA"))
        story.mail.faults.arm(Fault("lost-receipt", "dsn"))
        story.put(billing("90000210"))
        story.rounds(2)
        assert story.one("90000210").state is State.PARKED
        story.put(billing("90000211", customer={"email": "buero@grote.example"}))
        story.rounds(4, minutes=10)
        assert story.one("90000211").state is State.DELIVERED
        assert alarmed(story) == {}
