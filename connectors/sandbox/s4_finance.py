"""The customer ledger of the imitated S/4HANA: accounting document items, clearing, and journal entries.

One row for each line of an accounting document, as the operational accounting document item cube shows them:
debits positive, credits negative, empty clearing fields while a line is open.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors.sandbox.s4_documents import CATEGORIES

__all__ = ["Ledger"]

Row = dict[str, Any]
_CREDITS: Final = frozenset("ONS6")


class Ledger:
    """The accounting documents of all company codes. `rows` is what the cube shows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._last: dict[str, int] = {}

    def post(self, billing: Row, *, installments: int = 1) -> None:
        """The customer lines of a billing document, one for each installment."""
        document = self._number("18")
        credit = CATEGORIES[billing["BillingDocumentType"]][0] in _CREDITS - {"S"}
        total, on = billing["TotalGrossAmount"], billing["BillingDocumentDate"]
        days = int(str(billing["CustomerPaymentTerms"])[2:] or 0)
        share = (total / installments).quantize(Decimal("0.01"))
        for line in range(1, installments + 1):
            amount = total - share * (installments - 1) if line == installments else share
            self.rows.append(
                self._line(
                    billing, document, line, "DG" if credit else "RV", on, -amount if credit else amount,
                    BillingDocument=billing["BillingDocument"], SalesDocument="",
                    DocumentReferenceID=billing["DocumentReferenceID"], NetPaymentDays=Decimal(days * line),
                    OriginalReferenceDocument=billing["BillingDocument"], ReferenceDocumentType="VBRK",
                    NetDueDate=on + timedelta(days=days * line), DueCalculationBaseDate=on,
                    PaymentTerms=billing["CustomerPaymentTerms"],
                )
            )  # fmt: skip

    def lines_of(self, billing: str) -> list[Row]:
        return [row for row in self.rows if row["BillingDocument"] == billing]

    def pay(self, billing: str, on: date, amount: Decimal | None = None, *, residual: bool = False) -> str:
        """Money came in: in full, in part (the line stays open), or in part with the rest as a new line."""
        lines = [row for row in self.lines_of(billing) if not row["IsCleared"]]
        invoice = lines[0]
        owed = sum((abs(row["AmountInTransactionCurrency"]) for row in lines), Decimal(0))
        paid, document = owed if amount is None else amount, self._number("14")
        refers = {
            "InvoiceReference": invoice["AccountingDocument"],
            "InvoiceReferenceFiscalYear": invoice["FiscalYear"],
            "InvoiceItemReference": invoice["AccountingDocumentItem"],
        }
        payment = self._line(invoice, document, 1, "DZ", on, -paid, **({} if amount is None else refers))
        self.rows.append(payment)
        if amount is None or residual:
            for row in (*lines, payment):
                self._clear(row, document, on)
        if residual:
            self.rows.append(self._line(invoice, document, 2, "DZ", on, owed - paid, **refers))
        return document

    def settle(self, billing: str, credit: str, on: date) -> None:
        """Invoice and credit memo clear each other; the clearing document has no line of its own."""
        document = self._number("10")
        for row in (*self.lines_of(billing), *self.lines_of(credit)):
            self._clear(row, document, on)

    def write_off(self, billing: str, on: date) -> None:
        """Small differences are written off: cleared by a document of type AB, with a reason."""
        document = self._number("10")
        lines = self.lines_of(billing)
        total = sum((row["AmountInTransactionCurrency"] for row in lines), Decimal(0))
        self.rows.append(self._line(lines[0], document, 1, "AB", on, -total, PaymentDifferenceReason="060"))
        for row in (*lines, self.rows[-1]):
            self._clear(row, document, on)

    def reset(self, billing: str) -> None:
        """The clearing is taken back (transaction FBRA): the lines are open again."""
        for row in self.lines_of(billing):
            row.update(
                IsCleared=False, ClearingDate=None, ClearingCreationDate=None, ClearingAccountingDocument="",
                ClearingDocFiscalYear="", ClearingIsReversed=True,
            )  # fmt: skip

    def reverse(self, billing: str) -> None:
        """The posting itself was reversed, as by a cancelled billing document."""
        for row in self.lines_of(billing):
            row.update(IsReversed=True, ReverseDocument="1800009999")

    def down_payment(self, billing: Row, amount: Decimal) -> None:
        """A down payment with a special G/L code, which is no payment of the invoice."""
        document = self._number("14")
        row = self._line(
            billing, document, 1, "DZ", billing["BillingDocumentDate"], -amount, SpecialGLCode="A"
        )
        row["BillingDocument"] = billing["BillingDocument"]
        self.rows.append(row)

    def journal_entry(self, header: Row, lines: list[Row]) -> str:
        """Lines as a journal entry service posts them; nothing is cleared by it."""
        document = self._number("01")
        for position, line in enumerate(lines, 1):
            self.rows.append(
                {
                    **self._empty(), **header, **line, "AccountingDocument": document,
                    "AccountingDocumentItem": f"{position:03}", "FiscalYear": str(header["PostingDate"].year),
                }
            )  # fmt: skip
        return document

    def find(self, company_code: str, year: str, document: str, item: str) -> Row | None:
        for row in self.rows:
            if (
                row["CompanyCode"] == company_code
                and row["FiscalYear"] == year
                and row["AccountingDocument"] == document.zfill(10)
                and row["AccountingDocumentItem"] == item.zfill(3)
            ):
                return row
        return None

    def _clear(self, row: Row, document: str, on: date) -> None:
        row.update(
            IsCleared=True, ClearingDate=on, ClearingCreationDate=on, ClearingAccountingDocument=document,
            ClearingDocFiscalYear=str(on.year), ClearingIsReversed=False,
        )  # fmt: skip

    def _number(self, family: str) -> str:
        self._last[family] = self._last.get(family, 0) + 1
        return f"{family}{self._last[family]:08}"

    def _line(
        self, like: Row, document: str, line: int, kind: str, on: date, amount: Decimal, **fields: Any
    ) -> Row:
        return {
            **self._empty(),
            "CompanyCode": like["CompanyCode"],
            "FiscalYear": str(on.year),
            "AccountingDocument": document,
            "AccountingDocumentItem": f"{line:03}",
            "Customer": like.get("Customer") or like.get("PayerParty"),
            "DebitCreditCode": "S" if amount >= 0 else "H",
            "AccountingDocumentType": kind,
            "PostingDate": on,
            "DocumentDate": on,
            "AccountingDocumentCreationDate": on,
            "LastChangeDate": None,
            "TransactionCurrency": like["TransactionCurrency"],
            "AmountInTransactionCurrency": amount,
            **fields,
        }

    @staticmethod
    def _empty() -> Row:
        return {
            "BillingDocument": "", "FinancialAccountType": "D", "SpecialGLCode": "", "IsCleared": False,
            "ClearingDate": None, "ClearingCreationDate": None, "ClearingAccountingDocument": "",
            "ClearingDocFiscalYear": "", "ClearingIsReversed": False, "IsReversal": False,
            "IsReversed": False, "ReverseDocument": "", "InvoiceReference": "",
            "InvoiceReferenceFiscalYear": "", "InvoiceItemReference": "", "PaymentDifferenceReason": "",
            "Reference1IDByBusinessPartner": "", "Reference2IDByBusinessPartner": "",
            "Reference3IDByBusinessPartner": "", "AssignmentReference": "", "DocumentItemText": "",
            "DocumentReferenceID": "", "OriginalReferenceDocument": "", "CompanyCodeCurrency": "EUR",
            "Ledger": "0L",
        }  # fmt: skip
