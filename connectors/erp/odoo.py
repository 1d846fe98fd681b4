"""Odoo over its external API: posted customer invoices out, status into the chatter, payments and buyers out.

For Odoo 14 and later, by a user with an API key, over JSON-RPC (`/jsonrpc`) or JSON-2 (`/json/2`, from Odoo
19). JSON-RPC answers HTTP 200 also for what went wrong, with the Python exception and its traceback in the
body; the traceback (`debug`) holds values of records and is never kept. Odoo says `false` for what is absent,
`[7, "Name"]` for a reference, and calculates with binary fractions; here that is None, 7, and a text without
the dust. Documents name fields as Odoo does, with objects in place of references and amounts as texts with
the decimals of the invoice's currency; a page of them takes a few calls, however many lines they have.
Sources: Odoo documentation, External RPC API (14 to 18) and External JSON-2 API (19).
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final, Self

from pydantic import Field, model_validator

from connectors.base import (
    OpenInvoice,
    PartyPage,
    PartyRecord,
    PaymentStatus,
    RejectedDocument,
    SecretReference,
    Surroundings,
)
from connectors.http import HttpAnswer, HttpClient
from connectors.kit import complaints
from connectors.kit.complaints import Complaint, Complaints, Meaning
from connectors.kit.database import DatabaseConnector, Found, Reading
from connectors.kit.documents import (
    cancelled,
    document_or_reason,
    facts,
    for_people,
    insist_on_sum,
    settlement,
    total_of,
    without,
)
from connectors.kit.json_rpc import JsonRpc, Session, strange
from connectors.kit.keyset import Feed
from connectors.kit.notes import FileRecords
from connectors.kit.plain import amount, fraction, round_to, text_of_html
from connectors.kit.records import Record, Records, at, names
from connectors.kit.relations import Relations, steps
from connectors.kit.server import DatabaseSettings
from formats.errors import DocumentError, RemoteError, RemoteRefused, RemoteUnexpected

__all__ = ["Odoo", "OdooSettings", "plain"]

_SOLD: Final = ["out_invoice", "out_refund"]
_HEAD: Final = names(
    "name move_type state write_date invoice_date invoice_date_due delivery_date ref payment_reference "
    "invoice_origin narration amount_untaxed amount_tax amount_total"
)
_PARTNER: Final = (
    "name ref vat company_registry peppol_eas peppol_endpoint email phone street street2 zip city is_company "
    "country_id(code) state_id(name)"
)
_CURRENCY: Final = "currency_id(name decimal_places)"
_AROUND: Final = names(
    f"peppol_move_state {_CURRENCY} partner_id({_PARTNER}) commercial_partner_id({_PARTNER}) "
    f"partner_shipping_id({_PARTNER}) partner_bank_id(acc_number bank_bic acc_holder_name) "
    "invoice_payment_term_id(name) reversed_entry_id(name invoice_date)"
)
_INVOICE: Final = (*_HEAD, *_AROUND)
_LINE: Final = (
    "move_id sequence name display_type exclude_from_invoice_tab quantity price_unit discount price_subtotal "
    "amount_currency balance deferred_start_date deferred_end_date extra_tax_data "
    "product_id(default_code barcode name)"
)
_TAX: Final = "name amount amount_type price_include"
_PAYMENT: Final = names(
    f"name payment_state amount_total amount_residual invoice_payments_widget {_CURRENCY}"
)
_COMPANY: Final = names(f"name currency_id(name) partner_id({_PARTNER}) sale_discount_product_id")
_DISCOUNT_PRODUCT: Final = "sale_discount_product_id"
# How the computation of a line begins that takes off a discount on the whole order, from Odoo 19.
_DISCOUNT_ON_ALL: Final = "global_discount"
# Parameters and results of these change between versions; before 17 a note is HTML, since then text.
_NOTES_ARE_TEXT: Final = 17
_RIGHTS_BY_ACCESS: Final = 18
_FIELD: Final = r"^[a-z0-9_]{0,64}$"
_ERROR_STATUSES: Final = (400, 401, 403, 404, 405, 409, 422, 500)
# Fields that all versions have: those of text, numbers, and relations with the model behind. They need not
# be asked for, and calls are dear.
_EVERYWHERE: Final[Mapping[str, str]] = {
    "res.currency": "name decimal_places",
    "res.country": "code",
    "res.country.state": "name",
    "account.payment.term": "name",
    "product.product": "name default_code barcode",
    "mail.message": "body",
    "ir.attachment": "name",
}
_OTHERWISE: Final = (
    "look at the record in Odoo; if the server was upgraded or a module removed, compare its fields"
)
_NO_LOGIN: Final = complaints.no_login(
    "check database and user, and make a new API key if the old one has ended: keys of Odoo 19 last at most "
    "three months",
    *("AccessDenied", "Unauthorized"),
    statuses=(401,),
)
_MEANINGS: Final = (
    _NO_LOGIN,
    complaints.no_database(
        words="database.*does not exist|does not exist.*database",
        hint="its name is shown at /web/database/selector",
    ),
    complaints.no_right("AccessError", "Forbidden", statuses=(403,)),
    # PostgreSQL's words come through.
    complaints.busy("SerializationFailure", "LockNotAvailable", "DeadlockDetected", "QueryCanceled"),
    complaints.busy("PoolError", "InterfaceError", "OperationalError", "LockError", "ConcurrencyError"),
    complaints.blocked("UserError", "ValidationError", "RedirectWarning"),
    # A mistake in what was asked, or in a module: trying again changes nothing.
    Meaning(RemoteUnexpected, "Odoo says {kind}: {text}", _OTHERWISE, kinds=("builtins",)),
    complaints.own_error(500),
)


class OdooSettings(DatabaseSettings):
    """One company in one database of an Odoo server."""

    user: str = Field("", description="login of the gateway's user; JSON-2 knows it by its key alone")
    api_key: SecretReference = Field(description="env:NAME or file:PATH of its API key or password")
    company: int = Field(1, ge=1, description="id of the company, as in the address of its form in Odoo")
    protocol: str = Field(
        "jsonrpc",
        pattern="^(jsonrpc|json2)$",
        description="jsonrpc for Odoo 14 to 19, json2 for Odoo 19 and later",
    )
    language: str = Field(
        "en_US",
        pattern=r"^[a-z]{2,3}(_[A-Za-z]{2,10})?(@[a-z]+)?$",
        description="language of the names of units and taxes; the tables of the mapping are in English",
    )
    when_odoo_sends: str = Field(
        "hold",
        pattern="^(hold|take)$",
        description="invoices that Odoo itself sends by Peppol: hold shows them to people, take sends them",
    )
    sent_by_odoo: tuple[str, ...] = Field(
        ("to_send", "processing", "done"),
        description="the PEPPOL status of an invoice by which Odoo itself sends it or has sent it",
    )
    tax_category_field: str = Field(
        "ubl_cii_tax_category_code", pattern=_FIELD, description="field of a tax with its VAT category"
    )
    tax_exemption_field: str = Field(
        "ubl_cii_tax_exemption_reason_code", pattern=_FIELD, description="field with its exemption code"
    )
    unit_code_field: str = Field(
        "unece_code", pattern=_FIELD, description="field of a unit with its UN/ECE code"
    )
    bank_accounts: bool = Field(True, description="false where the user may not read bank accounts of buyers")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.protocol == "jsonrpc" and not self.user:
            raise ValueError("user is needed with protocol jsonrpc")
        return self


class Odoo(DatabaseConnector[OdooSettings, "_Models"]):
    """One company of Odoo. Invoices that were cancelled after posting, and those that Odoo itself sends, are
    shown to people; evidence is without Odoo's traceback."""

    erp = "Odoo"
    invoice_model = "account.move"
    rights_fix = "give it the role Billing (Invoicing) in Odoo"

    def __init__(self, name: str, settings: OdooSettings, surroundings: Surroundings) -> None:
        http = settings.client(surroundings.clock)
        super().__init__(name, settings, http, _Models(http, settings, surroundings))

    def invoices(self) -> Feed[Record]:
        # Cancelled without ever having been posted is nobody's business.
        posted = ["|", ("state", "=", "posted"), "&", ("state", "=", "cancel"), ("posted_before", "=", True)]
        of_company = ("company_id", "=", self._settings.company)
        return self.changes("account.move", [("move_type", "in", _SOLD), of_company, *posted])

    def reading(self) -> Reading:
        return _Bundler(self._models, self._settings, self.company).documents

    def board(self) -> _Chatter:
        return _Chatter(self._models)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """What is still to pay, and what settled the rest: money, or a credit note."""
        asked = self.asked(invoices)
        if not asked:
            return
        domain = [("id", "in", sorted(asked)), ("company_id", "=", self._settings.company)]
        domain.append(("state", "=", "posted"))
        related = Relations(self._models)
        rows = self._models.search_all("account.move", domain, steps(_PAYMENT))
        rows = related.fill("account.move", rows, _PAYMENT)
        entries = {int(row["id"]): _entries(row.get("invoice_payments_widget")) for row in rows}
        behind = {one["move_id"] for found in entries.values() for one in found if one["move_id"]}
        moves = related.read("account.move", behind, ("name", "move_type"))
        for row in rows:
            if row.get("payment_state") not in (None, "invoicing_legacy"):
                yield _payment(row, asked[int(row["id"])], entries[int(row["id"])], moves)

    def count_posted(self, day: date) -> int:
        """One call. What was cancelled is not counted, nor what Odoo itself sends where that is held."""
        settings, models = self._settings, self._models
        domain: list[object] = [("move_type", "in", _SOLD), ("company_id", "=", settings.company)]
        domain += [("state", "=", "posted"), ("invoice_date", "=", day.isoformat())]
        if settings.when_odoo_sends == "hold" and models.has("account.move", "peppol_move_state"):
            domain.append(("peppol_move_state", "not in", list(settings.sent_by_odoo)))
        return models.made(models.call("account.move", "search_count", domain=domain), "search_count")

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Customers that are not archived, with numbers, address, mail and bank accounts."""
        domain = [("customer_rank", ">", 0), ("company_id", "in", [False, self._settings.company])]
        related = Relations(self._models)
        for changes, place in self.changes("res.partner", domain).pages(self.place(cursor)):
            rows = related.read("res.partner", [change.id for change in changes], names(_PARTNER))
            banks = rows if self._settings.bank_accounts else ()
            accounts = related.children("res.partner.bank", "partner_id", banks, ("acc_number",))
            found = ((change.id, rows[change.id]) for change in changes if change.id in rows)
            parties = (PartyRecord(str(key), _facts(row, accounts.get(key, []))) for key, row in found)
            yield PartyPage(tuple(parties), place.cursor)

    def login(self) -> str:
        # A login is only proved by a call that needs it.
        self._models.fields("account.move")
        return self._settings.user or "the user of the API key"

    def company(self) -> Record:
        key = self._settings.company
        found = self.seen(Relations(self._models).read("res.company", [key], _COMPANY).get(key))
        partner, currency = _partner(found["partner_id"]), at(found, "currency_id.name")
        told = {"id": key, "name": found["name"], "currency": currency, "partner": partner}
        return told | {_DISCOUNT_PRODUCT: found.get(_DISCOUNT_PRODUCT)}

    def lacking(self) -> list[str]:
        models = self._models
        wanted = [("account.move", "read"), ("res.partner", "read")]
        wanted += [("ir.attachment", "create"), ("mail.message", "create")]
        return [f"{operation} {model}" for model, operation in wanted if not models.may(model, operation)]

    def absent(self) -> list[str]:
        models, settings = self._models, self._settings
        return [
            *models.absent("account.move", steps(_INVOICE)),
            *models.absent("res.partner", steps(names(_PARTNER))),
            *models.absent("account.tax", [settings.tax_category_field]),
            *models.absent("uom.uom", [settings.unit_code_field]),
        ]


class _Bundler:
    """Puts the invoices of one visit together; what they share is read once for all of them."""

    def __init__(self, models: _Models, settings: OdooSettings, company: Callable[[], Record]) -> None:
        self._models, self._settings, self._company = models, settings, cache(company)
        self._related = Relations(models)
        tax = f"({_TAX} {settings.tax_category_field} {settings.tax_exemption_field})"
        unit = f"(name {settings.unit_code_field})"
        self._line_names = names(f"{_LINE} tax_ids{tax} tax_line_id{tax} product_uom_id{unit}")

    def documents(self, changed: Sequence[Record]) -> list[Found]:
        """These invoices, in this order; those that are gone by now are left out."""
        ids = [int(row["id"]) for row in changed]
        found = self._models.read("account.move", ids, steps(_INVOICE))
        moves = [found[key] for key in ids if key in found and found[key]["state"] in ("posted", "cancel")]
        aside = {move["id"]: reason for move in moves if (reason := self._reason(move))}
        taken = [move for move in moves if move["id"] not in aside]
        heads = {move["id"]: move for move in self._related.fill("account.move", taken, _INVOICE)}
        lines = self._related.children("account.move.line", "move_id", heads, self._line_names)
        return [
            aside.get(key) or self._one(heads[key], lines.get(key, []))
            for key in (move["id"] for move in moves)
        ]

    def _reason(self, move: Record) -> RejectedDocument | None:
        """Why an invoice is for people to look at; None for one that is sent."""
        name, settings = move["name"], self._settings
        if move["state"] == "cancel":
            return cancelled("Odoo", move["id"], name)
        if settings.when_odoo_sends == "take" or move.get("peppol_move_state") not in settings.sent_by_odoo:
            return None
        what = f"Odoo itself sends invoice {name} by Peppol; the buyer would get it twice"
        fix = "leave Peppol out when sending in Odoo, or set when_odoo_sends: take for this source"
        return for_people("Odoo", f"{move['id']}:{move['state']}", name, what, fix=fix)

    def _one(self, move: Record, rows: Sequence[Record]) -> Found:
        return document_or_reason(
            lambda: self._content(move, rows),
            key=str(move["id"]),
            revision=str(move["write_date"]),
            origin=f"Odoo invoice {move['name']}",
            lasting=lambda content: {**content, "invoice": without(content["invoice"], "write_date")},
        )

    def _content(self, move: Record, rows: Sequence[Record]) -> dict[str, Any]:
        decimals = int(at(move, "currency_id.decimal_places") or 0)
        # Revenue and tax are on the credit side of an invoice, on the debit side of a credit note.
        side = 1 if move["move_type"] == "out_refund" else -1
        head = {name: move.get(name) for name in ("id", *_HEAD)}
        head |= {name: amount(move[name], decimals) for name in _HEAD if name.startswith("amount")}
        head |= {"currency": at(move, "currency_id.name")}
        head |= {"payment_term": at(move, "invoice_payment_term_id.name")}
        lines = [self._line(line, decimals, move["name"]) for line in rows if _is_product(line)]
        rounding = [line["amount_currency"] for line in rows if line.get("display_type") == "rounding"]
        rounded = amount(total_of(rounding) * side, decimals)
        amounts = [*(line["price_subtotal"] for line in lines), rounded]
        insist_on_sum("Odoo", move["name"], amounts, head["amount_untaxed"])
        between = [line["name"] for line in rows if line.get("display_type") == "line_note"]
        return {
            "invoice": head,
            "company": without(self._company(), _DISCOUNT_PRODUCT),
            "buyer": _partner(move.get("commercial_partner_id") or move["partner_id"]),
            "buyer_contact": _partner(move["partner_id"]),
            "delivery": _partner(move.get("partner_shipping_id")),
            "bank": move.get("partner_bank_id"),
            "reversed": move.get("reversed_entry_id"),
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

    def _line(self, line: Record, decimals: int, number: str) -> dict[str, Any]:
        taxes = [self._tax(tax) for tax in line.get("tax_ids") or ()]
        strange_ones = [
            tax for tax in taxes if tax["amount_type"] != "percent" or Decimal(tax["amount"] or "0") < 0
        ]
        if strange_ones or len(taxes) > 1:
            raise DocumentError(
                f"a line of invoice {number} has taxes that an e-invoice cannot say: "
                + ", ".join(str(tax["name"]) for tax in strange_ones or taxes),
                where=f"Odoo invoice {number}, Taxes of the line",
                fix="give each line one VAT percentage; write contributions and deductions as lines of their "
                "own",
            )
        quantity, subtotal = Decimal(line["quantity"] or "0"), Decimal(line["price_subtotal"] or "0")
        product, unit = line.get("product_id"), line.get("product_uom_id")
        wanted = ("default_code", "barcode", "name")
        return {
            **{name: line[name] for name in ("id", "name", "quantity", "price_unit")},
            "discount": line.get("discount"),
            "price_subtotal": amount(subtotal, decimals),
            # What one piece costs without VAT and discount, for prices that hold the VAT.
            "net_price": fraction(round_to(subtotal / quantity, 8) if quantity else line["price_unit"]),
            "start_date": line.get("deferred_start_date"),
            "end_date": line.get("deferred_end_date"),
            "product": product and {name: product.get(name) for name in wanted},
            "unit": unit and {"name": unit["name"], "code": unit.get(self._settings.unit_code_field)},
            "tax": taxes[0] if taxes else None,
            **({"global_discount": True} if self._is_global_discount(line) else {}),
        }

    def _is_global_discount(self, line: Record) -> bool:
        """Whether Odoo made this line of a discount on the whole order. Odoo 19 says so on the line; before,
        the company's product for such discounts tells it, where sales are in Odoo (17 and later)."""
        extra, product = line.get("extra_tax_data"), line.get("product_id")
        computed = str(extra.get("computation_key") or "") if isinstance(extra, dict) else ""
        marked = self._company()[_DISCOUNT_PRODUCT]
        return computed.startswith(_DISCOUNT_ON_ALL) or (product is not None and product["id"] == marked)

    def _tax(self, row: Record) -> Record:
        return {
            **{name: row.get(name) for name in ("id", *names(_TAX))},
            "category": row.get(self._settings.tax_category_field),
            "exemption": row.get(self._settings.tax_exemption_field),
        }


