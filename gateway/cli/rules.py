"""gateway rules: the official rules at hand, taking in new releases, and finding out what they change."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.progress import Progress
from rich.text import Text

from formats.errors import ConfigError, MalformedDocument
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import xml
from gateway.cli import rule_pages
from gateway.cli.output import ERRORS, OUT, config_folder, print_json
from gateway.clock import utc_now
from gateway.rules import catalogue
from gateway.rules import fetch as fetching
from gateway.rules import rehearse as rehearsing
from gateway.rules.archive import ZipTree, open_tree
from gateway.rules.artefact import version_of
from gateway.rules.compiled import CompiledPacks
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.intake import Offer, offers, take_in
from gateway.rules.judging import LARGEST
from gateway.rules.packs import KNOWN, RulePack, in_force, packaged_pack
from gateway.rules.samples import samples
from gateway.rules.schemas import FoundSchema, SchemaShelf, add_schema, schemas_in
from gateway.rules.store import RuleShelf, folder_to_add_to, keep_verdict, rule_folders, verdict_on
from gateway.rules.verify import compare
from gateway.rules.xsd import SCHEMAS
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
    used = rule_pages.profiles_by_pack()
    rows = [
        (pack, pack == in_force(shelf[key], today) and key in used)
        for key in shelf
        for pack in sorted(shelf[key], key=lambda pack: pack.valid_from or date.min)
    ]
    if as_json:
        print_json([_facts(context, pack) | {"in_force": judges} for pack, judges in rows])
        return
    for pack, judges in rows:
        rule_pages.print_row(pack, judges, _verified(context, pack))
    for schema in SchemaShelf(shelf.folders):
        OUT.print(Text.assemble((f"schema {schema.key}", "bold"), f"  {schema.release}"))
        OUT.print(Padding(Text(schema.origin, "dim"), (0, 0, 0, 4), expand=False))
    missing = [
        key for key in dict.fromkeys(k for p in PROFILES.values() for k in p.rule_packs) if key not in shelf
    ]
    if missing:
        OUT.print(Text(f"Not installed: {', '.join(missing)}."))
        OUT.print(
            "What is judged by these is never passed. gateway rules fetch and gateway rules add take them in."
        )


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
    """Take in rules from a file of their publisher, and the schema for CII where it holds that."""
    schemas = _schemas_in(path, only or ())
    found: tuple[Offer, ...] = ()
    if not schemas or _has_rules(path):
        found = offers(
            path,
            _shelf(context),
            CompiledPacks(),
            only=only or (),
            as_key=as_key,
            every=every,
            release=release,
        )
    _take(
        context,
        found,
        schemas,
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
        schemas = _schemas_in(got.file, address.packs)
        found: tuple[Offer, ...] = ()
        if not schemas or _has_rules(got.file):
            found = offers(
                got.file,
                _shelf(context),
                CompiledPacks(),
                only=address.packs,
                as_key=as_key,
                release=address.release,
            )
        _take(context, found, schemas, source=got.source, release=address.release, valid=None, yes=yes)


@app.command()
def show(context: typer.Context, pack: _Pack, as_json: _Json = False) -> None:
    """Everything about one rule pack."""
    found = _shelf(context).find(pack)
    facts = _facts(context, found) | rule_pages.contents_of(found) | {"judged_by": _engine(found)}
    if as_json:
        print_json(facts)
        return
    rule_pages.print_facts(facts)


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


def _documents(folder: Path, pack: RulePack) -> Iterator[tuple[str, bytes]]:
    """The readable XML documents in a folder and below that are of the pack's syntax."""
    binding = SYNTAXES[pack.syntax]
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() != ".xml" or not file.is_file() or file.stat().st_size > LARGEST:
            continue
        with suppress(MalformedDocument):
            content = file.read_bytes()
            if xml.parse(content).tag in (binding.invoice_root, binding.credit_note_root):
                yield str(file.relative_to(folder)), content


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
    _must_have_config(config_folder(context))
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


def _must_have_config(folder: Path) -> None:
    if not (folder / "gateway.yaml").is_file():
        raise ConfigError(
            "a rehearsal runs the invoices that the gateway has stored, "
            "and no config folder says where they are",
            where=f"gateway rules rehearse, folder {folder.absolute()}",
            fix="name the folder: gateway -c FOLDER rules rehearse PACK; "
            "files are judged by another day's rules with gateway validate --on DATE",
        )


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
    schemas: tuple[FoundSchema, ...],
    *,
    source: str,
    release: str,
    valid: date | None,
    yes: bool,
) -> None:
    for offer in found:
        _describe(offer, release)
    shelf = SchemaShelf(rule_folders(config_folder(context)))
    for schema in schemas:
        OUT.print(Text.assemble((f"{schema.key}  {SCHEMAS[schema.key].title}, {schema.release}", "bold")))
        OUT.print(f"  {len(schema.files)} files, {schema.main}\n  SHA-256 {schema.digest}", soft_wrap=True)
    replaced = [offer.replaces.name for offer in found if offer.replaces is not None]
    replaced += [f"the newer {newer.name}" for offer in found if (newer := _newer_packaged(offer, release))]
    replaced += [
        f"the schema {old.release} from {old.origin}"
        for schema in schemas
        if (old := shelf.added(schema.key)) is not None and old.digest != schema.digest
    ]
    if replaced and not yes and not typer.confirm(f"This replaces {', '.join(replaced)}. Go on?"):
        raise typer.Exit(1)
    folder = folder_to_add_to(config_folder(context))
    for schema in schemas:
        kept = add_schema(schema, folder, source=source, now=utc_now())
        OUT.print(Text(f"Added the schema {kept.release}: {kept.path.parent}", "green"), soft_wrap=True)
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


def _schemas_in(file: Path, only: Collection[str]) -> tuple[FoundSchema, ...]:
    """The schemas in an archive, of the vocabularies of the rule sets in `only` where that is said."""
    tree = open_tree(file)
    if not isinstance(tree, ZipTree):
        return ()
    try:
        found = schemas_in(tree)
    finally:
        tree.close()
    wanted = {KNOWN[key].syntax for key in only if key in KNOWN}
    return tuple(schema for schema in found if not only or schema.key in wanted)


def _newer_packaged(offer: Offer, release: str) -> RulePack | None:
    """What a Python package carries and this would push aside, although it is newer."""
    packaged, name = packaged_pack(offer.known.key), release or offer.release
    if packaged is None or packaged.superseded or offer.present is not None:
        return None
    return packaged if version_of(packaged.release) > version_of(name) > () else None


def _has_rules(file: Path) -> bool:
    tree = open_tree(file)
    try:
        return next(tree.candidates(), None) is not None
    finally:
        if isinstance(tree, ZipTree):
            tree.close()


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
        "name": pack.name,
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
        return "not compared with Saxon yet"
    return f"as Saxon on {verdict['equal']} of {verdict['documents']} documents, {str(verdict['at'])[:10]}"


def _engine(pack: RulePack) -> str:
    try:
        CompiledPacks().checker(pack)
    except ConfigError as error:
        return f"Saxon, since the compiler refuses these rules: {error.what} ({error.where})"
    return "compiled"


def _shelf(context: typer.Context) -> RuleShelf:
    return RuleShelf(rule_folders(config_folder(context)))
