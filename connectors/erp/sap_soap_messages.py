"""The messages of SAP's journal entry services as zeep takes them, and what their answers say.

Ids of messages are made from what is told, so that a message sent again is the same message. Sources: the
service descriptions "Journal Entry - Post (synchronous)" and "Journal Entry - Change (asynchronous)".
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from connectors.soap import SoapAnswer
from formats.errors import RemoteUnexpected

__all__ = [
    "ItemKey",
    "LogEntry",
    "Posted",
    "Posting",
    "addressing",
    "change_message",
    "create_message",
    "read_posted",
]

_NAMES: Final = uuid.UUID("5f0c3c9e-3f67-5b0a-9d53-2b7a1c7f4e10")
_ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
_ERROR: Final = "3"


@dataclass(frozen=True, slots=True)
class ItemKey:
    """One line of an accounting document."""

    company_code: str
    fiscal_year: str
    document: str
    item: str


@dataclass(frozen=True, slots=True)
class Posting:
    """Money that came in: to a G/L account of the bank, from customers. Amounts are positive."""

    reference: str
    company_code: str
    document_type: str
    user: str
    document_reference: str
    header_text: str
    on: date
    created: datetime
    currency: str
    account: str
    customers: Sequence[tuple[str, str, Decimal]]
    logical_system: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a log: SAP's message type and its words."""

    kind: str
    severity: str
    note: str


@dataclass(frozen=True, slots=True)
class Posted:
    """What a confirmation says: the accounting document, empty where none was posted, and the log."""

    document: str
    company_code: str
    fiscal_year: str
    failed: bool
    log: tuple[LogEntry, ...]

    @property
    def words(self) -> str:
        """The errors of the log, for people."""
        worst = [entry for entry in self.log if entry.severity == _ERROR] or list(self.log)
        return "; ".join(f"{entry.note} ({entry.kind})".strip() for entry in worst)[:400] or "no reason given"


def message_id(reference: str, part: str) -> str:
    """At most 35 characters, the same for the same news."""
    return hashlib.sha256(f"{part}|{reference}".encode()).hexdigest()[:32].upper()


def addressing(reference: str, action: str, to: str) -> list[etree._Element]:
    """WS-Addressing headers with a message id that stays the same on retry."""
    blocks = []
    for name, value in (
        ("Action", action),
        ("MessageID", f"urn:uuid:{uuid.uuid5(_NAMES, reference)}"),
        ("To", to),
    ):
        block = etree.Element(f"{{{_ADDRESSING}}}{name}", nsmap={"wsa": _ADDRESSING})
        block.text = value
        blocks.append(block)
    return blocks


def create_message(posting: Posting) -> dict[str, Any]:
    """The request of one balanced journal entry: debits positive with S, credits negative with H."""
    total = sum((amount for _, _, amount in posting.customers), Decimal(0))

    def amount_of(value: Decimal) -> dict[str, Any]:
        return {"_value_1": value, "currencyCode": posting.currency}

    entry: dict[str, Any] = {
        "OriginalReferenceDocumentType": "BKPFF",
        "OriginalReferenceDocument": posting.document_reference,
        "BusinessTransactionType": "RFBU",
        "AccountingDocumentType": posting.document_type,
        "DocumentReferenceID": posting.document_reference,
        "DocumentHeaderText": posting.header_text[:25],
        "CreatedByUser": posting.user[:12],
        "CompanyCode": posting.company_code,
        "DocumentDate": posting.on,
        "PostingDate": posting.on,
        "Item": [
            {
                "ReferenceDocumentItem": "1",
                "GLAccount": posting.account,
                "AmountInTransactionCurrency": amount_of(total),
                "DebitCreditCode": "S",
                "DocumentItemText": posting.header_text[:50],
            }
        ],
        "DebtorItem": [
            {
                "ReferenceDocumentItem": str(position),
                "Debtor": customer,
                "AmountInTransactionCurrency": amount_of(-amount),
                "DebitCreditCode": "H",
                "DocumentItemText": f"Payment of invoice {number}"[:50],
                "AssignmentReference": number[:18],
            }
            for position, (customer, number, amount) in enumerate(posting.customers, 2)
        ],
    }
    if posting.logical_system:
        entry["OriginalReferenceDocumentLogicalSystem"] = posting.logical_system
    return {
        "MessageHeader": _header(posting.reference, "bulk", posting.created),
        "JournalEntryCreateRequest": [
            {"MessageHeader": _header(posting.reference, "entry", posting.created), "JournalEntry": entry}
        ],
    }


def change_message(
    reference: str, created: datetime, items: Sequence[ItemKey], values: Mapping[str, str]
) -> dict[str, Any]:
    """The request that sets some fields of some lines. A field counts only where its change is asked for."""
    return {
        "MessageHeader": _header(reference, "bulk", created),
        "JournalEntryDebtorCreditorItem": [
            {
                "MessageHeader": _header(f"{reference}|{item}", "item", created),
                "ItemKey": {
                    "AccountingDocument": item.document,
                    "CompanyCode": item.company_code,
                    "FiscalYear": item.fiscal_year,
                    "AccountingDocumentItemID": item.item,
                },
                **{
                    f"{name}Change": {name: value, "FieldValueChangeIsRequested": True}
                    for name, value in values.items()
                },
            }
            for item in items
        ],
    }


def read_posted(answer: SoapAnswer) -> Posted:
    """The confirmation, read by local names: prefixes differ from release to release, and undeclared elements
    come along. Raises RemoteUnexpected where it has no log at all."""
    body = answer.body
    entry = body.find("{*}JournalEntryCreateConfirmation")
    inner = entry.find("{*}JournalEntryCreateConfirmation") if entry is not None else None
    logs = list(body.iter("{*}Log"))
    if not logs:
        raise RemoteUnexpected(
            "SAP's confirmation has no log, so it is not known whether the payment was posted",
            where=answer.where,
            fix="look in SAP whether it is there; the answer is kept",
            evidence=answer.content,
        )
    log = tuple(
        LogEntry(_text(item, "TypeID"), _text(item, "SeverityCode"), _text(item, "Note"))
        for one in logs
        for item in one.findall("{*}Item")
    )
    severities = [_text(one, "MaximumLogItemSeverityCode") for one in logs]
    document = _text(inner, "AccountingDocument").strip("0") and _text(inner, "AccountingDocument")
    failed = not document or max(severities) >= _ERROR
    return Posted(document, _text(inner, "CompanyCode"), _text(inner, "FiscalYear"), failed, log)


def _text(element: etree._Element | None, name: str) -> str:
    return "" if element is None else (element.findtext(f"{{*}}{name}") or "").strip()


def _header(reference: str, part: str, created: datetime) -> dict[str, Any]:
    # SAP's pattern wants UTC with a Z at the end, which is how zeep writes it.
    moment = created.astimezone(UTC)
    return {
        "ID": {"_value_1": message_id(reference, part)},
        "UUID": {"_value_1": str(uuid.uuid5(_NAMES, f"{part}|{reference}"))},
        "CreationDateTime": moment,
    }
