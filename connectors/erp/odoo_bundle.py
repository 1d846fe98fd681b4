"""An invoice of Odoo with what it refers to, as one document: lines, taxes, partners, units, bank account.

All invoices of a page are put together with a few calls, however many lines they have: each model is read
once for all of them. Names of fields are Odoo's own; references become objects, amounts are texts with the
decimals of the invoice's currency.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.base import RejectedDocument, SourceDocument
from connectors.erp.odoo_rpc import OdooRpc
from connectors.erp.odoo_settings import OdooSettings
from connectors.erp.odoo_values import Record, amount, fraction, round_to, text_of_html
from formats.errors import DocumentError, RemoteRefused

__all__ = ["INVOICE", "PARTNER", "Bundler"]

INVOICE: Final = (
    "name",
    "move_type",
    "state",
    "write_date",
    "invoice_date",
    "invoice_date_due",
    "delivery_date",
    "ref",
    "payment_reference",
    "invoice_origin",
    "narration",
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    "currency_id",
    "partner_id",
    "commercial_partner_id",
    "partner_shipping_id",
    "partner_bank_id",
    "invoice_payment_term_id",
    "reversed_entry_id",
)
_LINE: Final = (
    "move_id",
    "sequence",
    "name",
    "display_type",
    "exclude_from_invoice_tab",
    "quantity",
    "price_unit",
    "discount",
    "price_subtotal",
    "amount_currency",
    "balance",
    "tax_ids",
    "tax_line_id",
    "product_id",
    "product_uom_id",
    "deferred_start_date",
    "deferred_end_date",
)
PARTNER: Final = (
    "name",
    "ref",
    "vat",
    "company_registry",
    "peppol_eas",
    "peppol_endpoint",
    "email",
    "phone",
    "street",
    "street2",
    "zip",
    "city",
    "state_id",
    "country_id",
    "parent_id",
    "is_company",
)
_TAX: Final = ("name", "amount", "amount_type", "price_include")
_COMPANY: Final = ("name", "partner_id", "currency_id")
_BANK: Final = ("acc_number", "bank_bic", "acc_holder_name")
# An invoice line of a product; what other kinds of line there are depends on the version.
_PRODUCT: Final = ("product", None)


class Bundler:
    """Puts the invoices of one visit together; what they share is read once for all of them."""

    def __init__(self, rpc: OdooRpc, settings: OdooSettings) -> None:
        self._rpc, self._settings = rpc, settings
        self._known: dict[str, dict[int, Record]] = {}
        self._seller: Record | None = None

    def bundle(self, ids: Sequence[int]) -> list[SourceDocument | RejectedDocument]:
        """These invoices, in this order; those that are gone by now are left out."""
        extra = ("peppol_move_state", "posted_before")
        found = self._rpc.read("account.move", ids, (*INVOICE, *extra))
        moves = [found[key] for key in ids if key in found]
        taken = [move for move in moves if move["state"] == "posted" and not self._held(move)]
        lines = self._lines([move["id"] for move in taken])
        self._read_around(taken, [line for rows in lines.values() for line in rows])
        return [
            self._one(move, lines.get(move["id"], []))
            if move["state"] == "posted" and not self._held(move)
            else self._set_aside(move)
            for move in moves
            if move["state"] in ("posted", "cancel")
        ]

    def seller(self) -> Record:
        """The company of the settings with its partner. Raises RemoteRefused where it cannot be seen."""
        if self._seller is None:
            company = self._rpc.read("res.company", [self._settings.company], _COMPANY).get(
                self._settings.company
            )
            if company is None:
                raise RemoteRefused(
                    f"the gateway's user does not see company {self._settings.company}",
                    where=self._rpc.where,
                    fix="correct company in the settings, or allow the user this company in Odoo",
                )
            self._need("res.currency", [company["currency_id"]], ("name", "decimal_places"))
            self.partners([company["partner_id"]])
            self._seller = {
                "id": company["id"],
                "name": company["name"],
                "currency": self._get("res.currency", company["currency_id"]).get("name"),
                "partner": self.partner(company["partner_id"]),
            }
        return self._seller

    def partners(self, ids: Iterable[int | None]) -> None:
        """Read these partners with their countries, those that are not yet known."""
        self._need("res.partner", ids, PARTNER)
        known = self._known.get("res.partner", {}).values()
        self._need("res.country", [row.get("country_id") for row in known], ("code",))
        self._need("res.country.state", [row.get("state_id") for row in known], ("name",))

    def partner(self, key: int | None) -> Record | None:
        """A partner that was read, its country as a code."""
        row = self._get("res.partner", key)
        if not row:
            return None
        return placed_partner(
            row,
            self._get("res.country", row.get("country_id")),
            self._get("res.country.state", row.get("state_id")),
        )

    # Reading.

    def _lines(self, ids: Sequence[int]) -> dict[int, list[Record]]:
        found: dict[int, list[Record]] = {}
        if ids:
            for line in self._rpc.search_all("account.move.line", [("move_id", "in", list(ids))], _LINE):
                found.setdefault(int(line["move_id"]), []).append(line)
        for rows in found.values():
            rows.sort(key=lambda line: (line.get("sequence") or 0, line["id"]))
        return found

    def _read_around(self, moves: Sequence[Record], lines: Sequence[Record]) -> None:
        if not moves:
            return
        self.seller()
        settings = self._settings
        self._need("res.currency", [one["currency_id"] for one in moves], ("name", "decimal_places"))
        ways = ("partner_id", "commercial_partner_id", "partner_shipping_id")
        self.partners(move.get(way) for move in moves for way in ways)
        self._need("res.partner.bank", [one.get("partner_bank_id") for one in moves], _BANK)
        self._need("account.payment.term", [one.get("invoice_payment_term_id") for one in moves], ("name",))
        credited = [one.get("reversed_entry_id") for one in moves]
        self._need("account.move", credited, ("name", "invoice_date"))
        taxes = [key for line in lines for key in [line.get("tax_line_id"), *(line.get("tax_ids") or ())]]
        codes = (settings.tax_category_field, settings.tax_exemption_field)
        self._need("account.tax", taxes, (*_TAX, *(code for code in codes if code)))
        units = [line.get("product_uom_id") for line in lines]
        self._need("uom.uom", units, ("name", *filter(None, [settings.unit_code_field])))
        products = [line.get("product_id") for line in lines]
        self._need("product.product", products, ("default_code", "barcode", "name"))

    def _need(self, model: str, ids: Iterable[int | None], wanted: Sequence[str]) -> None:
        known = self._known.setdefault(model, {})
        missing = {key for key in ids if key} - known.keys()
        if missing:
            known |= self._rpc.read(model, sorted(missing), wanted)

    def _get(self, model: str, key: int | None) -> Record:
        return self._known.get(model, {}).get(key or 0, {})

    # Putting together.

    def _held(self, move: Mapping[str, Any]) -> bool:
        return (
            self._settings.when_odoo_sends == "hold"
            and move.get("peppol_move_state") in self._settings.sent_by_odoo
        )

    def _set_aside(self, move: Mapping[str, Any]) -> RejectedDocument:
        name = move["name"]
        if move["state"] == "cancel":
            problem = DocumentError(
                f"invoice {name} was cancelled in Odoo after it was posted",
                where=f"Odoo invoice {name}",
                fix="if the buyer has it, make a credit note in Odoo; then dismiss this",
            )
        else:
            problem = DocumentError(
                f"Odoo itself sends invoice {name} by Peppol; the buyer would get it twice",
                where=f"Odoo invoice {name}, PEPPOL status",
                fix="leave Peppol out when sending invoices in Odoo, or set when_odoo_sends: take for this "
                "source",
            )
        return RejectedDocument(f"{move['id']}:{move['state']}", f"Odoo invoice {name}", problem)

    def _one(self, move: Mapping[str, Any], rows: Sequence[Record]) -> SourceDocument | RejectedDocument:
        try:
            content = self._content(move, rows)
        except DocumentError as problem:
            return RejectedDocument(str(move["id"]), f"Odoo invoice {move['name']}", problem)
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)
        lasting = {name: value for name, value in content["invoice"].items() if name != "write_date"}
        counted = json.dumps({**content, "invoice": lasting}, ensure_ascii=False, sort_keys=True)
        return SourceDocument(
            key=str(move["id"]),
            revision=str(move["write_date"]),
            media_type="application/json",
            content=text.encode(),
            origin=f"Odoo invoice {move['name']}",
            fingerprint=hashlib.sha256(counted.encode()).hexdigest(),
        )

    def _content(self, move: Mapping[str, Any], rows: Sequence[Record]) -> dict[str, Any]:
        currency = self._get("res.currency", move["currency_id"])
        decimals = int(currency.get("decimal_places") or 0)
        # Revenue and tax are on the credit side of an invoice, on the debit side of a credit note.
        side = 1 if move["move_type"] == "out_refund" else -1
        head = self._head(move, currency.get("name"), decimals)
        lines = [self._line(line, decimals, move["name"]) for line in rows if _is_product(line)]
        rounding = [line["amount_currency"] for line in rows if line.get("display_type") == "rounding"]
        rounded = amount(_sum(rounding) * side, decimals)
        _insist_on_sum(move["name"], [line["price_subtotal"] for line in lines], rounded, head)
        return {
            "invoice": head,
            "company": self.seller(),
            "buyer": self.partner(move.get("commercial_partner_id") or move["partner_id"]),
            "buyer_contact": self.partner(move["partner_id"]),
            "delivery": self.partner(move.get("partner_shipping_id")),
            "bank": self._get("res.partner.bank", move.get("partner_bank_id")) or None,
            "reversed": self._get("account.move", move.get("reversed_entry_id")) or None,
            "rounding": rounded,
            "notes": _notes(move, rows),
            "lines": lines,
            # Each tax once: Odoo need not write a tax line where nothing is due.
            "taxes": list({line["tax"]["id"]: line["tax"] for line in lines if line["tax"]}.values()),
            "vat": [
                {
                    "tax": self._tax(line["tax_line_id"]),
                    "amount": amount(Decimal(line["amount_currency"] or "0") * side, decimals),
                    "company_amount": fraction(Decimal(line["balance"] or "0") * side),
                }
                for line in rows
                if line.get("tax_line_id")
            ],
        }

    def _head(self, move: Mapping[str, Any], currency: object, decimals: int) -> Record:
        term = self._get("account.payment.term", move.get("invoice_payment_term_id"))
        kept = [name for name in INVOICE if not name.endswith("_id")]
        amounts = [name for name in kept if name.startswith("amount")]
        return {
            **{name: move.get(name) for name in kept},
            **{name: amount(move[name], decimals) for name in amounts},
            "id": move["id"],
            "currency": currency,
            "payment_term": term.get("name"),
        }

    def _line(self, line: Record, decimals: int, number: str) -> Record:
        taxes = [self._tax(key) for key in line.get("tax_ids") or ()]
        strange = [
            tax for tax in taxes if tax["amount_type"] != "percent" or Decimal(tax["amount"] or "0") < 0
        ]
        if strange or len(taxes) > 1:
            names = ", ".join(str(tax["name"]) for tax in strange or taxes)
            raise DocumentError(
                f"a line of invoice {number} has taxes that an e-invoice cannot say: {names}",
                where=f"Odoo invoice {number}, Taxes of the line",
                fix="give each line one VAT percentage; write contributions and deductions as lines of their "
                "own",
            )
        quantity, subtotal = Decimal(line["quantity"] or "0"), Decimal(line["price_subtotal"] or "0")
        net = fraction(round_to(subtotal / quantity, 8)) if quantity else fraction(line["price_unit"])
        product = self._get("product.product", line.get("product_id"))
        unit = self._get("uom.uom", line.get("product_uom_id"))
        return {
            "id": line["id"],
            "name": line["name"],
            "quantity": line["quantity"],
            "price_unit": line["price_unit"],
            "discount": line.get("discount"),
            "price_subtotal": amount(subtotal, decimals),
            # What one piece costs without VAT and discount, for prices that hold the VAT.
            "net_price": net,
            "start_date": line.get("deferred_start_date"),
            "end_date": line.get("deferred_end_date"),
            "product": {name: product.get(name) for name in ("default_code", "barcode", "name")}
            if product
            else None,
            "unit": {"name": unit.get("name"), "code": unit.get(self._settings.unit_code_field)}
            if unit
            else None,
            "tax": taxes[0] if taxes else None,
        }

    def _tax(self, key: int) -> Record:
        row = self._get("account.tax", key)
        return {
            **{name: row.get(name) for name in ("id", *_TAX)},
            "category": row.get(self._settings.tax_category_field),
            "exemption": row.get(self._settings.tax_exemption_field),
        }


def placed_partner(row: Record, country: Record, state: Record) -> Record:
    """A partner whose country and state are words."""
    return {
        **{name: row.get(name) for name in ("id", *PARTNER) if not name.endswith("_id")},
        "country": country.get("code"),
        "state": state.get("name"),
    }


def _notes(move: Mapping[str, Any], rows: Iterable[Record]) -> list[str]:
    """What stands below the invoice and between its lines, as text."""
    between = [line["name"] for line in rows if line.get("display_type") == "line_note"]
    return [text for text in (text_of_html(move.get("narration")), *between) if text]


def _sum(values: Iterable[str | None]) -> Decimal:
    return sum((Decimal(value or "0") for value in values), Decimal(0))


def _insist_on_sum(number: str, lines: Iterable[str | None], rounding: str | None, head: Record) -> None:
    """Raises DocumentError where the lines that could be read are not all there are."""
    made, said = _sum([*lines, rounding]), head["amount_untaxed"]
    if made != _sum([said]):
        raise DocumentError(
            f"the lines of invoice {number} make {made}, its untaxed amount is {said}",
            where=f"Odoo invoice {number}",
            fix="look for lines that the gateway's user may not read, or for a discount for early payment "
            "booked on the invoice",
        )


def _is_product(line: Mapping[str, Any]) -> bool:
    if line.get("tax_line_id") or line.get("exclude_from_invoice_tab"):
        return False
    return line.get("display_type") in _PRODUCT
