"""What an operator may set for one division of Exact Online.

Facts of Exact that could not be confirmed from its documents are settings with the documented value as
default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from connectors.base import SecretReference
from connectors.http import is_safe_address
from connectors.kit.server import ServerSettings

__all__ = ["ExactOnlineSettings"]


class ExactOnlineSettings(ServerSettings):
    """One division of Exact Online."""

    base_url: str = Field(
        description="the country site, for example https://start.exactonline.nl; app and user belong to it"
    )
    division: int = Field(
        description="number of the division (administration), as in the address bar of Exact", ge=1
    )
    client_id: str = Field(description="client id of the gateway's app in the Exact app centre")
    client_secret: SecretReference = Field(description="env:NAME or file:PATH of the app's client secret")
    redirect_url: str = Field(
        "https://localhost:8765/exact/callback",
        description="the redirect address of the app registration, to the letter; gateway connect listens "
        "there if it is on this machine",
    )
    refresh_token: SecretReference | None = Field(
        None,
        description="env:NAME or file:PATH of a refresh token, where you have one from elsewhere; gateway "
        "connect needs none",
    )
    documents_per_page: int = Field(20, ge=1, le=25, description="invoices stored at a time, 1 to 25")
    invoices_per_call: int = Field(
        10,
        ge=1,
        le=10,
        description="invoices read in one call, 1 to 10; 1 reads each by its key, which costs more calls",
    )
    overlap: int = Field(
        2000,
        ge=0,
        description="row versions that are looked at again on each visit, for changes finished late",
    )
    deletions: bool = Field(
        True,
        description="true to tell people of invoices that were deleted in Exact after they were read; one "
        "call each visit",
    )
    calls_per_minute: int = Field(
        60, ge=1, description="calls that Exact allows in a minute; its own answers count from then on"
    )
    calls_per_day: int = Field(
        5000, ge=1, description="calls that Exact allows in a day; its own answers count from then on"
    )
    calls_kept: int = Field(
        5, ge=0, le=50, description="calls of each minute that are kept for status reports"
    )
    calls_kept_daily: int = Field(500, ge=0, description="calls of each day that are kept for status reports")
    logins_per_day: int = Field(
        200, ge=1, description="calls for new tokens that Exact allows in a day for one user of an app"
    )
    errors_per_hour: int = Field(
        8,
        ge=1,
        description="errors in an hour after which an endpoint is left alone; Exact blocks it after ten",
    )
    attachments: bool = Field(True, description="true to send files along that are linked to the invoice")
    largest_attachment_mb: int = Field(10, ge=1, le=50, description="largest single file, in megabytes")
    when_exact_sends: str = Field(
        "hold",
        pattern="^(hold|take)$",
        description="buyers with the invoicing method Peppol get their invoice from Exact itself: hold shows "
        "such invoices to people, take sends them all the same",
    )
    sent_by_exact: int = Field(
        32, ge=1, description="the invoicing method of an account by which Exact itself sends over Peppol"
    )
    document_type: int = Field(55, ge=1, description="type of the status documents; 55 is Miscellaneous")
    link_documents: bool = Field(
        True, description="true to link status documents to the invoice; false if Exact refuses the link"
    )
    peppol_kinds: Mapping[int, Annotated[str, Field(pattern=r"^(\d{4}|company)$")]] = Field(
        {1: "0088", 2: "company"},
        description="what the kinds of Peppol identifier of an account mean: a scheme such as 0088, or "
        "company for the company number of the account's country",
    )
    buyers_bank_accounts: bool = Field(
        True, description="true to read the bank accounts of buyers with their master data"
    )
    webhook_secret: SecretReference | None = Field(
        None, description="env:NAME or file:PATH of the webhook secret of the app registration"
    )
    callback_url: str = Field(
        "",
        description="address under which Exact reaches this gateway, "
        "https://<host>/api/v1/sources/<name>/wake, on the domain of redirect_url; empty for no webhooks",
    )
    webhook_topics: tuple[str, ...] = Field(
        ("SalesInvoices", "FinancialTransactions", "Accounts"),
        description="what Exact calls us about, of its list of topics",
    )
    read_seconds: float = Field(30.0, gt=0, description="seconds of silence before a call is given up")

    def is_sent_by_exact(self, account: Mapping[str, Any]) -> bool:
        """Whether Exact itself sends by Peppol to this account."""
        return bool(int(account.get("InvoicingMethod") or 0) & self.sent_by_exact)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("redirect_url", "callback_url"):
            address = getattr(self, name)
            if address and not is_safe_address(address):
                raise ValueError(f"{name} must begin with https://, for secrets travel over it")
        if self.callback_url and self.webhook_secret is None:
            raise ValueError("callback_url needs webhook_secret, or calls could not be told from forged ones")
        if self.calls_kept >= self.calls_per_minute or self.calls_kept_daily >= self.calls_per_day:
            raise ValueError("calls_kept and calls_kept_daily must leave calls for reading")
        return self
