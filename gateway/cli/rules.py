"""gateway rules: the official rules at hand, taking in new releases, and finding out what they change."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from lxml import etree
from rich import box
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from formats.errors import ConfigError, MalformedDocument
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import xml
from gateway.cli.output import ERRORS, OUT, config_folder, print_json
from gateway.clock import utc_now
from gateway.rules import catalogue
from gateway.rules import fetch as fetching
from gateway.rules import rehearse as rehearsing
from gateway.rules.compiled import CompiledPacks
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.intake import Offer, offers, take_in
from gateway.rules.judging import LARGEST
from gateway.rules.packs import RulePack, in_force
from gateway.rules.samples import samples
from gateway.rules.store import RuleShelf, folder_to_add_to, keep_verdict, rule_folders, verdict_on
from gateway.rules.verify import compare
from gateway.store import documents, submissions
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(
    help="the official rules: what is here, new releases, what they change",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="for machines")]
_Yes = Annotated[bool, typer.Option("--yes", help="replace without asking")]
_Pack = Annotated[str, typer.Argument(help="a rule set, or one release of it: peppol-ubl@3.0.21")]


@app.command("list")
def list_packs(context: typer.Context, as_json: _Json = False) -> None:
    """The rule packs at hand, and which one judges today."""
    shelf = _shelf(context)
    today = utc_now().date()
    rows = [
        (pack, pack == in_force(shelf[key], today))
        for key in shelf
        for pack in sorted(shelf[key], key=lambda pack: pack.valid_from or date.min)
    ]
    if as_json:
        print_json([_facts(context, pack) | {"in_force": judges} for pack, judges in rows])
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Pack", "Release", "Valid from", "Judges today", "Compared with Saxon", "From"):
        table.add_column(name, overflow="fold")
    for pack, judges in rows:
        state = Text("yes", "green") if judges else Text("no", "dim")
        if judges and pack.superseded:
            state = Text("yes, superseded", "yellow")
        table.add_row(
            Text(pack.key, "bold"),
            Text(pack.release),
            str(pack.valid_from or ""),
            state,
            Text(_verified(context, pack)),
            Text(pack.origin, "dim"),
        )
    OUT.print(table)
    for pack, judges in rows:
        if judges and pack.superseded:
            OUT.print(Text(f"{pack.key}: {pack.superseded}", "yellow"), soft_wrap=True)


@app.command()
def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="a .sch, .xsl or .xslt file, or the publisher's .zip or .jar")],
    only: Annotated[list[str] | None, typer.Option(help="only this rule set; may be repeated")] = None,
    as_key: Annotated[str, typer.Option("--as", help="which rule set a loose file is")] = "",
    release: Annotated[str, typer.Option(help="the release, where the file does not say it")] = "",
    valid_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the first day on which it judges")
    ] = None,
    every: Annotated[
        bool, typer.Option("--every", help="every release in the archive, not the newest alone")
    ] = False,
    yes: _Yes = False,
) -> None:
    """Take in rules from a file of their publisher."""
    shelf = _shelf(context)
    found = offers(path, shelf, CompiledPacks(), only=only or (), as_key=as_key, every=every, release=release)
    _take(
        context,
        found,
        source=path.name,
        release=release,
        valid=valid_from.date() if valid_from else None,
        yes=yes,
    )


@app.command()
def fetch(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="a name in rules.yaml")] = "",
    yes: _Yes = False,
) -> None:
    """Download a release from the publisher's address in rules.yaml and take it in."""
    addresses = fetching.read_addresses(config_folder(context))
    address = addresses.releases.get(name)
    if address is None:
        raise ConfigError(
            f"rules.yaml names no release {name}" if name else "no release is named",
            where="gateway rules fetch",
            fix=f"use one of {', '.join(addresses.releases)}",
        )
    with tempfile.TemporaryDirectory() as folder:
        got = fetching.download(address, Path(folder), clock=utc_now, proxy=addresses.proxy)
        OUT.print(Text(address.title, "bold"))
        OUT.print(f"  {got.source}\n  {got.size} bytes, SHA-256 {got.sha256}", soft_wrap=True)
        as_key = (
            address.packs[0]
            if len(address.packs) == 1 and got.file.suffix in (".sch", ".xsl", ".xslt")
            else ""
        )
        found = offers(
            got.file,
            _shelf(context),
            CompiledPacks(),
            only=address.packs,
            as_key=as_key,
            release=address.release,
        )
        _take(context, found, source=got.source, release=address.release, valid=None, yes=yes)


