"""What a readable invoice shows, as plain texts: the one view that all page templates draw from.

Every value is a text that a template prints as it is, so nothing in an invoice can act as markup.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.kept_back import KeptBack, kept_back, payable, split_vat_paid
from formats.model.line import Line
from formats.model.party import Address, Buyer, Contact, Period, Seller
from formats.model.vat import AllowanceCharge, Totals
from formats.render.words import Words

__all__ = ["view"]

_LONG_RUN: Final = re.compile(r"(\S{24})(?=\S)")
# Control characters, and those that turn the direction of writing and so show another text than there is.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff0-\uffff]"
)
_BREAK: Final = "\u200b"  # where a line may break in a run of characters without blanks
_STANDARD_RATE: Final = "S"
_NO_TOTALS: Final = Totals()
# BT-8: UNTDID 2005 in UBL, UNTDID 2475 in CII.
_TAX_POINTS: Final = MappingProxyType(
    {
        **dict.fromkeys(("3", "5"), "on_issue"),
        **dict.fromkeys(("35", "29"), "on_delivery"),
        **dict.fromkeys(("432", "72"), "on_payment"),
    }
)

Pair = tuple[str, str]


def view(invoice: Invoice, words: Words, *, attached_as: str = "") -> dict[str, Any]:
    """Texts, lists of texts and label-value pairs, ready to print; parts that the invoice lacks are empty.

    Each line has the sum of the lines up to it as `so_far`, for what is carried over to the next page.
    `attached_as` is the name under which a PDF embeds the XML.
    """
    shown = _View(invoice, words, attached_as).build()
    return {key: _breakable(value) for key, value in shown.items()}


def _breakable(value: Any) -> Any:
    match value:
        case str():
            return _LONG_RUN.sub(rf"\1{_BREAK}", _UNSEEN.sub(" ", value))
        case list() | tuple():
            return [_breakable(part) for part in value]
        case dict():
            return {key: _breakable(part) for key, part in value.items()}
        case _:
            return value


class _View:
    def __init__(self, invoice: Invoice, words: Words, attached_as: str) -> None:
        self.invoice = invoice
        self.words = words
        self.labels = words.labels
        self.notice = words.labels["notice"]
        if attached_as:
            self.notice = words.labels["notice_attached"] + attached_as

    def build(self) -> dict[str, Any]:
        invoice, words = self.invoice, self.words
        seller, buyer = invoice.seller or Seller(), invoice.buyer or Buyer()
        return {
            "language": words.language,
            "labels": dict(self.labels),
            "title": self._title(),
            "number": invoice.number or "",
            "currency": invoice.currency or "",
            "issued": self._iso(invoice.issue_date),
            "seller": {
                "name": seller.trading_name or seller.name or "",
                "legal": seller.name if seller.trading_name and seller.trading_name != seller.name else "",
                "address": self._address(seller.address),
                "facts": self._pairs(
                    ("vat_id", seller.vat_identifier),
                    ("tax_number", seller.tax_registration),
                    ("registration", _value(seller.legal_registration)),
                    *(("identifier", _value(one)) for one in seller.identifiers),
                    ("electronic_address", _value(seller.electronic_address)),
                ),
                "contact": self._contact(seller.contact),
                "information": seller.legal_information or "",
            },
            "buyer": {
                "name": buyer.name or "",
                "trading": buyer.trading_name if buyer.trading_name != buyer.name else "",
                "address": self._address(buyer.address),
                "facts": self._pairs(
                    ("vat_id", buyer.vat_identifier),
                    ("registration", _value(buyer.legal_registration)),
                    ("identifier", _value(buyer.identifier)),
                    ("electronic_address", _value(buyer.electronic_address)),
                ),
                "contact": self._contact(buyer.contact),
            },
            "facts": self._facts(),
            "others": self._other_parties(),
            "lines": self._lines(),
            "totals": self._totals(),
            "due": self._due(),
            "vat": [
                {
                    "category": words.category(row.category or ""),
                    "rate": self._rate(row.rate),
                    "taxable": self._amount(row.taxable_amount),
                    "tax": self._amount(row.tax_amount),
                    "reason": row.exemption_reason or row.exemption_reason_code or "",
                }
                for row in invoice.vat_breakdown
            ],
            "payment": self._payment(),
            "notice": self.notice,
            "terms": _paragraphs(invoice.payment_terms),
            "notes": [part for note in invoice.notes for part in _paragraphs(note.text)],
            "attachments": [
                " – ".join(filter(None, (part.reference, part.description, part.filename, part.url)))
                for part in invoice.documents
            ],
        }

    def _title(self) -> str:
        plain = self.labels["credit_note" if self.invoice.is_credit_note else "invoice"]
        return self.words.types.get(self.invoice.type_code or "", plain)

    def _facts(self) -> list[Pair]:
        invoice = self.invoice
        preceding = ", ".join(
            " / ".join(filter(None, (part.number, self._date(part.issue_date))))
            for part in invoice.preceding_invoices
        )
        return self._pairs(
            ("issue_date", self._date(invoice.issue_date)),
            ("due_date", self._date(invoice.due_date)),
            ("tax_point_date", self._date(invoice.tax_point_date)),
            ("tax_point_code", self.labels.get(_TAX_POINTS.get(invoice.tax_point_code or "", ""), "")),
            ("preceding", preceding),
            ("buyer_reference", invoice.buyer_reference),
            ("order", invoice.purchase_order_reference),
            ("sales_order", invoice.sales_order_reference),
            ("contract", invoice.contract_reference),
            ("project", invoice.project_reference),
            ("despatch", invoice.despatch_advice_reference),
            ("receipt", invoice.receiving_advice_reference),
            ("tender", invoice.tender_reference),
            ("object", _value(invoice.invoiced_object)),
            ("accounting", invoice.buyer_accounting_reference),
            ("delivered", self._date(invoice.delivery.delivered_on) if invoice.delivery else ""),
            ("period", self._period(invoice.period)),
        )

    def _other_parties(self) -> list[dict[str, Any]]:
        """Delivery place, payee and tax representative, where they are named."""
        invoice, found = self.invoice, []
        if (place := invoice.delivery) and (place.name or place.location or place.address):
            rows = [*filter(None, (place.name, _value(place.location))), *self._address(place.address)]
            found.append({"label": self.labels["delivery"], "rows": rows})
        if payee := invoice.payee:
            rows = [*filter(None, (payee.name, _value(payee.identifier), _value(payee.legal_registration)))]
            found.append({"label": self.labels["payee"], "rows": rows})
        if agent := invoice.tax_representative:
            rows = [*filter(None, (agent.name,)), *self._address(agent.address)]
            rows += [f"{label} {value}" for label, value in self._pairs(("vat_id", agent.vat_identifier))]
            found.append({"label": self.labels["representative"], "rows": rows})
        return found

    def _lines(self) -> list[dict[str, Any]]:
        rows, total = [], Decimal(0)
        for line in self.invoice.lines:
            total += line.net_amount or Decimal(0)
            rows.append({**self._line(line), "so_far": self._amount(total)})
        return rows

    def _line(self, line: Line) -> dict[str, Any]:
        item, price, vat = line.item, line.price, line.vat
        details = _paragraphs(item.description) if item else []
        if item:
            details += self._joined(
                ("item", item.seller_identifier),
                ("your_item", item.buyer_identifier),
                ("", _value(item.standard_identifier)),
                ("origin", self.words.country(item.origin_country or "")),
                *(("classification", part.code) for part in item.classifications),
            )
            details += [f"{part.name or ''}: {part.value or ''}" for part in item.attributes]
        details += self._joined(
            ("order_line", line.purchase_order_line),
            ("object", _value(line.object)),
            ("accounting", line.buyer_accounting_reference),
            ("period", self._period(line.period)),
        )
        if price and price.gross is not None and price.discount:
            gross, discount = self._price(price.gross), self._price(price.discount)
            details.append(f"{self.labels['gross_price']} {gross} − {discount}")
        if vat and vat.category not in (None, _STANDARD_RATE) and vat.rate is not None:
            # The rate alone does not tell an export from a reverse charge.
            details.append(self.words.category(vat.category))
        details += _paragraphs(line.note)
        base = price.base_quantity if price else None
        per = ""
        if price and base is not None and (base != 1 or price.base_quantity_unit not in (None, line.unit)):
            unit = self.words.unit(price.base_quantity_unit or line.unit or "")
            per = f"{self.labels['per']} {self.words.number(base)} {unit}".strip()
        return {
            "position": line.identifier or "",
            "name": (item.name if item else "") or "",
            "details": details,
            "changes": [
                *(self._change(part, "allowance", -1) for part in line.allowances),
                *(self._change(part, "charge", 1) for part in line.charges),
            ],
            "quantity": self.words.number(line.quantity) if line.quantity is not None else "",
            "unit": self.words.unit(line.unit or ""),
            "price": self._price(price.net) if price and price.net is not None else "",
            "per": per,
            "rate": (self._rate(vat.rate) or self.words.category(vat.category or "")) if vat else "",
            "amount": self._amount(line.net_amount),
        }

    def _change(self, part: AllowanceCharge, label: str, sign: int) -> Pair:
        """An allowance or charge: its reason with percentage and base, and its signed amount."""
        text = part.reason or self.labels[label]
        if part.percentage is not None:
            base = part.base_amount
            of = f" {self.labels['base']} {self._amount(base)}" if base is not None else ""
            text = f"{text} ({self.words.number(part.percentage)}\u00a0%{of})"
        return text, self._amount(None if part.amount is None else sign * part.amount)

    def _totals(self) -> list[Pair]:
        invoice, totals = self.invoice, self.invoice.totals or _NO_TOTALS
        rows: list[Pair] = []
        if totals.lines is not None and (invoice.allowances or invoice.charges):
            rows.append((self.labels["lines_total"], self._amount(totals.lines)))
        rows += [self._change(part, "allowance", -1) for part in invoice.allowances]
        rows += [self._change(part, "charge", 1) for part in invoice.charges]
        rows += self._pairs(
            ("without_vat", self._amount(totals.without_vat)),
            ("vat", self._amount(totals.vat)),
        )
        if totals.vat_in_vat_currency is not None:
            label = f"{self.labels['vat_in']} {invoice.vat_currency or ''}".strip()
            amount = self.words.amount(totals.vat_in_vat_currency, invoice.vat_currency)
            rows.append((label, amount))
        rows += self._pairs(("with_vat", self._amount(totals.with_vat)))
        # The VAT of split payment has a row of its own below, wherever the invoice counts it.
        if paid := (totals.paid or Decimal(0)) - split_vat_paid(invoice):
            rows.append((self.labels["paid"], self._amount(-paid)))
        if totals.rounding:
            rows.append((self.labels["rounding"], self._amount(totals.rounding)))
        rows += [self._kept_back(one) for one in kept_back(invoice)]
        return rows

    def _kept_back(self, one: KeptBack) -> Pair:
        text = one.reason or self.labels[one.kind]
        if one.rate is not None:
            text = f"{text} ({self.words.number(one.rate)}\u00a0%)"
        return text, self._amount(-one.amount)

    def _due(self) -> Pair:
        """What is to be paid, after what the buyer keeps back: that is what people transfer."""
        label = self.labels["credited" if self.invoice.is_credit_note else "due"]
        return label, self._amount(payable(self.invoice))

    def _payment(self) -> list[Pair]:
        payment = self.invoice.payment
        if payment is None:
            return []
        means = payment.means_text or self.words.means.get(payment.means_code or "", payment.means_code)
        rows = self._pairs(("means", means))
        for transfer in payment.credit_transfers:
            rows += self._pairs(
                ("account", _grouped(transfer.account)),
                ("account_name", transfer.account_name),
                ("bank", transfer.service_provider),
            )
        if payment.card:
            rows += self._pairs(("card", payment.card.account_number), ("holder", payment.card.holder))
        if payment.direct_debit:
            debit = payment.direct_debit
            rows += self._pairs(
                ("mandate", debit.mandate),
                ("creditor", debit.creditor),
                ("debited", _grouped(debit.debited_account)),
            )
        return rows + self._pairs(("remittance", payment.remittance_information))

    def _pairs(self, *rows: tuple[str, str | None]) -> list[Pair]:
        return [(self.labels[key], value) for key, value in rows if value]

    def _joined(self, *rows: tuple[str, str | None]) -> list[str]:
        """The rows that say something, in one line of small print."""
        parts = [f"{self.labels[key]} {value}" if key else value for key, value in rows if value]
        return [" · ".join(parts)] if parts else []

    def _address(self, address: Address | None) -> list[str]:
        if address is None:
            return []
        place = " ".join(filter(None, (address.post_code, address.city)))
        rows = (address.line_1, address.line_2, address.line_3, place, address.subdivision)
        country = self.words.country(address.country) if address.country else None
        return [row for row in (*rows, country) if row]

    def _contact(self, contact: Contact | None) -> list[str]:
        return [part for part in (contact.name, contact.telephone, contact.email) if part] if contact else []

    def _period(self, period: Period | None) -> str:
        if period is None:
            return ""
        return " – ".join(filter(None, (self._date(period.start), self._date(period.end))))

    def _date(self, value: date | None) -> str:
        return "" if value is None else self.words.date(value)

    def _iso(self, value: date | None) -> str:
        return "" if value is None else value.isoformat()

    def _amount(self, value: Decimal | None) -> str:
        return "" if value is None else self.words.amount(value, self.invoice.currency)

    def _price(self, value: Decimal) -> str:
        return self.words.number(value, least=2)

    def _rate(self, value: Decimal | None) -> str:
        return "" if value is None else f"{self.words.number(value)}\u00a0%"


def _value(identifier: Identifier | None) -> str:
    return identifier.value if identifier else ""


def _paragraphs(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _grouped(account: str | None) -> str:
    """An IBAN in groups of four, as banks print it; anything else as it is."""
    compact = (account or "").replace(" ", "")
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", compact):
        return account or ""
    return "\u00a0".join(compact[start : start + 4] for start in range(0, len(compact), 4))
