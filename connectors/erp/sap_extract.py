"""Customer line items that SAP exports as CSV: which invoices are settled, how far, and by what.

One file is a complete picture of open and cleared customer lines (tables BSID and BSAD, or the view
I_OperationalAcctgDocItem), with the table's field names in its first line. Needed: BUKRS company code, BELNR
accounting document, VBELN billing document, XBLNR reference, BLART document type, BUDAT posting date, WAERS
currency, WRBTR amount without sign, SHKZG (S debit, H credit), UMSKZ special ledger (down payments, left
out), AUGBL and AUGDT clearing document and date, REBZG the invoice a partial payment or residual item belongs
to.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from connectors.base import OpenInvoice, PaymentState, PaymentStatus
from formats import money
from formats.errors import MalformedDocument, RemoteUnexpected

__all__ = ["Extract", "read_extract"]

_COLUMNS: Final = (
    "BUKRS",
    "BELNR",
    "VBELN",
    "XBLNR",
    "BLART",
    "BUDAT",
    "WAERS",
    "WRBTR",
    "SHKZG",
    "UMSKZ",
    "AUGBL",
    "AUGDT",
    "REBZG",
)


@dataclass(frozen=True, slots=True)
class _Line:
    company_code: str
    document: str
    numbers: frozenset[str]
    kind: str
    posted_on: date | None
    currency: str
    amount: Decimal
    debit: bool
    clearing: str
    cleared_on: date | None
    refers_to: str


@dataclass(frozen=True, slots=True)
class Extract:
    """The lines of one file, ready to be asked. `payment_kinds` are the document types that mean money."""

    lines: tuple[_Line, ...]
    payment_kinds: frozenset[str]

    def statuses(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """The settlement of each invoice that the file knows."""
        own: dict[tuple[str, str], list[_Line]] = defaultdict(list)
        cleared_by: dict[tuple[str, str], list[_Line]] = defaultdict(list)
        referring: dict[tuple[str, str], list[_Line]] = defaultdict(list)
        for line in self.lines:
            if line.clearing:
                cleared_by[line.company_code, line.clearing].append(line)
            if line.refers_to:
                referring[line.company_code, line.refers_to].append(line)
            elif line.kind not in self.payment_kinds:
                for number in line.numbers:
                    own[number, line.currency].append(line)
        for invoice in invoices:
            lines = own.get((_stripped(invoice.number), invoice.currency))
            if lines:
                yield self._status(invoice, lines, cleared_by, referring)

    def _status(
        self,
        invoice: OpenInvoice,
        lines: list[_Line],
        cleared_by: dict[tuple[str, str], list[_Line]],
        referring: dict[tuple[str, str], list[_Line]],
    ) -> PaymentStatus:
        debit, total = lines[0].debit, _sum(lines)
        closed = [line for line in lines if line.clearing]
        documents = {(line.company_code, line.document) for line in lines}
        related = [
            line for document in documents for line in referring.get(document, ()) if not line.clearing
        ]
        payments = [line for line in related if line.debit != debit]
        # A residual payment clears the invoice and leaves what is missing as a new line that refers to it.
        rest = _sum(line for line in related if line.debit == debit)
        paid = min(max(_sum(closed) + _sum(payments) - rest, Decimal(0)), total)
        if paid == 0:
            return PaymentStatus(
                invoice.key, invoice.number, PaymentState.OPEN, invoice.currency, Decimal("0.00")
            )
        against = [
            other
            for line in closed
            for other in cleared_by[line.company_code, line.clearing]
            if other.debit != debit
        ]
        by_payment = bool(payments) or any(line.kind in self.payment_kinds for line in against)
        if paid < total:
            state = PaymentState.PARTLY_PAID
        else:
            state = PaymentState.PAID if by_payment else PaymentState.SETTLED
        days = [line.cleared_on for line in closed] + [line.posted_on for line in payments]
        return PaymentStatus(
            key=invoice.key,
            number=invoice.number,
            state=state,
            currency=invoice.currency,
            paid=paid,
            on=max((day for day in days if day is not None), default=None),
            evidence=_evidence(closed, payments),
        )


def read_extract(
    content: bytes,
    *,
    encoding: str,
    delimiter: str,
    company_code: str,
    payment_kinds: frozenset[str],
    where: str,
) -> Extract:
    """Read one file; lines of other company codes (unless "" is asked for) and special ledger lines are left
    out.

    Raises RemoteUnexpected naming the line and column that cannot be read; evidence is the heading only.
    """
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unexpected(f"it is not written in {encoding}", where, b"") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    heading = content.split(b"\n", 1)[0]
    missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise _unexpected(f"the column {', '.join(missing)} is missing", where, heading)
    lines = []
    try:
        for row in reader:
            if any(row[column] is None for column in _COLUMNS):
                raise _unexpected(f"line {reader.line_num} has too few columns", where, heading)
            if row["UMSKZ"].strip() or (company_code and row["BUKRS"].strip() != company_code):
                continue
            lines.append(_line(row))
    except csv.Error as error:
        raise _unexpected(f"line {reader.line_num} cannot be read: {error}", where, heading) from error
    except (MalformedDocument, ValueError) as error:
        said = error.what if isinstance(error, MalformedDocument) else "a date is not YYYYMMDD"
        raise _unexpected(f"line {reader.line_num}: {said}", where, heading) from error
    return Extract(tuple(lines), payment_kinds)


def _line(row: dict[str, str]) -> _Line:
    return _Line(
        company_code=row["BUKRS"].strip(),
        document=row["BELNR"].strip(),
        numbers=frozenset(_stripped(row[name]) for name in ("VBELN", "XBLNR") if row[name].strip()),
        kind=row["BLART"].strip(),
        posted_on=_day(row["BUDAT"]),
        currency=row["WAERS"].strip(),
        amount=abs(money.parse(row["WRBTR"])),
        debit=row["SHKZG"].strip() == "S",
        clearing=row["AUGBL"].strip(),
        cleared_on=_day(row["AUGDT"]),
        refers_to=row["REBZG"].strip(),
    )


def _day(text: str) -> date | None:
    digits = text.strip()
    if digits in ("", "00000000"):
        return None
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()


def _stripped(number: str) -> str:
    return number.strip().lstrip("0") or "0"


def _sum(lines: Iterable[_Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))


def _evidence(closed: list[_Line], payments: list[_Line]) -> str:
    clearings = sorted({line.clearing for line in closed})
    parts = [f"clearing document {number}" for number in clearings]
    parts += [f"payment {number}" for number in sorted({line.document for line in payments})]
    return ", ".join(parts[:5])


def _unexpected(what: str, where: str, heading: bytes) -> RemoteUnexpected:
    return RemoteUnexpected(
        f"the extract of customer line items cannot be read: {what}",
        where=where,
        fix="compare the export in SAP with the columns in the documentation of this source",
        evidence=heading,
    )
