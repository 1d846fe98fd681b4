"""Lines of FatturaPA: allowances and charges of the document as lines, prices for one unit, and terms without
an element of their own in AltriDatiGestionali under their own names, as the SdI's own conversion has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from formats import money
from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.italy import ItalianCharge, ItalianLine
from formats.model.line import Item, ItemAttribute, Line, Price
from formats.model.vat import AllowanceCharge, LineVat
from formats.syntaxes.fatturapa_codes import CATEGORY_OF
from formats.syntaxes.fatturapa_text import chunks
from formats.syntaxes.fatturapa_vat import nature_of

__all__ = ["flat", "unfolded"]

_ALLOWANCE: Final = "SC"
_CHARGE: Final = "AC"
_DEFAULT_REASON: Final = {_ALLOWANCE: "Sconto", _CHARGE: "Maggiorazione"}
_BETWEEN: Final = " // "
_NOTHING: Final = "-"
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}\Z")
_LONGEST_NAME: Final = 10
_LONGEST_TEXT: Final = 60
_LONGEST_DESCRIPTION: Final = 1000
_UNIT_PRICE: Final = Decimal("0.00000001")
# Terms of document allowances and charges, and of the only allowance or charge of a line.
_TERMS: Final = {
    "BG-20": {"base_amount": "BT-93", "percentage": "BT-94", "reason_code": "BT-98"},
    "BG-21": {"base_amount": "BT-100", "percentage": "BT-101", "reason_code": "BT-105"},
    "BG-27": {"base_amount": "BT-137", "reason": "BT-139", "reason_code": "BT-140"},
    "BG-28": {"base_amount": "BT-142", "reason": "BT-144", "reason_code": "BT-145"},
}
_OUT_OF_SCOPE: Final = "N2.2"
_NUMBERS: Final = frozenset({"base_amount", "percentage"})
_Carried = dict[str, str]


def flat(invoice: Invoice) -> Invoice:
    """The invoice with numbered lines, its allowances and charges among them (but not those to social
    funds)."""
    numbered = all(_is_number(line.identifier) for line in invoice.lines)
    lines = [
        _written(line, line.identifier if numbered else str(position))
        for position, line in enumerate(invoice.lines, 1)
    ]
    last = max((int(line.identifier or 0) for line in lines), default=0)
    reasons = {row.category: row.exemption_reason_code for row in invoice.vat_breakdown}
    funds = tuple(charge for charge in invoice.charges if charge.italy and charge.italy.social_fund)
    others = [(one, _ALLOWANCE) for one in invoice.allowances]
    others += [(one, _CHARGE) for one in invoice.charges if one not in funds]
    for position, (part, kind) in enumerate(others, last + 1):
        nature = nature_of(part.vat_category, reasons.get(part.vat_category), "allowance or charge")
        lines.append(_as_line(part, kind, str(position), nature))
    return replace(invoice, lines=tuple(lines), allowances=(), charges=funds)


def unfolded(invoice: Invoice) -> Invoice:
    """The inverse: allowances and charges of the document taken out of the lines."""
    lines: list[Line] = []
    allowances: list[AllowanceCharge] = []
    charges = list(invoice.charges)
    all_out = all(line.italy is not None and line.italy.nature == _OUT_OF_SCOPE for line in invoice.lines)
    for line in invoice.lines:
        if _is_part(line, all_out=all_out):
            part = _as_part(line)
            (allowances if line.italy and line.italy.kind == _ALLOWANCE else charges).append(part)
        else:
            lines.append(_read(line))
    return replace(invoice, lines=tuple(lines), allowances=tuple(allowances), charges=tuple(charges))


def _is_number(text: str | None) -> bool:
    return text is not None and _NUMBER.match(text) is not None


def _written(line: Line, number: str | None) -> Line:
    item = line.item or Item()
    carried: list[tuple[str, str]] = []

    def carry(term: str, value: str | Decimal | None) -> None:
        if value is not None and (text := value if isinstance(value, str) else money.text(value)).strip():
            carried.extend((term, piece) for piece in chunks(text, _LONGEST_TEXT))

    if number != line.identifier:
        carry("BT-126", line.identifier)
    carry("BT-127", line.note)
    if line.object is not None:
        carry("BT-128", line.object.value)
        carry("BT-128-1", line.object.scheme)
    for parts, group in ((line.allowances, "BG-27"), (line.charges, "BG-28")):
        for attribute, term in _TERMS[group].items() if len(parts) == 1 else ():
            carry(term, getattr(parts[0], attribute))
    said = line.price or Price()
    quantity, price = line.quantity, _unit_price(line)
    if said.net is not None and price != said.net:
        carry("BT-146", said.net)
    carry("BT-147", said.discount)
    carry("BT-148", said.gross)
    carry("BT-149", said.base_quantity)
    carry("BT-150", said.base_quantity_unit)
    if quantity is not None and quantity < 0:
        # The schema has no negative quantities.
        carry("BT-129", quantity)
        if said.net is not None and price == said.net:
            carry("BT-146", said.net)
        quantity, price = -quantity, None if price is None else -price
    carry("BT-159", item.origin_country)
    attributes = [ItemAttribute(name=name, value=text) for name, text in carried]
    for one in item.attributes:
        attributes.extend(_pieces(one))
    return replace(
        line,
        identifier=number,
        note=None,
        object=None,
        quantity=quantity,
        price=None if price is None else Price(net=price),
        vat=replace(line.vat or LineVat(), rate=(line.vat and line.vat.rate) or Decimal(0)),
        item=replace(
            item,
            name=_described(item),
            description=None,
            origin_country=None,
            attributes=tuple(attributes),
        ),
    )


def _unit_price(line: Line) -> Decimal | None:
    price = line.price or Price()
    if price.net is None:
        if line.net_amount is None:
            return None
        quantity = line.quantity or Decimal(1)
        return (line.net_amount / quantity).quantize(_UNIT_PRICE, ROUND_HALF_UP)
    if price.base_quantity in (None, 0, 1):
        exponent = price.net.as_tuple().exponent
        fine = isinstance(exponent, int) and exponent >= -8
        return price.net if fine else price.net.quantize(_UNIT_PRICE, ROUND_HALF_UP)
    return (price.net / (price.base_quantity or 1)).quantize(_UNIT_PRICE, ROUND_HALF_UP)


def _described(item: Item) -> str:
    name, description = (item.name or "").strip(), (item.description or "").strip()
    if not description:
        return name or _NOTHING
    return f"{name}{_BETWEEN}{description}".strip()[:_LONGEST_DESCRIPTION]


def _pieces(attribute: ItemAttribute) -> Iterator[ItemAttribute]:
    """An attribute as it stands, or, where it is too long, in pieces under the names of its two terms."""
    name, value = attribute.name or _NOTHING, attribute.value
    if len(name) <= _LONGEST_NAME and name[:3] != "BT-" and len(value or "") <= _LONGEST_TEXT:
        yield replace(attribute, name=name)
        return
    for term, text in (("BT-160", name), ("BT-161", value or "")):
        for piece in chunks(text, _LONGEST_TEXT):
            yield ItemAttribute(name=term, value=piece)


def _read(line: Line) -> Line:
    item = line.item or Item()
    carried, attributes = _sorted(item.attributes)
    name, between, description = (item.name or "").partition(_BETWEEN.strip())
    if not between:
        name, description = item.name or "", ""
    quantity = _number(carried.get("BT-129"), line.quantity)
    price = Price(
        net=_number(carried.get("BT-146"), line.price.net if line.price else None),
        discount=_number(carried.get("BT-147")),
        gross=_number(carried.get("BT-148")),
        base_quantity=_number(carried.get("BT-149")),
        base_quantity_unit=carried.get("BT-150"),
    )
    read = Item(
        name=None if name.strip() in ("", _NOTHING) else name.strip(),
        description=description.strip() or None,
        seller_identifier=item.seller_identifier,
        buyer_identifier=item.buyer_identifier,
        standard_identifier=item.standard_identifier,
        classifications=item.classifications,
        origin_country=carried.get("BT-159"),
        attributes=attributes,
    )
    marked = carried.get("BT-128")
    return replace(
        line,
        identifier=carried.get("BT-126", line.identifier),
        note=carried.get("BT-127"),
        object=Identifier(marked, carried.get("BT-128-1")) if marked else None,
        quantity=quantity,
        price=None if price == Price() else price,
        allowances=_with_carried(line.allowances, carried, "BG-27"),
        charges=_with_carried(line.charges, carried, "BG-28"),
        item=None if read == Item() else read,
    )


def _sorted(attributes: tuple[ItemAttribute, ...]) -> tuple[_Carried, tuple[ItemAttribute, ...]]:
    """What stands under the name of a term, put together from its pieces, and the other attributes."""
    carried: _Carried = {}
    others: list[ItemAttribute] = []
    before, length = "", 0
    for one in attributes:
        name, value = one.name or "", one.value or ""
        goes_on = name == before and length == _LONGEST_TEXT
        if name == "BT-160":
            if goes_on:
                others[-1] = replace(others[-1], name=(others[-1].name or "") + value)
            else:
                others.append(ItemAttribute(name=value))
        elif name == "BT-161" and others:
            others[-1] = replace(others[-1], value=(others[-1].value or "") + value)
        elif name in _CARRIED:
            carried[name] = carried.get(name, "") + value if goes_on else value
        else:
            others.append(replace(one, name=None if name == _NOTHING else one.name))
        before, length = name, len(value)
    return carried, tuple(others)


_CARRIED: Final = frozenset(
    {
        *("BT-126", "BT-127", "BT-128", "BT-128-1", "BT-129", "BT-146", "BT-147", "BT-148", "BT-149"),
        *("BT-150", "BT-159"),
        *(term for terms in _TERMS.values() for term in terms.values()),
    }
)


def _number(text: str | None, otherwise: Decimal | None = None) -> Decimal | None:
    if text is None:
        return otherwise
    try:
        return money.parse(text)
    except MalformedDocument:
        return otherwise


def _with_carried(
    parts: tuple[AllowanceCharge, ...], carried: _Carried, group: str
) -> tuple[AllowanceCharge, ...]:
    if len(parts) != 1:
        return parts
    return (_completed(parts[0], carried, group),)


def _completed(part: AllowanceCharge, carried: _Carried, group: str) -> AllowanceCharge:
    for attribute, term in _TERMS[group].items():
        if term in carried:
            text = carried[term]
            said: dict[str, Any] = {attribute: _number(text) if attribute in _NUMBERS else text}
            part = replace(part, **said)
    return part


def _as_line(part: AllowanceCharge, kind: str, number: str, nature: str | None) -> Line:
    group = "BG-20" if kind == _ALLOWANCE else "BG-21"
    sign = -1 if kind == _ALLOWANCE else 1
    # With 0 added there is no -0.00.
    amount = None if part.amount is None else sign * part.amount + 0
    attributes = tuple(
        ItemAttribute(name=term, value=value if isinstance(value, str) else money.text(value))
        for attribute, term in _TERMS[group].items()
        if (value := getattr(part, attribute)) is not None
    )
    return Line(
        identifier=number,
        net_amount=amount,
        price=Price(net=amount),
        vat=LineVat(category=part.vat_category, rate=part.vat_rate or Decimal(0)),
        item=Item(name=part.reason or _DEFAULT_REASON[kind], attributes=attributes),
        italy=ItalianLine(kind=kind, nature=nature),
    )


def _is_part(line: Line, *, all_out: bool) -> bool:
    """Whether a line is no more than what `_as_line` makes of an allowance or charge. `all_out`: nothing in
    the invoice is subject to VAT."""
    said = line.italy or ItalianLine()
    if said.kind not in _DEFAULT_REASON or said.withheld or line.net_amount is None or line.price is None:
        return False
    item = line.item or Item()
    group = "BG-20" if said.kind == _ALLOWANCE else "BG-21"
    bare = Line(
        identifier=line.identifier,
        net_amount=line.net_amount,
        price=Price(net=line.net_amount),
        vat=line.vat,
        item=Item(name=item.name, attributes=item.attributes),
        italy=line.italy,
    )
    nature = said.nature
    return (
        line == bare
        and {one.name for one in item.attributes} <= set(_TERMS[group].values())
        and (nature is None or all_out or nature_of(CATEGORY_OF.get(nature, "E"), None, "") == nature)
    )


def _as_part(line: Line) -> AllowanceCharge:
    said, item = line.italy or ItalianLine(), line.item or Item()
    kind = said.kind or _CHARGE
    carried, _ = _sorted(item.attributes)
    reason = None if item.name == _DEFAULT_REASON[kind] else item.name
    part = AllowanceCharge(
        amount=(line.net_amount or Decimal(0)) * (-1 if kind == _ALLOWANCE else 1) + 0,
        reason=reason,
        vat_rate=line.vat.rate if line.vat else None,
        italy=ItalianCharge(nature=said.nature) if said.nature else None,
    )
    return _completed(part, carried, "BG-20" if kind == _ALLOWANCE else "BG-21")
