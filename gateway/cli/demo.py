"""gateway demo: the main job from end to end against the offline world, in a few rounds that people can
follow."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.rule import Rule
from rich.text import Text

from connectors.http import HttpClient
from connectors.sandbox.registry import systems
from connectors.sandbox.world import World
from formats.errors import ConfigError
from gateway import logs
from gateway.cli.invoices import print_status
from gateway.cli.output import OUT
from gateway.cli.rounds import watched_round
from gateway.cli.setup import write_config
from gateway.peppol import statuses
from gateway.pipeline.submission import State
from gateway.store import documents, journal, reports, submissions
from gateway.wiring import Gateway

__all__ = ["demo", "register"]

_BASE_PORT: Final = 47000
_PORTS: Final = 100
_MOST_ROUNDS: Final = 8
_PAUSE: Final = 0.5
_ARRIVED: Final = frozenset({State.DELIVERED, State.ACCEPTED, State.PAID})
_MARK: Final = ".gateway-demo"
_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)


def demo(
    folder: Annotated[Path, typer.Argument(help="where configuration, database and e-invoices go")] = Path(
        "demo"
    ),
) -> None:
    """Pull from three imitated ERPs, deliver, bring the status back, mend what was wrong, prove the
    record."""
    started = time.monotonic()
    _fresh(folder)
    base_port = _free_ports()
    config = folder / "config"
    world = World(base_port=base_port)
    world.start()
    try:
        _say(f"The offline world runs on 127.0.0.1, ports {base_port} to {base_port + _PORTS}.")
        write_config(config, base_port)
        logs.configure("error", "text")
        with closing(Gateway.open(config)) as gateway, _reachable(gateway, world):
            sound = _play(gateway, world, folder)
            number = _an_invoice(gateway)
    finally:
        world.stop()
    _say(f"Done in {time.monotonic() - started:.0f} seconds.")
    _next_steps(folder, base_port, number)
    if not sound:
        raise typer.Exit(1)


@contextmanager
def _reachable(gateway: Gateway, world: World) -> Iterator[None]:
    """Our access point answers, and the imitated network knows where."""
    from gateway.web.app import create_app
    from gateway.web.server import WebServer

    server = WebServer(create_app(gateway), "127.0.0.1", 0)
    server.start()
    try:
        desk = world.addresses()["peppol"]["control"]
        with closing(HttpClient(desk, clock=gateway.clock)) as client:
            told = json.dumps({"url": f"{server.url}/as4"}).encode()
            headers = {"Content-Type": "application/json"}
            client.request("POST", f"{desk}/gateway", headers=headers, body=told)
        yield
    finally:
        server.stop()


def _play(gateway: Gateway, world: World, folder: Path) -> bool:
    _heading("1  SAP, Exact Online and NetSuite give their invoices")
    _rounds(gateway, _ARRIVED | {State.PARKED})
    print_status(gateway)
    _heading("2  People mend in the ERPs what stopped")
    mended = world.mend()
    for system, sentences in mended.items():
        for sentence in sentences:
            _say(f"  - {system}: {sentence}")
    _rounds(gateway, _ARRIVED)
    _heading("3  Where everything stands")
    print_status(gateway)
    return _proof(gateway, world, folder)


def _rounds(gateway: Gateway, settled: Set[State]) -> None:
    """Rounds until every invoice has settled and every ERP knows; receipts take a moment to come."""
    for _ in range(_MOST_ROUNDS):
        watched_round(gateway)
        with gateway.database.read() as connection:
            open_ones = [item for item in submissions.listing(connection) if item.state not in settled]
            waiting = reports.due(connection, now=gateway.clock(), limit=1)
        if not open_ones and not waiting:
            return
        time.sleep(_PAUSE)


def _proof(gateway: Gateway, world: World, folder: Path) -> bool:
    """Compare what the other sides hold with what the gateway says, and check the chain."""
    _heading("4  The proof")
    out = folder / "e-invoices"
    out.mkdir()
    with gateway.database.read() as connection:
        holds, broken = journal.verify(connection)
        listed = submissions.listing(connection)
        in_envelopes = {}
        for item in listed:
            if item.document_digest:
                name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{item.source}_{item.number}")
                content = documents.get(connection, item.document_digest).content
                (out / f"{name}.xml").write_bytes(content)
                in_envelopes[documents.digest_of(_without_declaration(content))] = item.document_digest
        standing = statuses.board(connection, since=_BEGINNING, now=gateway.clock())
    names = {item.document_digest: item.number for item in listed}
    sent = Counter(item.document_digest for item in listed if item.state in _ARRIVED)
    arrived = _arrived(world, in_envelopes)
    twice = sorted(names.get(digest, digest) for digest, count in arrived.items() if count > 1)
    missing = sorted(names[digest] for digest in (sent - arrived).elements())
    told = _told(world)
    twice += sorted(reference for reference, count in told.items() if count > 1)
    _say(f"Journal: {holds} entries, {'every one holds' if broken is None else broken.what}.")
    _say(f"Delivered: {sent.total()} invoices; arrived at the other sides: {arrived.total()}.")
    in_time, all_statuses = standing.received
    _say(f"Over Peppol {all_statuses} of them were confirmed by a message level status, {in_time} in time.")
    _say(f"The ERPs hold {len(told)} pieces of news about them.")
    if twice or missing:
        _say(f"Twice: {', '.join(twice) or 'none'}. Missing: {', '.join(missing) or 'none'}.")
    else:
        _say("Nothing is missing, nothing arrived twice.")
    return broken is None and not twice and not missing and sent.total() == len(listed)


def _an_invoice(gateway: Gateway) -> str:
    with gateway.database.read() as connection:
        return next((item.number for item in submissions.listing(connection, states=_ARRIVED)), "NUMBER")


def _without_declaration(content: bytes) -> bytes:
    """An e-invoice as it stands in an envelope: its XML declaration belongs to the envelope."""
    return content.partition(b"?>")[2].strip() if content.startswith(b"<?xml") else content.strip()


def _arrived(world: World, in_envelopes: Mapping[str, str]) -> Counter[str]:
    """What the buyers' sides hold, by the SHA-256 of the e-invoice: at access points (where `in_envelopes`
    says which e-invoice stands in the envelope), at the provider, in mails."""
    holdings: Mapping[str, Any] = world.holdings()
    delivered = holdings["provider"]["receivers"].values()
    mailed = holdings["mail"]["receivers"].values()
    files = [file for receiver in mailed for mail in receiver["messages"] for file in mail["attachments"]]
    over_as4 = [
        in_envelopes.get(one["payload_sha256"], one["payload_sha256"])
        for one in holdings["peppol"]["arrived"]
        if "ApplicationResponse" not in one["document_type"]
    ]
    return Counter(
        over_as4
        + [document["sha256"] for receiver in delivered for document in receiver["documents"]]
        + [file["sha256"] for file in files if file["filename"].endswith(".xml")]
    )


def _told(world: World) -> Counter[str]:
    """The news that each ERP holds, by its reference there."""
    holdings: Mapping[str, Any] = world.holdings()
    return Counter(
        {
            f"{erp} {reference}": count
            for erp, held in holdings.items()
            for reference, count in held.get("status_references", {}).items()
        }
    )


def _next_steps(folder: Path, base_port: int, number: str) -> None:
    config = folder / "config"
    program = os.path.relpath(shutil.which("gateway") or sys.argv[0])
    with_port = "" if base_port == _BASE_PORT else f" --base-port {base_port}"
    _heading("What to try next")
    steps = (
        (f"ls {folder / 'e-invoices'}", "the e-invoices as XML"),
        (f"{program} -c {config} status {number}", "one invoice, event by event"),
        (f"{program} -c {config} trace {number}", "where each of its terms came from"),
        (f"{program} -c {config} audit verify", "the whole record, proven"),
        (f"{program} -c {config} audit evidence {number}", "its evidence in one file"),
        (f"{program} sandbox{with_port}", "the offline world again"),
        (f"{program} -c {config} run", "the gateway as a service, in another terminal"),
    )
    width = max(len(command) for command, _ in steps)
    for command, what in steps:
        OUT.print(Text.assemble(f"  {command:{width}}  ", (what, "dim")), soft_wrap=True)


def _fresh(folder: Path) -> None:
    """An empty folder; an earlier demo is removed, anything else is not touched."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise ConfigError(
                "the folder holds something that is not an earlier demo",
                where=str(folder),
                fix="name another one",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text("made by gateway demo, which may remove this folder\n", "utf-8")


def _free_ports() -> int:
    """The first port of a range in which all are free, the usual one if possible."""
    offsets = [0, *(one.offset + number for one in systems() for number in range(one.ports))]
    for base in range(_BASE_PORT, _BASE_PORT + 10 * 100, 100):
        if all(_free(base + offset) for offset in offsets):
            return base
    raise ConfigError("no free ports from 47000 on", where="127.0.0.1", fix="end what listens there")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _heading(text: str) -> None:
    OUT.print()
    OUT.print(Rule(text, align="left", style="dim"))


def _say(text: str) -> None:
    OUT.print(text, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(demo)
