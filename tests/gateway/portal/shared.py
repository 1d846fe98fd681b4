"""Invoices that are at their buyer, and links to them."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors.base import SourceDocument
from formats.identifiers import Identifier
from formats.model import (
    Address,
    Buyer,
    Contact,
    CreditTransfer,
    Invoice,
    Item,
    Line,
    LineVat,
    PaymentInstructions,
    Price,
    Seller,
    SupportingDocument,
    Totals,
    VatBreakdown,
)
from formats.syntaxes import ubl
from gateway.pipeline.submission import State
from gateway.portal.links import Links
from gateway.store import documents, submissions
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

EXACT: Final = "exact-vandael"
TWO = Decimal("0.01")


def line(number: int, name: str, quantity: str, price: str, description: str = "") -> Line:
    return Line(
        identifier=str(number),
        quantity=Decimal(quantity),
        unit="C62",
        net_amount=(Decimal(quantity) * Decimal(price)).quantize(TWO),
        price=Price(net=Decimal(price)),
        vat=LineVat(category="S", rate=Decimal(21)),
        item=Item(name=name, description=description or None),
    )


def invoice(
    number: str = "2026-103977",
    *,
    today: date,
    due_in: int | None = 14,
    buyer: str = "Brouwerij De Klaproos NV",
    lines: tuple[Line, ...] = (),
    addressed: bool = True,
    **changes: Any,
) -> Invoice:
    """An invoice over pumps, in euros, payable by transfer."""
    held = lines or (
        line(1, "Dompelpomp DP-210", "2", "1450.00", "Roestvast staal, 400 V, 10 m kabel"),
        line(2, "Slijtring SR-210", "6", "84.50"),
        line(3, "Plaatsing ter plaatse", "4", "82.00"),
    )
    net = sum((one.net_amount or Decimal(0) for one in held), Decimal(0))
    vat = (net * Decimal("0.21")).quantize(TWO)
    values: dict[str, Any] = {
        "number": number,
        "issue_date": today - timedelta(days=16),
        "due_date": today + timedelta(days=due_in) if due_in is not None else None,
        "type_code": "380",
        "currency": "EUR",
        "purchase_order_reference": "PO-2026-0418",
        "payment_terms": "30 days net",
        "seller": Seller(
            name="Veldhoek België NV",
            vat_identifier="BE0731228461",
            electronic_address=Identifier("0731228461", "0208") if addressed else None,
            address=Address(line_1="Havenlaan 9", city="Mechelen", post_code="2800", country="BE"),
            contact=Contact(
                name="Sofie Claes", telephone="+32 15 55 01 20", email="facturatie@veldhoek.example"
            ),
        ),
        "buyer": Buyer(
            name=buyer,
            vat_identifier="BE0894127390",
            electronic_address=Identifier("0894127390", "0208") if addressed else None,
            address=Address(line_1="Kloosterstraat 51", city="Leuven", post_code="3000", country="BE"),
        ),
        "payment": PaymentInstructions(
            means_code="30",
            remittance_information="+++000/2103/97747+++",
            credit_transfers=(CreditTransfer(account="BE71096123456769"),),
        ),
        "lines": held,
        "vat_breakdown": (VatBreakdown(taxable_amount=net, tax_amount=vat, category="S", rate=Decimal(21)),),
        "totals": Totals(lines=net, without_vat=net, vat=vat, with_vat=net + vat, due=net + vat),
        "documents": (
            SupportingDocument(
                reference="88120",
                description="Delivery note 88120",
                content=b"%PDF-1.4 a delivery note",
                media_type="application/pdf",
                filename="levering 88120.pdf",
            ),
        ),
    }
    return Invoice(**{**values, **changes})


def at_buyer(
    gateway: Gateway, one: Invoice, *, source: str = EXACT, state: State = State.DELIVERED
) -> Submission:
    """This invoice, sent and delivered (or as far as `state` says)."""
    now, content = gateway.clock(), ubl.write(one)
    assert one.totals is not None
    with gateway.database.begin() as connection:
        document = SourceDocument(str(uuid.uuid4()), "1", "text/plain", content)
        taken = submissions.receive(connection, source, document, now=now)
        assert taken is not None
        digest = documents.put(connection, content, "application/xml", now=now)
        moved = submissions.move(
            connection,
            taken,
            State.MAPPED,
            "mapped",
            {"mapping": "exact_online 1", "invoice": digest},
            now=now,
            number=one.number,
            buyer=one.buyer.name if one.buyer else "",
            currency=one.currency,
            amount=one.totals.due,
            issue_date=one.issue_date,
            invoice_digest=digest,
        )
        way = (State.CHECKED, State.READY, State.SENDING, State.SENT, State.DELIVERED)
        told = {"profile": "Peppol BIS Billing 3", "channel": "peppol", "document": digest}
        for step in way[: way.index(state) + 1] if state in way else way:
            moved = submissions.move(
                connection, moved, step, step.value, dict(told), now=now, document_digest=digest
            )
        return moved if moved.state is state else _on(connection, moved, state, now)


def _on(connection: Any, moved: Submission, state: State, now: Any) -> Submission:
    if state is State.SUPERSEDED:
        moved = submissions.move(connection, moved, State.REJECTED, "rejected", {}, now=now)
    return submissions.move(connection, moved, state, state.value, {}, now=now)


def share(gateway: Gateway, one: Submission, days: int = 0) -> tuple[PortalLink, str]:
    """A link, and the path of its page."""
    links = Links(gateway)
    with gateway.database.begin() as connection:
        link = links.make(connection, one, by="marit", now=gateway.clock(), days=days)
    return link, f"/p/{links.shown(link)}"


def again(gateway: Gateway, one: Submission) -> Submission:
    """As it is now."""
    with gateway.database.read() as connection:
        return submissions.get(connection, one.id)
