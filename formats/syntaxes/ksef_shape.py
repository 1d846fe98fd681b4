"""An invoice in the shape of FA(3), and back: rates translated, annotations that follow from the invoice
filled in, allowances of the whole invoice as lines, a credit note as a correction with negative differences.

`restore` takes away again whatever `adapt` would add by itself, so that an invoice comes back as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from formats.errors import DocumentError
from formats.model.invoice import Invoice
from formats.model.line import Item, Line, Price
from formats.model.party import Period
from formats.model.payment import CreditTransfer
from formats.model.poland import Annotations, Poland, PolishLine
from formats.model.vat import AllowanceCharge, LineVat, Totals, VatBreakdown
from formats.syntaxes import ksef_codes as codes
from formats.syntaxes.shaping import cut, negated, said, without_the_given

__all__ = ["adapt", "restore"]

_ZERO: Final = Decimal(0)
_SHORTEST_ACCOUNT: Final = 10
_VARIANT: Final = "3"
_FIRST_DAY: Final = date(2025, 9, 1)
_WIDE: Final = Context(prec=80)
_FINEST: Final = Decimal("0.00000001")
# Marks in UU_ID the lines that are allowances and charges of the whole invoice.
_ALLOWANCE: Final = "OPUST-"
_CHARGE: Final = "DOPLATA-"
_CORRECTION: Final = "KOR"


def adapt(invoice: Invoice) -> Invoice:
    """The invoice as the table writes it. Raises DocumentError for what FA(3) cannot say at all."""
    if invoice.number is None or invoice.issue_date is None or not invoice.currency:
        raise DocumentError(
            "number, issue date or currency is missing",
            where="BT-1, BT-2, BT-5",
            fix="enter them in the ERP",
        )
    poland = invoice.poland or Poland()
    if invoice.type_code == "384" and not (poland.kind or "").startswith(_CORRECTION):
        raise DocumentError(
            "a corrected invoice (384) states the new amounts, and KSeF wants the differences",
            where="BT-3",
            fix="bill the difference as a credit note (381), or mark it as KOR (PL-1)",
        )
    if invoice.is_credit_note:
        invoice = negated(invoice)
    filled = _filled(invoice, poland)
    if (filled.kind or "").startswith(_CORRECTION) and not invoice.preceding_invoices:
        raise DocumentError(
            "the correction names no invoice that it corrects, which KSeF demands",
            where="BG-3",
            fix="enter the reference to the corrected invoice in the ERP",
        )
    totals = invoice.totals or Totals()
    lines = [
        *invoice.lines,
        *(_line_for(one, number, -1) for number, one in enumerate(invoice.allowances, start=1)),
        *(_line_for(one, number, 1) for number, one in enumerate(invoice.charges, start=1)),
    ]
    return replace(
        invoice,
        specification_id=_VARIANT,
        poland=filled,
        totals=replace(totals, with_vat=totals.with_vat or _ZERO),
        period=None if invoice.delivery and invoice.delivery.delivered_on else _whole_period(invoice),
        vat_breakdown=tuple(
            replace(row, category=codes.SLOTS[_rate_code(row, invoice)]) for row in invoice.vat_breakdown
        ),
        lines=tuple(_line(line, invoice) for line in lines),
        payment=None
        if invoice.payment is None
        else replace(
            invoice.payment,
            credit_transfers=tuple(
                _account(one) for one in invoice.payment.credit_transfers if _is_account(one.account)
            ),
        ),
        notes=tuple(replace(note, text=_collapsed(note.text)) for note in invoice.notes),
    )


def _collapsed(text: str | None) -> str | None:
    return cut(" ".join((text or "").split()), 3500)


def _whole_period(invoice: Invoice) -> Period | None:
    period = invoice.period
    if period is None:
        return None
    return replace(period, start=period.start or period.end, end=period.end or period.start)


def _is_account(account: str | None) -> bool:
    return len("".join((account or "").split())) >= _SHORTEST_ACCOUNT


def _account(transfer: CreditTransfer) -> CreditTransfer:
    bic = "".join((transfer.service_provider or "").split()).upper()
    return replace(
        transfer,
        account="".join((transfer.account or "").split())[:34],
        service_provider=bic if len(bic) in (8, 11) else None,
    )


def _filled(invoice: Invoice, poland: Poland) -> Poland:
    day = max(invoice.issue_date or _FIRST_DAY, _FIRST_DAY)
    return replace(
        poland,
        kind=poland.kind or _kind(invoice, poland),
        created_at=poland.created_at or f"{day.isoformat()}T00:00:00Z",
        local_government="1" if poland.local_government == "1" else "2",
        vat_group="1" if poland.vat_group == "1" else "2",
        annotations=_annotations(invoice, poland.annotations or Annotations()),
    )


def _kind(invoice: Invoice, poland: Poland) -> str:
    if invoice.is_credit_note:
        return _CORRECTION
    if poland.settled:
        return "ROZ"
    return "ZAL" if invoice.type_code == "386" else "VAT"


def _annotations(invoice: Invoice, given: Annotations) -> Annotations:
    rows = [row for row in invoice.vat_breakdown if row.category == "E"]
    margin = codes.MARGINS.get(_margin_reason(invoice) or "")
    exempt = next((row for row in rows if row.exemption_reason_code not in codes.MARGINS), None)
    act = text = None
    if exempt is not None:
        code = exempt.exemption_reason_code or ""
        act = given.exemption_act or ("B" if code.startswith("VATEX-EU") else "A")
        text = given.exemption_text or exempt.exemption_reason or exempt.exemption_reason_code
        if not text:
            raise DocumentError(
                "the invoice is exempt from VAT, and the provision that says so is missing",
                where="BT-120, BT-121",
                fix="enter the reason of the exemption in the ERP",
            )
        text = cut(" ".join(text.split()), 256)
    reverse = any(row.category == "AE" for row in invoice.vat_breakdown)
    return replace(
        given,
        cash_method=given.cash_method or ("1" if invoice.tax_point_code == "432" else None),
        self_billing=given.self_billing or ("1" if invoice.type_code in ("389", "261") else None),
        reverse_charge=given.reverse_charge or ("1" if reverse else None),
        exemption_act=act,
        exemption_text=text,
        margin=given.margin or margin,
    )


def _is_domestic(invoice: Invoice) -> bool:
    buyer = invoice.buyer
    number = (buyer.vat_identifier if buyer else None) or ""
    country = buyer.address.country if buyer and buyer.address else None
    return number[:2].upper() == "PL" or (country in ("PL", None) and not number[:2].isalpha())


def _code(category: str | None, rate: Decimal | None, invoice: Invoice, reason: str | None = None) -> str:
    """P_12. Raises DocumentError for a rate that Poland does not have."""
    if category == "AE":
        return "oo" if _is_domestic(invoice) else "np II"
    if category == "E" and reason in codes.MARGINS:
        return "margin"
    for code, (known, percent) in codes.RATES.items():
        if category == known and (percent is None or Decimal(percent) == (rate or _ZERO)):
            return code
    oss = {line.poland.oss_rate for line in invoice.lines if line.poland}
    if category == "S" and rate in oss:
        return "oss"
    raise DocumentError(
        f"KSeF has no VAT category {category or 'none'} with the rate {rate if rate is not None else 'none'}",
        where="BT-118, BT-119",
        fix="use a Polish rate, or say that it is a rate of the one-stop shop (PL-63)",
    )


def _rate_code(row: VatBreakdown, invoice: Invoice) -> str:
    return _code(row.category, row.rate, invoice, row.exemption_reason_code)


def _margin_reason(invoice: Invoice) -> str | None:
    rows = [row for row in invoice.vat_breakdown if row.category == "E"]
    return next(
        (row.exemption_reason_code for row in rows if row.exemption_reason_code in codes.MARGINS), None
    )


def _line(line: Line, invoice: Invoice) -> Line:
    vat, price, poland = line.vat or LineVat(), line.price or Price(), line.poland or PolishLine()
    code = poland.rate or _code(vat.category, vat.rate, invoice, _margin_reason(invoice))
    if code == "oss" and poland.oss_rate is None:
        poland = replace(poland, oss_rate=vat.rate)
    return replace(
        line,
        unit=codes.UNITS.get(line.unit, line.unit) if line.unit else None,
        price=replace(price, net=_unit_price(price)),
        poland=replace(poland, rate=None if code in ("margin", "oss") else code),
    )


def _unit_price(price: Price) -> Decimal | None:
    base = price.base_quantity
    if price.net is None or base in (None, _ZERO, Decimal(1)):
        return price.net
    fine = (price.net / (base or 1)).quantize(_FINEST, rounding=ROUND_HALF_UP, context=_WIDE)
    return fine.normalize(_WIDE)


def _line_for(one: AllowanceCharge, number: int, sign: int) -> Line:
    """FA(3) has no allowance on the whole: it is a line of its own."""
    amount = (one.amount or _ZERO) * sign
    return Line(
        identifier=f"{_ALLOWANCE if sign < 0 else _CHARGE}{number}",
        quantity=Decimal(1),
        net_amount=amount,
        price=Price(net=amount),
        vat=LineVat(category=one.vat_category, rate=one.vat_rate),
        item=Item(name=one.reason or ("Rabat" if sign < 0 else "Opłata dodatkowa")),
    )


def restore(invoice: Invoice) -> Invoice:
    """What was read, in the shape of EN 16931."""
    poland = invoice.poland or Poland()
    totals = invoice.totals or Totals()
    poland = replace(
        poland,
        local_government="1" if poland.local_government == "1" else None,
        vat_group="1" if poland.vat_group == "1" else None,
    )
    margin = poland.annotations.margin if poland.annotations else None
    read = [_read_line(line, margin is not None) for line in invoice.lines]
    allowances = tuple(
        _allowance(line, -1) for line in read if (line.identifier or "").startswith(_ALLOWANCE)
    )
    charges = tuple(_allowance(line, 1) for line in read if (line.identifier or "").startswith(_CHARGE))
    lines = tuple(line for line in read if not (line.identifier or "").startswith((_ALLOWANCE, _CHARGE)))
    plain = replace(
        invoice,
        type_code=_type_code(poland, totals),
        lines=lines,
        allowances=allowances,
        charges=charges,
        vat_breakdown=_read_sums(invoice, poland),
        totals=_read_totals(totals, lines, allowances, charges, invoice.vat_breakdown),
    )
    if plain.is_credit_note:
        plain = negated(plain)
    return replace(plain, poland=_only_what_does_not_follow(replace(plain, poland=poland)))


def _type_code(poland: Poland, totals: Totals) -> str:
    kind = poland.kind or "VAT"
    if kind.startswith(_CORRECTION):
        return "381" if (totals.with_vat or _ZERO) < 0 else "384"
    if poland.annotations and poland.annotations.self_billing:
        return "389"
    return "386" if kind == "ZAL" else "380"


def _only_what_does_not_follow(invoice: Invoice) -> Poland | None:
    poland = invoice.poland or Poland()
    bare = replace(invoice, poland=said(Poland(settled=poland.settled)))
    if invoice.type_code == "384":
        return poland
    try:
        given = adapt(bare).poland
    except DocumentError:
        return poland  # not something that we could write
    if given is not None:
        given = replace(given, local_government=None, vat_group=None)
    rest = without_the_given(replace(poland, settled=()), given)
    found = said(replace(rest or Poland(), settled=poland.settled))
    return found if isinstance(found, Poland) else None


def _read_line(line: Line, margin: bool) -> Line:
    poland = line.poland or PolishLine()
    category: str | None
    rate: Decimal | None
    if poland.rate in codes.RATES:
        category, percent = codes.RATES[poland.rate or ""]
        rate = None if percent is None else Decimal(percent)
    elif poland.oss_rate is not None:
        category, rate = "S", poland.oss_rate
    else:
        category, rate = ("E", _ZERO) if margin else (None, None)
    left = said(replace(poland, rate=None, oss_rate=poland.oss_rate))
    price = line.price
    if line.net_amount is None and poland.gross_amount is not None and rate is not None and rate >= 0:
        # Calculated from prices with VAT: the net follows.
        net = (poland.gross_amount * 100 / (100 + rate)).quantize(
            Decimal("0.01"), rounding=ROUND_HALF_UP, context=_WIDE
        )
        line = replace(line, net_amount=net)
    return replace(
        line,
        unit=codes.UNITS_BACK.get(line.unit or "", line.unit),
        price=price,
        vat=said(LineVat(category=category, rate=rate)),
        poland=left if isinstance(left, PolishLine) else None,
    )


def _allowance(line: Line, sign: int) -> AllowanceCharge:
    vat, item = line.vat or LineVat(), line.item or Item()
    name = "Rabat" if sign < 0 else "Opłata dodatkowa"
    return AllowanceCharge(
        amount=(line.net_amount or _ZERO) * sign,
        vat_category=vat.category,
        vat_rate=vat.rate,
        reason=None if item.name == name else item.name,
    )


def _read_sums(invoice: Invoice, poland: Poland) -> tuple[VatBreakdown, ...]:
    rates = {line.poland.rate for line in invoice.lines if line.poland and line.poland.rate}
    oss = {line.poland.oss_rate for line in invoice.lines if line.poland and line.poland.oss_rate is not None}
    annotations = poland.annotations or Annotations()
    found = []
    rate: Decimal | None
    for row in invoice.vat_breakdown:
        slot = row.category or "1"
        code = next((code for code in sorted(rates, reverse=True) if codes.SLOTS.get(code) == slot), None)
        code = code or codes.SLOT_RATES[slot]
        reason = reason_code = None
        if code == "margin":
            category, rate = "E", _ZERO
            reason_code = next(
                (vatex for vatex, kind in codes.MARGINS.items() if kind == annotations.margin), None
            )
        elif code == "oss":
            category, rate = "S", next(iter(sorted(oss)), _ZERO)
        else:
            category, percent = codes.RATES[code]
            rate = None if percent is None else Decimal(percent)
        if code == codes.EXEMPT:
            text = annotations.exemption_text
            is_code = (text or "").startswith("VATEX-")
            reason, reason_code = (None, text) if is_code else (text, None)
        found.append(
            replace(
                row, category=category, rate=rate, exemption_reason=reason, exemption_reason_code=reason_code
            )
        )
    return tuple(found)


def _read_totals(
    totals: Totals,
    lines: tuple[Line, ...],
    allowances: tuple[AllowanceCharge, ...],
    charges: tuple[AllowanceCharge, ...],
    rows: tuple[VatBreakdown, ...],
) -> Totals:
    """FA(3) says the gross total and the sums of each rate; the other totals follow."""

    def total(amounts: Iterator[Decimal | None]) -> Decimal:
        return sum((amount or _ZERO for amount in amounts), _ZERO)

    net = total(row.taxable_amount for row in rows)
    with_vat = totals.with_vat
    due = totals.due
    if due is None and with_vat is not None:
        due = with_vat - (totals.paid or _ZERO)
    return replace(
        totals,
        lines=total(line.net_amount for line in lines),
        allowances=total(one.amount for one in allowances) if allowances else None,
        charges=total(one.amount for one in charges) if charges else None,
        without_vat=net,
        vat=totals.vat or _ZERO,
        due=due,
    )