@app.command()
def show(context: typer.Context, pack: _Pack, as_json: _Json = False) -> None:
    """Everything about one rule pack."""
    found = _shelf(context).find(pack)
    facts = _facts(context, found) | {"judged_by": _engine(found)}
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        OUT.print(Text.assemble((f"{name.replace('_', ' '):14}", "dim"), str(value or "")), soft_wrap=True)


@app.command()
def diff(
    context: typer.Context,
    before: _Pack,
    after: Annotated[str, typer.Argument(help="the other release")],
    as_json: _Json = False,
) -> None:
    """What changes from one release to another: new rules, gone ones, other tests, texts and severities."""
    shelf = _shelf(context)
    changes = catalogue.differences(shelf.find(before), shelf.find(after))
    if as_json:
        print_json([asdict(change) for change in changes])
        return
    for change in changes:
        rule = change.after or change.before
        style = {"new": "green", "gone": "red"}.get(change.what, "yellow")
        flag = rule.flag if rule else ""
        OUT.print(Text.assemble((f"{change.rule:24}", "bold"), (f"{change.what:18}", style), f" {flag}"))
        if rule:
            OUT.print(Text(f"    {rule.text}", "dim"), soft_wrap=True)
    OUT.print(f"{len(changes)} rules differ")


@app.command()
def verify(
    context: typer.Context,
    pack: _Pack,
    examples: Annotated[
        Path | None, typer.Option(help="a folder of XML documents; invented ones without it")
    ] = None,
    copies: Annotated[
        int, typer.Option(min=0, max=10_000, help="damaged copies of each; those the schema accepts count")
    ] = 300,
) -> None:
    """Judge by both engines, compiled and Saxon, on examples and damaged copies, and keep the result."""
    found = _shelf(context).find(pack)
    CompiledPacks().checker(found)
    if not found.can_run_on_saxon:
        raise ConfigError(
            "Saxon runs style sheets, and this pack is Schematron source",
            where=found.name,
            fix="add the publisher's compiled rules (XSLT) of the same release",
        )
    subjects = list(samples(found.key, found.syntax) if examples is None else _documents(examples, found))
    shelf = _shelf(context)
    with (
        RulesEngine(shelf) as own,
        RulesEngine(shelf, engine=Engine.SAXON) as saxon,
        Progress(console=ERRORS, transient=True) as progress,
    ):
        watched = progress.track(subjects, description=f"{found.name}: {len(subjects)} documents")
        ids = {rule.rule for rule in catalogue.rules_of(found)}
        result = compare(found, watched, own, saxon, copies=copies, rules=len(ids))
    file = keep_verdict(
        found,
        {"pack": found.name, "at": utc_now().isoformat(), **asdict(result)},
        folder_to_add_to(config_folder(context)),
    )
    OUT.print(
        f"{found.name}: {result.equal} of {result.documents} documents equal, {result.hits} rule hits, "
        f"{result.fired} of {result.rules} rules seen; on {result.stopped} Saxon stops with an error of the "
        "rules themselves",
        soft_wrap=True,
    )
    for unequal in result.unequal:
        OUT.print(
            Text(f"  {unequal.document}: missing {unequal.missing}, extra {unequal.extra}", "red"),
            soft_wrap=True,
        )
    OUT.print(Text(f"Kept in {file}", "dim"), soft_wrap=True)
    if not result.holds:
        raise typer.Exit(1)


def _documents(folder: Path, pack: RulePack) -> Iterator[tuple[str, etree._Element]]:
    """The readable XML documents in a folder and below that are of the pack's syntax."""
    binding = SYNTAXES[pack.syntax]
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() != ".xml" or not file.is_file() or file.stat().st_size > LARGEST:
            continue
        with suppress(MalformedDocument):
            root = xml.parse(file.read_bytes())
            if root.tag in (binding.invoice_root, binding.credit_note_root):
                yield str(file.relative_to(folder)), root


@app.command()
def rehearse(
    context: typer.Context,
    pack: _Pack,
    since: Annotated[str, typer.Option(help="how far back, in days: 60d")] = "60d",
    as_json: _Json = False,
) -> None:
    """Run stored invoices through another release: which would newly fail, and why? Nothing is changed."""
    days = since.removesuffix("d")
    if not days.isascii() or not days.isdigit() or not 0 < int(days) <= 36_500:
        raise ConfigError(f"{since[:20]!r} is no number of days", where="--since", fix="write it as 60d")
    gateway = Gateway.open(config_folder(context))
    try:
        coming = RuleShelf(rule_folders(config_folder(context))).find(pack)
        after = utc_now() - timedelta(days=int(days))
        stored = list(_stored(gateway, after))
        results = list(rehearsing.rehearse(coming, stored, gateway.rules))
    finally:
        gateway.close()
    if as_json:
        print_json([asdict(result) | {"would_fail": result.would_fail} for result in results])
    else:
        _print_rehearsal(coming, results)
    if any(result.would_fail or result.problem for result in results):
        raise typer.Exit(1)


