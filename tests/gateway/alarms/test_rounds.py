"""An alarm is told once, again when nobody takes it, over when it is over; mails wait for their server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.access.rights import Role
from gateway.alarms import deciding, mail
from gateway.alarms.model import Kind
from gateway.alarms.rounds import Rounds
from gateway.reasons import reason
from gateway.store import alarms, journal, people
from gateway.store.tables import journal as journal_table
from gateway.wiring import Gateway
from tests.gateway.alarms.conftest import RECEIVER, SOURCE, World


def events(world: World) -> list[str]:
    with world.gateway.database.read() as connection:
        return [entry.event for entry in journal.entries(connection) if entry.event.startswith("alarm ")]


def test_all_is_well_at_first(world: World) -> None:
    assert world.look() == ()
    assert world.rounds.send() == 0


def test_an_alarm_is_raised_once_mailed_and_over(world: World) -> None:
    world.source_fails(8)
    (alarm,) = world.look()
    assert (alarm.kind, alarm.subject, alarm.company) == ("source", SOURCE, "vandael")
    assert "no answer within 5 seconds" in alarm.sentence
    world.look()
    assert world.rounds.send() == 1
    assert world.mailbox.subjects == [f"Alarm: source, {SOURCE}"]
    assert world.mailbox.got[0]["To"] == RECEIVER
    content = world.mailbox.got[0].get_content()
    assert "What to do: " in content
    assert "gateway check exact-vandael" in content
    world.source_is_well()
    assert world.look() == ()
    world.rounds.send()
    assert world.mailbox.subjects[1:] == [f"Over: source, {SOURCE}"]
    assert events(world) == ["alarm raised", "alarm mailed", "alarm over", "alarm mailed"]


def test_a_source_that_heals_itself_is_no_alarm_and_one_that_it_must_mend_is_at_once(world: World) -> None:
    world.source_fails(2)
    assert world.look() == ()
    world.source_fails(1, "precondition")
    assert len(world.look()) == 1


def test_what_nobody_takes_is_told_again_and_what_somebody_takes_is_not(world: World) -> None:
    world.source_fails(8)
    world.look()
    world.pass_(hours=25)
    (alarm,) = world.look()
    world.rounds.send()
    assert world.mailbox.subjects == [f"Alarm: source, {SOURCE}", f"Still open: source, {SOURCE}"]
    assert deciding.take(world.gateway, alarm, by="Marit", reason="the ERP is being upgraded")
    assert not deciding.take(world.gateway, alarm, by="Ine")
    world.pass_(hours=25)
    (alarm,) = world.look()
    assert (alarm.taken_by, alarm.reason) == ("Marit", "the ERP is being upgraded")
    assert events(world)[-1] == "alarm taken"
    assert world.rounds.send() == 0


def test_mails_wait_for_a_server_that_is_down_and_a_gateway_that_is_restarted(world: World) -> None:
    world.mailbox.stop()
    world.source_fails(8)
    world.look()
    assert world.rounds.send() == 0
    with world.gateway.database.read() as connection:
        (unsent,) = alarms.unsent_mails(connection)
    assert "connection" in unsent.sentence
    world.mailbox.start()
    assert world.rounds.send() == 0  # it is left alone for a while
    world.pass_(minutes=2)
    again = Gateway.open(world.config, clock=lambda: world.now)
    assert Rounds(again).send() == 1
    assert Rounds(again).send() == 0
    again.close()
    assert world.mailbox.subjects == [f"Alarm: source, {SOURCE}"]


def test_no_mail_overtakes_an_earlier_one_to_the_same_receiver(world: World) -> None:
    """Though each waits for its own time: an all-clear before its alarm would leave that one open."""
    world.mailbox.stop()
    world.source_fails(8)
    world.look()
    for _ in range(5):  # it waits longer and longer
        world.rounds.send()
        world.pass_(minutes=20)
    world.rounds.send()
    world.mailbox.start()
    with world.gateway.database.begin() as connection:
        alarms.queue_mail(connection, "other@vandael.example", "Alarm: disk", "full", now=world.now)
    assert world.rounds.send() == 1, "the others do not wait"
    world.source_is_well()
    world.look()
    assert world.rounds.send() == 2
    assert world.mailbox.subjects == ["Alarm: disk", f"Alarm: source, {SOURCE}", f"Over: source, {SOURCE}"]


def test_what_comes_after_a_mail_that_waits_waits_too(world: World) -> None:
    with world.gateway.database.begin() as connection:
        for subject in ("first", "second"):
            alarms.queue_mail(connection, RECEIVER, subject, "text", now=world.now)
            world.pass_(seconds=1)
        first, second = alarms.due_mails(connection, now=world.now)
        alarms.mail_failed(connection, first, "no answer", due_at=world.now + timedelta(minutes=1))
        assert alarms.due_mails(connection, now=world.now) == ()
        world.pass_(minutes=2)
        assert [one.subject for one in alarms.due_mails(connection, now=world.now)] == ["first", "second"]
        # Given up, it holds nobody up.
        alarms.mail_failed(connection, first, "no answer", due_at=None)
        assert alarms.due_mails(connection, now=world.now) == (second,)


@pytest.mark.parametrize(("number", "told"), [(2, "and one more alarm"), (3, "and 2 more alarms")])
def test_how_many_more_alarms_there_are_is_said_as_people_say_it(
    world: World, number: int, told: str
) -> None:
    with world.gateway.database.begin() as connection:
        raised = [
            alarms.raise_one(
                connection,
                kind="disk",
                subject=str(one),
                company="",
                level=0,
                since=world.now,
                sentence="no answer within 5 seconds",
                fix="it is tried again by itself",
                now=world.now,
            )
            for one in range(number)
        ]
        mail.queue(connection, world.gateway, raised=raised, again=(), over=(), now=world.now)
        (queued,) = alarms.due_mails(connection, now=world.now)
    assert queued.subject == f"Alarm: disk, 0 {told}"
    for language in ("nl", "de", "fr"):
        assert reason(told, language) != told


def test_a_wrong_password_of_the_mail_server_is_said_without_the_password(world: World) -> None:
    (world.config / "secrets" / "mail").write_text("something else\n")
    world.source_fails(8)
    world.look()
    assert world.rounds.send() == 0
    with world.gateway.database.read() as connection:
        (unsent,) = alarms.unsent_mails(connection)
    assert "refused the login" in unsent.sentence
    assert "something else" not in unsent.sentence


def test_a_record_that_was_changed_is_noticed_and_stays_an_alarm(world: World) -> None:
    world.invoice("2026-1")
    world.invoice("2026-2")
    assert world.look() == ()
    with world.gateway.database.begin() as connection:
        change = update(journal_table).where(journal_table.c.seq == 3)
        connection.execute(change.values(data='{"amount":"1.00"}'))
    # What was looked at is looked at again once a day.
    assert world.look() == ()
    world.pass_(hours=25)
    world.look()
    world.look()
    (alarm,) = world.open(Kind.RECORD)
    assert "entry 3" in alarm.sentence
    world.pass_(hours=50)
    world.look()
    assert world.open(Kind.RECORD)[0].id == alarm.id


def test_entries_cut_off_at_the_end_are_noticed(world: World) -> None:
    world.invoice("2026-1")
    with world.gateway.database.begin() as connection:
        connection.execute(journal_table.delete().where(journal_table.c.seq == 2))
    (alarm,) = world.look()
    assert "cut off" in alarm.sentence


def test_little_room_on_the_disk_is_an_alarm(world: World) -> None:
    little = world.gateway.settings.alarms.model_copy(update={"free_megabytes": 10**12})
    object.__setattr__(world.gateway.settings, "alarms", little)
    assert [one.kind for one in world.look()] == ["disk"]


def test_switched_off_nothing_is_looked_at(world: World) -> None:
    off = world.gateway.settings.alarms.model_copy(update={"enabled": False})
    object.__setattr__(world.gateway.settings, "alarms", off)
    world.source_fails(8)
    assert world.look() == ()


def test_a_mail_is_in_the_language_of_who_gets_it(world: World) -> None:
    """A person who signs in with the address has their own."""
    with world.gateway.database.begin() as connection:
        roles = {"*": Role.ADMINISTRATOR}
        people.add(connection, RECEIVER, "Marit", roles, language="nl", now=world.now, password="")
    world.source_fails(8)
    (alarm,) = world.look()
    world.rounds.send()
    mail = world.mailbox.got[0]
    told = reason(alarm.fix, "nl")
    assert told != alarm.fix
    assert told in mail.get_content()
    assert reason(alarm.sentence, "nl") in mail.get_content()
    assert "cannot be read" not in mail.get_content()
    assert SOURCE in str(mail["Subject"])
