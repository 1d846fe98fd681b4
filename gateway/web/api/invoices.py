"""/api/v1/invoices: search, one invoice with its events, terms and documents, and what may be done about
it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from formats.errors import ConfigError
from gateway import evidence
from gateway.access.rights import Right
from gateway.pipeline.message import signed_file
from gateway.pipeline.submission import State, Verdict
from gateway.store import documents, finding, journal, submissions
from gateway.store.finding import Filter, Order
from gateway.store.submissions import Submission
from gateway.web.api import visible
from gateway.web.api.models import Event, Events, Invoice, Invoices, Term
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["FILES", "router"]

# What of one invoice can be had as a file, beside `signed`: the column with its digest, and its ending.
FILES: Final = {
    "source": ("content_digest", ""),
    "invoice": ("document_digest", ".xml"),
    "canonical": ("invoice_digest", ".xml"),
    "readable": ("pdf_digest", ".pdf"),
    "report": ("report_digest", ".json"),
    "origins": ("origins_digest", ".json"),
}
_MOST: Final = 200


def router(gateway: Gateway) -> APIRouter:
    """The routes about invoices."""
    routes = APIRouter(prefix="/api/v1/invoices", tags=["invoices"])

    @routes.get("", summary="Search invoices")
    def listed(
        request: Request,
        text: Annotated[str, Query(max_length=200, description="words of number or buyer")] = "",
        number: Annotated[str, Query(max_length=200)] = "",
        state: Annotated[list[State] | None, Query()] = None,
        verdict: Annotated[list[Verdict] | None, Query()] = None,
        source: Annotated[list[str] | None, Query(max_length=50)] = None,
        channel: Annotated[list[str] | None, Query(max_length=50)] = None,
        currency: Annotated[str, Query(pattern="^([A-Z]{3})?$")] = "",
        least: Annotated[Decimal | None, Query(max_digits=17, decimal_places=2)] = None,
        most: Annotated[Decimal | None, Query(max_digits=17, decimal_places=2)] = None,
        issued_from: date | None = None,
        issued_to: date | None = None,
        received_from: datetime | None = None,
        received_to: datetime | None = None,
        order: Order = Order.RECEIVED,
        ascending: bool = False,
        after: Annotated[str, Query(max_length=1000, description="`next` of the page before")] = "",
        size: Annotated[int, Query(ge=1, le=_MOST)] = 50,
    ) -> Invoices:
        """A page of invoices, newest first unless another order is asked for."""
        own = visible.sources_of(gateway, actor_of(request))
        asked = tuple(source) if source else None
        wanted = Filter(
            sources=asked if own is None else tuple(one for one in own if asked is None or one in asked),
            text=text,
            number=number,
            states=tuple(state or ()),
            verdicts=tuple(one.value for one in verdict or ()),
            channels=tuple(channel or ()),
            currency=currency,
            least=least,
            most=most,
            issued_from=issued_from,
            issued_to=issued_to,
            received_from=_utc(received_from),
            received_to=_utc(received_to),
        )
        try:
            with gateway.database.read() as connection:
                page = finding.find(
                    connection, wanted, order=order, descending=not ascending, after=after, size=size
                )
        except ConfigError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        return Invoices(items=[Invoice.of(one) for one in page.rows], next=page.after)

    @routes.get("/{id}", summary="One invoice")
    def one(request: Request, id: str) -> Invoice:  # noqa: A002  # the name in the address
        return Invoice.of(_find(gateway, request, id))

    @routes.get("/{id}/events", summary="What happened to it")
    def events(request: Request, id: str) -> Events:  # noqa: A002
        found = _find(gateway, request, id)
        with gateway.database.read() as connection:
            entries = [Event.of(entry) for entry in journal.entries(connection, submission=found.id)]
        return Events(items=entries, next=0)

    @routes.get("/{id}/terms", summary="Where each business term came from")
    def terms(request: Request, id: str) -> list[Term]:  # noqa: A002
        found = _find(gateway, request, id)
        if not found.origins_digest:
            return []
        with gateway.database.read() as connection:
            origins = json.loads(documents.get(connection, found.origins_digest).content)
        return [
            Term(**{name: origin.get(name, 0 if name == "line" else "") for name in Term.model_fields})
            for origin in origins
        ]

    @routes.get(
        "/{id}/files/{name}",
        summary="One of its files: source, invoice, signed, canonical, readable, report, origins",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}, "description": "as archived"}},
    )
    def file(request: Request, id: str, name: str) -> Response:  # noqa: A002
        """`signed` is the e-invoice as it was signed, under the name it is sent with; only a signed one has
        it."""
        found = _find(gateway, request, id)
        if name == "signed":
            with gateway.database.read() as connection:
                signed = signed_file(connection, found)
            if signed is None:
                raise Problem(HTTPStatus.NOT_FOUND, "there is no such file")
            return download(signed.content, signed.media_type, signed.filename)
        column, ending = FILES.get(name, ("", ""))
        digest = getattr(found, column) if column else ""
        if not digest:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such file")
        with gateway.database.read() as connection:
            stored = documents.get(connection, digest)
        return download(stored.content, stored.media_type, f"{found.number or found.id}-{name}{ending}")

    @routes.get(
        "/{id}/evidence",
        summary="Everything about it as one archive that can be verified without the gateway",
        response_class=Response,
        responses={200: {"content": {"application/zip": {}}, "description": "the archive"}},
    )
    def proof(request: Request, id: str) -> Response:  # noqa: A002
        found = _find(gateway, request, id, Right.EXPORT_EVIDENCE)
        actor = actor_of(request)
        with gateway.database.read() as connection:
            content = evidence.archive(connection, found.id)
        with gateway.database.begin() as connection:
            evidence.record(connection, found.id, content, by=actor.label, now=gateway.clock())
        return download(content, "application/zip", f"{found.number or found.id}-evidence.zip")

    @routes.post("/{id}/retry", summary="Try it again now", status_code=202)
    def retry(request: Request, id: str) -> Invoice:  # noqa: A002
        found = _find(gateway, request, id, Right.ACT_ON_INVOICES)
        if found.state is not State.PARKED:
            raise Problem(HTTPStatus.CONFLICT, f"it is {found.state}, and waits for nothing")
        actor = actor_of(request)
        with gateway.database.begin() as connection:
            now = gateway.clock()
            submissions.requeue(connection, [found.id], now=now)
            journal.append(connection, "asked to retry", {}, now=now, submission=found.id, actor=actor.label)
            return Invoice.of(submissions.get(connection, found.id))

    return routes


def download(content: bytes, media_type: str, name: str) -> Response:
    """Bytes as a file to keep: never shown by the browser, whatever is in them."""
    plain = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name)[:120]
    ascii_name = plain.encode("ascii", "replace").decode().replace("?", "_")
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{ascii_name}"'},
    )


def _utc(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        what = "a moment needs a time zone, as in 2026-11-22T09:00:00Z"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, what)
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        what = "a moment before the year 1 or after the year 9999 is none"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, what) from None


def _find(
    gateway: Gateway, request: Request, identifier: str, right: Right = Right.SEE_INVOICES
) -> Submission:
    with gateway.database.read() as connection:
        return visible.submission(connection, gateway, actor_of(request), identifier, right)
