"""The trial of the kind tryton: a real Tryton behind a door that plays faults, and the clerk there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from connectors.base import Attachment, PurchaseInvoice
from connectors.sandbox.tryton import TrytonBehindFaults
from connectors.sandbox.tryton_server import DATABASE, PRODUCT, USER
from formats.model import Invoice
from formats.model.line import Item, Line, Price
from formats.model.party import Seller
from formats.model.vat import LineVat, Totals

__all__ = ["Trial"]

_SUPPLIER: Final = {
    "name": "Zeilmakerij Oost B.V.",
    "vat": "NL810433904B01",
    "street": "Kade 3",
    "postal_code": "8011 PL",
    "city": "Zwolle",
}

_PLACES: Final[Mapping[str, str]] = {
    "list": r"model\.account\.invoice\.search_read",
    "read": r"model\.company\.company\.search_read",
    "write": r"model\.ir\.note\.create",
}


class Trial:
    """One company with small pages."""

    def __init__(self) -> None:
        self.system = TrytonBehindFaults()
        self._model: dict[str, Any] = {}

    def settings(self) -> Mapping[str, object]:
        return {
            "base_url": self.system.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "password": "file:secrets/tryton_password",
            "company": self.system.company,
            "first_day": self.system.first_day,
            "invoices_per_page": 4,
            "purchase_account": "5.1.1",
            "payable_account": "2.1.1",
            # A real server on a busy machine: a few seconds of silence mean nothing yet.
            "read_seconds": 30.0,
        }

    def place(self, action: str) -> str:
        return _PLACES[action]

    def add(self, count: int) -> tuple[str, ...]:
        first = self._model or self.system.invoice(
            [PRODUCT, "2", "40", "21 %"], ["Montage", "1", "20", "9 %"]
        )
        made = [] if self._model else [first]
        self._model = first
        day = self.system.first_day.isoformat()
        if more := count - len(made):
            made += self.system.ask("copies", number=first["id"], count=more, day=day)
        return tuple(str(one["id"]) for one in made)

    def change(self, key: str) -> None:
        self.system.ask("comment", number=int(key), text="Please quote the number of this invoice")

    def break_one(self) -> str:
        """An invoice that was cancelled after it had been posted is for people to look at."""
        made = self.system.invoice([PRODUCT, "1", "40", "21 %"])
        self.system.ask("cancel", number=made["id"])
        return str(made["id"])

    def number(self, key: str) -> str:
        return str(self.system.ask("number", number=int(key)))

    def day(self, key: str) -> date:
        """All invoices of one system are of its day."""
        return self.system.first_day

    def times_written(self, reference: str) -> int:
        return int(self.system.ask("times_noted", reference=reference))

    def purchase(self, key: str) -> PurchaseInvoice:
        self.system.ask("supplier", **_SUPPLIER)
        number = f"{self.system.first_day:%Y%m%d}-{key}"
        invoice = Invoice(
            number=number,
            issue_date=self.system.first_day,
            type_code="380",
            currency="EUR",
            seller=Seller(name=_SUPPLIER["name"], vat_identifier=_SUPPLIER["vat"]),
            lines=(
                Line(
                    quantity=Decimal(2),
                    net_amount=Decimal("80.00"),
                    price=Price(net=Decimal("40.00")),
                    vat=LineVat(category="S", rate=Decimal(21)),
                    item=Item(name="Koppeling"),
                ),
            ),
            totals=Totals(without_vat=Decimal("80.00"), with_vat=Decimal("96.80")),
        )
        original = Attachment(f"{number}.xml", "application/xml", b"<Invoice/>")
        return PurchaseInvoice(self._own(key), invoice, original)

    def purchase_place(self) -> str:
        return r"model\.account\.invoice\.create"

    def times_taken(self, key: str) -> int:
        return len(self.system.ask("purchases", reference=f"{self.system.first_day:%Y%m%d}-{key}"))

    def _own(self, key: str) -> str:
        """Other trials share the database."""
        return f"{key}-{self.system.first_day:%Y%m%d}"

    def set_clock_back(self, seconds: float) -> bool:
        """The place is kept in the server's own time, and the real server's clock is not ours to set."""
        return False
