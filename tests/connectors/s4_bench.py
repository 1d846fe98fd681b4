"""One imitated S/4HANA for a test, and connectors to it that share one clock and one database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import (
    DeliveryState,
    Page,
    RejectedDocument,
    SourceDocument,
    StateCell,
    StatusReport,
    Surroundings,
)
from connectors.erp.sap_odata import SapOData
from connectors.erp.sap_odata_settings import SapODataSettings
from connectors.erp.sap_soap import SapSoap, SapSoapSettings
from connectors.sandbox.faults import Fault
from connectors.sandbox.s4 import ImitatedS4
from connectors.sandbox.s4_login import USER

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


class _Cell:
    def __init__(self, values: dict[str, str], name: str) -> None:
        self._values, self._name = values, name

    @property
    def value(self) -> str:
        return self._values.get(self._name, "")

    def save(self, value: str) -> None:
        self._values[self._name] = value


class Host:
    """`seeded` fills the books with the demo's documents; `tls` speaks https."""

    def __init__(self, *, seeded: bool = False, tls: bool = False) -> None:
        self.clock = Clock()
        self.s4 = ImitatedS4(clock=self.clock, tls=tls, seeded=seeded)
        self.s4.start()
        self.secrets = dict(self.s4.secrets())
        self.cells: dict[str, str] = {}
        self._lock = threading.Lock()
        self._made: list[SapOData] = []

    @property
    def calls(self) -> int:
        return len(self.s4.server.calls)

    def surroundings(self) -> Surroundings:
        return Surroundings(
            secret=lambda reference: self.secrets[reference.removeprefix("file:secrets/")],
            clock=self.clock,
            locked=self._locked,
        )

    def settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "base_url": self.s4.server.url,
            "client": "100",
            "user": USER,
            "password": "file:secrets/s4-password",
            "company_codes": ("1000",),
            "calls_per_minute": 100_000,
            "read_seconds": 5.0,
            **changes,
        }

    def connector(self, **changes: Any) -> SapOData:
        made = SapOData("s4", SapODataSettings(**self.settings(**changes)), self.surroundings())
        self._made.append(made)
        return made

    def soap(self, **changes: Any) -> SapSoap:
        made = SapSoap("s4", SapSoapSettings(**self.settings(**changes)), self.surroundings())
        self._made.append(made)
        return made

    def arm(self, kind: str, where: str = "", *, times: int = 1, seconds: float = 1.0) -> None:
        self.s4.faults.arm(Fault(kind, where, times, seconds))

    def close(self) -> None:
        for made in self._made:
            made.close()
        self.s4.stop()
        assert self.s4.server.failures == []

    @contextmanager
    def _locked(self, name: str) -> Iterator[StateCell]:
        with self._lock:
            yield _Cell(self.cells, name)


def pulled(connector: SapOData, cursor: str = "") -> tuple[list[SourceDocument], list[RejectedDocument], str]:
    """Everything of one visit, and the cursor after it."""
    pages: list[Page] = list(connector.pull(cursor))
    return (
        [document for page in pages for document in page.documents],
        [rejected for page in pages for rejected in page.rejected],
        pages[-1].cursor if pages else cursor,
    )


def content(document: SourceDocument) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document.content)
    return found


def report(
    key: str, reference: str = "news-1", state: DeliveryState = DeliveryState.DELIVERED, *, minutes: float = 0
) -> StatusReport:
    """A piece of news; `minutes` after the start."""
    return StatusReport(
        reference,
        key,
        key,
        "",
        state,
        "Delivered to 9930:DE315208462",
        START + timedelta(minutes=minutes),
        message_id="0b3a3c1e-6a57-4f0f-8f5e-0a6c6d1c9b11",
        channel="peppol",
        xml=b"<Invoice/>",
        filename=f"{key}.xml",
    )
