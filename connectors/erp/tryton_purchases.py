"""Received invoices in Tryton: a draft supplier invoice with the original beside it, for a person to book.

The draft carries the key of the received invoice in its description, so it is found before another is made.
Suppliers and accounts are never made here: whom a company pays is for people to decide.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connectors.base import PurchaseInvoice, WriteBack
from connectors.kit.purchases import Row, rows
from connectors.kit.records import Record, Records
from formats.errors import RemoteBlocked

__all__ = ["Ledger", "take"]

_PRICE_DIGITS: Final = 4
_DRAFT: Final = ("total_amount", "untaxed_amount")


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where drafts are made: the company's id, and its accounts by code or name, "" where Tryton decides."""

    company: int
    expense: str = ""
    payable: str = ""


def take(records: Records, purchase: PurchaseInvoice, ledger: Ledger) -> WriteBack:
    """As TakesPurchaseInvoices.take_purchase."""
    mark = f"[{purchase.key}]"
    domain = [["type", "=", "in"], ["company", "=", ledger.company], ["description", "ilike", f"%{mark}%"]]
    found = records.search("account.invoice", domain, _DRAFT, limit=1)
    existed = bool(found)
    if not found:
        made = _make(records, purchase, mark, ledger)
        found = records.search("account.invoice", [["id", "=", made]], _DRAFT, limit=1)
    key = int(found[0]["id"])
    existed = not _attach(records, key, purchase) and existed
    return WriteBack(f"Tryton account.invoice,{key}{_compared(found[0], purchase)}", existed)


def _make(records: Records, purchase: PurchaseInvoice, mark: str, ledger: Ledger) -> int:
    invoice, company = purchase.invoice, ledger.company
    supplier = _supplier(records, purchase)
    number = invoice.number or "?"
    expense = _account(records, company, "expense", ledger.expense)
    currency = _only(
        records,
        "currency.currency",
        [["code", "=", invoice.currency or ""]],
        f"the currency {invoice.currency}",
    )
    values: dict[str, object] = {
        "type": "in",
        "company": company,
        "party": supplier["id"],
        "invoice_address": _address(supplier),
        "account": supplier.get("account_payable_used")
        or _account(records, company, "payable", ledger.payable),
        "journal": _only(records, "account.journal", [["type", "=", "expense"]], "a journal for expenses"),
        "currency": currency,
        "reference": number,
        "description": f"{number} {mark}",
        "comment": purchase.note,
        "lines": [
            [
                "create",
                [
                    {
                        "type": "line",
                        "company": company,
                        "currency": currency,
                        "description": row.text,
                        "quantity": float(row.quantity),  # Tryton's quantities are floats
                        "unit_price": _decimal(row.price),
                        "account": expense,
                        "taxes": [["add", _taxes(records, row, company)]],
                    }
                    for row in rows(invoice, price_digits=_PRICE_DIGITS)
                ],
            ]
        ],
    }
    for name, day in (("invoice_date", invoice.issue_date), ("payment_term_date", invoice.due_date)):
        if day is not None:
            values[name] = {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
    return records.create("account.invoice", values)


def _supplier(records: Records, purchase: PurchaseInvoice) -> Record:
    """The one party with the seller's VAT number or, where it says none, of its name."""
    seller = purchase.invoice.seller
    vat, name = (seller.vat_identifier, seller.name) if seller is not None else (None, None)
    domain: list[object] = [["identifiers.code", "=", vat]] if vat else [["name", "=", name or ""]]
    found = records.search(
        "party.party", domain, ("name", "addresses", "account_payable_used"), limit=2, order="id"
    )
    if len(found) != 1:
        said = f"{name or 'a seller without a name'} ({vat or 'no VAT number'})"
        raise RemoteBlocked(
            f"{said} is {'not' if not found else 'more than once'} among the parties of Tryton",
            where=f"Tryton, invoice {purchase.invoice.number}",
            fix="make the supplier with its VAT number, or merge the two; it is tried again by itself",
        )
    return found[0]


def _address(supplier: Record) -> int:
    addresses = supplier.get("addresses") or []
    if not addresses:
        raise _blocked(f"an address of {supplier['name']}")
    first = addresses[0]
    return int(first["id"] if isinstance(first, dict) else first)


def _account(records: Records, company: int, kind: str, wanted: str) -> int:
    """The account of this kind (expense, payable): the one that is named, or the only one there is."""
    domain: list[object] = [["company", "=", company], ["closed", "!=", True], [f"type.{kind}", "=", True]]
    if wanted:
        domain.append(["OR", [["code", "=", wanted]], [["name", "=", wanted]]])
    found = records.search("account.account", domain, ("code",), limit=2)
    if len(found) == 1:
        return int(found[0]["id"])
    setting = "purchase_account" if kind == "expense" else "payable_account"
    raise RemoteBlocked(
        f"{'more than one' if found else 'no'} {kind} account of Tryton fits received invoices",
        where=f"Tryton, {setting}" + (f" {wanted!r}" if wanted else ""),
        fix=f"name one as {setting} in the settings of this source, by its code",
    )


def _taxes(records: Records, row: Row, company: int) -> list[int]:
    """The one purchase tax of that rate and category; none where several fit, for a person to choose."""
    if row.rate is None:
        return []
    domain = [
        ["company", "=", company],
        ["type", "=", "percentage"],
        ["rate", "=", _decimal(row.rate / 100)],
        ["parent", "=", None],
        ["OR", [["group", "=", None]], [["group.kind", "in", ["purchase", "both"]]]],
    ]
    found = records.search("account.tax", domain, ("unece_category_code",), limit=20)
    fitting = [one for one in found if one.get("unece_category_code") in (None, "", row.category)]
    return [int(fitting[0]["id"])] if len(fitting) == 1 else []


def _only(records: Records, model: str, domain: list[object], what: str) -> int:
    found = records.search(model, domain, ("id",), limit=2)
    if len(found) != 1:
        raise _blocked(what, several=bool(found))
    return int(found[0]["id"])


def _blocked(what: str, *, several: bool = False) -> RemoteBlocked:
    return RemoteBlocked(
        f"{what} is {'there more than once' if several else 'missing'} in Tryton",
        where="Tryton, received invoices",
        fix="arrange it there; it is tried again by itself",
    )


def _attach(records: Records, key: int, purchase: PurchaseInvoice) -> bool:
    """Whether the original was put beside the draft just now."""
    resource, name = f"account.invoice,{key}", purchase.original.filename
    domain = [["resource", "=", resource], ["name", "=", name]]
    if records.search("ir.attachment", domain, ("name",), limit=1):
        return False
    data = {"__class__": "bytes", "base64": base64.b64encode(purchase.original.content).decode("ascii")}
    records.create("ir.attachment", {"resource": resource, "name": name, "data": data})
    return True


def _compared(draft: Record, purchase: PurchaseInvoice) -> str:
    """What to look at first, where Tryton comes to another total than the invoice."""
    totals = purchase.invoice.totals
    said = totals.with_vat if totals is not None else None
    total = draft.get("total_amount")
    if said is None or total is None or abs(Decimal(str(total))) == abs(said):
        return ""
    return f" (it comes to {Decimal(str(total)):f}, the invoice says {said:f}: look at the taxes)"


def _decimal(value: Decimal) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": format(value, "f")}
