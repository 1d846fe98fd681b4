"""gateway peppol: where a participant receives, step by step, and which certificates end soon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from connectors.base import CheckStep
from connectors.channels.peppol.network import PeppolNetwork
from connectors.channels.peppol.pki.certificates import CertificateNotice, notice
from formats.errors import ConfigError, EInvoicingError
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.peppol import access_points
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(
    help="the Peppol network: receivers and certificates", rich_markup_mode=None, no_args_is_help=True
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
        found = [one for one in access_points.all_of(gateway) if wanted in ("", one.name)]
        if len(found) != 1:
            names = ", ".join(one.name for one in found)
            raise ConfigError(
                f"there are several Peppol channels: {names}" if found else "there is no such Peppol channel",
                where="channels/",
                fix="name one with --channel" if found else "a file in channels/ with kind: peppol makes one",
            )
        yield gateway, found[0].network
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
