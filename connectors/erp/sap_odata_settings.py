"""The settings of a source that reads SAP S/4HANA by OData.

What SAP's public interface descriptions do not say, or what differs between installations, is a setting here
with SAP's usual value as default.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.base import ConnectorSettings, DeliveryState
from connectors.erp.sap_odata_access import SapAccess
from connectors.erp.sap_odata_kinds import ACTIONS

__all__ = ["AttachmentSettings", "SapODataSettings", "StatusObjectSettings"]

_STATES: Final = {
    DeliveryState.ACCEPTED_FOR_TRANSPORT: "SENT",
    DeliveryState.DELIVERED: "DELIVERED",
    DeliveryState.REJECTED: "REJECTED",
    DeliveryState.PARKED: "ON HOLD",
    DeliveryState.ACCEPTED: "ACCEPTED",
    DeliveryState.DISPUTED: "DISPUTED",
    DeliveryState.CLOSED: "CLOSED",
}
_FIELD: Final = r"^([A-Za-z_]\w{0,127})?$"


class StatusObjectSettings(ConnectorSettings):
    """The customer's own business object that shows the delivery status; all names are the customer's.

    An empty field name leaves that piece of news out; company code, document and reference are needed.
    """

    service: str = Field(
        "YY1_EINVSTATUS_CDS", description="name of the OData service, or its path where it lies elsewhere"
    )
    odata: Literal[2, 4] = Field(2, description="version of OData that the service speaks")
    key_field: str = Field(
        "SAP_UUID", pattern=_FIELD, description="key of its rows, which OData 4 needs to address one"
    )
    entity: str = Field("YY1_EINVSTATUS", pattern=r"^\w+$", description="name of the entity set")
    company_code: str = Field("CompanyCode", pattern=_FIELD, min_length=1)
    billing_document: str = Field("BillingDocument", pattern=_FIELD, min_length=1)
    reference: str = Field("StatusReference", pattern=_FIELD, min_length=1)
    state: str = Field("Status", pattern=_FIELD)
    text: str = Field("StatusText", pattern=_FIELD)
    at: str = Field("StatusDateTime", pattern=_FIELD, description="a field of the type date and time")
    message_id: str = Field("MessageID", pattern=_FIELD)
    channel: str = Field("Channel", pattern=_FIELD)
    longest_text: int = Field(255, ge=1, description="length of the text field")
    longest_reference: int = Field(80, ge=32, description="length of the reference field")


class AttachmentSettings(ConnectorSettings):
    """How files are attached to the billing document (API_CV_ATTACHMENT_SRV)."""

    service: str = Field("API_CV_ATTACHMENT_SRV", description="name or path of the service")
    object_type: str = Field("VBRK", description="SAP's name of the billing document as business object")
    object_type_header: str = Field("BusinessObjectTypeName", pattern=r"^[A-Za-z-]+$")
    object_key_header: str = Field("LinkedSAPObjectKey", pattern=r"^[A-Za-z-]+$")


class SapODataSettings(SapAccess):
    """One or several company codes of one SAP system."""

    company_codes: tuple[str, ...] = Field(
        min_length=1, description="company codes whose billing documents are read; all others are left alone"
    )
    first_day: date | None = Field(
        None, description="the very first visit reads documents changed since this day; empty: all there are"
    )
    documents_per_page: int = Field(50, ge=1, le=500, description="billing documents asked for at a time")
    overlap_minutes: int = Field(
        10, ge=0, le=1440, description="how far each visit looks back, for changes that SAP committed late"
    )
    billing_service: str = Field("API_BILLING_DOCUMENT_SRV", description="name or path of the service")
    partner_service: str = Field("API_BUSINESS_PARTNER", description="name or path of the service")
    company_service: str = Field("API_COMPANYCODE_SRV", description="name or path of the service")
    ledger_service: str = Field("API_OPLACCTGDOCITEMCUBE_SRV", description="name or path of the service")

    types: Mapping[str, Literal[ACTIONS]] = Field(  # type: ignore[valid-type]  # a tuple of texts
        {},
        description=f"what to do with a billing type, where its category does not say: {', '.join(ACTIONS)}",
    )
    down_payment_requests: Literal["skip", "prepayment", "invoice"] = Field(
        "skip", description="down payment requests (billing category P) are no tax invoices in most countries"
    )
    intercompany_pairs: tuple[str, ...] = Field(
        (), description="intercompany invoices that are sent, as company code/partner company: 1000/2000"
    )
    sent_by_sap: tuple[str, ...] = Field(
        (), description="company codes for which SAP's document compliance sends the e-invoices itself"
    )
    take_unposted: bool = Field(False, description="true to send documents before accounting has posted them")
    posted_states: frozenset[str] = Field(
        frozenset({"C"}), description="values of AccountingTransferStatus that mean: posted"
    )
    unposted_hours: float = Field(
        24, ge=0, description="a document that is still not posted after this long is shown to a person"
    )
    internal_conditions: frozenset[str] = Field(
        frozenset({"VPRS", "PCIP", "EK01", "EK02"}), description="condition types that never leave the house"
    )
    down_payment_conditions: frozenset[str] = Field(
        frozenset({"AZWR"}), description="condition types of down payments that a final invoice settles"
    )
    buyer_function: str = Field(
        "BP", pattern="^[A-Z]{2}$", description="partner function of the buyer: BP bill-to, SP sold-to"
    )
    due_date_minutes: float = Field(
        60, ge=0, description="how long a document waits for its due date from accounting; 0: it does not"
    )
    pdf: bool = Field(False, description="true to fetch SAP's own PDF of each document; one more call each")

    participant_type: str = Field(
        "PEPPOL", description="identification type of business partners that holds the electronic address"
    )
    registration_types: tuple[str, ...] = Field(
        (), description="identification types that hold the legal registration, the first one found counts"
    )
    payment_document_types: frozenset[str] = Field(
        frozenset({"DZ", "ZP", "ZR", "ZV"}), description="types of accounting documents that mean money"
    )

    write_back: Literal["status-object", "none"] = Field(
        "status-object", description="where delivery status goes: the custom status object, or nowhere"
    )
    status_object: StatusObjectSettings = Field(StatusObjectSettings(), description="the custom object")
    states: Mapping[DeliveryState, str] = Field(
        _STATES,
        description="SAP's words for sent, delivered, rejected, parked, accepted, disputed and closed",
    )
    attach_xml: bool = Field(
        True, description="true to attach the delivered e-invoice to the billing document in SAP"
    )
    attachments: AttachmentSettings = Field(AttachmentSettings(), description="the attachment service")

    @field_validator("states")
    @classmethod
    def _all_states(cls, value: Mapping[DeliveryState, str]) -> Mapping[DeliveryState, str]:
        return {**_STATES, **value}

    @model_validator(mode="after")
    def _codes(self) -> Self:
        if any(not code.isalnum() or len(code) > 4 for code in self.company_codes):
            raise ValueError("a company code has up to four letters and digits")
        if not self.client and self.base_url.startswith("http://"):
            raise ValueError("client is needed where SAP is not the public cloud")
        return self
