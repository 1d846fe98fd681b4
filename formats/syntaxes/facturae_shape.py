"""An invoice in the shape of Facturae; `facturae_restore` is the way back.

Codes are translated, what the schema demands is filled in, texts are cut to their lengths, a credit note is
written as a correction by differences with negative amounts.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from formats.errors import DocumentError
from formats.model.invoice import Invoice, Note, PrecedingInvoice, SupportingDocument
from formats.model.line import Item, Line, Price
from formats.model.party import Buyer, Contact, Period, Seller
from formats.model.payment import CreditTransfer, DirectDebit, PaymentInstructions
from formats.model.spain import Correction, Instalment, Person, Spain, SpanishLineTax, SpanishTax
from formats.model.vat import AllowanceCharge, LineVat, Totals, VatBreakdown
from formats.syntaxes import facturae_codes as codes
from formats.syntaxes.facturae_kinds import two_decimals
from formats.syntaxes.facturae_parties import tax_number
from formats.syntaxes.kinds import WIDE
from formats.syntaxes.shaping import cut, negated

__all__ = [
    "BETWEEN_NOTES",
    "CHARGE",
    "DISCOUNT",
    "adapt",
    "is_iban",
    "is_legal",
    "is_no_iban",
    "is_no_legal",
    "negated_spain",
]

_ZERO: Final = Decimal(0)
_VERSION: Final = "3.2.2"
_LONGEST_NUMBER: Final = 20
_SHORTEST_ACCOUNT: Final = 5
_LEGAL: Final = "ABL"
BETWEEN_NOTES: Final = "\n\n"
DISCOUNT: Final = "Descuento"
CHARGE: Final = "Cargo"
_EU_CODES: Final = "AT BE BG CY CZ DE DK EE EL ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI"
_EU: Final = frozenset(_EU_CODES.split())
_FINEST: Final = Decimal("0.00000001")


def is_legal(note: Note) -> bool:
    return note.subject_code == _LEGAL


def is_no_legal(note: Note) -> bool:
    return not is_legal(note)


def is_iban(account: str) -> bool:
    return account[:2].isalpha() and account[2:4].isdigit()


def is_no_iban(account: str) -> bool:
    return not is_iban(account)


def adapt(invoice: Invoice) -> Invoice:
    """The invoice as the table writes it. Raises DocumentError for what Facturae cannot say at all."""
    _refuse_what_cannot_be(invoice)
    spain = invoice.spain or Spain()
    if invoice.is_credit_note:
        invoice, spain = negated(invoice), negated_spain(spain)
    invoice = _with_totals(invoice)
    withheld = sum((row.amount or _ZERO for row in spain.withheld), _ZERO)
    spain = _filled(invoice, spain, withheld)
    number = (invoice.number or "").strip()
    if spain.series and number.startswith(spain.series) and len(number) > len(spain.series):
        number = number[len(spain.series) :]
    if not number or len(number) > _LONGEST_NUMBER:
        raise DocumentError(
            f"the number has {len(number)} characters, Facturae wants 1 to {_LONGEST_NUMBER} and as many for "
            "the series before it",
            where="BT-1",
            fix="say what of the number is the series (ES-1), or number Spanish invoices more shortly",
        )
    return replace(
        invoice,
        number=number,
        specification_id=_VERSION,
        spain=replace(spain, batch=spain.batch or _batch(invoice, spain, number)),
        vat_currency=invoice.vat_currency or invoice.currency,
        purchase_order_reference=cut(invoice.purchase_order_reference, 20),
        contract_reference=cut(invoice.contract_reference, 20),
        tender_reference=cut(invoice.tender_reference or invoice.project_reference, 20),
        sales_order_reference=cut(invoice.sales_order_reference, 20),
        despatch_advice_reference=cut(invoice.despatch_advice_reference, 30),
        payment_terms=cut(invoice.payment_terms, 2500),
        notes=_joined_notes(invoice.notes),
        preceding_invoices=tuple(
            replace(one, number=cut(one.number, 40 if spain.invoice_class != "OR" else 20))
            for one in invoice.preceding_invoices[:1]
        ),
        seller=_short_seller(invoice.seller),
        buyer=_short_buyer(invoice.buyer),
        period=_whole_period(invoice.period),
        payment=_payment(invoice.payment) if spain.instalments else None,
        allowances=tuple(_named(one, DISCOUNT) for one in invoice.allowances),
        charges=tuple(_named(one, CHARGE) for one in invoice.charges),
        vat_breakdown=tuple(_tax_row(row) for row in invoice.vat_breakdown)
        or (VatBreakdown(taxable_amount=_ZERO, rate=_ZERO, spain=SpanishTax(tax_type="01")),),
        documents=tuple(one for one in map(_attached, invoice.documents) if one is not None),
        lines=tuple(_line(line, invoice) for line in invoice.lines),
    )


def _refuse_what_cannot_be(invoice: Invoice) -> None:
    if invoice.currency not in codes.CURRENCIES:
        raise DocumentError(
            f"Facturae has no currency {invoice.currency or ''}".rstrip(),
            where="BT-5",
            fix="bill in euros, or in a currency of the format's list",
        )
    if not invoice.lines:
        raise DocumentError("there is no invoice line", where="BG-25", fix="Facturae wants one at least")
    if invoice.issue_date is None:
        raise DocumentError("there is no issue date", where="BT-2", fix="enter it in the ERP")


def _with_totals(invoice: Invoice) -> Invoice:
    """The totals that the schema demands, summed up where the invoice does not say them."""
    totals = invoice.totals or Totals()
    lines = totals.lines
    if lines is None:
        lines = sum((line.net_amount or _ZERO for line in invoice.lines), _ZERO)
    net = totals.without_vat
    if net is None:
        net = lines - (totals.allowances or _ZERO) + (totals.charges or _ZERO)
    vat = totals.vat
    if vat is None:
        vat = sum((row.tax_amount or _ZERO for row in invoice.vat_breakdown), _ZERO)
    with_vat = net + vat if totals.with_vat is None else totals.with_vat
    return replace(invoice, totals=replace(totals, lines=lines, without_vat=net, vat=vat, with_vat=with_vat))


def _filled(invoice: Invoice, spain: Spain, withheld: Decimal) -> Spain:
    kind = {"381": "OR", "384": "OR", "389": "OO"}.get(invoice.type_code or "", "OO")
    kind = spain.invoice_class or ("OR" if invoice.is_credit_note else kind)
    document = spain.document_type or ("AF" if invoice.type_code == "389" else "FC")
    return replace(
        spain,
        document_type=document,
        invoice_class=kind,
        issuer=spain.issuer or ("RE" if document == "AF" else "EM"),
        language=spain.language or "es",
        correction=_correction(invoice, spain) if kind == "OR" else None,
        seller=_person(spain.seller, invoice.seller, "seller", "BT-31"),
        buyer=_person(spain.buyer, invoice.buyer, "buyer", "BT-48"),
        instalments=spain.instalments or _instalments(invoice, withheld),
    )


def _correction(invoice: Invoice, spain: Spain) -> Correction:
    given = spain.correction or Correction()
    first = next(iter(invoice.preceding_invoices), PrecedingInvoice())
    day = first.issue_date or invoice.issue_date
    period = invoice.period or Period()
    return replace(
        given,
        reason=given.reason or "10",
        method=given.method or ("02" if invoice.is_credit_note else "01"),
        period_start=given.period_start or period.start or period.end or day,
        period_end=given.period_end or period.end or period.start or day,
    )


def _instalments(invoice: Invoice, withheld: Decimal) -> tuple[Instalment, ...]:
    if not (invoice.due_date or invoice.payment or invoice.payment_terms):
        return ()
    totals = invoice.totals or Totals()
    due = (totals.with_vat or _ZERO) - (totals.paid or _ZERO) - withheld
    return (Instalment(due_date=invoice.due_date or invoice.issue_date, amount=two_decimals(due)),)


def _person(given: Person | None, party: Seller | Buyer | None, who: str, term: str) -> Person:
    number = tax_number(party, who, term)
    given = given or Person()
    country = party.address.country if party and party.address else None
    prefix = number[:2] if number[:2].isalpha() else (country or "ES")
    if country == "ES" or prefix == "ES":
        prefix = "ES"
    residence = given.residence or ("R" if prefix == "ES" else "U" if prefix in _EU else "E")
    kind = given.kind or ("F" if residence == "R" and _is_natural(number.removeprefix("ES")) else "J")
    if kind != "F":
        return Person(kind=kind, residence=residence)
    first, _, rest = ((party.name if party else None) or "").strip().partition(" ")
    return Person(
        kind=kind,
        residence=residence,
        first_name=cut(given.first_name or first, 40),
        surname=cut(given.surname or (None if given.first_name else rest), 40),
        second_surname=cut(given.second_surname, 40),
    )


def _is_natural(number: str) -> bool:
    """A DNI begins with a digit, a NIE with X, Y or Z; companies have a letter of their own kind."""
    from stdnum.es import cif  # slow to load

    return bool(number) and (number[0].isdigit() or number[0] in "KLMXYZ") and not cif.is_valid(number)


def _batch(invoice: Invoice, spain: Spain, number: str) -> str:
    seller = tax_number(invoice.seller, "seller", "BT-31")
    if spain.seller and spain.seller.residence == "R":
        seller = seller.removeprefix("ES")
    return f"{seller}{number}{spain.series or ''}"[:70]


def _short_seller(seller: Seller | None) -> Seller | None:
    if seller is None:
        return None
    return replace(
        seller,
        name=cut(seller.name, 80),
        trading_name=cut(seller.trading_name, 40),
        legal_information=cut(seller.legal_information, 20),
        contact=_short_contact(seller.contact),
    )


def _short_buyer(buyer: Buyer | None) -> Buyer | None:
    if buyer is None:
        return None
    return replace(
        buyer,
        name=cut(buyer.name, 80),
        trading_name=cut(buyer.trading_name, 40),
        contact=_short_contact(buyer.contact),
    )


def _short_contact(contact: Contact | None) -> Contact | None:
    if contact is None:
        return None
    return Contact(
        name=cut(contact.name, 40), telephone=cut(contact.telephone, 15), email=cut(contact.email, 60)
    )


def _whole_period(period: Period | None) -> Period | None:
    if period is None:
        return None
    return Period(start=period.start or period.end, end=period.end or period.start)


def _payment(payment: PaymentInstructions | None) -> PaymentInstructions:
    payment = payment or PaymentInstructions()
    return replace(
        payment,
        means_code=codes.MEANS.get(payment.means_code or "", "13"),
        remittance_information=cut(payment.remittance_information, 60),
        direct_debit=_debit(payment.direct_debit),
        credit_transfers=tuple(
            _account(one) for one in payment.credit_transfers[:1] if _is_account(one.account)
        ),
    )


def _debit(debit: DirectDebit | None) -> DirectDebit | None:
    account = "".join(((debit.debited_account if debit else None) or "").split())
    return DirectDebit(debited_account=account[:34]) if len(account) >= _SHORTEST_ACCOUNT else None


def _is_account(account: str | None) -> bool:
    return len("".join((account or "").split())) >= _SHORTEST_ACCOUNT


def _account(transfer: CreditTransfer) -> CreditTransfer:
    account = "".join((transfer.account or "").split())[:34]
    bic = "".join((transfer.service_provider or "").split()).upper()
    return CreditTransfer(
        account=account, service_provider=bic.ljust(11, "X") if len(bic) in (8, 11) else None
    )


def _named(one: AllowanceCharge, name: str) -> AllowanceCharge:
    return replace(one, reason=cut(one.reason, 2500) or name)


def _tax_row(row: VatBreakdown) -> VatBreakdown:
    spain = row.spain or SpanishTax()
    tax_type = spain.tax_type or codes.TAX_TYPES.get(row.category or "", "01")
    return replace(
        row,
        taxable_amount=row.taxable_amount or _ZERO,
        rate=row.rate or _ZERO,
        spain=replace(spain, tax_type=tax_type),
    )


def _attached(document: SupportingDocument) -> SupportingDocument | None:
    """None for a file in another format than those of Facturae, and for an address."""
    kind = codes.ATTACHMENTS.get(document.media_type or "")
    if kind is None or not document.content:
        return None
    words = ": ".join(part for part in (document.reference, document.description) if part)
    return SupportingDocument(reference=cut(words, 2500), content=document.content, media_type=kind)


def _joined_notes(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    legal = tuple(Note(subject_code=_LEGAL, text=cut(note.text, 250)) for note in notes if is_legal(note))
    others = [
        (f"#{note.subject_code}#" if note.subject_code else "") + (note.text or "")
        for note in notes
        if is_no_legal(note)
    ]
    text = cut(BETWEEN_NOTES.join(others), 2500)
    return (*legal, Note(text=text)) if text else legal


def _line(line: Line, invoice: Invoice) -> Line:
    item, price, vat = line.item or Item(), line.price or Price(), line.vat or LineVat()
    spain = line.spain or SpanishLineTax()
    tax_type = spain.tax_type or codes.TAX_TYPES.get(vat.category or "", "01")
    words = "\n".join(part for part in (item.name, item.description) if part)
    quantity = Decimal(1) if line.quantity is None else line.quantity
    sequence = line.purchase_order_line
    return replace(
        line,
        purchase_order_line=sequence if sequence and sequence.isdecimal() else None,
        quantity=quantity,
        unit=codes.UNITS.get(line.unit, "05") if line.unit else None,
        net_amount=line.net_amount or _ZERO,
        price=Price(net=_unit_price(price, line, quantity)),
        period=_whole_period(line.period),
        note=cut(line.note, 2500),
        allowances=tuple(_named(one, DISCOUNT) for one in line.allowances),
        charges=tuple(_named(one, CHARGE) for one in line.charges),
        vat=LineVat(category=_event(vat, invoice), rate=vat.rate or _ZERO),
        item=Item(name=cut(words, 2500) or "-", seller_identifier=cut(item.seller_identifier, 20)),
        spain=replace(spain, tax_type=tax_type),
    )


def _unit_price(price: Price, line: Line, quantity: Decimal) -> Decimal:
    """For one unit, to eight decimals; from the amount where there is no price."""
    if price.net is not None:
        base = price.base_quantity
        return price.net if base in (None, _ZERO, Decimal(1)) else _fine(price.net / (base or 1))
    cost = (line.net_amount or _ZERO) + sum((one.amount or _ZERO for one in line.allowances), _ZERO)
    cost -= sum((one.amount or _ZERO for one in line.charges), _ZERO)
    return _fine(cost / quantity) if quantity else _ZERO


def _fine(value: Decimal) -> Decimal:
    return value.quantize(_FINEST, rounding=ROUND_HALF_UP, context=WIDE).normalize(WIDE)


def _event(vat: LineVat, invoice: Invoice) -> str | None:
    """ "01 Operación exenta (VATEX-EU-132): reason" for a category that is not taxed as usual."""
    known = codes.EVENTS.get(vat.category or "")
    if known is None:
        return None
    row = next((row for row in invoice.vat_breakdown if row.category == vat.category), VatBreakdown())
    code, words = known
    words += f" ({row.exemption_reason_code})" if row.exemption_reason_code else ""
    words += f": {row.exemption_reason}" if row.exemption_reason else ""
    return f"{code} {words}"[:2500]


def negated_spain(spain: Spain) -> Spain:
    def minus(value: Decimal | None) -> Decimal | None:
        return -value if value else value

    return replace(
        spain,
        withheld=tuple(
            replace(one, base=minus(one.base), amount=minus(one.amount)) for one in spain.withheld
        ),
        instalments=tuple(replace(one, amount=minus(one.amount)) for one in spain.instalments),
        retention=minus(spain.retention),
    )
