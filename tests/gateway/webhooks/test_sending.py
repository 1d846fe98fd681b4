"""Events reach a receiver at least once each, in order, signed, whatever happens in between."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from formats.errors import ConfigError
from gateway.pipeline.submission import State
from gateway.store import journal
from gateway.store import webhooks as store
from gateway.store.webhooks import DeliveryState
from gateway.webhooks import deciding
from gateway.webhooks.sender import Sender
from gateway.wiring import Gateway
from tests.gateway.webhooks.conftest import ID, NAME, SECRET, World, signature

KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


def standing(world: World) -> store.Standing:
    with world.gateway.database.read() as connection:
        return store.standing(connection, ID)


def journaled(world: World, event: str) -> int:
    with world.gateway.database.read() as connection:
        return len(list(journal.entries(connection, event=event)))


def test_each_change_of_state_is_told_once_and_in_order(world: World) -> None:
    invoice = world.deliver("2026-1")
    world.round()
    world.round()
    states = ["received", "mapped", "checked", "ready", "sending", "sent", "delivered"]
    assert world.receiver.types == [f"invoice.{state}" for state in states]
    told = world.receiver.got[-1].event
    assert told["data"]["invoice"]["number"] == "2026-1"
    assert told["data"]["invoice"]["state_before"] == "sent"
    assert told["timestamp"] == "2026-11-20T09:00:00.000Z"
    assert told["data"]["links"]["invoice"].endswith(f"/api/v1/invoices/{invoice.id}")
    assert journaled(world, "webhook delivered") == len(states)
    assert standing(world) == store.Standing()


def test_an_event_is_signed_so_that_the_receiver_can_tell(world: World) -> None:
    world.invoice("2026-1")
    world.round()
    got = world.receiver.got[0]
    assert got.headers["webhook-signature"] == signature(KEY, got)
    assert got.headers["webhook-id"] == got.event["id"]
    assert got.headers["webhook-timestamp"] == str(int(world.time.now.timestamp()))
    assert got.path == "/events?to=shop"


def test_what_happened_while_the_receiver_was_down_comes_when_it_is_back(world: World) -> None:
    world.deliver("2026-1")
    world.receiver.stop()
    world.round()
    assert world.receiver.got == []
    world.deliver("2026-2")
    world.receiver.start()
    world.round()  # still resting: nobody knocks
    assert world.receiver.got == []
    world.time.pass_(minutes=1)
    world.round()
    assert len(world.receiver.got) == 14
    assert len({one.event["id"] for one in world.receiver.got}) == 14


def test_a_gateway_that_is_killed_between_queueing_and_sending_sends_after_the_restart(
    world: World, config: Path
) -> None:
    world.receiver.stop()
    world.deliver("2026-1")
    world.round()
    world.sender.stop()
    world.receiver.start()
    world.time.pass_(minutes=1)
    again = Gateway.open(config, clock=world.time)
    sender = Sender(again)
    sender.round()
    assert sender.wait(5)
    again.close()
    assert [one["data"]["invoice"]["state"] for one in (got.event for got in world.receiver.got)][
        -1
    ] == "delivered"
    assert len(world.receiver.got) == 7


def test_later_news_of_an_invoice_wait_for_earlier_ones_and_other_invoices_do_not(world: World) -> None:
    first = world.invoice("2026-1")
    world.round()
    world.receiver.got.clear()
    world.receiver.answers = [(422, {}, b"")]
    world.move(first, State.CHECKED, State.READY)
    world.invoice("2026-2")
    world.round()
    told = [(one.event["data"]["invoice"]["number"], one.event["type"]) for one in world.receiver.got]
    assert told == [
        ("2026-1", "invoice.checked"),
        ("2026-2", "invoice.received"),
        ("2026-2", "invoice.mapped"),
    ]
    world.time.pass_(minutes=1)
    world.round()
    assert world.receiver.types[-2:] == ["invoice.checked", "invoice.ready"]
    assert world.receiver.got[0].event["id"] == world.receiver.got[-2].event["id"]


def test_a_receiver_that_says_when_it_is_free_is_left_alone_until_then(world: World) -> None:
    world.invoice("2026-1")
    world.receiver.answers = [(503, {"Retry-After": "600"}, b"")]
    world.round()
    world.time.pass_(minutes=9)
    world.round()
    assert len(world.receiver.got) == 1
    world.time.pass_(minutes=2)
    world.round()
    assert len(world.receiver.got) == 3


def test_what_nobody_takes_is_parked_shown_and_sent_again_when_asked(world: World) -> None:
    world.receiver.stop()
    world.invoice("2026-1")
    for _ in range(14):
        world.round()
        world.time.pass_(hours=6)
    assert standing(world) == store.Standing(0, 2, None)
    assert journaled(world, "webhook parked") == 1  # one entry for all that was given up
    assert journaled(world, "webhook waiting") == 1  # told once, not at each try
    world.receiver.start()
    with world.gateway.database.read() as connection:
        webhook = store.get(connection, ID)
        parked = store.deliveries(connection, ID, state=DeliveryState.PARKED)
    assert webhook is not None
    assert "down" in parked[0].sentence
    assert deciding.replay_parked(world.gateway, webhook, by="it") == 2
    world.round()
    assert world.receiver.types == ["invoice.received", "invoice.mapped"]


def test_a_receiver_that_is_gone_is_not_asked_again(world: World) -> None:
    world.invoice("2026-1")
    world.receiver.answers = [(410, {}, b"")]
    world.round()
    world.time.pass_(hours=2)
    world.round()
    assert standing(world) == store.Standing(0, 2, None)
    assert len(world.receiver.got) == 1


def test_a_replay_sends_everything_since_an_event_under_the_same_ids(world: World) -> None:
    world.deliver("2026-1")
    world.round()
    before = [one.event for one in world.receiver.got]
    webhook = deciding.named(world.gateway, NAME)
    deciding.replay(world.gateway, webhook, since=before[3]["id"], by="it")
    world.receiver.got.clear()
    world.round()
    assert [one.event for one in world.receiver.got] == before[3:]


@pytest.mark.parametrize("since", ["evt-3-ffffffffffffffff", "evt-999999-0", "0", "soon", "evt-"])
def test_a_replay_since_an_event_that_is_none_is_refused(world: World, since: str) -> None:
    world.invoice("2026-1")
    webhook = deciding.named(world.gateway, NAME)
    with pytest.raises(ConfigError, match="no such event"):
        deciding.replay(world.gateway, webhook, since=since, by="it")


def test_a_redirect_is_not_followed(world: World) -> None:
    world.invoice("2026-1")
    world.receiver.answers = [(307, {"Location": f"http://127.0.0.1:{world.receiver.port}/elsewhere"}, b"")]
    world.round()
    assert [one.path for one in world.receiver.got] == ["/events?to=shop"]
    with world.gateway.database.read() as connection:
        webhook = store.get(connection, ID)
    assert webhook is not None
    assert "leads elsewhere" in webhook.sentence


def test_an_answer_without_end_is_not_read_to_the_end(world: World) -> None:
    world.invoice("2026-1")
    world.receiver.answers = [(200, {}, b"x" * 200_000)]
    world.round()
    assert len(world.receiver.got) == 1
    assert standing(world).waiting == 2


def test_one_receiver_that_hangs_does_not_hold_up_the_rounds(world: World) -> None:
    world.receiver.held = threading.Event()
    world.invoice("2026-1")
    world.sender.round()
    world.sender.round()
    world.receiver.held.set()
    assert world.sender.wait(5)
    assert len(world.receiver.got) == 2


def test_notes_and_repeated_tries_are_no_events(world: World) -> None:
    delivered = world.deliver("2026-1")
    world.round()
    world.receiver.got.clear()
    world.move(delivered, State.DELIVERED)
    world.round()
    assert world.receiver.got == []


def test_a_stop_tells_the_verdict_and_what_to_do(world: World) -> None:
    invoice = world.invoice("2026-1")
    world.move(invoice, State.PARKED, verdict="document", what="the lines do not add up", fix="mend it")
    world.round()
    told = world.receiver.got[-1].event["data"]["invoice"]
    assert (told["state"], told["verdict"], told["text"], told["fix"]) == (
        "parked",
        "document",
        "the lines do not add up",
        "mend it",
    )


def test_a_webhook_of_one_company_hears_nothing_of_others(world: World) -> None:
    made = deciding.add(
        world.gateway,
        "one",
        url=world.receiver.url,
        events=["invoice.received"],
        companies=["vandael"],
        by="it",
    )
    world.invoice("ours")
    world.invoice("theirs", source="sap-nordlicht")
    world.sender.one(made.webhook.id)
    assert [one.event["data"]["invoice"]["source"] for one in world.receiver.got] == ["exact-vandael"]


def test_a_new_secret_and_the_old_one_sign_side_by_side_for_as_long_as_asked(world: World) -> None:
    made = deciding.add(world.gateway, "api", url=world.receiver.url, events=["invoice.received"], by="it")
    fresh = deciding.renew(world.gateway, made.webhook, keep_hours=2, by="it")
    keys = [base64.b64decode(one.secret.removeprefix("whsec_")) for one in (fresh, made)]
    world.invoice("2026-1")
    world.sender.one(made.webhook.id)
    got = world.receiver.got[-1]
    assert got.headers["webhook-signature"].split() == [signature(key, got) for key in keys]
    world.time.pass_(hours=3)
    world.invoice("2026-2")
    world.sender.one(made.webhook.id)
    got = world.receiver.got[-1]
    assert got.headers["webhook-signature"] == signature(keys[0], got)


def test_a_secret_is_nowhere_in_the_database_or_the_journal(world: World, config: Path) -> None:
    made = deciding.add(world.gateway, "api", url=world.receiver.url, events=["*"], by="it")
    content = b"".join(file.read_bytes() for file in config.glob("gateway.db*"))
    assert made.secret.removeprefix("whsec_").encode() not in content
    assert made.secret not in repr(made)


def test_a_webhook_that_is_ended_gets_nothing_more(world: World) -> None:
    made = deciding.add(world.gateway, "api", url=world.receiver.url, events=["*"], by="it")
    world.invoice("2026-1")
    deciding.end(world.gateway, made.webhook, by="it")
    assert world.sender.one(made.webhook.id) == 0
    with world.gateway.database.read() as connection:
        ended = store.get(connection, made.webhook.id)
    assert ended is not None
    assert (ended.secret, ended.old_secret) == ("", "")


def test_texts_of_events_taken_long_ago_are_forgotten(world: World) -> None:
    world.invoice("2026-1")
    world.round()
    assert world.sender.forget() == 0
    world.time.pass_(days=31)
    assert world.sender.forget() == 2
