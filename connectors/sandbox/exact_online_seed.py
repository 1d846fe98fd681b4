"""The books of the imitated Exact Online: Van Dael Groothandel B.V., an invented Dutch wholesaler.

All amounts follow from quantities, prices and VAT codes by exact arithmetic, rounded as a ledger rounds them:
lines to cents, VAT once for each rate. The three invoices with a fault get it on purpose, afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

__all__ = ["DIVISION", "Books", "LineSpec", "book_invoice", "issue", "seed", "seeded_id"]

DIVISION: Final = 3210123
CENT: Final = Decimal("0.01")
Row = dict[str, Any]

TAX_RATES: Final = {
    "2": Decimal("0.09"),
    "4": Decimal("0.21"),
    "6": Decimal(0),
    "7": Decimal(0),
    "8": Decimal(0),
    "9": Decimal(0),
    "V": Decimal(0),
    "31": Decimal("0.21"),
}


def seeded_id(label: str) -> str:
    """The same GUID for the same label, every time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://vandael.example/{label}"))


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class LineSpec:
    """What the clerk typed: the rest of a line follows from it."""

    item: str
    text: str
    quantity: str
    unit: str
    price: str
    vat: str = "4"
    discount: str = "0"
    notes: str = ""
    start: str = ""
    end: str = ""


@dataclass
class Books:
    """All rows of one division, by collection; the row version only ever grows."""

    invoices: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    charges: list[Row] = field(default_factory=list)
    accounts: list[Row] = field(default_factory=list)
    addresses: list[Row] = field(default_factory=list)
    contacts: list[Row] = field(default_factory=list)
    vat_codes: list[Row] = field(default_factory=list)
    payment_conditions: list[Row] = field(default_factory=list)
    journals: list[Row] = field(default_factory=list)
    divisions: list[Row] = field(default_factory=list)
    receivables: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)
    attachments: list[Row] = field(default_factory=list)
    bank_accounts: list[Row] = field(default_factory=list)
    deleted: list[Row] = field(default_factory=list)
    _lines_of: dict[str, list[Row]] = field(default_factory=dict)
    _indexed: tuple[int, int] = (0, 0)
    last_number: int = 0
    version: int = 9_000_000

    def next_version(self) -> int:
        self.version += 7
        return self.version

    def invoice(self, number: int) -> Row:
        return next(row for row in self.invoices if row["InvoiceNumber"] == number)

    def lines_of(self, invoice: Row) -> list[Row]:
        of, count = self._indexed
        if of != id(self.lines) or count > len(self.lines):
            self._lines_of, count = {}, 0
        for row in self.lines[count:]:
            self._lines_of.setdefault(row["InvoiceID"], []).append(row)
        self._indexed = id(self.lines), len(self.lines)
        return self._lines_of.get(invoice["InvoiceID"], [])

    def touch_account(self, account: Row) -> None:
        """The account was saved."""
        account["Modified"] += timedelta(minutes=1)
        account["Timestamp"] = self.next_version()

    def delete(self, invoice: Row, at: datetime) -> None:
        """The invoice and its lines are gone; the feed of deletions tells."""
        self.invoices.remove(invoice)
        self.lines = [row for row in self.lines if row["InvoiceID"] != invoice["InvoiceID"]]
        self.deleted.append(
            {
                "ID": seeded_id(f"deleted {invoice['InvoiceID']}"),
                "Division": DIVISION,
                "EntityKey": invoice["InvoiceID"],
                "EntityType": 13,
                "DeletedBy": seeded_id("user"),
                "DeletedDate": at,
                "Timestamp": self.next_version(),
            }
        )

    def touch(self, invoice: Row) -> None:
        """The invoice was saved: its row versions and its time of change move on."""
        invoice["Modified"] += timedelta(minutes=1)
        for line in self.lines_of(invoice):
            line["Timestamp"] = self.next_version()


def seed() -> Books:
    """The books as the demo and the tests find them."""
    books = Books()
    _add_master_data(books)
    _add_accounts(books)
    _add_invoices(books)
    _add_faults(books)
    _add_settlements(books)
    return books


