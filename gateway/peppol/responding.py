"""Answering received invoices: what the buyer decides becomes an Invoice Response to the seller.

Source: Peppol Invoice Response 3 (transaction T111).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from connectors.channels.peppol.channel import Peppol
from formats.errors import ConfigError, MalformedDocument
from formats.identifiers import Identifier, electronic_address
from formats.responses import invoice_response
from formats.responses.invoice_response import (
    ActionCode,
    Clarification,
    InvoiceReference,
    InvoiceResponse,
    ReasonCode,
    RespondingParty,
    ResponseCode,
)
from formats.syntaxes import ubl
from gateway.peppol import access_points
from gateway.store import documents, exchanges, journal, signals
from gateway.store.exchanges import Direction
from gateway.store.inbox import Item, Kind
from gateway.wiring import Gateway

__all__ = ["respond"]


def respond(
    gateway: Gateway,
    item: Item,
    code: ResponseCode,
    *,
    reasons: Sequence[ReasonCode] = (),
    actions: Sequence[ActionCode] = (),
    text: str = "",
    by: str,
) -> InvoiceResponse:
    """Queue one answer to a received invoice, with who gave it in the journal.

    Raises ConfigError for what is no invoice, an answer that the rules of the network do not allow, or one
    that would go back behind an earlier one.
    """
    if item.kind is not Kind.INVOICE or not item.invoice_digest:
        raise ConfigError(
            "this is not an invoice that can be answered",
            where=f"inbox, {item.id}",
            fix="gateway inbox lists all",
        )
    channel = _channel(gateway, item)
    with gateway.database.begin() as connection:
        now = gateway.clock()
        invoice = ubl.read(documents.get(connection, item.invoice_digest).content)
        exchange = exchanges.get(connection, Direction.IN, item.peer, item.message_id)
        assert exchange is not None  # noqa: S101  # written in one transaction with the item
        first = True
        clarifications = []
        for reason in reasons:
            clarifications.append(Clarification.reason(reason, text if first else ""))
            first = False
        clarifications += [Clarification.action(action) for action in actions]
        response = InvoiceResponse(
            id=str(uuid.uuid4()),
            issued_on=now.date(),
            sender=RespondingParty(_address(exchange.receiver), item.buyer or "buyer"),
            receiver=RespondingParty(_address(exchange.sender), item.seller or "seller"),
            code=code.value,
            invoice=InvoiceReference(item.number, invoice.type_code or "380", item.issue_date),
            clarifications=tuple(clarifications),
            effective_on=now.date(),
            note=text if not reasons else "",
        )
        try:
            content = invoice_response.write(response)
        except MalformedDocument as error:
            raise ConfigError(
                f"the network does not allow this answer: {error.what}",
                where=f"inbox, {item.number}",
                fix="give a reason for every refusal, question or condition",
            ) from error
        _require_progress(connection, item, response)
        digest = documents.put(connection, content, "application/xml", now=now)
        signals.queue(
            connection,
            message_id=response.id,
            kind=signals.Kind.INVOICE_RESPONSE,
            channel=channel.name,
            sender=exchange.receiver,
            receiver=exchange.sender,
            about=f"{item.id} {code.value} {now:%Y-%m-%dT%H:%M:%S.%f}",
            document_digest=digest,
            now=now,
        )
        data = {"item": item.id, "code": code, "number": item.number, "text": text, "content": digest}
        journal.append(connection, "answered", data, now=now, actor=by)
    return response


def _require_progress(connection: Connection, item: Item, response: InvoiceResponse) -> None:
    for signal in signals.about(connection, signals.Kind.INVOICE_RESPONSE, item.id):
        earlier = invoice_response.read(documents.get(connection, signal.document_digest).content)
        if not invoice_response.may_follow(earlier, response):
            said = invoice_response.name_of("response.code", earlier.code)
            raise ConfigError(
                f"{response.code} cannot follow what the seller was told before: {earlier.code}, {said}",
                where=f"inbox, {item.number}",
                fix="settle what has changed with the seller; the network allows no step back",
            )


def _channel(gateway: Gateway, item: Item) -> Peppol:
    channel = access_points.named(gateway, item.channel)
    if channel is None:
        raise ConfigError(
            f"there is no access point {item.channel} any more",
            where="channels/",
            fix=f"put the file of {item.channel} back",
        )
    return channel


def _address(text: str) -> Identifier:
    return electronic_address(text)
