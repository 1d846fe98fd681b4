"""Links to the buyer portal: made by people and programs of the seller, shown by buyers, revoked.

An address ends in the id of a row and a signature over that row: whoever has the database and not the key can
make no link, and a row that was pointed at another invoice, or made to hold longer, no longer fits its
addresses.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway import settings
from gateway.access.sealing import Seal
from gateway.pipeline.submission import State
from gateway.store import journal, portal_links
from gateway.store.portal_calls import bucket_of
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["MOST_DAYS", "Links", "may_be_shared", "newest_to_share"]

MOST_DAYS: Final = 730
_LENGTH_OF_ID: Final = 22
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{65}\Z")
_START: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Looked up and measured against where what is shown cannot be a link, so that it takes as long as for one.
_NO_ID: Final = "-" * _LENGTH_OF_ID
_NO_MARK: Final = "-" * 43
_NO_LINK: Final = PortalLink(_NO_ID, "0" * 36, "", _START, _START, "", _START, 0, None)


class Links:
    """The links of one gateway; safe to share between threads. ConfigError where the key is missing."""

    def __init__(self, gateway: Gateway) -> None:
        told = gateway.settings
        self._seal = Seal(settings.reveal(told.web.secret, told.folder), "portal link")
        self._days = told.portal.days
        self._base = (
            told.portal.address or told.web.address or f"http://{told.web.host}:{told.web.port}"
        ).rstrip("/")

    def make(
        self,
        connection: Connection,
        submission: Submission,
        *,
        by: str,
        now: datetime,
        days: int = 0,
        message_id: str = "",
    ) -> PortalLink:
        """A new link that holds for so many days (0: as the settings say), with who made it in the journal.

        Earlier ones go on holding. `message_id` is of the message that carries it, "" for none. ConfigError
        for what must not be shown, or for a number of days that is none.
        """
        wanted = days or self._days
        if not 1 <= wanted <= MOST_DAYS:
            raise ConfigError(
                f"a link cannot hold for {wanted} days",
                where=f"invoice {submission.number}",
                fix=f"name 1 to {MOST_DAYS} days",
            )
        if not may_be_shared(submission):
            raise ConfigError(
                "there is nothing to show to the buyer: the invoice is "
                + ("replaced by another revision" if submission.state is State.SUPERSEDED else "not checked"),
                where=f"invoice {submission.number or submission.source_key}",
                fix="share the revision that stands for it"
                if submission.state is State.SUPERSEDED
                else "mend what stops it, then share it",
            )
        link = portal_links.add(
            connection,
            submission.id,
            by=by,
            ends_at=now + timedelta(days=wanted),
            now=now,
            message_id=message_id,
        )
        told = {"link": link.id, "until": link.ends_at.isoformat()}
        if message_id:
            told["message_id"] = message_id
        journal.append(connection, "portal link made", told, now=now, submission=submission.id, actor=by)
        return link

    def of_message(self, connection: Connection, submission: Submission, *, now: datetime) -> PortalLink:
        """The one link that goes out with the message of this submission, also if that is sent again; made
        when first asked for. Raises as `make`."""
        found = portal_links.of_message(connection, submission.message_id)
        return found or self.make(
            connection, submission, by="gateway", now=now, message_id=submission.message_id
        )

    def revoke(self, connection: Connection, link: PortalLink, *, by: str, now: datetime) -> bool:
        """End a link at once; False where it did not hold any more."""
        if not portal_links.revoke(connection, link.id, by=by, now=now):
            return False
        told = {"link": link.id}
        journal.append(connection, "portal link revoked", told, now=now, submission=link.submission, actor=by)
        return True

    def address(self, link: PortalLink) -> str:
        """What is sent to the buyer. Whoever has it can open the invoice: it belongs into no log."""
        return f"{self._base}/p/{self.shown(link)}"

    def shown(self, link: PortalLink) -> str:
        """The end of the address: 65 signs."""
        return link.id + self._seal.mark(_signed(link))

    def find(self, connection: Connection, shown: str, *, now: datetime) -> PortalLink | None:
        """The link that somebody shows; None for one that is unknown, forged, revoked or over, after the same
        work for each of them."""
        fits = _SHAPE.match(shown) is not None
        name = shown[:_LENGTH_OF_ID] if fits else _NO_ID
        mark = shown[_LENGTH_OF_ID:] if fits else _NO_MARK
        row = portal_links.get(connection, name)
        link = row or _NO_LINK
        signed = self._seal.marked(_signed(link), mark)
        return link if signed and link.holds(now) and row is not None else None

    def bucket(self, of: str) -> int:
        """Where calls of this caller are counted; not to be guessed without the key."""
        return bucket_of(self._seal.mark(f"calls of {of}"))


def may_be_shared(submission: Submission) -> bool:
    """Whether there is an invoice that a buyer may see: the rules accept it, and no other stands for it."""
    return bool(submission.document_digest) and submission.state is not State.SUPERSEDED


def newest_to_share(found: list[Submission], number: str) -> Submission:
    """The one invoice of this number that may be shared. ConfigError where there is none, or more than one
    (two sellers may use the same number)."""
    fitting = [one for one in found if may_be_shared(one)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(
            f"{len(fitting)} invoices have the number {number}",
            where="gateway portal",
            fix=f"name one by its id: {', '.join(one.id for one in fitting)}",
        )
    raise ConfigError(
        f"there is no invoice {number} that a buyer could be shown"
        if not found
        else f"{number} is {found[-1].state} and has nothing that a buyer could be shown",
        where="gateway portal",
        fix="gateway status lists all; one that the rules accepted can be shared",
    )


def _signed(link: PortalLink) -> str:
    return f"{link.id} {link.submission} {int(link.ends_at.timestamp())}"
