"""The part `alarms:` of gateway.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.channels.mail_message import mailbox_address
from connectors.channels.mail_submission import ServerSettings

__all__ = ["AlarmMail", "AlarmSettings", "CountSettings", "SilenceSettings"]

_Address = Annotated[str, AfterValidator(mailbox_address)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _MailServer(ServerSettings):
    port: int = Field(587, ge=1, le=65_535, description="TCP port: 587 with starttls, 465 with tls")


class AlarmMail(_Part):
    """Who gets alarms by e-mail, and over which mail server."""

    to: tuple[_Address, ...] = Field((), max_length=20, description="addresses that alarms go to")
    channel: str = Field(
        "", description="a channel of kind email: its mail server and sender are used for alarms too"
    )
    sender: _Address | None = Field(None, description="where alarms come from, with a server of their own")
    smtp: _MailServer | None = Field(None, description="the mail server, where no channel has one")
    language: Literal["", "en", "nl", "de", "fr"] = Field(
        "", description="en, nl, de or fr, for receivers that have no account here; empty: as pdf_language"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        own = self.smtp is not None and self.sender is not None
        if self.to and bool(self.channel) == own:
            raise ValueError("name a channel of kind email, or both sender and smtp")
        return self


class SilenceSettings(_Part):
    """When it is said that nothing comes any more."""

    enabled: bool = Field(True, description="false: never")
    history_days: int = Field(182, ge=28, le=730, description="days that are learned from")
    least_days: int = Field(
        10, ge=5, le=200, description="days with invoices that must be known before anything is said"
    )
    buyers: bool = Field(True, description="false: only sources are watched, not each buyer")


class CountSettings(_Part):
    """How invoices are counted: posted in the ERP, received, delivered, acknowledged."""

    enabled: bool = Field(True, description="false: nothing is counted")
    days: int = Field(7, ge=1, le=31, description="how many past days are looked at")
    settled_hours: float = Field(
        24.0, ge=1, le=720, description="hours after the end of a day in which its invoices may still arrive"
    )
    ask_hours: float = Field(6.0, ge=1, le=168, description="hours between two questions to an ERP")


class AlarmSettings(_Part):
    """What is watched, and how people are told."""

    enabled: bool = Field(True, description="false: no alarms")
    look_seconds: float = Field(300.0, ge=1, description="seconds between two looks")
    repeat_hours: float = Field(
        24.0, ge=1, le=720, description="hours after which people are told again what nobody took"
    )
    mail: AlarmMail = AlarmMail()
    silence: SilenceSettings = SilenceSettings()
    counts: CountSettings = CountSettings()
    certificate_days: tuple[int, ...] = Field(
        (90, 30, 7), max_length=10, description="days before the end of a certificate at which people hear"
    )
    channel_minutes: float = Field(
        15.0, ge=1, description="minutes for which a channel may be out of reach before people hear"
    )
    source_minutes: float = Field(
        15.0, ge=1, description="minutes for which a source may be out of reach before people hear"
    )
    waiting_minutes: float = Field(
        30.0, ge=5, description="minutes that work may wait for a worker before people hear"
    )
    free_megabytes: int = Field(1024, ge=10, description="free room on the disk below which people hear")
