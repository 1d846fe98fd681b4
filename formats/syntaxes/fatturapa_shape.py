"""The same invoice in the shape of FatturaPA, and back: what no table says.

`adapt` gives national codes where the invoice has only those of EN 16931, lays document allowances and
charges down as lines, and puts what has no element of its own where the Sistema di Interscambio's own
conversion puts it (AltriDatiGestionali under the name of the term, Causale). `restore` undoes it, and keeps a
national value only where `adapt` would not find it again by itself.

Source: SdI, technical rules for European invoices 2.6; Agenzia delle Entrate, technical specification 1.9.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from formats.errors import DocumentError, MalformedDocument
from formats.model.invoice import Invoice, Note, SupportingDocument
from formats.model.italy import ItalianInvoice
from formats.model.party import Address
from formats.model.vat import Totals
from formats.money import round_amount
from formats.syntaxes.fatturapa_codes import DOCUMENT_TYPES, TYPE_OF
from formats.syntaxes.fatturapa_lines import flat, unfolded
from formats.syntaxes.fatturapa_payment import add_payment, take_payment
from formats.syntaxes.fatturapa_references import add_references, take_references
from formats.syntaxes.fatturapa_text import basic, chunks, latin
from formats.syntaxes.fatturapa_vat import with_categories, with_natures

__all__ = ["NO_TAX_NUMBER", "adapt", "derived_number", "is_fiscal_code", "restore"]

# What stands for the number of a foreign buyer who has none.
NO_TAX_NUMBER: Final = "OO99999999999"
_FISCAL_CODE: Final = re.compile(r"[A-Z0-9]{11,16}\Z")
_MOST_LINES: Final = 9999
_CAUSALE: Final = 200
_NOTHING: Final = "-"
_NO_POST_CODE: Final = "00000"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# Terms that stand in Causale, behind these words.
_LABELS: Final = {
    "buyer_reference": "Riferimento acquirente: ",  # BT-10
    "sales_order_reference": "Ordine di vendita: ",  # BT-14
    "payment_terms": "Termini di pagamento: ",  # BT-20
}
# Media type -> ending of the file and FormatoAttachment.
_FORMATS: Final = {
    "application/pdf": "PDF",
    "image/png": "PNG",
    "image/jpeg": "JPG",
    "text/csv": "CSV",
    "application/xml": "XML",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
    "application/vnd.oasis.opendocument.spreadsheet": "ODS",
}


def adapt(invoice: Invoice) -> Invoice:
    """The invoice as FatturaPA says it. Raises MalformedDocument where Italy has no code for what it says,
    DocumentError where the seller's VAT number, the transmitter or the lines are missing."""
    italy = invoice.italy or ItalianInvoice()
    missing = {name: value for name, value in _defaults(invoice).items() if getattr(italy, name) is None}
    shaped = replace(invoice, italy=replace(italy, **missing))
    _refuse_what_cannot_be(shaped)
    shaped = add_payment(add_references(flat(with_natures(shaped))))
    if len(shaped.lines) > _MOST_LINES:
        raise MalformedDocument(
            f"the invoice has {len(shaped.lines)} lines, FatturaPA has room for {_MOST_LINES}",
            where=f"invoice {invoice.number or 'without number'}",
            fix="split it in the ERP",
        )
    elsewhere: dict[str, Any] = dict.fromkeys(_LABELS)
    return replace(
        _with_parties(shaped),
        notes=tuple(_causali(invoice)),
        documents=tuple(_attachment(one) for one in invoice.documents if one.content),
        **elsewhere,
    )


def _refuse_what_cannot_be(invoice: Invoice) -> None:
    """What no document can do without, and nobody can derive."""
    seller, italy = invoice.seller, invoice.italy or ItalianInvoice()
    if seller is None or not seller.vat_identifier:
        raise DocumentError(
            "the seller has no VAT number (IdFiscaleIVA)",
            where="BT-31",
            fix="enter it in the ERP, with the country in front",
        )
    if not italy.transmitter:
        raise DocumentError(
            "nobody is named who transmits the file (IdTrasmittente)",
            where="IT-3",
            fix="name the transmitter, or enter the seller's VAT number in the ERP",
        )
    if not invoice.lines:
        raise DocumentError("there is no invoice line", where="BG-25", fix="FatturaPA wants one at least")


def restore(invoice: Invoice) -> Invoice:
    """What `adapt` has shaped, as EN 16931 says it. Doing it twice changes nothing more."""
    invoice = _with_labels(replace(invoice, notes=_joined(invoice.notes)))
    invoice = _with_names(replace(invoice, type_code=_type_code(invoice)))
    invoice = with_categories(unfolded(take_references(invoice)))
    invoice = take_payment(_with_totals(invoice))
    documents = tuple(_document(one) for one in invoice.documents)
    return _without_empty(without_defaults(replace(invoice, documents=documents)))