def _print_rehearsal(coming: RulePack, results: list[rehearsing.Rehearsed]) -> None:
    for result in results:
        if result.problem:
            OUT.print(
                Text.assemble((result.number, "bold"), f"  not judged: {result.problem}"), soft_wrap=True
            )
        for finding in result.newly:
            style = "red" if finding.severity == "fatal" else "yellow"
            OUT.print(
                Text.assemble((result.number, "bold"), (f"  {finding.rule}", style), f"  {finding.text}"),
                soft_wrap=True,
            )
    failing = sum(result.would_fail for result in results)
    OUT.print(f"{len(results)} invoices through {coming.name}: {failing} would newly fail")


def _stored(gateway: Gateway, after: datetime) -> Iterator[tuple[str, Profile, bytes]]:
    """The e-invoices written since, each in its last revision."""
    with gateway.database.read() as connection:
        for submission in submissions.listing(connection):
            if (
                submission.document_digest
                and submission.received_at >= after
                and submission.profile in PROFILES
            ):
                content = documents.get(connection, submission.document_digest).content
                yield submission.number or submission.id, PROFILES[submission.profile], content


def _take(
    context: typer.Context,
    found: tuple[Offer, ...],
    *,
    source: str,
    release: str,
    valid: date | None,
    yes: bool,
) -> None:
    for offer in found:
        _describe(offer, release)
    replaced = [offer for offer in found if offer.replaces is not None]
    if replaced and not yes:
        names = ", ".join(offer.replaces.name for offer in replaced if offer.replaces)
        if not typer.confirm(f"This replaces {names}. Go on?"):
            raise typer.Exit(1)
    folder = folder_to_add_to(config_folder(context))
    refused = False
    for offer in found:
        if not offer.usable:
            refused = True
            ERRORS.print(Text(f"{offer.known.key}: not added. {offer.refusal}", "red"), soft_wrap=True)
            continue
        pack = take_in(offer, folder, source=source, now=utc_now(), release=release, valid=valid)
        since = f", judges from {pack.valid_from}" if pack.valid_from else ""
        OUT.print(Text(f"Added {pack.name}{since}: {pack.path.parent}", "green"), soft_wrap=True)
    if refused:
        raise typer.Exit(1)


def _describe(offer: Offer, release: str) -> None:
    head = f"{offer.known.key}  {offer.known.title}, {release or offer.release or 'release not said'}"
    OUT.print(
        Text.assemble(
            (head, "bold"),
            f"\n  {offer.known.publisher}, {len(offer.artefact.rule_ids)} rule ids, {offer.artefact.name}",
            f"\n  SHA-256 {offer.artefact.digest}",
            "\n  the same files are here already" if offer.present else "",
        ),
        soft_wrap=True,
    )
    if offer.refusal:
        how = "Saxon judges by it instead" if offer.on_saxon else "nobody can judge by it"
        OUT.print(Text(f"  the compiler refuses it: {offer.refusal}; {how}", "yellow"), soft_wrap=True)


def _facts(context: typer.Context, pack: RulePack) -> dict[str, object]:
    return {
        "pack": pack.key,
        "title": pack.title,
        "publisher": pack.publisher,
        "release": pack.release,
        "released": pack.released,
        "valid_from": pack.valid_from,
        "syntax": pack.syntax,
        "superseded": pack.superseded,
        "digest": pack.digest,
        "origin": pack.origin,
        "file": str(pack.path),
        "verified": _verified(context, pack),
    }


def _verified(context: typer.Context, pack: RulePack) -> str:
    verdict = verdict_on(pack, rule_folders(config_folder(context)))
    if verdict is None:
        return "not yet"
    return f"{verdict['equal']} of {verdict['documents']} equal, {str(verdict['at'])[:10]}"


def _engine(pack: RulePack) -> str:
    try:
        CompiledPacks().checker(pack)
    except ConfigError as error:
        return f"Saxon, since the compiler refuses these rules: {error.what}"
    return "compiled"


def _shelf(context: typer.Context) -> RuleShelf:
    return RuleShelf(rule_folders(config_folder(context)))
