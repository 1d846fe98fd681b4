"""Links to the buyer portal: one invoice each, with an end, revocable, and how often each was opened."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.store.tables import portal_links

__all__ = ["PortalLink", "add", "get", "of", "of_message", "opened", "revoke"]


@dataclass(frozen=True, slots=True)
class PortalLink:
    """One link. Moments are aware UTC, `ends_at` in whole seconds; `openings` counts views of its page;
    `message_id` is of the message that took it to the buyer, "" where somebody made it by hand."""

    id: str
    submission: str
    made_by: str
    made_at: datetime
    ends_at: datetime
    revoked_by: str
    revoked_at: datetime | None
    openings: int
    opened_at: datetime | None
    message_id: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked_at is None and self.ends_at > now


def add(
    connection: Connection,
    submission: str,
    *,
    by: str,
    ends_at: datetime,
    now: datetime,
    message_id: str = "",
) -> PortalLink:
    """A new link, under an id of 128 bits of chance. ConflictError for a second one of a message."""
    identifier = secrets.token_urlsafe(16)
    connection.execute(
        insert(portal_links).values(
            id=identifier,
            submission=submission,
            made_by=by[:100],
            made_at=now,
            ends_at=ends_at.replace(microsecond=0),
            revoked_by="",
            openings=0,
            message_id=message_id or None,
        )
    )
    found = get(connection, identifier)
    assert found is not None  # noqa: S101  # written in this transaction
    return found


def get(connection: Connection, identifier: str) -> PortalLink | None:
    """One link, also one that no longer holds."""
    row = connection.execute(select(portal_links).where(portal_links.c.id == identifier)).one_or_none()
    return None if row is None else _link(row)


def of_message(connection: Connection, message_id: str) -> PortalLink | None:
    """The link that goes out with this message, also one that no longer holds; None without one."""
    if not message_id:
        return None
    query = select(portal_links).where(portal_links.c.message_id == message_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _link(row)


def of(connection: Connection, submission: str) -> tuple[PortalLink, ...]:
    """All links to one invoice, newest first."""
    query = select(portal_links).where(portal_links.c.submission == submission)
    rows = connection.execute(query.order_by(portal_links.c.made_at.desc(), portal_links.c.id))
    return tuple(_link(row) for row in rows)


def revoke(connection: Connection, identifier: str, *, by: str, now: datetime) -> bool:
    """End it now and for ever; False where it does not hold any more, or is not there."""
    query = update(portal_links).where(
        portal_links.c.id == identifier,
        portal_links.c.revoked_at.is_(None),
        portal_links.c.ends_at > now,
    )
    return connection.execute(query.values(revoked_by=by[:100], revoked_at=now)).rowcount == 1


def opened(connection: Connection, identifier: str, *, now: datetime) -> None:
    """Count one view of its page."""
    query = update(portal_links).where(portal_links.c.id == identifier)
    connection.execute(query.values(openings=portal_links.c.openings + 1, opened_at=now))


def _link(row: Row[Any]) -> PortalLink:
    return PortalLink(
        row.id,
        row.submission,
        row.made_by,
        row.made_at,
        row.ends_at,
        row.revoked_by,
        row.revoked_at,
        row.openings,
        row.opened_at,
        row.message_id or "",
    )