def _add_master_data(books: Books) -> None:
    books.divisions.append(
        {
            "Code": DIVISION,
            "Description": "Van Dael Groothandel B.V.",
            "CustomerName": "Van Dael Groothandel B.V.",
            "AddressLine1": "Handelskade 118",
            "AddressLine2": None,
            "AddressLine3": None,
            "Postcode": "3011 CA",
            "City": "Rotterdam",
            "Country": "NL ",
            "ChamberOfCommerceNumber": "64712035",
            "VATNumber": "NL855123473B01",
            "Email": "administratie@vandael.example",
            "Phone": "+31 10 555 01 18",
            "Currency": "EUR",
            "Legislation": "NL ",
            "Hid": 118,
            "Status": 1,
            "BlockingStatus": 0,
            "DivisionMoveDate": None,
            "Current": True,
        }
    )
    for code, text, kind, charged, listing, legal in (
        ("2", "BTW laag 9%", "E", False, "N", None),
        ("4", "BTW hoog 21%", "E", False, "N", None),
        ("6", "BTW verlegd binnenland", "B", True, "N", None),
        ("7", "Intracommunautaire levering", "B", False, "L", None),
        ("8", "Diensten binnen EU verlegd", "B", False, "S", None),
        ("9", "Uitvoer buiten EU", "B", False, "N", None),
        ("V", "Vrijgesteld", "B", False, "N", "Exempt: vocational training, article 11 (1) (o) Wet OB 1968"),
        ("31", "Margeregeling", "I", False, "N", None),
    ):
        books.vat_codes.append(
            {
                "ID": seeded_id(f"vat {code}"),
                "Code": code.ljust(3),
                "Description": text,
                "Percentage": TAX_RATES[code],
                "Type": kind,
                "VATTransactionType": "S",
                "Charged": charged,
                "EUSalesListing": listing,
                "LegalText": legal,
                "VatMargin": 1 if code == "31" else 0,
                "OssCountry": None,
                "Country": "NL ",
                "IsBlocked": False,
            }
        )
    for code, text, days, method, share in (
        ("14", "14 dagen netto", 14, "B", "1"),
        ("30", "30 dagen netto", 30, "B", "1"),
        ("AB", "30% aanbetaling bij bestelling, rest 30 dagen", 0, "B", "0.3"),
        ("AB", "30% aanbetaling bij bestelling, rest 30 dagen", 30, "B", "0.7"),
    ):
        books.payment_conditions.append(
            {
                "ID": seeded_id(f"terms {code} {days}"),
                "Code": code,
                "Description": text,
                "PaymentDays": days,
                "PaymentMethod": method,
                "Percentage": Decimal(share),
                "DiscountPercentage": Decimal(0),
                "DiscountPaymentDays": 0,
            }
        )
    for code, text, journal_type, account in (
        ("20", "ING zakelijke rekening", 12, "NL60INGB0004671236"),
        ("70", "Verkoopboek", 20, None),
    ):
        books.journals.append(
            {
                "ID": seeded_id(f"journal {code}"),
                "Code": code,
                "Description": text,
                "Type": journal_type,
                "BankName": "ING" if account else None,
                "BankAccountIBAN": account,
                "BankAccountBICCode": "INGBNL2A" if account else None,
                "Currency": "EUR",
                "IsBlocked": False,
            }
        )


