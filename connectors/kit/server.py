"""What is set for any server that is reached over HTTPS with a secret, and the client for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field, model_validator

from connectors.base import ConnectorSettings, Surroundings
from connectors.budget import CallBudget, CallLimit
from connectors.http import HttpClient, is_safe_address

__all__ = ["DatabaseSettings", "ServerSettings"]


class ServerSettings(ConnectorSettings):
    """A server with its address and the way to it."""

    base_url: str = Field(description="address of the server, for example https://erp.example.com")
    ca_file: str = Field("", description="PEM file of your own certificate authority, if the server needs it")
    proxy: str = Field("", description="address of a web proxy, if the way out needs one")
    connect_seconds: float = Field(5.0, gt=0, description="seconds to wait for a connection")
    read_seconds: float = Field(60.0, gt=0, description="seconds of silence before a call is given up")

    def client(self, clock: Callable[[], datetime]) -> HttpClient:
        """Calls to this server."""
        return HttpClient(
            self.base_url,
            clock=clock,
            timeout=(self.connect_seconds, self.read_seconds),
            verify=self.ca_file or True,
            proxy=self.proxy,
        )

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if not is_safe_address(self.base_url):
            raise ValueError("base_url must begin with https://, for secrets travel over it")
        return self


class DatabaseSettings(ServerSettings):
    """One company in one database of a server, whose changes are read a page at a time."""

    database: str = Field(description="name of the database", pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    company: int = Field(ge=1, description="id of the company, as in the address of its form")
    invoices_per_page: int = Field(
        50, ge=1, le=500, description="invoices read and stored at a time, 1 to 500"
    )
    overlap_minutes: float = Field(
        15.0, ge=0, description="minutes that are looked at again on each visit, for changes finished late"
    )

    calls_per_minute: int = Field(
        0, ge=0, le=6000, description="calls that the server allows in a minute; 0 for no limit"
    )

    def budget(self, erp: str, http: HttpClient, surroundings: Surroundings) -> CallBudget:
        """The ledger of calls that all sources of this database share; a few are kept for writing."""
        calls = self.calls_per_minute
        limits = [CallLimit("minute", calls, 60, reserve=min(5, calls // 4))] if calls else []
        return surroundings.budget(f"{erp} {self.database} at {http.base_url}", *limits)

    @property
    def overlap(self) -> timedelta:
        return timedelta(minutes=self.overlap_minutes)
