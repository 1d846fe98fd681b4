"""What all pages of the console share: whose companies are shown, the navigation with its counts, the way
back after an action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Connection

from formats.errors import ConfigError, ConflictError
from gateway.access.rights import Actor, Right
from gateway.store import alarms, submissions
from gateway.store.submissions import Submission
from gateway.web.api.alarms import companies_of
from gateway.web.console import waiting
from gateway.web.guard import actor_of, session_of
from gateway.web.pages import Pages
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["Shell", "language_of", "not_there", "refused_in_words"]

# What a page says after an action, by the word in its address: nothing of an address is shown as it stands.
_DONE: Final = frozenset(
    {
        "retry",
        "route",
        "buyer-route",
        "buyer-route-over",
        "sent",
        "not-sent",
        "dismissed",
        "dispute-answered",
        "dispute-accepted",
        "dispute-closed",
        "taken",
        "aside",
        "answered",
        "cleared",
        "faster",
        "shared",
        "revoked",
        "alarm-taken",
        "view-kept",
        "view-gone",
        "language",
        "sessions-ended",
        "factor-removed",
        "password-changed",
        "person-changed",
        "token-gone",
        "proposed",
        "approved",
        "declined",
    }
)


@dataclass(frozen=True, slots=True)
class Shell:
    """One gateway's console. Safe to share between threads."""

    gateway: Gateway
    pages: Pages

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        section: str,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HTMLResponse:
        """One page inside the navigation; `section` is the entry that is marked in it."""
        actor = actor_of(request)
        with self.gateway.database.read() as connection:
            work = waiting.count(connection, self.sources(actor), with_inbox=self.sees_inbox(actor))
            companies = companies_of(self.gateway, actor)
            open_alarms = alarms.number_open(connection, companies=companies)
        done = request.query_params.get("done", "")
        values = {
            "section": section,
            "work": work,
            "open_alarms": open_alarms,
            "companies": self.companies(actor),
            "zone": self.gateway.settings.web.time_zone,
            "may": lambda right: actor.may_somewhere(Right(right)),
            "may_everywhere": lambda right: actor.may(Right(right)),
            "done": done if done in _DONE else "",
            "form_token": getattr(request.state.session, "form_token", ""),
            **context,
        }
        return self.pages.render(request, f"console/{template}", values, status=status)

    def sources(self, actor: Actor, right: Right = Right.SEE_INVOICES) -> tuple[str, ...] | None:
        """The sources of the companies for which the right is held; None for all, also of earlier sources."""
        if actor.may(right):
            return None
        specs = self.gateway.settings.sources
        held = actor.companies(right, frozenset(spec.company for spec in specs))
        return tuple(spec.name for spec in specs if spec.company in held)

    def companies(self, actor: Actor) -> tuple[str, ...]:
        """The names of the companies whose invoices are shown."""
        known = self.gateway.settings.companies
        held = sorted(actor.companies(Right.SEE_INVOICES, frozenset(known)))
        return tuple(str(known[key].get("name") or key) for key in held)

    def sees_inbox(self, actor: Actor) -> bool:
        """What comes in belongs to no source, so only who sees all companies sees it."""
        return actor.may(Right.SEE_INVOICES)

    def submission(self, connection: Connection, actor: Actor, identifier: str) -> Submission:
        """One invoice. Problem 404 where it is not there, or is another company's: which one is not told."""
        try:
            found = submissions.get(connection, identifier)
        except ConflictError:
            raise not_there() from None
        if not self.holds(actor, Right.SEE_INVOICES, found):
            raise not_there()
        return found

    def holds(self, actor: Actor, right: Right, submission: Submission) -> bool:
        """Whether the right is held for the company of this invoice."""
        sources = self.sources(actor, right)
        return sources is None or submission.source in sources

    def require(self, actor: Actor, right: Right, submission: Submission) -> None:
        """Problem 403 without the right for this company."""
        if not self.holds(actor, right, submission):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "your role does not allow this for this company",
                fix="ask an administrator, if you need it for your work",
            )

    def back(self, place: str, done: str) -> RedirectResponse:
        """To a page of ours after an action, which then says what was done."""
        joint = "&" if "?" in place else "?"
        return RedirectResponse(f"{place}{joint}done={quote(done)}", HTTPStatus.SEE_OTHER)


def language_of(request: Request) -> str:
    """The language in which a person writes numbers; English for a program."""
    session = session_of(request)
    return session.person.language if session is not None else "en"


def not_there() -> Problem:
    """The same answer for what is not there and for what is somebody else's."""
    return Problem(HTTPStatus.NOT_FOUND, "there is nothing here", fix="search for it, or go to the work list")


@contextmanager
def refused_in_words() -> Iterator[None]:
    """What cannot be done as it was asked for is told as Problem 422, in the words of the error."""
    try:
        yield
    except ConfigError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