# Code, name, street, post code, city, country, VAT number, chamber of commerce, GLN, OIN, Peppol identifier
# (type and value), mail.
_ACCOUNTS: Final = (
    (2, "Bakkerij De Ochtend B.V.", "Molenstraat 7", "3512 AB", "Utrecht", "NL", "NL856234187B01", "71203465",
     None, None, 2, "71203465", "boekhouding@deochtend.example"),
    (3, "Horeca Noord B.V.", "Havenweg 21", "9712 KL", "Groningen", "NL", "NL861345290B01", "68034127",
     None, None, None, None, "facturen@horecanoord.example"),
    (4, "Kantoorwereld BV", "Meir 44", "2000", "Antwerpen", "BE", "BE0738124072", "0738.124.072",
     None, None, None, None, "invoices@kantoorwereld.example"),
    (5, "Bouwbedrijf Hendriks B.V.", "Industrieweg 90", "5651 GK", "Eindhoven", "NL", "NL862456307B01",
     "72451806", None, None, 2, "72451806", "crediteuren@hendriksbouw.example"),
    (6, "Supermarkt Zonnehof B.V.", "Zonnehof 3", "3811 ND", "Amersfoort", "NL", "NL857319048B01", "59817342",
     "8712345000103", None, 1, "8712345000103", "edi@zonnehof.example"),
    (7, "Great Lakes Trading Netherlands B.V.", "Strawinskylaan 2001", "1077 ZZ", "Amsterdam", "NL",
     "NL864012779B01", "75320618", None, None, 2, "75320618", "ap@greatlakes.example"),
    (8, "Gemeente Waterland-Oost", "Raadhuisplein 1", "1141 AB", "Monnickendam", "NL", None, "34987512",
     None, "00000001004321765000", None, None, "facturen@waterland-oost.example"),
    (9, "Rheinland Bürobedarf GmbH", "Hansaring 12", "50670", "Köln", "DE", "DE317845607", None,
     None, None, None, None, "rechnung@rheinland-buero.example"),
    (10, "Buurtvereniging De Linde", "Lindelaan 15", "2343 HX", "Oegstgeest", "NL", None, None,
     None, None, None, None, "penningmeester@delinde.example"),
    (11, "Timmerwerken Ruis", "Dorpsstraat 2", "6021 AA", "Budel", "NL", None, None,
     None, None, None, None, None),
    (12, "Imprimerie du Canal SA", "Quai des Usines 8", "1000", "Bruxelles", "BE", "BE0672901866",
     "0672.901.866", None, None, None, "0208:0672901866", "compta@imprimerieducanal.example"),
)  # fmt: skip


_BANKS: Final = {2: "NL91ABNA0417164300", 4: "BE68539007547034", 9: "DE89370400440532013000"}


def _add_accounts(books: Books) -> None:
    for code, name, street, post, city, country, vat, coc, gln, oin, kind, peppol, mail in _ACCOUNTS:
        account = seeded_id(f"account {code}")
        contact = seeded_id(f"contact {code}")
        books.accounts.append(
            {
                "ID": account,
                "Code": str(code).rjust(18),
                "Name": name,
                "TradeName": None,
                "Status": "C",
                "Type": "A",
                "AddressLine1": street,
                "AddressLine2": None,
                "AddressLine3": None,
                "Postcode": post,
                "City": city,
                "State": None,
                "Country": country.ljust(3),
                "Email": mail,
                "Phone": None,
                "Language": "NL",
                "VATNumber": vat,
                "ChamberOfCommerce": coc,
                "GlnNumber": gln,
                "OINNumber": oin,
                "RSIN": None,
                "InvoicingMethod": 0,
                "Blocked": False,
                "PeppolIdentifierType": kind,
                "PeppolIdentifier": peppol,
                "Modified": datetime(2026, 9, 1, 9, 0),  # noqa: DTZ001  # local wall-clock time, as the ERP has it
                "Timestamp": books.next_version(),
            }
        )
        if code in _BANKS:
            books.bank_accounts.append(
                {
                    "ID": seeded_id(f"bank account {code}"),
                    "Account": account,
                    "BankAccount": _BANKS[code],
                    "BICCode": None,
                    "Main": True,
                    "Blocked": False,
                    "Type": "A",
                }
            )
        books.contacts.append(
            {
                "ID": contact,
                "Account": account,
                "FullName": f"Crediteurenadministratie {name}"[:60],
                "Email": mail,
                "BusinessEmail": mail,
                "Phone": None,
                "IsMainContact": True,
            }
        )
    books.addresses.append(
        {
            "ID": seeded_id("address warehouse 4"),
            "Account": seeded_id("account 4"),
            "Type": 4,
            "Main": True,
            "AddressLine1": "Kaai 730",
            "AddressLine2": "Magazijn B",
            "AddressLine3": None,
            "Postcode": "9000",
            "City": "Gent",
            "State": None,
            "Country": "BE ",
        }
    )


