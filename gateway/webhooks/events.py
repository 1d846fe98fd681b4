"""Entries of the journal as other programs are told them: small, with links to the rest, and the same bytes
each time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from gateway.pipeline.submission import State
from gateway.store.journal import Entry
from gateway.store.tables import journal, submissions
from gateway.store.webhooks import Queued
from gateway.webhooks import kinds
from gateway.wiring import Gateway

__all__ = ["TESTED", "Event", "event_id", "event_of", "seq_of"]

# The event in the journal when somebody asked for a test.
TESTED: Final = "webhook tested"
_LONGEST: Final = 1_000
_LOOK_BACK: Final = 20
_STATES: Final = frozenset(state.value for state in State)
_ALARM: Final = ("id", "kind", "subject", "company", "level", "since", "sentence", "fix", "by", "reason")


@dataclass(frozen=True, slots=True)
class Event:
    """One event and whose it is: `company` "" for what concerns the whole gateway, `only` the one webhook
    that it is for, "" for all."""

    queued: Queued
    company: str = ""
    only: str = ""


def event_id(entry: Entry) -> str:
    """The id of an event: the same on every attempt and replay, and different in every installation."""
    return f"evt-{entry.seq}-{entry.digest[:16]}"


def seq_of(event: str) -> int | None:
    """The journal entry of an event id, or of a plain number; None for anything else."""
    number = event.removeprefix("evt-").partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def event_of(connection: Connection, gateway: Gateway, entry: Entry) -> Event | None:
    """What this entry tells other programs; None for what is nobody else's business."""
    if entry.event in kinds.ALARM_EVENTS:
        return _alarm(gateway, entry)
    if entry.event == TESTED:
        data = json.loads(entry.data)
        told = {"webhook": data["webhook"], "text": "This is a test; nothing happened."}
        return Event(_queued(entry, kinds.TEST, entry.digest[:36], told), only=str(data["webhook"]))
    return _invoice(connection, gateway, entry) if entry.submission else None


def _invoice(connection: Connection, gateway: Gateway, entry: Entry) -> Event | None:
    data = json.loads(entry.data)
    state = State.RECEIVED.value if entry.event == "received" else data.get("state")
    if state not in _STATES:
        return None
    before = _state_before(connection, entry)
    if state == before and state != State.PARKED:
        return None  # a note, or one more try
    row = connection.execute(select(submissions).where(submissions.c.id == entry.submission)).one_or_none()
    if row is None:
        return None
    base, path = _base(gateway), f"/api/v1/invoices/{row.id}"
    told = {
        "invoice": {
            "id": row.id,
            "number": row.number,
            "source": row.source,
            "source_key": row.source_key,
            "buyer": row.buyer,
            "issue_date": row.issue_date.isoformat() if row.issue_date else None,
            "currency": row.currency,
            "amount": "" if row.amount is None else str(row.amount),
            "state": state,
            "state_before": before,
            "verdict": str(data.get("verdict", "")),
            "text": str(data.get("what") or data.get("text") or "")[:_LONGEST],
            "fix": str(data.get("fix", ""))[:_LONGEST],
            "channel": row.channel,
            "message_id": row.message_id,
        },
        "links": {
            "invoice": base + path,
            "events": f"{base}{path}/events",
            "page": f"{base}/invoices/{row.id}",
        },
    }
    company = next((one.company for one in gateway.settings.sources if one.name == row.source), "")
    return Event(_queued(entry, kinds.invoice_type(State(state)), row.id, told), company)


def _alarm(gateway: Gateway, entry: Entry) -> Event:
    data = json.loads(entry.data)
    told = {name: data[name] for name in _ALARM if name in data}
    base = _base(gateway)
    links = {"alarms": f"{base}/api/v1/alarms", "page": f"{base}/alarms"}
    about = str(data["id"])[:36]
    queued = _queued(entry, kinds.ALARM_EVENTS[entry.event], about, {"alarm": told, "links": links})
    return Event(queued, str(data["company"]))


def _queued(entry: Entry, kind: str, about: str, data: dict[str, Any]) -> Queued:
    at = datetime.fromisoformat(entry.at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = event_id(entry)
    body = {"id": event, "type": kind, "timestamp": at, "data": data}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Queued(entry.seq, event, kind, about, text)


def _state_before(connection: Connection, entry: Entry) -> str:
    """The state that the entries before tell; "" where there is none."""
    query = (
        select(journal.c.event, journal.c.data)
        .where(journal.c.submission == entry.submission, journal.c.seq < entry.seq)
        .order_by(journal.c.seq.desc())
        .limit(_LOOK_BACK)
    )
    for event, data in connection.execute(query):
        state = State.RECEIVED.value if event == "received" else json.loads(data).get("state")
        if state in _STATES:
            return str(state)
    return ""


def _base(gateway: Gateway) -> str:
    web = gateway.settings.web
    return web.address.rstrip("/") or f"http://{web.host}:{web.port}"
