"""Tables of invoice lines (CSV, XLSX) as one JSON document for each invoice.

    {"rows": [{"number": "1001", "quantity": "2.5", "issue_date": "2026-11-20", ...}, ...],
     "source": {"file": "...", "sha256": "...", "rows": [2, 3]}}

All values are texts: numbers with a decimal point, dates as YYYY-MM-DD, empty cells left out. `source` names
the file and its rows; it is not part of what decides whether an invoice changed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from connectors.erp.files_format import FormatSettings, column_name
from connectors.erp.files_keys import key_of
from formats import money
from formats.errors import DocumentError, MalformedDocument

__all__ = ["Cell", "TableInvoice", "csv_rows", "invoices"]

_MOST_ROWS: Final = 500_000
_MOST_COLUMNS: Final = 500
_KEPT_DIGITS: Final = 15
_LONGEST_CELL: Final = 32_767  # what a cell of a spreadsheet can hold
_LONGEST_NAME: Final = 100
_MOST_TEXT: Final = 64 * 1024 * 1024  # characters
_MOST_CELLS: Final = 4_000_000
# A cell: its text, or what a spreadsheet knows to be a number or a date.
Cell = str | Decimal | datetime | None
Row = tuple[int, Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class TableInvoice:
    """One invoice of a table: `key` of the values of `group_by`, its JSON, and the digest of its rows alone.

    `problem` says why the rows do not make one invoice.
    """

    key: str
    content: bytes = field(repr=False)
    fingerprint: str
    problem: DocumentError | None = None


def csv_rows(content: bytes, form: FormatSettings, where: str) -> Iterator[Row]:
    """The rows of a CSV file with their line numbers. Raises MalformedDocument."""
    encoding = "utf-8-sig" if form.encoding.replace("_", "-").casefold() == "utf-8" else form.encoding
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        byte = f"byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else "its beginning"
        raise MalformedDocument(
            f"the file is not written in {form.encoding}: {byte} does not fit",
            where=where,
            fix="save it in that character set, or set encoding in the format of this source",
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise MalformedDocument(
            f"line {reader.line_num} cannot be read: {error}",
            where=where,
            fix="check the quotes in that line, and export the file again",
        ) from error


def invoices(
    rows: Iterable[Row], form: FormatSettings, *, file: str, digest: str, where: str
) -> Iterator[TableInvoice]:
    """The invoices of a table in the order of their first rows.

    Rows of one invoice need not stand together. Raises MalformedDocument where the headings do not fit or a
    row belongs to no invoice; what is wrong within one invoice is its `problem` alone. A spreadsheet keeps a
    repeated text once, so what its cells come to together is bounded as well.
    """
    size = cells = 0
    names: list[str] | None = None
    groups: dict[tuple[str, ...], _Group] = {}
    for position, (number, row) in enumerate(rows, 1):
        if position > _MOST_ROWS:
            raise MalformedDocument(
                f"the table has more than {_MOST_ROWS} rows", where=where, fix="split the file"
            )
        if position < form.header_row:
            continue
        if names is None:
            names = _headings(row, form, where)
            continue
        values = _values(row, names, form, f"{where}, row {number}")
        size += sum(map(len, values.texts.values()))
        cells += len(values.texts)
        if cells > _MOST_CELLS:
            raise MalformedDocument(
                f"the table has more than {_MOST_CELLS} filled cells", where=where, fix="split the file"
            )
        if size > _MOST_TEXT:
            raise MalformedDocument(
                f"the cells hold more than {_MOST_TEXT} characters", where=where, fix="split the file"
            )
        if values.texts:
            key = _key(values.texts, form, f"{where}, row {number}")
            groups.setdefault(key, _Group()).add(number, values, form)
    if names is None:
        raise MalformedDocument(
            f"there is no row {form.header_row} with the names of the columns",
            where=where,
            fix="export the file again, or correct header_row in the format of this source",
        )
    return (_invoice(key, group, file, digest, where) for key, group in groups.items())


@dataclass(slots=True)
class _Values:
    texts: dict[str, str]
    problem: DocumentError | None


@dataclass(slots=True)
class _Group:
    """The rows of one invoice, and the first thing that is wrong with them."""

    numbers: list[int] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    shared: dict[str, tuple[int, str]] = field(default_factory=dict)
    problem: DocumentError | None = None

    def add(self, number: int, values: _Values, form: FormatSettings) -> None:
        self.problem = self.problem or values.problem
        for name, text in values.texts.items():
            if name in form.line_columns:
                continue
            first, said = self.shared.setdefault(name, (number, text))
            if said != text and self.problem is None:
                self.problem = DocumentError(
                    f"{name} differs between row {first} and row {number} of one invoice",
                    where="invoice table",
                    fix="write the same value into all rows of the invoice, or leave the later ones empty",
                )
        self.numbers.append(number)
        self.rows.append(values.texts)


def _headings(row: Sequence[Cell], form: FormatSettings, where: str) -> list[str]:
    own = {column_name(heading): name for heading, name in form.columns.items()}
    names = []
    for heading in row[:_MOST_COLUMNS]:
        plain = column_name(_text(heading)[:_LONGEST_CELL])
        names.append(own.get(plain, plain[:_LONGEST_NAME]))
    twins = sorted({name for name in names if name and names.count(name) > 1})
    missing = [name for name in form.group_by if name not in names]
    if len(row) > _MOST_COLUMNS or twins or missing:
        if twins:
            what = f"two columns are called {twins[0]}"
        elif missing:
            what = f"the column {missing[0]} is missing; there are {', '.join(filter(None, names))[:300]}"
        else:
            what = f"there are more than {_MOST_COLUMNS} columns"
        raise MalformedDocument(
            what,
            where=f"{where}, row {form.header_row}",
            fix="correct the headings, or name them under columns in the format of this source",
        )
    return names


def _values(row: Sequence[Cell], names: list[str], form: FormatSettings, where: str) -> _Values:
    texts: dict[str, str] = {}
    problem: DocumentError | None = None
    for position, given in enumerate(row):
        cell = given[:_LONGEST_CELL] if isinstance(given, str) else given
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        name = names[position] if position < len(names) else ""
        if not name:
            problem = problem or DocumentError(
                f"column {position + 1} has a value, but no heading",
                where=where,
                fix="check whether a delimiter stands within a text, and put the text into quotes",
            )
            continue
        if isinstance(given, str) and len(given) > _LONGEST_CELL:
            problem = problem or DocumentError(
                f"{name} has more than {_LONGEST_CELL} characters", where=where, fix="shorten the text"
            )
        try:
            texts[name] = _converted(cell, name, form)
        except MalformedDocument as error:
            problem = problem or DocumentError(f"{name}: {error.what}", where=where, fix=error.fix)
            texts[name] = _text(cell)
    return _Values(texts, problem)


def _converted(cell: Cell, name: str, form: FormatSettings) -> str:
    if isinstance(cell, str) and name in form.numbers:
        return money.text(_number(cell.strip(), form.decimal))
    if isinstance(cell, str) and name in form.dates:
        return _day(cell.strip(), form.date_form)
    if isinstance(cell, Decimal) and name not in form.numbers and cell.adjusted() >= _KEPT_DIGITS:
        # A spreadsheet keeps 15 digits and rounds the rest: two long numbers would become one.
        raise MalformedDocument(
            f"{money.text(cell)} has more than {_KEPT_DIGITS} digits, so the spreadsheet has rounded it",
            where=name,
            fix="format the column as text, and enter the number again",
        )
    if isinstance(cell, Decimal) and name in form.dates:
        raise MalformedDocument(
            f"{money.text(cell)} is a number, not a date", where=name, fix="format the cell as a date"
        )
    return _text(cell)


def _number(text: str, decimal: str) -> Decimal:
    """A number as people write it in their country. Raises MalformedDocument where that is ambiguous."""
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace("'", "").rstrip("% ")
    group = "." if decimal == "," else ","
    if group in plain:
        whole, sign, rest = plain.partition(decimal)
        parts = whole.lstrip("+-").split(group)
        if group in rest or len(parts[0]) not in (1, 2, 3) or any(len(part) != 3 for part in parts[1:]):
            raise MalformedDocument(
                f"{text[:40]!r} is not a number with {decimal!r} before the decimals",
                where="number",
                fix="write it like the other numbers, or correct decimal in the format of this source",
            )
        plain = whole.replace(group, "") + sign + rest
    return money.parse(plain.replace(decimal, "."))


def _day(text: str, form: str) -> str:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
    except ValueError as error:
        raise MalformedDocument(
            f"{text[:20]!r} is not a date in the form {form}",
            where="date",
            fix="write it like the other dates, or correct date_form in the format of this source",
        ) from error


def _text(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return money.text(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return (cell or "").strip()


def _key(texts: dict[str, str], form: FormatSettings, where: str) -> tuple[str, ...]:
    missing = [name for name in form.group_by if name not in texts]
    if missing:
        raise MalformedDocument(
            f"{missing[0]} is empty, so the row belongs to no invoice",
            where=where,
            fix="fill it in every row, and leave totals out",
        )
    return tuple(texts[name] for name in form.group_by)


def _invoice(key: tuple[str, ...], group: _Group, file: str, digest: str, where: str) -> TableInvoice:
    fingerprint = hashlib.sha256(b"[")
    for position, row in enumerate(group.rows):
        text = json.dumps(row, ensure_ascii=False, sort_keys=True)
        fingerprint.update((", " + text if position else text).encode())
    fingerprint.update(b"]")
    source = {"file": file.encode("utf-8", "replace").decode(), "sha256": digest, "rows": group.numbers}
    content = json.dumps({"rows": group.rows, "source": source}, ensure_ascii=False, indent=1).encode()
    problem = group.problem
    if problem is not None:
        problem = DocumentError(
            f"invoice {'/'.join(key)[:100]}: {problem.what}", where=where, fix=problem.fix
        )
    return TableInvoice(key_of(key), content, fingerprint.hexdigest(), problem)
