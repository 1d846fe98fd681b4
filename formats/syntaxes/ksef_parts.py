"""The stretches of FA(3) that a table cannot say: the header's code, choices among identifiers, the sums of
each rate, annotations, additional descriptions, settlement and payment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from lxml import etree

from formats import money
from formats.errors import DocumentError
from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.line import Classification
from formats.model.party import Address
from formats.model.poland import Annotations, Corrected, ThirdParty
from formats.model.terms import CATALOGUE
from formats.syntaxes import ksef_codes as codes
from formats.syntaxes.kinds import DATE, NOTE, XML_BLANKS, Surrounding, put_text, text_of
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = [
    "ADVANCES",
    "AMOUNT",
    "ANNOTATIONS",
    "BUYER",
    "CLASSES",
    "CORRECTED",
    "DESCRIPTIONS",
    "DESCRIPTIONS_READ",
    "FINE",
    "FOOTERS",
    "FORM",
    "GTIN",
    "MEANS",
    "NAMESPACE",
    "PAID",
    "POSITION",
    "QUANTITY",
    "REGISTERS",
    "SETTLEMENT",
    "SUMS",
    "THIRD_PARTIES",
    "Token",
    "f",
    "is_email",
    "is_nip",
    "party_address",
    "seller_identity",
]

NAMESPACE: Final = "http://crd.gov.pl/wzor/2025/06/25/13775/"
_ZERO: Final = Decimal(0)
_WIDE: Final = Context(prec=80)
_CENT: Final = Decimal("0.01")
_EU_CODES: Final = "AT BE BG CY CZ DK EE FI FR DE EL HR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE XI"
_EU: Final = frozenset(_EU_CODES.split())
_PAYEE, _RECIPIENT = "1", "2"
_ROUNDING: Final = "Zaokrąglenie"
_MOST_FOOTERS: Final = 3


def f(path: str) -> str:
    """A path with the prefix of FA(3) before each step."""
    return "/".join(f"f:{step}" for step in path.split("/"))


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _put(parent: etree._Element, path: str, text: str | None) -> etree._Element | None:
    """One element per step; nothing for an empty text."""
    if not text:
        return None
    for step in path.split("/"):
        parent = etree.SubElement(parent, _tag(step))
    put_text(parent, text)
    return parent


def _find(parent: etree._Element, path: str) -> etree._Element | None:
    return parent.find("/".join(_tag(step) for step in path.split("/")))


def _text(parent: etree._Element, path: str) -> str | None:
    found = _find(parent, path)
    return None if found is None else text_of(found).strip(XML_BLANKS) or None


def _collapsed(text: str, longest: int) -> str:
    return " ".join(text.split())[:longest].rstrip()


class Token:
    """xsd:token: blanks collapsed, at most so long."""

    def __init__(self, longest: int = 256) -> None:
        self._longest = longest

    def read(self, element: etree._Element) -> str | None:
        return " ".join(text_of(element).split()) or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, _collapsed(value, self._longest))


class _Number:
    """A decimal with at most so many places, no zeros in front and none behind beyond the second place."""

    def __init__(self, places: int) -> None:
        self._places = places

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
        if isinstance(exponent, int) and exponent < -self._places:
            value = value.quantize(Decimal(1).scaleb(-self._places), rounding=ROUND_HALF_UP, context=_WIDE)
        return money.text(value if value else abs(value))


AMOUNT: Final = _Number(2)
QUANTITY: Final = _Number(6)
FINE: Final = _Number(8)


class _Gtin:
    def read(self, element: etree._Element) -> Identifier | None:
        text = text_of(element).strip(XML_BLANKS)
        return Identifier(text, "0160") if text else None

    def write(self, element: etree._Element, value: Identifier, surrounding: Surrounding) -> None:
        put_text(element, _collapsed(value.value, 20))


GTIN: Final = _Gtin()


# The header: the code of the form with its attributes.


def _write_form(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    element = _put(parent, "KodFormularza", "FA")
    if element is not None:
        element.set("kodSystemowy", "FA (3)")
        element.set("wersjaSchemy", "1-0E")
    return True


def _pass_over(*names: str) -> Callable[[etree._Element, Reader, Scope], None]:
    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        for name in names:
            reader.used.update(parent.iterchildren(_tag(name)))

    return read


FORM: Final = Part({}, _write_form, _pass_over("KodFormularza"))


# Parties.


def is_email(text: object) -> bool:
    """The structure refuses anything else; a refused invoice is worse than a lost address."""
    name, at, host = str(text or "").partition("@")
    return bool(name and at and host)


def is_nip(number: str) -> bool:
    return len(number) == 10 and number.isdecimal()


def _bare(number: str | None) -> str:
    return "".join(sign for sign in (number or "").upper() if sign.isalnum())


def _write_seller(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    seller = writer.invoice.seller
    number = _bare(seller.vat_identifier if seller else None).removeprefix("PL")
    if not number:
        number = _bare(seller.tax_registration if seller else None)
    if not is_nip(number):
        raise DocumentError(
            "the seller has no Polish NIP (ten digits), without which nobody can send to KSeF",
            where="seller, BT-31",
            fix="enter the seller's Polish VAT number, or send this invoice another way",
        )
    _put(parent, "NIP", number)
    _put(parent, "Nazwa", _collapsed((seller.name if seller else None) or "-", 512))
    return True


def _read_seller(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    number, name = _find(parent, "NIP"), _find(parent, "Nazwa")
    if number is not None:
        reader.say(number, "BT-31", f"PL{text_of(number).strip(XML_BLANKS)}", scope)
    if name is not None:
        reader.say(name, "BT-27", " ".join(text_of(name).split()) or None, scope)


seller_identity: Final = Part({"BT-31": f("NIP"), "BT-27": f("Nazwa")}, _write_seller, _read_seller)


def _put_identity(parent: etree._Element, number: str | None, country: str | None) -> None:
    """NIP, or country and number in the EU, or number elsewhere, or none: the choice of TPodmiot2."""
    bare = _bare(number)
    prefix = "EL" if bare[:2] == "GR" else bare[:2]
    if is_nip(bare.removeprefix("PL")) and (bare[:2] == "PL" or country in ("PL", None)):
        _put(parent, "NIP", bare.removeprefix("PL"))
    elif prefix.isalpha() and prefix in _EU and bare[2:]:
        _put(parent, "KodUE", prefix)
        _put(parent, "NrVatUE", bare[2:14])
    elif bare:
        _put(parent, "KodKraju", country)
        _put(parent, "NrID", bare[:50])
    else:
        _put(parent, "BrakID", "1")


def _identity(parent: etree._Element) -> tuple[str | None, list[etree._Element]]:
    """The number as EN 16931 has it, and the elements that say it."""
    elements = [
        found
        for name in ("NIP", "KodUE", "NrVatUE", "KodKraju", "NrID", "BrakID")
        if (found := _find(parent, name)) is not None
    ]
    nip, code, number, other = (_text(parent, name) for name in ("NIP", "KodUE", "NrVatUE", "NrID"))
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
        number = registration if country == "PL" and is_nip(_bare(registration)) else None
    _put_identity(parent, number, country)
    if buyer and buyer.name:
        _put(parent, "Nazwa", _collapsed(buyer.name, 512))
    return True


def _read_buyer(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    number, elements = _identity(parent)
    if number is not None:
        reader.say(elements[0], "BT-48", number, scope)
    reader.used.update(elements)
    name = _find(parent, "Nazwa")
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
    return _collapsed(street, 512), _collapsed(place, 512)


def _put_address(parent: etree._Element, name: str, address: Address | None) -> None:
    if address is None:
        return
    street, place = _address_lines(address)
    inner = etree.SubElement(parent, _tag(name))
    _put(inner, "KodKraju", "GR" if address.country == "EL" else address.country or "PL")
    _put(inner, "AdresL1", street or place or "-")
    _put(inner, "AdresL2", place if street else None)


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
        inner = _find(parent, "Adres")
        if inner is None:
            return
        street, place = _find(inner, "AdresL1"), _find(inner, "AdresL2")
        if street is not None and text_of(street).strip(XML_BLANKS) != "-":
            reader.say(street, names["line_1"], " ".join(text_of(street).split()) or None, scope)
        elif street is not None:
            reader.used.add(street)
        if place is not None:
            for attribute, text in zip(
                ("post_code", "city", "subdivision"), _split_place(_text(inner, "AdresL2")), strict=True
            ):
                reader.say(place, names[attribute], text, scope)
        country = _find(inner, "KodKraju")
        if country is not None:
            reader.say(country, names["country"], _text(inner, "KodKraju"), scope)

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
        inner = etree.SubElement(parent, _tag("Podmiot3"))
        identity = etree.SubElement(inner, _tag("DaneIdentyfikacyjne"))
        _put(identity, "BrakID", "1")
        _put(identity, "Nazwa", _collapsed(delivery.name or "", 512))
        _put_address(inner, "Adres", delivery.address)
        _put(inner, "Rola", _RECIPIENT)
    for party in invoice.poland.parties if invoice.poland else ():
        _put_party(parent, party)
    return True


def _put_party(parent: etree._Element, party: ThirdParty) -> None:
    inner = etree.SubElement(parent, _tag("Podmiot3"))
    identity = etree.SubElement(inner, _tag("DaneIdentyfikacyjne"))
    _put_identity(identity, party.tax_number, party.country)
    _put(identity, "Nazwa", _collapsed(party.name or "", 512))
    if party.address_1:
        address = etree.SubElement(inner, _tag("Adres"))
        _put(address, "KodKraju", party.country or "PL")
        _put(address, "AdresL1", _collapsed(party.address_1, 512))
        _put(address, "AdresL2", _collapsed(party.address_2 or "", 512))
    role = party.role or ""
    if role.isdecimal():
        _put(inner, "Rola", role)
    else:
        _put(inner, "RolaInna", "1")
        _put(inner, "OpisRoli", _collapsed(role or "inny", 256))
    if party.share is not None:
        _put(inner, "Udzial", QUANTITY.text(party.share))


def _read_third_parties(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(_tag("Podmiot3")):
        identity = _find(inner, "DaneIdentyfikacyjne")
        number, elements = (None, []) if identity is None else _identity(identity)
        role = _text(inner, "Rola")
        known = ("DaneIdentyfikacyjne/Nazwa", "Adres/KodKraju", "Adres/AdresL1", "Adres/AdresL2")
        name, country, street, place = (_text(inner, path) for path in known)
        taken = {
            element for path in (*known, "Rola", "RolaInna") if (element := _find(inner, path)) is not None
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
            share = _find(inner, "Udzial")
            said: dict[str, Any] = {
                "PL-50": role or _text(inner, "OpisRoli"),
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


# The sums of each rate. The shape has put the number of the sums into BT-118.


def _write_sums(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for row in invoice.vat_breakdown:
        base, tax = sums.get(row.category or "", (_ZERO, _ZERO))
        sums[row.category or ""] = (base + (row.taxable_amount or _ZERO), tax + (row.tax_amount or _ZERO))
    in_zloty = _in_zloty(
        invoice, {slot: tax for slot, (_, tax) in sums.items() if slot in ("1", "2", "3", "4")}
    )
    for slot in codes.SLOT_RATES:
        if slot not in sums:
            continue
        base, tax = sums[slot]
        _put(parent, f"P_13_{slot}", AMOUNT.text(base))
        if slot in ("1", "2", "3", "4", "5"):
            _put(parent, f"P_14_{slot}", AMOUNT.text(tax))
        if slot in in_zloty:
            _put(parent, f"P_14_{slot}W", AMOUNT.text(in_zloty[slot]))
    return True


def _in_zloty(invoice: Invoice, taxes: dict[str, Decimal]) -> dict[str, Decimal]:
    """BT-111 shared out over the rates; the last one takes what rounding leaves."""
    total = sum(taxes.values(), _ZERO)
    given = invoice.totals.vat_in_vat_currency if invoice.totals else None
    if invoice.currency == "PLN" or not taxes:
        return {}
    if given is None or invoice.vat_currency != "PLN":
        if not total:
            return {}
        raise DocumentError(
            f"the invoice is in {invoice.currency}, and the VAT in zloty is missing",
            where="BT-6, BT-111",
            fix="state PLN as the currency of the VAT and the total VAT in it",
        )
    shares: dict[str, Decimal] = {}
    for slot, tax in taxes.items():
        share = given * tax / total if total else _ZERO
        shares[slot] = share.quantize(_CENT, rounding=ROUND_HALF_UP, context=_WIDE)
    last = list(shares)[-1]
    shares[last] += given - sum(shares.values(), _ZERO)
    return shares


def _read_sums(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    in_zloty: Decimal | None = None
    tax_total = _ZERO
    last: etree._Element | None = None
    marked: etree._Element | None = None
    for slot in codes.SLOT_RATES:
        base = _find(parent, f"P_13_{slot}")
        if base is None:
            continue
        below = reader.open("BG-23", scope)
        reader.say(base, "BT-116", AMOUNT.read(base), below)
        reader.say(base, "BT-118", slot, below)
        tax = _find(parent, f"P_14_{slot}")
        amount = _ZERO if tax is None else AMOUNT.read(tax)
        reader.say(base if tax is None else tax, "BT-117", amount, below)
        tax_total += amount or _ZERO
        last = base if tax is None else tax
        zloty = _find(parent, f"P_14_{slot}W")
        if zloty is not None:
            marked = zloty
            reader.used.add(zloty)
            in_zloty = (in_zloty or _ZERO) + (AMOUNT.read(zloty) or _ZERO)
    if marked is not None:
        reader.say(marked, "BT-111", in_zloty, scope)
        reader.say(marked, "BT-6", "PLN", scope)
    if last is not None:
        reader.say(last, "BT-110", tax_total, scope)


SUMS: Final = Part(
    {
        "BT-116": f("P_13_1"),
        "BT-117": f("P_14_1"),
        "BT-118": f("P_13_1"),
        "BT-119": f("P_13_1"),
        "BT-111": f("P_14_1W"),
        "BT-110": f("P_14_1"),
    },
    _write_sums,
    _read_sums,
)


# Annotations: the structure wants each of them, held or not.


def _write_annotations(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    poland = writer.invoice.poland
    said = (poland.annotations if poland else None) or Annotations()
    inner = etree.SubElement(parent, _tag("Adnotacje"))
    for name, held in (
        ("P_16", said.cash_method),
        ("P_17", said.self_billing),
        ("P_18", said.reverse_charge),
        ("P_18A", said.split_payment),
    ):
        _put(inner, name, "1" if held == "1" else "2")
    exemption = etree.SubElement(inner, _tag("Zwolnienie"))
    if said.exemption_act:
        _put(exemption, "P_19", "1")
        _put(exemption, f"P_19{said.exemption_act}", _collapsed(said.exemption_text or "", 256) or "-")
    else:
        _put(exemption, "P_19N", "1")
    _put(inner, "NoweSrodkiTransportu/P_22N", "1")
    _put(inner, "P_23", "1" if said.triangular == "1" else "2")
    margin = etree.SubElement(inner, _tag("PMarzy"))
    if said.margin:
        _put(margin, "P_PMarzy", "1")
        _put(margin, f"P_PMarzy_{said.margin}", "1")
    else:
        _put(margin, "P_PMarzyN", "1")
    return True


def _read_annotations(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = _find(parent, "Adnotacje")
    if inner is None:
        return
    places = {"P_16": "PL-20", "P_17": "PL-21", "P_18": "PL-22", "P_18A": "PL-23", "P_23": "PL-24"}
    for name, term in places.items():
        found = _find(inner, name)
        if found is not None:
            reader.say(found, term, "1" if _text(inner, name) == "1" else None, scope)
    for name in ("Zwolnienie/P_19", "Zwolnienie/P_19N", "NoweSrodkiTransportu/P_22N", "PMarzy/P_PMarzyN"):
        if (found := _find(inner, name)) is not None:
            reader.used.add(found)
    for act in ("A", "B", "C"):
        found = _find(inner, f"Zwolnienie/P_19{act}")
        if found is not None:
            reader.say(found, "PL-25", act, scope)
            reader.say(found, "PL-26", " ".join(text_of(found).split()) or None, scope)
    if (found := _find(inner, "PMarzy/P_PMarzy")) is not None:
        reader.used.add(found)
    for margin in codes.MARGINS.values():
        found = _find(inner, f"PMarzy/P_PMarzy_{margin}")
        if found is not None:
            reader.say(found, "PL-27", margin, scope)


ANNOTATIONS: Final = Part(
    {
        "PL-20": f("Adnotacje/P_16"),
        "PL-21": f("Adnotacje/P_17"),
        "PL-22": f("Adnotacje/P_18"),
        "PL-23": f("Adnotacje/P_18A"),
        "PL-24": f("Adnotacje/P_23"),
        "PL-25": f("Adnotacje/Zwolnienie/P_19A"),
        "PL-26": f("Adnotacje/Zwolnienie/P_19A"),
        "BT-120": f("Adnotacje/Zwolnienie/P_19A"),
        "PL-27": f("Adnotacje/PMarzy/P_PMarzy_2"),
    },
    _write_annotations,
    _read_annotations,
)


# What is corrected, and advances that are settled.


def _write_corrected(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    poland = invoice.poland
    if poland is None or not (poland.kind or "").startswith("KOR"):
        return False
    known = {one.number: one for one in poland.corrected}
    for preceding in invoice.preceding_invoices:
        if preceding.issue_date is None or not preceding.number:
            raise DocumentError(
                "a corrected invoice is named without its number or its date, which KSeF demands",
                where="BG-3, BT-25 and BT-26",
                fix="enter both in the ERP's reference to the invoice",
            )
        inner = etree.SubElement(parent, _tag("DaneFaKorygowanej"))
        _put(inner, "DataWystFaKorygowanej", preceding.issue_date.isoformat())
        _put(inner, "NrFaKorygowanej", _collapsed(preceding.number, 256))
        number = known.get(preceding.number, Corrected()).ksef_number
        if number:
            _put(inner, "NrKSeF", "1")
            _put(inner, "NrKSeFFaKorygowanej", number)
        else:
            _put(inner, "NrKSeFN", "1")
    return bool(invoice.preceding_invoices)


def _read_corrected(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(_tag("DaneFaKorygowanej")):
        below = reader.open("BG-3", scope)
        number, day = _find(inner, "NrFaKorygowanej"), _find(inner, "DataWystFaKorygowanej")
        if number is not None:
            reader.say(number, "BT-25", _text(inner, "NrFaKorygowanej"), below)
        if day is not None:
            reader.say(day, "BT-26", DATE.read(day), below)
        ksef = _find(inner, "NrKSeFFaKorygowanej")
        if ksef is not None:
            there = reader.open("PL-G3", scope)
            reader.say(ksef, "PL-30", _text(inner, "NrKSeFFaKorygowanej"), there)
            reader.say(ksef, "PL-31", _text(inner, "NrFaKorygowanej"), there)
        for name in ("NrKSeF", "NrKSeFN"):
            reader.used.update(inner.iterchildren(_tag(name)))


CORRECTED: Final = Part(
    {
        "BT-26": f("DaneFaKorygowanej/DataWystFaKorygowanej"),
        "BT-25": f("DaneFaKorygowanej/NrFaKorygowanej"),
        "PL-30": f("DaneFaKorygowanej/NrKSeFFaKorygowanej"),
    },
    _write_corrected,
    _read_corrected,
)


def _write_advances(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    poland = writer.invoice.poland
    for one in poland.settled if poland else ():
        inner = etree.SubElement(parent, _tag("FakturaZaliczkowa"))
        if one.ksef_number:
            _put(inner, "NrKSeFFaZaliczkowej", one.ksef_number)
        else:
            _put(inner, "NrKSeFZN", "1")
            _put(inner, "NrFaZaliczkowej", _collapsed(one.number or "", 256))
    return True


def _read_advances(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(_tag("FakturaZaliczkowa")):
        below = reader.open("PL-G5", scope)
        for name, term in (("NrKSeFFaZaliczkowej", "PL-45"), ("NrFaZaliczkowej", "PL-46")):
            found = _find(inner, name)
            if found is not None:
                reader.say(found, term, _text(inner, name), below)
        reader.used.update(inner.iterchildren(_tag("NrKSeFZN")))


ADVANCES: Final = Part(
    {
        "PL-45": f("FakturaZaliczkowa/NrKSeFFaZaliczkowej"),
        "PL-46": f("FakturaZaliczkowa/NrFaZaliczkowej"),
    },
    _write_advances,
    _read_advances,
)


# Additional descriptions: terms that have no element, under keys of ours; other keys become notes and item
# attributes.


def _descriptions(invoice: Invoice) -> Iterator[tuple[str | None, str, str]]:
    """Position of the line or None, key, text."""
    for term, key in codes.WORDS.items():
        value = value_of(invoice, term, {})
        if value:
            yield None, key, str(value)
    for note in invoice.notes[_MOST_FOOTERS:]:
        yield None, "Uwagi", note.text or ""
    for number, line in enumerate(invoice.lines, start=1):
        for term, key in codes.LINE_WORDS.items():
            value = value_of(invoice, term, {"BG-25": line})
            if value:
                yield str(number), key, str(value)
        for attribute in line.item.attributes if line.item else ():
            yield str(number), attribute.name or "-", attribute.value or "-"


def _write_descriptions(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    for number, key, text in _descriptions(writer.invoice):
        if not text.strip():
            continue
        inner = etree.SubElement(parent, _tag("DodatkowyOpis"))
        _put(inner, "NrWiersza", number)
        _put(inner, "Klucz", _collapsed(key, 256))
        _put(inner, "Wartosc", _collapsed(text, 256))
    return True


def _read_descriptions(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    terms = {key: term for term, key in codes.WORDS.items()}
    line_terms = {key: term for term, key in codes.LINE_WORDS.items()}
    lines = reader.root.values.get("lines", [])
    positions = [_text(line, "NrWierszaFa") for line in parent.iterchildren(_tag("FaWiersz"))]
    if not positions:
        order = _find(parent, "Zamowienie")
        rows = () if order is None else order.iterchildren(_tag("ZamowienieWiersz"))
        positions = [_text(line, "NrWierszaZam") for line in rows]
    for inner in parent.iterchildren(_tag("DodatkowyOpis")):
        key, text = _text(inner, "Klucz") or "", _text(inner, "Wartosc")
        number = _text(inner, "NrWiersza")
        if number in positions and positions.index(number) < len(lines):
            below = {**scope, "BG-25": lines[positions.index(number)]}
            if key in line_terms:
                reader.say(inner, line_terms[key], text, below)
            else:
                below = reader.open("BG-32", below)
                reader.say(inner, "BT-160", None if key == "-" else key, below)
                reader.say(inner, "BT-161", None if text == "-" else text, below)
        elif key in terms:
            reader.say(inner, terms[key], text, scope)
        else:
            below = reader.open("BG-1", scope)
            reader.say(inner, "BT-22", text if key == "Uwagi" else f"{key}: {text}", below)


def _nothing_to_read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    """Read by the part behind the lines, to which some descriptions belong."""


def _nothing_to_write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    return False


DESCRIPTIONS: Final = Part(
    {term: f("DodatkowyOpis/Wartosc") for term in (*codes.WORDS, *codes.LINE_WORDS)}
    | {"BT-160": f("DodatkowyOpis/Klucz"), "BT-161": f("DodatkowyOpis/Wartosc")},
    _write_descriptions,
    _nothing_to_read,
)
DESCRIPTIONS_READ: Final = Part({}, _nothing_to_write, _read_descriptions)


def _write_footers(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    for note in writer.invoice.notes[:_MOST_FOOTERS]:
        if note.text or note.subject_code:
            inner = etree.SubElement(parent, _tag("Informacje"))
            NOTE.write(etree.SubElement(inner, _tag("StopkaFaktury")), note, writer.surrounding)
    return bool(writer.invoice.notes)


def _read_footers(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(_tag("Informacje")):
        found = _find(inner, "StopkaFaktury")
        if found is not None:
            reader.say(found, "BG-1", NOTE.read(found), scope)


FOOTERS: Final = Part(
    {"BT-21": f("Informacje/StopkaFaktury"), "BT-22": f("Informacje/StopkaFaktury")},
    _write_footers,
    _read_footers,
)


# Lines.


def _write_position(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    order = etree.QName(parent).localname == "ZamowienieWiersz"
    number = str(1 + next(n for n, line in enumerate(writer.invoice.lines) if line is scope["BG-25"]))
    _put(parent, "NrWierszaZam" if order else "NrWierszaFa", number)
    identifier = scope["BG-25"].identifier
    if identifier and identifier != number:
        _put(parent, "UU_IDZ" if order else "UU_ID", _collapsed(identifier, 50))
    return True


def _read_position(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for own, position in (("UU_ID", "NrWierszaFa"), ("UU_IDZ", "NrWierszaZam")):
        identifier, number = _find(parent, own), _find(parent, position)
        if number is not None:
            reader.used.add(number)
        chosen = number if identifier is None else identifier
        if chosen is not None:
            reader.say(chosen, "BT-126", text_of(chosen).strip(XML_BLANKS) or None, scope)


POSITION: Final = Part({"BT-126": f("UU_ID")}, _write_position, _read_position)

# Element -> the scheme of BT-158 and, where the code list has none, its name as the version.
_CLASSES: Final = (("PKWiU", "ZZZ", "PKWiU"), ("CN", "HS", None), ("PKOB", "ZZZ", "PKOB"))


def _write_classes(ending: str) -> Callable[[etree._Element, Writer, Scope], bool]:
    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        found: tuple[Classification, ...] = value_of(writer.invoice, "BT-158", scope) or ()
        said = False
        for name, scheme, version in _CLASSES:
            one = next((c for c in found if (c.scheme, c.scheme_version) == (scheme, version)), None)
            if one is not None:
                said |= _put(parent, f"{name}{ending}", _collapsed(one.code, 50)) is not None
        return said

    return write


def _read_classes(ending: str) -> Callable[[etree._Element, Reader, Scope], None]:
    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        for name, scheme, version in _CLASSES:
            found = _find(parent, f"{name}{ending}")
            text = None if found is None else _text(parent, f"{name}{ending}")
            if found is not None and text:
                one = Classification(code=text, scheme=scheme, scheme_version=version)
                reader.say(found, "BT-158", one, scope)

    return read


CLASSES: Final = {
    ending: Part({"BT-158": f(f"CN{ending}")}, _write_classes(ending), _read_classes(ending))
    for ending in ("", "Z")
}


# Settlement and payment.


def _write_settlement(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    totals = writer.invoice.totals
    if totals is None or totals.due is None or totals.due == totals.with_vat:
        return False
    inner = etree.SubElement(parent, _tag("Rozliczenie"))
    rounding = totals.rounding or _ZERO
    if rounding:
        name = "Obciazenia" if rounding > 0 else "Odliczenia"
        row = etree.SubElement(inner, _tag(name))
        _put(row, "Kwota", AMOUNT.text(abs(rounding)))
        _put(row, "Powod", _ROUNDING)
        _put(inner, "SumaObciazen" if rounding > 0 else "SumaOdliczen", AMOUNT.text(abs(rounding)))
    _put(inner, "DoZaplaty", AMOUNT.text(totals.due))
    return True


def _read_settlement(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = _find(parent, "Rozliczenie")
    if inner is None:
        return
    for name, sign in (("Obciazenia", 1), ("Odliczenia", -1)):
        for row in inner.iterchildren(_tag(name)):
            amount = _find(row, "Kwota")
            if amount is not None and _text(row, "Powod") == _ROUNDING:
                reader.say(amount, "BT-114", (AMOUNT.read(amount) or _ZERO) * sign, scope)
                reader.used.update(row.iter())
    reader.used.update(inner.iterchildren(_tag("SumaObciazen"), _tag("SumaOdliczen")))
    due = _find(inner, "DoZaplaty")
    if due is not None:
        reader.say(due, "BT-115", AMOUNT.read(due), scope)


SETTLEMENT: Final = Part(
    {"BT-114": f("Rozliczenie/Obciazenia/Kwota"), "BT-115": f("Rozliczenie/DoZaplaty")},
    _write_settlement,
    _read_settlement,
)


def _write_paid(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice, totals = writer.invoice, writer.invoice.totals
    if totals is None or not totals.paid:
        return False
    day = (invoice.poland.paid_on if invoice.poland else None) or invoice.issue_date
    when = day.isoformat() if day else None
    if totals.paid == totals.with_vat:
        _put(parent, "Zaplacono", "1")
        _put(parent, "DataZaplaty", when)
    else:
        _put(parent, "ZnacznikZaplatyCzesciowej", "1")
        inner = etree.SubElement(parent, _tag("ZaplataCzesciowa"))
        _put(inner, "KwotaZaplatyCzesciowej", AMOUNT.text(totals.paid))
        _put(inner, "DataZaplatyCzesciowej", when)
    return True


def _read_paid(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    amount: Decimal | None = None
    if _text(parent, "Zaplacono") == "1":
        total = parent.getparent()
        whole = None if total is None else _find(total, "P_15")
        amount = None if whole is None else AMOUNT.read(whole)
    place = _find(parent, "Zaplacono")
    reader.used.update(parent.iterchildren(_tag("Zaplacono"), _tag("ZnacznikZaplatyCzesciowej")))
    day = _find(parent, "DataZaplaty")
    for row in parent.iterchildren(_tag("ZaplataCzesciowa")):
        part = _find(row, "KwotaZaplatyCzesciowej")
        if part is not None:
            amount = (amount or _ZERO) + (AMOUNT.read(part) or _ZERO)
            place = part
            reader.used.add(part)
        if day is None:
            day = _find(row, "DataZaplatyCzesciowej")
    if amount is not None and place is not None:
        reader.say(place, "BT-113", amount, scope)
    if day is not None:
        reader.say(day, "PL-13", DATE.read(day), scope)


PAID: Final = Part(
    {"BT-113": f("ZaplataCzesciowa/KwotaZaplatyCzesciowej"), "PL-13": f("DataZaplaty")},
    _write_paid,
    _read_paid,
)


def _write_means(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    payment = writer.invoice.payment
    if payment is None or not (payment.means_code or payment.means_text):
        return False
    form = codes.MEANS.get(payment.means_code or "")
    if form is not None:
        _put(parent, "FormaPlatnosci", form)
        return True
    _put(parent, "PlatnoscInna", "1")
    words = " ".join(part for part in (payment.means_code, payment.means_text) if part)
    _put(parent, "OpisPlatnosci", _collapsed(words, 256))
    return True


def _read_means(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    form, other = _find(parent, "FormaPlatnosci"), _find(parent, "OpisPlatnosci")
    if form is not None:
        code = codes.MEANS_BACK.get(_text(parent, "FormaPlatnosci") or "", "ZZZ")
        reader.say(form, "BT-81", code, scope)
    if other is not None:
        reader.used.update(parent.iterchildren(_tag("PlatnoscInna")))
        code, _, words = (_text(parent, "OpisPlatnosci") or "").partition(" ")
        known = code == "ZZZ" or (code.isdecimal() and len(code) <= 3)
        reader.say(other, "BT-81", code if known else "ZZZ", scope)
        reader.say(other, "BT-82", (words if known else _text(parent, "OpisPlatnosci")) or None, scope)


MEANS: Final = Part({"BT-81": f("FormaPlatnosci"), "BT-82": f("OpisPlatnosci")}, _write_means, _read_means)


def _write_registers(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    seller = writer.invoice.seller
    number = _bare(seller.legal_registration.value if seller and seller.legal_registration else None)
    names = {10: "KRS", 9: "REGON", 14: "REGON"}
    if not number.isdecimal() or len(number) not in names:
        return False
    return _put(parent, f"Rejestry/{names[len(number)]}", number) is not None


def _read_registers(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for name in ("KRS", "REGON"):
        found = _find(parent, f"Rejestry/{name}")
        text = None if found is None else _text(parent, f"Rejestry/{name}")
        if found is not None and text:
            reader.say(found, "BT-30", Identifier(text), scope)


REGISTERS: Final = Part({"BT-30": f("Rejestry/KRS")}, _write_registers, _read_registers)
