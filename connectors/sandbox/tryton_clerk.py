"""The clerk at a real Tryton: makes a company, parties, taxes, products and invoices in its database.

Run as a program of its own, for Tryton's library is made for one: `python -m connectors.sandbox.tryton_clerk
CONFIG DATABASE` reads one JSON object a line, does what it says and answers one line. What is made here is
made by Tryton itself, through its own client library.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import proteus
from proteus import Model, Wizard
from stdnum.eu import vat as eu_vat
from trytond.backend.sqlite import database as sqlite_database

from connectors.sandbox.tryton_server import BUYER, PRODUCT

__all__: list[str] = []

_PATIENCE: Final = 60.0
_FIRST_DAY: Final = date(2026, 11, 1)
# How much a euro is in the currencies that the company invoices in.
_RATES: Final = {"USD": Decimal("1.25"), "CHF": Decimal("0.9416")}
_ADDRESSES: Final = {
    "Windmolen Techniek B.V.": ("Keizersgracht 1", "1015 CJ", "Amsterdam"),
    "Koper & Zonen B.V.": ("Havenweg 27", "3011 AB", "Rotterdam"),
    "Academie Zuid": ("Schoolstraat 9", "5611 AA", "Eindhoven"),
}


def set_up() -> dict[str, Any]:
    """A Dutch company with a chart of accounts, a fiscal year, taxes, a product and two buyers."""
    from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
    from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
    from trytond.modules.company.tests.tools import create_company, get_company

    euro = Model.get("currency.currency")(
        name="Euro", code="EUR", symbol="€", digits=2, rounding=Decimal("0.01"), numeric_code="978"
    )
    euro.save()
    country = Model.get("country.country")(name="Netherlands", code="NL", code3="NLD")
    country.save()
    company_party = _party("Windmolen Techniek B.V.", country, eu_vat="NL823456705B01")
    create_company(company_party, euro)
    company = get_company()
    company.cancel_invoice_out = True
    company.save()
    create_chart()
    year = set_fiscalyear_invoice_sequences(create_fiscalyear(today=_FIRST_DAY))
    year.click("create_period")
    accounts = get_accounts()
    taxes = {}
    for name, rate, category in (("21 %", "0.21", "S"), ("9 %", "0.09", "S"), ("Exempt", "0", "E")):
        tax = create_tax(Decimal(rate))
        tax.name = tax.description = name
        tax.unece_code, tax.unece_category_code = "VAT", category
        if category == "E":
            tax.legal_notice = "Education, exempt from VAT"
        tax.save()
        taxes[name] = tax.id
    unit, *_ = Model.get("product.uom").find([("symbol", "=", "u")])
    category = Model.get("product.category")(name="Goods", accounting=True)
    category.account_revenue, category.account_expense = accounts["revenue"], accounts["expense"]
    category.save()
    template = Model.get("product.template")(name=PRODUCT, type="goods", list_price=Decimal(40))
    template.default_uom, template.account_category, template.code = unit, category, "TW-40"
    template.save()
    method = Model.get("account.invoice.payment.method")(name="Bank")
    method.journal, *_ = Model.get("account.journal").find([("type", "=", "cash")])
    method.credit_account = method.debit_account = accounts["cash"]
    method.save()
    _party(BUYER, country, eu_vat="NL854502130B01", address="0106:90001354")
    _party("Academie Zuid", country, address="0106:90001362")
    # The year goes on for five months from there.
    return {"company": company.id, "taxes": taxes, "first_day": _FIRST_DAY.isoformat()}


def _party(name: str, country: Any, **identifiers: str) -> Any:
    party = Model.get("party.party")(name=name)
    address = party.addresses[0]
    address.street, address.postal_code, address.city = _ADDRESSES[name]
    address.country = country
    for kind, code in identifiers.items():
        identifier = party.identifiers.new()
        identifier.type, identifier.code = None if kind == "address" else kind, code
    mail = party.contact_mechanisms.new()
    mail.type, mail.value = "email", "facturen@" + name.split()[0].lower() + ".example"
    party.save()
    return party


def invoice(
    buyer: str,
    lines: list[list[str]],
    day: str,
    reference: str = "",
    post: bool = True,
    currency: str = "",
) -> dict[str, Any]:
    """One invoice; a line is description, quantity, unit price and tax, from the product where it has its
    name. In the company's currency where none is given."""
    from trytond.modules.account.tests.tools import get_accounts

    made = Model.get("account.invoice")(type="out")
    made.party, *_ = Model.get("party.party").find([("name", "=", buyer)])
    made.invoice_date = date.fromisoformat(day)
    made.payment_term_date = made.invoice_date + timedelta(days=30)
    made.reference = reference
    if currency:
        made.currency = _currency(currency)
    for description, quantity, price, tax in lines:
        line = made.lines.new()
        products = Model.get("product.product").find([("template.name", "=", description)])
        if products:
            line.product = products[0]
        else:
            line.account, line.description = get_accounts()["revenue"], description
        line.quantity, line.unit_price = float(quantity), Decimal(price)
        line.taxes.append(Model.get("account.tax").find([("name", "=", tax)])[0])
    made.save()
    if post:
        made.click("post")
    return _told(made)


