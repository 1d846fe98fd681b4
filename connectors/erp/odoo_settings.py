"""What a config file says of one company in one Odoo database."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from connectors.base import ConnectorSettings, SecretReference
from connectors.http import is_safe_address

__all__ = ["OdooSettings"]

_FIELD = r"^[a-z0-9_]{0,64}$"


class OdooSettings(ConnectorSettings):
    """One company in one database of an Odoo server."""

    base_url: str = Field(description="address of the server, for example https://mycompany.odoo.com")
    database: str = Field(description="name of the database", pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    user: str = Field("", description="login of the gateway's user; JSON-2 knows it by its key alone")
    api_key: SecretReference = Field(description="env:NAME or file:PATH of its API key or password")
    company: int = Field(1, ge=1, description="id of the company, as in the address of its form in Odoo")
    protocol: str = Field(
        "jsonrpc",
        pattern="^(jsonrpc|json2)$",
        description="jsonrpc for Odoo 14 to 19, json2 for Odoo 19 and later",
    )
    language: str = Field(
        "en_US",
        pattern=r"^[a-z]{2,3}(_[A-Za-z]{2,10})?(@[a-z]+)?$",
        description="language that names of units and taxes are read in; the tables of the mapping are in "
        "English",
    )
    invoices_per_page: int = Field(
        50, ge=1, le=500, description="invoices read and stored at a time, 1 to 500"
    )
    overlap_minutes: float = Field(
        15.0, ge=0, description="minutes that are looked at again on each visit, for changes finished late"
    )
    when_odoo_sends: str = Field(
        "hold",
        pattern="^(hold|take)$",
        description="invoices that Odoo itself sends by Peppol: hold shows them to people, take sends them "
        "all the same",
    )
    sent_by_odoo: tuple[str, ...] = Field(
        ("to_send", "processing", "done"),
        description="the PEPPOL status of an invoice by which Odoo itself sends it or has sent it",
    )
    tax_category_field: str = Field(
        "ubl_cii_tax_category_code",
        pattern=_FIELD,
        description="field of a tax with its VAT category",
    )
    tax_exemption_field: str = Field(
        "ubl_cii_tax_exemption_reason_code",
        pattern=_FIELD,
        description="field of a tax with its exemption code; may be absent",
    )
    unit_code_field: str = Field(
        "unece_code", pattern=_FIELD, description="field of a unit with its UN/ECE code; may be absent"
    )
    bank_accounts: bool = Field(True, description="false where the user may not read bank accounts of buyers")
    calls_per_minute: int = Field(
        0,
        ge=0,
        le=6000,
        description="calls that the server allows in a minute, 0 for no limit; Odoo Online: 60",
    )
    ca_file: str = Field("", description="PEM file of your own certificate authority, if the server needs it")
    proxy: str = Field("", description="address of a web proxy, if the way out needs one")
    connect_seconds: float = Field(5.0, gt=0, description="seconds to wait for a connection")
    read_seconds: float = Field(60.0, gt=0, description="seconds of silence before a call is given up")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not is_safe_address(self.base_url):
            raise ValueError("base_url must begin with https://, for the API key travels over it")
        if self.protocol == "jsonrpc" and not self.user:
            raise ValueError("user is needed with protocol jsonrpc")
        return self
