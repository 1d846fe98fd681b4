"""FatturaPA simplified (FSM10): invoices of small amounts, with few data of the buyer and prices with VAT.

Each line says what is paid with VAT and the VAT in it; quantities, prices, allowances, references and payment
have no place and are named as lost. Source: Agenzia delle Entrate, technical specification 1.9, simplified
invoice (TD07 to TD09).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from formats.model.invoice import Invoice
from formats.model.italy import ItalianInvoice
from formats.money import round_amount
from formats.syntaxes.binding import Binding
from formats.syntaxes.fatturapa import ATTACHMENT
from formats.syntaxes.fatturapa_kinds import AMOUNT, RATE, Basic, text_in
from formats.syntaxes.fatturapa_parties import (
    BUYER_NAME,
    BUYER_NUMBERS,
    BUYER_SEAT,
    REGISTER,
    SELLER_NAME,
    SELLER_NUMBERS,
    SELLER_SEAT,
)
from formats.syntaxes.fatturapa_parts import derived
from formats.syntaxes.fatturapa_route import TRANSMISSION
from formats.syntaxes.fatturapa_shape import adapt, restore, without_defaults
from formats.syntaxes.fatturapa_text import latin
from formats.syntaxes.kinds import DATE, put_text
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Element, Entry, Group, Part, Term
from formats.syntaxes.writing import Writer

__all__ = ["BINDING", "KEY"]

KEY: Final = "fatturapa-simplified-1.0"
NAMESPACE: Final = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0"
_VERSION: Final = "FSM10"
# Ordinary document type -> simplified.
_TYPES: Final = {"TD01": "TD07", "TD04": "TD08", "TD05": "TD09"}
_WHOLE: Final = "Intera fattura"
_LINE: Final = "DatiBeniServizi"


def _adapt(invoice: Invoice) -> Invoice:
    shaped = adapt(replace(invoice, specification_id=_VERSION))
    italy = shaped.italy or ItalianInvoice()
    kind = italy.document_type or ""
    return replace(shaped, italy=replace(italy, document_type=_TYPES.get(kind, kind)))


def _restore(invoice: Invoice) -> Invoice:
    italy = invoice.italy or ItalianInvoice()
    ordinary = next((one for one, kind in _TYPES.items() if kind == italy.document_type), italy.document_type)
    restored = restore(replace(invoice, italy=replace(italy, document_type=ordinary)))
    return without_defaults(restored)


def _write_version(root: etree._Element, writer: Writer, scope: Scope) -> bool:
    root.set("versione", _VERSION)
    return False


def _read_nothing(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    """What is written for the schema only."""


def _write_corrected(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    if not writer.invoice.preceding_invoices:
        return False
    first = writer.invoice.preceding_invoices[0]
    element = etree.SubElement(parent, "DatiFatturaRettificata")
    put_text(etree.SubElement(element, "NumeroFR"), (first.number or "")[:20])
    if first.issue_date is not None:
        put_text(etree.SubElement(element, "DataFR"), first.issue_date.isoformat())
    put_text(etree.SubElement(element, "ElementiRettificati"), _WHOLE)
    return True


def _read_corrected(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for element in parent.iterchildren("DatiFatturaRettificata"):
        inner = reader.open("IT-G3", scope)
        reader.say(element, "IT-24", "invoice", inner)
        reader.say(element, "IT-26", text_in(element, "NumeroFR"), inner)
        day = element.find("DataFR")
        reader.say(element, "IT-27", None if day is None else DATE.read(day), inner)


def _write_lines(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    """Each line with its VAT; the last one of a rate takes what rounding leaves of the VAT of that rate."""
    invoice = writer.invoice
    taxes = {
        (row.rate or Decimal(0), row.italy.nature if row.italy else None): row
        for row in invoice.vat_breakdown
    }
    keys = [
        ((line.vat and line.vat.rate) or Decimal(0), line.italy.nature if line.italy else None)
        for line in invoice.lines
    ]
    left = {key: row.tax_amount or Decimal(0) for key, row in taxes.items()}
    last = {key: position for position, key in enumerate(keys)}
    for position, (line, key) in enumerate(zip(invoice.lines, keys, strict=True)):
        net = line.net_amount or Decimal(0)
        tax = round_amount(net * key[0] / 100)
        if key in left:
            tax = left[key] if last[key] == position else tax
            left[key] -= tax
        element = etree.SubElement(parent, _LINE)
        put_text(
            etree.SubElement(element, "Descrizione"), latin((line.item and line.item.name) or "-")[:1000]
        )
        AMOUNT.write(etree.SubElement(element, "Importo"), net + tax, writer.surrounding)
        vat = etree.SubElement(element, "DatiIVA")
        AMOUNT.write(etree.SubElement(vat, "Imposta"), tax, writer.surrounding)
        RATE.write(etree.SubElement(vat, "Aliquota"), key[0], writer.surrounding)
        reason = taxes[key].exemption_reason if key in taxes else None
        for name, text in (("Natura", key[1]), ("RiferimentoNormativo", reason)):
            if text:
                put_text(etree.SubElement(element, name), latin(text)[:100])
    return bool(invoice.lines)


def _read_lines(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    rows: dict[tuple[Decimal, str | None], dict[str, Any]] = {}
    for position, element in enumerate(parent.iterchildren(_LINE), 1):
        amount = _amount(element, "Importo")
        rate = _amount(element, "DatiIVA/Aliquota")
        tax = _amount(element, "DatiIVA/Imposta")
        nature, reason = text_in(element, "Natura"), text_in(element, "RiferimentoNormativo")
        if tax is None and amount is not None:
            tax = round_amount(amount * (rate or 0) / (100 + (rate or Decimal(0))))
        net = None if amount is None or tax is None else amount - tax
        if rate is None:
            rate = round_amount(tax / net * 100) if tax and net else Decimal("0.00")
        inner = reader.open("BG-25", scope)
        for name, value in (
            ("BT-126", str(position)),
            ("BT-131", net),
            ("BT-152", rate),
            ("BT-153", text_in(element, "Descrizione")),
            ("IT-42", nature),
        ):
            reader.say(element, name, value, inner)
        row = rows.setdefault((rate, nature), {"base": Decimal(0), "tax": Decimal(0), "reason": reason})
        row["base"] += net or 0
        row["tax"] += tax or 0
    for (rate, nature), row in rows.items():
        inner = reader.open("BG-23", scope)
        for name, value in (
            ("BT-116", row["base"]),
            ("BT-117", row["tax"]),
            ("BT-119", rate),
            ("BT-120", row["reason"]),
            ("IT-43", nature),
        ):
            reader.say(parent, name, value, inner)


def _amount(element: etree._Element, path: str) -> Decimal | None:
    found = element.find(path)
    return None if found is None else AMOUNT.read(found)


_ENTRIES: Final[tuple[Entry, ...]] = (
    Part({}, _write_version, _read_nothing),
    Element(
        "FatturaElettronicaHeader",
        (
            Element("DatiTrasmissione", TRANSMISSION),
            Group(
                "BG-4",
                "CedentePrestatore",
                (
                    *SELLER_NUMBERS,
                    *SELLER_NAME,
                    SELLER_SEAT,
                    REGISTER,
                    Term("IT-4", "RegimeFiscale"),
                ),
            ),
            Group(
                "BG-7",
                "CessionarioCommittente",
                (
                    Element("IdentificativiFiscali", BUYER_NUMBERS),
                    Element("AltriDatiIdentificativi", (*BUYER_NAME, BUYER_SEAT)),
                ),
            ),
            Term("IT-5", "SoggettoEmittente"),
        ),
    ),
    Element(
        "FatturaElettronicaBody",
        (
            Element(
                "DatiGenerali",
                (
                    Element(
                        "DatiGeneraliDocumento",
                        (
                            Term("IT-1", "TipoDocumento"),
                            derived(BT_3="TipoDocumento"),
                            Term("BT-5", "Divisa"),
                            Term("BT-2", "Data", DATE),
                            Term("BT-1", "Numero", Basic(20)),
                            Term("IT-15", "BolloVirtuale"),
                        ),
                    ),
                    Part(
                        {
                            "BG-3": "DatiFatturaRettificata",
                            "BT-25": "DatiFatturaRettificata/NumeroFR",
                            "BT-26": "DatiFatturaRettificata/DataFR",
                        },
                        _write_corrected,
                        _read_corrected,
                    ),
                ),
            ),
            Part(
                {
                    "BG-25": _LINE,
                    "BT-153": f"{_LINE}/Descrizione",
                    "BT-131": f"{_LINE}/Importo",
                    "BT-152": f"{_LINE}/DatiIVA/Aliquota",
                    "BT-151": f"{_LINE}/Natura",
                    "IT-42": f"{_LINE}/Natura",
                    "BG-23": _LINE,
                    "BT-116": f"{_LINE}/Importo",
                    "BT-117": f"{_LINE}/DatiIVA/Imposta",
                    "BT-118": f"{_LINE}/Natura",
                    "BT-119": f"{_LINE}/DatiIVA/Aliquota",
                    "BT-120": f"{_LINE}/RiferimentoNormativo",
                    "BT-121": f"{_LINE}/RiferimentoNormativo",
                    "IT-43": f"{_LINE}/Natura",
                    **dict.fromkeys(("BT-106", "BT-109", "BT-110", "BT-112", "BT-115"), f"{_LINE}/Importo"),
                },
                _write_lines,
                _read_lines,
            ),
            Group("BG-24", "Allegati", ATTACHMENT),
        ),
    ),
)

BINDING: Final = Binding(
    name="FatturaPA simplified",
    invoice_root=f"{{{NAMESPACE}}}FatturaElettronicaSemplificata",
    credit_note_root=f"{{{NAMESPACE}}}FatturaElettronicaSemplificata",
    namespaces={"p": NAMESPACE},
    entries=_ENTRIES,
    adapt=_adapt,
    restore=_restore,
)
