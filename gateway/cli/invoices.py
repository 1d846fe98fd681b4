"""gateway status, trace, retry and resolve: where every invoice stands, where its terms came from, and ways
on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from connectors.base import PaymentStatus
from formats.errors import ConfigError
from gateway.cli.output import (
    OUT,
    config_folder,
    invoice_table,
    money,
    print_json,
    print_stops,
    shown,
    state_text,
)
from gateway.pipeline import deciding
from gateway.pipeline.costs import by_month
from gateway.pipeline.deciding import Outcome
from gateway.pipeline.routing import chosen_way
from gateway.pipeline.submission import State
from gateway.store import attempts, documents, journal, parties, payments, reports, sources, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["print_costs", "print_status", "register"]

_Number = Annotated[str, typer.Argument(help="the invoice number, or the start of a submission's id")]
_BY: Final = "operator"
_Json = Annotated[bool, typer.Option("--json", help="for machines")]


def status(
    context: typer.Context,
    number: Annotated[str | None, typer.Argument(help="one invoice; all without it")] = None,
    as_json: _Json = False,
    costs: Annotated[
        bool, typer.Option("--costs", help="messages and what they cost, by route and month")
    ] = False,
) -> None:
    """Where every invoice stands, or everything about one."""
    gateway = Gateway.open(config_folder(context))
    try:
        if costs:
            print_costs(gateway, as_json=as_json)
            return
        if number is None:
            print_status(gateway, as_json=as_json)
            return
        found = _find(gateway, number)
        if as_json:
            print_json([_facts(gateway, submission) for submission in found])
        else:
            for submission in found:
                _print_one(gateway, submission)
    finally:
        gateway.close()


def print_status(gateway: Gateway, *, as_json: bool = False) -> None:
    """The list of all invoices, what needs a person, and counts."""
    with gateway.database.read() as connection:
        listed = submissions.listing(connection)
        paid = payments.all_of(connection)
        records = [sources.get(connection, spec.name) for spec in gateway.settings.sources]
        # News that the ERP does not hold yet counts as unfinished.
        waiting = reports.waiting(connection)
        changes = parties.changes(connection, waiting=True)
    if as_json:
        print_json(
            {
                "invoices": [_short(submission, paid.get(submission.id)) for submission in listed],
                "sources": [asdict(record) for record in records],
                "unreported": len(waiting),
                "changed_parties": len(changes),
            }
        )
        return
    OUT.print(invoice_table(listed, paid))
    print_stops(listed)
    for record in records:
        if record.verdict:
            OUT.print(Text(f"Source {record.name} ({record.verdict}): {record.sentence}", style="yellow"))
    for left_out in gateway.settings.left_out:
        told = f"{left_out.name} is left out (precondition): {left_out.problem.sentence}"
        OUT.print(shown(told, "yellow"), soft_wrap=True)
    failing = [report for report in waiting if report.verdict]
    if failing:
        more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
        told = f"News not in the ERP yet ({failing[0].verdict}): {failing[0].sentence}{more}"
        OUT.print(shown(told, "yellow"), soft_wrap=True)
    if changes:
        people = ", ".join(sorted({f"{change.source} {change.key}" for change in changes})[:5])
        told = f"Changed bank accounts or addresses wait for a person ({people}): gateway parties"
        OUT.print(shown(told, "yellow"), soft_wrap=True)
    counts = Counter(submission.state for submission in listed)
    summary = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    OUT.print(f"{len(listed)} invoices: {summary or 'none yet'}")


def print_costs(gateway: Gateway, *, as_json: bool = False) -> None:
    """Messages that were handed over and what they cost, by month and route."""
    with gateway.database.read() as connection:
        rows = by_month(connection)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("Month", "Route", "Channel"):
        table.add_column(name)
    for name in ("Messages", "Cost"):
        table.add_column(name, justify="right")
    for row in rows:
        cost = "no price" if row.amount is None else f"{row.currency} {row.amount:f}"
        table.add_row(row.month, shown(row.route), shown(row.channel), str(row.messages), cost)
    OUT.print(table if rows else "Nothing was handed over yet.")


def _short(submission: Submission, payment: PaymentStatus | None) -> dict[str, Any]:
    names = ("id", "source", "source_key", "number", "buyer", "currency", "amount", "profile", "channel")
    more = ("state", "verdict", "sentence", "fix", "due_at", "message_id")
    return {name: getattr(submission, name) for name in (*names, *more)} | {
        "payment": str(payment.state) if payment else "",
        "paid": str(payment.paid) if payment else "",
    }


def _facts(gateway: Gateway, submission: Submission) -> dict[str, Any]:
    with gateway.database.read() as connection:
        return {
            **asdict(submission),
            "attempts": [asdict(attempt) for attempt in attempts.of(connection, submission.id)],
            "reports": [asdict(report) for report in reports.of(connection, submission.id)],
            "journal": [
                {**asdict(entry), "data": json.loads(entry.data)}
                for entry in journal.entries(connection, submission=submission.id)
            ],
        }


def _print_one(gateway: Gateway, submission: Submission) -> None:
    with gateway.database.read() as connection:
        payment = payments.all_of(connection).get(submission.id)
        history = list(journal.entries(connection, submission=submission.id))
        news = reports.of(connection, submission.id)
    OUT.print(
        Text.assemble(
            shown(submission.number or submission.source_key, "bold"),
            shown(f"  {submission.buyer}  {money(submission.currency, submission.amount)}  "),
            state_text(submission),
            f"  {submission.verdict}  ",
            (submission.id[:8], "dim"),
        )
    )
    if submission.sentence:
        OUT.print(shown(f"  {submission.sentence}. {submission.fix}", "yellow"), soft_wrap=True)
    if payment is not None:
        OUT.print(shown(f"  {payment.state}: {payment.currency} {payment.paid}  {payment.evidence}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("When (UTC)", "What", "Details"):
        table.add_column(name, overflow="fold")
    for entry in history:
        data = {key: value for key, value in json.loads(entry.data).items() if value not in ("", [], None)}
        text = ", ".join(f"{key}: {value}" for key, value in data.items())
        table.add_row(entry.at[:19].replace("T", " "), entry.event, shown(text, "dim"))
    OUT.print(table)
    for report in news:
        where = (
            f"in the ERP: {report.written_to}" if report.done_at else f"not in the ERP yet. {report.sentence}"
        )
        OUT.print(shown(f"  {report.state}, {where}"), soft_wrap=True)
    OUT.print()


def trace(context: typer.Context, number: _Number, as_json: _Json = False) -> None:
    """Where each business term of an invoice came from: ERP field, mapping line, code table; and why it goes
    the way it goes."""
    gateway = Gateway.open(config_folder(context))
    try:
        found = _find(gateway, number)
        # A repetition stands for nothing of its own; the newest revision that was mapped is the one to show.
        submission = next((item for item in reversed(found) if item.origins_digest), found[-1])
        if not submission.origins_digest:
            raise ConfigError(
                f"{number} has not been mapped yet: {submission.sentence or submission.state}",
                where="gateway trace",
                fix=submission.fix or "run gateway process",
            )
        with gateway.database.read() as connection:
            origins = json.loads(documents.get(connection, submission.origins_digest).content)
            choice = chosen_way(connection, submission)
    finally:
        gateway.close()
    if as_json:
        print_json(origins)
        return
    OUT.print(Text(f"{submission.number}, {submission.source}, mapped by {submission.mapping}", style="bold"))
    if choice.get("because"):
        told = f"Written as {choice['profile']} for {choice['channel']}: {choice['because']}"
        OUT.print(shown(told), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, style in (
        ("Term", "bold"),
        ("Value", ""),
        ("ERP field", ""),
        ("From", "dim"),
        ("Mapping line", "dim"),
    ):
        table.add_column(name, style=style, overflow="fold")
    for origin in origins:
        line = f"{origin['mapping']}:{origin['line']}" + (f" {origin['table']}" if origin["table"] else "")
        # Invoices mapped by earlier releases have no `found`.
        said = origin.get("found", "")
        source = origin["source"] + (f" = {said}" if said not in ("", origin["value"]) else "")
        cells = (origin["term"], origin["value"], origin["field"], source, line)
        table.add_row(*(shown(str(cell)) for cell in cells))
    OUT.print(table)


def retry(
    context: typer.Context,
    numbers: Annotated[list[str], typer.Argument(help="invoice numbers; - for everything parked")],
) -> None:
    """Try parked invoices again now, and send rejected ones again once the buyer's side takes them."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.begin() as connection:
            if numbers == ["-"]:
                wanted = submissions.listing(connection, states=(State.PARKED,))
            else:
                wanted = [item for number in numbers for item in _all(connection, number)]
            due = [item for item in wanted if deciding.retry(connection, item, by=_BY, now=gateway.clock())]
    finally:
        gateway.close()
    OUT.print(f"{len(due)} stopped invoices are due now; gateway process works on them.")


