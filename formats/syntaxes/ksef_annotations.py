"""FA(3): the code of the form, the annotations, what is corrected, and advances that are settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lxml import etree

from formats.errors import DocumentError
from formats.model.poland import Annotations, Corrected
from formats.syntaxes import ksef_codes as codes
from formats.syntaxes.kinds import DATE, text_of
from formats.syntaxes.ksef_kinds import collapsed, f, find, put, tag, text_in
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["ADVANCES", "ANNOTATIONS", "CORRECTED", "FORM"]

# The header: the code of the form with its attributes.


def _write_form(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    element = put(parent, "KodFormularza", "FA")
    if element is not None:
        element.set("kodSystemowy", "FA (3)")
        element.set("wersjaSchemy", "1-0E")
    return True


def _pass_over(*names: str) -> Callable[[etree._Element, Reader, Scope], None]:
    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        for name in names:
            reader.used.update(parent.iterchildren(tag(name)))

    return read


FORM: Final = Part({}, _write_form, _pass_over("KodFormularza"))


# Annotations: the structure wants each of them, held or not.


def _write_annotations(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    poland = writer.invoice.poland
    said = (poland.annotations if poland else None) or Annotations()
    inner = etree.SubElement(parent, tag("Adnotacje"))
    for name, held in (
        ("P_16", said.cash_method),
        ("P_17", said.self_billing),
        ("P_18", said.reverse_charge),
        ("P_18A", said.split_payment),
    ):
        put(inner, name, "1" if held == "1" else "2")
    exemption = etree.SubElement(inner, tag("Zwolnienie"))
    if said.exemption_act:
        put(exemption, "P_19", "1")
        put(exemption, f"P_19{said.exemption_act}", collapsed(said.exemption_text or "", 256) or "-")
    else:
        put(exemption, "P_19N", "1")
    put(inner, "NoweSrodkiTransportu/P_22N", "1")
    put(inner, "P_23", "1" if said.triangular == "1" else "2")
    margin = etree.SubElement(inner, tag("PMarzy"))
    if said.margin:
        put(margin, "P_PMarzy", "1")
        put(margin, f"P_PMarzy_{said.margin}", "1")
    else:
        put(margin, "P_PMarzyN", "1")
    return True


def _read_annotations(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = find(parent, "Adnotacje")
    if inner is None:
        return
    places = {"P_16": "PL-20", "P_17": "PL-21", "P_18": "PL-22", "P_18A": "PL-23", "P_23": "PL-24"}
    for name, term in places.items():
        found = find(inner, name)
        if found is not None:
            reader.say(found, term, "1" if text_in(inner, name) == "1" else None, scope)
    for name in ("Zwolnienie/P_19", "Zwolnienie/P_19N", "NoweSrodkiTransportu/P_22N", "PMarzy/P_PMarzyN"):
        if (found := find(inner, name)) is not None:
            reader.used.add(found)
    for act in ("A", "B", "C"):
        found = find(inner, f"Zwolnienie/P_19{act}")
        if found is not None:
            reader.say(found, "PL-25", act, scope)
            reader.say(found, "PL-26", " ".join(text_of(found).split()) or None, scope)
    if (found := find(inner, "PMarzy/P_PMarzy")) is not None:
        reader.used.add(found)
    for margin in codes.MARGINS.values():
        found = find(inner, f"PMarzy/P_PMarzy_{margin}")
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
        inner = etree.SubElement(parent, tag("DaneFaKorygowanej"))
        put(inner, "DataWystFaKorygowanej", preceding.issue_date.isoformat())
        put(inner, "NrFaKorygowanej", collapsed(preceding.number, 256))
        number = known.get(preceding.number, Corrected()).ksef_number
        if number:
            put(inner, "NrKSeF", "1")
            put(inner, "NrKSeFFaKorygowanej", number)
        else:
            put(inner, "NrKSeFN", "1")
    return bool(invoice.preceding_invoices)


def _read_corrected(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(tag("DaneFaKorygowanej")):
        below = reader.open("BG-3", scope)
        number, day = find(inner, "NrFaKorygowanej"), find(inner, "DataWystFaKorygowanej")
        if number is not None:
            reader.say(number, "BT-25", text_in(inner, "NrFaKorygowanej"), below)
        if day is not None:
            reader.say(day, "BT-26", DATE.read(day), below)
        ksef = find(inner, "NrKSeFFaKorygowanej")
        if ksef is not None:
            there = reader.open("PL-G3", scope)
            reader.say(ksef, "PL-30", text_in(inner, "NrKSeFFaKorygowanej"), there)
            reader.say(ksef, "PL-31", text_in(inner, "NrFaKorygowanej"), there)
        for name in ("NrKSeF", "NrKSeFN"):
            reader.used.update(inner.iterchildren(tag(name)))


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
        inner = etree.SubElement(parent, tag("FakturaZaliczkowa"))
        if one.ksef_number:
            put(inner, "NrKSeFFaZaliczkowej", one.ksef_number)
        else:
            put(inner, "NrKSeFZN", "1")
            put(inner, "NrFaZaliczkowej", collapsed(one.number or "", 256))
    return True


def _read_advances(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(tag("FakturaZaliczkowa")):
        below = reader.open("PL-G5", scope)
        for name, term in (("NrKSeFFaZaliczkowej", "PL-45"), ("NrFaZaliczkowej", "PL-46")):
            found = find(inner, name)
            if found is not None:
                reader.say(found, term, text_in(inner, name), below)
        reader.used.update(inner.iterchildren(tag("NrKSeFZN")))


ADVANCES: Final = Part(
    {
        "PL-45": f("FakturaZaliczkowa/NrKSeFFaZaliczkowej"),
        "PL-46": f("FakturaZaliczkowa/NrFaZaliczkowej"),
    },
    _write_advances,
    _read_advances,
)
