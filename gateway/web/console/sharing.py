"""Sharing an invoice with its buyer: the links on the page of one invoice, made and revoked there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from gateway.access.rights import Right
from gateway.portal.links import Links, may_be_shared
from gateway.store import portal_links
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.web.console.shell import Shell, not_there, refused_in_words
from gateway.web.guard import actor_of

__all__ = ["Shared", "Sharing", "router", "sharing"]


@dataclass(frozen=True, slots=True)
class Shared:
    """One link that holds; `address` is what the buyer is sent."""

    link: PortalLink
    address: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """What the page says about the buyer: `links` that hold, how often any was opened and when last."""

    links: tuple[Shared, ...]
    may_share: bool
    openings: int
    opened_at: datetime | None


def sharing(connection: Connection, shell: Shell, submission: Submission, *, shares: bool) -> Sharing:
    """For the page of one invoice. Addresses are shown to those who may share it alone: they open the
    invoice."""
    found = portal_links.of(connection, submission.id)
    now = shell.gateway.clock()
    links = Links(shell.gateway) if shares and found else None
    return Sharing(
        tuple(Shared(one, links.address(one)) for one in found if one.holds(now)) if links else (),
        shares and may_be_shared(submission),
        sum(one.openings for one in found),
        max((one.opened_at for one in found if one.opened_at), default=None),
    )


def router(shell: Shell) -> APIRouter:
    """The two actions."""
    routes = APIRouter()

    @routes.post("/invoices/{identifier}/links")
    def make(request: Request, identifier: str) -> Response:
        actor = actor_of(request)
        with refused_in_words(), shell.gateway.database.begin() as connection:
            submission = shell.submission(connection, actor, identifier)
            shell.require(actor, Right.SHARE_WITH_BUYERS, submission)
            Links(shell.gateway).make(connection, submission, by=actor.label, now=shell.gateway.clock())
        return shell.back(f"/invoices/{identifier}", "shared")

    @routes.post("/invoices/{identifier}/links/{link}/revoke")
    def revoke(request: Request, identifier: str, link: str) -> Response:
        actor = actor_of(request)
        with shell.gateway.database.begin() as connection:
            submission = shell.submission(connection, actor, identifier)
            shell.require(actor, Right.SHARE_WITH_BUYERS, submission)
            found = next((one for one in portal_links.of(connection, submission.id) if one.id == link), None)
            if found is None:
                raise not_there()
            done = Links(shell.gateway).revoke(connection, found, by=actor.label, now=shell.gateway.clock())
        return shell.back(f"/invoices/{identifier}", "revoked" if done else "faster")

    return routes
