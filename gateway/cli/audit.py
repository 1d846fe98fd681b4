"""gateway audit: prove the record, export it, and hand out one invoice's evidence."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from formats.errors import ConfigError
from gateway import audit
from gateway import evidence as evidence_module
from gateway.cli.output import OUT, config_folder, shown
from gateway.store import journal
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(
    help="prove the record, export it, hand out evidence", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def verify(
    context: typer.Context,
    expect: Annotated[
        str | None, typer.Option(help="NUMBER:DIGEST of an entry noted earlier, which must still be there")
    ] = None,
) -> None:
    """Check the journal's chain, every archived document, and that the lists say what the journal says."""
    expected = _noted(expect) if expect else None
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = audit.verify(connection, expected=expected)
    finally:
        gateway.close()
    for fault in found.faults:
        OUT.print(shown(f"{fault[:1].upper()}{fault[1:]}.", "bold red"), soft_wrap=True)
    if found.faults:
        raise typer.Exit(1)
    OUT.print(f"All {found.entries} journal entries and all archived documents are as they were written.")
    OUT.print(f"Note elsewhere: {found.entries}:{found.head}", soft_wrap=True)
    OUT.print("With --expect, it later shows that the chain was not written anew.")


def _noted(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdigit() or not digest:
        raise ConfigError(
            "this is not an entry", where="--expect", fix="write NUMBER:DIGEST as verify prints it"
        )
    return int(number), digest


@app.command()
def export(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="a file; standard output without it")
    ] = None,
) -> None:
    """Write the journal as one JSON object a line, in order."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            lines = (
                json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in journal.entries(connection)
            )
            if out is None:
                sys.stdout.writelines(lines)
            else:
                with out.open("w", encoding="utf-8") as file:
                    file.writelines(lines)
    finally:
        gateway.close()


@app.command()
def evidence(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="the invoice number")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="the file to write")] = None,
) -> None:
    """Put everything about one invoice into one ZIP file: documents, receipts, journal."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            content = evidence_module.archive(connection, number)
    finally:
        gateway.close()
    target = out or Path(f"evidence-{''.join(c if c.isalnum() else '_' for c in number)}.zip")
    target.write_bytes(content)
    OUT.print(f"Wrote {target} ({len(content):,} bytes).")
