"""Offices for the tests in a browser: a gateway that answers on a port, with people who have signed in; and
one with the day that the demo's invoices make."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.documents import Person
from connectors.sandbox.world import World
from gateway import logs
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.alarms.rounds import Rounds
from gateway.pipeline.runner import Runner
from gateway.pipeline.submission import State
from gateway.store import inbox, people, reports, submissions
from gateway.store.submissions import Submission
from gateway.web.app import create_app
from gateway.web.guard import COOKIE
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.gateway.offline import Offline, offline_world
from tests.gateway.web.conftest import Web

_T = TypeVar("_T")

PEOPLE = {
    "ingrid": {ALL_COMPANIES: Role.ADMINISTRATOR},
    "marit": {ALL_COMPANIES: Role.FINANCE},
    "chantal": {ALL_COMPANIES: Role.COMPLIANCE},
    "pieter": {"vandael": Role.VIEWER},
}
_ERPS = ("sap", "exact", "netsuite")
_ASKS = "0208:0672901866"
_UNDER_WAY = frozenset({State.RECEIVED, State.MAPPED, State.CHECKED, State.SENDING, State.SENT})
_SUPPLIER = Person("0208:1999412696", "Papierfabriek De Leie NV", vat="BE1999412696")
_OURS = Person("0208:1999307184", "Vandael NV")
_SETTINGS = """
inbox_folder: received
sign_in:
  providers:
    - name: example
      title: Example identity
      issuer: https://login.example.com
      client_id: e-invoicing-gateway
      client_secret: file:secrets/identity
"""


@dataclass(slots=True)
class Office:
    """A gateway that answers at `url`, and what the browsers of its people show."""

    gateway: Gateway
    url: str
    web: Web
    world: World | None = None

    def page(self, browser: Any, who: str = "", width: int = 1280, height: int = 800, **more: Any) -> Any:
        """A page of this person; of nobody without a name. Closed with its context."""
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=self.url, **{"locale": "en-GB", **more}
        )
        context.set_default_timeout(60_000)
        if who:
            context.add_cookies([{"name": COOKIE, "value": self.web.cookies[who], "url": self.url}])
        return context.new_page()

    def listed(self) -> list[Submission]:
        with self.gateway.database.read() as connection:
            return submissions.listing(connection)

    def one(self, number: str) -> Submission:
        """The newest submission of this number."""
        with self.gateway.database.read() as connection:
            return submissions.find(connection, number)[-1]

    def address(self, place: str) -> str:
        """An address in which {number}, {login} and the like stand for the id of what is called so."""
        called = re.search(r"\{(.+)\}", place)
        if called is None:
            return place
        name = called[1]
        with self.gateway.database.read() as connection:
            if place.startswith("/people/"):
                (found,) = [one.id for one in people.listing(connection) if one.login == name]
            elif place.startswith("/inbox/"):
                found = next(one.id for one in inbox.listing(connection) if one.number == name)
            else:
                found = submissions.find(connection, name)[-1].id
        return place.replace(called[0], found)

    def until(self, holds: Callable[[], object]) -> None:
        """Rounds of the gateway until something holds, for a minute at most."""
        runner = Runner(self.gateway)
        for _ in range(60):
            runner.round()
            if holds():
                return
            time.sleep(0.1)
        stands = [(one.number, one.state, one.verdict, one.sentence) for one in self.listed()]
        raise AssertionError(f"not within a minute: {stands}")


@contextmanager
def opened(
    config: Path, *, world: World | None = None, roles: Mapping[str, dict[str, Role]] | None = None
) -> Iterator[Office]:
    """The gateway of this config folder at a port of this machine, with these people signed in."""
    with closing(Gateway.open(config, clock=lambda: datetime.now(UTC))) as gateway:
        logs.configure("critical", "text")
        server = WebServer(create_app(gateway), "127.0.0.1", 0)
        server.start()
        try:
            web = Web(gateway, None)  # type: ignore[arg-type]  # the browser asks, not the test client
            for name, held in (roles or {}).items():
                web.add(name, held)
            if world is not None:
                network(world).registers.gateway(f"{server.url}/as4")
            yield Office(gateway, server.url, web, world)
        finally:
            server.stop()


def network(world: World) -> PeppolDesk:
    """The imitated Peppol network."""
    found = world.systems["peppol"]
    assert isinstance(found, PeppolDesk)
    return found


@contextmanager
def bad_day(folder: Path) -> Iterator[Offline]:
    """The demo's three ERPs have given their invoices, on a day when more went wrong than in the data: the
    provider has taken a login away, a mail broke off, a buyer asks back, and two invoices came in under one
    number. The world runs on; the folder may be copied, and each copy goes on from there."""
    with offline_world(folder, _ERPS, also=("peppol",)) as offline:
        _settle(offline.config)
        world = offline.world
        world.arm("provider", Fault("revoked-token", "login", times=10_000))
        world.arm("mail", Fault("drop-after", "smtp DATA"))
        world.arm("mail", Fault("lost-receipt", "dsn"))
        network(world).behave(_ASKS, "queries")
        with opened(offline.config, world=world, roles=PEOPLE) as office:
            for _ in range(2):
                assert (
                    network(world).outgoing.send_invoice("F-2026-88", seller=_SUPPLIER, buyer=_OURS).delivered
                )
            office.until(lambda: _settled(office))
            Rounds(office.gateway).look(everything=True)
            (folder / "cookies").write_text(
                "\n".join(f"{name} {value}" for name, value in office.web.cookies.items())
            )
        yield offline


@contextmanager
def in_a_thread(made: AbstractContextManager[_T]) -> Iterator[_T]:
    """Enter and leave it in a thread of its own: the imitated mail server starts a loop, which the thread of
    a running browser refuses."""
    with ThreadPoolExecutor(1) as thread:
        entered = thread.submit(made.__enter__).result(600)
        try:
            yield entered
        finally:
            thread.submit(made.__exit__, None, None, None).result(60)


@contextmanager
def copy_of(offline: Offline, folder: Path) -> Iterator[Office]:
    """The office after the bad day, in a folder of its own."""
    config = shutil.copytree(offline.config, folder / "config")
    told = (offline.config.parent / "cookies").read_text().splitlines()
    with opened(config, world=offline.world) as office:
        office.web.cookies |= dict(line.split() for line in told)
        yield office


def _settle(config: Path) -> None:
    main, mail = config / "gateway.yaml", config / "channels" / "email.yaml"
    main.write_text(main.read_text("utf-8") + _SETTINGS, "utf-8")
    (config / "secrets" / "identity").write_text("an-invented-secret\n")
    # So that a mail that broke off is a question for a person.
    text = mail.read_text("utf-8")
    assert "    archive_folder: Archive" in text
    mail.write_text(text.replace("    archive_folder: Archive", "    # no archive_folder"), "utf-8")


def _settled(office: Office) -> bool:
    """Whether everything has gone as far as it goes on this day: what is for the provider stays ready."""
    with office.gateway.database.read() as connection:
        waiting = [one for one in inbox.listing(connection) if one.due_at is not None]
        reported = not reports.due(connection, now=office.gateway.clock(), limit=1)
    states = {one.state for one in office.listed()}
    return reported and not waiting and State.DISPUTED in states and not states & _UNDER_WAY
