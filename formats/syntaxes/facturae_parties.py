"""The parties in Facturae: tax identification, name and place, and the administrative centres of a public
buyer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lxml import etree

from formats.errors import DocumentError
from formats.model.party import Address, Buyer, Contact, Seller
from formats.model.spain import Centre, Person
from formats.model.terms import CATALOGUE
from formats.syntaxes.facturae_codes import COUNTRIES, COUNTRIES_BACK, PROVINCES
from formats.syntaxes.facturae_kinds import put, text_in
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["BUYER_FIRST", "BUYER_LAST", "CENTRE_ADDRESS", "SELLER_FIRST", "SELLER_LAST", "tax_number"]

_NOTHING: Final = "-"
_NO_POST_CODE: Final = "00000"
_SPAIN: Final = "ES"


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
        put(inner, "PersonTypeCode", person.kind)
        put(inner, "ResidenceTypeCode", person.residence)
        put(inner, "TaxIdentificationNumber", number)
        return True

    return write


def _read_identification(group: str) -> Callable[[etree._Element, Reader, Scope], None]:
    term = "BT-31" if group == "BG-4" else "BT-48"
    kind, residence = ("ES-20", "ES-21") if group == "BG-4" else ("ES-30", "ES-31")

    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        inner = parent.find("TaxIdentification")
        if inner is None:
            return
        number = text_in(inner, "TaxIdentificationNumber")
        where = text_in(inner, "ResidenceTypeCode")
        if number and where == "R" and not number.upper().startswith(_SPAIN):
            number = _SPAIN + number
        reader.say(inner, term, number, scope)
        reader.say(inner, kind, text_in(inner, "PersonTypeCode"), scope)
        reader.say(inner, residence, where, scope)

    return read


def _write_entity(group: str) -> Callable[[etree._Element, Writer, Scope], bool]:
    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        party: Seller | Buyer = value_of(writer.invoice, group, scope) or Seller()
        person = _person(writer, group)
        if person.kind == "F":
            inner = etree.SubElement(parent, "Individual")
            put(inner, "Name", person.first_name or _NOTHING)
            put(inner, "FirstSurname", person.surname or _NOTHING)
            put(inner, "SecondSurname", person.second_surname)
        else:
            inner = etree.SubElement(parent, "LegalEntity")
            put(inner, "CorporateName", party.name or _NOTHING)
            put(inner, "TradeName", party.trading_name)
            if isinstance(party, Seller):
                put(inner, "RegistrationData/AdditionalRegistrationData", party.legal_information)
        _write_address(inner, party.address or Address(), party.address)
        contact = party.contact
        if contact is not None and (contact.telephone or contact.email or contact.name):
            details = etree.SubElement(inner, "ContactDetails")
            put(details, "Telephone", contact.telephone)
            put(details, "ElectronicMail", contact.email)
            put(details, "ContactPersons", contact.name)
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
            say(inner.find("CorporateName"), names["name"], text_in(inner, "CorporateName"))
            say(inner.find("TradeName"), names["trading_name"], text_in(inner, "TradeName"))
            if group == "BG-4":
                path = "RegistrationData/AdditionalRegistrationData"
                say(inner.find(path), names["legal_information"], text_in(inner, path))
        else:
            parts = [text_in(inner, part) for part in ("Name", "FirstSurname", "SecondSurname")]
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
            say(details.find("Telephone"), contact_names["telephone"], text_in(details, "Telephone"))
            say(details.find("ElectronicMail"), contact_names["email"], text_in(details, "ElectronicMail"))
            say(details.find("ContactPersons"), contact_names["name"], text_in(details, "ContactPersons"))

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
        put(inner, "Address", street[:80] or _NOTHING)
        digits = code if code.isdecimal() and len(code) == 5 else _NO_POST_CODE
        put(inner, "PostCode", digits)
        put(inner, "Town", (town or _NOTHING)[:50])
        province = address.subdivision or PROVINCES.get(digits[:2]) or _NOTHING
    else:
        inner = etree.SubElement(parent, "OverseasAddress")
        put(inner, "Address", street[:80] or _NOTHING)
        put(inner, "PostCodeAndTown", ", ".join(part for part in (code, town) if part)[:50] or _NOTHING)
        province = address.subdivision or town or _NOTHING
    put(inner, "Province", province[:20])
    put(inner, "CountryCode", _alpha_3(country))


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
        text = text_in(inner, path)
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