@dataclass(frozen=True)
class _Order:
    """One invoice before it is booked."""

    number: int | None
    day: str
    account: int
    ref: str
    lines: Sequence[LineSpec]
    terms: str = "30"
    kind: int = 8020
    status: int = 50
    discount: str = "0"
    shipping: str = "0"
    currency: str = "EUR"
    rate: str = "1"
    description: str | None = None
    document: str | None = None
    deliver_to: str | None = None


_CHAIR: Final = LineSpec("ST-100", "Bureaustoel Linea", "4", "st", "189.50")
_ORDERS: Final = (
    _Order(26700001, "2026-10-05", 2, "DO-2026-118", (
        LineSpec("KO-25", "Koffiebonen 1 kg", "24", "kg", "14.85", vat="2"),
        LineSpec("TH-10", "Theeglazen, doos van 12", "6", "doos", "27.50"),
        LineSpec("SU-01", "Suikersticks, doos van 1000", "3", "doos", "11.95", vat="2"),
    )),
    _Order(26700002, "2026-10-06", 3, "HN/2210", (
        LineSpec("BO-30", "Bord 27 cm", "120", "st", "4.20", discount="0.1"),
        LineSpec("GL-05", "Wijnglas 35 cl", "200", "st", "2.35", discount="0.05"),
        # A surcharge on the line is a negative discount.
        LineSpec("SN-01", "Snijplank op maat", "8", "st", "21.50", discount="-0.1"),
    ), terms="14"),
    _Order(26700003, "2026-10-08", 4, "KW-90871", (
        LineSpec("PA-80", "Kopieerpapier A4, 80 g", "400", "pak", "3.95", vat="7"),
        LineSpec("ST-100", "Bureaustoel Linea", "10", "st", "189.50", vat="7", discount="0.08"),
    ), deliver_to="address warehouse 4"),
    _Order(26700004, "2026-10-09", 5, "PRJ-5511", (
        LineSpec("MO-01", "Montage stellingen in onderaanneming", "36.5", "uur", "58.00", vat="6"),
    )),
    _Order(26700005, "2026-10-12", 3, "HN/2233", (
        LineSpec("PN-12", "Koekenpan 28 cm", "15", "st", "32.90"),
        LineSpec("MS-08", "Messenset 8-delig", "5", "set", "74.00"),
    ), discount="0.02", shipping="17.50"),
    _Order(26700006, "2026-10-14", 5, "PRJ-5530", (
        LineSpec("OP-VCA", "Opleiding VCA basis, erkend beroepsonderwijs", "3", "pers", "245.00", vat="V"),
        LineSpec("HE-02", "Veiligheidshelm wit", "12", "st", "13.75"),
    )),
    _Order(26700007, "2026-10-15", 7, "PO 4500012", (
        LineSpec("ST-100", "Office chair Linea", "8", "st", "214.00"),
        LineSpec("BU-160", "Desk 160 x 80 cm", "8", "st", "389.00", discount="0.05"),
    ), currency="USD", rate="0.8571"),
    _Order(26700008, "2026-10-19", 5, "PRJ-5544", (
        LineSpec("ST-700", "Palletstelling, 7 vakken", "2", "st", "1480.00"),
        LineSpec("LV-01", "Levering en plaatsing", "1", "st", "260.00"),
    ), terms="AB"),
    _Order(26700009, "2026-10-21", 6, "ZH-77120", (
        LineSpec("ZA-20", "Papieren zak 20 cm, prijs per 100", "250", "100st", "3.4750"),
        LineSpec("SE-06", "Servetten 2-laags, prijs per 100", "85.5", "100st", "1.95"),
    )),
    _Order(26700010, "2026-10-23", 2, "DO-2026-131", (
        LineSpec("OV-45", "Bakplaat 60 x 40", "30", "st", "18.40"),
        LineSpec("BL-25", "Bloemkwast", "10", "st", "6.15"),
    ), document="delivery note 26700010"),
    _Order(26700011, "2026-10-26", 10, "Zomerfeest", (
        LineSpec("TA-06", "Statafel met hoes, huur", "6", "st", "12.50"),
        LineSpec("LI-10", "Lichtsnoer 10 m", "4", "st", "21.00"),
    ), terms="14"),
    _Order(26700012, "2026-10-28", 11, "Ruis-3", (
        LineSpec("BE-04", "Beitelset 4-delig", "2", "set", "48.50"),
    ), terms="14"),
    _Order(26700013, "2026-10-29", 6, "ZH-77181", (
        LineSpec("KR-40", "Krat 40 l", "60", "st", "9.35"),
        LineSpec("DE-40", "Deksel 40 l", "60", "st", "3.10"),
    )),
    _Order(26700014, "2026-11-02", 2, "DO-2026-140", (
        LineSpec("KM-90", "Keukenmachine, gebruikt", "1", "st", "640.00", vat="4"),
        LineSpec("ON-01", "Onderhoudsbeurt", "1.5", "uur", "72.00"),
    )),
    _Order(26700015, "2026-11-03", 8, "2026-GW-0417", (
        LineSpec("AB-01", "Koffieservice stadhuis oktober", "1", "mnd", "385.00",
                 start="2026-10-01", end="2026-10-31"),
        LineSpec("KO-25", "Koffiebonen 1 kg", "18", "kg", "14.85", vat="2"),
    )),
    _Order(26700016, "2026-11-05", 9, "RB-2026-77", (
        LineSpec("AD-10", "Beratung Sortiment Niederlande", "12", "uur", "95.00", vat="8"),
    )),
    _Order(26700017, "2026-11-09", 6, "ZH-77240", (
        LineSpec("FR-12", "Frisdrank 12 x 33 cl", "80", "doos", "7.50", vat="2"),
        LineSpec("DI-01", "Koeldisplay", "2", "st", "415.00"),
    ), discount="0.05", shipping="35.00"),
    _Order(26700018, "2026-11-11", 12, "IC-1187", (
        LineSpec("PA-160", "Karton A3, 160 g", "220", "pak", "11.40", vat="7"),
    )),
    _Order(26700019, "2026-11-12", 2, "DO-2026-118", (
        LineSpec("TH-10", "Theeglazen, doos van 12, breuk", "-2", "doos", "27.50"),
        LineSpec("KO-25", "Koffiebonen 1 kg, retour", "-4", "kg", "14.85", vat="2"),
    ), kind=8021, description="26700001", terms="14"),
    _Order(26700020, "2026-11-16", 4, "KW-90871", (
        LineSpec("ST-100", "Bureaustoel Linea, retour", "-1", "st", "189.50", vat="7", discount="0.08"),
    ), kind=8021, description="26700003", terms="14", deliver_to="address warehouse 4"),
    # Not issued yet, so no business of the gateway: open and draft.
    _Order(None, "2026-11-18", 3, "HN/2290", (_CHAIR,), status=20),
    _Order(None, "2026-11-19", 2, "DO-2026-155", (_CHAIR,), status=20),
    _Order(None, "2026-11-20", 6, "ZH-77300", (_CHAIR,), status=10),
)  # fmt: skip


