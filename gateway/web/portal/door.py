"""The door of the portal: how often somebody may knock, whose link it is, and that it was opened.

What is not a link, was never one, or is one no longer gets the same answer after the same work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from sqlalchemy import Connection

from gateway.portal import answers
from gateway.portal.links import Links
from gateway.store import journal, portal_calls, portal_links, submissions
from gateway.store.portal_calls import Kind
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.web.callers import network_of
from gateway.wiring import Gateway

__all__ = ["ADDRESS_LIMIT", "ANSWER_LIMIT", "LINK_LIMIT", "Door", "NoLink", "Opened", "TooOften"]

WINDOW: Final = timedelta(minutes=10)
ANSWER_WINDOW: Final = timedelta(hours=1)
# An office behind one address opens several invoices at a time; each costs a page and a few files.
ADDRESS_LIMIT: Final = 240
LINK_LIMIT: Final = 120
ANSWER_LIMIT: Final = 20


class NoLink(Exception):
    """What was shown opens nothing. Which of the reasons it is, is told to nobody."""


class TooOften(Exception):
    """Too many calls; `again_in` whole seconds there is an answer again."""

    def __init__(self, until: datetime, now: datetime) -> None:
        super().__init__("too often")
        self.again_in = max(1, round((until - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Opened:
    """What is behind a link that holds."""

    link: PortalLink
    submission: Submission


class Door:
    """Lets in who shows a link. Safe to share between threads."""

    def __init__(self, gateway: Gateway, links: Links) -> None:
        self._gateway = gateway
        self._links = links

    def open(self, request: Request, shown: str, what: str, language: str) -> Opened:
        """The invoice of a link; that it was asked for, and as `what`, is in the journal. Raises NoLink,
        TooOften."""
        return self._let_in(request, shown, what, language)

    def knock(self, request: Request, shown: str) -> Opened:
        """As `open`, for an answer of the buyer, which has an entry of its own and a narrower limit."""
        return self._let_in(request, shown, "", "")

    def _let_in(self, request: Request, shown: str, what: str, language: str) -> Opened:
        now = self._gateway.clock()
        address = self._links.bucket(f"address {network_of(request)}")
        # Only looked at: whoever is over the limit cannot keep the database writing.
        with self._gateway.database.read() as connection:
            until = portal_calls.rests_until(
                connection, Kind.ADDRESS, address, most=ADDRESS_LIMIT, window=WINDOW, now=now
            )
        if until is not None:
            raise TooOften(until, now)
        with self._gateway.database.begin() as connection:
            portal_calls.count(connection, Kind.ADDRESS, address, window=WINDOW, now=now)
            link = self._links.find(connection, shown, now=now)
            if link is not None:
                kind, most, window = (
                    (Kind.LINK, LINK_LIMIT, WINDOW) if what else (Kind.ANSWER, ANSWER_LIMIT, ANSWER_WINDOW)
                )
                bucket = self._links.bucket(f"link {link.id}")
                until = portal_calls.rests_until(connection, kind, bucket, most=most, window=window, now=now)
                if until is None:
                    portal_calls.count(connection, kind, bucket, window=window, now=now)
                    if what:
                        _note(connection, link, what, language, now)
                    return Opened(link, submissions.get(connection, link.submission))
        if link is not None and until is not None:
            raise TooOften(until, now)
        raise NoLink


def _note(connection: Connection, link: PortalLink, what: str, language: str, now: datetime) -> None:
    if what == "page":
        portal_links.opened(connection, link.id, now=now)
    told = {"link": link.id, "what": what, "language": language}
    journal.append(
        connection, "portal opened", told, now=now, submission=link.submission, actor=answers.actor(link)
    )
