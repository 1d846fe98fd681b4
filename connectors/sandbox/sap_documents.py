"""Billing documents of the imitated SAP, and the INVOIC02 IDocs that its output makes of them.

Segments, fields and qualifiers follow the basic type INVOIC02 with one customer extension: segment Z1EINVKA
below the bill-to party (EAS, ENDPOINT, EMAIL), segment Z1EINVAT with Z1EINVAD rows for an attached
file in base64. IDocs that carry one of them have the extension's name as root element, as SAP writes it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from lxml import etree

__all__ = ["Billing", "Customer", "Discount", "Item", "ShipTo", "idoc", "idoc_file"]

CLIENT: Final = "100"
SYSTEM: Final = "N01CLNT100"
EXTENSION: Final = "ZEINV01"
_CENT: Final = Decimal("0.01")
# Tax code -> rate in percent: 19 %, 7 %, reverse charge, intra-Community supply, exempt, export; A7 is new.
RATES: Final = {
    "A1": Decimal(19),
    "A2": Decimal(7),
    "AR": Decimal(0),
    "AI": Decimal(0),
    "AE": Decimal(0),
    "AX": Decimal(0),
    "A7": Decimal(19),
}
# Of a base64 text, each data row carries this much: an IDoc segment holds at most 1000 characters.
_ROW: Final = 992


@dataclass(frozen=True, slots=True)
class Customer:
    """A sold-to and bill-to party; `endpoint` is an electronic address, `gln` its number in ILNNR."""

    number: str
    name: str
    street: str
    city: str
    post_code: str
    country: str
    vat: str
    name_2: str = ""
    endpoint: str = ""
    gln: str = ""
    email: str = ""
    reference: str = ""
    contact: str = ""
    telephone: str = ""


@dataclass(frozen=True, slots=True)
class ShipTo:
    """Where goods go, when that is not the customer's own address."""

    number: str
    name: str
    street: str
    city: str
    post_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Discount:
    """A condition besides the price: `percent` of the gross value, or a fixed `amount`; `sign` is "-" or
    "+"."""

    kind: str
    text: str
    sign: str = "-"
    percent: Decimal | None = None
    amount: Decimal = Decimal(0)
    tax_code: str = ""

    def value(self, gross: Decimal) -> Decimal:
        return self.amount if self.percent is None else cents(gross * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Item:
    """One billing item; `price` is for `per` units."""

    material: str
    text: str
    quantity: Decimal
    unit: str
    price: Decimal
    tax_code: str = "A1"
    per: int = 1
    discounts: tuple[Discount, ...] = ()
    customer_material: str = ""
    gtin: str = ""

    @property
    def gross(self) -> Decimal:
        return cents(self.quantity * self.price / self.per)

    @property
    def net(self) -> Decimal:
        signed = (d.value(self.gross) * (-1 if d.sign == "-" else 1) for d in self.discounts)
        return self.gross + sum(signed, Decimal(0))


@dataclass(frozen=True, slots=True)
class Billing:
    """One billing document. `rate` is company code currency for one unit of `currency`."""

    number: str
    on: date
    customer: Customer
    items: tuple[Item, ...]
    credit: bool = False
    currency: str = "EUR"
    rate: Decimal = Decimal(1)
    order: str = ""
    purchase_order: str = ""
    contract: str = ""
    delivery: str = ""
    delivered_on: date | None = None
    ship_to: ShipTo | None = None
    net_days: int = 30
    conditions: tuple[Discount, ...] = ()
    prepaid: Decimal = Decimal(0)
    refers_to: tuple[str, date] | None = None
    note: str = ""
    attachment: tuple[str, str, bytes] | None = None
    # What a wrong user exit would add to the billed value; 0 in a sound document.
    error_in_total: Decimal = Decimal(0)
    test: bool = False

    @property
    def due(self) -> date:
        return self.on + timedelta(days=self.net_days)

    @property
    def taxes(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Base and tax by tax code, in order of appearance."""
        bases: dict[str, Decimal] = {}
        for item in self.items:
            bases[item.tax_code] = bases.get(item.tax_code, Decimal(0)) + item.net
        for condition in self.conditions:
            signed = condition.amount * (-1 if condition.sign == "-" else 1)
            bases[condition.tax_code] = bases.get(condition.tax_code, Decimal(0)) + signed
        return {code: (base, cents(base * RATES[code] / 100)) for code, base in bases.items()}

    @property
    def net(self) -> Decimal:
        return sum((base for base, _ in self.taxes.values()), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((tax for _, tax in self.taxes.values()), Decimal(0))

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def idoc_file(idocs: Iterable[etree._Element], *, encoding: str = "UTF-8") -> bytes:
    """One file as the XML port writes it: all IDocs under one root, named after the extension."""
    listed = list(idocs)
    extended = any(found.findtext("EDI_DC40/CIMTYP") for found in listed)
    basic_type = next((found.findtext("EDI_DC40/IDOCTYP") for found in listed), None) or "INVOIC02"
    root = etree.Element(EXTENSION if extended else basic_type)
    root.extend(listed)
    buffer = io.BytesIO()
    etree.ElementTree(root).write(buffer, encoding=encoding, xml_declaration=True)
    return buffer.getvalue()


def idoc(billing: Billing, document_number: int, *, basic_type: str = "INVOIC02") -> etree._Element:
    """The IDoc of one output of one billing document; the older INVOIC01 has no E1EDK01-LANDTX, STCEG_L, and
    no E1EDK28-BIBAN."""
    root = etree.Element("IDOC", BEGIN="1")
    _control(root, billing, document_number, basic_type)
    _header(root, billing)
    _partners(root, billing)
    _references(root, billing)
    _terms(root, billing)
    _attachment(root, billing)
    for index, item in enumerate(billing.items, 1):
        _item(root, billing, item, index * 10)
    _sums(root, billing)
    if basic_type == "INVOIC01":
        for newer in ("E1EDK01/LANDTX", "E1EDK01/STCEG_L", "E1EDK28/BIBAN"):
            for field in root.findall(newer):
                segment = field.getparent()
                assert segment is not None  # noqa: S101  # it was found below one
                segment.remove(field)
    return root


def _segment(parent: etree._Element, name: str, **fields: str) -> etree._Element:
    """A segment with its fields in the given order; empty ones are left out, as SAP does."""
    segment = etree.SubElement(parent, name, SEGMENT="1")
    for field_name, value in fields.items():
        if value:
            etree.SubElement(segment, field_name).text = value
    return segment


def _day(on: date) -> str:
    return on.strftime("%Y%m%d")


def _amount(value: Decimal) -> str:
    return format(value, "f")


def _control(root: etree._Element, billing: Billing, document_number: int, basic_type: str) -> None:
    customer = billing.customer
    created = _day(billing.on)
    extended = customer.endpoint or customer.email or billing.attachment
    _segment(
        root,
        "EDI_DC40",
        TABNAM="EDI_DC40",
        MANDT=CLIENT,
        DOCNUM=f"{document_number:016}",
        DOCREL="757",
        STATUS="30",
        DIRECT="1",
        OUTMOD="2",
        TEST="X" if billing.test else "",
        IDOCTYP=basic_type,
        CIMTYP=EXTENSION if extended else "",
        MESTYP="INVOIC",
        SNDPOR="SAPN01",
        SNDPRT="LS",
        SNDPRN=SYSTEM,
        RCVPOR="EINVGW",
        RCVPRT="KU",
        RCVPFC="RE",
        RCVPRN=customer.number,
        CREDAT=created,
        CRETIM="061502",
        SERIAL=f"{created}061502",
    )


def _header(root: etree._Element, billing: Billing) -> None:
    _segment(
        root,
        "E1EDK01",
        CURCY=billing.currency,
        HWAER="EUR",
        WKURS=format(billing.rate, ".5f"),
        ZTERM=f"NT{billing.net_days:02}",
        KUNDEUINR=billing.customer.vat,
        EIGENUINR="DE814567205",
        BSART="CRME" if billing.credit else "INVO",
        BELNR=billing.number,
        FKART_RL="LR",
        RECIPNT_NO=billing.customer.number,
        FKTYP="L",
        LANDTX="DE",
        STCEG_L=(billing.ship_to or billing.customer).country,
    )


def _partners(root: etree._Element, billing: Billing) -> None:
    customer = billing.customer
    address = {
        "PARTN": customer.number,
        "NAME1": customer.name,
        "NAME2": customer.name_2,
        "STRAS": customer.street,
        "ORT01": customer.city,
        "PSTLZ": customer.post_code,
        "LAND1": customer.country,
    }
    _segment(
        root,
        "E1EDKA1",
        PARVW="RS",
        NAME1="Nordlicht Vertrieb Nord",
        STRAS="Werftstraße 12",
        ORT01="Kiel",
        PSTLZ="24143",
        LAND1="DE",
        PAORG="1000",
        ILNNR="4260123400019",
    )
    _segment(root, "E1EDKA1", PARVW="AG", **address, ILNNR=customer.gln)
    bill_to = _segment(
        root,
        "E1EDKA1",
        PARVW="RE",
        **address,
        TELF1=customer.telephone,
        IHREZ=customer.reference,
        BNAME=customer.contact,
        ILNNR=customer.gln,
    )
    scheme, _, value = customer.endpoint.partition(":")
    if customer.endpoint or customer.email:
        _segment(bill_to, "Z1EINVKA", EAS=scheme, ENDPOINT=value, EMAIL=customer.email)
    _segment(root, "E1EDKA1", PARVW="RG", **address)
    if billing.ship_to is not None:
        to = billing.ship_to
        _segment(
            root,
            "E1EDKA1",
            PARVW="WE",
            PARTN=to.number,
            NAME1=to.name,
            STRAS=to.street,
            ORT01=to.city,
            PSTLZ=to.post_code,
            LAND1=to.country,
        )
    _segment(
        root,
        "E1EDKA1",
        PARVW="BK",
        LIFNR="1000",
        NAME1="Nordlicht Maschinenbau GmbH",
        STRAS="Werftstraße 12",
        ORT01="Kiel",
        PSTLZ="24143",
        LAND1="DE",
        TELF1="+49 431 5550100",
    )


def _references(root: etree._Element, billing: Billing) -> None:
    on = _day(billing.on)
    _segment(root, "E1EDK02", QUALF="009", BELNR=billing.number, DATUM=on)
    for qualifier, number in (
        ("001", billing.purchase_order),
        ("002", billing.order),
        ("005", billing.contract),
        ("012", billing.delivery),
    ):
        if number:
            _segment(root, "E1EDK02", QUALF=qualifier, BELNR=number)
    if billing.refers_to is not None:
        number, issued = billing.refers_to
        _segment(root, "E1EDK02", QUALF="011", BELNR=number, DATUM=_day(issued))
    _segment(root, "E1EDK03", IDDAT="026", DATUM=on)
    if billing.delivered_on is not None:
        _segment(root, "E1EDK03", IDDAT="001", DATUM=_day(billing.delivered_on))
    # The document date of the output, later than the invoice date: a trap that real systems set as well.
    _segment(root, "E1EDK03", IDDAT="012", DATUM=_day(billing.on + timedelta(days=1)))
    _segment(root, "E1EDK03", IDDAT="024", DATUM=on)
    _segment(root, "E1EDK03", IDDAT="015", DATUM="00000000")
    if not billing.credit:
        _segment(root, "E1EDK03", IDDAT="028", DATUM=_day(billing.due))


def _terms(root: etree._Element, billing: Billing) -> None:
    for code, (_, tax) in billing.taxes.items():
        _segment(root, "E1EDK04", MWSKZ=code, MSATZ=format(RATES[code], ".3f"), MWSBT=_amount(tax))
    for condition in billing.conditions:
        _segment(
            root,
            "E1EDK05",
            ALCKZ=condition.sign,
            KSCHL=condition.kind,
            KOTXT=condition.text,
            BETRG=_amount(condition.amount),
            MWSKZ=condition.tax_code,
            MSATZ=format(RATES[condition.tax_code], ".3f"),
            KOEIN=billing.currency,
        )
    if billing.prepaid:
        _segment(
            root,
            "E1EDK05",
            ALCKZ="-",
            KSCHL="AZWR",
            KOTXT="Down payment",
            BETRG=_amount(billing.prepaid),
            KOEIN=billing.currency,
        )
    if not billing.credit:
        _segment(root, "E1EDK18", QUALF="001", TAGE=str(billing.net_days), PRZNT="0")
        _segment(root, "E1EDK18", QUALF="005", ZTERM_TXT=f"{billing.net_days} Tage netto ohne Abzug")
    _segment(
        root,
        "E1EDK28",
        BCOUN="DE",
        BRNUM="70000999",
        BNAME="Beispielbank",
        ACNUM="0012345678",
        ACNAM="Nordlicht Maschinenbau GmbH",
        BIBAN="DE93700009990012345678",
    )
    if billing.note:
        words = billing.note.split(" ")
        text = _segment(root, "E1EDKT1", TDID="0001", TSSPRAS="D", TSSPRAS_ISO="DE")
        half = len(words) // 2
        _segment(text, "E1EDKT2", TDLINE=" ".join(words[:half]), TDFORMAT="*")
        _segment(text, "E1EDKT2", TDLINE=" ".join(words[half:]))
    _segment(
        _segment(root, "E1EDKT1", TDID="Z099", TSSPRAS="D", TSSPRAS_ISO="DE"),
        "E1EDKT2",
        TDLINE="Interne Notiz: Deckungsbeitrag pruefen",
        TDFORMAT="*",
    )
    for qualifier, organisation in (("008", "1000"), ("015", "G2" if billing.credit else "F2"), ("021", "M")):
        _segment(root, "E1EDK14", QUALF=qualifier, ORGID=organisation)


def _attachment(root: etree._Element, billing: Billing) -> None:
    if billing.attachment is None:
        return
    filename, description, content = billing.attachment
    encoded = base64.b64encode(content).decode()
    segment = _segment(
        root,
        "Z1EINVAT",
        FILENAME=filename,
        MIMETYPE="application/pdf",
        TITLE=description,
    )
    for start in range(0, len(encoded), _ROW):
        _segment(segment, "Z1EINVAD", DATA=encoded[start : start + _ROW])


def _item(root: etree._Element, billing: Billing, item: Item, position: int) -> None:
    segment = _segment(
        root,
        "E1EDP01",
        POSEX=f"{position:06}",
        MENGE=format(item.quantity, ".3f"),
        MENEE=item.unit,
        PSTYV="TAN",
        WERKS="1000",
    )
    if billing.purchase_order:
        _segment(segment, "E1EDP02", QUALF="001", BELNR=billing.purchase_order, ZEILE=f"{position:06}")
    if item.customer_material:
        _segment(segment, "E1EDP19", QUALF="001", IDTNR=item.customer_material)
    _segment(segment, "E1EDP19", QUALF="002", IDTNR=item.material, KTEXT=item.text)
    if item.gtin:
        _segment(segment, "E1EDP19", QUALF="003", IDTNR=item.gtin)
    for qualifier, amount in (("001", item.price), ("002", item.gross), ("003", item.net)):
        _segment(segment, "E1EDP26", QUALF=qualifier, BETRG=_amount(amount))
    _segment(
        segment,
        "E1EDP05",
        ALCKZ="+",
        KSCHL="PPR0",
        KOTXT="Preis",
        BETRG=_amount(item.gross),
        KRATE=_amount(item.price),
        UPRBS=str(item.per),
        MEAUN=item.unit,
        KOEIN=billing.currency,
    )
    for discount in item.discounts:
        _segment(
            segment,
            "E1EDP05",
            ALCKZ=discount.sign,
            KSCHL=discount.kind,
            KOTXT=discount.text,
            BETRG=_amount(discount.value(item.gross)),
            KPERC="" if discount.percent is None else format(discount.percent, ".3f"),
            KOBAS="" if discount.percent is None else _amount(item.gross),
        )
    # Rows without a condition type are subtotals of the pricing procedure, not conditions.
    _segment(segment, "E1EDP05", ALCKZ="+", KOTXT="Bruttowert", BETRG=_amount(item.gross))
    rate = RATES[item.tax_code]
    _segment(
        segment,
        "E1EDP04",
        MWSKZ=item.tax_code,
        MSATZ=format(rate, ".3f"),
        MWSBT=_amount(cents(item.net * rate / 100)),
        TXDAT=_day(billing.on),
    )


def _sums(root: etree._Element, billing: Billing) -> None:
    _segment(root, "E1EDS01", SUMID="001", SUMME=str(len(billing.items)))
    for kind, amount in (
        ("012", billing.total),
        ("005", billing.tax),
        ("011", billing.total + billing.error_in_total),
        ("010", billing.net),
    ):
        _segment(root, "E1EDS01", SUMID=kind, SUMME=_amount(amount), WAERQ=billing.currency)
