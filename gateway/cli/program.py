"""The command line: thin, one file for each group of commands, the same shape for every error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import __version__
from gateway.cli.commands import Commands
from gateway.cli.output import CONFIG, OUT

__all__ = ["app"]

app = typer.Typer(
    cls=Commands,
    help="From the ERP to the buyer as an e-invoice, with proof, and the status back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        OUT.print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path, CONFIG] = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    context.obj = config