def _add_invoices(books: Books) -> None:
    for order in _ORDERS:
        _book(books, order)


def _book(books: Books, order: _Order) -> None:
    label = f"invoice {order.number or order.ref}"
    day = datetime.fromisoformat(order.day)
    account = next(row for row in books.accounts if row["ID"] == seeded_id(f"account {order.account}"))
    rate, discount = Decimal(order.rate), Decimal(order.discount)
    lines = [_line(books, order, label, number, spec) for number, spec in enumerate(order.lines, 1)]
    bases: dict[Decimal, Decimal] = {}
    for line in lines:
        off = cents(line["AmountFC"] * discount)
        bases[line["VATPercentage"]] = bases.get(line["VATPercentage"], Decimal(0)) + line["AmountFC"] - off
    shipping = Decimal(order.shipping)
    if shipping:
        bases[TAX_RATES["4"]] = bases.get(TAX_RATES["4"], Decimal(0)) + shipping
        books.charges.append(_shipping(label, shipping))
    net = sum(bases.values(), Decimal(0))
    vat = sum((cents(base * share) for share, base in bases.items()), Decimal(0))
    off_total = sum((line["AmountFC"] for line in lines), Decimal(0)) + shipping - net
    days = max(row["PaymentDays"] for row in books.payment_conditions if row["Code"] == order.terms)
    issued = order.status == 50
    invoice: Row = {
        "InvoiceID": seeded_id(label),
        "Division": DIVISION,
        "Journal": "70",
        "JournalDescription": "Verkoopboek",
        "InvoiceNumber": order.number,
        "InvoiceDate": day,
        "DueDate": day + timedelta(days=days),
        "OrderDate": day - timedelta(days=4),
        "Type": order.kind,
        "TypeDescription": "Credit note" if order.kind == 8021 else "Invoice",
        "Status": order.status,
        "StatusDescription": {10: "Draft", 20: "Open", 50: "Processed"}[order.status],
        "Currency": order.currency,
        "InvoiceTo": account["ID"],
        "InvoiceToName": account["Name"],
        "InvoiceToContactPerson": seeded_id(f"contact {order.account}"),
        "InvoiceToContactPersonFullName": f"Crediteurenadministratie {account['Name']}"[:60],
        "OrderedBy": account["ID"],
        "OrderedByName": account["Name"],
        "OrderedByContactPerson": None,
        "OrderedByContactPersonFullName": None,
        "DeliverTo": account["ID"],
        "DeliverToName": account["Name"],
        "DeliverToAddress": seeded_id(order.deliver_to) if order.deliver_to else None,
        "YourRef": order.ref,
        "OrderNumber": 41000 + int(order.day.replace("-", "")[4:]),
        "Description": order.description,
        "Remarks": None,
        "PaymentCondition": order.terms,
        "PaymentConditionDescription": next(
            row["Description"] for row in books.payment_conditions if row["Code"] == order.terms
        ),
        "PaymentReference": None,
        "AmountFC": net + vat,
        "AmountFCExclVat": net,
        "VATAmountFC": vat if issued else None,
        "AmountDC": cents((net + vat) * rate),
        "VATAmountDC": cents(vat * rate) if issued else None,
        "Discount": discount,
        "DiscountType": 1,
        "AmountDiscount": cents(off_total * rate),
        "AmountDiscountExclVat": cents(off_total * rate),
        "Document": seeded_id(order.document) if order.document else None,
        "GAccountAmountFC": None,
        "WithholdingTaxAmountFC": None,
        "ExtraDutyAmountFC": None,
        "StarterSalesInvoiceStatus": None,
        "Created": day + timedelta(hours=9),
        "Modified": day + timedelta(hours=10, minutes=23, seconds=11),
    }
    books.invoices.append(invoice)
    if issued:
        _add_receivables(books, invoice, rate)
    if order.document:
        _add_document(books, invoice, order.document)


