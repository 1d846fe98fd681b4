"""gateway peppol: receivers step by step, certificates that end soon, statuses, statistics, who moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from connectors.base import CheckStep
from connectors.channels.peppol.channel import Peppol
from connectors.channels.peppol.network import PeppolNetwork
from connectors.channels.peppol.pki.certificates import CertificateNotice, notice
from formats.errors import ConfigError, EInvoicingError
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from formats.statistics.exchange import Month
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.peppol import access_points, drift, statistics, statuses
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(
    help="the Peppol network: receivers, certificates, statuses, statistics",
    rich_markup_mode=None,
    no_args_is_help=True,
)
_CHANNEL = Annotated[str, typer.Option(help="the Peppol channel to look through, where there are several")]


@app.command()
def lookup(
    context: typer.Context,
    participant: Annotated[str, typer.Argument(help="scheme and number, as 0208:0123456749")],
    document_type: Annotated[
        str, typer.Option(help="the document type in full; without it the usual invoice is looked at")
    ] = "",
    process: Annotated[str, typer.Option(help="the business process; any without it")] = "",
    channel: _CHANNEL = "",
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Look a participant up in the network and show every step, and what it can receive."""
    wanted = ParticipantId.of(participant)
    kind = DocumentTypeId.of(document_type) if document_type else None
    within = ProcessId.of(process) if process else None
    with _network(context, channel) as (gateway, network):
        steps: list[CheckStep] = []
        for step in network.directory.steps(wanted, kind, within, gateway.clock()):
            steps.append(step)
            if not as_json:
                _show(step)
        receives = _receives(network, wanted) if _listed(steps) else ()
    if as_json:
        print_json(
            {
                "participant": wanted.key,
                "steps": [
                    {"step": one.name, "ok": one.ok, "seen": one.seen, "fix": one.fix} for one in steps
                ],
                "receives": [one.key for one in receives],
            }
        )
    elif receives:
        OUT.print(f"\nReceives {len(receives)} document types:")
        for one in receives:
            OUT.print(shown(f"  {one.key}"), soft_wrap=True)
    if not all(step.ok for step in steps):
        raise typer.Exit(1)


