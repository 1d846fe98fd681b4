"""Spreadsheets for tests, written by a library that shares nothing with our reader; and the template
itself."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

__all__ = ["HEADINGS", "TEMPLATE", "template", "workbook"]

TEMPLATE: Final = Path(__file__).parents[2] / "docs" / "connectors" / "invoice-template.xlsx"
HEADINGS: Final = (
    *("Number", "Kind", "Issue date", "Due date", "Currency", "Buyer name", "Buyer number", "Buyer VAT"),
    *("Buyer address", "Buyer street", "Buyer post code", "Buyer city", "Buyer country", "Buyer e-mail"),
    *("Buyer reference", "Purchase order", "Delivery date", "Payment terms", "Note", "Refers to"),
    *("Refers to date", "Prepaid", "Line", "Item", "Description", "Quantity", "Unit", "Price", "Discount"),
    *("Tax code", "Tax rate"),
)
_FIRST: Final[Mapping[str, Any]] = {
    "Number": "R-1001",
    "Kind": "invoice",
    "Issue date": date(2026, 11, 16),
    "Due date": date(2026, 12, 16),
    "Currency": "EUR",
    "Buyer name": "Kranbau Wendt GmbH",
    "Buyer VAT": "DE315208462",
    "Buyer address": "9930:DE315208462",
    "Buyer street": "Industriestraße 18",
    "Buyer post code": "18069",
    "Buyer city": "Rostock",
    "Buyer country": "DE",
    "Buyer reference": "KST-4410",
    "Delivery date": date(2026, 11, 13),
    "Payment terms": "30 days net",
    "Line": 1,
    "Description": "Maintenance on site",
    "Quantity": 7.5,
    "Unit": "hours",
    "Price": 96.3,
    "Tax code": "S",
    "Tax rate": 19,
}
_SECOND: Final[Mapping[str, Any]] = {
    "Number": "R-1001",
    "Line": 2,
    "Item": "OE-0050",
    "Description": "Oil filter",
    "Quantity": 24,
    "Unit": "pieces",
    "Price": 31.15,
    "Discount": 40,
    "Tax code": "S",
    "Tax rate": 19,
}


def workbook(rows: Sequence[Sequence[Any]], *, formats: Mapping[str, str] | None = None) -> bytes:
    """One sheet with these rows; `formats` are number formats by cell."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for cell, code in (formats or {}).items():
        sheet[cell].number_format = code
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def template() -> bytes:
    """The template as people get it: headings, and one example invoice of two lines to overwrite."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Invoices"
    sheet.append(list(HEADINGS))
    for example in (_FIRST, _SECOND):
        sheet.append([example.get(heading) for heading in HEADINGS])
    for position, heading in enumerate(HEADINGS, 1):
        cell = sheet.cell(1, position)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDE7F0")
        sheet.column_dimensions[get_column_letter(position)].width = max(12, len(heading) + 3)
        if heading.endswith("date"):
            for row in range(2, 500):
                sheet.cell(row, position).number_format = "yyyy-mm-dd"
    sheet.freeze_panes = "B2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