def resolve(
    context: typer.Context,
    number: _Number,
    outcome: Annotated[
        Outcome,
        typer.Argument(
            help="sent or not-sent: did the buyer's side get it? dismissed: no longer wanted; of a dispute: "
            "answered, accepted, or closed (corrected, credited, written off)"
        ),
    ],
    note: Annotated[str, typer.Option(help="how you know; kept in the journal")],
) -> None:
    """Say what became of a message or a dispute that only a person could find out about, or dismiss what was
    parked or refused."""
    gateway = Gateway.open(config_folder(context))
    try:
        submission = _to_resolve(gateway, number, outcome)
        with gateway.database.begin() as connection:
            deciding.resolve(connection, gateway, submission, outcome, note, by=_BY)
    finally:
        gateway.close()
    OUT.print(f"{number}: noted. gateway process goes on from there.")


def _to_resolve(gateway: Gateway, number: str, outcome: Outcome) -> Submission:
    """The one revision that `outcome` can be said of."""
    found = _find(gateway, number)
    with gateway.database.read() as connection:
        fitting = [
            item
            for item in found
            if deciding.may_resolve(item, outcome)
            or (outcome is Outcome.DISMISSED and deciding.may_set_aside(connection, item))
        ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(
            f"{len(fitting)} revisions of {number} could be meant",
            where="gateway resolve",
            fix=f"name one by its id: {', '.join(item.id for item in fitting)}",
        )
    raise ConfigError(
        f"{number} is {found[-1].state} at {found[-1].step} and cannot be called {outcome}",
        where="gateway resolve",
        fix="sent and not-sent are for what was parked while being sent; answered, accepted and closed for "
        "what is disputed; dismissed for what was refused and for the rest that is parked",
    )


def _find(gateway: Gateway, number: str) -> list[Submission]:
    with gateway.database.read() as connection:
        return _all(connection, number)


def _all(connection: Connection, number: str) -> list[Submission]:
    found = submissions.find(connection, number)
    if not found:
        raise ConfigError(
            f"there is no invoice {number}", where="gateway", fix="gateway status lists all of them"
        )
    return found


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (status, trace, retry, resolve):
        app.command()(command)
