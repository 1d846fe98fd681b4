"""gateway audit: prove the record, export it, and hand out one invoice's evidence."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gateway import evidence as evidence_module
from gateway.cli.output import OUT, config_folder
from gateway.store import documents, journal
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(
    help="prove the record, export it, hand out evidence", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def verify(context: typer.Context) -> None:
    """Check the whole chain of the journal and every archived document; name the first thing that was
    changed."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            holds, broken = journal.verify(connection)
            damaged = list(documents.damaged(connection))
            missing = list(evidence_module.missing_documents(connection))
    finally:
        gateway.close()
    if broken is not None:
        OUT.print(
            Text(
                f"Broken at entry {broken.seq}: {broken.what}. The {holds} entries before it hold.",
                "bold red",
            )
        )
    for digest in damaged:
        OUT.print(Text(f"Archived document {digest} was changed after it was stored.", "bold red"))
    for seq, digest in missing:
        OUT.print(Text(f"Entry {seq} names the document {digest}, which is not in the archive.", "bold red"))
    if broken or damaged or missing:
        raise typer.Exit(1)
    OUT.print(f"All {holds} journal entries and all archived documents are as they were written.")


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
