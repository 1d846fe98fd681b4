"""FA(3), the structured invoice of the Polish system KSeF.

The table says where each term stands; `ksef_shape` brings the invoice into the shape of the structure and
back. Source: schema FA(3) 1-0E of the Ministry of Finance of Poland.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml import etree

from formats.syntaxes.binding import Binding
from formats.syntaxes.kinds import DATE
from formats.syntaxes.ksef_annotations import ADVANCES, ANNOTATIONS, CORRECTED, FORM
from formats.syntaxes.ksef_descriptions import CLASSES, DESCRIPTIONS, DESCRIPTIONS_READ, FOOTERS, POSITION
from formats.syntaxes.ksef_kinds import AMOUNT, FINE, GTIN, NAMESPACE, QUANTITY, Token, f
from formats.syntaxes.ksef_parties import (
    BUYER,
    REGISTERS,
    THIRD_PARTIES,
    is_email,
    party_address,
    seller_identity,
)
from formats.syntaxes.ksef_shape import adapt, restore
from formats.syntaxes.ksef_totals import MEANS, PAID, SETTLEMENT, SUMS
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Element, Entry, Group, Part, Term, walk
from formats.syntaxes.writing import Writer

__all__ = ["BINDING", "KEY", "NAMESPACE"]

KEY: Final = "ksef-fa3"
_TOKEN: Final = Token()

HEADER: Final[tuple[Entry, ...]] = (
    FORM,
    Term("BT-24", f("WariantFormularza")),
    Term("PL-2", f("DataWytworzeniaFa")),
    Term("PL-3", f("SystemInfo"), _TOKEN),
)

SELLER: Final[tuple[Entry, ...]] = (
    Element(f("DaneIdentyfikacyjne"), (seller_identity,)),
    party_address("BG-5"),
    Element(
        f("DaneKontaktowe"),
        (Term("BT-43", f("Email"), when=is_email), Term("BT-42", f("Telefon"), Token(16))),
    ),
)

BUYER_PARTY: Final[tuple[Entry, ...]] = (
    Element(f("DaneIdentyfikacyjne"), (BUYER,)),
    party_address("BG-8"),
    Element(
        f("DaneKontaktowe"),
        (Term("BT-58", f("Email"), when=is_email), Term("BT-57", f("Telefon"), Token(16))),
    ),
    Term("PL-5", f("JST")),
    Term("PL-6", f("GV")),
)

CORRECTION: Final[tuple[Entry, ...]] = (
    Term("PL-10", f("PrzyczynaKorekty"), _TOKEN),
    Term("PL-11", f("TypKorekty")),
    CORRECTED,
    Term("PL-12", f("P_15ZK"), AMOUNT),
)


def _write_discount(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    line = scope["BG-25"]
    amounts = [one.amount for one in line.allowances if one.amount is not None]
    if not amounts:
        return False
    etree.SubElement(parent, f"{{{NAMESPACE}}}P_10").text = FINE.text(sum(amounts))
    return True


def _read_discount(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    found = parent.find(f"{{{NAMESPACE}}}P_10")
    amount = None if found is None else FINE.read(found)
    if found is not None and amount is not None:
        reader.say(found, "BT-136", amount, reader.open("BG-27", scope))


DISCOUNT: Final = Part({"BT-136": f("P_10")}, _write_discount, _read_discount)


def _line(ending: str) -> tuple[Entry, ...]:
    """A line of the invoice, or of the order that an advance is for: the same with a Z at the end."""
    order = ending == "Z"
    net, tax = ("P_11NettoZ", "P_11VatZ") if order else ("P_11", "P_11Vat")
    rest: tuple[Entry, ...] = (
        Term("BT-153", f(f"P_7{ending}"), Token(512)),
        Term("BT-155", f(f"Indeks{ending}"), Token(50)),
        Term("BT-157", f(f"GTIN{ending}"), GTIN),
        CLASSES[ending],
        Term("BT-130", f(f"P_8A{ending}"), _TOKEN),
        Term("BT-129", f(f"P_8B{ending}"), QUANTITY),
        Term("BT-146", f(f"P_9A{ending}"), FINE),
    )
    if not order:
        rest += (Term("PL-64", f("P_9B"), FINE), DISCOUNT)
    rest += (Term("BT-131", f(net), AMOUNT),)
    rest += () if order else (Term("PL-65", f("P_11A"), AMOUNT),)
    rest += (
        Term("PL-66", f(tax), AMOUNT),
        Term("PL-60", f(f"P_12{ending}"), parts=("PL-60", "BT-151", "BT-152")),
    )
    rest += (Term("PL-63", f("P_12Z_XII" if order else "P_12_XII"), QUANTITY),)
    rest += (Term("PL-61", f(f"GTU{ending}")), Term("PL-62", f(f"Procedura{ending}")))
    rest += () if order else (Term("PL-67", f("KursWaluty"), QUANTITY),)
    rest += (Term("PL-68", f("StanPrzedZ" if order else "StanPrzed")),)
    first: tuple[Entry, ...] = (POSITION,)
    return (*first, *rest) if order else (*first, Term("PL-69", f("P_6A"), DATE), *rest)


LINE: Final = _line("")
ORDER_LINE: Final = _line("Z")


def _is_advance(writer: Writer) -> bool:
    poland = writer.invoice.poland
    return poland is not None and (poland.kind or "").endswith("ZAL")


def _lines_part(path: str, entries: tuple[Entry, ...], *, order: bool) -> Part:
    """The lines stand in the order where the invoice is for an advance, else directly in it."""
    tag = f"{{{NAMESPACE}}}{path.rpartition('/')[2]}"

    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        if _is_advance(writer) != order:
            return False
        totals = writer.invoice.totals
        if order:
            parent = etree.SubElement(parent, f"{{{NAMESPACE}}}Zamowienie")
            worth = etree.SubElement(parent, f"{{{NAMESPACE}}}WartoscZamowienia")
            worth.text = AMOUNT.text((totals.with_vat if totals else None) or Decimal(0))
        for line in writer.invoice.lines:
            writer.fill(etree.SubElement(parent, tag), entries, {**scope, "BG-25": line}, first=True)
        return True

    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        place: etree._Element | None = parent
        if order:
            place = parent.find(f"{{{NAMESPACE}}}Zamowienie")
            if place is None:
                return
            worth = place.find(f"{{{NAMESPACE}}}WartoscZamowienia")
            total = parent.find(f"{{{NAMESPACE}}}P_15")
            # An order that is worth more than the advance is content that has no term.
            if worth is not None and total is not None and AMOUNT.read(worth) == AMOUNT.read(total):
                reader.used.add(worth)
        if place is not None and (not order or not reader.root.values.get("lines")):
            for line in place.iterchildren(tag):
                reader.take(line, entries, reader.open("BG-25", scope))

    places = {
        name: "/".join((f(path), *steps))
        for steps, entry in walk(entries, False)
        if isinstance(entry, Term)
        for name in entry.names
    }
    return Part({} if order else {"BG-25": f(path), **places}, write, read)


BANK: Final[tuple[Entry, ...]] = (
    Group(
        "BG-17",
        f("RachunekBankowy"),
        (
            Term("BT-84", f("NrRB")),
            Term("BT-86", f("SWIFT")),
            Term("BT-85", f("OpisRachunku"), _TOKEN),
        ),
    ),
)

# Allowances and charges of the document are lines, and the totals that FA(3) does not write follow from it.
DERIVED: Final = Part(
    {
        **dict.fromkeys(("BT-92", "BT-99", "BT-106", "BT-107", "BT-108"), f("FaWiersz/P_11")),
        **dict.fromkeys(("BT-95", "BT-96", "BT-102", "BT-103"), f("FaWiersz/P_12")),
        **dict.fromkeys(("BT-97", "BT-104"), f("FaWiersz/P_7")),
        "BT-109": f("P_13_1"),
    },
    lambda parent, writer, scope: False,
    lambda parent, reader, scope: None,
)

INVOICE: Final[tuple[Entry, ...]] = (
    Term("BT-5", f("KodWaluty")),
    Term("BT-2", f("P_1"), DATE),
    Term("PL-4", f("P_1M"), _TOKEN),
    Term("BT-1", f("P_2"), _TOKEN),
    Term("BT-16", f("WZ"), _TOKEN),
    Term("BT-72", f("P_6"), DATE),
    Group("BG-14", f("OkresFa"), (Term("BT-73", f("P_6_Od"), DATE), Term("BT-74", f("P_6_Do"), DATE))),
    SUMS,
    Term("BT-112", f("P_15"), AMOUNT),
    Term("PL-9", f("KursWalutyZ"), QUANTITY),
    ANNOTATIONS,
    Term("PL-1", f("RodzajFaktury"), parts=("PL-1", "BT-3")),
    *CORRECTION,
    Group(
        "PL-G4",
        f("ZaliczkaCzesciowa"),
        (
            Term("PL-40", f("P_6Z"), DATE),
            Term("PL-41", f("P_15Z"), AMOUNT),
            Term("PL-42", f("KursWalutyZW"), QUANTITY),
        ),
    ),
    Term("PL-7", f("FP")),
    Term("PL-8", f("TP")),
    DESCRIPTIONS,
    ADVANCES,
    _lines_part("FaWiersz", LINE, order=False),
    DERIVED,
    SETTLEMENT,
    Element(
        f("Platnosc"),
        (PAID, Term("BT-9", f("TerminPlatnosci/Termin"), DATE), MEANS, *BANK),
    ),
    Element(
        f("WarunkiTransakcji"),
        (
            Term("BT-12", f("Umowy/NrUmowy"), _TOKEN),
            Term("BT-13", f("Zamowienia/NrZamowienia"), _TOKEN),
        ),
    ),
    _lines_part("Zamowienie/ZamowienieWiersz", ORDER_LINE, order=True),
    DESCRIPTIONS_READ,
)

ENTRIES: Final[tuple[Entry, ...]] = (
    Element(f("Naglowek"), HEADER),
    Element(f("Podmiot1"), SELLER),
    Element(f("Podmiot2"), BUYER_PARTY),
    THIRD_PARTIES,
    # After the footer, whose notes come before those that had no room in it.
    Element(f("Fa"), INVOICE, read_last=True),
    Element(
        f("Stopka"),
        (
            FOOTERS,
            REGISTERS,
        ),
    ),
)

_ROOT: Final = f"{{{NAMESPACE}}}Faktura"

BINDING: Final = Binding(
    name="KSeF FA(3)",
    invoice_root=_ROOT,
    credit_note_root=_ROOT,
    namespaces={"f": NAMESPACE},
    entries=ENTRIES,
    adapt=adapt,
    restore=restore,
)
