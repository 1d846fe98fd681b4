"""The object layer of an imitated Odoo: models with typed fields, conditions, order, and Odoo's way to say
it.

Absent values come as `false`, references as `[id, name]`, moments as UTC text without their fraction of a
second although conditions see it, amounts as binary fractions. Archived records are left out of searches.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["SCHEMA", "Database", "OdooError"]

Values = dict[str, Any]


class OdooError(Exception):
    """An exception of Odoo's server: the qualified name of its class, its message, and JSON-2's status."""

    def __init__(self, name: str, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.name, self.message, self.status = name, message, status


def _fields(**kinds: str) -> dict[str, tuple[str, str]]:
    """Fields by name: a type, or for references `many2one:model`."""
    always = {"id": "integer", "display_name": "char", "create_date": "datetime", "write_date": "datetime"}
    named = {**always, **kinds}
    return {name: (kind.partition(":")[0], kind.partition(":")[2]) for name, kind in named.items()}


SCHEMA: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "account.move": _fields(
        name="char",
        move_type="selection",
        state="selection",
        posted_before="boolean",
        invoice_date="date",
        invoice_date_due="date",
        delivery_date="date",
        ref="char",
        payment_reference="char",
        invoice_origin="char",
        narration="html",
        amount_untaxed="monetary",
        amount_tax="monetary",
        amount_total="monetary",
        amount_residual="monetary",
        payment_state="selection",
        peppol_move_state="selection",
        invoice_payments_widget="binary",
        company_id="many2one:res.company",
        currency_id="many2one:res.currency",
        partner_id="many2one:res.partner",
        commercial_partner_id="many2one:res.partner",
        partner_shipping_id="many2one:res.partner",
        partner_bank_id="many2one:res.partner.bank",
        invoice_payment_term_id="many2one:account.payment.term",
        reversed_entry_id="many2one:account.move",
    ),
    "account.move.line": _fields(
        move_id="many2one:account.move",
        sequence="integer",
        name="char",
        display_type="selection",
        quantity="float",
        price_unit="float",
        discount="float",
        price_subtotal="monetary",
        amount_currency="monetary",
        balance="monetary",
        tax_ids="many2many:account.tax",
        tax_line_id="many2one:account.tax",
        product_id="many2one:product.product",
        product_uom_id="many2one:uom.uom",
        deferred_start_date="date",
        deferred_end_date="date",
        extra_tax_data="json",
    ),
    "account.tax": _fields(
        name="char",
        amount="float",
        amount_type="selection",
        price_include="boolean",
        ubl_cii_tax_category_code="selection",
        ubl_cii_tax_exemption_reason_code="selection",
        active="boolean",
    ),
    "account.payment.term": _fields(name="char", active="boolean"),
    "res.partner": _fields(
        name="char",
        ref="char",
        vat="char",
        company_registry="char",
        peppol_eas="selection",
        peppol_endpoint="char",
        email="char",
        phone="char",
        street="char",
        street2="char",
        zip="char",
        city="char",
        state_id="many2one:res.country.state",
        country_id="many2one:res.country",
        parent_id="many2one:res.partner",
        company_id="many2one:res.company",
        is_company="boolean",
        customer_rank="integer",
        active="boolean",
    ),
    "res.partner.bank": _fields(
        acc_number="char",
        bank_bic="char",
        acc_holder_name="char",
        partner_id="many2one:res.partner",
        active="boolean",
    ),
    "res.company": _fields(
        name="char",
        partner_id="many2one:res.partner",
        currency_id="many2one:res.currency",
        sale_discount_product_id="many2one:product.product",
    ),
    "res.currency": _fields(name="char", decimal_places="integer", active="boolean"),
    "res.country": _fields(name="char", code="char"),
    "res.country.state": _fields(name="char", code="char"),
    "product.product": _fields(name="char", default_code="char", barcode="char", active="boolean"),
    "uom.uom": _fields(name="char", active="boolean"),
    "mail.message": _fields(
        model="char", res_id="integer", body="html", message_type="selection", subtype_xmlid="char"
    ),
    "ir.attachment": _fields(
        name="char", res_model="char", res_id="integer", datas="binary", mimetype="char", type="selection"
    ),
}
_LIMITS: Final = 1_000_000


class Database:
    """All records of one database. Thread-safe; `clock` gives the server's time as aware UTC."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self._tables: dict[str, dict[int, Values]] = {model: {} for model in SCHEMA}
        self._numbers = {model: itertools.count(1) for model in SCHEMA}

    # What clerks and the server itself do.

    def make(self, model: str, /, **values: Any) -> int:
        """A new record; its id. Raises KeyError for a field that the model does not have."""
        unknown = values.keys() - SCHEMA[model].keys()
        if unknown:
            raise KeyError(f"{model} has no {sorted(unknown)}")
        with self.lock:
            key = next(self._numbers[model])
            now = self.clock()
            active = {"active": True} if "active" in SCHEMA[model] else {}
            self._tables[model][key] = {**active, **values, "id": key, "create_date": now, "write_date": now}
            return key

    def set(self, model: str, key: int, /, **values: Any) -> None:
        """Change a record; the time of its last write moves, too."""
        with self.lock:
            self._tables[model][key] |= {**values, "write_date": self.clock()}

    def row(self, model: str, key: int) -> Values:
        with self.lock:
            return self._tables[model][key]

    def rows(self, model: str, /, **equal: Any) -> list[Values]:
        with self.lock:
            found = list(self._tables[model].values())
        return [row for row in found if all(row.get(name) == value for name, value in equal.items())]

    # What clients ask.

    def fields_get(self, model: str, attributes: Sequence[str]) -> Values:
        found = {}
        for name, (kind, relation) in self._schema(model).items():
            told = {"type": kind, "string": name.replace("_", " ").title(), "readonly": False}
            told |= {"relation": relation} if relation else {}
            found[name] = {key: value for key, value in told.items() if not attributes or key in attributes}
        return found

    def search(
        self, model: str, domain: Sequence[Any], *, offset: int, limit: int, order: str, active_test: bool
    ) -> list[int]:
        schema = self._schema(model)
        names = {term[0] for term in domain if isinstance(term, list | tuple)}
        fits = self._compiled(model, list(domain))
        with self.lock:
            rows = [row for row in self._tables[model].values() if fits(row)]
        if "active" in schema and active_test and "active" not in names:
            rows = [row for row in rows if row.get("active")]
        for part in reversed([part.split() for part in (order or "id").split(",")]):
            name = part[0]
            if name not in schema:
                raise OdooError("builtins.ValueError", f"Invalid field {name!r} on model {model!r}", 500)
            rows.sort(key=_by(name), reverse=part[1:] == ["desc"])
        return [row["id"] for row in rows][offset : offset + (limit or _LIMITS)]

    def read(self, model: str, ids: Sequence[int], names: Sequence[str]) -> list[Values]:
        """Records that are gone are left out."""
        schema = self._schema(model)
        for name in names:
            if name not in schema:
                raise OdooError("builtins.ValueError", f"Invalid field {name!r} on model {model!r}", 500)
        wanted = list(dict.fromkeys(["id", *(names or schema)]))
        with self.lock:
            rows = [self._tables[model][key] for key in ids if key in self._tables[model]]
            return [{name: self._said(schema[name], row.get(name)) for name in wanted} for row in rows]

    def _schema(self, model: str) -> Mapping[str, tuple[str, str]]:
        if model not in SCHEMA:
            raise OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist", 404)
        return SCHEMA[model]

    def _said(self, field: tuple[str, str], value: Any) -> Any:
        kind, relation = field
        if kind == "many2many":
            return list(value or ())
        if value is None:
            return 0 if kind in ("integer", "float", "monetary") else False
        if kind == "many2one":
            row = self._tables[relation].get(value, {})
            return [value, str(row.get("name") or f"{relation},{value}")]
        if kind == "datetime":
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        return value

    # Conditions, in Polish notation; terms beside each other are joined by "and".

    def _compiled(self, model: str, domain: list[Any]) -> Callable[[Values], bool]:
        parts: list[Callable[[Values], bool]] = []
        while domain:
            parts.append(self._next(model, domain))
        return lambda row: all(part(row) for part in parts)

    def _next(self, model: str, domain: list[Any]) -> Callable[[Values], bool]:
        if not domain:
            raise OdooError("builtins.ValueError", "malformed domain", 500)
        term = domain.pop(0)
        if term in ("&", "|"):
            left, right = self._next(model, domain), self._next(model, domain)
            if term == "&":
                return lambda row: left(row) and right(row)
            return lambda row: left(row) or right(row)
        if term == "!":
            inner = self._next(model, domain)
            return lambda row: not inner(row)
        name, operator, wanted = term
        if name not in self._schema(model):
            raise OdooError("builtins.ValueError", f"Invalid field {model}.{name} in leaf {term!r}", 500)
        kind = SCHEMA[model][name][0]
        return lambda row: _holds(kind, row.get(name), operator, wanted)


