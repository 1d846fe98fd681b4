"""What a list of invoices is asked for in its address: search, filters, order, place. Whatever cannot be read
narrows nothing and is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import urlencode

from gateway.pipeline.submission import State, Verdict
from gateway.store.finding import Filter, Order

__all__ = ["FIELDS", "SORTED", "Asked", "read"]

FIELDS: Final = ("q", "state", "verdict", "source", "channel", "currency", "least", "most", "from", "to")
# The columns that can be sorted by, and what comes first when somebody asks for one.
SORTED: Final[Mapping[Order, bool]] = {
    Order.NUMBER: False,
    Order.BUYER: False,
    Order.AMOUNT: True,
    Order.ISSUED: True,
    Order.RECEIVED: True,
    Order.CHANGED: True,
}
_LONGEST: Final = 100
_GROUPED: Final = re.compile(r"(?<=\d)[\s'’](?=\d)")
# What parts thousands, by language; a point elsewhere.
_THOUSANDS: Final = {"en": ","}
_STOPPED: Final = (State.PARKED, State.REJECTED, State.DISPUTED)
_OPEN: Final = (
    State.RECEIVED,
    State.MAPPED,
    State.CHECKED,
    State.READY,
    State.SENDING,
    State.SENT,
    State.PARKED,
    State.REJECTED,
)
_SETS: Final[Mapping[str, tuple[State, ...]]] = {"stopped": _STOPPED, "open": _OPEN}


@dataclass(frozen=True, slots=True)
class Asked:
    """One list that was asked for. `fields` are as typed; `wrong` names those that could not be read."""

    fields: Mapping[str, str]
    wanted: Filter
    order: Order
    descending: bool
    after: str
    wrong: tuple[str, ...]

    @property
    def narrowed(self) -> bool:
        return any(self.fields.values())

    def address(self, **changes: str) -> str:
        """The address of this list with changes; "" leaves a field out. A page begins anew unless `after` is
        given."""
        values = {**self.fields, "sort": self.order.value, "down": "1" if self.descending else "0"}
        values |= changes
        kept = {name: value for name, value in values.items() if value}
        if kept.get("sort") == Order.RECEIVED.value and kept.get("down") == "1":
            kept = {name: value for name, value in kept.items() if name not in ("sort", "down")}
        return f"/invoices?{urlencode(kept)}" if kept else "/invoices"

    def question(self) -> str:
        """The query of the address, without the place of a page; "" for all invoices in their usual order."""
        return self.address(after="").partition("?")[2]

    def sorted_by(self, name: str) -> str:
        """The address that sorts by this column: turned round where it is sorted so already."""
        order = Order(name)
        down = not self.descending if order is self.order else SORTED[order]
        return self.address(sort=order.value, down="1" if down else "0")

    def direction(self, name: str) -> str:
        """As `aria-sort` has it; "" for another column."""
        if Order(name) is not self.order:
            return ""
        return "descending" if self.descending else "ascending"


def read(query: Mapping[str, str], sources: tuple[str, ...] | None, language: str = "en") -> Asked:
    """What is asked for, among these sources (None for all), with amounts as they are written in this
    language."""
    fields = {name: query.get(name, "").strip()[:_LONGEST] for name in FIELDS}
    wrong: list[str] = []
    source = fields["source"]
    if source:
        sources = (source,) if sources is None or source in sources else ()
    wanted = Filter(
        sources=sources,
        text=fields["q"],
        states=_states(fields, wrong),
        verdicts=(fields["verdict"],) if fields["verdict"] in {one.value for one in Verdict} else (),
        channels=(fields["channel"],) if fields["channel"] else (),
        currency=fields["currency"].upper()[:3],
        least=_amount(fields, "least", wrong, language),
        most=_amount(fields, "most", wrong, language),
        issued_from=_day(fields, "from", wrong),
        issued_to=_day(fields, "to", wrong),
    )
    sort = query.get("sort", "")
    order = Order(sort) if sort in {one.value for one in Order} else Order.RECEIVED
    down = query.get("down", "1" if SORTED[order] else "0") != "0"
    return Asked(fields, wanted, order, down, query.get("after", "")[:1000], tuple(wrong))


def _states(fields: dict[str, str], wrong: list[str]) -> tuple[State, ...]:
    text = fields["state"]
    if not text:
        return ()
    if text in _SETS:
        return _SETS[text]
    if text in {one.value for one in State}:
        return (State(text),)
    wrong.append("state")
    return ()


def _amount(fields: dict[str, str], name: str, wrong: list[str], language: str) -> Decimal | None:
    text = _plain(_GROUPED.sub("", fields[name]), language)
    if not text:
        return None
    try:
        found = Decimal(text)
        if found.is_finite() and abs(found) < Decimal(10) ** 15:
            return found.quantize(Decimal("0.01"))
    except InvalidOperation:
        pass
    wrong.append(name)
    return None


def _plain(text: str, language: str) -> str:
    """As people type it: 1.234,50 and 1,234.50 and 1234.5 alike. Where only one sign stands, it parts
    thousands if that is what it does in this language and three digits follow, or if it stands twice."""
    if "," in text and "." in text:
        thousands = "," if text.rfind(",") < text.rfind(".") else "."
        return text.replace(thousands, "").replace(",", ".")
    sign = "," if "," in text else "."
    groups = text.lstrip("+-").split(sign)
    by_three = 0 < len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if by_three and (len(groups) > 2 or (len(groups) == 2 and sign == _THOUSANDS.get(language, "."))):
        return text.replace(sign, "")
    return text.replace(",", ".")


def _day(fields: dict[str, str], name: str, wrong: list[str]) -> date | None:
    try:
        return date.fromisoformat(fields[name]) if fields[name] else None
    except ValueError:
        wrong.append(name)
        return None
