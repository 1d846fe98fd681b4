"""/api/v1/webhooks: programs that are told what happens: made, listed, ended, given a new secret, sent
anew."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from formats.errors import ConfigError
from gateway.store import webhooks as store
from gateway.store.journal import LAST
from gateway.store.webhooks import DeliveryState, Webhook
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.webhooks import deciding
from gateway.webhooks.deciding import Made
from gateway.webhooks.kinds import ALARM_EVENTS
from gateway.webhooks.receivers import receiver_of
from gateway.webhooks.settings import Pattern, WebhookUrl
from gateway.wiring import Gateway

__all__ = ["describe", "router"]

_EXAMPLE_ID = "3f0c1a52-6c1d-4f0e-9a51-0d1c1a2b3c4d"


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewWebhook(_Told):
    """A webhook to be made."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        examples=["shop"]
    )
    url: WebhookUrl = Field(examples=["https://hooks.example.com/invoices"])
    events: list[Pattern] = Field(
        min_length=1, max_length=50, examples=[["invoice.delivered", "invoice.rejected", "alarm.*"]]
    )
    companies: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[], max_length=100, description="only what belongs to these; empty: everything"
    )


class WebhookTold(_Told):
    """One webhook, without its secret."""

    id: str = Field(examples=[_EXAMPLE_ID])
    name: str = Field(examples=["shop"])
    url: str = Field(examples=["https://hooks.example.com/invoices"])
    events: list[str] = Field(examples=[["invoice.*"]])
    companies: list[str]
    configured: bool = Field(description="whether it is set up in the config folder")
    waiting: int = Field(description="events that are still to be taken")
    parked: int = Field(description="events that were given up")
    failures: int = Field(description="attempts in a row that failed")
    sentence: str = Field(description="why the last attempt failed, or ''")
    rests_until: datetime | None
    made_by: str
    made_at: datetime


class WebhookMade(WebhookTold):
    """A webhook with its secret, which is told this once."""

    secret: str = Field(description="what events are signed with", examples=["whsec_..."])


class DeliveryTold(_Told):
    """One event on its way to one webhook."""

    event: str = Field(examples=["evt-1284377-9f2c4b7a61d00e35"])
    type: str = Field(examples=["invoice.delivered"])
    about: str = Field(description="the invoice or alarm")
    state: DeliveryState
    failures: int
    sentence: str
    made_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


class Deliveries(_Told):
    """Events of one webhook. `next` is the `after` of the next page, 0 at the end."""

    items: list[DeliveryTold]
    next: int = Field(examples=[1284377])


class Replay(_Told):
    """What is to be sent anew: everything since an event, or what was given up."""

    since: str = Field(
        default="",
        max_length=80,
        description="id of the first event that is sent again; '' for those that were given up",
        examples=["evt-1284377-9f2c4b7a61d00e35"],
    )


class Renewal(_Told):
    """How a new secret takes the place of the old one."""

    keep_hours: float = Field(default=24.0, ge=0, le=720, description="hours for which both sign")


