"""The QR code that a banking app reads to fill in a credit transfer.

Source: European Payments Council, EPC069-12 version 2.1 (version 002 of the code: the BIC may be left out).
"""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO
from typing import Final

import segno
from stdnum import iban, iso11649

from formats.model.invoice import Invoice
from formats.model.kept_back import payable
from formats.model.payment import CreditTransfer

__all__ = ["payment_code", "payment_text"]

# UNTDID 4461: credit transfers, and "not defined", under which accounts are given as well.
_TRANSFERS: Final = frozenset({None, "1", "30", "31", "42", "58"})
_LEAST: Final = Decimal("0.01")
_MOST: Final = Decimal("999999999.99")
_UTF_8: Final = "1"
_NO_PURPOSE: Final = ""
_MOST_BYTES: Final = 331
_LONGEST_NAME: Final = 70
_LONGEST_TEXT: Final = 140
_BIC: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\Z")
_BLANKS: Final = re.compile(r"\s+")


def payment_code(invoice: Invoice) -> str:
    """The code as the text of an SVG, "" where the rules do not allow one."""
    text = payment_text(invoice)
    if not text:
        return ""
    code = segno.make_qr(text.encode(), error="m", boost_error=False)
    picture = BytesIO()
    code.save(picture, kind="svg", xmldecl=False, omitsize=True, border=0, svgclass=None, lineclass=None)
    return picture.getvalue().decode()


def payment_text(invoice: Invoice) -> str:
    """What the code says of the amount to be paid, "" where the rules do not allow a code.

    It is for euros by credit transfer to an IBAN, from 0.01 to 999,999,999.99, and carries the payment
    reference (BT-83, else the invoice number) whole or not at all: as creditor reference where it is one by
    ISO 11649, else as text of at most 140 characters. A name over 70 characters is cut.
    """
    payment, due = invoice.payment, payable(invoice)
    if payment is None or due is None or invoice.currency != "EUR" or invoice.is_credit_note:
        return ""
    if payment.means_code not in _TRANSFERS or payment.direct_debit or payment.card:
        return ""
    transfer = next((one for one in payment.credit_transfers if iban.is_valid(one.account or "")), None)
    if transfer is None or not _LEAST <= due <= _MOST or due != due.quantize(_LEAST):
        return ""
    said = _line(payment.remittance_information or invoice.number)
    name = _line(_payee(invoice, transfer))[:_LONGEST_NAME].strip()
    if not said or not name or len(said) > _LONGEST_TEXT:
        return ""
    is_reference = iso11649.is_valid(said)
    bank = (transfer.service_provider or "").replace(" ", "")
    lines = (
        *("BCD", "002", _UTF_8, "SCT"),
        bank if _BIC.match(bank) else "",
        name,
        iban.compact(transfer.account or ""),
        f"EUR{due:.2f}",
        _NO_PURPOSE,
        iso11649.compact(said) if is_reference else "",
        "" if is_reference else said,
    )
    text = "\n".join(lines).rstrip("\n")
    return text if len(text.encode()) <= _MOST_BYTES else ""


def _payee(invoice: Invoice, transfer: CreditTransfer) -> str | None:
    payee, seller = invoice.payee, invoice.seller
    return transfer.account_name or (payee.name if payee else None) or (seller.name if seller else None)


def _line(text: str | None) -> str:
    """One line: a line break would end the field."""
    return _BLANKS.sub(" ", text or "").strip()
