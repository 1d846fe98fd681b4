"""/api/v1/alarms and /api/v1/counts: what is not as it should be, and whether the numbers agree."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.access.rights import Actor, Right
from gateway.alarms import deciding
from gateway.store import alarms
from gateway.store.alarms import Alarm, Count
from gateway.web.api.places import read_place, written
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["companies_of", "router"]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AlarmTold(_Told):
    """One alarm."""

    id: str = Field(examples=["3f0c1a52-6c1d-4f0e-9a51-0d1c1a2b3c4d"])
    kind: str = Field(examples=["silence"])
    subject: str = Field(examples=["sap-nordlicht"])
    company: str = Field(description="'' for what concerns the whole gateway", examples=["nordlicht"])
    since: datetime
    sentence: str = Field(examples=["sap-nordlicht cannot be read, last read 20 November 2026"])
    fix: str = Field(examples=["gateway check sap-nordlicht says what is wrong"])
    raised_at: datetime
    told_at: datetime
    ended_at: datetime | None
    taken_by: str
    taken_at: datetime | None
    reason: str

    @classmethod
    def of(cls, alarm: Alarm) -> AlarmTold:
        return cls(**{name: getattr(alarm, name) for name in cls.model_fields})


class AlarmsTold(_Told):
    """Alarms. `next` is the `after` of the next page, "" at the end."""

    items: list[AlarmTold]
    next: str = Field(examples=["WyIyMDI2LTExLTIyVDA5OjAwOjAwIiwgLi4uXQ"])


class Taking(_Told):
    """Why somebody takes an alarm."""

    reason: str = Field(default="", max_length=2000, examples=["SAP is being upgraded until noon"])


class CountTold(_Told):
    """Invoices of one source dated one day."""

    source: str = Field(examples=["sap-nordlicht"])
    day: date
    posted: int | None = Field(description="what the ERP says; null where it could not be asked")
    said: str = Field(description="why the ERP could not be asked, or ''")
    received: int
    delivered: int
    acknowledged: int = Field(description="of which the ERP knows that they were delivered")
    stopped: int = Field(description="waiting for a person, or refused")
    counted_at: datetime

    @classmethod
    def of(cls, count: Count) -> CountTold:
        return cls(**{name: getattr(count, name) for name in cls.model_fields})


def router(gateway: Gateway) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["alarms"])

    @routes.get("/api/v1/alarms", summary="What is not as it should be")
    def listed(
        request: Request,
        ended_hours: Annotated[
            float, Query(ge=0, le=24 * 366, description="also those that were over within so many hours")
        ] = 0,
        after: Annotated[str, Query(max_length=300, description="`next` of the page before")] = "",
        size: Annotated[int, Query(ge=1, le=500, description="of those that are over")] = 100,
    ) -> AlarmsTold:
        """All that are open on the first page; those that are over follow, the latest first."""
        companies, place = companies_of(gateway, actor_of(request)), read_place(after)
        since = gateway.clock() - timedelta(hours=ended_hours)
        with gateway.database.read() as connection:
            found = () if place else alarms.open_ones(connection, companies=companies)
            over = (
                alarms.ended_since(connection, since, companies=companies, limit=size + 1, after=place)
                if ended_hours
                else ()
            )
        last = over[size - 1] if len(over) > size else None
        more = written(last.ended_at, last.id) if last is not None and last.ended_at is not None else ""
        return AlarmsTold(items=[AlarmTold.of(one) for one in (*found, *over[:size])], next=more)

    @routes.post("/api/v1/alarms/{id}/take", summary="Say that somebody looks after it")
    def taken(request: Request, id: str, wanted: Taking) -> AlarmTold:  # noqa: A002  # the name in the address
        actor = actor_of(request)
        with gateway.database.read() as connection:
            alarm = alarms.get(connection, id)
        companies = companies_of(gateway, actor, Right.TAKE_ALARMS)
        if alarm is None or (companies is not None and alarm.company not in companies):
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such alarm")
        if not deciding.take(gateway, alarm, by=actor.label, reason=wanted.reason):
            raise Problem(HTTPStatus.CONFLICT, "it is over, or somebody else looks after it already")
        with gateway.database.read() as connection:
            found = alarms.get(connection, id)
        return AlarmTold.of(found or alarm)

    @routes.get("/api/v1/counts", summary="Posted, received, delivered and acknowledged, by source and day")
    def counted(request: Request, days: Annotated[int, Query(ge=1, le=366)] = 7) -> list[CountTold]:
        actor = actor_of(request)
        names = [one.name for one in gateway.settings.sources if actor.may(Right.SEE_SYSTEM, one.company)]
        since = gateway.clock().date() - timedelta(days=days)
        with gateway.database.read() as connection:
            return [CountTold.of(one) for one in alarms.counts_of(connection, names, since)]

    return routes


def companies_of(gateway: Gateway, actor: Actor, right: Right = Right.SEE_SYSTEM) -> frozenset[str] | None:
    """The companies whose alarms are told; None for all, with those that concern the whole gateway."""
    if actor.may(right):
        return None
    return actor.companies(right, frozenset(gateway.settings.companies))
