"""XRechnung 3.0: the German restrictions on EN 16931, for invoices to public buyers, in UBL and in CII.

Identifiers only until KoSIT's rules are added (gateway rules add). The extension and CVD add to the
identifier and are judged by the same rules.

Prepared are what people write in another shape than the standard has it: a Leitweg-ID with blanks, the lines
of cash discounts in BT-20, and electronic addresses (BT-34, BT-49), which the rules demand and which a
Leitweg-ID or an e-mail address gives where there is none. Source: KoSIT, Standard XRechnung 3.0.2 and its
Schematron 2.5.0; Leitweg-ID 2.0.2.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Final

from formats.codelists.leitweg import is_leitweg
from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.party import Contact
from formats.profiles.profile import Profile

__all__ = ["CII", "UBL"]

_DISCOUNT: Final = re.compile(
    r"\s*#\s*(SKONTO|VERZUG)\s*#\s*TAGE\s*=\s*([0-9]+)\s*#\s*PROZENT\s*=\s*([0-9]+)(?:[.,]([0-9]{1,2}))?"
    r"\s*(?:#\s*BASISBETRAG\s*=\s*(-?[0-9]+)(?:[.,]([0-9]{1,2}))?\s*)?#?\s*",
    re.IGNORECASE,
)


def _shape(invoice: Invoice) -> Invoice:
    reference = _leitweg(invoice.buyer_reference)
    seller, buyer = invoice.seller, invoice.buyer
    if seller is not None and seller.electronic_address is None:
        seller = replace(seller, electronic_address=_mail(seller.contact))
    if buyer is not None and buyer.electronic_address is None:
        routed = Identifier(reference, "0204") if reference and is_leitweg(reference) else None
        buyer = replace(buyer, electronic_address=routed or _mail(buyer.contact))
    terms = _discounts(invoice.payment_terms)
    return replace(invoice, buyer_reference=reference, seller=seller, buyer=buyer, payment_terms=terms)


def _leitweg(reference: str | None) -> str | None:
    """A Leitweg-ID without blanks and in capitals; any other reference as it is."""
    compact = "".join((reference or "").split()).upper()
    return compact if is_leitweg(compact) else reference


def _mail(contact: Contact | None) -> Identifier | None:
    return Identifier(contact.email, "EM") if contact is not None and contact.email else None


def _discounts(terms: str | None) -> str | None:
    """Lines of cash discounts and of interest as BR-DE-18 wants them: capitals, two decimals behind a dot,
    each line closed by a line feed. Text that is none of them stays as it is."""
    if terms is None or "#" not in terms:
        return terms
    lines = terms.splitlines()
    found = [_DISCOUNT.fullmatch(line) for line in lines]
    if not any(found):
        return terms
    written = [_discount(match) if match else line for match, line in zip(found, lines, strict=True)]
    closed = "\n".join(written)
    return closed + "\n" if found[-1] else closed


def _discount(match: re.Match[str]) -> str:
    kind, days, whole, part, base, cents = match.groups()
    line = f"#{kind.upper()}#TAGE={days}#PROZENT={whole}.{(part or '').ljust(2, '0')}#"
    return line if base is None else f"{line}BASISBETRAG={base}.{(cents or '').ljust(2, '0')}#"


UBL: Final = Profile(
    key="xrechnung-ubl",
    title="XRechnung 3.0, UBL 2.1",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0",
    business_process="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "xrechnung-ubl"),
    valid_from=date(2024, 2, 1),
    sources=("https://xeinkauf.de/xrechnung/", "https://github.com/itplr-kosit/xrechnung-schematron"),
    also=(":xrechnung",),
    family="xrechnung",
    shape=_shape,
)

CII: Final = replace(
    UBL,
    key="xrechnung-cii",
    title="XRechnung 3.0, CII",
    syntax="cii-d16b",
    rule_packs=("en16931-cii", "xrechnung-cii"),
)
