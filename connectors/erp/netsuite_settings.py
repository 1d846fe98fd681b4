"""What is set for a NetSuite account whichever way it is read, and what its status fields are to say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from connectors.base import ConnectorSettings, DeliveryState, StatusReport
from connectors.http import HttpClient

__all__ = ["InternalId", "NetSuiteSettings", "ScriptId", "external_id", "problem_text"]

InternalId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")]
ScriptId = Annotated[str, StringConstraints(pattern=r"^cust[a-z]+_[a-z0-9_]{1,60}$")]

_MEBIBYTE: Final = 1024 * 1024
_LONGEST_NOTE: Final = 300


class NetSuiteSettings(ConnectorSettings):
    """One NetSuite account. Secrets are references, `file:...` or `env:...`."""

    account: str = Field(
        pattern=r"^[A-Z0-9]{1,30}(_[A-Z0-9]{1,10})?$",
        description="Account id as Setup > Company > Company Information shows it, in capitals and with an "
        "underscore: 1234567 or 1234567_SB1",
    )
    base_url: str = Field(
        "",
        description="Address of the service; empty for that of the account, https://1234567-sb1.suitetalk...",
    )
    first_pull_days: int = Field(
        30, ge=1, le=3650, description="How many days back the very first pull reaches"
    )
    parallel: int = Field(
        2,
        ge=1,
        le=20,
        description="Requests at the same time; all integrations of an account share its limit",
    )
    busy_attempts: int = Field(
        5, ge=1, le=10, description="How often a request is made in all while NetSuite says it is full"
    )
    busy_seconds: float = Field(
        1.0, gt=0, le=60, description="Seconds before the second attempt; each further pause is twice as long"
    )
    subsidiaries: tuple[InternalId, ...] = Field(
        (), description="Internal ids of the subsidiaries whose invoices are wanted; none for all"
    )
    status_field: ScriptId = Field(
        "custbody_einv_status", description="Transaction body field (free-form text) for the state"
    )
    message_field: ScriptId = Field(
        "custbody_einv_message_id", description="Transaction body field for the message id"
    )
    moment_field: ScriptId = Field(
        "custbody_einv_sent_at", description="Transaction body field for the moment of the news, in UTC"
    )
    error_field: ScriptId = Field(
        "custbody_einv_error", description="Transaction body field for what went wrong"
    )
    reference_field: ScriptId | Literal[""] = Field(
        "", description="Transaction body field for the reference of the news; empty for none"
    )
    log_prefix: str = Field(
        "custrecord_einv_",
        pattern=r"^custrecord_[a-z0-9_]{1,60}$",
        description="Beginning of the field ids of the custom record for status: invoice, state, message_id, "
        "at, text, reference follow it",
    )
    ca_file: str = Field(
        "", description="PEM file of a company's own certificate authority; empty for public"
    )
    proxy: str = Field("", description="Web proxy, as in http://proxy.example.com:3128; empty for none")
    connect_seconds: float = Field(10.0, gt=0, le=120, description="Seconds to connect")
    read_seconds: float = Field(120.0, gt=0, le=900, description="Seconds of silence while reading")
    largest_answer_mib: int = Field(50, ge=1, le=500, description="Largest answer in MiB")

    @property
    def address(self) -> str:
        """Where the service is. In host names the account id is in small letters and has a hyphen."""
        host = self.account.lower().replace("_", "-")
        return (self.base_url or f"https://{host}.suitetalk.api.netsuite.com").rstrip("/")

    @property
    def status_fields(self) -> tuple[str, ...]:
        """The transaction body fields that the gateway itself writes."""
        own = (self.status_field, self.message_field, self.moment_field, self.error_field)
        return (*own, self.reference_field) if self.reference_field else own

    def client(self, clock: Callable[[], datetime], address: str = "") -> HttpClient:
        """Calls to the account, or to another address in the same patient way."""
        return HttpClient(
            address or self.address,
            clock=clock,
            timeout=(self.connect_seconds, self.read_seconds),
            verify=self.ca_file or True,
            largest=self.largest_answer_mib * _MEBIBYTE,
            longest=self.read_seconds * 3,
            proxy=self.proxy,
        )

    def note(self, report: StatusReport) -> dict[str, str]:
        """The news as the fields of the transaction are to say it."""
        note = {
            self.status_field: report.state.value,
            self.message_field: report.message_id,
            self.moment_field: report.at.astimezone(UTC).isoformat(timespec="seconds"),
            self.error_field: problem_text(report),
        }
        return note | ({self.reference_field: report.reference} if self.reference_field else {})

    def differing(self, report: StatusReport, there: Mapping[str, str]) -> dict[str, str]:
        """Which fields are to be written where `there` is what they say; none where they say it already.

        Older news does not replace newer news. The moment alone is no news: state, message and problem decide
        whether the record says so.
        """
        wrong = {name: text for name, text in self.note(report).items() if there.get(name, "") != text}
        if wrong.keys() <= {self.moment_field, self.reference_field}:
            return {}
        return {} if _is_newer(there.get(self.moment_field, ""), report.at) else wrong

    def log_fields(self, report: StatusReport) -> dict[str, str]:
        """The news as a custom record of its own says it, but for its invoice; empty fields left out."""
        texts = {
            "state": report.state.value,
            "message_id": report.message_id,
            "at": report.at.astimezone(UTC).isoformat(timespec="seconds"),
            "text": problem_text(report),
            "reference": report.reference,
        }
        return {f"{self.log_prefix}{name}": text for name, text in texts.items() if text}


def external_id(kind: str, reference: str) -> str:
    """The external id of a record that a reference makes: the same on every retry."""
    return f"{kind}-{hashlib.sha256(reference.encode()).hexdigest()[:40]}"


def problem_text(report: StatusReport) -> str:
    """What went wrong, what the buyer asks, or why it is closed, in one line; "" for good news."""
    good = report.state in (
        DeliveryState.ACCEPTED_FOR_TRANSPORT,
        DeliveryState.DELIVERED,
        DeliveryState.ACCEPTED,
    )
    return "" if good else " ".join(report.text.split())[:_LONGEST_NOTE]


def _is_newer(there: str, moment: datetime) -> bool:
    try:
        told = datetime.fromisoformat(there)
    except ValueError:
        return False
    return told.tzinfo is not None and told > moment
