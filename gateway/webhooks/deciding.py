"""What people and programs decide about webhooks: made, ended, given a new secret, tried, sent anew."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway.store import journal
from gateway.store import webhooks as store
from gateway.store.webhooks import Webhook
from gateway.webhooks import signing
from gateway.webhooks.address import target
from gateway.webhooks.events import TESTED, seq_of
from gateway.webhooks.kinds import pattern
from gateway.webhooks.receivers import seal
from gateway.wiring import Gateway

__all__ = ["MOST", "Made", "add", "end", "named", "renew", "replay", "replay_parked", "try_out"]

MOST: Final = 100
_MOST_KEPT_HOURS: Final = 24 * 30


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook with its secret, which is shown this once."""

    webhook: Webhook
    secret: str = field(repr=False)


def named(gateway: Gateway, name: str) -> Webhook:
    """The webhook of this id or name. Raises ConfigError where there is none, or more than one."""
    with gateway.database.begin() as connection:
        configured = [one.name for one in gateway.settings.webhook_files]
        store.keep_configured(connection, configured, now=gateway.clock())
        found = [one for one in store.listing(connection) if name in (one.id, one.name)]
    if len(found) != 1:
        what = "no webhook" if not found else "more than one webhook"
        raise ConfigError(
            f"there is {what} named {name[:100]}",
            where="gateway webhooks",
            fix="name one of the list by its id: gateway webhooks",
        )
    return found[0]


def add(
    gateway: Gateway,
    name: str,
    *,
    url: str,
    events: Sequence[str],
    companies: Sequence[str] = (),
    by: str,
) -> Made:
    """A new webhook, told of what happens from now on.

    Raises ConfigError for an address that may not be called, an unknown event or company, or one too many.
    """
    wanted = gateway.settings.webhooks
    target(url, hosts=wanted.hosts, inside=wanted.inside)
    unknown = sorted(set(companies) - set(gateway.settings.companies))
    problem = f"there is no company {unknown[0][:100]}" if unknown else _wrong_events(events)
    if problem:
        raise ConfigError(problem, where="the new webhook", fix="see docs/webhooks.md for what there is")
    secret, now = signing.new_secret(), gateway.clock()
    sealed = seal(gateway).sealed(secret)
    with gateway.database.begin() as connection:
        if len(store.listing(connection)) >= MOST:
            raise ConfigError(
                f"there are {MOST} webhooks", where="the new webhook", fix="remove one that nobody needs"
            )
        made = store.add(
            connection,
            str(uuid.uuid4()),
            name,
            url=url,
            events=tuple(dict.fromkeys(events)),
            companies=tuple(dict.fromkeys(companies)),
            secret=sealed,
            by=by[:100],
            now=now,
        )
        # Without path and query: they may hold what only the receiver should know.
        data = {"webhook": made.id, "name": name, "host": urlsplit(url).hostname, "events": list(made.events)}
        journal.append(connection, "webhook added", data, now=now, actor=by[:100])
    return Made(made, secret)


def end(gateway: Gateway, webhook: Webhook, *, by: str) -> None:
    """Nothing is sent there any more. Raises ConfigError for one of the config folder."""
    _require_own(webhook)
    now = gateway.clock()
    with gateway.database.begin() as connection:
        if store.end(connection, webhook.id, now=now):
            data = {"webhook": webhook.id, "name": webhook.name}
            journal.append(connection, "webhook ended", data, now=now, actor=by[:100])


def renew(gateway: Gateway, webhook: Webhook, *, keep_hours: float, by: str) -> Made:
    """A new secret; for so many hours events are signed with the old one too."""
    _require_own(webhook)
    if not 0 <= keep_hours <= _MOST_KEPT_HOURS:
        raise ConfigError(
            f"the old secret can stay for 0 to {_MOST_KEPT_HOURS} hours",
            where=f"webhook {webhook.name}",
            fix="name hours within that",
        )
    secret, now = signing.new_secret(), gateway.clock()
    sealed = seal(gateway).sealed(secret)
    old_until = now + timedelta(hours=keep_hours)
    with gateway.database.begin() as connection:
        store.renew(connection, webhook, sealed, old_until=old_until)
        data = {"webhook": webhook.id, "name": webhook.name, "old_until": old_until.isoformat()}
        journal.append(connection, "webhook secret renewed", data, now=now, actor=by[:100])
    return Made(webhook, secret)


def replay(gateway: Gateway, webhook: Webhook, *, since: str, by: str) -> None:
    """Send everything again from this event on (that one included), with the same ids.

    Raises ConfigError for an event that is not in the journal.
    """
    seq = seq_of(since)
    now = gateway.clock()
    with gateway.database.begin() as connection:
        if seq is None or seq < 1 or not _is_event(connection, seq, since):
            raise ConfigError(
                "there is no such event", where=f"webhook {webhook.name}", fix="name its id, as evt-1200-..."
            )
        store.move_back(connection, webhook.id, seq - 1)
        _note(connection, webhook, {"since": seq}, by, now)


def replay_parked(gateway: Gateway, webhook: Webhook, *, by: str) -> int:
    """Try again what was given up; returns how many events that are."""
    now = gateway.clock()
    with gateway.database.begin() as connection:
        number = store.parked_again(connection, webhook.id, now=now)
        if number:
            _note(connection, webhook, {"parked": number}, by, now)
    return number


def try_out(gateway: Gateway, webhook: Webhook, *, by: str) -> None:
    """Send an event that says that it is a test, to this webhook only."""
    with gateway.database.begin() as connection:
        data = {"webhook": webhook.id, "name": webhook.name}
        journal.append(connection, TESTED, data, now=gateway.clock(), actor=by[:100])


def _note(connection: Connection, webhook: Webhook, what: dict[str, object], by: str, now: datetime) -> None:
    data = {"webhook": webhook.id, "name": webhook.name, **what}
    journal.append(connection, "webhook replay", data, now=now, actor=by[:100])


def _is_event(connection: Connection, seq: int, since: str) -> bool:
    digest = journal.digest_at(connection, seq)
    mark = since.removeprefix("evt-").partition("-")[2]
    return bool(digest) and digest.startswith(mark)


def _wrong_events(events: Sequence[str]) -> str:
    if not events:
        return "no event is named"
    try:
        for one in events:
            pattern(one)
    except ValueError as error:
        return str(error)
    return ""


def _require_own(webhook: Webhook) -> None:
    if webhook.configured:
        raise ConfigError(
            f"{webhook.name} is set up in the config folder",
            where=f"webhooks/, {webhook.name}",
            fix="change or remove its file there",
        )
