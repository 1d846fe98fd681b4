"""The books of an imitated Odoo company, and the clerk who invoices, credits, cancels and takes payments
there.

One Belgian company with four buyers, six taxes and a handful of products. Invoices are posted as Odoo posts
them: tax and receivable become lines beside those of the products, tax is rounded on each line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from connectors.sandbox.odoo_orm import Database

__all__ = ["Clerk", "Item"]

_NET_DAYS: Final = 30
# How much a euro is in the currencies that the company invoices in.
_RATES: Final = {"EUR": Decimal(1), "USD": Decimal("1.25"), "JPY": Decimal(160), "KWD": Decimal("0.35")}


@dataclass(frozen=True, slots=True)
class Item:
    """One line: what, how many, at which price, with which tax; `kind` as Odoo's display_type has it.

    `on_order` says that it takes off a discount on the whole order.
    """

    name: str
    quantity: str = "1"
    price: str = "0"
    tax: str | tuple[str, ...] = "21%"
    unit: str = "Units"
    discount: str = "0"
    code: str = ""
    barcode: str = ""
    kind: str = "product"
    period: tuple[str, str] | None = None
    on_order: bool = False


class Clerk:
    """Works in one database; all methods give the ids of what they made."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._count = 0
        make = database.make
        self.countries = {code: make("res.country", code=code, name=name) for code, name in _COUNTRIES}
        self.currencies = {
            code: make("res.currency", name=code, decimal_places=places) for code, places in _CURRENCIES
        }
        self.taxes = {
            tax[0]: make(
                "account.tax",
                name=tax[0],
                amount=tax[1],
                amount_type=tax[2],
                price_include=tax[3],
                ubl_cii_tax_category_code=tax[4],
                ubl_cii_tax_exemption_reason_code=tax[5],
            )
            for tax in _TAXES
        }
        self.units = {
            name: make("uom.uom", name=name) for name in ("Units", "Hours", "kg", "Dozens", "Pallets")
        }
        # Nobody sells by the pallet any more: such a unit is still on older invoices.
        database.set("uom.uom", self.units["Pallets"], active=False)
        self.terms = make("account.payment.term", name="30 Days")
        self._products: dict[str, int] = {}
        # Made by Odoo with the first discount on an order: a service without a reference of its own.
        self._discount = make("product.product", name="Discount")
        self.company = self._company()
        self.buyers = {buyer["name"].split()[0]: self.buyer(**buyer) for buyer in _BUYERS}

    def buyer(self, country: str, iban: str = "", **facts: Any) -> int:
        key = self._db.make(
            "res.partner", country_id=self.countries[country], is_company=True, customer_rank=1, **facts
        )
        if iban:
            self._db.make("res.partner.bank", partner_id=key, acc_number=iban)
        return key

    def make_unit(self, name: str) -> int:
        return self._db.make("uom.uom", name=name)

    def invoice(
        self,
        buyer: str,
        items: Sequence[Item],
        *,
        credits: int | None = None,  # noqa: A002
        refund: bool = False,
        currency: str = "EUR",
        on: date | None = None,
        peppol: str | None = None,
        contact: int | None = None,
        shipped_to: int | None = None,
        rounding: str = "",
        **facts: Any,
    ) -> int:
        """An invoice, or with `refund` a credit note (with `credits` for that invoice), drawn up and
        posted."""
        self._count += 1
        on = on or self._db.clock().date()
        refund = refund or credits is not None
        partner = self.buyers[buyer]
        move = self._db.make(
            "account.move",
            name=f"{'RINV' if refund else 'INV'}/{on.year}/{self._count:05d}",
            move_type="out_refund" if refund else "out_invoice",
            state="posted",
            posted_before=True,
            invoice_date=on.isoformat(),
            invoice_date_due=(on + timedelta(days=_NET_DAYS)).isoformat(),
            company_id=self.company,
            currency_id=self.currencies[currency],
            partner_id=contact or partner,
            commercial_partner_id=partner,
            partner_shipping_id=shipped_to or partner,
            partner_bank_id=self._bank,
            invoice_payment_term_id=self.terms,
            reversed_entry_id=credits,
            payment_state="not_paid",
            peppol_move_state=peppol,
            **{
                "payment_reference": f"+++000/{self._count:04d}/{self._count % 97 or 97:05d}+++",
                "ref": f"PO-{7100 + self._count}",
                **facts,
            },
        )
        self._post(move, items, currency, 1 if refund else -1, Decimal(rounding or 0))
        return move

    def sell(self, count: int, lines: int = 2) -> tuple[int, ...]:
        """So many ordinary invoices."""
        items = [
            Item(
                f"Roasted coffee, lot {number + 1}",
                f"{number + 2}",
                "12.35",
                code=f"RC-{number + 1}",
                unit="kg",
            )
            for number in range(lines)
        ]
        return tuple(self.invoice("Kessel", items, ref=f"PO-{7000 + number}") for number in range(count))

    def cancel(self, move: int) -> None:
        """Back to draft, then cancelled: its number stays."""
        self._db.set("account.move", move, state="cancel")

    def note(self, move: int, text: str) -> None:
        """A line in the terms and conditions of a posted invoice."""
        self._db.set("account.move", move, narration=f"<p>{text}</p>")

    def pay(self, move: int, amount: str, *, confirmed: bool) -> None:
        """A payment is registered; on a bank statement too, where it is confirmed."""
        on = self._db.clock().date().isoformat()
        name = f"PBNK1/{on[:4]}/{move:05d}"
        entry = self._db.make(
            "account.move", name=name, move_type="entry", state="posted", company_id=self.company
        )
        self._settle(move, amount, entry, "paid" if confirmed else "in_payment", payment=move)

    def offset(self, move: int, refund: int, amount: str) -> None:
        """A credit note is set off against an invoice."""
        self._settle(move, amount, refund, "reversed", payment=None)

    def _settle(self, move: int, amount: str, entry: int, whole: str, *, payment: int | None) -> None:
        row = self._db.row("account.move", move)
        left = Decimal(str(row["amount_residual"])) - Decimal(amount)
        content = list((row.get("invoice_payments_widget") or {}).get("content", ()))
        made = self._db.row("account.move", entry)
        content.append(
            {
                "name": "Customer payment",
                "journal_name": "Bank",
                "amount": float(amount),
                "currency_id": row["currency_id"],
                "date": self._db.clock().date().isoformat(),
                "partial_id": len(content) + 1,
                "account_payment_id": payment or False,
                "move_id": entry,
                "ref": made["name"],
                "is_exchange": False,
            }
        )
        self._db.set(
            "account.move",
            move,
            amount_residual=float(left),
            payment_state=whole if left <= 0 else "partial",
            invoice_payments_widget={"title": "Less Payment", "outstanding": False, "content": content},
        )

    def _company(self) -> int:
        make = self._db.make
        partner = make("res.partner", **{**_SELLER, "country_id": self.countries["BE"]}, is_company=True)
        self._bank = make(
            "res.partner.bank", partner_id=partner, acc_number="BE41 9790 7654 3210", bank_bic="EXMPBEB1XXX"
        )
        return make(
            "res.company",
            name=_SELLER["name"],
            partner_id=partner,
            currency_id=self.currencies["EUR"],
            sale_discount_product_id=self._discount,
        )

    def _post(self, move: int, items: Sequence[Item], currency: str, side: int, rounding: Decimal) -> None:
        places = dict(_CURRENCIES)[currency]
        untaxed, tax = Decimal(0), Decimal(0)
        taxes: dict[str, Decimal] = {}
        for position, item in enumerate(items, 1):
            names = (item.tax,) if isinstance(item.tax, str) else item.tax
            net = _net(item, places) if item.kind == "product" else Decimal(0)
            untaxed += net
            for name in names if item.kind == "product" else ():
                taxes[name] = taxes.get(name, Decimal(0)) + _round(net * _percent(name) / 100, places)
            self._line(move, position, item, names, net, side)
        for name, sum_ in taxes.items():
            tax += sum_
            value = float(sum_ * side)
            self._db.make(
                "account.move.line",
                move_id=move,
                sequence=100,
                name=name,
                display_type="tax",
                tax_line_id=self.taxes[name],
                amount_currency=value,
                balance=float(_round(sum_ * side / _RATES[currency], 2)),
            )
        if rounding:
            untaxed += rounding
            self._db.make(
                "account.move.line",
                move_id=move,
                name="Rounding",
                display_type="rounding",
                price_subtotal=float(rounding),
                amount_currency=float(rounding * side),
            )
        total = untaxed + tax
        self._db.make(
            "account.move.line",
            move_id=move,
            name=False,
            display_type="payment_term",
            balance=float(-total * side),
        )
        # The total is what binary fractions make of it.
        self._db.set(
            "account.move",
            move,
            amount_untaxed=float(untaxed),
            amount_tax=float(tax),
            amount_total=float(untaxed) + float(tax),
            amount_residual=float(total),
        )

    def _line(
        self, move: int, position: int, item: Item, names: Sequence[str], net: Decimal, side: int
    ) -> None:
        product = item.kind == "product"
        self._db.make(
            "account.move.line",
            move_id=move,
            sequence=position,
            name=item.name,
            display_type=item.kind,
            quantity=float(item.quantity) if product else None,
            price_unit=float(item.price) if product else None,
            discount=float(item.discount),
            price_subtotal=float(net),
            amount_currency=float(net * side),
            tax_ids=[self.taxes[name] for name in names] if product else [],
            product_id=self._product(item),
            extra_tax_data={"computation_key": f"global_discount,sale.order,{move}"}
            if item.on_order
            else None,
            product_uom_id=self.units[item.unit] if product else None,
            deferred_start_date=item.period[0] if item.period else None,
            deferred_end_date=item.period[1] if item.period else None,
        )

    def _product(self, item: Item) -> int | None:
        if item.on_order or not item.code:
            return self._discount if item.on_order else None
        if item.code not in self._products:
            self._products[item.code] = self._db.make(
                "product.product",
                name=item.name.partition(",")[0],
                default_code=item.code,
                barcode=item.barcode or None,
            )
        return self._products[item.code]


