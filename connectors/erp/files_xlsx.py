"""The cells of a spreadsheet in Office Open XML (.xlsx), numbers as exact decimals, dates as dates.

Source: ECMA-376 Part 1, SpreadsheetML. Read here rather than by a library, because those turn numbers into
binary fractions and bring XML parsers of their own; this goes through the one hardened parser, and what is
packed in the file is bounded before it is unpacked. Macros, drawings and other sheets are not looked at.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

from connectors.erp.files_format import FormatSettings
from connectors.erp.files_table import Cell
from formats.errors import MalformedDocument
from formats.syntaxes import xml

__all__ = ["xlsx_rows"]

_LARGEST_PART: Final = 30 * 1024 * 1024
_MOST_PARTS: Final = 2_000
_MOST_COLUMNS: Final = 500
_LAST_ROW: Final = 1_048_576
_DAY_ZERO: Final = datetime(1899, 12, 30, tzinfo=UTC)
_DAY_ZERO_1904: Final = datetime(1904, 1, 1, tzinfo=UTC)
_LAST_DAY: Final = 2_958_465  # 9999-12-31
# Formats that need no definition: dates, and percent.
_DATES: Final = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
_PERCENT: Final = frozenset({9, 10})
_TEXT_IN_FORMAT: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})\Z")
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# What the unpacking of damaged or hostile bytes was seen to raise; OSError is a place beyond the end.
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
_FIX: Final = "save the file again as .xlsx with a spreadsheet program"


def xlsx_rows(content: bytes, form: FormatSettings, where: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows of the sheet with their numbers; empty rows are given as empty, so that positions hold.

    Numbers have the 15 significant digits that a spreadsheet keeps; a cell formatted as percent gives its
    percentage. Raises MalformedDocument for anything that is no such file, is too large when unpacked, is
    protected by a password, or holds a formula without a value or an error value.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            book = _Book(archive, form, where)
            yield from book.rows()
    except _DAMAGE as error:
        raise _damaged("it is no spreadsheet, or protected by a password", where) from error


class _Book:
    """One workbook, opened."""

    def __init__(self, archive: zipfile.ZipFile, form: FormatSettings, where: str) -> None:
        self._archive = archive
        self._form = form
        self._where = where
        if len(archive.namelist()) > _MOST_PARTS:
            raise _damaged(f"it holds more than {_MOST_PARTS} parts", where)
        workbook = self._part("xl/workbook.xml", needed=True)
        self._targets = self._relations("xl/_rels/workbook.xml.rels")
        properties = next(_below(workbook, "workbookPr"), None)
        old_days = properties is not None and properties.get("date1904") in ("1", "true")
        self._day_zero = _DAY_ZERO_1904 if old_days else _DAY_ZERO
        self._sheet = self._sheet_of(workbook)
        self._shared = self._shared_texts()
        self._dates, self._percents = self._styles()

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        expected = 1
        for row in _below(self._part(self._sheet, needed=True), "row"):
            number = _whole(row.get("r")) or expected
            if not expected <= number <= _LAST_ROW:
                raise _damaged("its rows are out of order", self._where)
            # The row of the headings is counted from the top, so rows without any cell count as well.
            while expected < min(number, self._form.header_row + 1):
                yield expected, ()
                expected += 1
            cells: list[Cell] = []
            for cell in row.iterchildren(etree.Element):
                position = self._column(cell, len(cells), number)
                cells.extend([None] * (position - len(cells)))
                cells.append(self._value(cell, cell.get("r") or f"row {number}"))
            yield number, cells
            expected = number + 1

    def _part(self, name: str, *, needed: bool = False) -> etree._Element:
        try:
            info = self._archive.getinfo(name)
        except KeyError:
            if needed:
                raise _damaged(f"the part {name[:100]} is missing", self._where) from None
            return etree.Element("none")
        if info.compress_type not in _METHODS:
            raise _damaged(f"the part {name[:100]} is packed in an unusual way", self._where)
        # The size in the directory may lie, so no more than this is unpacked whatever it says.
        with self._archive.open(info) as file:
            unpacked = file.read(_LARGEST_PART + 1)
        if len(unpacked) > _LARGEST_PART:
            raise MalformedDocument(
                f"a part of the spreadsheet has more than {_LARGEST_PART} bytes when unpacked",
                where=self._where,
                fix="delete what is not needed, or send the invoices in several files",
            )
        return xml.parse(unpacked, largest=_LARGEST_PART)

    def _relations(self, name: str) -> dict[str, str]:
        return {
            relation.get("Id") or "": posixpath.normpath(
                posixpath.join("/xl", relation.get("Target") or "")
            ).lstrip("/")
            for relation in _below(self._part(name), "Relationship")
            if relation.get("TargetMode") != "External"
        }

    def _sheet_of(self, workbook: etree._Element) -> str:
        sheets = list(_below(workbook, "sheet"))
        wanted = [sheet for sheet in sheets if not self._form.sheet or sheet.get("name") == self._form.sheet]
        if not wanted:
            names = ", ".join(sheet.get("name") or "" for sheet in sheets)[:200]
            raise MalformedDocument(
                f"there is no sheet {self._form.sheet[:60]!r}; there are {names or 'none'}",
                where=self._where,
                fix="rename the sheet, or correct sheet in the format of this source",
            )
        reference = next(
            (value for name, value in wanted[0].attrib.items() if etree.QName(name).localname == "id"), ""
        )
        return self._targets.get(str(reference), "xl/worksheets/sheet1.xml")

    def _shared_texts(self) -> list[str]:
        return [_joined(item) for item in _below(self._part("xl/sharedStrings.xml"), "si")]

    def _styles(self) -> tuple[frozenset[int], frozenset[int]]:
        """The positions of the cell styles that mean dates, and those that mean percent."""
        styles = self._part("xl/styles.xml")
        dates, percents = set(_DATES), set(_PERCENT)
        for known in _below(styles, "numFmt"):
            code = _TEXT_IN_FORMAT.sub("", known.get("formatCode") or "")
            identifier = _whole(known.get("numFmtId"))
            if identifier is not None and re.search("[dDyY]", code):
                dates.add(identifier)
            elif identifier is not None and "%" in code:
                percents.add(identifier)
        formats = next(_below(styles, "cellXfs"), None)
        used = [] if formats is None else [_whole(xf.get("numFmtId")) for xf in _below(formats, "xf")]
        return (
            frozenset(position for position, one in enumerate(used) if one in dates),
            frozenset(position for position, one in enumerate(used) if one in percents),
        )

    def _column(self, cell: etree._Element, fallback: int, row: int) -> int:
        match = _PLACE.match(cell.get("r") or "")
        if match is None:
            return fallback
        column = 0
        for letter in match[1]:
            column = column * 26 + ord(letter) - 64
        if not fallback <= column - 1 < _MOST_COLUMNS or int(match[2]) != row:
            raise _damaged(f"cell {match[0]} is out of order, or beyond column {_MOST_COLUMNS}", self._where)
        return column - 1

    def _value(self, cell: etree._Element, place: str) -> Cell:
        kind = cell.get("t") or "n"
        value = next(_below(cell, "v"), None)
        text = "" if value is None or value.text is None else value.text
        if next(_below(cell, "f"), None) is not None:
            self._check_formula(place, text)
        if kind == "inlineStr":
            inner = next(_below(cell, "is"), None)
            return None if inner is None else _joined(inner)
        if not text:
            return None
        if kind == "s":
            position = _whole(text)
            if position is None or position >= len(self._shared):
                raise _damaged(f"cell {place} names a text that is not there", self._where)
            return self._shared[position]
        if kind == "e":
            raise MalformedDocument(
                f"cell {place} shows the error {text[:20]}",
                where=self._where,
                fix="correct the formula in the spreadsheet",
            )
        if kind in ("str", "d"):
            return text
        if kind == "b":
            return "true" if text == "1" else "false"
        return self._number(text, _whole(cell.get("s")) or 0, place)

    def _check_formula(self, place: str, text: str) -> None:
        if self._form.formulas == "refuse":
            what, fix = f"cell {place} holds a formula", "paste the cells as values"
        elif not text:
            what = f"cell {place} holds a formula that was never calculated"
            fix = "open the file in a spreadsheet program and save it there"
        else:
            return
        raise MalformedDocument(what, where=self._where, fix=fix)

    def _number(self, text: str, style: int, place: str) -> Cell:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number.adjusted() > 20 or number.adjusted() < -20:
            raise _damaged(f"the number in cell {place} cannot be read", self._where)
        if style in self._dates:
            if not 1 <= number <= _LAST_DAY:
                raise _damaged(f"the date in cell {place} cannot be read", self._where)
            days = int(number)
            # The calendar of spreadsheets has a 29 February 1900, so days before it are one further on.
            early = self._day_zero == _DAY_ZERO and days < 60
            try:
                return self._day_zero + timedelta(days=days + early)
            except OverflowError:
                raise _damaged(f"the date in cell {place} cannot be read", self._where) from None
        if style in self._percents:
            number *= 100
        return _shortest(number)


def _shortest(number: Decimal) -> Decimal:
    """Without the noise behind the 15th digit (0.30000000000000004), and without trailing zeros."""
    if number == 0:
        return Decimal(0)
    rounded = number.quantize(Decimal(1).scaleb(number.adjusted() - 14)).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def _below(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Elements by local name: there is a transitional and a strict name space."""
    return element.iter(f"{{*}}{name}")


def _joined(element: etree._Element) -> str:
    """The text of a rich text, without its phonetic notes."""
    parts = (
        part.text or ""
        for part in _below(element, "t")
        if not any(etree.QName(above).localname == "rPh" for above in part.iterancestors())
    )
    return "".join(parts)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text.strip()) else None


def _damaged(what: str, where: str) -> MalformedDocument:
    return MalformedDocument(f"the spreadsheet cannot be read: {what}", where=where, fix=_FIX)
