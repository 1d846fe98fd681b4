"""/api/v1/invoices/{id}/links: links by which a buyer opens one invoice without an account."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway.access.rights import Right
from gateway.portal.links import MOST_DAYS, Links
from gateway.store import portal_links
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.web.api import visible
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["BuyerLink", "BuyerLinks", "NewLink", "router"]


class NewLink(BaseModel):
    """What is wanted of a link."""

    model_config = ConfigDict(extra="forbid")

    days: int | None = Field(
        None,
        ge=1,
        le=MOST_DAYS,
        description="how many days it holds; as configured without it",
        examples=[30],
    )


class BuyerLink(BaseModel):
    """One link. Whoever has `url` can open the invoice: it is for the buyer alone."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(examples=["0dYb0cUQPd4Zk3n5FvJ3bg"])
    url: str = Field(
        description="'' for one that no longer holds",
        examples=[
            "https://invoices.example.com/p/0dYb0cUQPd4Zk3n5FvJ3bgVJqXq8kS0wJm3v1mY5oQk6b2nF4cE1rT7uH9xZ0aLdQ"
        ],
    )
    holds: bool
    made_by: str = Field(examples=["Marit Dekkers"])
    made_at: datetime
    ends_at: datetime
    revoked_at: datetime | None
    openings: int = Field(description="how often its page was opened", examples=[2])
    opened_at: datetime | None


class BuyerLinks(BaseModel):
    """All links to one invoice, newest first."""

    model_config = ConfigDict(extra="forbid")

    items: list[BuyerLink]


def router(gateway: Gateway) -> APIRouter:
    """The routes about links. All need the right to share, also to see them: a link speaks for the buyer."""
    links = Links(gateway)
    routes = APIRouter(prefix="/api/v1/invoices", tags=["buyer portal"])

    def told(link: PortalLink) -> BuyerLink:
        holds = link.holds(gateway.clock())
        return BuyerLink(
            id=link.id,
            url=links.address(link) if holds else "",
            holds=holds,
            made_by=link.made_by,
            made_at=link.made_at,
            ends_at=link.ends_at,
            revoked_at=link.revoked_at,
            openings=link.openings,
            opened_at=link.opened_at,
        )

    def invoice(connection: Connection, request: Request, identifier: str) -> Submission:
        return visible.submission(connection, gateway, actor_of(request), identifier, Right.SHARE_WITH_BUYERS)

    @routes.get("/{id}/links", summary="The links that the buyer was given")
    def listed(request: Request, id: str) -> BuyerLinks:  # noqa: A002  # the name in the address
        with gateway.database.read() as connection:
            found = portal_links.of(connection, invoice(connection, request, id).id)
        return BuyerLinks(items=[told(link) for link in found])

    @routes.post("/{id}/links", summary="Make a link for the buyer", status_code=201)
    def make(
        request: Request,
        id: str,  # noqa: A002
        wanted: Annotated[NewLink | None, Body()] = None,
    ) -> BuyerLink:
        days = (wanted.days if wanted else None) or 0
        try:
            with gateway.database.begin() as connection:
                submission = invoice(connection, request, id)
                by = actor_of(request).label
                return told(links.make(connection, submission, by=by, now=gateway.clock(), days=days))
        except ConfigError as error:
            raise Problem(HTTPStatus.CONFLICT, error.what, fix=error.fix) from error

    @routes.delete("/{id}/links/{link}", summary="Revoke a link, at once and for ever", status_code=204)
    def revoke(request: Request, id: str, link: str) -> Response:  # noqa: A002
        with gateway.database.begin() as connection:
            submission = invoice(connection, request, id)
            found = next((one for one in portal_links.of(connection, submission.id) if one.id == link), None)
            if found is None:
                raise Problem(HTTPStatus.NOT_FOUND, "there is no such link")
            links.revoke(connection, found, by=actor_of(request).label, now=gateway.clock())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return routes
