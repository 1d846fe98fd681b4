"""Settings of a NetSuite account that is read over SuiteQL and REST records.

What Oracle does not document, or accounts have in different ways, is a setting here with the usual case as
its default.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator, model_validator

from connectors.base import SecretReference
from connectors.erp.netsuite_settings import InternalId, NetSuiteSettings, ScriptId
from connectors.http import is_safe_address

__all__ = ["NetSuiteRestSettings"]

ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")]


class NetSuiteRestSettings(NetSuiteSettings):
    """Settings of one NetSuite account over REST. Secrets are references, `file:...` or `env:...`."""

    login: Literal["oauth2", "tba"] = Field(
        "oauth2",
        description="oauth2 (client credentials with a certificate), or tba (token-based authentication) for "
        "an integration that has it already",
    )
    client_id: SecretReference | None = Field(
        None, description="Client id of the integration record (login: oauth2)"
    )
    certificate_id: str = Field(
        "", description="Certificate id that OAuth 2.0 Client Credentials Setup shows (login: oauth2)"
    )
    private_key: SecretReference | None = Field(
        None, description="Private key of that certificate, PEM without pass phrase (login: oauth2)"
    )
    next_certificate_id: str = Field(
        "", description="Second certificate, tried where the first is refused; for changing certificates"
    )
    next_private_key: SecretReference | None = Field(
        None, description="Private key of the second certificate"
    )
    certificate: SecretReference | None = Field(
        None, description="The certificate itself in PEM, so that its end is watched; left out: not watched"
    )
    algorithm: Literal["", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] = Field(
        "", description="How the login is signed; empty follows the key: PS256 for RSA, ES256 for P-256"
    )
    scopes: tuple[str, ...] = Field(
        ("rest_webservices",), min_length=1, description="Scopes of the integration record that are used"
    )
    audience: str = Field(
        "", description="Address that the signed login names; empty for the token address of base_url"
    )
    consumer_key: SecretReference | None = Field(None, description="Consumer key (login: tba)")
    consumer_secret: SecretReference | None = Field(None, description="Consumer secret (login: tba)")
    token_id: SecretReference | None = Field(None, description="Token id (login: tba)")
    token_secret: SecretReference | None = Field(None, description="Token secret (login: tba)")

    window_days: int = Field(
        31,
        ge=1,
        le=366,
        description="Days that one query of changes spans; a query gives 100,000 rows at most",
    )
    overlap_minutes: int = Field(
        120,
        ge=0,
        le=1440,
        description="How far each pull looks back behind the last change it saw, for records that NetSuite "
        "shows late and for the hour that comes twice when summer time ends",
    )
    time_zone: str = Field(
        "America/Los_Angeles",
        description="Zone in which SuiteQL tells the moment of a change (company or user preference); "
        "gateway check compares it with a record",
    )
    page_size: int = Field(1000, ge=1, le=1000, description="Rows for each page of a query")
    batch_size: int = Field(100, ge=1, le=500, description="Invoices that are read together")
    calls_per_day: int = Field(
        0, ge=0, description="Most calls a day, where the account has such a limit; 0 for none"
    )
    calls_kept: int = Field(
        100, ge=0, description="Calls of each day that are kept for status and payments, with calls_per_day"
    )

    tax: Literal["auto", "suitetax", "legacy"] = Field(
        "auto", description="Tax engine of the account; auto asks it"
    )
    tax_rate: Literal["fraction", "percent"] = Field(
        "fraction", description="Whether SuiteQL says 0.21 or 21 for a tax rate of 21 percent"
    )
    tax_code_column: ColumnName = Field(
        "taxcode", description="Column of transactiontaxdetail that holds the tax code"
    )
    line_tax_column: ColumnName | Literal[""] = Field(
        "",
        description="Column of transactionline with the tax code, where a legacy account shows one; empty "
        "takes invoices with one tax code only",
    )
    shipping_types: tuple[str, ...] = Field(
        ("SHIPPING",), description="Values of transactionlinetype that mean shipping"
    )
    handling_types: tuple[str, ...] = Field(
        ("HANDLING",), description="Values of transactionlinetype that mean handling"
    )
    body_columns: tuple[ColumnName, ...] = Field(
        (
            "custbody_einv_buyer_reference",
            "custbody_einv_prepaid",
        ),
        description="Further columns of transaction that the mapping reads; one that is missing is left out",
    )
    attachment_field: ScriptId | Literal[""] = Field(
        "custbody_einv_attachment",
        description="Transaction body field (Document) that names a file to go with the invoice: this "
        "interface brings no files, so such an invoice is shown to people; empty to send it without",
    )
    line_columns: tuple[ColumnName, ...] = Field(
        ("custcol_price_per",),
        description="Further columns of transactionline that the mapping reads; one that is missing is left "
        "out",
    )
    customer_fields: tuple[str, ...] = Field(
        ("custentity_peppol_id",),
        description="Further fields of the customer record that the mapping and the routing read",
    )
    peppol_field: str = Field(
        "custentity_peppol_id", description="Customer field with the electronic address, scheme:value"
    )

    write_to: Literal["fields", "record"] = Field(
        "fields",
        description="Where the status goes: fields of the invoice (a record of its own where the invoice "
        "is locked or in a closed period), or always a record of its own",
    )
    log_record: str = Field(
        "customrecord_einv_log",
        pattern=r"^(customrecord_[a-z0-9_]{1,60})?$",
        description="Custom record for status that cannot be written on the invoice; empty for none",
    )
    payment_account: InternalId | Literal[""] = Field(
        "",
        description="Internal id of the bank account that payments are posted to; empty: undeposited funds",
    )
    bank_accounts: dict[str, InternalId] = Field(
        default_factory=dict,
        description="Bank account to post to by the IBAN that the money came in on",
        repr=False,
    )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("write the name of a time zone, as in Europe/Brussels") from error
        return value

    @field_validator("customer_fields")
    @classmethod
    def _field_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,60}", name) for name in value):
            raise ValueError("write field ids, as in custentity_peppol_id")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = {
            "oauth2": ("client_id", "certificate_id", "private_key"),
            "tba": ("consumer_key", "consumer_secret", "token_id", "token_secret"),
        }[self.login]
        missing = [name for name in wanted if not getattr(self, name)]
        if missing:
            raise ValueError(f"login: {self.login} also needs {', '.join(missing)}")
        if bool(self.next_certificate_id) != bool(self.next_private_key):
            raise ValueError("next_certificate_id and next_private_key belong together")
        if not is_safe_address(self.address):
            raise ValueError("base_url must begin with https://, for tokens travel over it")
        return self
