"""The SOAP services of the imitated S/4HANA: journal entries posted at once, and changed some time later.

HTTP 200 is no promise that anything was posted, 202 none that anything will be: what became of a message is
in its log, or to be seen in the ledger only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lxml import etree

from connectors.sandbox.http_server import Reply, Request
from connectors.sandbox.s4_finance import Ledger
from connectors.sandbox.s4_wsdl import CHANGE, CREATE, NAMESPACE, change_description, create_description

__all__ = ["JournalServices"]

_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_XML: Final = "text/xml; charset=utf-8"
_STRICT: Final = "Only WS-ReliableMessaging February 2005 messages are processed by this endpoint"


class _Malformed(Exception):
    """What a SOAP fault says."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A change that was taken and comes into effect at `due`."""

    due: datetime
    message: str
    key: tuple[str, str, str, str]
    values: Mapping[str, str]


class JournalServices:
    """`delay` is how long a change takes, `closed` are posting months ("2026-09") without posting, `strict`
    makes the change service insist on reliable messaging, `envelope_prefix` and `prefix` are those of
    answers. `duplicates` says how a repeated message is answered: "same" as the first time, or "error".
    `descriptions` are served as the WSDLs; `changed` counts the lines that came to be changed, by message."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger, self._clock = ledger, clock
        self.delay = timedelta(0)
        self.closed: set[str] = set()
        self.locked: set[str] = set()
        self.strict = False
        self.prefix, self.envelope_prefix = "n0", "soap-env"
        self.duplicates = "same"
        self.descriptions = {CREATE: create_description(), CHANGE: change_description()}
        self.messages: list[tuple[str, str]] = []
        self.entries: dict[str, tuple[str, str, str]] = {}
        self.changed: Counter[str] = Counter()
        self._pending: list[_Pending] = []
        self._answers: dict[str, tuple[str, tuple[str, str, str], str]] = {}

    def describe(self, request: Request) -> Reply:
        return Reply(200, self.descriptions[request.path], _XML)

    def answer(self, request: Request, *, broken: bool = False) -> Reply:
        """One message; `broken` answers with a fault of the server's own."""
        if broken:
            return self._fault("SOAP:1.023 SRT: Processing error in Internet Communication Framework")
        try:
            top = _body(request.body)
            if request.path == CREATE:
                return self._create(top)
            return self._change(top)
        except _Malformed as problem:
            return self._fault(str(problem))

    def settle(self) -> None:
        """Let the changes that are due come into effect."""
        now = self._clock()
        for pending in [one for one in self._pending if one.due <= now]:
            self._pending.remove(pending)
            row = self._ledger.find(*pending.key)
            if row is not None and row["BillingDocument"] not in self.locked:
                row.update(pending.values)
                self.changed[pending.message] += 1

    def _create(self, top: etree._Element) -> Reply:
        if top.tag != f"{{{NAMESPACE}}}JournalEntryBulkCreateRequest":
            raise _Malformed("The message does not have the expected root element")
        header = _message_header(top)
        answers = []
        for request in top.findall("JournalEntryCreateRequest"):
            own = _message_header(request)
            identity = own.findtext("ID") or header.findtext("ID") or ""
            self.messages.append(("create", identity))
            if identity in self._answers:
                if self.duplicates == "error":
                    answers.append(
                        (identity, ("0000000000", "", "0000"), "3", "Message was processed before")
                    )
                else:
                    severity, entry, note = self._answers[identity]
                    answers.append((identity, entry, severity, note))
                continue
            severity, entry, note = self._post(request.find("JournalEntry"))
            if severity != "3":
                self._answers[identity] = (severity, entry, note)
                self.entries[identity] = entry
            answers.append((identity, entry, severity, note))
        return self._confirmation(header, answers)

    def _post(self, entry: etree._Element | None) -> tuple[str, tuple[str, str, str], str]:
        if entry is None:
            raise _Malformed("JournalEntry is missing")
        company_code, on = entry.findtext("CompanyCode") or "", _day(entry.findtext("PostingDate"))
        failed = ("0000000000", company_code, "0000")
        lines, total = [], Decimal(0)
        for item in (*entry.findall("Item"), *entry.findall("DebtorItem")):
            amount = item.find("AmountInTransactionCurrency")
            value = _number(amount)
            side = item.findtext("DebitCreditCode")
            if (side == "H") != (value < 0):
                return "3", failed, "Sign of the amount and debit/credit code do not agree"
            total += value
            lines.append(
                {
                    "FinancialAccountType": "D" if item.tag == "DebtorItem" else "S",
                    "Customer": (item.findtext("Debtor") or "").zfill(10) if item.tag == "DebtorItem" else "",
                    "GLAccount": (item.findtext("GLAccount") or "").zfill(10),
                    "DebitCreditCode": side,
                    "AmountInTransactionCurrency": value,
                    "TransactionCurrency": amount.get("currencyCode", "") if amount is not None else "",
                    "DocumentItemText": item.findtext("DocumentItemText") or "",
                    "AssignmentReference": item.findtext("AssignmentReference") or "",
                    "Reference3IDByBusinessPartner": item.findtext("Reference3IDByBusinessPartner") or "",
                }
            )
        if total != 0:
            return "3", failed, "Balance in transaction currency"
        if f"{on:%Y-%m}" in self.closed:
            return "3", failed, f"Posting period {on:%m %Y} is not open"
        header: dict[str, Any] = {
            "CompanyCode": company_code,
            "AccountingDocumentType": entry.findtext("AccountingDocumentType"),
            "PostingDate": on,
            "DocumentDate": _day(entry.findtext("DocumentDate")),
            "DocumentReferenceID": entry.findtext("DocumentReferenceID") or "",
            "OriginalReferenceDocument": entry.findtext("OriginalReferenceDocument") or "",
            "ReferenceDocumentType": entry.findtext("OriginalReferenceDocumentType") or "",
        }
        document = self._ledger.journal_entry(header, lines)
        return "1", (document, company_code, str(on.year)), f"Document posted successfully: BKPFF {document}"

    def _change(self, top: etree._Element) -> Reply:
        if self.strict:
            raise _Malformed(_STRICT)
        if top.tag != f"{{{NAMESPACE}}}JournalEntryBulkChangeRequestMessage":
            raise _Malformed("The message does not have the expected root element")
        message = _message_header(top).findtext("ID") or ""
        for item in top.findall("JournalEntryDebtorCreditorItem"):
            identity = _message_header(item).findtext("ID") or ""
            known = ("change", identity) in self.messages
            self.messages.append(("change", identity))
            if known:
                continue
            key = item.find("ItemKey")
            if key is None:
                raise _Malformed("ItemKey is missing")
            values = {
                name: change.findtext(name) or ""
                for change in item
                if isinstance(change.tag, str) and change.tag.endswith("Change")
                for name in (change.tag.removesuffix("Change"),)
                if (change.findtext("FieldValueChangeIsRequested") or "").lower() in ("true", "1")
            }
            place = tuple(
                key.findtext(name) or ""
                for name in ("CompanyCode", "FiscalYear", "AccountingDocument", "AccountingDocumentItemID")
            )
            due = self._clock() + self.delay
            where = (place[0], place[1], place[2], place[3].lstrip("0"))
            self._pending.append(_Pending(due, message, where, values))
        return Reply(202, b"", _XML)

    def _confirmation(
        self, header: etree._Element, answers: list[tuple[str, tuple[str, str, str], str, str]]
    ) -> Reply:
        prefix, now = self.prefix, self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        worst = max((severity for _, _, severity, _ in answers), default="1")
        texts = []
        for identity, (document, company_code, year), severity, note in answers:
            kind = "609(RW)" if severity == "3" else "605(RW)"
            texts.append(
                f"<JournalEntryCreateConfirmation><MessageHeader><ReferenceID>{_escaped(identity)}</ReferenceID>"
                f"<CreationDateTime>{now}</CreationDateTime></MessageHeader>"
                f"<JournalEntryCreateConfirmation><AccountingDocument>{document}</AccountingDocument>"
                f"<CompanyCode>{_escaped(company_code)}</CompanyCode><FiscalYear>{year}</FiscalYear>"
                f"</JournalEntryCreateConfirmation>{_log(severity, kind, note)}"
                "</JournalEntryCreateConfirmation>"
            )
        # The last element is in no description, but real answers have it.
        return self._envelope(
            f'<{prefix}:JournalEntryBulkCreateConfirmation xmlns:{prefix}="{NAMESPACE}"><MessageHeader>'
            f"<ReferenceID>{_escaped(header.findtext('ID') or '')}</ReferenceID>"
            f"<CreationDateTime>{now}</CreationDateTime></MessageHeader>{''.join(texts)}"
            f"{_log(worst, '', '')}<ConfirmationInterfaceOrignName/>"
            f"</{prefix}:JournalEntryBulkCreateConfirmation>",
            200,
        )

    def _fault(self, text: str) -> Reply:
        prefix = self.envelope_prefix
        return self._envelope(
            f"<{prefix}:Fault><faultcode>{prefix}:Server</faultcode>"
            f'<faultstring xml:lang="en">{_escaped(text)}</faultstring></{prefix}:Fault>',
            500,
        )

    def _envelope(self, inner: str, status: int) -> Reply:
        prefix = self.envelope_prefix
        text = (
            f'<{prefix}:Envelope xmlns:{prefix}="{_ENVELOPE}"><{prefix}:Header/><{prefix}:Body>{inner}'
            f"</{prefix}:Body></{prefix}:Envelope>"
        )
        return Reply(status, text.encode(), _XML)


def _body(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        envelope = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise _Malformed("XML parser error") from error
    body = envelope.find("{*}Body")
    inner = [] if body is None else [child for child in body if isinstance(child.tag, str)]
    if not inner:
        raise _Malformed("The SOAP body is empty")
    return inner[0]


def _message_header(element: etree._Element) -> etree._Element:
    header = element.find("MessageHeader")
    if header is None or not (header.findtext("CreationDateTime") or "").endswith("Z"):
        raise _Malformed("MessageHeader/CreationDateTime is missing or not in UTC")
    return header


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError as error:
        raise _Malformed("A date is missing") from error


def _number(element: etree._Element | None) -> Decimal:
    try:
        return Decimal((element.text or "") if element is not None else "")
    except InvalidOperation as error:
        raise _Malformed("An amount is missing") from error


def _log(severity: str, kind: str, note: str) -> str:
    item = (
        f"<Item><TypeID>{kind}</TypeID><SeverityCode>{severity}</SeverityCode><Note>{_escaped(note)}</Note></Item>"
        if kind
        else ""
    )
    return f"<Log><MaximumLogItemSeverityCode>{severity}</MaximumLogItemSeverityCode>{item}</Log>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