def _currency(code: str) -> Any:
    """A currency with its rate since the beginning of the year, made once; the euro has one, too, from
    then."""
    currencies = Model.get("currency.currency")
    for name, rate in (("EUR", Decimal(1)), (code, _RATES[code])):
        found = currencies.find([("code", "=", name)])
        made = found[0] if found else currencies(name=name, code=name, symbol=name, digits=2)
        if not made.rates:
            made.rounding = Decimal("0.01")
            one = made.rates.new()
            one.date, one.rate = date(_FIRST_DAY.year, 1, 1), rate
            made.save()
    return made


def copies(number: int, count: int, day: str) -> list[dict[str, Any]]:
    """So many further invoices like this one, posted together."""
    model = Model.get("account.invoice")
    invoiced_on = date.fromisoformat(day)
    changes = {"invoice_date": invoiced_on, "payment_term_date": invoiced_on + timedelta(days=30)}
    made = model.duplicate([model(number)] * count, changes)
    model.click(made, "post")
    return [_told(model(one.id)) for one in made]


def credit(number: int) -> dict[str, Any]:
    """The credit note of an invoice, posted on the same day."""
    wizard = Wizard("account.invoice.credit", [Model.get("account.invoice")(number)])
    wizard.form.with_refund = False
    wizard.execute("credit")
    drafts = [("number", "=", None), ("type", "=", "out")]
    (made,) = Model.get("account.invoice").find(drafts, order=[("id", "DESC")], limit=1)
    made.invoice_date = Model.get("account.invoice")(number).invoice_date
    made.save()
    made.click("post")
    return _told(made)


def pay(number: int, amount: str) -> dict[str, Any]:
    """Money for an invoice: all of it, or a part."""
    invoiced = Model.get("account.invoice")(number)
    wizard = Wizard("account.invoice.pay", [invoiced])
    wizard.form.amount, wizard.form.date = Decimal(amount), invoiced.invoice_date
    wizard.form.payment_method, *_ = Model.get("account.invoice.payment.method").find([])
    wizard.execute("choice")
    if wizard.state != wizard.end_state:
        wizard.form.type = "partial"
        wizard.execute("pay")
    invoiced.click("process")
    invoiced.reload()
    return _told(invoiced)


def comment(number: int, text: str) -> dict[str, Any]:
    """Correct the comment of a posted invoice: one of the few things that Tryton lets a clerk change."""
    invoiced = Model.get("account.invoice")(number)
    invoiced.comment = text
    invoiced.save()
    return _told(invoiced)


def cancel(number: int) -> dict[str, Any]:
    invoiced = Model.get("account.invoice")(number)
    invoiced.click("cancel")
    return _told(invoiced)


def held(number: int) -> dict[str, Any]:
    """What the gateway left on an invoice."""
    resource = f"account.invoice,{number}"
    notes = Model.get("ir.note").find([("resource", "=", resource)])
    files = Model.get("ir.attachment").find([("resource", "=", resource)])
    return {
        "notes": [note.message for note in notes],
        "files": {file.name: bytes(file.data).decode() for file in files},
    }


def number(number: int) -> str:
    """The number that Tryton gave an invoice."""
    return str(Model.get("account.invoice")(number).number)


def times_noted(reference: str) -> int:
    """How many notes hold this reference."""
    return len(Model.get("ir.note").find([("message", "like", f"%[{reference}]%")]))


def supplier(name: str, vat: str, street: str, postal_code: str, city: str) -> int:
    """A party that invoices come from; made once."""
    parties = Model.get("party.party")
    found = parties.find([("name", "=", name)])
    if found:
        return int(found[0].id)
    party = parties(name=name)
    address = party.addresses[0]
    address.street, address.postal_code, address.city = street, postal_code, city
    identifier = party.identifiers.new()
    identifier.type, identifier.code = "eu_vat", vat
    party.save()
    return int(party.id)


def purchases(reference: str) -> list[dict[str, Any]]:
    """The supplier invoices under a number of the supplier's."""
    found = Model.get("account.invoice").find([("type", "=", "in"), ("reference", "=", reference)])
    return [
        {
            **_told(one),
            "party": one.party.name,
            "untaxed": str(one.untaxed_amount),
            "day": one.invoice_date.isoformat(),
            "lines": [[line.description, str(line.quantity), str(line.unit_price)] for line in one.lines],
            "files": held(one.id)["files"],
        }
        for one in found
    ]


def _told(made: Any) -> dict[str, Any]:
    return {"id": made.id, "number": made.number, "state": made.state, "total": str(made.total_amount)}


_ORDERS: Final[dict[str, Callable[..., Any]]] = {
    order.__name__: order
    for order in (
        *(set_up, invoice, copies, credit, pay, comment, cancel, held, number, times_noted),
        *(supplier, purchases),
    )
}


def _stay_at_home(code: str) -> dict[str, object]:
    """Tryton asks the Commission's register about each VAT number; invented ones need not be asked for."""
    return {"valid": bool(code)}


def main() -> None:
    config_file, database = sys.argv[1:]
    eu_vat.check_vies = _stay_at_home  # type: ignore[assignment]  # it is asked for the number alone
    # Tryton gives up after five seconds while the server writes, which a busy machine may take.
    sqlite_database.sqlite.connect = partial(sqlite_database.sqlite.connect, timeout=_PATIENCE)
    proteus.config.set_trytond(database, config_file=config_file).skip_warning = True
    for line in sys.stdin:
        order = json.loads(line)
        result = _ORDERS[order.pop("order")](**order)
        sys.stdout.write(f"=> {json.dumps(result)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
