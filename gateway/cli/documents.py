"""gateway convert, validate and render: e-invoices as files, without any ERP or database."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from formats.errors import ConfigError, MalformedDocument
from formats.finding import Report, RunState
from formats.model import Invoice
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.render.pdf import render_pdf
from formats.syntaxes import ubl, xml
from gateway.cli.output import ERRORS, OUT
from gateway.rules.engine import RulesEngine

__all__ = ["register"]

_DEFAULT_PROFILE: Final = "en16931-ubl"


class Engine(StrEnum):
    """Who judges."""

    SAXON = "saxon"


def convert(
    source: Annotated[Path, typer.Argument(help="an e-invoice in UBL 2.1")],
    to: Annotated[str, typer.Option(help="the profile, for example peppol-bis-3")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="a file; standard output without it")
    ] = None,
) -> None:
    """Write any readable invoice under another profile; terms that would be lost are named."""
    profile = _profile(to)
    invoice = profile.prepare(_read(source))
    binding = SYNTAXES[profile.syntax]
    for loss in binding.losses(invoice):
        ERRORS.print(Text(f"not carried by {profile.title}: {loss}", style="yellow"), soft_wrap=True)
    content = binding.write(invoice)
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        out.write_bytes(content)


def validate(
    files: Annotated[list[Path], typer.Argument(help="UBL invoices and credit notes")],
    profile: Annotated[
        str | None, typer.Option(help="judge as this profile; from the document without it")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="who judges")] = Engine.SAXON,
    jsonl: Annotated[bool, typer.Option(help="one JSON object a file, for machines")] = False,
) -> None:
    """Judge files by the official schema and rules. Exit status 0 with --jsonl if all checks ran."""
    asked = _profile(profile) if profile else None
    sound = True
    with RulesEngine() as rules:
        for file in files:
            judged, report = _judge(rules, file, asked)
            sound &= not report.not_run if jsonl else report.passed
            if jsonl:
                sys.stdout.write(json.dumps(_line(file, judged, report), ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                _show(file, judged, report)
    if not sound:
        raise typer.Exit(1)


def _judge(rules: RulesEngine, file: Path, asked: Profile | None) -> tuple[Profile, Report]:
    content = _bytes(file)
    profile = asked or _profile_of(content)
    return profile, rules.check(content, profile)


def _profile_of(content: bytes) -> Profile:
    """The profile whose specification identifier (BT-24) the document carries; else the core rules judge."""
    try:
        found = xml.parse(content).findtext("{*}CustomizationID") or ""
    except MalformedDocument:
        found = ""
    for profile in PROFILES.values():
        if profile.specification_id == found.strip():
            return profile
    return PROFILES[_DEFAULT_PROFILE]


def _line(file: Path, profile: Profile, report: Report) -> dict[str, Any]:
    schema = [finding for finding in report.findings if finding.rule == "XSD"]
    return {
        "file": str(file),
        "profile": profile.key,
        "schema": sorted({finding.text for finding in schema}),
        "fatal": sorted({finding.rule for finding in report.fatal if finding.rule != "XSD"}),
        "warning": sorted({finding.rule for finding in report.warnings if finding.rule != "XSD"}),
        "not_run": sorted(f"{run.name}: {run.note}" for run in report.not_run),
    }


def _show(file: Path, profile: Profile, report: Report) -> None:
    verdict = ("passed", "green") if report.passed else ("not passed", "bold red")
    OUT.print(Text.assemble(f"{file}: ", verdict, f" as {profile.title}"), soft_wrap=True)
    for run in report.runs:
        style = {RunState.PASSED: "green", RunState.FAILED: "red"}.get(run.state, "yellow")
        line = (f"  {run.name} {run.release}: ", (str(run.state), style), f"  {run.note}")
        OUT.print(Text.assemble(*line), soft_wrap=True)
    for finding in report.findings:
        head = (f"  {finding.severity} {finding.rule}", "red" if finding.severity == "fatal" else "yellow")
        OUT.print(Text.assemble(head, f"  {finding.text.strip()}"), soft_wrap=True)
        if finding.location:
            OUT.print(Text(f"      at {finding.location}", style="dim"), soft_wrap=True)


def render(
    file: Annotated[Path, typer.Argument(help="an e-invoice in UBL 2.1")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the PDF to write")],
    language: Annotated[str, typer.Option(help="en, nl, de or fr")] = "en",
) -> None:
    """A readable PDF of an e-invoice."""
    if out.suffix.lower() != ".pdf":
        raise ConfigError(
            f"{out.suffix or 'no suffix'} cannot be written", where=str(out), fix="name a .pdf file"
        )
    out.write_bytes(render_pdf(_read(file), language=language))
    OUT.print(f"Wrote {out}")


def _profile(key: str) -> Profile:
    if key not in PROFILES:
        raise ConfigError(
            f"there is no profile {key}", where="gateway", fix=f"use one of {', '.join(PROFILES)}"
        )
    return PROFILES[key]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read: {error.strerror}", where=str(file), fix="check the path"
        ) from error


def _read(file: Path) -> Invoice:
    return ubl.read(_bytes(file))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (convert, validate, render):
        app.command()(command)