def book_invoice(
    books: Books,
    account: str,
    lines: Sequence[LineSpec],
    *,
    ref: str,
    day: str,
    kind: int = 8020,
) -> Row:
    """A clerk, or the interface, enters an invoice: open, without a number."""
    code = next(int(row["Code"]) for row in books.accounts if row["ID"].lower() == account.lower())
    _book(books, _Order(None, day, code, ref, tuple(lines), kind=kind, status=20))
    return books.invoices[-1]


def issue(books: Books, invoice: Row) -> int:
    """Print the invoice: it is final, gets the journal's next number, and is owed from now on."""
    books.last_number = books.last_number or max(row["InvoiceNumber"] or 0 for row in books.invoices)
    books.last_number = number = books.last_number + 1
    vat = invoice["AmountFC"] - invoice["AmountFCExclVat"]
    invoice.update(Status=50, StatusDescription="Processed", InvoiceNumber=number, VATAmountFC=vat)
    invoice["VATAmountDC"] = vat
    _add_receivables(books, invoice, Decimal(1))
    books.touch(invoice)
    return number


def _line(books: Books, order: _Order, label: str, number: int, spec: LineSpec) -> Row:
    quantity, price = Decimal(spec.quantity), Decimal(spec.price)
    net_price = price * (1 - Decimal(spec.discount))
    amount, share = cents(quantity * net_price), TAX_RATES[spec.vat]
    rate = Decimal(order.rate)
    code = next(row for row in books.vat_codes if row["Code"].strip() == spec.vat)
    line: Row = {
        "ID": seeded_id(f"{label} line {number}"),
        "InvoiceID": seeded_id(label),
        "LineNumber": number,
        "Item": seeded_id(f"item {spec.item}"),
        "ItemCode": spec.item,
        "ItemDescription": spec.text,
        "Description": spec.text,
        "Notes": spec.notes or None,
        "CustomerItemCode": None,
        "Quantity": quantity,
        "UnitCode": spec.unit.ljust(6),
        "UnitDescription": spec.unit,
        "UnitPrice": price,
        "NetPrice": net_price,
        "Discount": Decimal(spec.discount),
        "AmountFC": amount,
        "AmountDC": cents(amount * rate),
        "VATCode": code["Code"],
        "VATCodeDescription": code["Description"],
        "VATPercentage": share,
        "VATAmountFC": cents(amount * share),
        "VATAmountDC": cents(amount * share * rate),
        "GLAccountDescription": "Omzet",
        "DeliveryDate": datetime.fromisoformat(order.day) - timedelta(days=1),
        "StartTime": datetime.fromisoformat(spec.start) if spec.start else None,
        "EndTime": datetime.fromisoformat(spec.end) if spec.end else None,
        "SalesOrderNumber": None,
        "Division": DIVISION,
        "Timestamp": books.next_version(),
    }
    books.lines.append(line)
    return line


