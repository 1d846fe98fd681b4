"""/api/v1: what is set up and how it is doing: sources, channels, mappings, rules, budgets; events;
readiness."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from formats.errors import EInvoicingError
from formats.registry import PROFILES
from gateway.access.rights import Right
from gateway.store import inbox, journal, sides, sources
from gateway.store.journal import LAST
from gateway.store.sides import Errand, Failing
from gateway.web.api.models import Event, Events, Received, ReceivedPage
from gateway.web.api.places import read_place, written
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway
from mappings import registry as mapping_registry

__all__ = ["router"]

_MOST: Final = 500


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FailingTold(_Told):
    """Something that another side does not do."""

    errand: Errand = Field(description="what it is asked for", examples=["send"])
    since: datetime = Field(description="the first failure in a row")
    last_at: datetime = Field(description="the last of them")
    failures: int = Field(examples=[3])
    verdict: str = Field(
        description="precondition: IT acts; provider: heals by itself", examples=["provider"]
    )
    sentence: str = Field(examples=["the mail server refuses the login"])
    fix: str = Field(examples=["put the new password into secrets/mail"])

    @classmethod
    def of(cls, one: Failing) -> FailingTold:
        return cls(
            errand=one.errand,
            since=one.since,
            last_at=one.last_at,
            failures=one.failures,
            verdict=one.verdict,
            sentence=one.what,
            fix=one.fix,
        )


class Source(_Told):
    """One ERP interface."""

    name: str = Field(examples=["sap-nordlicht"])
    kind: str = Field(examples=["sap-idoc"])
    company: str = Field(examples=["nordlicht"])
    mapping: str = Field(examples=["sap_invoic02"])
    read_at: datetime | None
    failures: int
    verdict: str
    sentence: str
    failing: list[FailingTold] = Field(description="what it does not do since when; empty where all is well")


class Channel(_Told):
    """One way out."""

    name: str = Field(examples=["peppol-access-point"])
    kind: str = Field(examples=["peppol"])
    failing: list[FailingTold] = Field(description="what it does not do since when; empty where all is well")


class Mapping(_Told):
    """One mapping file."""

    name: str = Field(examples=["sap_invoic02"])
    own: bool = Field(description="whether it is in the config folder")


class Rules(_Told):
    """The rules that a profile needs."""

    profile: str = Field(examples=["peppol-bis-3"])
    pack: str = Field(examples=["peppol-ubl"])
    release: str = Field(description="'' where none is installed", examples=["3.0.21"])
    superseded: str


class Budget(_Told):
    """How many calls a tenant of an ERP has left in the window that runs."""

    tenant: str = Field(examples=["Exact Online 123456"])
    name: str = Field(examples=["day"])
    used: int
    calls: int
    reserve: int
    resets_at: datetime


class Ready(_Told):
    """Whether work can go on."""

    ready: bool
    waits_for: list[str] = Field(description="sources and channels that are left out for their settings")
    failing: list[str] = Field(
        description="sources and channels whose last attempt failed; the others go on", examples=[["email"]]
    )


def router(gateway: Gateway) -> APIRouter:
    """The routes about the set-up."""
    routes = APIRouter(tags=["set-up"])

    @routes.get("/api/v1/sources", summary="ERP interfaces, and how each is doing")
    def erps(request: Request) -> list[Source]:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            records = {one.name: sources.get(connection, one.name) for one in gateway.settings.sources}
            failing = sides.failing(connection)
        return [
            Source(
                name=one.name,
                kind=one.kind,
                company=one.company,
                mapping=one.mapping,
                read_at=records[one.name].read_at,
                failures=records[one.name].failures,
                verdict=records[one.name].verdict,
                sentence=records[one.name].sentence,
                failing=[FailingTold.of(each) for each in failing.get(sides.source(one.name), ())],
            )
            for one in gateway.settings.sources
            if actor.may(Right.SEE_SYSTEM, one.company)
        ]

    @routes.get("/api/v1/channels", summary="Ways out, and how each is doing")
    def channels() -> list[Channel]:
        with gateway.database.read() as connection:
            failing = sides.failing(connection)
        return [
            Channel(
                name=one.name,
                kind=one.kind,
                failing=[FailingTold.of(each) for each in failing.get(sides.channel(one.name), ())],
            )
            for one in gateway.settings.channels
        ]

    @routes.get("/api/v1/mappings", summary="Mapping files")
    def mappings() -> list[Mapping]:
        own = {name.removesuffix(".yaml") for name in gateway.settings.own_mappings if "/" not in name}
        names = sorted({*mapping_registry.names(), *own})
        return [Mapping(name=name, own=name in own) for name in names]

    @routes.get("/api/v1/rules", summary="Official rules of the profiles in use")
    def rules() -> list[Rules]:
        found = []
        for profile in dict.fromkeys(route.profile for route in gateway.settings.routes):
            for key in PROFILES[profile].rule_packs:
                pack = gateway.rules.in_force(key)
                found.append(
                    Rules(
                        profile=profile,
                        pack=key,
                        release=pack.release if pack else "",
                        superseded=pack.superseded if pack else "",
                    )
                )
        return found

    @routes.get("/api/v1/budgets", summary="Calls that each tenant of an ERP has left")
    def budgets() -> list[Budget]:
        return [
            Budget(
                tenant=one.tenant,
                name=one.name,
                used=one.used,
                calls=one.calls,
                reserve=one.reserve,
                resets_at=one.resets_at,
            )
            for one in gateway.budgets.standing()
        ]

    @routes.get("/api/v1/events", summary="The journal of the whole gateway")
    def events(
        after: Annotated[int, Query(ge=0, le=LAST, description="`next` of the page before")] = 0,
        size: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    ) -> Events:
        with gateway.database.read() as connection:
            entries = journal.after(connection, after, size + 1)
        items = [Event.of(entry) for entry in entries[:size]]
        return Events(items=items, next=items[-1].seq if len(entries) > size else 0)

    @routes.get("/api/v1/inbox", summary="Documents that came over the network")
    def received(
        after: Annotated[str, Query(max_length=300, description="`next` of the page before")] = "",
        size: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    ) -> ReceivedPage:
        with gateway.database.read() as connection:
            found = inbox.listing(connection, limit=size + 1, after=read_place(after))
        items, more = found[:size], len(found) > size
        place = written(items[-1].received_at, items[-1].id) if more else ""
        return ReceivedPage(items=[Received.of(item) for item in items], next=place)

    @routes.get("/api/v1/inbox/{id}", summary="One of them")
    def one_received(id: str) -> Received:  # noqa: A002  # the name in the address
        with gateway.database.read() as connection:
            found = inbox.get(connection, id)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such document")
        return Received.of(found)

    @routes.get(
        "/ready",
        tags=["operation"],
        summary="Whether it can work: database and configuration",
        responses={HTTPStatus.SERVICE_UNAVAILABLE: {"description": "the database does not answer"}},
    )
    def ready() -> Ready:
        waits = [one.name for one in gateway.settings.left_out]
        try:
            with gateway.database.read() as connection:
                journal.digest_at(connection, 0)
                failing = sides.failing(connection)
        except EInvoicingError as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer") from error
        names = [
            *(one.name for one in gateway.settings.sources if sides.source(one.name) in failing),
            *(one.name for one in gateway.settings.channels if sides.channel(one.name) in failing),
        ]
        return Ready(ready=not waits, waits_for=waits, failing=names)

    return routes