def router(gateway: Gateway) -> APIRouter:
    """The routes about webhooks."""
    routes = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

    @routes.get("", summary="Programs that are told what happens")
    def listed() -> list[WebhookTold]:
        with gateway.database.read() as connection:
            found = store.listing(connection)
        return [_told(gateway, one) for one in found]

    @routes.post("", summary="Tell one more program", status_code=HTTPStatus.CREATED)
    def added(request: Request, wanted: NewWebhook) -> WebhookMade:
        """The secret is in this answer only."""
        try:
            made = deciding.add(
                gateway,
                wanted.name,
                url=wanted.url,
                events=wanted.events,
                companies=wanted.companies,
                by=actor_of(request).label,
            )
        except ConfigError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        return _made(gateway, made)

    @routes.get("/{id}", summary="One of them")
    def one(id: str) -> WebhookTold:  # noqa: A002  # the name in the address
        return _told(gateway, _find(gateway, id))

    @routes.delete("/{id}", summary="Tell it nothing more", status_code=HTTPStatus.NO_CONTENT)
    def ended(request: Request, id: str) -> Response:  # noqa: A002
        try:
            deciding.end(gateway, _find(gateway, id), by=actor_of(request).label)
        except ConfigError as error:
            raise Problem(HTTPStatus.CONFLICT, error.what, fix=error.fix) from error
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @routes.post("/{id}/secret", summary="A new secret; the old one signs too for a while")
    def renewed(request: Request, id: str, wanted: Renewal) -> WebhookMade:  # noqa: A002
        """The secret is in this answer only."""
        try:
            made = deciding.renew(
                gateway, _find(gateway, id), keep_hours=wanted.keep_hours, by=actor_of(request).label
            )
        except ConfigError as error:
            raise Problem(HTTPStatus.CONFLICT, error.what, fix=error.fix) from error
        return _made(gateway, made)

    @routes.post("/{id}/test", summary="Send an event that is a test", status_code=HTTPStatus.ACCEPTED)
    def tried(request: Request, id: str) -> WebhookTold:  # noqa: A002
        found = _find(gateway, id)
        deciding.try_out(gateway, found, by=actor_of(request).label)
        return _told(gateway, found)

    @routes.post("/{id}/replay", summary="Send events again", status_code=HTTPStatus.ACCEPTED)
    def replayed(request: Request, id: str, wanted: Replay) -> WebhookTold:  # noqa: A002
        """Under the same ids as the first time."""
        found, by = _find(gateway, id), actor_of(request).label
        try:
            if wanted.since:
                deciding.replay(gateway, found, since=wanted.since, by=by)
            else:
                deciding.replay_parked(gateway, found, by=by)
        except ConfigError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        return _told(gateway, _find(gateway, id))

    @routes.get("/{id}/deliveries", summary="Its events, newest first")
    def sent(
        id: str,  # noqa: A002
        state: DeliveryState | None = None,
        after: Annotated[int, Query(le=LAST, ge=-LAST, description="`next` of the page before")] = 0,
        size: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Deliveries:
        found = _find(gateway, id)
        with gateway.database.read() as connection:
            rows = store.deliveries(connection, found.id, state=state, limit=size + 1, before=after or None)
        items = [
            DeliveryTold(**{name: getattr(row, name) for name in DeliveryTold.model_fields})
            for row in rows[:size]
        ]
        return Deliveries(items=items, next=rows[size - 1].seq if len(rows) > size else 0)

    return routes


def describe(app: FastAPI) -> None:
    """Say in the OpenAPI document what receivers are sent."""

    @app.webhooks.post(
        "event", summary="What a webhook is sent", status_code=HTTPStatus.NO_CONTENT, tags=["webhooks"]
    )
    def event(told: EventTold) -> None:  # pragma: no cover  # a description
        """Answer 2xx within ten seconds. Each event comes at least once; `id` is the same every time.

        Headers `webhook-id`, `webhook-timestamp` and `webhook-signature` follow the Standard Webhooks
        specification: HMAC-SHA256 of `<id>.<timestamp>.<body>`.
        """


class EventTold(_Told):
    """One event. `data` holds `invoice` or `alarm`, and `links`."""

    id: str = Field(examples=["evt-1284377-9f2c4b7a61d00e35"])
    type: str = Field(examples=["invoice.delivered", *ALARM_EVENTS.values()])
    timestamp: datetime = Field(examples=["2026-11-22T09:00:00.000Z"])
    data: dict[str, Any] = Field(
        examples=[
            {
                "invoice": {"id": _EXAMPLE_ID, "number": "2026-104102", "state": "delivered"},
                "links": {"invoice": f"https://gateway.example.com/api/v1/invoices/{_EXAMPLE_ID}"},
            }
        ]
    )


def _find(gateway: Gateway, identifier: str) -> Webhook:
    with gateway.database.read() as connection:
        found = store.get(connection, identifier)
    if found is None or found.ended_at is not None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such webhook")
    return found


def _made(gateway: Gateway, made: Made) -> WebhookMade:
    return WebhookMade(**_told(gateway, made.webhook).model_dump(), secret=made.secret)


def _told(gateway: Gateway, webhook: Webhook) -> WebhookTold:
    try:
        receiver = receiver_of(gateway, webhook)
        url, events, companies = receiver.url, receiver.events, receiver.companies
    except ConfigError:  # its file was just taken away
        url, events, companies = "", (), ()
    with gateway.database.read() as connection:
        standing = store.standing(connection, webhook.id)
    return WebhookTold(
        id=webhook.id,
        name=webhook.name,
        url=url,
        events=list(events),
        companies=list(companies),
        configured=webhook.configured,
        waiting=standing.waiting,
        parked=standing.parked,
        failures=webhook.failures,
        sentence=webhook.sentence,
        rests_until=webhook.rests_until,
        made_by=webhook.made_by,
        made_at=webhook.made_at,
    )
