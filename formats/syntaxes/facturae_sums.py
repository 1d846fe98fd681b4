"""The sums in Facturae that other numbers give: of the file, the invoice, a line.

Totals count after what is withheld; in EN 16931 they are before.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml import etree

from formats.model.line import Line
from formats.syntaxes.facturae_kinds import AMOUNT_8, amount_in, pass_over, put, text_in, two_decimals
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["BATCH", "LINE_COST", "LINE_TAX_SUMS", "TOTALS"]


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
    put(parent, "TotalTaxesWithheld", AMOUNT_8.text(withheld))
    put(parent, "InvoiceTotal", AMOUNT_8.text(total))
    put(parent, "TotalOutstandingAmount", AMOUNT_8.text(outstanding))
    if totals is not None and totals.paid is not None:
        put(parent, "TotalPaymentsOnAccount", AMOUNT_8.text(totals.paid))
    retention = spain.retention if spain else None
    if retention is not None:
        inner = etree.SubElement(parent, "AmountsWithheld")
        put(inner, "WithholdingReason", (spain.retention_reason if spain else None) or "Garantía")
        put(inner, "WithholdingAmount", AMOUNT_8.text(retention))
    put(parent, "TotalExecutableAmount", AMOUNT_8.text(outstanding - (retention or 0)))
    return True


def _read_totals(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    withheld = amount_in(parent, "TotalTaxesWithheld") or Decimal(0)
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
        reader.say(reason, "ES-90", text_in(parent, "AmountsWithheld/WithholdingReason"), scope)
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
    put(inner, "BatchIdentifier", spain.batch if spain else None)
    put(inner, "InvoicesCount", "1")
    put(inner, "TotalInvoicesAmount/TotalAmount", AMOUNT_8.text(total))
    put(inner, "TotalOutstandingAmount/TotalAmount", AMOUNT_8.text(outstanding))
    put(inner, "TotalExecutableAmount/TotalAmount", AMOUNT_8.text(outstanding - retention))
    put(inner, "InvoiceCurrencyCode", writer.invoice.currency)
    return True


def _read_batch(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = parent.find("Batch")
    if inner is None:
        return
    identifier = inner.find("BatchIdentifier")
    if identifier is not None:
        reader.say(identifier, "ES-5", text_in(inner, "BatchIdentifier"), scope)
    # Sums of what each invoice says itself.
    for path in ("InvoicesCount", "InvoiceCurrencyCode"):
        reader.used.update(inner.iterchildren(path))
    for path in ("TotalInvoicesAmount", "TotalOutstandingAmount", "TotalExecutableAmount"):
        reader.used.update(inner.iterfind(f"{path}/TotalAmount"))


BATCH: Final = Part({"ES-5": "Batch/BatchIdentifier"}, _write_batch, _read_batch)


def _write_cost(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    line: Line = scope["BG-25"]
    cost = line.net_amount or Decimal(0)
    cost += sum((one.amount or Decimal(0) for one in line.allowances), Decimal(0))
    cost -= sum((one.amount or Decimal(0) for one in line.charges), Decimal(0))
    return put(parent, "TotalCost", AMOUNT_8.text(cost))


LINE_COST: Final = Part({}, _write_cost, pass_over("TotalCost"))


def _write_tax_sums(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    line: Line = scope["BG-25"]
    base = line.net_amount or Decimal(0)
    rate = (line.vat.rate if line.vat else None) or Decimal(0)
    put(parent, "TaxableBase/TotalAmount", AMOUNT_8.text(base))
    put(parent, "TaxAmount/TotalAmount", AMOUNT_8.text(two_decimals(base * rate / 100)))
    return True


LINE_TAX_SUMS: Final = Part(
    {}, _write_tax_sums, pass_over("TaxableBase/TotalAmount", "TaxAmount/TotalAmount")
)