@app.command()
def certificates(
    context: typer.Context,
    channel: _CHANNEL = "",
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Our certificates and those of the authorities: whose, how many days are left, what to do."""
    with _network(context, channel) as (gateway, network):
        now = gateway.clock()
        notices = [notice(one, now) for one in network.held()]
    if as_json:
        print_json([_plain(one) for one in notices])
    else:
        _table(notices)
    if any(one.days_left < 0 for one in notices):
        raise typer.Exit(1)


@contextmanager
def _network(context: typer.Context, wanted: str) -> Iterator[tuple[Gateway, PeppolNetwork]]:
    """The network as the chosen channel sees it."""
    gateway = Gateway.open(config_folder(context))
    try:
        yield gateway, _access_point(gateway, wanted).network
    finally:
        gateway.close()


def _listed(steps: list[CheckStep]) -> bool:
    return any(step.name == "document types" and step.ok for step in steps)


def _receives(network: PeppolNetwork, participant: ParticipantId) -> tuple[DocumentTypeId, ...]:
    try:
        return network.directory.document_types(participant)
    except EInvoicingError:
        # It was listed a moment ago; what failed since is not what was asked.
        return ()


def _show(step: CheckStep) -> None:
    mark = ("ok  ", "green") if step.ok else ("FAIL", "bold red")
    OUT.print(Text.assemble(mark, f" {step.name:15} ", shown(step.seen, "dim")), soft_wrap=True)
    if not step.ok and step.fix:
        OUT.print(shown(f"     to do: {step.fix}"), soft_wrap=True)


def _table(notices: list[CertificateNotice]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Certificate", "Seat or name", "Ends (UTC)", "Days left", "SHA-256"):
        table.add_column(name, justify="right" if name == "Days left" else "left", overflow="fold")
    for one in notices:
        style = "bold red" if one.days_left < 0 else "yellow" if one.warns else ""
        table.add_row(
            one.purpose,
            shown(one.seat_id),
            f"{one.expires_at:%Y-%m-%d %H:%M}",
            Text(str(one.days_left), style=style),
            one.fingerprint[:16],
        )
    OUT.print(table)
    for one in notices:
        if one.warns:
            OUT.print(shown(f"{one.sentence[:1].upper()}{one.sentence[1:]}: {one.fix}."), soft_wrap=True)


def _plain(one: CertificateNotice) -> dict[str, Any]:
    return {
        "purpose": one.purpose,
        "seat_id": one.seat_id,
        "sha256": one.fingerprint,
        "expires_at": one.expires_at.isoformat(),
        "days_left": one.days_left,
        "warns": one.warns,
        "fix": one.fix,
    }


@app.command()
def board(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="over the last so many days", min=1, max=400)] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """How the service levels of message level statuses stand: sent within 20 minutes, received within 25."""
    gateway = Gateway.open(config_folder(context))
    try:
        now = gateway.clock()
        with gateway.database.read() as connection:
            found = statuses.board(connection, since=now - timedelta(days=days), now=now)
    finally:
        gateway.close()
    if as_json:
        print_json({**asdict(found), "holds": found.holds})
    else:
        OUT.print(f"Sent by us within 20 minutes: {_share(found.sent)}")
        OUT.print(f"Received by us within 25 minutes: {_share(found.received)}")
        OUT.print(f"Waiting in time: {found.open}. Late: {found.late}.")
    if not found.holds:
        raise typer.Exit(1)


@app.command()
def report(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="a calendar month, as 2026-10")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder for both reports")] = Path(),
    send: Annotated[bool, typer.Option(help="also queue them for the network's receiver")] = False,
    again: Annotated[
        str, typer.Option(help="send once more, with mended figures: a word that names this repetition")
    ] = "",
    channel: _CHANNEL = "",
) -> None:
    """The statistics of one month: how much was exchanged, and for how many end users."""
    wanted = _month(month)
    gateway = Gateway.open(config_folder(context))
    try:
        point = _access_point(gateway, channel)
        with gateway.database.read() as connection:
            made = statistics.make(connection, point, wanted)
        out.mkdir(parents=True, exist_ok=True)
        for one in made:
            file = out / f"{one.kind.replace(' ', '-')}-{wanted}.xml"
            file.write_bytes(one.content)
            OUT.print(shown(f"{file}: {'holds' if one.holds else one.findings[0].text}"), soft_wrap=True)
        if send:
            with gateway.database.begin() as connection:
                queued = sum(
                    statistics.queue(connection, gateway, point, one, again=again)
                    for one in made
                    if one.holds
                )
            OUT.print(f"{queued} of {len(made)} reports go out at the next round.")
    finally:
        gateway.close()
    if not all(one.holds for one in made):
        raise typer.Exit(1)


@app.command()
def watch(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False
) -> None:
    """Look all buyers up that were sent to, and say who moved, changed scheme or stopped receiving."""
    gateway = Gateway.open(config_folder(context))
    try:
        seen = drift.watch(gateway)
    finally:
        gateway.close()
    if as_json:
        print_json([asdict(one) for one in seen])
        return
    for one in seen:
        for change in one.drifts:
            told = f"{one.participant}: {change.change} {change.before} {change.now}".rstrip()
            OUT.print(shown(told, "yellow" if change.needs_person else ""), soft_wrap=True)
        if one.problem:
            OUT.print(shown(f"{one.participant}: not looked up. {one.problem}", "dim"), soft_wrap=True)
    changed = sum(bool(one.drifts) for one in seen)
    OUT.print(
        f"{len(seen)} looked up, {changed} changed, {sum(bool(one.problem) for one in seen)} not reached."
    )


def _share(pair: tuple[int, int]) -> str:
    good, every = pair
    return f"{good} of {every}, {good / every:.1%}" if every else "none yet"


def _month(text: str) -> Month:
    try:
        return Month.of(datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC))
    except ValueError as error:
        raise ConfigError(
            f"{text[:40]!r} is not a month", where="gateway peppol report", fix="write it as 2026-10"
        ) from error


def _access_point(gateway: Gateway, wanted: str) -> Peppol:
    found = [one for one in access_points.all_of(gateway) if wanted in ("", one.name)]
    if len(found) != 1:
        names = ", ".join(one.name for one in found)
        raise ConfigError(
            f"there are several Peppol channels: {names}" if found else "there is no such Peppol channel",
            where="channels/",
            fix="name one with --channel" if found else "a file in channels/ with kind: peppol makes one",
        )
    return found[0]
