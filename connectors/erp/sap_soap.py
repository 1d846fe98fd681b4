"""SAP S/4HANA with journal entry services: reads by OData, writes by SOAP.

For companies without a custom status object, and for those that want incoming payments posted. Status goes
into a reference field of the customer line of the accounting document, by a service that only says that a
message was taken; payments are posted by one that says in its log whether they were. Both are confirmed by
reading the ledger again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from connectors.base import DeliveryState, IncomingPayment, StatusReport, Surroundings, WriteBack
from connectors.checking import Look
from connectors.erp.sap_odata import SapOData
from connectors.erp.sap_odata_bundle import any_of
from connectors.erp.sap_odata_canonical import key, padded
from connectors.erp.sap_odata_payments import LEDGER
from connectors.erp.sap_odata_service import Row, text
from connectors.erp.sap_odata_settings import SapODataSettings
from connectors.erp.sap_soap_messages import (
    ItemKey,
    Posting,
    addressing,
    change_message,
    create_message,
    read_posted,
)
from connectors.soap import FaultRules, SoapClient
from formats.errors import DocumentError, RemoteBlocked, RemoteRefused, RemoteUnavailable

__all__ = ["SapSoap", "SapSoapSettings"]

_NAMESPACE: Final = "http://sap.com/xi/SAPSCORE/SFIN"
_CREATE: Final = "JournalEntryCreateRequestConfirmation_In"
_CHANGE: Final = "JournalEntryBulkChangeRequest_In"
_LENGTHS: Final[Mapping[str, int]] = {
    "Reference1IDByBusinessPartner": 12,
    "Reference2IDByBusinessPartner": 12,
    "Reference3IDByBusinessPartner": 20,
    "AssignmentReference": 18,
    "DocumentItemText": 50,
}
# Later news has a higher rank: a line that says DELIVERED never goes back to SENT. What comes after delivery
# may change, and change back.
_RANKS: Final[Mapping[DeliveryState, int]] = {
    DeliveryState.PARKED: 0,
    DeliveryState.ACCEPTED_FOR_TRANSPORT: 1,
    DeliveryState.DELIVERED: 2,
    DeliveryState.REJECTED: 2,
    DeliveryState.ACCEPTED: 2,
    DeliveryState.DISPUTED: 2,
    DeliveryState.CLOSED: 2,
}
_RULES: Final = FaultRules(
    refused=("not authorized", "No authorization", "Keine Berechtigung"),
    broken=("SRT: Processing error", "Web service processing error"),
    refused_fix="check the communication arrangement of our user and the service's authorisations",
)
_LOOK: Final = (
    "CompanyCode,FiscalYear,AccountingDocument,AccountingDocumentItem,AccountingDocumentType,BillingDocument,"
    "Customer,SpecialGLCode,IsReversed,DocumentReferenceID,FinancialAccountType"
)


class SapSoapSettings(SapODataSettings):
    """What the journal entry services need besides the settings of reading."""

    write_back: Literal["status-object", "none", "journal-entry"] = Field(  # type: ignore[assignment]  # one more
        "journal-entry",
        description="journal-entry: a reference field of the accounting document; status-object: the custom "
        "object; none",
    )
    change_address: str = Field(
        "/sap/bc/srt/scs_ext/sap/journalentrybulkchangerequest_", description="path of the change service"
    )
    change_description: str = Field(
        "/sap/bc/srt/scs_ext/sap/journalentrybulkchangerequest_?wsdl", description="path of its WSDL"
    )
    create_address: str = Field(
        "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi", description="path of the posting service"
    )
    create_description: str = Field(
        "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi?wsdl", description="path of its WSDL"
    )
    binding: str = Field("binding", pattern=r"^\w+$", description="name of the SOAP 1.1 binding in the WSDLs")
    status_field: Literal[  # the fields that the change service offers for texts of our own
        "Reference1IDByBusinessPartner",
        "Reference2IDByBusinessPartner",
        "Reference3IDByBusinessPartner",
        "AssignmentReference",
        "DocumentItemText",
    ] = Field("Reference3IDByBusinessPartner", description="field of the customer line that shows the status")
    reference_field: Literal[
        "",
        "Reference1IDByBusinessPartner",
        "Reference2IDByBusinessPartner",
        "Reference3IDByBusinessPartner",
        "AssignmentReference",
    ] = Field(
        "",
        description="a further field that tells the news apart; empty: the state alone counts",
    )
    status_prefix: str = Field("EINV:", max_length=8, description="what the status begins with")
    confirm_seconds: float = Field(
        60, ge=0, description="a change is looked for again after this long; SAP carries it out later"
    )
    confirm_hours: float = Field(
        24, gt=0, description="a change that was taken and is not to be seen after this long is reported"
    )
    bank_accounts: Mapping[str, str] = Field(
        {}, description="G/L account of each house bank account, by IBAN without blanks"
    )
    default_bank_account: str = Field("", description="G/L account of all others; empty: they are refused")
    payment_document_type: str = Field("DZ", min_length=2, max_length=2, description="type of the posting")
    posting_user: str = Field("", max_length=12, description="CreatedByUser of postings; empty: the login's")
    logical_system: str = Field("", max_length=10, description="our logical system, where SAP wants it")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        longest = _LENGTHS[self.status_field]
        for word in self.states.values():
            if len(self.status_prefix + word) > longest:
                raise ValueError(
                    f"{self.status_prefix}{word} is longer than the {longest} characters of "
                    f"{self.status_field}"
                )
        return self


class SapSoap(SapOData):
    """As SapOData, with journal entry services for writing. It can post payments.

    A posting carries the same message ids and the same document reference on every retry, and is looked up by
    that reference first; it does not clear the invoice, which is the business of SAP's clearing run.
    """

    def __init__(self, name: str, settings: SapSoapSettings, surroundings: Surroundings) -> None:
        super().__init__(name, settings, surroundings)
        self._soap = settings
        self._ledger_for_writing = self._service(settings.ledger_service, writing=True)
        binding = f"{{{_NAMESPACE}}}{settings.binding}"
        self._changes = SoapClient(
            self._http,
            wsdl=settings.change_description,
            port=settings.change_address,
            binding=binding,
            rules=_RULES,
        )
        self._postings = SoapClient(
            self._http,
            wsdl=settings.create_description,
            port=settings.create_address,
            binding=binding,
            rules=_RULES,
        )

    def report_status(self, report: StatusReport) -> WriteBack:
        """Set the status field of the document's customer lines, looked at first.

        SAP answers 202 before it has done anything: where the field does not show the news yet,
        RemoteUnavailable names when to look again, and after `confirm_hours` RemoteBlocked says that it never
        came.
        """
        if self._soap.write_back != "journal-entry":
            return super().report_status(report)
        written = self._set_status(report)
        return self._with_file(report, written)

    def post_payment(self, payment: IncomingPayment) -> WriteBack:
        """Post a payment from the customers of the named invoices to the house bank's account, once.

        Raises DocumentError where an invoice is not in the ledger, RemoteBlocked where SAP refuses the
        posting by its log, RemoteRefused where no G/L account is configured, RemoteUnavailable where it has
        to be looked for again.
        """
        account = self._account(payment)
        reference = document_reference(payment.reference)
        found = self._posted(reference)
        if found is not None:
            return WriteBack(_named(found), existed=True)
        lines = self._invoice_lines(payment)
        company_code = str(next(iter(lines.values()))["CompanyCode"])
        posting = Posting(
            reference=payment.reference,
            company_code=company_code,
            document_type=self._soap.payment_document_type,
            user=self._soap.posting_user or self._soap.user or "EINVOICING",
            document_reference=reference,
            header_text=payment.evidence or "Incoming payment",
            on=payment.on,
            # The same on every retry, as all of the message.
            created=datetime(payment.on.year, payment.on.month, payment.on.day, tzinfo=UTC),
            currency=payment.currency,
            account=account,
            customers=[
                (padded(key(lines[number]["Customer"])), key(number), amount)
                for number, _, amount in payment.invoices
            ],
            logical_system=self._soap.logical_system,
        )
        return self._post(posting, reference)

    def close(self) -> None:
        """Close all connections."""
        self._changes.close()
        self._postings.close()
        super().close()

    # Status.

    def _set_status(self, report: StatusReport) -> WriteBack:
        settings = self._soap
        values: dict[str, str] = {
            settings.status_field: settings.status_prefix + settings.states[report.state]
        }
        if settings.reference_field:
            digest = hashlib.sha256(report.reference.encode()).hexdigest()[:12].upper()
            values[settings.reference_field] = digest
        lines = self._customer_lines([key(report.key)], *values)
        if not lines:
            raise RemoteUnavailable(
                f"document {report.number} is not in the ledger yet",
                where=f"SAP {LEDGER}",
                fix="it is tried again by itself; accounting may lag behind billing",
                retry_at=self._clock() + timedelta(seconds=settings.confirm_seconds),
            )
        where = f"{settings.status_field} of accounting document {key(lines[0]['AccountingDocument'])} in SAP"
        stale = [
            line
            for line in lines
            if self._rank(line[settings.status_field]) <= _RANKS[report.state] and not _shows(line, values)
        ]
        with self._locked("changes") as cell:
            sent: dict[str, str] = json.loads(cell.value or "{}")
            first = sent.get(report.reference)
            if not stale:
                if first is not None:
                    del sent[report.reference]
                    cell.save(json.dumps(sent))
                return WriteBack(where, existed=True)
            if first is not None and self._clock() - datetime.fromisoformat(first) >= timedelta(
                hours=settings.confirm_hours
            ):
                # From the next attempt on it is sent again, as the same message.
                del sent[report.reference]
                cell.save(json.dumps(sent))
                raise RemoteBlocked(
                    f"SAP took the status of {report.number} and never carried it out",
                    where=where,
                    fix="look into SAP's message monitoring (SRT_MONI or the message dashboard): the "
                    "document may "
                    "be locked or its period closed",
                )
            # Remembered before it is sent: what is never carried out must not be forgotten.
            sent.setdefault(report.reference, self._clock().astimezone(UTC).isoformat())
            cell.save(json.dumps(sent))
        self._changes.hand_over(
            _CHANGE,
            headers=self._addressing(report.reference, _CHANGE, settings.change_address),
            **change_message(report.reference, report.at, [_item(line) for line in stale], values),
        )
        changed = {_item(line) for line in stale}
        shown = self._customer_lines([key(report.key)], *values)
        if all(_shows(line, values) for line in shown if _item(line) in changed):
            return WriteBack(where, existed=False)
        raise RemoteUnavailable(
            f"SAP has taken the status of {report.number} and does not show it yet",
            where=where,
            fix="it is looked for again by itself",
            retry_at=self._clock() + timedelta(seconds=settings.confirm_seconds),
            uncertain=True,
        )

    def _rank(self, shown: object) -> int:
        """How new the news is that a field shows; below all where it shows something else."""
        for state, word in self._soap.states.items():
            if shown == self._soap.status_prefix + word:
                return _RANKS[state]
        return -1

    def _customer_lines(self, numbers: Sequence[str], *more: str) -> list[Row]:
        """The customer lines of billing documents, without payments, down payments and reversed ones."""
        query = {
            "$filter": f"({any_of('CompanyCode', self._soap.company_codes)}) and "
            f"FinancialAccountType eq 'D' and ({any_of('BillingDocument', numbers)})",
            "$select": ",".join((_LOOK, *more)),
        }
        return [
            row
            for row in self._ledger_for_writing.rows(LEDGER, query)
            if not row.get("SpecialGLCode")
            and not row.get("IsReversed")
            and row.get("AccountingDocumentType") not in self._soap.payment_document_types
        ]

    # Payments.

    def _account(self, payment: IncomingPayment) -> str:
        iban = "".join(payment.account.split()).upper()
        account = self._soap.bank_accounts.get(iban) or self._soap.default_bank_account
        if not account:
            raise RemoteRefused(
                "no G/L account is configured for the house bank account of this payment",
                where=self.name,
                fix="name it in bank_accounts (by IBAN) or default_bank_account of this source",
            )
        return account

    def _invoice_lines(self, payment: IncomingPayment) -> dict[str, Row]:
        """The customer line of each invoice: who paid, and in which company code."""
        wanted = {key(number): number for number, _, _ in payment.invoices}
        found: dict[str, Row] = {}
        for line in self._customer_lines(sorted(wanted)):
            found.setdefault(wanted[key(line["BillingDocument"])], line)
        missing = [said for number, said, _ in payment.invoices if number not in found]
        companies = {line["CompanyCode"] for line in found.values()}
        if missing or len(companies) > 1:
            raise DocumentError(
                f"invoice {', '.join(missing)} of the payment is not in the ledger"
                if missing
                else "the invoices of the payment belong to several company codes",
                where=f"SAP {LEDGER}",
                fix="post this payment in SAP by hand",
            )
        return found

    def _post(self, posting: Posting, reference: str) -> WriteBack:
        answer = self._postings.call(
            _CREATE,
            headers=self._addressing(posting.reference, _CREATE, self._soap.create_address),
            changes=True,
            **create_message(posting),
        )
        posted = read_posted(answer)
        found = self._posted(reference)
        if found is not None:
            return WriteBack(_named(found), existed=False)
        if posted.failed:
            raise RemoteBlocked(
                f"SAP did not post the payment: {posted.words}",
                where=answer.where,
                fix="remove the reason in SAP (open the period, correct the account), or post it by hand",
            )
        raise RemoteUnavailable(
            f"SAP has posted document {key(posted.document)} and does not show it yet",
            where=answer.where,
            fix="it is looked for again by itself",
            retry_at=self._clock() + timedelta(seconds=self._soap.confirm_seconds),
            uncertain=True,
        )

    def _posted(self, reference: str) -> Row | None:
        query = {
            "$filter": f"({any_of('CompanyCode', self._soap.company_codes)}) and "
            f"AccountingDocumentType eq {text(self._soap.payment_document_type)} and "
            f"DocumentReferenceID eq {text(reference)}",
            "$select": _LOOK,
        }
        found = [row for row in self._ledger_for_writing.rows(LEDGER, query) if not row.get("IsReversed")]
        return found[0] if found else None

    def _addressing(self, reference: str, operation: str, path: str) -> list[Any]:
        action = f"{_NAMESPACE}/{operation}/{operation}Request"
        return addressing(f"{operation}|{reference}", action, f"{self._http.base_url}{path}")

    def _steps(self) -> list[tuple[str, Look, str]]:
        def loaded(client: SoapClient) -> Callable[[], str]:
            def load() -> str:
                client.load()
                return "its description can be read"

            return load

        steps = super()._steps()
        if self._soap.write_back == "journal-entry":
            steps.insert(
                -1, ("Journal entry change", loaded(self._changes), "communication scenario SAP_COM_0002")
            )
        if self._soap.bank_accounts or self._soap.default_bank_account:
            steps.insert(
                -1, ("Journal entry post", loaded(self._postings), "communication scenario SAP_COM_0002")
            )
        return steps


def document_reference(reference: str) -> str:
    """Sixteen characters by which a posting is found again, the same for the same payment."""
    return "GW" + hashlib.sha256(reference.encode()).hexdigest()[:14].upper()


def _shows(line: Row, values: Mapping[str, str]) -> bool:
    return all(line.get(name) == value for name, value in values.items())


def _item(line: Row) -> ItemKey:
    return ItemKey(
        str(line["CompanyCode"]),
        str(line["FiscalYear"]),
        padded(str(line["AccountingDocument"])),
        str(line["AccountingDocumentItem"]),
    )


def _named(line: Row) -> str:
    place = f"{line['CompanyCode']}/{key(line['AccountingDocument'])}/{line['FiscalYear']}"
    return f"accounting document {place} in SAP"
