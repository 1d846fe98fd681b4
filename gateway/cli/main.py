"""The program `gateway`: its errors in one shape, and the one call that scripts repeat, in the shortest
way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from formats.errors import ConfigError, EInvoicingError

if TYPE_CHECKING:
    import typer

    app: typer.Typer

__all__ = ["app", "run"]


def __getattr__(name: str) -> Any:
    """The commands, loaded when they are needed: that takes longer than to judge a file."""
    if name == "app":
        from gateway.cli.program import app

        return app
    raise AttributeError(name)


def run() -> None:
    """The program `gateway`. Exit status: 0 done, 1 something failed or was found, 2 wrong call or
    configuration."""
    try:
        if (status := _short_way(sys.argv[1:])) is not None:
            sys.exit(status)
        from gateway.cli.program import app

        app()
    except EInvoicingError as error:
        _show(error)
        sys.exit(2)
    except OSError as error:
        # A file or folder of the user's that cannot be read or written; everything remote has its own errors.
        what = f"{error.strerror or type(error).__name__}"
        _show(ConfigError(what, where=str(error.filename or "gateway"), fix="check the path and its rights"))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _short_way(arguments: list[str]) -> int | None:
    """`gateway validate --jsonl FILE...` without the command line library; None for every other call."""
    if arguments[:1] != ["validate"] or "--jsonl" not in arguments:
        return None
    from gateway.cli.short_way import validate

    return validate(arguments[1:])


def _show(error: EInvoicingError) -> None:
    from gateway.cli.output import show_error

    show_error(error)


if __name__ == "__main__":
    run()
