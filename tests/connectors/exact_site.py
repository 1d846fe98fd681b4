"""An imitated Exact Online and connectors to it that share one clock and one store of state, for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import Page, StateCell, Surroundings
from connectors.erp.exact_online import ExactOnline, ExactOnlineSettings
from connectors.sandbox.exact_online import ImitatedExactOnline
from connectors.sandbox.exact_online_login import CLIENT_ID
from connectors.sandbox.exact_online_seed import DIVISION
from connectors.sandbox.faults import Fault

__all__ = ["NUMBERS", "Cells", "Clock", "Site", "Store", "numbers", "site_of"]

NUMBERS = list(range(26700001, 26700021))


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, 0, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> None:
        self.now += timedelta(**step)


class Cells:
    """State cells in memory, each under a lock."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[StateCell]:
        with self._lock:
            yield _Cell(self.values, name)


class _Cell:
    def __init__(self, values: dict[str, str], name: str) -> None:
        self._values, self._name = values, name

    @property
    def value(self) -> str:
        return self._values.get(self._name, "")

    def save(self, value: str) -> None:
        self._values[self._name] = value


class Site:
    """The imitation, and connectors to it that share one clock and one database."""

    def __init__(self, **sizes: int) -> None:
        self.clock = Clock()
        self.exact = ImitatedExactOnline(clock=self.clock, **{"minutely": 1000, **sizes})
        self.exact.start()
        self.secrets = dict(self.exact.secrets())
        self.cells = Cells()
        self._made: list[ExactOnline] = []

    def connector(self, **settings: Any) -> ExactOnline:
        surroundings = Surroundings(
            secret=lambda reference: self.secrets[reference.removeprefix("file:")],
            clock=self.clock,
            locked=self.cells,
        )
        spec = {
            "base_url": self.exact.server.url,
            "division": DIVISION,
            "client_id": CLIENT_ID,
            "client_secret": "file:exact-client-secret",
            "refresh_token": "file:exact-refresh-token",
            **settings,
        }
        self._made.append(ExactOnline("exact-vandael", ExactOnlineSettings(**spec), surroundings))
        return self._made[-1]

    def fault(self, text: str) -> None:
        self.exact.faults.arm(Fault.parse(text))

    def close(self) -> None:
        for connector in self._made:
            connector.close()
        self.exact.stop()
        assert self.exact.server.failures == []


@contextmanager
def site_of(**sizes: int) -> Iterator[Site]:
    """A site that is closed at the end, with nothing broken on its side."""
    site = Site(**sizes)
    try:
        yield site
    finally:
        site.close()


def numbers(pages: list[Page]) -> list[int]:
    return [
        json.loads(document.content)["invoice"]["InvoiceNumber"]
        for page in pages
        for document in page.documents
    ]


class Store:
    """Keeps what a pipeline would keep: documents and the last stored cursor, page by page."""

    def __init__(self) -> None:
        self.cursor = ""
        self.pages: list[Page] = []

    def pull(self, connector: ExactOnline) -> None:
        for page in connector.pull(self.cursor):
            self.pages.append(page)
            self.cursor = page.cursor
            connector.acknowledge(page)

    @property
    def numbers(self) -> list[int]:
        return numbers(self.pages)

    def latest(self, number: int) -> Any:
        return [
            bundle
            for page in self.pages
            for document in page.documents
            if (bundle := json.loads(document.content))["invoice"]["InvoiceNumber"] == number
        ][-1]