def _without_empty(invoice: Invoice) -> Invoice:
    """What says nothing is missing."""
    empty: dict[str, Any] = {
        name: None
        for name in ("seller", "buyer", "delivery", "payment", "totals", "italy")
        if (value := getattr(invoice, name)) is not None and value == type(value)()
    }
    return replace(invoice, **empty)


def without_defaults(invoice: Invoice) -> Invoice:
    """The invoice without the national values that `adapt` finds again."""
    italy = invoice.italy
    if italy is None:
        return invoice
    found: dict[str, Any] = {
        name: None for name, value in _defaults(invoice).items() if getattr(italy, name) == value
    }
    italy = replace(italy, **found)
    return replace(invoice, italy=None if italy == ItalianInvoice() else italy)


def derived_number(invoice: Invoice) -> str:
    """ProgressivoInvio for an invoice that brings none (IT-2): ten letters and digits that are the same
    for the same seller, number and day, and differ for any other."""
    seller = (invoice.seller.vat_identifier if invoice.seller else None) or ""
    day = invoice.issue_date.isoformat() if invoice.issue_date else ""
    value = int.from_bytes(hashlib.sha256(f"{seller}\n{invoice.number or ''}\n{day}".encode()).digest())
    return "".join(_DIGITS[value // 36**place % 36] for place in range(10))


def is_fiscal_code(text: str | None) -> bool:
    """Whether it has the form of a codice fiscale, of a person or a company."""
    return bool(text and _FISCAL_CODE.match(text))


def _defaults(invoice: Invoice) -> dict[str, Any]:
    """IT terms that follow from the others."""
    seller, italy = invoice.seller, invoice.italy or ItalianInvoice()
    tax_number = seller.vat_identifier if seller else None
    if seller and is_fiscal_code(seller.tax_registration):
        tax_number = f"IT{seller.tax_registration}"
    deferred = (
        invoice.type_code == "380"
        and invoice.despatch_advice_reference is not None
        and invoice.delivery is not None
        and invoice.delivery.delivered_on is not None
        and invoice.issue_date is not None
        and invoice.delivery.delivered_on < invoice.issue_date
    )
    plain = DOCUMENT_TYPES.get(invoice.type_code or "", "TD04" if invoice.is_credit_note else "TD01")
    stamp = next((charge.amount for charge in invoice.charges if charge.reason_code == "SAE"), None)
    return {
        # A delivery note before the day of the invoice makes it a deferred one.
        "document_type": "TD24" if deferred else plain,
        "transmission_number": derived_number(invoice),
        "transmitter": tax_number,
        "tax_regime": "RF01",
        "issuer": "CC" if invoice.type_code in ("389", "261") else None,
        "virtual_stamp": "SI" if stamp is not None or italy.stamp_duty is not None else None,
        "stamp_duty": stamp,
    }


def _type_code(invoice: Invoice) -> str | None:
    italy = invoice.italy or ItalianInvoice()
    code = TYPE_OF.get(italy.document_type or "", "380")
    if italy.issuer == "CC":
        return {"380": "389", "381": "261"}.get(code, code)
    return code


def _with_names(invoice: Invoice) -> Invoice:
    """BT-27 and BT-44 of persons."""
    italy = invoice.italy or ItalianInvoice()
    seller, buyer = invoice.seller, invoice.buyer
    if seller is not None and seller.name is None and italy.seller_family_name:
        name = f"{italy.seller_given_name or ''} {italy.seller_family_name}".strip()
        seller = replace(seller, name=name)
    if buyer is not None:
        if buyer.name is None and italy.buyer_family_name:
            name = f"{italy.buyer_given_name or ''} {italy.buyer_family_name}".strip()
            buyer = replace(buyer, name=name)
        if (buyer.vat_identifier or "").endswith(NO_TAX_NUMBER):
            buyer = replace(buyer, vat_identifier=None)
        buyer = replace(buyer, address=_read_address(buyer.address))
    if seller is not None:
        seller = replace(seller, address=_read_address(seller.address))
    delivery = invoice.delivery
    if delivery is not None:
        delivery = replace(delivery, address=_read_address(delivery.address))
    return replace(invoice, seller=seller, buyer=buyer, delivery=delivery)


def _with_parties(invoice: Invoice) -> Invoice:
    italy = invoice.italy or ItalianInvoice()
    seller, buyer, delivery = invoice.seller, invoice.buyer, invoice.delivery
    if seller is not None:
        person = italy.seller_family_name
        fiscal = seller.tax_registration
        legal = seller.legal_registration
        if fiscal is None and legal is not None and legal.scheme in ("0210", "9907"):
            fiscal = legal.value
        seller = replace(
            seller,
            name=None if person else seller.name,
            address=_written_address(seller.address),
            tax_registration=fiscal,
        )
    if buyer is not None:
        country = buyer.address.country if buyer.address else None
        tax_number = buyer.vat_identifier
        if tax_number is None and country not in (None, "IT"):
            tax_number = f"{country}{NO_TAX_NUMBER}"
        buyer = replace(
            buyer,
            name=None if italy.buyer_family_name else buyer.name,
            address=_written_address(buyer.address),
            vat_identifier=tax_number,
        )
    if delivery is not None:
        delivery = replace(delivery, address=_written_address(delivery.address))
    return replace(invoice, seller=seller, buyer=buyer, delivery=delivery)


def _written_address(address: Address | None) -> Address | None:
    if address is None:
        return None
    number = basic(address.line_2 or "").strip()
    if not (number and len(number) <= 8 and number[0].isdigit() and address.line_3 is None):
        number = ""
    parts = (address.line_1, None if number else address.line_2, address.line_3)
    post_code = (address.post_code or "").strip()
    province = (address.subdivision or "").strip().removeprefix("IT-")
    return Address(
        line_1=", ".join(part for part in parts if part) or _NOTHING,
        line_2=number or None,
        city=address.city or _NOTHING,
        post_code=post_code if len(post_code) == 5 and post_code.isdecimal() else _NO_POST_CODE,
        subdivision=province if len(province) == 2 and province.isupper() else None,
        country=address.country,
    )


def _read_address(address: Address | None) -> Address | None:
    if address is None:
        return None
    read = replace(
        address,
        line_1=None if address.line_1 == _NOTHING else address.line_1,
        city=None if address.city == _NOTHING else address.city,
        post_code=None if address.post_code == _NO_POST_CODE else address.post_code,
    )
    return None if read == Address() else read


def _causali(invoice: Invoice) -> Iterator[Note]:
    for attribute, label in _LABELS.items():
        if (value := getattr(invoice, attribute)) and value.strip():
            yield from _pieces(label + value)
    for note in invoice.notes:
        yield from _pieces((f"#{note.subject_code}#" if note.subject_code else "") + (note.text or ""))


def _pieces(text: str) -> Iterator[Note]:
    for piece in chunks(latin(text), _CAUSALE):
        yield Note(text=piece)


def _joined(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """A note of the full length goes on in the next one."""
    found: list[Note] = []
    open_ended = False
    for note in notes:
        length = len(note.text or "") + (len(note.subject_code or "") + 2 if note.subject_code else 0)
        if open_ended:
            found[-1] = replace(found[-1], text=(found[-1].text or "") + (note.text or ""))
        else:
            found.append(note)
        open_ended = length == _CAUSALE
    return tuple(found)


def _with_labels(invoice: Invoice) -> Invoice:
    kept = []
    for note in invoice.notes:
        for attribute, label in _LABELS.items():
            if (note.text or "").startswith(label) and getattr(invoice, attribute) is None:
                said: dict[str, Any] = {attribute: (note.text or "").removeprefix(label)}
                invoice = replace(invoice, **said)
                break
        else:
            kept.append(note)
    return replace(invoice, notes=tuple(kept))


def _with_totals(invoice: Invoice) -> Invoice:
    """BG-22 from lines and VAT breakdown; the total with VAT as it was said."""
    said = invoice.totals or Totals()
    rows, lines, charges = invoice.vat_breakdown, invoice.lines, invoice.charges
    without_vat = sum((row.taxable_amount or Decimal(0) for row in rows), Decimal(0))
    vat = sum((row.tax_amount or Decimal(0) for row in rows), Decimal(0))
    totals = Totals(
        lines=round_amount(sum((line.net_amount or Decimal(0) for line in lines), Decimal(0)))
        if lines
        else None,
        allowances=_sum(invoice.allowances),
        charges=_sum(charges),
        without_vat=without_vat if rows else None,
        vat=vat if rows else None,
        with_vat=said.with_vat if said.with_vat is not None or not rows else without_vat + vat,
        rounding=said.rounding,
    )
    return replace(invoice, totals=totals)


def _sum(parts: Any) -> Decimal | None:
    return sum((part.amount or Decimal(0) for part in parts), Decimal(0)) if parts else None


def _attachment(document: SupportingDocument) -> SupportingDocument:
    name = document.filename or document.reference or "allegato"
    form = _FORMATS.get(document.media_type or "") or name.rpartition(".")[2].upper()[:10]
    return replace(document, filename=name, media_type=form or None)


def _document(read: SupportingDocument) -> SupportingDocument:
    form = (read.media_type or (read.filename or "").rpartition(".")[2]).upper()
    media = next((media for media, known in _FORMATS.items() if known == form), None)
    return replace(read, reference=read.filename, media_type=media)
