"""The stretches of Facturae that a table cannot say: parties with their choices, totals after withholding,
amounts with the decimals that the schema wants."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from lxml import etree

from formats import money
from formats.errors import DocumentError, MalformedDocument
from formats.model.invoice import Note
from formats.model.line import Line
from formats.model.party import Address, Buyer, Contact, Seller
from formats.model.spain import Centre, Person
from formats.model.terms import CATALOGUE
from formats.syntaxes.facturae_codes import COUNTRIES, COUNTRIES_BACK, METHODS, PROVINCES, REASONS
from formats.syntaxes.kinds import XML_BLANKS, Surrounding, put_text, text_of
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = [
    "ALONE",
    "AMOUNT_2",
    "AMOUNT_8",
    "BATCH",
    "BUYER_FIRST",
    "BUYER_LAST",
    "CENTRE_ADDRESS",
    "EVENT",
    "LINE_COST",
    "LINE_TAX_SUMS",
    "LITERAL",
    "METHOD_TEXT",
    "REASON_TEXT",
    "RELATED",
    "SELLER_FIRST",
    "SELLER_LAST",
    "SIGNATURE",
    "TOTALS",
    "WHOLE",
    "tax_number",
    "two_decimals",
]

# A product of two long numbers has more digits than decimals usually have.
_WIDE: Final = Context(prec=80)
_CENT: Final = Decimal("0.01")
_FINEST: Final = Decimal("0.00000001")
_NOTHING: Final = "-"
_NO_POST_CODE: Final = "00000"
_SPAIN: Final = "ES"


def two_decimals(value: Decimal) -> Decimal:
    return value.quantize(_CENT, rounding=ROUND_HALF_UP, context=_WIDE)


class _Decimals:
    """At least two decimals and at most eight, or two exactly."""

    def __init__(self, *, exactly_two: bool) -> None:
        self._exactly_two = exactly_two

    def read(self, element: etree._Element) -> Decimal | None:
        text = text_of(element).strip(XML_BLANKS)
        return money.parse(text) if text else None

    def write(self, element: etree._Element, value: Decimal, surrounding: Surrounding) -> None:
        if not value.is_finite():
            raise DocumentError(
                f"{value} is not a number an invoice can carry",
                where=etree.QName(element).localname,
                fix="correct the value in the ERP",
            )
        element.text = self.text(value)

    def text(self, value: Decimal) -> str:
        exponent = value.as_tuple().exponent
        if self._exactly_two or not isinstance(exponent, int) or exponent > -2:
            value = two_decimals(value)
        elif exponent < -8:
            value = value.quantize(_FINEST, rounding=ROUND_HALF_UP, context=_WIDE)
        return money.text(value if value else abs(value))


AMOUNT_8: Final = _Decimals(exactly_two=False)
AMOUNT_2: Final = _Decimals(exactly_two=True)


class _Whole:
    """xs:double for a line number."""

    def read(self, element: etree._Element) -> str | None:
        text = text_of(element).strip(XML_BLANKS)
        return text.removesuffix(".0") or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, value)


class _Event:
    """SpecialTaxableEvent as "01 reason", which the shape of the invoice translates to the VAT category."""

    def read(self, element: etree._Element) -> str | None:
        code = (element.findtext("SpecialTaxableEventCode") or "").strip()
        reason = (element.findtext("SpecialTaxableEventReason") or "").strip()
        return f"{code} {reason}".strip() or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        code, _, reason = value.partition(" ")
        put_text(etree.SubElement(element, "SpecialTaxableEventCode"), code)
        put_text(etree.SubElement(element, "SpecialTaxableEventReason"), reason)


class _Literal:
    """A mention that the law wants, a note with the subject code ABL."""

    def read(self, element: etree._Element) -> Note | None:
        text = text_of(element).strip(XML_BLANKS)
        return Note(subject_code="ABL", text=text) if text else None

    def write(self, element: etree._Element, value: Note, surrounding: Surrounding) -> None:
        put_text(element, value.text or "")


WHOLE: Final = _Whole()
LITERAL: Final = _Literal()
EVENT: Final = _Event()


def _put(parent: etree._Element, path: str, text: str | None) -> bool:
    if text is None:
        return False
    for step in path.split("/"):
        parent = etree.SubElement(parent, step)
    put_text(parent, text)
    return True


def _text(parent: etree._Element | None, path: str) -> str | None:
    found = None if parent is None else parent.findtext(path)
    return (found or "").strip(XML_BLANKS) or None


def _amount(parent: etree._Element, path: str) -> Decimal | None:
    element = parent.find(path)
    return None if element is None else AMOUNT_8.read(element)


# Parties: tax identification first, then (for the buyer) the administrative centres, then who it is.


def tax_number(party: Seller | Buyer | None, who: str, term: str) -> str:
    """What identifies the party for tax, with its country in front. Raises DocumentError where nothing
    does."""
    if party is not None:
        identifiers: list[str | None] = [party.vat_identifier]
        if isinstance(party, Seller):
            identifiers.append(party.tax_registration)
        if party.legal_registration is not None:
            identifiers.append(party.legal_registration.value)
        for one in identifiers:
            if one and one.strip():
                return "".join(one.split()).upper()[:30]
    raise DocumentError(
        f"the {who} has no tax identification, which Facturae demands",
        where=f"{who}, {term}",
        fix=f"enter the NIF or VAT number of the {who} in the ERP",
    )


def _person(writer: Writer, group: str) -> Person:
    spain = writer.invoice.spain
    person = None if spain is None else spain.seller if group == "BG-4" else spain.buyer
    return person or Person()


def _write_identification(group: str) -> Callable[[etree._Element, Writer, Scope], bool]:
    who, term = ("seller", "BT-31") if group == "BG-4" else ("buyer", "BT-48")

    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        person = _person(writer, group)
        number = tax_number(value_of(writer.invoice, group, scope), who, term)
        if person.residence == "R":
            number = number.removeprefix(_SPAIN)
        inner = etree.SubElement(parent, "TaxIdentification")
        _put(inner, "PersonTypeCode", person.kind)
        _put(inner, "ResidenceTypeCode", person.residence)
        _put(inner, "TaxIdentificationNumber", number)
        return True

    return write


def _read_identification(group: str) -> Callable[[etree._Element, Reader, Scope], None]:
    term = "BT-31" if group == "BG-4" else "BT-48"
    kind, residence = ("ES-20", "ES-21") if group == "BG-4" else ("ES-30", "ES-31")

    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        inner = parent.find("TaxIdentification")
        if inner is None:
            return
        number = _text(inner, "TaxIdentificationNumber")
        where = _text(inner, "ResidenceTypeCode")
        if number and where == "R" and not number.upper().startswith(_SPAIN):
            number = _SPAIN + number
        reader.say(inner, term, number, scope)
        reader.say(inner, kind, _text(inner, "PersonTypeCode"), scope)
        reader.say(inner, residence, where, scope)

    return read


def _write_entity(group: str) -> Callable[[etree._Element, Writer, Scope], bool]:
    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        party: Seller | Buyer = value_of(writer.invoice, group, scope) or Seller()
        person = _person(writer, group)
        if person.kind == "F":
            inner = etree.SubElement(parent, "Individual")
            _put(inner, "Name", person.first_name or _NOTHING)
            _put(inner, "FirstSurname", person.surname or _NOTHING)
            _put(inner, "SecondSurname", person.second_surname)
        else:
            inner = etree.SubElement(parent, "LegalEntity")
            _put(inner, "CorporateName", party.name or _NOTHING)
            _put(inner, "TradeName", party.trading_name)
            if isinstance(party, Seller):
                _put(inner, "RegistrationData/AdditionalRegistrationData", party.legal_information)
        _write_address(inner, party.address or Address(), party.address)
        contact = party.contact
        if contact is not None and (contact.telephone or contact.email or contact.name):
            details = etree.SubElement(inner, "ContactDetails")
            _put(details, "Telephone", contact.telephone)
            _put(details, "ElectronicMail", contact.email)
            _put(details, "ContactPersons", contact.name)
        return True

    return write


def _read_entity(group: str) -> Callable[[etree._Element, Reader, Scope], None]:
    owner: type = CATALOGUE[group].value
    person_group = "ES-G3" if group == "BG-4" else "ES-G4"
    names = _terms(owner, group)
    address_names = _terms(Address, "BG-5" if group == "BG-4" else "BG-8")
    contact_names = _terms(Contact, "BG-6" if group == "BG-4" else "BG-9")
    person_names = _terms(Person, person_group)

    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        def say(element: etree._Element | None, name: str, value: str | None) -> None:
            if element is not None and value is not None:
                reader.say(element, name, value, scope)

        individual = parent.find("Individual")
        inner = parent.find("LegalEntity") if individual is None else individual
        if inner is None:
            return
        if individual is None:
            say(inner.find("CorporateName"), names["name"], _text(inner, "CorporateName"))
            say(inner.find("TradeName"), names["trading_name"], _text(inner, "TradeName"))
            if group == "BG-4":
                path = "RegistrationData/AdditionalRegistrationData"
                say(inner.find(path), names["legal_information"], _text(inner, path))
        else:
            parts = [_text(inner, part) for part in ("Name", "FirstSurname", "SecondSurname")]
            whole = " ".join(part for part in parts if part and part != _NOTHING)
            say(inner.find("Name"), names["name"], whole)
            attributes = ("first_name", "surname", "second_surname")
            for attribute, part, text in zip(
                attributes, ("Name", "FirstSurname", "SecondSurname"), parts, strict=True
            ):
                say(inner.find(part), person_names[attribute], None if text == _NOTHING else text)
        for element, attribute, text in _address_in(inner):
            if text is None:
                reader.used.add(element)
            else:
                say(element, address_names[attribute], text)
        details = inner.find("ContactDetails")
        if details is not None:
            say(details.find("Telephone"), contact_names["telephone"], _text(details, "Telephone"))
            say(details.find("ElectronicMail"), contact_names["email"], _text(details, "ElectronicMail"))
            say(details.find("ContactPersons"), contact_names["name"], _text(details, "ContactPersons"))

    return read


def _terms(owner: type, within: str) -> dict[str, str]:
    return {
        entry.attribute: entry.name
        for entry in CATALOGUE.values()
        if entry.within == within and entry.attribute in owner.__dataclass_fields__  # type: ignore[attr-defined]
    }


def _write_address(parent: etree._Element, address: Address, fallback: Address | None) -> None:
    country = address.country or (fallback.country if fallback else None) or _SPAIN
    street = ", ".join(part for part in (address.line_1, address.line_2, address.line_3) if part)
    code = (address.post_code or "").strip()
    town = address.city
    if country == _SPAIN:
        inner = etree.SubElement(parent, "AddressInSpain")
        _put(inner, "Address", street[:80] or _NOTHING)
        digits = code if code.isdecimal() and len(code) == 5 else _NO_POST_CODE
        _put(inner, "PostCode", digits)
        _put(inner, "Town", (town or _NOTHING)[:50])
        province = address.subdivision or PROVINCES.get(digits[:2]) or _NOTHING
    else:
        inner = etree.SubElement(parent, "OverseasAddress")
        _put(inner, "Address", street[:80] or _NOTHING)
        _put(inner, "PostCodeAndTown", ", ".join(part for part in (code, town) if part)[:50] or _NOTHING)
        province = address.subdivision or town or _NOTHING
    _put(inner, "Province", province[:20])
    _put(inner, "CountryCode", _alpha_3(country))


def _address_in(parent: etree._Element) -> list[tuple[etree._Element, str, str | None]]:
    """The parts of an address with their fields; None for a part that stands there for the schema alone."""
    found: list[tuple[etree._Element, str, str | None]] = []

    def take(element: etree._Element | None, attribute: str, text: str | None) -> None:
        if element is not None:
            found.append((element, attribute, text))

    inner = parent.find("AddressInSpain")
    domestic = inner is not None
    if inner is None:
        inner = parent.find("OverseasAddress")
    if inner is None:
        return found

    def word(path: str) -> str | None:
        text = _text(inner, path)
        return None if text == _NOTHING else text

    take(inner.find("Address"), "line_1", word("Address"))
    if domestic:
        code, town = word("PostCode"), word("Town")
        expected = PROVINCES.get((code or "")[:2])
        take(inner.find("PostCode"), "post_code", None if code == _NO_POST_CODE else code)
        take(inner.find("Town"), "city", town)
    else:
        place = word("PostCodeAndTown") or ""
        code, comma, town = place.rpartition(", ")
        if not comma:
            first, _, rest = place.partition(" ")
            code, town = (first, rest) if any(sign.isdigit() for sign in first) else ("", place)
        expected = town[:20] if town else None
        take(inner.find("PostCodeAndTown"), "post_code", code or None)
        take(inner.find("PostCodeAndTown"), "city", town or None)
    province = word("Province")
    take(inner.find("Province"), "subdivision", None if province == expected else province)
    take(inner.find("CountryCode"), "country", _alpha_2(word("CountryCode")))
    return found


def _alpha_3(country: str) -> str:
    known = COUNTRIES.get("GR" if country == "EL" else country)
    if known is None:
        raise DocumentError(
            f"the country {country!r} is not one that Facturae knows",
            where="postal address",
            fix="enter a country code of ISO 3166-1",
        )
    return known


def _alpha_2(country: str | None) -> str | None:
    return COUNTRIES_BACK.get(country, country) if country else None


def _entity_places(group: str) -> dict[str, str]:
    names = _terms(CATALOGUE[group].value, group)
    address = _terms(Address, "BG-5" if group == "BG-4" else "BG-8")
    contact = _terms(Contact, "BG-6" if group == "BG-4" else "BG-9")
    person = _terms(Person, "ES-G3" if group == "BG-4" else "ES-G4")
    places = {names["name"]: "LegalEntity/CorporateName", names["trading_name"]: "LegalEntity/TradeName"}
    if group == "BG-4":
        places["BT-33"] = "LegalEntity/RegistrationData/AdditionalRegistrationData"
    places |= {
        person["first_name"]: "Individual/Name",
        person["surname"]: "Individual/FirstSurname",
        person["second_surname"]: "Individual/SecondSurname",
        address["line_1"]: "LegalEntity/AddressInSpain/Address",
        address["post_code"]: "LegalEntity/AddressInSpain/PostCode",
        address["city"]: "LegalEntity/AddressInSpain/Town",
        address["subdivision"]: "LegalEntity/AddressInSpain/Province",
        address["country"]: "LegalEntity/AddressInSpain/CountryCode",
        contact["telephone"]: "LegalEntity/ContactDetails/Telephone",
        contact["email"]: "LegalEntity/ContactDetails/ElectronicMail",
        contact["name"]: "LegalEntity/ContactDetails/ContactPersons",
    }
    return places


def _identification(group: str) -> Part:
    seller = group == "BG-4"
    return Part(
        {
            "ES-20" if seller else "ES-30": "TaxIdentification/PersonTypeCode",
            "ES-21" if seller else "ES-31": "TaxIdentification/ResidenceTypeCode",
            "BT-31" if seller else "BT-48": "TaxIdentification/TaxIdentificationNumber",
        },
        _write_identification(group),
        _read_identification(group),
    )


def _entity(group: str) -> Part:
    return Part(_entity_places(group), _write_entity(group), _read_entity(group))


SELLER_FIRST: Final = _identification("BG-4")
SELLER_LAST: Final = _entity("BG-4")
BUYER_FIRST: Final = _identification("BG-7")
BUYER_LAST: Final = _entity("BG-7")


def _write_centre_address(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    centre: Centre = scope["ES-G5"]
    buyer = writer.invoice.buyer
    theirs = (buyer.address if buyer else None) or Address()
    own = Address(
        line_1=centre.street, post_code=centre.post_code, city=centre.town, subdivision=centre.province
    )
    _write_address(parent, theirs if own == Address() else own, Address(country=_SPAIN))
    return True


def _read_centre_address(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    names = {"line_1": "ES-43", "post_code": "ES-44", "city": "ES-45", "subdivision": "ES-46"}
    for element, attribute, text in _address_in(parent):
        reader.used.add(element)
        if attribute in names and text is not None:
            reader.say(element, names[attribute], text, scope)


CENTRE_ADDRESS: Final = Part(
    {
        "ES-43": "AddressInSpain/Address",
        "ES-44": "AddressInSpain/PostCode",
        "ES-45": "AddressInSpain/Town",
        "ES-46": "AddressInSpain/Province",
    },
    _write_centre_address,
    _read_centre_address,
)


# Totals: Facturae counts after what is withheld, EN 16931 before.


def _sums(writer: Writer) -> tuple[Decimal, Decimal, Decimal]:
    """What is withheld, InvoiceTotal, TotalOutstandingAmount."""
    invoice, totals = writer.invoice, writer.invoice.totals
    rows = invoice.spain.withheld if invoice.spain else ()
    withheld = sum((row.amount or Decimal(0) for row in rows), Decimal(0))
    total = ((totals.with_vat if totals else None) or Decimal(0)) - withheld
    return withheld, total, total - ((totals.paid if totals else None) or Decimal(0))


def _write_totals(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    withheld, total, outstanding = _sums(writer)
    spain, totals = writer.invoice.spain, writer.invoice.totals
    _put(parent, "TotalTaxesWithheld", AMOUNT_8.text(withheld))
    _put(parent, "InvoiceTotal", AMOUNT_8.text(total))
    _put(parent, "TotalOutstandingAmount", AMOUNT_8.text(outstanding))
    if totals is not None and totals.paid is not None:
        _put(parent, "TotalPaymentsOnAccount", AMOUNT_8.text(totals.paid))
    retention = spain.retention if spain else None
    if retention is not None:
        inner = etree.SubElement(parent, "AmountsWithheld")
        _put(inner, "WithholdingReason", (spain.retention_reason if spain else None) or "Garantía")
        _put(inner, "WithholdingAmount", AMOUNT_8.text(retention))
    _put(parent, "TotalExecutableAmount", AMOUNT_8.text(outstanding - (retention or 0)))
    return True


def _read_totals(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    withheld = _amount(parent, "TotalTaxesWithheld") or Decimal(0)
    found = {
        "BT-112": ("InvoiceTotal", withheld),
        "BT-115": ("TotalOutstandingAmount", withheld),
        "BT-113": ("TotalPaymentsOnAccount", Decimal(0)),
        "ES-91": ("AmountsWithheld/WithholdingAmount", Decimal(0)),
    }
    for name, (path, added) in found.items():
        element = parent.find(path)
        value = None if element is None else AMOUNT_8.read(element)
        if element is not None and value is not None:
            reader.say(element, name, value + added, scope)
    reason = parent.find("AmountsWithheld/WithholdingReason")
    if reason is not None:
        reader.say(reason, "ES-90", _text(parent, "AmountsWithheld/WithholdingReason"), scope)
    for path in ("TotalTaxesWithheld", "TotalExecutableAmount"):
        reader.used.update(parent.iterchildren(path))


TOTALS: Final = Part(
    {
        "BT-112": "InvoiceTotal",
        "BT-115": "TotalOutstandingAmount",
        "BT-113": "TotalPaymentsOnAccount",
        "ES-90": "AmountsWithheld/WithholdingReason",
        "ES-91": "AmountsWithheld/WithholdingAmount",
    },
    _write_totals,
    _read_totals,
)


def _write_batch(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    _, total, outstanding = _sums(writer)
    spain = writer.invoice.spain
    retention = (spain.retention if spain else None) or Decimal(0)
    inner = etree.SubElement(parent, "Batch")
    _put(inner, "BatchIdentifier", spain.batch if spain else None)
    _put(inner, "InvoicesCount", "1")
    _put(inner, "TotalInvoicesAmount/TotalAmount", AMOUNT_8.text(total))
    _put(inner, "TotalOutstandingAmount/TotalAmount", AMOUNT_8.text(outstanding))
    _put(inner, "TotalExecutableAmount/TotalAmount", AMOUNT_8.text(outstanding - retention))
    _put(inner, "InvoiceCurrencyCode", writer.invoice.currency)
    return True


def _read_batch(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = parent.find("Batch")
    if inner is None:
        return
    identifier = inner.find("BatchIdentifier")
    if identifier is not None:
        reader.say(identifier, "ES-5", _text(inner, "BatchIdentifier"), scope)
    # Sums of what each invoice says itself.
    for path in ("InvoicesCount", "InvoiceCurrencyCode"):
        reader.used.update(inner.iterchildren(path))
    for path in ("TotalInvoicesAmount", "TotalOutstandingAmount", "TotalExecutableAmount"):
        reader.used.update(inner.iterfind(f"{path}/TotalAmount"))


BATCH: Final = Part({"ES-5": "Batch/BatchIdentifier"}, _write_batch, _read_batch)


# Lines: what other numbers give.


def _write_cost(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    line: Line = scope["BG-25"]
    cost = line.net_amount or Decimal(0)
    cost += sum((one.amount or Decimal(0) for one in line.allowances), Decimal(0))
    cost -= sum((one.amount or Decimal(0) for one in line.charges), Decimal(0))
    return _put(parent, "TotalCost", AMOUNT_8.text(cost))


def _pass_over(*paths: str) -> Callable[[etree._Element, Reader, Scope], None]:
    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        for path in paths:
            for found in parent.iterfind(path):
                reader.used.update(found.iter())

    return read


LINE_COST: Final = Part({}, _write_cost, _pass_over("TotalCost"))


def _write_tax_sums(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    line: Line = scope["BG-25"]
    base = line.net_amount or Decimal(0)
    rate = (line.vat.rate if line.vat else None) or Decimal(0)
    _put(parent, "TaxableBase/TotalAmount", AMOUNT_8.text(base))
    _put(parent, "TaxAmount/TotalAmount", AMOUNT_8.text(two_decimals(base * rate / 100)))
    return True


LINE_TAX_SUMS: Final = Part(
    {}, _write_tax_sums, _pass_over("TaxableBase/TotalAmount", "TaxAmount/TotalAmount")
)


def _described(term: str, element: str, texts: dict[str, str]) -> Part:
    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        code = value_of(writer.invoice, term, scope)
        if code not in texts:
            raise DocumentError(
                f"{code!r} is no code that Facturae has for the {element}",
                where=term,
                fix=f"use one of {', '.join(texts)}",
            )
        return _put(parent, element, texts[code])

    return Part({}, write, _pass_over(element))


REASON_TEXT: Final = _described("ES-10", "ReasonDescription", dict(REASONS))
METHOD_TEXT: Final = _described("ES-11", "CorrectionMethodDescription", dict(METHODS))


def _write_related(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    if not invoice.preceding_invoices or (invoice.spain and invoice.spain.invoice_class == "OR"):
        return False
    return _put(parent, "RelatedInvoice", invoice.preceding_invoices[0].number)


def _read_related(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    found = parent.find("RelatedInvoice")
    if found is not None:
        reader.say(found, "BT-25", text_of(found).strip(XML_BLANKS) or None, reader.open("BG-3", scope))


RELATED: Final = Part({"BT-25": "RelatedInvoice"}, _write_related, _read_related)


def _nothing(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    return False


def _refuse_several(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    count = len(parent.findall("Invoice"))
    if count > 1:
        raise MalformedDocument(
            f"the file holds {count} invoices, and one is read at a time",
            where="Facturae, Invoices",
            fix="ask for one file for each invoice, or take the file apart first",
        )


ALONE: Final = Part({}, _nothing, _refuse_several)


def _pass_over_signature(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for found in parent.iterchildren("{http://www.w3.org/2000/09/xmldsig#}Signature"):
        reader.used.update(found.iter())


# What a signature proves is told by who verifies it, not by what the invoice says.
SIGNATURE: Final = Part({}, _nothing, _pass_over_signature)