def _net(item: Item, places: int) -> Decimal:
    gross = Decimal(item.quantity) * Decimal(item.price) * (1 - Decimal(item.discount) / 100)
    if item.tax == "21% incl.":
        gross = gross / Decimal("1.21")
    return _round(gross, places)


def _round(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _percent(name: str) -> Decimal:
    return next(Decimal(str(tax[1])) for tax in _TAXES if tax[0] == name)


_COUNTRIES: Final = (("BE", "Belgium"), ("NL", "Netherlands"), ("DE", "Germany"), ("US", "United States"))
_CURRENCIES: Final = (("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3))
# Name, percentage, kind, whether prices hold it, category and exemption code of the module for e-invoices.
_TAXES: Final[tuple[tuple[str, float, str, bool, str | None, str | None], ...]] = (
    ("21%", 21.0, "percent", False, "S", None),
    ("21% incl.", 21.0, "percent", True, None, None),
    ("6%", 6.0, "percent", False, None, None),
    ("0% EU G", 0.0, "percent", False, "K", "VATEX-EU-IC"),
    ("0% EU S", 0.0, "percent", False, "AE", None),
    ("0% Export", 0.0, "percent", False, None, None),
    ("0% Exempt", 0.0, "percent", False, "E", "VATEX-EU-132-1I"),
    ("Recycling", 0.5, "fixed", False, None, None),
    ("0% margin", 0.0, "percent", False, None, None),
)
_SELLER: Final = {
    "name": "Lindehoeve Koffie BV",
    "vat": "BE0765432146",
    "company_registry": "0765432146",
    "peppol_eas": "0208",
    "peppol_endpoint": "0765432146",
    "street": "Branderijstraat 4",
    "zip": "9000",
    "city": "Gent",
    "email": "facturatie@lindehoeve.example",
}
_BUYERS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Kessel Horeca NV",
        "ref": "K-1001",
        "country": "BE",
        "vat": "BE0123498717",
        "company_registry": "0123498717",
        "peppol_eas": "0208",
        "peppol_endpoint": "0123498717",
        "email": "boekhouding@kessel.example",
        "street": "Grote Markt 12",
        "street2": "2de verdieping",
        "zip": "3000",
        "city": "Leuven",
        "iban": "BE85 9790 0000 0106",
    },
    {
        "name": "Grachtzicht Cafés B.V.",
        "ref": "K-1002",
        "country": "NL",
        "vat": "NL821000007B01",
        "peppol_eas": "0106",
        "peppol_endpoint": "90004321",
        "street": "Keizersgracht 900",
        "zip": "1017 ZZ",
        "city": "Amsterdam",
    },
    {
        "name": "Rösterei Nordwind GmbH",
        "ref": "K-1003",
        "country": "DE",
        "vat": "DE314500008",
        "peppol_eas": "9930",
        "peppol_endpoint": "DE314500008",
        "street": "Speicherweg 7",
        "zip": "20457",
        "city": "Hamburg",
    },
    {
        "name": "Prairie Roasters Inc.",
        "ref": "K-1004",
        "country": "US",
        "email": "ap@prairie.example",
        "street": "100 Elevator Road",
        "zip": "68000",
        "city": "Omaha",
    },
)
