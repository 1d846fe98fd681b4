"""What all commands share: where they print, how an error looks, how a table of invoices looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import typer
from rich import box
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connectors.base import PaymentStatus
from formats.errors import EInvoicingError
from gateway.config_file import ConfigProblems
from gateway.pipeline.submission import State, Verdict
from gateway.store.submissions import Submission

__all__ = [
    "CONFIG",
    "ERRORS",
    "OUT",
    "config_folder",
    "invoice_table",
    "money",
    "print_json",
    "print_stops",
    "show_error",
    "state_text",
]

_WIDE: Final = 170


def _console() -> Console:
    """Standard output; a file or pipe has no width, so nothing is cut there."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


OUT: Final = _console()
ERRORS: Final = Console(stderr=True, highlight=False)
CONFIG: Final = typer.Option(
    "--config", "-c", envvar="GATEWAY_CONFIG", help="the config folder", show_default="this folder"
)

_STATE_STYLES: Final[Mapping[State, str]] = {
    State.DELIVERED: "green",
    State.ACCEPTED: "green",
    State.PAID: "bold green",
    State.SENT: "cyan",
    State.REJECTED: "red",
    State.DISPUTED: "red",
    State.PARKED: "yellow",
}


def config_folder(context: typer.Context) -> Path:
    """The config folder given to the program."""
    folder: Path = context.obj
    return folder


def print_json(value: Any) -> None:
    """Plain JSON for machines on standard output; amounts as text, moments in ISO 8601."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def show_error(error: EInvoicingError) -> None:
    """What happened, where, and what to do next."""
    for problem in error.problems if isinstance(error, ConfigProblems) else (error,):
        ERRORS.print(
            Text.assemble((f"{problem.what[:1].upper()}{problem.what[1:]}", "bold red")), soft_wrap=True
        )
        ERRORS.print(Text(f"  where: {problem.where}"), soft_wrap=True)
        ERRORS.print(Text(f"  to do: {problem.fix}"), soft_wrap=True)


def money(currency: str, amount: Decimal | None) -> str:
    """EUR 10,238.76."""
    return "" if amount is None else f"{currency} {amount:,.2f}"


def state_text(submission: Submission) -> Text:
    """The state with its colour."""
    return Text(submission.state, style=_STATE_STYLES.get(submission.state, ""))


def _place(submission: Submission) -> str:
    """What to call a document that could not be read far enough to know its number."""
    return submission.origin.rpartition("/")[2] or submission.source_key


def verdict_text(submission: Submission) -> str:
    """The verdict, where there is a stop."""
    if submission.state in (State.PARKED, State.REJECTED):
        return submission.verdict
    return "(waiting)" if submission.verdict else ""


def invoice_table(
    listed: Iterable[Submission], payments: Mapping[str, PaymentStatus], *, title: str = ""
) -> Table:
    """One row an invoice."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    columns = (("ERP", 8), ("Number", 15), ("Buyer", 10), ("Amount", 14), ("Format", 12), ("Channel", 8))
    for name, width in (*columns, ("State", 9), ("Verdict", 12), ("Payment", 17)):
        justify: JustifyMethod = "right" if name == "Amount" else "left"
        table.add_column(
            name, no_wrap=True, overflow="ellipsis", min_width=width, max_width=32, justify=justify
        )
    for submission in listed:
        payment = payments.get(submission.id)
        table.add_row(
            Text(submission.source),
            Text(submission.number or _place(submission)),
            Text(submission.buyer),
            money(submission.currency, submission.amount),
            submission.profile,
            submission.channel,
            state_text(submission),
            verdict_text(submission),
            "" if payment is None else str(payment.state),
        )
    return table


def print_stops(listed: Iterable[Submission]) -> None:
    """What needs a person: who, which invoice, the sentence that explains, and the way on."""
    stopped = [item for item in listed if item.state in (State.PARKED, State.REJECTED)]
    if not stopped:
        return
    order = [*Verdict]
    stopped.sort(
        key=lambda item: (order.index(Verdict(item.verdict)) if item.verdict else 9, item.received_at)
    )
    OUT.print(Text("Needs a person", style="italic"))
    for item in stopped:
        name = item.number or _place(item)
        invoice = f"{name}  {item.buyer}  {money(item.currency, item.amount)}"
        OUT.print(
            Text.assemble(
                (f"{item.verdict:13}", "yellow"), (invoice.rstrip(), "bold"), (f"  {item.source}", "dim")
            )
        )
        for text, style in ((item.sentence, ""), (item.fix, "dim")):
            OUT.print(Padding(Text(f"{text[:1].upper()}{text[1:]}", style=style), (0, 0, 0, 13)))
    OUT.print()
