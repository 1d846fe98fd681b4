"""What all commands share: where they print, how an error looks, how a table of invoices looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unicodedata import category

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from formats.errors import EInvoicingError
from gateway.pipeline.submission import State, Verdict

if TYPE_CHECKING:  # the commands that never see a database start without one
    from connectors.base import PaymentStatus
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
    "shown",
    "state_text",
]

_WIDE: Final = 170
# Below this width the table of invoices takes two lines a row, so that nothing of it is cut.
_COMPACT: Final = 150


def _console(*, stderr: bool = False) -> Console:
    """A terminal, or a file or pipe, which has no width, so that nothing is cut there.

    What comes from an ERP is never read as markup.
    """
    console = Console(highlight=False, markup=False, emoji=False, stderr=stderr)
    if not console.is_terminal:
        console.width = _WIDE
    return console


OUT: Final = _console()
ERRORS: Final = _console(stderr=True)
CONFIG: Final = typer.Option(
    "--config", "-c", envvar="GATEWAY_CONFIG", help="the config folder", show_default="this folder"
)

# Unicode categories: control, format (among them the marks that turn the direction), private, surrogate.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs"})

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


def shown(text: str, style: str = "") -> Text:
    """A text from elsewhere for the terminal: no control characters, no marks that turn the direction."""
    return Text("".join(" " if category(sign) in _UNSEEN else sign for sign in text), style=style)


def show_error(error: EInvoicingError) -> None:
    """What happened, where, and what to do next."""
    # ConfigProblems, by its mark: its module brings the YAML reader, which most commands do without.
    for problem in getattr(error, "problems", (error,)):
        ERRORS.print(shown(f"{problem.what[:1].upper()}{problem.what[1:]}", "bold red"), soft_wrap=True)
        ERRORS.print(shown(f"  where: {problem.where}"), soft_wrap=True)
        ERRORS.print(shown(f"  to do: {problem.fix}"), soft_wrap=True)


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
    if submission.state in (State.PARKED, State.REJECTED, State.DISPUTED):
        return submission.verdict
    return "(waiting)" if submission.verdict else ""


def invoice_table(listed: Iterable[Submission], payments: Mapping[str, PaymentStatus]) -> Table:
    """One row an invoice, in the order of source and number; two lines a row where the terminal is narrow."""
    rows = sorted(listed, key=lambda item: (item.source, item.number or "~", item.received_at))
    return _compact(rows, payments) if OUT.width < _COMPACT else _wide(rows, payments)


def _wide(rows: Iterable[Submission], payments: Mapping[str, PaymentStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("ERP", "Number", "Buyer", "Amount", "Format", "Channel", "State", "Verdict", "Payment"):
        table.add_column(name, justify="right" if name == "Amount" else "left", overflow="fold")
    for item in rows:
        table.add_row(
            shown(item.source),
            shown(item.number or _place(item)),
            shown(item.buyer),
            shown(money(item.currency, item.amount)),
            shown(item.profile),
            shown(item.channel),
            state_text(item),
            verdict_text(item),
            _payment(payments.get(item.id)),
        )
    return table


def _compact(rows: Iterable[Submission], payments: Mapping[str, PaymentStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Number\nERP", "Buyer\nFormat, channel", "Amount\nPayment", "State\nVerdict"):
        table.add_column(name, justify="right" if name.startswith("Amount") else "left", overflow="fold")
    for item in rows:
        table.add_row(
            _two_lines(shown(item.number or _place(item)), item.source),
            _two_lines(shown(item.buyer), ", ".join(filter(None, (item.profile, item.channel)))),
            _two_lines(shown(money(item.currency, item.amount)), _payment(payments.get(item.id))),
            _two_lines(state_text(item), verdict_text(item)),
        )
    return table


def _two_lines(first: Text, second: str) -> Text:
    return Text.assemble(first, "\n", shown(second, "dim"))


def _payment(payment: PaymentStatus | None) -> str:
    return "" if payment is None else str(payment.state)


def print_stops(listed: Iterable[Submission]) -> None:
    """What needs a person: who, which invoice, the sentence that explains, and the way on."""
    stopped = [item for item in listed if item.state in (State.PARKED, State.REJECTED, State.DISPUTED)]
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
                (f"{item.verdict:13}", "yellow"),
                shown(invoice.rstrip(), "bold"),
                shown(f"  {item.source}, {item.id[:8]}", "dim"),
            )
        )
        for text, style in ((item.sentence, ""), (item.fix, "dim")):
            OUT.print(Padding(shown(f"{text[:1].upper()}{text[1:]}", style), (0, 0, 0, 13)))
    OUT.print()
