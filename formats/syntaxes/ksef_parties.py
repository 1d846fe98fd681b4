"""FA(3): seller, buyer and third parties, whose identifiers are choices that a table cannot say."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from formats.errors import DocumentError
from formats.identifiers import Identifier
from formats.model.party import Address
from formats.model.poland import ThirdParty
from formats.model.terms import CATALOGUE
from formats.syntaxes.kinds import XML_BLANKS, text_of
from formats.syntaxes.ksef_kinds import QUANTITY, collapsed, f, find, plain_number, put, tag, text_in
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["BUYER", "REGISTERS", "THIRD_PARTIES", "is_email", "is_nip", "party_address", "seller_identity"]

_EU_CODES: Final = "AT BE BG CY CZ DK EE FI FR DE EL HR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE XI"
_EU: Final = frozenset(_EU_CODES.split())
_PAYEE, _RECIPIENT = "1", "2"


def is_email(text: object) -> bool:
    """The structure refuses anything else; a refused invoice is worse than a lost address."""
    name, at, host = str(text or "").partition("@")
    return bool(name and at and host)


def is_nip(number: str) -> bool:
    return len(number) == 10 and number.isdecimal()


def _write_seller(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    seller = writer.invoice.seller
    number = plain_number(seller.vat_identifier if seller else None).removeprefix("PL")
    if not number:
        number = plain_number(seller.tax_registration if seller else None)
    if not is_nip(number):
        raise DocumentError(
            "the seller has no Polish NIP (ten digits), without which nobody can send to KSeF",
            where="seller, BT-31",
            fix="enter the seller's Polish VAT number, or send this invoice another way",
        )
    put(parent, "NIP", number)
    put(parent, "Nazwa", collapsed((seller.name if seller else None) or "-", 512))
    return True


def _read_seller(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    number, name = find(parent, "NIP"), find(parent, "Nazwa")
    if number is not None:
        reader.say(number, "BT-31", f"PL{text_of(number).strip(XML_BLANKS)}", scope)
    if name is not None:
        reader.say(name, "BT-27", " ".join(text_of(name).split()) or None, scope)


seller_identity: Final = Part({"BT-31": f("NIP"), "BT-27": f("Nazwa")}, _write_seller, _read_seller)


def _put_identity(parent: etree._Element, number: str | None, country: str | None) -> None:
    """NIP, or country and number in the EU, or number elsewhere, or none: the choice of TPodmiot2."""
    bare = plain_number(number)
    prefix = "EL" if bare[:2] == "GR" else bare[:2]
    if is_nip(bare.removeprefix("PL")) and (bare[:2] == "PL" or country in ("PL", None)):
        put(parent, "NIP", bare.removeprefix("PL"))
    elif prefix.isalpha() and prefix in _EU and bare[2:]:
        put(parent, "KodUE", prefix)
        put(parent, "NrVatUE", bare[2:14])
    elif bare:
        put(parent, "KodKraju", country)
        put(parent, "NrID", bare[:50])
    else:
        put(parent, "BrakID", "1")


def _identity(parent: etree._Element) -> tuple[str | None, list[etree._Element]]:
    """The number as EN 16931 has it, and the elements that say it."""
    elements = [
        found
        for name in ("NIP", "KodUE", "NrVatUE", "KodKraju", "NrID", "BrakID")
        if (found := find(parent, name)) is not None
    ]
    nip, code, number, other = (text_in(parent, name) for name in ("NIP", "KodUE", "NrVatUE", "NrID"))
    if nip:
        return f"PL{nip}", elements
    if number:
        return f"{code or ''}{number}", elements
    return other, elements


def _write_buyer(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    buyer = writer.invoice.buyer
    country = buyer.address.country if buyer and buyer.address else None
    number = buyer.vat_identifier if buyer else None
    if not number and buyer and buyer.legal_registration:
        registration = buyer.legal_registration.value
        number = registration if country == "PL" and is_nip(plain_number(registration)) else None
    _put_identity(parent, number, country)
    if buyer and buyer.name:
        put(parent, "Nazwa", collapsed(buyer.name, 512))
    return True


def _read_buyer(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    number, elements = _identity(parent)
    if number is not None:
        reader.say(elements[0], "BT-48", number, scope)
    reader.used.update(elements)
    name = find(parent, "Nazwa")
    if name is not None:
        reader.say(name, "BT-44", " ".join(text_of(name).split()) or None, scope)


BUYER: Final = Part(
    {"BT-48": f("NIP"), "BT-44": f("Nazwa")},
    _write_buyer,
    _read_buyer,
)


def _address_lines(address: Address) -> tuple[str, str]:
    street = ", ".join(part for part in (address.line_1, address.line_2, address.line_3) if part)
    place = " ".join(part for part in (address.post_code, address.city) if part)
    if address.subdivision:
        place = f"{place}, {address.subdivision}" if place else address.subdivision
    return collapsed(street, 512), collapsed(place, 512)


def _put_address(parent: etree._Element, name: str, address: Address | None) -> None:
    if address is None:
        return
    street, place = _address_lines(address)
    inner = etree.SubElement(parent, tag(name))
    put(inner, "KodKraju", "GR" if address.country == "EL" else address.country or "PL")
    put(inner, "AdresL1", street or place or "-")
    put(inner, "AdresL2", place if street else None)


def _split_place(place: str | None) -> tuple[str | None, str | None, str | None]:
    """Post code, city and subdivision of "00-950 Warszawa, mazowieckie"."""
    place, _, subdivision = (place or "").partition(", ")
    words = place.split(" ")
    # A post code may have a blank in it: "1012 AB Amsterdam", "SW1A 1AA London".
    length = next((n for n, word in enumerate(words) if word.isalpha() and not (n and word.isupper())), None)
    count = len(words) if length is None else length
    code = " ".join(words[:count]) if any(sign.isdigit() for word in words[:count] for sign in word) else ""
    city = place[len(code) :].strip()
    return code or None, city or None, subdivision or None


def party_address(group: str) -> Part:
    """The postal address of a party: BG-5 or BG-8."""
    names = {entry.attribute: entry.name for entry in CATALOGUE.values() if entry.within == group}

    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        address = value_of(writer.invoice, group, scope)
        if address is None and group == "BG-5":
            address = Address(country="PL")
        _put_address(parent, "Adres", address)
        return address is not None

    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        inner = find(parent, "Adres")
        if inner is None:
            return
        street, place = find(inner, "AdresL1"), find(inner, "AdresL2")
        if street is not None and text_of(street).strip(XML_BLANKS) != "-":
            reader.say(street, names["line_1"], " ".join(text_of(street).split()) or None, scope)
        elif street is not None:
            reader.used.add(street)
        if place is not None:
            for attribute, text in zip(
                ("post_code", "city", "subdivision"), _split_place(text_in(inner, "AdresL2")), strict=True
            ):
                reader.say(place, names[attribute], text, scope)
        country = find(inner, "KodKraju")
        if country is not None:
            reader.say(country, names["country"], text_in(inner, "KodKraju"), scope)

    places = {
        names["line_1"]: f("Adres/AdresL1"),
        names["post_code"]: f("Adres/AdresL2"),
        names["city"]: f("Adres/AdresL2"),
        names["subdivision"]: f("Adres/AdresL2"),
        names["country"]: f("Adres/KodKraju"),
    }
    return Part(places, write, read)


def _write_third_parties(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    payee, delivery = invoice.payee, invoice.delivery
    if payee is not None and payee.name:
        number = payee.legal_registration.value if payee.legal_registration else None
        _put_party(parent, ThirdParty(role=_PAYEE, name=payee.name, tax_number=number))
    if delivery is not None and (delivery.name or delivery.address):
        inner = etree.SubElement(parent, tag("Podmiot3"))
        identity = etree.SubElement(inner, tag("DaneIdentyfikacyjne"))
        put(identity, "BrakID", "1")
        put(identity, "Nazwa", collapsed(delivery.name or "", 512))
        _put_address(inner, "Adres", delivery.address)
        put(inner, "Rola", _RECIPIENT)
    for party in invoice.poland.parties if invoice.poland else ():
        _put_party(parent, party)
    return True


def _put_party(parent: etree._Element, party: ThirdParty) -> None:
    inner = etree.SubElement(parent, tag("Podmiot3"))
    identity = etree.SubElement(inner, tag("DaneIdentyfikacyjne"))
    _put_identity(identity, party.tax_number, party.country)
    put(identity, "Nazwa", collapsed(party.name or "", 512))
    if party.address_1:
        address = etree.SubElement(inner, tag("Adres"))
        put(address, "KodKraju", party.country or "PL")
        put(address, "AdresL1", collapsed(party.address_1, 512))
        put(address, "AdresL2", collapsed(party.address_2 or "", 512))
    role = party.role or ""
    if role.isdecimal():
        put(inner, "Rola", role)
    else:
        put(inner, "RolaInna", "1")
        put(inner, "OpisRoli", collapsed(role or "inny", 256))
    if party.share is not None:
        put(inner, "Udzial", QUANTITY.text(party.share))


def _read_third_parties(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(tag("Podmiot3")):
        identity = find(inner, "DaneIdentyfikacyjne")
        number, elements = (None, []) if identity is None else _identity(identity)
        role = text_in(inner, "Rola")
        known = ("DaneIdentyfikacyjne/Nazwa", "Adres/KodKraju", "Adres/AdresL1", "Adres/AdresL2")
        name, country, street, place = (text_in(inner, path) for path in known)
        taken = {
            element for path in (*known, "Rola", "RolaInna") if (element := find(inner, path)) is not None
        }
        if role == _PAYEE and street is None:
            reader.say(inner, "BT-59", name, scope)
            if number is not None:
                reader.say(inner, "BT-61", Identifier(number), scope)
        elif role == _RECIPIENT and number is None:
            code, city, subdivision = _split_place(place)
            values = {"BT-70": name, "BT-75": None if street == "-" else street, "BT-78": code, "BT-77": city}
            values |= {"BT-79": subdivision, "BT-80": country}
            for term, value in values.items():
                if value is not None:
                    reader.say(inner, term, value, scope)
        else:
            below = reader.open("PL-G6", scope)
            share = find(inner, "Udzial")
            said: dict[str, Any] = {
                "PL-50": role or text_in(inner, "OpisRoli"),
                "PL-51": name,
                "PL-52": number,
                "PL-53": country,
                "PL-54": street,
                "PL-55": place,
                "PL-56": None if share is None else QUANTITY.read(share),
            }
            for term, value in said.items():
                if value is not None:
                    reader.say(inner, term, value, below)
        reader.used.update(taken, elements)


THIRD_PARTIES: Final = Part(
    {
        "BT-59": f("Podmiot3/DaneIdentyfikacyjne/Nazwa"),
        "BT-61": f("Podmiot3/DaneIdentyfikacyjne/NIP"),
        "BT-70": f("Podmiot3/DaneIdentyfikacyjne/Nazwa"),
        "BT-75": f("Podmiot3/Adres/AdresL1"),
        "BT-77": f("Podmiot3/Adres/AdresL2"),
        "BT-78": f("Podmiot3/Adres/AdresL2"),
        "BT-79": f("Podmiot3/Adres/AdresL2"),
        "BT-80": f("Podmiot3/Adres/KodKraju"),
        "PL-50": f("Podmiot3/Rola"),
        "PL-51": f("Podmiot3/DaneIdentyfikacyjne/Nazwa"),
        "PL-52": f("Podmiot3/DaneIdentyfikacyjne/NIP"),
        "PL-53": f("Podmiot3/Adres/KodKraju"),
        "PL-54": f("Podmiot3/Adres/AdresL1"),
        "PL-55": f("Podmiot3/Adres/AdresL2"),
        "PL-56": f("Podmiot3/Udzial"),
    },
    _write_third_parties,
    _read_third_parties,
)


def _write_registers(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    seller = writer.invoice.seller
    number = plain_number(seller.legal_registration.value if seller and seller.legal_registration else None)
    names = {10: "KRS", 9: "REGON", 14: "REGON"}
    if not number.isdecimal() or len(number) not in names:
        return False
    return put(parent, f"Rejestry/{names[len(number)]}", number) is not None


def _read_registers(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for name in ("KRS", "REGON"):
        found = find(parent, f"Rejestry/{name}")
        text = None if found is None else text_in(parent, f"Rejestry/{name}")
        if found is not None and text:
            reader.say(found, "BT-30", Identifier(text), scope)


REGISTERS: Final = Part({"BT-30": f("Rejestry/KRS")}, _write_registers, _read_registers)