def _shipping(label: str, amount: Decimal) -> Row:
    tax = cents(amount * TAX_RATES["4"])
    return {
        "ID": seeded_id(f"{label} shipping"),
        "InvoiceID": seeded_id(label),
        "LineNumber": 1,
        "OrderChargeCode": "VERZEND",
        "OrderChargeDescription": "Verzendkosten",
        "OrderChargesLineDescription": "Verzendkosten",
        "IsShippingCost": True,
        "AmountFCExclVAT": amount,
        "AmountFCInclVAT": amount + tax,
        "AmountVATFC": tax,
        "AmountDC": amount,
        "VATCode": "4  ",
        "VATDescription": "BTW hoog 21%",
        "VATPercentage": TAX_RATES["4"],
        "Division": DIVISION,
    }


def _add_receivables(books: Books, invoice: Row, rate: Decimal) -> None:
    """One row for each payment term; an open debt of a customer is negative in AmountDC and AmountFC."""
    terms = [row for row in books.payment_conditions if row["Code"] == invoice["PaymentCondition"]]
    left = invoice["AmountFC"]
    for position, term in enumerate(terms, 1):
        part = left if position == len(terms) else cents(invoice["AmountFC"] * term["Percentage"])
        left -= part
        due = invoice["InvoiceDate"] + timedelta(days=term["PaymentDays"])
        books.receivables.append(receivable(invoice, f"term {position}", part, rate, due))


