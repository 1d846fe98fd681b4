"""From the shape of Facturae back to that of EN 16931.

`restore` takes away again whatever `adapt` of `facturae_shape` would add by itself, so that an invoice comes
back as it was.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from formats.errors import DocumentError
from formats.model.invoice import Invoice, Note, SupportingDocument
from formats.model.line import Item, Line, Price
from formats.model.party import Address, Buyer
from formats.model.payment import PaymentInstructions
from formats.model.spain import Centre, Person, Spain, SpanishLineTax, SpanishTax
from formats.model.vat import AllowanceCharge, LineVat, VatBreakdown
from formats.syntaxes import facturae_codes as codes
from formats.syntaxes.facturae_shape import (
    BETWEEN_NOTES,
    CHARGE,
    DISCOUNT,
    adapt,
    is_legal,
    negated_spain,
)
from formats.syntaxes.shaping import cut, negated, said, without_the_given

__all__ = ["restore"]

_ZERO: Final = Decimal(0)


def restore(invoice: Invoice) -> Invoice:
    """What was read, in the shape of EN 16931."""
    spain = invoice.spain or Spain()
    spain = replace(spain, centres=tuple(_own_address(one, invoice.buyer) for one in spain.centres))
    invoice = replace(invoice, spain=spain)
    corrective = spain.invoice_class == "OR"
    total = (invoice.totals.with_vat if invoice.totals else None) or _ZERO
    kind = "389" if spain.document_type == "AF" else "380"
    if corrective:
        kind = "381" if total < 0 else "384"
    categories = [_read_event(line) for line in invoice.lines]
    plain = replace(
        invoice,
        number=f"{spain.series or ''}{invoice.number or ''}" or None,
        type_code=kind,
        vat_currency=None if invoice.vat_currency == invoice.currency else invoice.vat_currency,
        due_date=spain.instalments[0].due_date if spain.instalments else None,
        notes=_split_notes(invoice.notes),
        payment=_read_payment(invoice.payment),
        allowances=tuple(_unnamed(one, DISCOUNT) for one in invoice.allowances),
        charges=tuple(_unnamed(one, CHARGE) for one in invoice.charges),
        documents=tuple(_read_attached(one) for one in invoice.documents),
        lines=tuple(
            _read_line(line, category, number)
            for number, (line, (category, _, _)) in enumerate(
                zip(invoice.lines, categories, strict=True), start=1
            )
        ),
        vat_breakdown=_read_taxes(invoice, categories),
    )
    plain = _with_category_of_allowances(plain)
    if kind == "381":
        plain = replace(negated(plain), spain=negated_spain(spain))
    return replace(plain, spain=_only_what_does_not_follow(plain))


def _whole_name(rest: Person | None, read: Person | None) -> Person | None:
    """The parts of a name are kept together, or not at all."""
    if rest is None or read is None or not (rest.first_name or rest.surname or rest.second_surname):
        return rest
    return replace(rest, first_name=read.first_name, surname=read.surname, second_surname=read.second_surname)


def _own_address(centre: Centre, buyer: Buyer | None) -> Centre:
    """Without the address where it is only the buyer's."""
    address = (buyer.address if buyer else None) or Address()
    theirs = (address.line_1, address.post_code, address.city, address.subdivision)
    if (centre.street, centre.post_code, centre.town, centre.province) != theirs:
        return centre
    return Centre(code=centre.code, role=centre.role, description=centre.description)


def _only_what_does_not_follow(invoice: Invoice) -> Spain | None:
    spain = invoice.spain or Spain()
    bare = replace(
        invoice,
        spain=said(Spain(series=spain.series, withheld=spain.withheld, centres=spain.centres)),
    )
    try:
        given = adapt(bare).spain
    except DocumentError:
        return spain  # not something that we could write
    if given is not None and invoice.is_credit_note:
        given = negated_spain(given)
    rest = without_the_given(replace(spain, series=None, withheld=(), centres=()), given)
    rest = rest or Spain()
    kept = replace(
        rest,
        series=spain.series,
        withheld=spain.withheld,
        centres=spain.centres,
        seller=_whole_name(rest.seller, spain.seller),
        buyer=_whole_name(rest.buyer, spain.buyer),
    )
    found = said(kept)
    return found if isinstance(found, Spain) else None


def _read_event(line: Line) -> tuple[str, str | None, str | None]:
    """Category, reason and code of the reason."""
    vat, spain = line.vat or LineVat(), line.spain or SpanishLineTax()
    text = vat.category
    if text is None:
        special = {code: category for category, code in codes.TAX_TYPES.items()}
        usual = "S" if vat.rate else "Z"
        return special.get(spain.tax_type or "", usual), None, None
    code, _, words = text.partition(" ")
    category = "O" if code == "02" else "E"
    for known, (_, mention) in codes.EVENTS.items():
        if words.startswith(mention):
            category, words = known, words[len(mention) :]
            break
    reason_code: str | None = None
    if words.startswith(" (") and ")" in words:
        reason_code, _, words = words[2:].partition(")")
    return category, cut(words.removeprefix(":"), 2500), reason_code


