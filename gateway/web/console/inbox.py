"""GET /inbox: what came over the network, and what people decide about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import Connection

from formats.errors import EInvoicingError
from formats.model.invoice import Invoice
from formats.render.view import view
from formats.render.words import LANGUAGES
from formats.responses.invoice_response import ActionCode, ReasonCode, ResponseCode
from formats.syntaxes import ubl
from gateway.access.rights import Right
from gateway.peppol import decisions, responding
from gateway.store import documents, inbox, signals
from gateway.store.inbox import Item, Kind, State
from gateway.store.signals import Signal
from gateway.web.console import answers, files
from gateway.web.console.shell import Shell, not_there, refused_in_words
from gateway.web.console.story import findings_of
from gateway.web.guard import actor_of
from gateway.web.languages import chosen

__all__ = ["router"]

_SHOWN = 200
_MOST_LINES = 100


def router(shell: Shell) -> APIRouter:
    """The list, one document, and what is decided about it."""
    routes = APIRouter()

    @routes.get("/inbox")
    def page(request: Request, every: bool = False) -> Response:
        with shell.gateway.database.read() as connection:
            found = inbox.listing(connection, limit=_SHOWN)
        wanted = [item for item in found if every or item.kind is Kind.INVOICE or item.state is State.PARKED]
        context = {
            "items": wanted,
            "waiting": sum(_waits(item) for item in wanted),
            "every": every,
            "more": len(found) == _SHOWN,
        }
        return shell.render(request, "inbox.html", context, section="inbox")

    @routes.get("/inbox/{identifier}")
    def one(request: Request, identifier: str) -> Response:
        language = _language(request)
        with shell.gateway.database.read() as connection:
            item = _item(connection, identifier)
            invoice = _invoice(connection, item)
            findings = findings_of(connection, item.report_digest, invoice, language)
            answer = answers.read(connection, item, language)
            said = _said(connection, item)
        sheet = view(invoice, LANGUAGES[language]) if invoice is not None else None
        left_out = 0
        if sheet is not None:
            left_out = max(0, len(sheet["lines"]) - _MOST_LINES)
            sheet = {**sheet, "lines": sheet["lines"][:_MOST_LINES]}
        context = {
            "item": item,
            "sheet": sheet,
            "left_out": left_out,
            "findings": findings,
            "answer": answer,
            "said": said,
            "waits": _waits(item),
            "acts": actor_of(request).may(Right.ACT_ON_INVOICES),
            "answers": item.kind is Kind.INVOICE and bool(item.invoice_digest),
            "codes": tuple(ResponseCode),
            "reasons": tuple(ReasonCode),
            "actions": tuple(ActionCode),
        }
        return shell.render(request, "inbox_one.html", context, section="inbox")

    @routes.get("/inbox/{identifier}/files/{name}")
    def file(request: Request, identifier: str, name: str) -> Response:
        with shell.gateway.database.read() as connection:
            item = _item(connection, identifier)
            digest = {"document.xml": item.document_digest, "report.json": item.report_digest}.get(name, "")
            if not digest:
                raise not_there()
            found = documents.get(connection, digest)
        media = "application/json" if name == "report.json" else "application/xml"
        return files.download(found.content, media, f"{item.number or item.id[:8]}-{name.partition('.')[0]}")

    @routes.post("/inbox/{identifier}/take")
    def take(request: Request, identifier: str) -> Response:
        with refused_in_words():
            decisions.take(shell.gateway, _found(shell, identifier), by=actor_of(request).label)
        return shell.back(f"/inbox/{identifier}", "taken")

    @routes.post("/inbox/{identifier}/dismiss")
    def dismiss(
        request: Request, identifier: str, reason: Annotated[str, Form(max_length=2000)] = ""
    ) -> Response:
        with refused_in_words():
            item = _found(shell, identifier)
            decisions.dismiss(shell.gateway, item, by=actor_of(request).label, reason=reason)
        return shell.back(f"/inbox/{identifier}", "aside")

    @routes.post("/inbox/{identifier}/respond")
    def respond(
        request: Request,
        identifier: str,
        code: Annotated[ResponseCode, Form()],
        reason: Annotated[str, Form(max_length=3)] = "",
        action: Annotated[str, Form(max_length=3)] = "",
        text: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:
        with refused_in_words():
            responding.respond(
                shell.gateway,
                _found(shell, identifier),
                code,
                reasons=[ReasonCode(reason)] if reason in tuple(ReasonCode) else (),
                actions=[ActionCode(action)] if action in tuple(ActionCode) else (),
                text=text.strip(),
                by=actor_of(request).label,
            )
        return shell.back(f"/inbox/{identifier}", "answered")

    return routes


def _found(shell: Shell, identifier: str) -> Item:
    with shell.gateway.database.read() as connection:
        return _item(connection, identifier)


def _item(connection: Connection, identifier: str) -> Item:
    item = inbox.get(connection, identifier)
    if item is None:
        raise not_there()
    return item


def _said(connection: Connection, item: Item) -> tuple[Signal, ...]:
    """What was answered to the seller, in the order of time."""
    if item.kind is not Kind.INVOICE:
        return ()
    return signals.about(connection, signals.Kind.INVOICE_RESPONSE, item.id)


def _waits(item: Item) -> bool:
    return item.state is State.PARKED and item.due_at is None


def _invoice(connection: Connection, item: Item) -> Invoice | None:
    if not item.invoice_digest:
        return None
    try:
        return ubl.read(documents.get(connection, item.invoice_digest).content)
    except EInvoicingError:  # the page shows what else is known
        return None


def _language(request: Request) -> str:
    session = request.state.session
    own = session.person.language if session is not None else ""
    return chosen(request.headers.get("accept-language", ""), own)
