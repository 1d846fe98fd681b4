"""Settlement of billing documents from SAP's accounting document items: "cleared" is not "paid".

A line is cleared by a payment, by a credit memo, by a write-off or by its own reversal. A partial payment
leaves it open and refers to it; a residual payment clears it and leaves the rest as a new line that refers to
it. Amounts are taken without sign, the debit/credit code says which side they are on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from connectors.base import OpenInvoice, PaymentState, PaymentStatus
from connectors.erp.sap_odata_bundle import any_of, chunks
from connectors.erp.sap_odata_canonical import canonical, key, padded
from connectors.erp.sap_odata_service import ODataService, text
from formats import money
from formats.errors import MalformedDocument, RemoteUnexpected

__all__ = ["LEDGER", "Settlements"]

LEDGER: Final = "A_OperationalAcctgDocItemCube"
_FIELDS: Final = (
    "CompanyCode,FiscalYear,AccountingDocument,AccountingDocumentItem,AccountingDocumentType,BillingDocument,"
    "OriginalReferenceDocument,PostingDate,TransactionCurrency,AmountInTransactionCurrency,DebitCreditCode,"
    "FinancialAccountType,SpecialGLCode,IsCleared,ClearingDate,ClearingAccountingDocument,"
    "ClearingDocFiscalYear,InvoiceReference,InvoiceReferenceFiscalYear,IsReversal,IsReversed,"
    "ReverseDocument,PaymentDifferenceReason"
)


@dataclass(frozen=True, slots=True)
class _Line:
    company_code: str
    year: str
    document: str
    kind: str
    billing: str
    original: str
    posted_on: date | None
    currency: str
    amount: Decimal
    debit: bool
    cleared: bool
    clearing: str
    clearing_year: str
    cleared_on: date | None
    refers_to: tuple[str, str]
    reversed_by: str
    is_reversed: bool
    written_off: bool


@dataclass(frozen=True, slots=True)
class Settlements:
    """Asks the ledger about invoices; `payment_kinds` are the document types that mean money."""

    ledger: ODataService
    company_codes: tuple[str, ...]
    payment_kinds: frozenset[str]

    def of(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """The settlement of each invoice that accounting knows."""
        wanted = {key(invoice.key): invoice for invoice in invoices}
        for part in chunks(sorted(wanted)):
            own = self._own(part)
            referring = self._referring(line for lines in own.values() for line in lines)
            against = self._against(line for lines in own.values() for line in lines)
            for number in part:
                if own.get(number):
                    yield self._status(wanted[number], own[number], referring, against)

    def _own(self, numbers: Sequence[str]) -> dict[str, list[_Line]]:
        """The customer lines of these billing documents; where the ledger does not name them, by their
        original reference, which keeps its zeros."""
        found: dict[str, list[_Line]] = {}
        for line in self._lines(any_of("BillingDocument", numbers)):
            if line.kind not in self.payment_kinds:
                found.setdefault(line.billing, []).append(line)
        missing = [number for number in numbers if number not in found]
        if missing:
            for line in self._lines(any_of("OriginalReferenceDocument", map(padded, missing))):
                found.setdefault(key(line.original), []).append(line)
        return found

    def _referring(self, lines: Iterator[_Line]) -> dict[tuple[str, str, str], list[_Line]]:
        """Payments in part and rests, by the line they refer to."""
        found: dict[tuple[str, str, str], list[_Line]] = {}
        documents = sorted({line.document for line in lines})
        for part in chunks(documents):
            for line in self._lines(any_of("InvoiceReference", part)):
                found.setdefault((line.company_code, line.refers_to[1], line.refers_to[0]), []).append(line)
        return found

    def _against(self, lines: Iterator[_Line]) -> dict[tuple[str, str, str], list[_Line]]:
        """All customer lines that a clearing document cleared, by that document."""
        found: dict[tuple[str, str, str], list[_Line]] = {}
        documents = sorted({line.clearing for line in lines if line.cleared and line.clearing})
        for part in chunks(documents):
            for line in self._lines(any_of("ClearingAccountingDocument", part)):
                place = (line.company_code, line.clearing_year, line.clearing)
                found.setdefault(place, []).append(line)
        return found

    def _lines(self, condition: str) -> Iterator[_Line]:
        query = {
            "$filter": f"({any_of('CompanyCode', self.company_codes)}) and FinancialAccountType eq 'D' and "
            f"SpecialGLCode eq {text('')} and ({condition})",
            "$select": _FIELDS,
        }
        for row in self.ledger.rows(LEDGER, query):
            yield _line(row)

    def _status(
        self,
        invoice: OpenInvoice,
        lines: list[_Line],
        referring: Mapping[tuple[str, str, str], list[_Line]],
        against: Mapping[tuple[str, str, str], list[_Line]],
    ) -> PaymentStatus:
        currency, total, debit = lines[0].currency, _sum(lines), lines[0].debit
        if all(line.is_reversed for line in lines):
            evidence = f"reversed by {key(lines[0].reversed_by)}"
            return PaymentStatus(
                invoice.key, invoice.number, PaymentState.SETTLED, currency, total, None, evidence
            )
        closed = [line for line in lines if line.cleared]
        places = {(line.company_code, line.year, line.document) for line in lines}
        related = [line for place in places for line in referring.get(place, ()) if not line.cleared]
        payments = [line for line in related if line.debit != debit]
        rest = _sum([line for line in related if line.debit == debit])
        paid = min(max(_sum(closed) + _sum(payments) - rest, Decimal(0)), total)
        others = [
            other
            for line in closed
            for other in against.get((line.company_code, line.clearing_year, line.clearing), ())
            if other.debit != debit
        ]
        by_money = bool(payments) or any(
            line.kind in self.payment_kinds and not line.written_off for line in others
        )
        if paid == 0:
            state = PaymentState.SETTLED if closed and not total else PaymentState.OPEN
        elif paid < total:
            state = PaymentState.PARTLY_PAID
        else:
            state = PaymentState.PAID if by_money else PaymentState.SETTLED
        days = [line.cleared_on for line in closed] + [line.posted_on for line in payments]
        return PaymentStatus(
            invoice.key,
            invoice.number,
            state,
            currency,
            paid,
            max((day for day in days if day is not None), default=None) if paid else None,
            _evidence(closed, payments),
        )


def _line(row: Mapping[str, Any]) -> _Line:
    plain = canonical(row)
    try:
        return _Line(
            company_code=str(row["CompanyCode"]),
            year=str(row["FiscalYear"]),
            document=padded(str(row["AccountingDocument"])),
            kind=str(row.get("AccountingDocumentType") or ""),
            billing=key(row.get("BillingDocument")),
            original=str(row.get("OriginalReferenceDocument") or "")[:10],
            posted_on=_day(plain.get("PostingDate")),
            currency=str(row["TransactionCurrency"]),
            amount=abs(money.parse(str(row["AmountInTransactionCurrency"]))),
            debit=str(row["DebitCreditCode"]) == "S",
            cleared=bool(row.get("IsCleared")),
            clearing=padded(str(row.get("ClearingAccountingDocument") or "")),
            clearing_year=str(row.get("ClearingDocFiscalYear") or ""),
            cleared_on=_day(plain.get("ClearingDate")),
            refers_to=(
                padded(str(row.get("InvoiceReference") or "")),
                str(row.get("InvoiceReferenceFiscalYear") or ""),
            ),
            reversed_by=str(row.get("ReverseDocument") or ""),
            is_reversed=bool(row.get("IsReversed") or row.get("IsReversal")),
            written_off=bool(str(row.get("PaymentDifferenceReason") or "").strip()),
        )
    except (KeyError, MalformedDocument, ValueError) as error:
        raise RemoteUnexpected(
            f"an accounting document item cannot be read: {error}",
            where=f"SAP {LEDGER}",
            fix="compare the release of SAP with the documentation of this source",
        ) from error


def _day(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def _sum(lines: Sequence[_Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))


def _evidence(closed: Sequence[_Line], payments: Sequence[_Line]) -> str:
    parts = [f"clearing document {key(number)}" for number in sorted({line.clearing for line in closed})]
    parts += [f"payment {key(number)}" for number in sorted({line.document for line in payments})]
    return ", ".join(parts[:5])