class _Chatter(FileRecords["_Models"]):
    """Internal notes and attachments of invoices."""

    def beside(self, key: int) -> Mapping[str, object]:
        return {"res_model": "account.move", "res_id": key}

    def held(self, content: bytes) -> Mapping[str, object]:
        return {"datas": base64.b64encode(content).decode("ascii"), "mimetype": "application/xml"}

    def find_note(self, key: int, reference: str) -> int:
        # The body is HTML, in which some signs have other names; % stands for anything. So what came back is
        # looked through.
        pattern, mark = re.sub(r"[^A-Za-z0-9-]+", "%", reference), f"[{reference}]"
        domain = [("model", "=", "account.move"), ("res_id", "=", key), ("body", "ilike", pattern)]
        rows = self.models.search_all("mail.message", domain, ("body",))
        return next((int(row["id"]) for row in rows if mark in html.unescape(str(row["body"]))), 0)

    def add_note(self, key: int, parts: tuple[str, ...]) -> int:
        text = " · ".join(" ".join(part.split()) for part in parts)
        made = self.models.call(
            "account.move",
            "message_post",
            ids=[key],
            writing=True,
            body=text if self.models.series() >= _NOTES_ARE_TEXT else html.escape(text, quote=False),
            message_type="comment",
            subtype_xmlid="mail.mt_note",
        )
        return self.models.made(made, "account.move.message_post")


