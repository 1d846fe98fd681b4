"""A gateway with an access point of its own in the imitated Peppol network, served over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.channels.peppol.channel import Peppol
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.sap import ImitatedSap
from connectors.sandbox.sap_documents import Billing
from connectors.sandbox.sap_seeds import Output
from gateway import logs
from gateway.peppol import access_points
from gateway.pipeline.runner import Runner
from gateway.pipeline.submission import State
from gateway.store import inbox, journal, submissions
from gateway.store.inbox import Item
from gateway.store.submissions import Submission
from gateway.web.app import create_app
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.gateway.offline import Offline, offline_world
from tests.gateway.stories import SharedRules

OUR_BUYER = {"participant": "0208:1999307184", "name": "Vandael NV", "country": "BE"}
SUPPLIER = {
    "participant": "0208:1999412696",
    "name": "Supplier NV",
    "country": "BE",
    "vat": "BE1999412696",
}


@dataclass(slots=True)
class Site:
    """The gateway under test, in real time, with SAP as its only ERP."""

    offline: Offline
    gateway: Gateway
    runner: Runner
    server: WebServer

    @property
    def network(self) -> PeppolDesk:
        system = self.offline.world.systems["peppol"]
        assert isinstance(system, PeppolDesk)
        return system

    @property
    def channel(self) -> Peppol:
        (found,) = access_points.all_of(self.gateway)
        return found

    @property
    def url(self) -> str:
        return f"{self.server.url}/as4"

    def settled(self) -> bool:
        """Whether everything that came in has been taken as far as it goes."""
        return all(item.due_at is None for item in self.items())

    def put(self, *billings: Billing) -> None:
        """SAP puts out these documents."""
        sap = self.offline.world.systems["sap"]
        assert isinstance(sap, ImitatedSap)
        for one in billings:
            sap.put_out(Output((one,)))

    def invoice(self, number: str = "IN-1", **more: str) -> Any:
        """The other access point sends an invoice to a participant of ours; how that went."""
        from connectors.sandbox.peppol.documents import Person

        seller = Person(SUPPLIER["participant"], SUPPLIER["name"], vat=SUPPLIER["vat"])
        buyer = Person(OUR_BUYER["participant"], OUR_BUYER["name"])
        return self.network.outgoing.send_invoice(number, seller=seller, buyer=buyer, **more)

    def state(self, number: str) -> State | None:
        """How far the invoice is; None while nobody has read it."""
        with self.gateway.database.read() as connection:
            found = submissions.find(connection, number)
        return found[-1].state if found else None

    def one(self, number: str) -> Submission:
        with self.gateway.database.read() as connection:
            (found,) = submissions.find(connection, number)
        return found

    def items(self) -> tuple[Item, ...]:
        """What is in the inbox, oldest first."""
        with self.gateway.database.read() as connection:
            return tuple(reversed(inbox.listing(connection)))

    def events(self) -> list[str]:
        with self.gateway.database.read() as connection:
            return [entry.event for entry in journal.entries(connection)]

    def until(self, holds: Callable[[], object]) -> None:
        """Rounds until something holds, for half a minute at most."""
        for _ in range(300):
            if holds():
                return
            self.runner.round()
            time.sleep(0.1)
        with self.gateway.database.read() as connection:
            stands = [(one.number, one.state, one.sentence) for one in submissions.listing(connection)]
        came = [(one.kind, one.state, one.sentence) for one in self.items()]
        raise AssertionError(f"not within half a minute: {stands}, {came}")


@pytest.fixture(scope="session")
def shared_rules() -> Iterator[SharedRules]:
    rules = SharedRules()
    yield rules
    rules.end()


@pytest.fixture
def site(tmp_path: Path, shared_rules: SharedRules) -> Iterator[Site]:
    with opened(tmp_path, shared_rules) as made:
        yield made


@contextmanager
def opened(
    folder: Path, shared_rules: SharedRules, settle: Callable[[Path], None] = lambda _config: None
) -> Iterator[Site]:
    """A site; `settle` writes more into its config folder before the gateway reads it."""
    with offline_world(folder, ("sap",), also=("peppol",)) as offline:
        sap = offline.world.systems["sap"]
        assert isinstance(sap, ImitatedSap)
        for file in (sap.root / "out").glob("*.xml"):
            file.unlink()
        _settle(offline.config)
        settle(offline.config)
        gateway = Gateway.open(offline.config, clock=lambda: datetime.now(UTC))
        logs.configure("critical", "text")
        shared_rules.lend(gateway)
        with closing(gateway):
            server = WebServer(create_app(gateway), "127.0.0.1", 0)
            server.start()
            try:
                site = Site(offline, gateway, Runner(gateway), server)
                site.network.registers.gateway(site.url)
                yield site
            finally:
                server.stop()


def _settle(config: Path) -> None:
    """What comes in is put into a folder."""
    main = config / "gateway.yaml"
    main.write_text(main.read_text("utf-8") + "\ninbox_folder: received\n", "utf-8")
