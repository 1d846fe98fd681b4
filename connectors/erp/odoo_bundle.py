"""An invoice of Odoo with what it refers to, as one document: lines, taxes, partners, units, bank account.

All invoices of a page are put together with a few calls, however many lines they have: each model is read
once for all of them. Names of fields are Odoo's own; references become objects, amounts are texts with the
decimals of the invoice's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connectors.base import RejectedDocument, SourceDocument
from connectors.erp.odoo_models import OdooModels
from connectors.kit.documents import cancelled, json_document
from connectors.kit.plain import amount, fraction, round_to, text_of_html
from connectors.kit.records import Lookup, Record, names
from formats.errors import DocumentError, RemoteRefused

if TYPE_CHECKING:  # the connector brings its settings
    from connectors.erp.odoo import OdooSettings

__all__ = ["CURRENCY", "INVOICE", "PARTNER", "Bundler"]

INVOICE: Final = names(
    "name move_type state write_date invoice_date invoice_date_due delivery_date ref payment_reference "
    "invoice_origin narration amount_untaxed amount_tax amount_total currency_id partner_id "
    "commercial_partner_id partner_shipping_id partner_bank_id invoice_payment_term_id reversed_entry_id"
)
_LINE: Final = names(
    "move_id sequence name display_type exclude_from_invoice_tab quantity price_unit discount price_subtotal "
    "amount_currency balance tax_ids tax_line_id product_id product_uom_id deferred_start_date "
    "deferred_end_date"
)
PARTNER: Final = names(
    "name ref vat company_registry peppol_eas peppol_endpoint email phone street street2 zip city state_id "
    "country_id parent_id is_company"
)
_TAX: Final = names("name amount amount_type price_include")
CURRENCY: Final = names("name decimal_places")
_PRODUCT: Final = names("default_code barcode name")


class Bundler:
    """Puts the invoices of one visit together; what they share is read once for all of them."""

    def __init__(self, models: OdooModels, settings: OdooSettings) -> None:
        self._models, self._settings = models, settings
        self._around = Lookup(models.read)
        self._company: Record | None = None

    def documents(self, ids: Sequence[int]) -> list[SourceDocument | RejectedDocument]:
        """These invoices, in this order; those that are gone by now are left out."""
        found = self._models.read("account.move", ids, (*INVOICE, "peppol_move_state"))
        moves = [found[key] for key in ids if key in found and found[key]["state"] in ("posted", "cancel")]
        taken = [move for move in moves if self._reason(move) is None]
        lines = self._lines([move["id"] for move in taken])
        self._read_around(taken, [line for rows in lines.values() for line in rows])
        return [self._reason(move) or self._one(move, lines.get(move["id"], [])) for move in moves]

    def company(self) -> Record:
        """The company of the settings with its partner. Raises RemoteRefused where it cannot be seen."""
        if self._company is None:
            key = self._settings.company
            self._around.need("res.company", [key], names("name partner_id currency_id"))
            company = self._around.get("res.company", key)
            if not company:
                raise RemoteRefused(
                    f"the gateway's user does not see company {key}",
                    where=self._models.where,
                    fix="correct company in the settings, or allow the user this company in Odoo",
                )
            self._around.need("res.currency", [company["currency_id"]], CURRENCY)
            self.read_partners([company["partner_id"]])
            currency = self._around.get("res.currency", company["currency_id"]).get("name")
            partner = self.partner(company["partner_id"])
            self._company = {
                "id": key,
                "name": company["name"],
                "currency": currency,
                "partner": partner,
            }
        return self._company

    def read_partners(self, ids: Iterable[int | None]) -> None:
        """Read these partners with their countries, those that are not yet known."""
        around = self._around
        around.need("res.partner", ids, PARTNER)
        known = around.all("res.partner")
        around.need("res.country", [row.get("country_id") for row in known], ("code",))
        around.need("res.country.state", [row.get("state_id") for row in known], ("name",))

    def partner(self, key: int | None) -> Record | None:
        """A partner that was read, country and state as words."""
        row = self._around.get("res.partner", key)
        kept = ("id", *(name for name in PARTNER if not name.endswith("_id")))
        return row and {
            **{name: row.get(name) for name in kept},
            "country": self._around.get("res.country", row.get("country_id")).get("code"),
            "state": self._around.get("res.country.state", row.get("state_id")).get("name"),
        }

    def _reason(self, move: Record) -> RejectedDocument | None:
        """Why an invoice is for people to look at; None for one that is sent."""
        name, settings = move["name"], self._settings
        if move["state"] == "cancel":
            return cancelled("Odoo", move["id"], name)
        if settings.when_odoo_sends == "take" or move.get("peppol_move_state") not in settings.sent_by_odoo:
            return None
        problem = DocumentError(
            f"Odoo itself sends invoice {name} by Peppol; the buyer would get it twice",
            where=f"Odoo invoice {name}, PEPPOL status",
            fix="leave Peppol out when sending in Odoo, or set when_odoo_sends: take for this source",
        )
        return RejectedDocument(f"{move['id']}:{move['state']}", f"Odoo invoice {name}", problem)

    def _lines(self, ids: Sequence[int]) -> dict[int, list[Record]]:
        found: dict[int, list[Record]] = {}
        if ids:
            for line in self._models.search_all("account.move.line", [("move_id", "in", list(ids))], _LINE):
                found.setdefault(int(line["move_id"]), []).append(line)
        for rows in found.values():
            rows.sort(key=lambda line: (line.get("sequence") or 0, line["id"]))
        return found

    def _read_around(self, moves: Sequence[Record], lines: Sequence[Record]) -> None:
        if not moves:
            return
        self.company()
        need, settings = self._around.need, self._settings
        need("res.currency", [one["currency_id"] for one in moves], CURRENCY)
        ways = ("partner_id", "commercial_partner_id", "partner_shipping_id")
        self.read_partners(move.get(way) for move in moves for way in ways)
        banks = [one.get("partner_bank_id") for one in moves]
        need("res.partner.bank", banks, ("acc_number", "bank_bic", "acc_holder_name"))
        need("account.payment.term", [one.get("invoice_payment_term_id") for one in moves], ("name",))
        need("account.move", [one.get("reversed_entry_id") for one in moves], ("name", "invoice_date"))
        taxes = [key for line in lines for key in [line.get("tax_line_id"), *(line.get("tax_ids") or ())]]
        codes = filter(None, (settings.tax_category_field, settings.tax_exemption_field))
        need("account.tax", taxes, (*_TAX, *codes))
        units = ("name", *filter(None, [settings.unit_code_field]))
        need("uom.uom", [line.get("product_uom_id") for line in lines], units)
        need("product.product", [line.get("product_id") for line in lines], _PRODUCT)

    def _one(self, move: Record, rows: Sequence[Record]) -> SourceDocument | RejectedDocument:
        origin = f"Odoo invoice {move['name']}"
        try:
            content = self._content(move, rows)
        except DocumentError as problem:
            return RejectedDocument(str(move["id"]), origin, problem)
        head = {name: value for name, value in content["invoice"].items() if name != "write_date"}
        return json_document(
            content,
            key=str(move["id"]),
            revision=str(move["write_date"]),
            origin=origin,
            lasting={**content, "invoice": head},
        )

    def _content(self, move: Record, rows: Sequence[Record]) -> dict[str, Any]:
        get = self._around.get
        currency = get("res.currency", move["currency_id"])
        decimals = int(currency.get("decimal_places") or 0)
        # Revenue and tax are on the credit side of an invoice, on the debit side of a credit note.
        side = 1 if move["move_type"] == "out_refund" else -1
        head = self._head(move, currency.get("name"), decimals)
        lines = [self._line(line, decimals, move["name"]) for line in rows if _is_product(line)]
        rounding = [line["amount_currency"] for line in rows if line.get("display_type") == "rounding"]
        rounded = amount(_sum(rounding) * side, decimals)
        _insist_on_sum(move["name"], [line["price_subtotal"] for line in lines], rounded, head)
        between = [line["name"] for line in rows if line.get("display_type") == "line_note"]
        return {
            "invoice": head,
            "company": self.company(),
            "buyer": self.partner(move.get("commercial_partner_id") or move["partner_id"]),
            "buyer_contact": self.partner(move["partner_id"]),
            "delivery": self.partner(move.get("partner_shipping_id")) or None,
            "bank": get("res.partner.bank", move.get("partner_bank_id")) or None,
            "reversed": get("account.move", move.get("reversed_entry_id")) or None,
            "rounding": rounded,
            "notes": [text for text in (text_of_html(move.get("narration")), *between) if text],
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

    def _head(self, move: Record, currency: object, decimals: int) -> Record:
        kept = [name for name in INVOICE if not name.endswith("_id")]
        amounts = [name for name in kept if name.startswith("amount")]
        term = self._around.get("account.payment.term", move.get("invoice_payment_term_id"))
        return {
            **{name: move.get(name) for name in kept},
            **{name: amount(move[name], decimals) for name in amounts},
            "id": move["id"],
            "currency": currency,
            "payment_term": term.get("name"),
        }

    def _line(self, line: Record, decimals: int, number: str) -> dict[str, Any]:
        taxes = [self._tax(key) for key in line.get("tax_ids") or ()]
        strange = [
            tax for tax in taxes if tax["amount_type"] != "percent" or Decimal(tax["amount"] or "0") < 0
        ]
        if strange or len(taxes) > 1:
            raise DocumentError(
                f"a line of invoice {number} has taxes that an e-invoice cannot say: "
                + ", ".join(str(tax["name"]) for tax in strange or taxes),
                where=f"Odoo invoice {number}, Taxes of the line",
                fix="give each line one VAT percentage; write contributions and deductions as lines of their "
                "own",
            )
        quantity, subtotal = Decimal(line["quantity"] or "0"), Decimal(line["price_subtotal"] or "0")
        product = self._around.get("product.product", line.get("product_id"))
        unit = self._around.get("uom.uom", line.get("product_uom_id"))
        code = self._settings.unit_code_field
        return {
            **{name: line[name] for name in ("id", "name", "quantity", "price_unit")},
            "discount": line.get("discount"),
            "price_subtotal": amount(subtotal, decimals),
            # What one piece costs without VAT and discount, for prices that hold the VAT.
            "net_price": fraction(round_to(subtotal / quantity, 8) if quantity else line["price_unit"]),
            "start_date": line.get("deferred_start_date"),
            "end_date": line.get("deferred_end_date"),
            "product": {name: product.get(name) for name in _PRODUCT} if product else None,
            "unit": {"name": unit.get("name"), "code": unit.get(code)} if unit else None,
            "tax": taxes[0] if taxes else None,
        }

    def _tax(self, key: int) -> Record:
        row = self._around.get("account.tax", key)
        return {
            **{name: row.get(name) for name in ("id", *_TAX)},
            "category": row.get(self._settings.tax_category_field),
            "exemption": row.get(self._settings.tax_exemption_field),
        }


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


def _sum(values: Iterable[str | None]) -> Decimal:
    return sum((Decimal(value or "0") for value in values), Decimal(0))


def _is_product(line: Record) -> bool:
    """What other kinds of line there are depends on the version."""
    if line.get("tax_line_id") or line.get("exclude_from_invoice_tab"):
        return False
    return line.get("display_type") in ("product", None)