class _Models(Records):
    """The models of the database. Safe to share between threads."""

    # Odoo keeps times to the millionth of a second and tells them to the second.
    grain = timedelta(seconds=1)

    def __init__(self, http: HttpClient, settings: OdooSettings, surroundings: Surroundings) -> None:
        super().__init__()
        self.system = f"Odoo {settings.database}"
        self._http, self._settings, self._json2 = http, settings, settings.protocol == "json2"
        # Anew at each use, so that a renewed key is taken without a restart.
        self._key: Callable[[], str] = lambda: surroundings.secret(settings.api_key).strip()
        login = "the API key" if self._json2 else f"the login of {settings.user}"
        self._complaints = Complaints(
            "Odoo", _MEANINGS, otherwise=_OTHERWISE, database=settings.database, login=login
        )
        budget = settings.budget("Odoo", http, surroundings)
        self._rpc = JsonRpc(http, self._explained, marks={"jsonrpc": "2.0"}, budget=budget)
        self._session = Session(self._log_in)
        self._version = ""
        self.foretell(_EVERYWHERE)

    def version(self) -> str:
        """The server's version, such as 17.0; asked without a login."""
        if not self._version:
            if self._json2:
                answer, name = self._http.get_json("/web/version"), "version"
            else:
                answer, name = self._ask("common", "version", [], "version"), "server_version"
            found = answer.get(name) if isinstance(answer, dict) else None
            if not found:
                raise self.strange("version")
            self._version = str(found)
        return self._version

    def series(self) -> int:
        """The main number of the version: 17 of 17.0 and of saas~17.4."""
        digits = self.version().rpartition("~")[2].partition(".")[0]
        return int(digits) if digits.isdigit() else 0

    def may(self, model: str, operation: str) -> bool:
        """Whether the user may read or create records of a model."""
        if self.series() >= _RIGHTS_BY_ACCESS:
            return bool(self.call(model, "has_access", ids=[], operation=operation))
        return bool(self.call(model, "check_access_rights", operation=operation, raise_exception=False))

    def call(
        self,
        model: str,
        method: str,
        *,
        ids: Sequence[int] | None = None,
        writing: bool = False,
        **named: Any,
    ) -> Any:
        """One method of a model, in one transaction there; `ids` are the records that it is called on."""
        settings, what = self._settings, f"{model}.{method}"
        company = [settings.company]
        named["context"] = {"lang": settings.language, "allowed_company_ids": company, "tz": "UTC"}
        if self._json2:
            body = named if ids is None else {**named, "ids": list(ids)}
            headers = {"Authorization": f"bearer {self._key()}", "X-Odoo-Database": settings.database}
            path = f"/json/2/{model}/{method}"
            answer = self._rpc.post(path, body, headers=headers, allowed=_ERROR_STATUSES, writing=writing)
            return self._rpc.bare(answer, what)
        user = self._session.proof()
        # `create` looks for its values among the positional arguments only.
        positional: list[Any] = [named.pop("vals_list")] if "vals_list" in named else []
        positional = positional if ids is None else [list(ids), *positional]
        arguments = [settings.database, user, self._key(), model, method, positional, named]
        return self._ask("object", "execute_kw", arguments, what, writing=writing)

    def moment(self, at: datetime) -> object:
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"

    def strange(self, what: str) -> RemoteUnexpected:
        return strange("Odoo", f"{self.system}, {what}", "odoo.md")

    def _search(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], limit: int, order: str
    ) -> object:
        """Archived records are left out where the domain does not speak of `active`."""
        return self.call(
            model, "search_read", domain=list(domain), fields=list(wanted), limit=limit, order=order
        )

    def _read(self, model: str, ids: Sequence[int], wanted: Sequence[str]) -> object:
        """Archived ones, too."""
        return self.call(model, "read", ids=ids, fields=list(wanted))

    def _fields_of(self, model: str) -> object:
        return self.call(model, "fields_get", attributes=["type", "relation"])

    def _create(self, model: str, values: Mapping[str, object]) -> object:
        return self.call(model, "create", vals_list=[dict(values)], writing=True)

    def _plain(self, model: str, row: Record) -> Record:
        return plain(row, self.fields(model))

    def _log_in(self) -> int:
        settings = self._settings
        found = self._ask(
            "common", "authenticate", [settings.database, settings.user, self._key(), {}], "login"
        )
        # A wrong login is no error to Odoo: the answer is false.
        if not isinstance(found, int) or isinstance(found, bool):
            raise self._complaints.error(Complaint("AccessDenied", ""), self.system)
        return found

    def _ask(
        self, service: str, method: str, arguments: list[Any], what: str, *, writing: bool = False
    ) -> Any:
        asked = {"service": service, "method": method, "args": arguments}
        answer = self._rpc.ask("/jsonrpc", "call", asked, allowed=(400, 404, 500), writing=writing)
        return self._rpc.result(answer, what)

    def _explained(self, what: str, error: Any, answer: HttpAnswer) -> RemoteError:
        where, status = f"{self.system}, {what}", answer.status
        if error is None and status in (400, 404):
            return RemoteRefused(
                f"no Odoo answers at this address (status {status})",
                where=where,
                fix="check base_url and database; for JSON-2 the server must be Odoo 19 or later",
            )
        if error is None and status != 500:
            return self.strange(what)
        # JSON-RPC wraps what JSON-2 says plainly.
        outer: Record = error if isinstance(error, dict) else {"message": str(error)}
        data = outer.get("data")
        inner = data if isinstance(data, dict) else outer
        text = str(inner.get("message") or outer.get("message"))
        said = Complaint(str(inner.get("name", "")), text, status)
        if self._complaints.find(said) is _NO_LOGIN:
            self._session.end()
        evidence = {"name": said.kind, "message": text[:300], "status": status}
        return self._complaints.error(said, where, json.dumps(evidence).encode())