def _read_line(line: Line, category: str, number: int) -> Line:
    item, price, vat = line.item or Item(), line.price or Price(), line.vat or LineVat()
    spain = line.spain or SpanishLineTax()
    name, _, description = (item.name or "").partition("\n")
    if spain.tax_type == codes.TAX_TYPES.get(category, "01"):
        spain = replace(spain, tax_type=None)
    left = said(spain)
    return replace(
        line,
        identifier=str(number),
        unit=codes.UNITS_BACK.get(line.unit or ""),
        price=price,
        allowances=tuple(_unnamed(one, DISCOUNT) for one in line.allowances),
        charges=tuple(_unnamed(one, CHARGE) for one in line.charges),
        vat=LineVat(category=category, rate=None if category == "O" else vat.rate),
        item=replace(item, name=None if name == "-" else name, description=description or None),
        spain=left if isinstance(left, SpanishLineTax) else None,
    )


def _read_taxes(
    invoice: Invoice, categories: list[tuple[str, str | None, str | None]]
) -> tuple[VatBreakdown, ...]:
    """The rows of the VAT breakdown with the categories of their lines: of several with one rate, the one
    whose lines come to its base, else the first that is left."""
    sums: dict[tuple[str, Decimal], Decimal] = {}
    reasons: dict[str, tuple[str | None, str | None]] = {}
    for line, (category, reason, code) in zip(invoice.lines, categories, strict=True):
        key = (category, (line.vat.rate if line.vat else None) or _ZERO)
        sums[key] = sums.get(key, _ZERO) + (line.net_amount or _ZERO)
        reasons.setdefault(category, (reason, code))
    found = []
    for row in invoice.vat_breakdown:
        spain = row.spain or SpanishTax()
        fitting = [key for key in sums if key[1] == (row.rate or _ZERO)]
        own = {code: category for category, code in codes.TAX_TYPES.items()}.get(spain.tax_type or "")
        if own is not None:
            fitting = [key for key in fitting if key[0] == own]
        else:
            fitting = [key for key in fitting if key[0] not in codes.TAX_TYPES]
        best = next((key for key in fitting if sums[key] == row.taxable_amount), None)
        chosen = best or next(iter(fitting), None)
        if chosen is not None:
            del sums[chosen]
        category = chosen[0] if chosen else own or ("S" if row.rate else "Z")
        reason, code = reasons.get(category, (None, None))
        if spain.tax_type == codes.TAX_TYPES.get(category, "01"):
            spain = replace(spain, tax_type=None)
        left = said(spain)
        found.append(
            replace(
                row,
                category=category,
                rate=None if category == "O" else row.rate,
                exemption_reason=reason,
                exemption_reason_code=code,
                spain=left if isinstance(left, SpanishTax) else None,
            )
        )
    return tuple(found)


def _with_category_of_allowances(invoice: Invoice) -> Invoice:
    """Facturae names no tax for a discount on the whole; with one row of taxes it can only be that."""
    if len(invoice.vat_breakdown) != 1:
        return invoice
    row = invoice.vat_breakdown[0]
    return replace(
        invoice,
        allowances=tuple(
            replace(one, vat_category=row.category, vat_rate=row.rate) for one in invoice.allowances
        ),
        charges=tuple(replace(one, vat_category=row.category, vat_rate=row.rate) for one in invoice.charges),
    )


def _unnamed(one: AllowanceCharge, name: str) -> AllowanceCharge:
    return replace(one, reason=None) if one.reason == name else one


def _read_payment(payment: PaymentInstructions | None) -> PaymentInstructions | None:
    if payment is None:
        return None
    accounts = dict.fromkeys(
        replace(one, service_provider=(one.service_provider or "").removesuffix("XXX") or None)
        for one in payment.credit_transfers
    )
    return replace(
        payment,
        means_code=codes.MEANS_BACK.get(payment.means_code or "", "ZZZ"),
        credit_transfers=tuple(accounts),
    )


def _split_notes(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    found: list[Note] = []
    for note in notes:
        if is_legal(note):
            found.append(note)
            continue
        whole = (f"#{note.subject_code}#" if note.subject_code else "") + (note.text or "")
        for part in whole.split(BETWEEN_NOTES):
            if part.startswith("#") and part[4:5] == "#" and part[1:4].isupper():
                found.append(Note(subject_code=part[1:4], text=part[5:] or None))
            elif part.strip():
                found.append(Note(text=part))
    return tuple(found)


def _read_attached(document: SupportingDocument) -> SupportingDocument:
    reference, _, description = (document.reference or "").partition(": ")
    media = {kind: media for media, kind in reversed(tuple(codes.ATTACHMENTS.items()))}
    return replace(
        document,
        reference=reference or None,
        description=description or None,
        media_type=media.get(document.media_type or "", document.media_type),
    )
