"""What the imitated SAP holds at the start: customers, billing documents, and what customers have paid.

All parties are invented. Amounts follow from the items; nothing is typed in twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from connectors.sandbox.sap_documents import Billing, Customer, Discount, Item, ShipTo

__all__ = ["BILLINGS", "MENDED", "OUTPUTS", "Clearing", "Output", "cleared_items"]

D = Decimal

STADTWERKE: Final = Customer(
    "0000100001",
    "Stadtwerke Elbmarsch AöR",
    "Am Deich 4",
    "Glückstadt",
    "25348",
    "DE",
    "DE298745130",
    endpoint="0204:01062-80412-93",
    reference="01062-80412-93",
    contact="Rechnungseingang",
    telephone="+49 4124 555010",
)
WENDT: Final = Customer(
    "0000100002",
    "Kranbau Wendt GmbH",
    "Industriestraße 18",
    "Rostock",
    "18069",
    "DE",
    "DE315208462",
    endpoint="9930:DE315208462",
    reference="KST-4410",
)
LINDEN: Final = Customer(
    "0000100003",
    "Van der Linden Techniek B.V.",
    "Havenweg 27",
    "Rotterdam",
    "3011 AB",
    "NL",
    "NL823456705B01",
    endpoint="0106:90001354",
    reference="INK-2026-118",
)
DUBOIS: Final = Customer(
    "0000100004",
    "Ateliers Mécaniques Dubois SA",
    "Rue de l'Enclume 9",
    "Liège",
    "4000",
    "BE",
    "BE0479031233",
    endpoint="0208:0479031233",
)
FOERDE: Final = Customer(
    "0000100005",
    "Hafenlogistik Förde AG",
    "Kaistraße 101",
    "Kiel",
    "24114",
    "DE",
    "DE204671934",
    gln="4399876500025",
    reference="EK-7",
)
SOERENSEN: Final = Customer(
    "0000100006",
    "Bäckerei Sörensen & Söhne e.K.",
    "Marktplatz 3",
    "Husum",
    "25813",
    "DE",
    "DE277190352",
    email="rechnung@baeckerei-soerensen.example",
    reference="Frau Petersen",
)
GROTE: Final = Customer(
    "0000100007",
    "Metallbau Grote KG",
    "Schmiedegang 6",
    "Schwerin",
    "19053",
    "DE",
    "DE188302743",
    reference="Werkstatt 2",
)
SEILBAHN: Final = Customer(
    "0000100008",
    "Alpenblick Seilbahn GmbH",
    "Bergstationsweg 1",
    "Schladming",
    "8970",
    "AT",
    "ATU55234106",
    endpoint="0088:9012345000318",
)
OFFSHORE: Final = Customer(
    "0000100009",
    "Ostsee Offshore Services GmbH",
    "Seebrückenallee 40",
    "Warnemünde",
    "18119",
    "DE",
    "DE255619205",
    name_2="Windparkbetrieb",
    endpoint="9930:DE255619205",
    reference="WP-Baltic-3",
)

_ROTTERDAM: Final = ShipTo(
    "0000100053", "Van der Linden Magazijn", "Eemhavenstraat 5", "Rotterdam", "3089 KH", "NL"
)
_SCHLADMING: Final = ShipTo(
    "0000100058", "Seilbahn Talstation", "Talstationsplatz 2", "Schladming", "8970", "AT"
)
_LIEGE: Final = ShipTo("0000100054", "Dubois Atelier 2", "Quai du Halage 14", "Liège", "4020", "BE")

_WINCH: Final = Item(
    "WI-2500", "Seilwinde 2,5 t", D(2), "PCE", D("1840.00"), gtin="4260123401009", customer_material="SW-25"
)
_ROPE: Final = Item("ST-012", "Drahtseil 12 mm, verzinkt", D("250.5"), "MTR", D("4.86"))
_MANUAL: Final = Item("HB-0007", "Fachbuch Anschlagmittel, gebunden", D(6), "PCE", D("42.90"), "A2")
_SERVICE: Final = Item("SV-0100", "Wartung vor Ort", D("7.5"), "HUR", D("96.00"))


def _small_pdf(text: str) -> bytes:
    """A one-page PDF with one line of text, complete with its cross-reference table."""
    stream = f"BT /F1 12 Tf 72 760 Td ({text}) Tj ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length " + str(len(stream)).encode() + b" >>\nstream\n" + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += str(number).encode() + b" 0 obj\n" + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return (
        content
        + b"xref\n0 %d\n0000000000 65535 f \n" % count
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(content))
    )


_TWO_RATES: Final = Billing(
    "0090000201",
    date(2026, 10, 5),
    STADTWERKE,
    (_WINCH, _MANUAL),
    order="0000051001",
    purchase_order="4500112233",
    contract="0040000077",
    delivery="0080007001",
    delivered_on=date(2026, 10, 2),
    note="Vielen Dank für Ihren Auftrag. Bitte geben Sie bei Zahlung die Rechnungsnummer an.",
)
_ALLOWANCES: Final = Billing(
    "0090000202",
    date(2026, 10, 7),
    WENDT,
    (
        replace(
            _ROPE,
            discounts=(
                Discount("K007", "Kundenrabatt", percent=D(5)),
                Discount("ZVP1", "Zuschnitt", "+", amount=D("35.00")),
            ),
        ),
        replace(_WINCH, quantity=D(1)),
    ),
    order="0000051002",
    purchase_order="BE-2026-0815",
    delivery="0080007002",
    delivered_on=date(2026, 10, 6),
    conditions=(
        Discount("HB00", "Rabatt auf den Auftrag", amount=D("100.00"), tax_code="A1"),
        Discount("HD00", "Fracht", "+", amount=D("48.50"), tax_code="A1"),
    ),
)
_REVERSE_CHARGE: Final = Billing(
    "0090000203",
    date(2026, 10, 9),
    WENDT,
    (Item("SV-0410", "Abbruch der Kranbahn, Bauleistung", D(1), "C62", D("12500.00"), "AR"),),
    order="0000051003",
    purchase_order="BE-2026-0822",
    delivered_on=date(2026, 10, 8),
)
_INTRA_COMMUNITY: Final = Billing(
    "0090000204",
    date(2026, 10, 12),
    LINDEN,
    (replace(_WINCH, tax_code="AI", quantity=D(4)), replace(_ROPE, tax_code="AI", quantity=D(300))),
    order="0000051004",
    purchase_order="PO-77120",
    delivery="0080007004",
    delivered_on=date(2026, 10, 10),
    ship_to=_ROTTERDAM,
)
_EXEMPT: Final = Billing(
    "0090000205",
    date(2026, 10, 14),
    FOERDE,
    (
        Item("SC-0001", "Schulung Kranführerschein", D(2), "DAY", D("680.00"), "AE"),
        Item("SC-0002", "Schulungsunterlagen", D(8), "PCE", D("24.50")),
    ),
    order="0000051005",
    delivered_on=date(2026, 10, 13),
)
_DOLLARS: Final = Billing(
    "0090000206",
    date(2026, 10, 15),
    OFFSHORE,
    (Item("OW-9000", "Offshore-Winde 9 t", D(1), "PCE", D("28400.00")),),
    currency="USD",
    rate=D("0.86210"),
    order="0000051006",
    purchase_order="WP3-1189",
    delivery="0080007006",
    delivered_on=date(2026, 10, 14),
)
_PREPAID: Final = Billing(
    "0090000207",
    date(2026, 10, 19),
    STADTWERKE,
    (Item("SP-0300", "Schleusenantrieb, überholt", D(1), "PCE", D("9750.00")), _SERVICE),
    order="0000051007",
    purchase_order="4500112290",
    delivered_on=date(2026, 10, 16),
    prepaid=D("5000.00"),
)
_PER_HUNDRED: Final = Billing(
    "0090000208",
    date(2026, 10, 21),
    DUBOIS,
    (Item("SK-M12", "Sechskantschraube M12x60", D(2500), "PCE", D("18.40"), "AI", per=100),),
    order="0000051008",
    purchase_order="CDE-2026-441",
    delivery="0080007008",
    delivered_on=date(2026, 10, 20),
    ship_to=_LIEGE,
)
_ATTACHMENT: Final = Billing(
    "0090000209",
    date(2026, 10, 23),
    STADTWERKE,
    (replace(_SERVICE, quantity=D("11.25")),),
    order="0000051009",
    purchase_order="4500112301",
    delivered_on=date(2026, 10, 22),
    attachment=("Stundennachweis_90000209.pdf", "Stundennachweis", _small_pdf("Stundennachweis 90000209")),
)
_BY_MAIL: Final = Billing(
    "0090000210",
    date(2026, 10, 26),
    SOERENSEN,
    (Item("TM-0040", "Teigmaschine, Ersatzgetriebe", D(1), "PCE", D("1290.00")), _SERVICE),
    order="0000051010",
    delivered_on=date(2026, 10, 23),
)
_NO_ADDRESS: Final = Billing(
    "0090000211",
    date(2026, 10, 27),
    GROTE,
    (replace(_ROPE, quantity=D(80)),),
    order="0000051011",
    delivered_on=date(2026, 10, 26),
)
_WRONG_TOTAL: Final = Billing(
    "0090000212",
    date(2026, 10, 28),
    WENDT,
    (replace(_WINCH, quantity=D(3)),),
    order="0000051012",
    purchase_order="BE-2026-0851",
    delivered_on=date(2026, 10, 27),
    error_in_total=D("90.00"),
)
_NEW_TAX_CODE: Final = Billing(
    "0090000213",
    date(2026, 10, 29),
    FOERDE,
    (Item("LM-0002", "Lastmomentbegrenzer", D(1), "PCE", D("2150.00"), "A7"),),
    order="0000051013",
    purchase_order="EK-7-0093",
    delivered_on=date(2026, 10, 28),
)
_OF_THREE_1: Final = Billing(
    "0090000214",
    date(2026, 11, 2),
    STADTWERKE,
    (replace(_ROPE, quantity=D("120.25")),),
    order="0000051014",
    purchase_order="4500112344",
    delivered_on=date(2026, 10, 30),
)
_OF_THREE_2: Final = Billing(
    "0090000215",
    date(2026, 11, 2),
    LINDEN,
    (Item("SV-0200", "Technische Beratung", D(12), "HUR", D("118.00"), "AR"),),
    order="0000051015",
    purchase_order="PO-77163",
    delivered_on=date(2026, 10, 31),
)
_OF_THREE_3: Final = Billing(
    "0090000216",
    date(2026, 11, 2),
    SEILBAHN,
    (Item("SB-0900", "Tragseilschuh", D(16), "PCE", D("312.40"), "AI"),),
    order="0000051016",
    purchase_order="B-2026-19",
    delivery="0080007016",
    delivered_on=date(2026, 10, 30),
    ship_to=_SCHLADMING,
)
_LATIN_1: Final = Billing(
    "0090000217",
    date(2026, 11, 4),
    OFFSHORE,
    (Item("OE-0050", "Ölfilter für Getriebe, Größe 5", D(24), "PCE", D("31.15")),),
    order="0000051017",
    purchase_order="WP3-1204",
    delivered_on=date(2026, 11, 3),
    note="Lieferung frei Baustelle. Rückgabe der Gebinde über die Förde möglich.",
)
_CREDIT_1: Final = Billing(
    "0090000301",
    date(2026, 10, 20),
    STADTWERKE,
    (replace(_MANUAL, quantity=D(2)),),
    credit=True,
    order="0060000301",
    purchase_order="4500112233",
    refers_to=("0090000201", date(2026, 10, 5)),
    note="Gutschrift für zwei beschädigte Exemplare.",
)
_CREDIT_2: Final = Billing(
    "0090000302",
    date(2026, 11, 5),
    WENDT,
    (replace(_REVERSE_CHARGE.items[0], price=D("12500.00")),),
    credit=True,
    order="0060000302",
    purchase_order="BE-2026-0822",
    refers_to=("0090000203", date(2026, 10, 9)),
)
_TEST_RUN: Final = Billing(
    "0090000999",
    date(2026, 11, 6),
    WENDT,
    (replace(_WINCH, quantity=D(1)),),
    order="0000051999",
    purchase_order="TEST",
    test=True,
)

BILLINGS: Final = (
    _TWO_RATES,
    _ALLOWANCES,
    _REVERSE_CHARGE,
    _INTRA_COMMUNITY,
    _EXEMPT,
    _DOLLARS,
    _PREPAID,
    _PER_HUNDRED,
    _ATTACHMENT,
    _BY_MAIL,
    _NO_ADDRESS,
    _WRONG_TOTAL,
    _NEW_TAX_CODE,
    _OF_THREE_1,
    _OF_THREE_2,
    _OF_THREE_3,
    _LATIN_1,
    _CREDIT_1,
    _CREDIT_2,
)


@dataclass(frozen=True, slots=True)
class Output:
    """One file of the output: which documents it holds, and in which form and character set.

    A flat file has line ends and no trailing blanks, or (`lines` false) records of full width without any.
    """

    billings: tuple[Billing, ...]
    encoding: str = "UTF-8"
    flat: bool = False
    lines: bool = True
    basic_type: str = "INVOIC02"


OUTPUTS: Final = (
    *(Output((billing,)) for billing in BILLINGS[:13]),
    Output((_OF_THREE_1, _OF_THREE_2, _OF_THREE_3)),
    Output((_LATIN_1,), "ISO-8859-1"),
    Output((_CREDIT_1,)),
    Output((_CREDIT_2,)),
    # Someone printed the first invoice again: a new IDoc number, the same invoice.
    Output((_TWO_RATES,)),
    Output((_TEST_RUN,)),
)

# What a clerk does about the faulty ones, and the document that is put out again then.
MENDED: Final = (
    (
        "The e-mail address of customer 100007 Metallbau Grote KG was added in transaction BP, "
        "and invoice 90000211 was put out again.",
        replace(
            _NO_ADDRESS,
            customer=replace(GROTE, endpoint="9930:DE188302743", email="buchhaltung@metallbau-grote.example"),
        ),
    ),
    (
        "The user exit that changed the billed value was corrected, and invoice 90000212 was put out again.",
        replace(_WRONG_TOTAL, error_in_total=D(0)),
    ),
    (
        "The tax code A7 of item 10 was changed to A1 in transaction VF02, "
        "and invoice 90000213 was put out again.",
        replace(_NEW_TAX_CODE, items=(replace(_NEW_TAX_CODE.items[0], tax_code="A1"),)),
    ),
)


@dataclass(frozen=True, slots=True)
class Clearing:
    """What happened to one receivable: a payment, in full or in part, or the credit memo `credit`.

    A `residual` payment clears the invoice and leaves the rest as a new line that refers to it.
    """

    number: str
    on: date
    amount: Decimal | None = None
    residual: bool = False
    credit: str = ""


CLEARINGS: Final = (
    Clearing("0090000201", date(2026, 11, 3)),
    Clearing("0090000202", date(2026, 11, 6)),
    Clearing("0090000203", date(2026, 11, 9), credit="0090000302"),
    Clearing("0090000204", date(2026, 11, 10), amount=D("5000.00")),
    Clearing("0090000205", date(2026, 11, 12)),
    Clearing("0090000206", date(2026, 11, 13), amount=D("20000.00")),
    Clearing("0090000208", date(2026, 11, 17)),
    Clearing("0090000209", date(2026, 11, 18), amount=D("1000.00"), residual=True),
)

_COLUMNS: Final = (
    "BUKRS;BELNR;GJAHR;BUZEI;KUNNR;VBELN;XBLNR;BLART;BUDAT;WAERS;WRBTR;SHKZG;UMSKZ;AUGBL;AUGDT;REBZG"
)


def cleared_items() -> str:
    """The extract of customer lines, open and cleared, as tables BSID and BSAD hold them; one row a line.

    WRBTR is without sign in the document currency, SHKZG says S (debit) or H (credit). AUGBL and AUGDT are
    the clearing document and its date, empty while the line is open; REBZG names the invoice (by its BELNR)
    that a partial payment or the rest of a residual payment belongs to.
    """
    rows = [_COLUMNS]
    events = {event.number: event for event in CLEARINGS} | {
        event.credit: event for event in CLEARINGS if event.credit
    }
    numbers = [billing.number for billing in BILLINGS]
    for position, billing in enumerate(BILLINGS):
        event, posting = events.get(billing.number), f"18{position:08}"
        due, side = billing.total - billing.prepaid, "H" if billing.credit else "S"
        if event is None:
            rows.append(_row(billing, posting, "RV", billing.on, due, side, vbeln=billing.number))
            continue
        # A credit memo and its invoice are cleared by one document, which has no line of its own.
        clearing = f"14{numbers.index(event.number):08}"
        closed = (clearing, event.on) if event.amount is None or event.residual else None
        rows.append(_row(billing, posting, "RV", billing.on, due, side, vbeln=billing.number, cleared=closed))
        if event.credit:
            continue
        paid, refers = due if event.amount is None else event.amount, "" if closed else posting
        rows.append(_row(billing, clearing, "DZ", event.on, paid, "H", cleared=closed, refers=refers))
        if event.residual:
            rows.append(_row(billing, clearing, "DZ", event.on, due - paid, "S", refers=posting, line=2))
    return "\r\n".join(rows) + "\r\n"


def _row(
    billing: Billing,
    document: str,
    kind: str,
    on: date,
    amount: Decimal,
    side: str,
    *,
    vbeln: str = "",
    cleared: tuple[str, date] | None = None,
    refers: str = "",
    line: int = 1,
) -> str:
    clearing, cleared_on = ("", "") if cleared is None else (cleared[0], cleared[1].strftime("%Y%m%d"))
    fields = (
        "1000",
        document,
        str(on.year),
        f"{line:03}",
        billing.customer.number,
        vbeln,
        vbeln,
        kind,
        on.strftime("%Y%m%d"),
        billing.currency,
        format(amount, "f"),
        side,
        "",
        clearing,
        cleared_on,
        refers,
    )
    return ";".join(fields)