def plain(row: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One record with None for what is absent and ids for references; numbers without binary dust. Which
    `false` is a no and which one is nothing only the type of the field tells."""
    return {name: _value(value, str(fields.get(name, {}).get("type", ""))) for name, value in row.items()}


def _value(value: Any, kind: str) -> Any:
    if value is False and kind != "boolean":
        return None
    if kind == "many2one":
        return _reference(value)
    return fraction(value) if kind in ("float", "monetary") else value


def _reference(value: Any) -> int | None:
    """The id in `[7, "Name"]`, a bare id as the newest interface gives it, or None."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _partner(row: Record | None) -> Record | None:
    """A partner, country and state as words."""
    if row is None:
        return None
    kept = {name: row.get(name) for name in ("id", *steps(names(_PARTNER))) if not name.endswith("_id")}
    return {**kept, "country": at(row, "country_id.code"), "state": at(row, "state_id.name")}


def _is_product(line: Record) -> bool:
    """What other kinds of line there are depends on the version."""
    if line.get("tax_line_id") or line.get("exclude_from_invoice_tab"):
        return False
    return line.get("display_type") in ("product", None)


def _payment(
    row: Record, asked: OpenInvoice, entries: Sequence[Record], around: Mapping[int, Record]
) -> PaymentStatus:
    """`in_payment` means that a payment was registered and the bank has not confirmed it: that is not
    paid."""
    moves = [around.get(one["move_id"], {}) for one in entries]
    pairs = list(zip(entries, moves, strict=True))
    told = [str(one.get("ref") or move.get("name") or one.get("name") or "") for one, move in pairs]
    money = any(
        (one.get("account_payment_id") or move.get("move_type") not in _SOLD) and not one.get("is_exchange")
        for one, move in pairs
    )
    said, waits = row["payment_state"], row["payment_state"] == "in_payment"
    decimals = int(at(row, "currency_id.decimal_places") or 0)
    total, left = (
        round_to(Decimal(row[name] or "0"), decimals) for name in ("amount_total", "amount_residual")
    )
    return settlement(
        asked,
        total=total,
        left=total if waits else left,
        money=money and said == "paid",
        settled=said in ("paid", "reversed"),
        currency=at(row, "currency_id.name") or "",
        days=[] if waits else [str(one["date"]) for one in entries if one.get("date")],
        evidence=[f"{name}, not yet on a bank statement" for name in told] if waits else told,
    )


def _entries(widget: object) -> list[Record]:
    """What settled an invoice: the rows of its payments widget; older servers give it as text."""
    if isinstance(widget, str):
        try:
            widget = json.loads(widget)
        except ValueError:
            return []
    content = widget.get("content") if isinstance(widget, dict) else None
    rows = [
        {**one, "move_id": _reference(one.get("move_id"))} for one in content or () if isinstance(one, dict)
    ]
    return [one for one in rows if fraction(one.get("amount")) not in (None, "0")]


def _facts(row: Record, accounts: Sequence[Record]) -> dict[str, str]:
    scheme, value = row.get("peppol_eas"), row.get("peppol_endpoint")
    return facts(
        name=row.get("name"),
        country=at(row, "country_id.code"),
        vat_id=row.get("vat"),
        company_id=row.get("company_registry"),
        electronic_address=f"{scheme}:{value}" if scheme and value else None,
        email=row.get("email"),
        iban=" ".join(sorted("".join(str(one["acc_number"] or "").split()) for one in accounts)).strip(),
    )
