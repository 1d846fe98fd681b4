"""The command line: thin, one file for each group of commands, the same shape for every error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from formats.errors import ConfigError, EInvoicingError
from gateway import __version__
from gateway.cli.commands import Commands
from gateway.cli.output import CONFIG, OUT, show_error

__all__ = ["app", "run"]

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


def run() -> None:
    """The program `gateway`. Exit status: 0 done, 1 something failed or was found, 2 wrong call or
    configuration."""
    try:
        app()
    except EInvoicingError as error:
        show_error(error)
        sys.exit(2)
    except OSError as error:
        # A file or folder of the user's that cannot be read or written; everything remote has its own errors.
        what = f"{error.strerror or type(error).__name__}"
        show_error(
            ConfigError(what, where=str(error.filename or "gateway"), fix="check the path and its rights")
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
