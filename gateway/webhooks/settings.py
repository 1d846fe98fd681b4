"""The part `webhooks:` of gateway.yaml, and the files webhooks/*.yaml, one for each receiver."""

from __future__ import annotations

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.base import SecretReference
from gateway.webhooks.address import address
from gateway.webhooks.kinds import pattern

__all__ = ["Pattern", "WebhookFile", "WebhookSettings", "WebhookUrl"]

_HOST: Final = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")

WebhookUrl = Annotated[str, StringConstraints(max_length=2000), AfterValidator(address)]
Pattern = Annotated[str, StringConstraints(max_length=60), AfterValidator(pattern)]


def _host(text: str) -> str:
    """A host name, perhaps with *. for all below it."""
    text = text.lower().rstrip(".")
    if not _HOST.fullmatch(text):
        raise ValueError("write a host name, as hooks.example.com or *.example.com")
    return text


def _inside(text: str) -> str:
    host, colon, port = text.lower().rpartition(":")
    if not (colon and port.isdigit() and 0 < int(port) < 65_536 and _HOST.fullmatch(host)) or "*" in host:
        raise ValueError("write host and port, as erp.internal:8443")
    return f"{host}:{int(port)}"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WebhookSettings(_Part):
    """Where other programs may be told, and how long that is tried."""

    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        (), description="hosts that may be called, as hooks.example.com or *.example.com; empty: any outside"
    )
    inside: tuple[Annotated[str, AfterValidator(_inside)], ...] = Field(
        (),
        description="host and port of receivers in our own network, as erp.internal:8443; no other inner "
        "address is ever called",
    )
    give_up_hours: float = Field(
        72.0, gt=0, le=720, description="hours after which an event that nobody takes is parked"
    )
    seconds: float = Field(10.0, gt=0, le=60, description="longest wait for an answer, in seconds")
    keep_days: int = Field(30, ge=1, le=3650, description="days for which sent events are listed")


class WebhookFile(_Part):
    """One receiver."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")] = Field(
        description="small letters, digits, dots and hyphens"
    )
    url: WebhookUrl = Field(description="where events are sent, with https://")
    events: tuple[Pattern, ...] = Field(
        min_length=1, max_length=50, description="what is sent, as invoice.delivered, invoice.* or alarm.*"
    )
    companies: tuple[str, ...] = Field(
        (), max_length=100, description="only what belongs to these companies; empty: everything"
    )
    secrets: tuple[SecretReference, ...] = Field(
        min_length=1,
        max_length=2,
        description="what events are signed with: one, or two while a new one takes the place of the old",
    )

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.secrets)) != len(self.secrets):
            raise ValueError("two secrets are to be different ones")
        return self
