"""FA(3): the sums of each rate, settlement and payment."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from lxml import etree

from formats.errors import DocumentError
from formats.model.invoice import Invoice
from formats.syntaxes import ksef_codes as codes
from formats.syntaxes.kinds import DATE
from formats.syntaxes.ksef_kinds import AMOUNT, collapsed, f, find, put, tag, text_in
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["MEANS", "PAID", "SETTLEMENT", "SUMS"]

_ZERO: Final = Decimal(0)
_CENT: Final = Decimal("0.01")
_WIDE: Final = Context(prec=80)
_ROUNDING: Final = "Zaokrąglenie"


# The sums of each rate. The shape has put the number of the sums into BT-118.


def _write_sums(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for row in invoice.vat_breakdown:
        base, tax = sums.get(row.category or "", (_ZERO, _ZERO))
        sums[row.category or ""] = (base + (row.taxable_amount or _ZERO), tax + (row.tax_amount or _ZERO))
    in_zloty = _in_zloty(
        invoice, {slot: tax for slot, (_, tax) in sums.items() if slot in ("1", "2", "3", "4")}
    )
    for slot in codes.SLOT_RATES:
        if slot not in sums:
            continue
        base, tax = sums[slot]
        put(parent, f"P_13_{slot}", AMOUNT.text(base))
        if slot in ("1", "2", "3", "4", "5"):
            put(parent, f"P_14_{slot}", AMOUNT.text(tax))
        if slot in in_zloty:
            put(parent, f"P_14_{slot}W", AMOUNT.text(in_zloty[slot]))
    return True


def _in_zloty(invoice: Invoice, taxes: dict[str, Decimal]) -> dict[str, Decimal]:
    """BT-111 shared out over the rates; the last one takes what rounding leaves."""
    total = sum(taxes.values(), _ZERO)
    given = invoice.totals.vat_in_vat_currency if invoice.totals else None
    if invoice.currency == "PLN" or not taxes:
        return {}
    if given is None or invoice.vat_currency != "PLN":
        if not total:
            return {}
        raise DocumentError(
            f"the invoice is in {invoice.currency}, and the VAT in zloty is missing",
            where="BT-6, BT-111",
            fix="state PLN as the currency of the VAT and the total VAT in it",
        )
    shares: dict[str, Decimal] = {}
    for slot, tax in taxes.items():
        share = given * tax / total if total else _ZERO
        shares[slot] = share.quantize(_CENT, rounding=ROUND_HALF_UP, context=_WIDE)
    last = list(shares)[-1]
    shares[last] += given - sum(shares.values(), _ZERO)
    return shares


def _read_sums(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    in_zloty: Decimal | None = None
    tax_total = _ZERO
    last: etree._Element | None = None
    marked: etree._Element | None = None
    for slot in codes.SLOT_RATES:
        base = find(parent, f"P_13_{slot}")
        if base is None:
            continue
        below = reader.open("BG-23", scope)
        reader.say(base, "BT-116", AMOUNT.read(base), below)
        reader.say(base, "BT-118", slot, below)
        tax = find(parent, f"P_14_{slot}")
        amount = _ZERO if tax is None else AMOUNT.read(tax)
        reader.say(base if tax is None else tax, "BT-117", amount, below)
        tax_total += amount or _ZERO
        last = base if tax is None else tax
        zloty = find(parent, f"P_14_{slot}W")
        if zloty is not None:
            marked = zloty
            reader.used.add(zloty)
            in_zloty = (in_zloty or _ZERO) + (AMOUNT.read(zloty) or _ZERO)
    if marked is not None:
        reader.say(marked, "BT-111", in_zloty, scope)
        reader.say(marked, "BT-6", "PLN", scope)
    if last is not None:
        reader.say(last, "BT-110", tax_total, scope)


SUMS: Final = Part(
    {
        "BT-116": f("P_13_1"),
        "BT-117": f("P_14_1"),
        "BT-118": f("P_13_1"),
        "BT-119": f("P_13_1"),
        "BT-111": f("P_14_1W"),
        "BT-110": f("P_14_1"),
    },
    _write_sums,
    _read_sums,
)


# Settlement and payment.


def _write_settlement(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    totals = writer.invoice.totals
    if totals is None or totals.due is None or totals.due == totals.with_vat:
        return False
    inner = etree.SubElement(parent, tag("Rozliczenie"))
    rounding = Decimal(AMOUNT.text(totals.rounding or _ZERO))
    if rounding:
        name = "Obciazenia" if rounding > 0 else "Odliczenia"
        row = etree.SubElement(inner, tag(name))
        put(row, "Kwota", AMOUNT.text(abs(rounding)))
        put(row, "Powod", _ROUNDING)
        put(inner, "SumaObciazen" if rounding > 0 else "SumaOdliczen", AMOUNT.text(abs(rounding)))
    put(inner, "DoZaplaty", AMOUNT.text(totals.due))
    return True


def _read_settlement(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = find(parent, "Rozliczenie")
    if inner is None:
        return
    for name, sign in (("Obciazenia", 1), ("Odliczenia", -1)):
        for row in inner.iterchildren(tag(name)):
            amount = find(row, "Kwota")
            if amount is not None and text_in(row, "Powod") == _ROUNDING:
                reader.say(amount, "BT-114", (AMOUNT.read(amount) or _ZERO) * sign, scope)
                reader.used.update(row.iter())
    reader.used.update(inner.iterchildren(tag("SumaObciazen"), tag("SumaOdliczen")))
    due = find(inner, "DoZaplaty")
    if due is not None:
        reader.say(due, "BT-115", AMOUNT.read(due), scope)


SETTLEMENT: Final = Part(
    {"BT-114": f("Rozliczenie/Obciazenia/Kwota"), "BT-115": f("Rozliczenie/DoZaplaty")},
    _write_settlement,
    _read_settlement,
)


def _write_paid(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice, totals = writer.invoice, writer.invoice.totals
    # A part of a cent cannot be said here, and was not paid either.
    if totals is None or not totals.paid or not Decimal(AMOUNT.text(totals.paid)):
        return False
    day = (invoice.poland.paid_on if invoice.poland else None) or invoice.issue_date
    when = day.isoformat() if day else None
    if totals.paid == totals.with_vat:
        put(parent, "Zaplacono", "1")
        put(parent, "DataZaplaty", when)
    else:
        put(parent, "ZnacznikZaplatyCzesciowej", "1")
        inner = etree.SubElement(parent, tag("ZaplataCzesciowa"))
        put(inner, "KwotaZaplatyCzesciowej", AMOUNT.text(totals.paid))
        put(inner, "DataZaplatyCzesciowej", when)
    return True


def _read_paid(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    amount: Decimal | None = None
    if text_in(parent, "Zaplacono") == "1":
        total = parent.getparent()
        whole = None if total is None else find(total, "P_15")
        amount = None if whole is None else AMOUNT.read(whole)
    place = find(parent, "Zaplacono")
    reader.used.update(parent.iterchildren(tag("Zaplacono"), tag("ZnacznikZaplatyCzesciowej")))
    day = find(parent, "DataZaplaty")
    for row in parent.iterchildren(tag("ZaplataCzesciowa")):
        part = find(row, "KwotaZaplatyCzesciowej")
        if part is not None:
            amount = (amount or _ZERO) + (AMOUNT.read(part) or _ZERO)
            place = part
            reader.used.add(part)
        if day is None:
            day = find(row, "DataZaplatyCzesciowej")
    if amount is not None and place is not None:
        reader.say(place, "BT-113", amount, scope)
    if day is not None:
        reader.say(day, "PL-13", DATE.read(day), scope)


PAID: Final = Part(
    {"BT-113": f("ZaplataCzesciowa/KwotaZaplatyCzesciowej"), "PL-13": f("DataZaplaty")},
    _write_paid,
    _read_paid,
)


def _write_means(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    payment = writer.invoice.payment
    if payment is None or not (payment.means_code or payment.means_text):
        return False
    form = codes.MEANS.get(payment.means_code or "")
    if form is not None:
        put(parent, "FormaPlatnosci", form)
        return True
    put(parent, "PlatnoscInna", "1")
    words = " ".join(part for part in (payment.means_code, payment.means_text) if part)
    put(parent, "OpisPlatnosci", collapsed(words, 256))
    return True


def _read_means(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    form, other = find(parent, "FormaPlatnosci"), find(parent, "OpisPlatnosci")
    if form is not None:
        code = codes.MEANS_BACK.get(text_in(parent, "FormaPlatnosci") or "", "ZZZ")
        reader.say(form, "BT-81", code, scope)
    if other is not None:
        reader.used.update(parent.iterchildren(tag("PlatnoscInna")))
        code, _, words = (text_in(parent, "OpisPlatnosci") or "").partition(" ")
        known = code == "ZZZ" or (code.isdecimal() and len(code) <= 3)
        reader.say(other, "BT-81", code if known else "ZZZ", scope)
        reader.say(other, "BT-82", (words if known else text_in(parent, "OpisPlatnosci")) or None, scope)


MEANS: Final = Part({"BT-81": f("FormaPlatnosci"), "BT-82": f("OpisPlatnosci")}, _write_means, _read_means)
