"""/api/v1/routes and /api/v1/buyer-routes: the routing table in force, the routes of single buyers, and which
way an invoice would take."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from formats.errors import ConfigError, ConflictError, EInvoicingError
from gateway.access import buyer_routing, four_eyes
from gateway.access.buyer_routing import Wanted
from gateway.access.rights import Actor, Right
from gateway.mandates import BuyerKind
from gateway.pipeline import own_routes
from gateway.pipeline.imagined import Imagined, tried
from gateway.pipeline.routing import Decision
from gateway.settings import Route
from gateway.store import buyer_routes
from gateway.store.buyer_routes import BuyerRoute
from gateway.web.api.places import read_place, written
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["router"]

_MOST: Final = 500
_Text = Annotated[str, Query(max_length=300)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RouteTold(_Told):
    """One way of routing.yaml; what is empty does not narrow it."""

    name: str = Field(examples=["Peppol"])
    channel: str = Field(examples=["peppol-access-point"])
    profile: str = Field(examples=["peppol-bis-3"])
    needs: list[str] = Field(description="business terms that must be there", examples=[["BT-49"]])
    countries: list[str] = Field(examples=[["DE"]])
    sources: list[str]
    buyers: list[BuyerKind]
    networks: list[str]
    despite_mandate: str = Field(description="why it is taken where a law demands another way; '' where not")
    attach_pdf: bool
    cost: str = Field(description="amount and currency of one message, '' for none", examples=["0.12 EUR"])

    @classmethod
    def of(cls, one: Route) -> RouteTold:
        return cls(
            name=one.name,
            channel=one.channel,
            profile=one.profile,
            needs=list(one.needs),
            countries=list(one.countries),
            sources=list(one.sources),
            buyers=list(one.buyers),
            networks=list(one.networks),
            despite_mandate=one.despite_mandate,
            attach_pdf=one.attach_pdf,
            cost=f"{one.cost.amount:f} {one.cost.currency}" if one.cost else "",
        )


class RoutesTold(_Told):
    """The table, in the order in which ways are tried."""

    items: list[RouteTold]
    agreed: bool = Field(description="false while two people have not agreed to it; nothing is sent then")


class BuyerRouteTold(_Told):
    """The route that one buyer goes by, before the table."""

    id: str = Field(examples=["3f0c1a52-6c1d-4f0e-9a51-0d1c1a2b3c4d"])
    company: str = Field(examples=["vandael"])
    buyer: str = Field(examples=["Chemiepark Rodenau GmbH & Co. KG"])
    known_by: str = Field(description="the business term by which it is known", examples=["BT-48"])
    value: str = Field(examples=["DE814567205"])
    route: str = Field(examples=["e-mail"])
    reason: str = Field(examples=["asked for it by telephone on 20 November"])
    despite_mandate: str
    until: date | None = Field(description="its last day, in UTC", examples=["2027-06-30"])
    made_by: str = Field(examples=["Marit Dekkers"])
    made_at: datetime
    holds: bool = Field(description="false while a second person has not agreed, and when it is over")
    end_asked: bool = Field(description="whether its end waits for a second person")
    ended_at: datetime | None
    ended_by: str
    end_reason: str


class BuyerRoutesTold(_Told):
    """Newest first, ended ones too. `next` is the `after` of the next page, "" at the end."""

    items: list[BuyerRouteTold]
    next: str


class NewBuyerRoute(_Told):
    """What is wanted."""

    company: str = Field(max_length=100, examples=["vandael"])
    buyer: str = Field("", max_length=300, description="the name for people", examples=["Chemiepark Rodenau"])
    known_by: str = Field(
        max_length=10,
        description="BT-46 (as '10023 in exact-vandael'), BT-47, BT-48, BT-49, BT-44 (as 'Name, DE 24143')",
        examples=["BT-48"],
    )
    value: str = Field(max_length=300, examples=["DE814567205"])
    route: str = Field(max_length=200, examples=["e-mail"])
    reason: str = Field(min_length=1, max_length=2000, examples=["asked for it by telephone"])
    until: date | None = Field(None, description="its last day, in UTC; none for no end")
    despite_mandate: str = Field(
        "", max_length=300, description="why it is taken where a law demands another"
    )


class Ending(_Told):
    """Why it ends."""

    reason: str = Field(min_length=1, max_length=2000, examples=["the buyer is on the network again"])


class WayTold(_Told):
    """One way, and what speaks against it."""

    name: str = Field(examples=["Peppol"])
    open: bool
    unfit: str = Field(description="why it is not for this buyer, '' where it is")
    refused: str = Field(description="the law that forbids it, '' where none does")
    despite_mandate: str
    own: bool = Field(description="whether it was given to this buyer")


class Tried(_Told):
    """Which way it would take. `taken` is '' where none is open."""

    seller_country: str = Field(examples=["DE"])
    buyer_country: str = Field(examples=["BE"])
    kind: BuyerKind
    kind_because: str = Field(examples=["it has a VAT number (BT-48)"])
    taken: str = Field(examples=["Peppol"])
    because: str
    mandates: list[str] = Field(
        description="ids of the laws that demand something", examples=[["be-business"]]
    )
    missing: list[str] = Field(description="terms that they demand and that were not said")
    ways: list[WayTold]


def router(gateway: Gateway) -> APIRouter:
    """The six routes."""
    routes = APIRouter(tags=["routing"])

    def told(connection: Connection, one: BuyerRoute) -> BuyerRouteTold:
        return BuyerRouteTold(
            id=one.id,
            company=one.company,
            buyer=one.buyer,
            known_by=one.term,
            value=one.value,
            route=one.route,
            reason=one.reason,
            despite_mandate=one.despite_mandate,
            until=one.until,
            made_by=one.made_name,
            made_at=one.made_at,
            holds=own_routes.holds(connection, gateway.settings, one, gateway.clock().date()),
            end_asked=bool(one.end_asked),
            ended_at=one.ended_at,
            ended_by=one.ended_name,
            end_reason=one.end_reason,
        )

    def found(connection: Connection, identifier: str, actor: Actor, right: Right) -> BuyerRoute:
        one = buyer_routes.get(connection, identifier)
        if one is None or not actor.may(right, one.company):
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such route of a buyer")
        return one

    @routes.get("/api/v1/routes", summary="The routing table in force")
    def table() -> RoutesTold:
        with gateway.database.read() as connection:
            agreed = not gateway.settings.four_eyes or four_eyes.agreed(
                connection, four_eyes.configured(gateway.settings)[0]
            )
        return RoutesTold(items=[RouteTold.of(one) for one in gateway.settings.routes], agreed=agreed)

    @routes.get(
        "/api/v1/routes/try",
        summary="Which way an invoice to such a buyer would take, and why",
        responses={HTTPStatus.NOT_FOUND: {"description": "there is no such source"}},
    )
    def attempt(
        request: Request,
        source: Annotated[str, Query(max_length=100, description="whose invoice it would be")],
        country: Annotated[str, Query(pattern="^([A-Z]{2})?$", description="of the buyer")] = "",
        kind: BuyerKind | None = None,
        address: _Text = "",
        vat: _Text = "",
        registration: _Text = "",
        number: _Text = "",
        email: _Text = "",
        reference: _Text = "",
        order: _Text = "",
        name: _Text = "",
        post_code: _Text = "",
        on: date | None = None,
    ) -> Tried:
        company = next((one.company for one in gateway.settings.sources if one.name == source), None)
        if company is None or not actor_of(request).may(Right.SEE_SYSTEM, company):
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such source")
        imagined = Imagined(
            source, country, kind, address, vat, registration, number, email, reference, order, name,
            post_code, on,
        )  # fmt: skip
        try:
            with gateway.database.read() as connection:
                return _tried(tried(connection, gateway, imagined))
        except EInvoicingError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error

    @routes.get("/api/v1/buyer-routes", summary="Routes of single buyers")
    def listed(
        request: Request,
        after: Annotated[str, Query(max_length=300, description="`next` of the page before")] = "",
        size: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    ) -> BuyerRoutesTold:
        held = actor_of(request).companies(Right.SEE_SYSTEM, frozenset(gateway.settings.companies))
        with gateway.database.read() as connection:
            page = buyer_routes.listing(connection, held, size=size + 1, after=read_place(after))
            items = [told(connection, one) for one in page[:size]]
        more = written(page[size - 1].made_at, page[size - 1].id) if len(page) > size else ""
        return BuyerRoutesTold(items=items, next=more)

    @routes.post("/api/v1/buyer-routes", status_code=HTTPStatus.CREATED, summary="Give one to a buyer")
    def give(request: Request, wanted: NewBuyerRoute) -> BuyerRouteTold:
        actor = actor_of(request)
        if wanted.company not in gateway.settings.companies or not actor.may(
            Right.PROPOSE_CHANGES, wanted.company
        ):
            raise Problem(HTTPStatus.FORBIDDEN, "the token does not allow this for this company")
        try:
            known = buyer_routing.known_by(wanted.known_by, wanted.value)
            made = buyer_routing.give(
                gateway,
                Wanted(
                    wanted.company,
                    wanted.buyer,
                    known,
                    wanted.route,
                    wanted.reason,
                    wanted.until,
                    wanted.despite_mandate,
                ),
                by=actor,
            )
        except ConfigError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        with gateway.database.read() as connection:
            return told(connection, buyer_routes.get(connection, made.id) or made)

    @routes.get("/api/v1/buyer-routes/{id}", summary="One of them")
    def one(request: Request, id: Annotated[str, Path(max_length=36)]) -> BuyerRouteTold:  # noqa: A002  # the name in the address
        with gateway.database.read() as connection:
            return told(connection, found(connection, id, actor_of(request), Right.SEE_SYSTEM))

    @routes.post("/api/v1/buyer-routes/{id}/end", summary="End it, or ask for its end")
    def end(request: Request, id: Annotated[str, Path(max_length=36)], wanted: Ending) -> BuyerRouteTold:  # noqa: A002
        actor = actor_of(request)
        with gateway.database.read() as connection:
            there = found(connection, id, actor, Right.PROPOSE_CHANGES)
        try:
            buyer_routing.end(gateway, there, reason=wanted.reason, by=actor)
        except ConflictError as error:
            raise Problem(HTTPStatus.CONFLICT, error.what, fix=error.fix) from error
        except ConfigError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        with gateway.database.read() as connection:
            return told(connection, buyer_routes.get(connection, id) or there)

    return routes


def _tried(decision: Decision) -> Tried:
    taken = decision.open[0] if decision.open else None
    return Tried(
        seller_country=decision.seller,
        buyer_country=decision.buyer,
        kind=decision.kind.kind,
        kind_because=decision.kind.because,
        taken=taken.name if taken is not None else "",
        because=decision.because(taken) if taken is not None else "",
        mandates=[row.id for row in decision.held.must],
        missing=list(dict.fromkeys(need for _, need in decision.missing)),
        ways=[
            WayTold(
                name=way.route.name,
                open=way.is_open,
                unfit=way.unfit,
                refused=way.refused,
                despite_mandate=way.despite if way.refused else "",
                own=way.own is not None,
            )
            for way in decision.ways
        ],
    )
