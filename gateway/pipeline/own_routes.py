"""Routes that people gave to single buyers: which one holds for an invoice, and what it sets going.

A buyer is known by what the invoice says: electronic address (BT-49), customer number (BT-46), registration
(BT-47), VAT number (BT-48), or name, country and post code where it has none of these. The more exact one
counts where several fit, then the newer one. Days are those of UTC.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection, select

from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Buyer
from gateway.access import four_eyes
from gateway.access.four_eyes import Part
from gateway.access.rights import Actor
from gateway.pipeline import routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.routing import Decision
from gateway.pipeline.submission import HANDED_OVER, State, Verdict
from gateway.settings import Settings
from gateway.store import buyer_routes, journal, submissions
from gateway.store.buyer_routes import LONGEST_VALUE, BuyerRoute, Known
from gateway.store.changes import Change, Kind
from gateway.store.submissions import Submission
from gateway.store.tables import submissions as rows
from gateway.wiring import Gateway

__all__ = [
    "TERMS",
    "decide",
    "decided",
    "holds",
    "in_force",
    "key_of",
    "marks",
    "not_agreed",
    "note",
    "over",
    "own_route",
    "take_effect",
    "wake",
]

#: What a buyer can be known by, the most exact first.
TERMS: Final = ("BT-49", "BT-46", "BT-47", "BT-48", "BT-44")
_NOT_CHOSEN: Final = frozenset({State.RECEIVED, State.MAPPED})
_MOST_WOKEN: Final = 1_000


def marks(invoice: Invoice, source: str) -> tuple[Known, ...]:
    """What the buyer of this invoice is known by, in the order of TERMS. A customer number (BT-46) is one of
    its ERP and says so: "10023 in exact-vandael"."""
    buyer = invoice.buyer or Buyer()
    found = [
        _mark("BT-49", buyer.electronic_address),
        _mark("BT-46", _customer(buyer.identifier, source)),
        _mark("BT-47", buyer.legal_registration),
        _mark("BT-48", Identifier(buyer.vat_identifier) if buyer.vat_identifier else None),
        _name(buyer),
    ]
    return tuple(mark for mark in found if mark is not None and mark.key)


def key_of(value: str) -> str:
    """A value as it is compared: without regard to case, spaces and the way it is written."""
    return "".join(unicodedata.normalize("NFKC", value).casefold().split())


def holds(connection: Connection, settings: Settings, one: BuyerRoute, today: date) -> bool:
    """Whether it is in force: not over, and agreed to by two people where that is asked for."""
    # People agreed to a value; what is compared is made of it.
    if one.over(today) or one.key != key_of(one.value):
        return False
    return not settings.four_eyes or four_eyes.agreed(connection, four_eyes.buyer_route(one))


def own_route(
    connection: Connection, gateway: Gateway, submission: Submission, invoice: Invoice
) -> BuyerRoute | None:
    """What people decided for the buyer of this invoice.

    Once a way was chosen it is what was decided then: the routes that are left to try are counted from it.
    """
    if submission.route or submission.step not in _NOT_CHOSEN:
        return _as_chosen(connection, submission)
    return in_force(connection, gateway, submission.source, invoice)


def in_force(connection: Connection, gateway: Gateway, source: str, invoice: Invoice) -> BuyerRoute | None:
    """What holds today for the buyer of an invoice of this source."""
    company = next((spec.company for spec in gateway.settings.sources if spec.name == source), None)
    if company is None:
        return None
    found = buyer_routes.known(connection, company, marks(invoice, source))
    today = gateway.clock().date()
    fitting = [one for one in found if holds(connection, gateway.settings, one, today)]
    return min(fitting, key=lambda one: TERMS.index(one.term), default=None)


def decide(connection: Connection, gateway: Gateway, submission: Submission, invoice: Invoice) -> Decision:
    """How this invoice may go, with what people decided for its buyer."""
    own = own_route(connection, gateway, submission, invoice)
    return routing.decide(gateway.settings, invoice, submission.source, own)


def not_agreed(connection: Connection, gateway: Gateway) -> tuple[Part, ...]:
    """What waits for a second person: routes that do not hold yet, and ends of some that do."""
    today = gateway.clock().date()
    found = [one for one in buyer_routes.open_ones(connection) if not one.over(today)]
    wanted = [
        four_eyes.buyer_route_end(one) if one.end_asked else four_eyes.buyer_route(one) for one in found
    ]
    return tuple(part for part in wanted if not four_eyes.agreed(connection, part))


def decided(connection: Connection, gateway: Gateway, change: Change, *, by: Actor) -> None:
    """What a decision of a second person sets going, where it is about the route of a buyer."""
    if change.kind is not Kind.ROUTING:
        return
    approved = change.outcome == "approved"
    for one in buyer_routes.open_ones(connection):
        if change.subject != four_eyes.buyer_route(one).subject:
            continue
        if change.digest == four_eyes.buyer_route(one).digest:
            if approved:
                take_effect(connection, gateway, one, by=by)
            else:
                over(connection, gateway, one, f"declined: {change.answer}", by=by)
        elif change.digest == four_eyes.buyer_route_end(one).digest:
            if approved:
                over(connection, gateway, one, one.end_asked or change.reason, by=by)
            else:
                buyer_routes.ask_end(connection, one.id, "")


def take_effect(connection: Connection, gateway: Gateway, one: BuyerRoute, *, by: Actor) -> None:
    """From now on it holds: an earlier one for the same buyer ends, and what waits for a way is tried
    again."""
    today = gateway.clock().date()
    for earlier in buyer_routes.known(connection, one.company, [Known(one.term, one.value, one.key)]):
        if earlier.id != one.id and holds(connection, gateway.settings, earlier, today):
            over(connection, gateway, earlier, f"{one.route} takes its place", by=by)
    wake(connection, gateway, one)


def over(connection: Connection, gateway: Gateway, one: BuyerRoute, reason: str, *, by: Actor) -> bool:
    """End it now; False where it was ended before."""
    if not buyer_routes.end(connection, one.id, by=by.name, reason=reason, now=gateway.clock()):
        return False
    note(connection, gateway, "buyer route ended", one, reason, by=by)
    return True


def note(
    connection: Connection,
    gateway: Gateway,
    event: str,
    one: BuyerRoute,
    reason: str,
    *,
    by: Actor,
    submission: str = "",
) -> None:
    """One entry of the journal about it."""
    told: dict[str, object] = {
        "buyer route": one.id,
        "buyer": one.buyer,
        "known by": f"{one.term} {one.value}",
        "company": one.company,
        "route": one.route,
        "until": one.until.isoformat() if one.until else "",
        "despite mandate": one.despite_mandate,
        "reason": reason,
    }
    journal.append(connection, event, told, now=gateway.clock(), submission=submission, actor=by.label)


def wake(connection: Connection, gateway: Gateway, one: BuyerRoute) -> int:
    """Invoices to this buyer that stopped for want of a way are tried again; how many. At most 1,000 that
    stopped last are looked at."""
    sources = [spec.name for spec in gateway.settings.sources if spec.company == one.company]
    query = (
        select(rows)
        .where(
            rows.c.source.in_(sources),
            rows.c.state == State.PARKED,
            rows.c.verdict == Verdict.ROUTE,
            rows.c.resume_state.not_in(HANDED_OVER),
            rows.c.invoice_digest != "",
        )
        .order_by(rows.c.changed_at.desc())
        .limit(_MOST_WOKEN)
    )
    stopped = [submissions.read_row(row) for row in connection.execute(query)]
    theirs = [
        item.id for item in stopped if _is_theirs(one, marks(invoice_of(connection, item), item.source))
    ]
    return submissions.requeue(connection, theirs, now=gateway.clock()) if theirs else 0


def _is_theirs(one: BuyerRoute, found: Sequence[Known]) -> bool:
    return any((mark.term, mark.key) == (one.term, one.key) for mark in found)


def _as_chosen(connection: Connection, submission: Submission) -> BuyerRoute | None:
    said = ""
    for entry in journal.entries(connection, submission=submission.id):
        if entry.event in ("checked", "rerouted"):
            said = str(json.loads(entry.data).get("own route", ""))
    return buyer_routes.get(connection, said) if said else None


def _mark(term: str, identifier: Identifier | None) -> Known | None:
    if identifier is None or len(str(identifier)) > LONGEST_VALUE:
        return None
    return Known(term, str(identifier), key_of(str(identifier)))


def _customer(identifier: Identifier | None, source: str) -> Identifier | None:
    if identifier is None or identifier.scheme:
        return identifier
    return Identifier(f"{identifier.value} in {source}")


def _name(buyer: Buyer) -> Known | None:
    """A name alone is many people's."""
    place = buyer.address
    if not buyer.name or place is None or not place.country or not place.post_code:
        return None
    value = f"{buyer.name}, {place.country} {place.post_code}"
    return Known("BT-44", value, key_of(value)) if len(value) <= LONGEST_VALUE else None