def _by(name: str) -> Callable[[Values], tuple[bool, Any]]:
    return lambda row: _sortable(row.get(name))


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is None, value if value is not None else 0


def _holds(kind: str, value: Any, operator: str, wanted: Any) -> bool:
    if kind == "datetime" and isinstance(wanted, str):
        wanted = datetime.fromisoformat(wanted).replace(tzinfo=UTC)
    if kind == "boolean":
        value = bool(value)
    match operator:
        case "=":
            return bool(value == wanted or (wanted is False and value is None))
        case "!=":
            return not _holds(kind, value, "=", wanted)
        case "in":
            return any(_holds(kind, value, "=", one) for one in wanted)
        case "not in":
            return not _holds(kind, value, "in", wanted)
        case ">" | ">=" | "<" | "<=":
            if value is None or wanted is False:
                return False
            compared = {
                ">": value > wanted,
                ">=": value >= wanted,
                "<": value < wanted,
                "<=": value <= wanted,
            }
            return bool(compared[operator])
        case "like":
            return str(wanted) in str(value or "")
        case "ilike":
            # As in SQL: % stands for any signs, _ for one.
            wild = re.escape(str(wanted)).replace("%", ".*").replace("_", ".")
            return re.search(wild, str(value or ""), re.IGNORECASE | re.DOTALL) is not None
    raise OdooError("builtins.ValueError", f"Invalid operator {operator!r}", 500)
