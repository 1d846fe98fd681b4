"""Trying out the routing: which way a buyer's invoice would take, without an invoice.

What the seller's side would put into the invoice is taken as given; of the buyer only what is said here is
there. Whatever else a mandate asks for is told as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from formats.errors import ConfigError
from formats.identifiers import Identifier, electronic_address
from formats.model import Invoice
from formats.model.party import Address, Buyer, Contact, Seller
from gateway.buyer_kinds import KnownKind
from gateway.mandates import BuyerKind
from gateway.pipeline import own_routes, routing
from gateway.pipeline.routing import Decision
from gateway.wiring import Gateway

__all__ = ["Imagined", "tried"]

_GIVEN: Final = Identifier("1", "0199")
_SCHEME: Final = 4


@dataclass(frozen=True, slots=True)
class Imagined:
    """A buyer as somebody describes it; "" for what it has not. `address` is an electronic address and
    `registration` a number with its scheme, as 0208:0123456749; `on` the date of the invoice."""

    source: str
    country: str = ""
    kind: BuyerKind | None = None
    address: str = ""
    vat: str = ""
    registration: str = ""
    number: str = ""
    email: str = ""
    reference: str = ""
    order: str = ""
    name: str = ""
    post_code: str = ""
    on: date | None = None


def tried(connection: Connection, gateway: Gateway, imagined: Imagined) -> Decision:
    """How its invoice could go, with what people decided for it. Raises ConfigError for a source that is not
    there, MalformedDocument for what is no electronic address."""
    if all(spec.name != imagined.source for spec in gateway.settings.sources):
        raise ConfigError(
            f"there is no source {imagined.source[:100]}",
            where="source",
            fix=f"name one of {', '.join(spec.name for spec in gateway.settings.sources)}",
        )
    invoice = _invoice(gateway, imagined)
    own = own_routes.in_force(connection, gateway, imagined.source, invoice)
    kind = KnownKind(imagined.kind, "you say so") if imagined.kind is not None else None
    return routing.decide(gateway.settings, invoice, imagined.source, own, kind=kind)


def _invoice(gateway: Gateway, imagined: Imagined) -> Invoice:
    facts: Mapping[str, Any] = gateway.company(imagined.source)
    place = facts.get("address")
    country = str(place.get("country", "")) if isinstance(place, Mapping) else ""
    buyer = Buyer(
        name=imagined.name or None,
        identifier=Identifier(imagined.number) if imagined.number else None,
        legal_registration=_number(imagined.registration),
        vat_identifier=imagined.vat or None,
        electronic_address=electronic_address(imagined.address) if imagined.address else None,
        address=Address(country=imagined.country or None, post_code=imagined.post_code or None),
        contact=Contact(email=imagined.email) if imagined.email else None,
    )
    seller = Seller(
        name="seller",
        identifiers=(_GIVEN,),
        legal_registration=_GIVEN,
        vat_identifier="given",
        electronic_address=_GIVEN,
        address=Address(country=country or None),
        contact=Contact(name="given", telephone="given", email="given"),
    )
    return Invoice(
        number="given",
        issue_date=imagined.on or gateway.clock().date(),
        buyer_reference=imagined.reference or None,
        purchase_order_reference=imagined.order or None,
        seller=seller,
        buyer=buyer,
    )


def _number(text: str) -> Identifier | None:
    """With its scheme where it begins with one."""
    scheme, colon, value = text.partition(":")
    if colon and len(scheme) == _SCHEME and scheme.isdigit():
        return Identifier(value, scheme)
    return Identifier(text) if text else None
