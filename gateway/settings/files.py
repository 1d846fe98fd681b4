"""What may stand in the files of the config folder, and the settings that they make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from connectors.base import ConnectorSettings, SecretReference
from formats.errors import ConfigError
from gateway.access.settings import SignInSettings
from gateway.alarms.settings import AlarmSettings
from gateway.key_settings import KeySettings
from gateway.mandates import BuyerKind, OwnMandates
from gateway.retry import RetryPolicy
from gateway.webhooks.settings import WebhookFile, WebhookSettings

__all__ = [
    "ChannelFile",
    "ChannelSettings",
    "Cost",
    "GatewayFile",
    "HandOver",
    "LeftOut",
    "Name",
    "Portal",
    "Route",
    "RoutingFile",
    "Settings",
    "SourceFile",
    "SourceSettings",
    "Web",
]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_Language = Literal["en", "nl", "de", "fr"]
# Where one language is written by most; elsewhere the buyer's is not known.
_MAIL_LANGUAGES: Final[Mapping[str, _Language]] = {
    "AT": "de",
    "BE": "nl",
    "CH": "de",
    "DE": "de",
    "FR": "fr",
    "LI": "de",
    "LU": "fr",
    "MC": "fr",
    "NL": "nl",
}


def _exact(value: object) -> object:
    """YAML reads 0.12 as a binary fraction; in quotes it stays what was written."""
    if isinstance(value, float):
        raise ValueError('write the amount in quotes, for example "0.12"')
    return value


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HandOver(_File):
    """Who takes received invoices, beside the folder."""

    connector: str = Field(
        "", description="name of a source whose ERP takes received invoices as drafts; empty: none"
    )


class _Retry(_File):
    attempts: int = Field(8, ge=1, le=1000, description="failures in a row before people see it")
    first_seconds: float = Field(5.0, gt=0, description="delay after the first failure, in seconds")
    growth: float = Field(2.0, ge=1, le=10, description="how many times longer each further delay is")
    cap_seconds: float = Field(3600.0, gt=0, description="the longest delay, in seconds")
    jitter: float = Field(
        0.3, ge=0, lt=1, description="share of each delay that is left to chance, 0 to 0.99"
    )


class Web(_File):
    """Where `gateway run` takes calls: pushed documents, and ERPs that say that something changed."""

    enabled: bool = Field(True, description="false: no calls are taken")
    host: str = Field(
        "127.0.0.1", description="the address to listen on; 0.0.0.0 for all, behind a proxy with TLS"
    )
    port: int = Field(8080, ge=0, le=65_535, description="the TCP port; 0 for any free one")
    address: str = Field(
        "", description="what others call it, as https://gateway.example.com; empty for host and port"
    )
    secret: SecretReference = Field(
        "file:secrets/web-key", description="env:NAME or file:PATH of 32 signs of chance or more"
    )
    secure_cookies: bool = Field(
        True, description="false only for trials over http:// on another machine than this one"
    )
    time_zone: str = Field("Europe/Amsterdam", description="the time zone of the pages, as Europe/Berlin")


class Portal(_File):
    """Where buyers open their invoices, and for how long a link holds."""

    address: str = Field(
        "",
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$",
        description="what buyers call it, as https://invoices.example.com; empty for that of the console",
    )
    days: int = Field(90, ge=1, le=730, description="how many days a link to an invoice holds, 1 to 730")
    in_mails: bool = Field(
        True, description="invoices that go out by e-mail name a link of their own, where `address` is set"
    )


class GatewayFile(_File):
    database: str = Field(
        "sqlite:///gateway.db",
        description="sqlite:///file (relative to this folder) or postgresql://user@host/name",
    )
    database_password: SecretReference | None = Field(
        None, description="env:NAME or file:PATH of the database password"
    )
    workers: int = Field(4, ge=1, le=64, description="how many invoices are worked on at a time, 1 to 64")
    retry: _Retry = _Retry()
    receipt_within_hours: float = Field(
        24.0, gt=0, description="hours after which a sent invoice without a receipt is shown to people"
    )
    log_format: Literal["text", "json"] = Field("text", description="text for people, json for machines")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    pdf_language: _Language = Field("en", description="en, nl, de or fr")
    mail_languages: dict[_Country, _Language] = Field(
        default_factory=lambda: dict(_MAIL_LANGUAGES),
        description="country of the buyer (ISO 3166-1): language of e-mails; elsewhere pdf_language",
    )
    first_file_numbers: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="tax number of a transmitter: its first file number, where earlier ones are used up, as "
        "IT01234567890: 500",
    )
    inbox_folder: str = Field(
        "",
        description="where received invoices are put as files for the ERP, below this folder; empty: nowhere",
    )
    hand_over: HandOver = Field(
        HandOver(), description="connector: name of a source whose ERP takes received invoices as drafts"
    )
    web: Web = Field(Web(), description="enabled, host and port of the interface for other programs")
    sign_in: SignInSettings = Field(SignInSettings(), description="how people come in")
    four_eyes: bool = Field(
        False, description="on: bank details, routes and mappings take effect when two people agree"
    )
    alarms: AlarmSettings = Field(AlarmSettings(), description="what people are told when it goes wrong")
    webhooks: WebhookSettings = Field(WebhookSettings(), description="which programs may be told of events")
    portal: Portal = Field(Portal(), description="address and days of the links that buyers are given")


class Cost(_File):
    """What one message costs: an exact amount, so it is written in quotes."""

    amount: Annotated[Decimal, BeforeValidator(_exact)] = Field(
        ge=0, max_digits=12, decimal_places=6, description='an amount in quotes, for example "0.12"'
    )
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = Field(
        description="currency code of three letters, for example EUR"
    )


class Route(_File):
    """One way to reach buyers: it fits when sources, countries and kinds of buyers match and the needed terms
    are there.

    It is taken where the mandates allow it, or in spite of them for the reason in `despite_mandate`.
    """

    name: str = Field(description="a name for people")
    channel: Name = Field(description="the name of a file in channels/")
    profile: str = Field(description="what the invoice is written as, for example peppol-bis-3")
    needs: tuple[str, ...] = Field((), description="business terms that must be there, for example [BT-49]")
    countries: tuple[str, ...] = Field((), description="buyer countries, ISO 3166-1; empty for all")
    sources: tuple[str, ...] = Field((), description="names of sources; empty for all")
    buyers: tuple[BuyerKind, ...] = Field((), description="business, public, consumer; empty for all")
    networks: tuple[str, ...] = Field(
        (), description="networks that the channel's provider reaches, for example [peppol]; empty for any"
    )
    despite_mandate: str = Field(
        "",
        max_length=300,
        description="why this way is taken where a law demands another; kept in the journal",
    )
    attach_pdf: bool = Field(False, description="true to send a readable PDF along")
    cost: Cost | None = Field(None, description="what one message that is handed over costs on this way")


class RoutingFile(_File):
    routes: tuple[Route, ...] = Field(
        min_length=1, description="at least one route; the first that fits is tried first"
    )
    address_from_master_data: tuple[str, ...] = Field(
        (),
        description="names of sources whose buyers' electronic address may come from the ERP's master data "
        "where the invoice has none",
    )


class SourceFile(_File):
    name: Name = Field(description="small letters, digits, dots and hyphens")
    kind: str = Field(description="the ERP interface, for example sap-idoc")
    mapping: str = Field(description="the name of a mapping file")
    company: Name = Field(description="the name of a file in companies/")
    poll_seconds: float = Field(300.0, ge=1, description="seconds between two looks, 1 or more")
    parties_poll_seconds: float = Field(
        3600.0, ge=60, description="seconds between two looks at the buyers' master data, 60 or more"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="the settings of this kind")


class ChannelFile(_File):
    name: Name = Field(description="small letters, digits, dots and hyphens")
    kind: str = Field(description="the kind of channel, for example sftp-outbox or email")
    poll_seconds: float = Field(60.0, ge=1, description="seconds between two looks for receipts, 1 or more")
    settings: dict[str, Any] = Field(default_factory=dict, description="the settings of this kind")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One ERP interface: `settings` is of the type that its connector declares."""

    name: str
    kind: str
    mapping: str
    company: str
    poll_seconds: float
    settings: ConnectorSettings
    parties_poll_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One way out: `settings` is of the type that its channel declares."""

    name: str
    kind: str
    poll_seconds: float
    settings: ConnectorSettings


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A source or channel whose plug-in cannot be used; the others go on without it."""

    name: str
    problem: ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the gateway was told, checked."""

    folder: Path
    database: str
    workers: int
    retry: RetryPolicy
    receipt_within_hours: float
    log_format: str
    log_level: str
    pdf_language: str
    mail_languages: Mapping[str, str]
    routes: tuple[Route, ...]
    companies: Mapping[str, Mapping[str, Any]]
    sources: tuple[SourceSettings, ...]
    channels: tuple[ChannelSettings, ...]
    own_mappings: Mapping[str, str] = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()
    web: Web = field(default_factory=Web)
    portal: Portal = field(default_factory=Portal)
    mandates: OwnMandates = field(default_factory=OwnMandates)
    address_from_master_data: frozenset[str] = frozenset()
    inbox_folder: str = ""
    # The source whose ERP takes received invoices, "" for none.
    hand_over_to: str = ""
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    four_eyes: bool = False
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    webhook_files: tuple[WebhookFile, ...] = ()
    keys: tuple[KeySettings, ...] = field(default=(), repr=False)
    first_file_numbers: Mapping[str, int] = field(default_factory=dict)
