"""By what a received invoice is known as the one that came before, however it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from formats.model import Buyer, Invoice, Seller
from gateway.store.invoice_marks import Ground, Mark

__all__ = ["marks_of"]

# UNTDID 1001: the buyer makes these, and numbers them.
_SELF_BILLED: Final = frozenset({"261", "389"})
_COUNTRY: Final = re.compile(r"[A-Z]{2}(?=.)")


def marks_of(invoice: Invoice, sender: str) -> tuple[Mark, ...]:
    """Every ground that the invoice and its sender (scheme::value) give; none without a number.

    Upper and lower case, blanks and punctuation do not count, nor a country before a VAT number. Signs within
    a number part it: 1-11 and 11-1 are two numbers.
    """
    number = "-".join(re.split(r"[\W_]+", _folded(invoice.number or "").strip())).strip("-")
    if not number:
        return ()
    self_billed = invoice.type_code in _SELF_BILLED
    party = invoice.buyer if self_billed else invoice.seller
    found = dict.fromkeys(_grounds(party, sender))
    return tuple(Mark(ground, value, number) for ground, value in found if value)


def _grounds(party: Seller | Buyer | None, sender: str) -> Iterator[tuple[Ground, str]]:
    yield Ground.PARTICIPANT, sender.strip().lower()
    if party is None:
        return
    yield Ground.VAT, _COUNTRY.sub("", _bare(party.vat_identifier or "").upper(), count=1)
    registration = party.legal_registration
    if registration is not None:
        bare = _bare(registration.value)
        yield Ground.REGISTRATION, f"{_bare(registration.scheme or '')}:{bare}" if bare else ""
    yield Ground.NAME, _bare(party.name or "")


def _bare(value: str) -> str:
    return re.sub(r"[\W_]+", "", _folded(value))


def _folded(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()