def receivable(invoice: Row, label: str, part: Decimal, rate: Decimal, due: datetime) -> Row:
    """An open row of cashflow/Receivables."""
    return {
        "ID": seeded_id(f"receivable {invoice['InvoiceNumber']} {label}"),
        "Account": invoice["InvoiceTo"],
        "AccountName": invoice["InvoiceToName"],
        "AmountDC": -cents(part * rate),
        "AmountFC": -part,
        "TransactionAmountDC": cents(part * rate),
        "TransactionAmountFC": part,
        "TransactionEntryID": seeded_id(f"sales entry {invoice['InvoiceNumber']}"),
        "TransactionID": seeded_id(f"transaction {invoice['InvoiceNumber']} {label}"),
        "TransactionType": 21 if invoice["Type"] == 8021 else 20,
        "Currency": invoice["Currency"],
        "Description": f"Factuur {invoice['InvoiceNumber']}",
        "DueDate": due,
        "EndDate": None,
        "InvoiceDate": invoice["InvoiceDate"],
        "InvoiceNumber": invoice["InvoiceNumber"],
        "IsFullyPaid": False,
        "Journal": invoice["Journal"],
        "LastPaymentDate": None,
        "PaymentMethod": "B",
        "PaymentReference": None,
        "Status": 20,
        "YourRef": invoice["YourRef"],
        "EntryNumber": invoice["InvoiceNumber"],
    }


def _add_document(books: Books, invoice: Row, label: str) -> None:
    document = seeded_id(label)
    number = invoice["InvoiceNumber"]
    books.documents.append(
        {
            "ID": document,
            "HID": 5012,
            "Subject": f"Pakbon bij factuur {number}",
            "Type": 55,
            "TypeDescription": "Miscellaneous",
            "Account": invoice["InvoiceTo"],
            "DocumentDate": invoice["InvoiceDate"],
            "Body": None,
            "FinancialTransactionEntryID": None,
            "SalesInvoiceNumber": None,
            "Created": invoice["InvoiceDate"],
        }
    )
    books.attachments.append(
        {
            "ID": seeded_id(f"{label} file"),
            "Document": document,
            "FileName": f"pakbon-{number}.pdf",
            "FileSize": Decimal(len(_SLIP)),
            "Attachment": None,
            "Content": _SLIP,
        }
    )


# The smallest page that readers open without complaint.
_SLIP: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj\nxref\n0 4\n0000000000 65535 f \n"
    b"0000000009 00000 n \n0000000054 00000 n \n0000000105 00000 n \ntrailer<</Size 4/Root 1 0 R>>\n"
    b"startxref\n167\n%%EOF\n"
)


def _add_faults(books: Books) -> None:
    """26700012 has a buyer without any address already; two more faults of the kind that really occurs."""
    wrong = books.invoice(26700013)
    wrong["VATAmountFC"] += Decimal("0.40")
    used = books.lines_of(books.invoice(26700014))[0]
    used["VATCode"], used["VATCodeDescription"] = "31 ", "Margeregeling"


def _add_settlements(books: Books) -> None:
    for number, share, day in ((26700001, "0.5", "2026-11-02"), (26700002, "1", "2026-10-20")):
        settle(books, number, Decimal(share), datetime.fromisoformat(day))
    deposit = next(row for row in books.receivables if row["InvoiceNumber"] == 26700008)
    settle_row(deposit, datetime.fromisoformat("2026-10-12"))


def settle(books: Books, number: int, share: Decimal, day: datetime, *, paid: bool = True) -> None:
    """Book a payment of a share of what is open, or (`paid` false) a settlement without money."""
    for row in [
        row for row in books.receivables if row["InvoiceNumber"] == number and not row["IsFullyPaid"]
    ]:
        if share < 1:
            part = cents(-row["AmountFC"] * share)
            rate = row["AmountDC"] / row["AmountFC"]
            invoice = books.invoice(number)
            rest = receivable(invoice, f"rest {row['ID']}", -row["AmountFC"] - part, rate, row["DueDate"])
            books.receivables.append(rest)
            row["AmountFC"], row["AmountDC"] = -part, -cents(part * rate)
            row["TransactionAmountFC"], row["TransactionAmountDC"] = part, cents(part * rate)
        settle_row(row, day, paid=paid)


def settle_row(row: Row, day: datetime, *, paid: bool = True) -> None:
    row["IsFullyPaid"], row["Status"], row["EndDate"] = True, 50, day
    row["LastPaymentDate"] = day if paid else None
