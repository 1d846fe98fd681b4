"""What kind of buyer an invoice goes to, from the identifiers that it carries.

The first of these that fits decides:

1. what config/mandates.yaml says of one of the buyer's identifiers;
2. public: an identifier under the scheme of a German routing id (0204), a Dutch government number (0190) or
   an Italian office (0201), a Spanish administrative centre (DIR3), or a German routing id with a right check
   digit as BT-10 of a German buyer;
3. consumer: an Italian or Romanian number that only natural persons have, or no VAT number, no registration
   and no electronic address of a business at all;
4. business.

Sources: KoSIT, Leitweg-ID 2.0.2; Logius, OIN; Agenzia delle Entrate (office codes, codice fiscale); RO_CIUS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from formats.codelists.leitweg import is_leitweg
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Buyer
from gateway.mandates import BuyerKind

__all__ = ["KnownKind", "kind_of_buyer"]

_PUBLIC_SCHEMES: Final[Mapping[str, str]] = {
    "0204": "a Leitweg-ID (0204)",
    "0190": "an OIN (0190)",
    "0201": "an Italian office code (0201)",
}
_PERSON_OF_ITALY: Final = re.compile(
    r"(IT:)?(CF:?)?[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9A-Z]{7}", re.IGNORECASE
)
_PERSON_OF_ROMANIA: Final = re.compile(r"[0-9]{13}")
_MAIL: Final = "EM"


@dataclass(frozen=True, slots=True)
class KnownKind:
    """The kind of a buyer, and in words how it is known."""

    kind: BuyerKind
    because: str


def kind_of_buyer(invoice: Invoice, settled: Mapping[str, BuyerKind]) -> KnownKind:
    """The kind of this invoice's buyer. `settled` are the operator's own by identifier, as the invoice writes
    it, with or without its scheme (`0208:0123456749`)."""
    buyer = invoice.buyer or Buyer()
    country = buyer.address.country if buyer.address else None
    for term, identifier in _identifiers(buyer):
        for name in (str(identifier), identifier.value):
            if name in settled:
                return KnownKind(settled[name], f"mandates.yaml says so of {name} ({term})")
    for term, identifier in _identifiers(buyer):
        if told := _PUBLIC_SCHEMES.get(identifier.scheme or ""):
            return KnownKind(BuyerKind.PUBLIC, f"it has {told} in {term}")
    if invoice.spain is not None and country == "ES" and any(centre.code for centre in invoice.spain.centres):
        return KnownKind(BuyerKind.PUBLIC, "it has administrative centres (DIR3)")
    if country == "DE" and invoice.buyer_reference and is_leitweg(invoice.buyer_reference):
        return KnownKind(BuyerKind.PUBLIC, "BT-10 is a Leitweg-ID")
    if buyer.vat_identifier:
        return KnownKind(BuyerKind.BUSINESS, "it has a VAT number (BT-48)")
    person = {"IT": _PERSON_OF_ITALY, "RO": _PERSON_OF_ROMANIA}.get(country or "")
    for term, identifier in _identifiers(buyer):
        if person is not None and person.fullmatch(identifier.value):
            return KnownKind(BuyerKind.CONSUMER, f"{term} is the number of a natural person")
    for term, identifier in _identifiers(buyer):
        if term == "BT-47" or (identifier.scheme and identifier.scheme != _MAIL):
            return KnownKind(BuyerKind.BUSINESS, f"it has a number of a business ({term})")
    return KnownKind(BuyerKind.CONSUMER, "it has no VAT number, no registration and no electronic address")


def _identifiers(buyer: Buyer) -> Iterator[tuple[str, Identifier]]:
    """What names the buyer, with the term that holds it."""
    if buyer.electronic_address is not None:
        yield "BT-49", buyer.electronic_address
    if buyer.legal_registration is not None:
        yield "BT-47", buyer.legal_registration
    if buyer.identifier is not None:
        yield "BT-46", buyer.identifier
    if buyer.vat_identifier:
        yield "BT-48", Identifier(buyer.vat_identifier)
