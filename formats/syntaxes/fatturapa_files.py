"""Names of files for the Sistema di Interscambio, which knows a file by its name for ever.

Source: Agenzia delle Entrate, technical specification 1.9, naming of files.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from formats.errors import MalformedDocument
from formats.model.invoice import Invoice
from formats.model.italy import ItalianInvoice
from formats.syntaxes.fatturapa_kinds import split_tax_number
from formats.syntaxes.fatturapa_shape import adapt

__all__ = ["file_name", "numbered", "progressive", "transmitter"]

_PROGRESSIVE: Final = re.compile(r"[A-Za-z0-9]{1,5}\Z")
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST: Final = len(_DIGITS) ** 5


def progressive(count: int) -> str:
    """The part of a file name for the n-th file of a transmitter, from 1: 00001 ... 0000Z, 00010.

    Five letters and digits name 60,466,175 files. Raises ValueError outside of that.
    """
    if not 0 < count < _MOST:
        raise ValueError(f"{count} is not between 1 and {_MOST - 1}")
    return "".join(_DIGITS[count // len(_DIGITS) ** place % len(_DIGITS)] for place in (4, 3, 2, 1, 0))


def transmitter(invoice: Invoice) -> str:
    """Who sends the file: IT-3, else the seller; "" where nobody is named."""
    italy = adapt(invoice).italy
    return (italy.transmitter if italy else None) or ""


def numbered(invoice: Invoice, number: str) -> Invoice:
    """The invoice with `number` as that of its transmission (IT-2), where it has none of its own."""
    italy = invoice.italy or ItalianInvoice()
    if italy.transmission_number is not None:
        return invoice
    return replace(invoice, italy=replace(italy, transmission_number=number))


def file_name(invoice: Invoice, number: str, signature: str = "") -> str:
    """`IT01234567890_00001.xml`, and what the signature profile of this key adds to it (.p7m for CAdES).

    The transmitter is IT-3, else the seller. `number` is 1 to 5 letters and digits, never used before by the
    transmitter, in whatever case; a file that was refused gets a new one. Raises MalformedDocument for any
    other, and for an invoice without a transmitter.
    """
    sender = transmitter(invoice)
    if not sender:
        raise MalformedDocument(
            "nobody is named who transmits the file",
            where=f"invoice {invoice.number or 'without number'}",
            fix="give the seller's VAT number (BT-31) or the transmitter (IT-3)",
        )
    if not _PROGRESSIVE.match(number):
        raise MalformedDocument(
            f"{number[:20]!r} cannot be the number of a file",
            where="name of the FatturaPA file",
            fix="use one to five letters and digits",
        )
    country, code = split_tax_number(sender)
    if not signature:
        return f"{country}{code}_{number}.xml"
    from formats.signatures import profiles  # slow to load

    return f"{country}{code}_{number}{profiles.named(signature).ending}"
