"""gateway mappings: the mapping files, their examples, and what a change of one would do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

from formats.errors import ConfigError
from gateway import config_file
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.clock import utc_now
from gateway.mapping_examples import Case, Verdict, accept, cases, judge, shipped
from gateway.pipeline import replay as replaying
from gateway.store import documents, submissions
from gateway.wiring import Gateway
from mappings import registry
from mappings.engine import CompiledMapping

__all__ = ["app"]

app = typer.Typer(
    help="mapping files: check them, run their examples, see what a change would do",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="for machines")]
_Examples = Annotated[
    Path | None,
    typer.Option(help="a folder of examples; otherwise those of the config folder and of the gateway"),
]
_CASE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_SUFFIXES: Final = {"json": ".json", "xml": ".xml", "idoc": ".xml"}
_MOST_SHOWN: Final = 20


@app.command()
def schema() -> None:
    """Print the JSON Schema of mapping files, for editors that complete and check them."""
    typer.echo(resources.files("mappings").joinpath("schema.json").read_text("utf-8"), nl=False)


@app.command("list")
def list_mappings(context: typer.Context, as_json: _Json = False) -> None:
    """The mappings there are, and how many examples each has."""
    own = _own(context)
    rows = [
        {
            "mapping": mapping.name,
            "version": mapping.version,
            "document": mapping.document,
            "yours": f"{mapping.name}.yaml" in own,
            "examples": len(list(cases(_examples(context, None), mapping.name)))
            + len(_shipped(mapping.name, own)),
        }
        for mapping in (registry.load(name, own) for name in _names(own))
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Mapping", "Version", "Document", "From", "Examples"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(
            shown(str(row["mapping"])),
            shown(str(row["version"])),
            shown(str(row["document"])),
            "your config folder" if row["yours"] else "the gateway",
            str(row["examples"]),
        )
    OUT.print(table)


@app.command()
def check(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="mappings; all where none is named")] = None,
    examples: _Examples = None,
    as_json: _Json = False,
) -> None:
    """Compile mappings and run their examples, yours and those that came with the gateway: exit 1 where one
    does not give what it must."""
    own, root = _own(context), _examples(context, examples)
    verdicts: list[Verdict] = []
    ours: list[Verdict] = []
    compiled: dict[str, CompiledMapping] = {}
    for name in names or _names(own):
        compiled[name] = registry.load(name, own)
        verdicts += [judge(case, compiled[name]) for case in cases(root, name)]
        if examples is None and (found := _shipped(name, own)):
            # As they came: your tables would change what comes out.
            mapping = registry.load(name)
            ours += [judge(case, mapping) for case in found]
    ran = {verdict.case.mapping for verdict in (*verdicts, *ours)}
    without = [name for name in compiled if name not in ran]
    if as_json:
        print_json(
            {
                "examples": [
                    {
                        "mapping": verdict.case.mapping,
                        "case": verdict.case.name,
                        "from": whose,
                        "passed": verdict.passed,
                        "problem": verdict.problem,
                        "changes": [list(change) for change in verdict.changes],
                    }
                    for whose, some in (("you", verdicts), ("the gateway", ours))
                    for verdict in some
                ],
                "without examples": without,
            }
        )
    else:
        for verdict in (*verdicts, *(verdict for verdict in ours if not verdict.passed)):
            _print_verdict(verdict)
        for name, passed in Counter(verdict.case.mapping for verdict in ours if verdict.passed).items():
            OUT.print(Text.assemble(("passed", "green"), f"  {name}: {passed} examples of the gateway"))
        for name in without:
            OUT.print(
                shown(f"{name} {compiled[name].version}: compiled; there are no examples to run", "yellow")
            )
    if not all(verdict.passed for verdict in (*verdicts, *ours)):
        raise typer.Exit(1)


@app.command()
def keep(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="number of a stored invoice")],
    case: Annotated[str, typer.Argument(help="what to call the example")],
) -> None:
    """Make an example of a stored invoice. It is the real document: look through it before you share it."""
    if not _CASE.fullmatch(case):
        raise ConfigError(
            f"{case[:80]!r} cannot be the name of an example",
            where="gateway mappings keep",
            fix="use small letters, digits and hyphens",
        )
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = [item for item in submissions.find(connection, number) if item.part == 0]
            if not found:
                raise ConfigError(
                    f"there is no invoice {number} that is alone in its document",
                    where="gateway mappings keep",
                    fix="gateway status lists all of them",
                )
            submission = found[-1]
            content = documents.get(connection, submission.content_digest).content
        mapping = gateway.mapping(submission.source)
        company = gateway.company(submission.source)
    finally:
        gateway.close()
    if not isinstance(mapping, CompiledMapping):
        raise ConfigError(
            f"{number} came as an e-invoice and was not mapped",
            where="gateway mappings keep",
            fix="name an invoice of a source that uses a mapping file",
        )
    folder = _examples(context, None) / mapping.name / case
    if folder.exists():
        raise ConfigError("this example is there already", where=str(folder), fix="choose another name")
    folder.mkdir(parents=True)
    (folder / f"source{_SUFFIXES.get(mapping.reads, '.txt')}").write_bytes(content)
    with (folder / "company.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(company, file)
    accept(Case(mapping.name, folder), mapping)
    OUT.print(f"Wrote {folder}. Look through it for personal data before you share it.", soft_wrap=True)


@app.command("accept")
def accept_examples(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="a mapping")],
    case: Annotated[str | None, typer.Argument(help="one example; all where none is named")] = None,
    examples: _Examples = None,
) -> None:
    """Take what comes out today as what must come out. Read the difference first: gateway mappings check."""
    mapping = registry.load(name, _own(context))
    wanted = [item for item in cases(_examples(context, examples), name) if case in (None, item.name)]
    if not wanted:
        raise ConfigError(
            f"there is no such example of {name}",
            where="gateway mappings accept",
            fix="gateway mappings list counts them; keep makes one of a stored invoice",
        )
    for item in wanted:
        accept(item, mapping)
    OUT.print(f"{len(wanted)} examples of {name} {mapping.version} written")


@app.command()
def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="the mapping that a source uses today")],
    new: Annotated[str, typer.Argument(help="another mapping, or the path of a changed mapping file")],
    since: Annotated[str, typer.Option(help="how far back, in days: 30d")] = "30d",
    as_json: _Json = False,
) -> None:
    """Replay stored documents through a changed mapping: what would change, field by field, rule by rule?

    Nothing is stored or sent. Exit 1 where the new mapping would stop an invoice that is taken today.
    """
    days = since.removesuffix("d")
    if not days.isascii() or not days.isdigit() or not 0 < int(days) <= 36_500:
        raise ConfigError(f"{since[:20]!r} is no number of days", where="--since", fix="write it as 30d")
    gateway = Gateway.open(config_folder(context))
    try:
        own = gateway.settings.own_mappings
        before, after = registry.load(old, own), _changed(new, dict(own))
        if not any(source.mapping == old for source in gateway.settings.sources):
            raise ConfigError(
                f"no source uses the mapping {old}", where="sources/", fix="name one that a source uses"
            )
        moment = utc_now() - timedelta(days=int(days))
        results = list(replaying.replay(gateway, before, after, since=moment))
    finally:
        gateway.close()
    if as_json:
        print_json([asdict(result) | {"worse": result.worse} for result in results])
    else:
        _print_replay(before, after, results)
    if any(result.worse for result in results):
        raise typer.Exit(1)


def _changed(new: str, own: dict[str, str]) -> CompiledMapping:
    """The mapping of this name, or of this file, which may extend the ones there are."""
    file = Path(new)
    if file.suffix != ".yaml":
        return registry.load(new, own)
    if not file.is_file():
        raise ConfigError("there is no such file", where=new, fix="name a mapping, or the path of its file")
    own[file.name] = file.read_text("utf-8")
    return registry.load(file.stem, own)


def _print_verdict(verdict: Verdict) -> None:
    place = f"{verdict.case.mapping}/{verdict.case.name}"
    if verdict.passed:
        OUT.print(Text.assemble(("passed", "green"), f"  {place}"))
        return
    OUT.print(Text.assemble(("failed", "red"), f"  {place}"))
    if verdict.problem:
        OUT.print(shown(f"        {verdict.problem}"), soft_wrap=True)
    for line in _changes(verdict.changes):
        OUT.print(line, soft_wrap=True)


def _changes(changes: tuple[tuple[str, str, str], ...]) -> Iterator[Text]:
    for place, before, after in changes[:_MOST_SHOWN]:
        yield Text.assemble(
            (f"        {place}  ", "bold"), shown(before or "(nothing)"), " -> ", shown(after or "(nothing)")
        )
    if len(changes) > _MOST_SHOWN:
        yield Text(f"        and {len(changes) - _MOST_SHOWN} more", "dim")


def _print_replay(old: CompiledMapping, new: CompiledMapping, results: list[replaying.Replayed]) -> None:
    for result in results:
        if not result.changed:
            continue
        OUT.print(Text.assemble((shown(result.number).plain, "bold"), f"  {result.source}"))
        if result.problem_before != result.problem_after:
            OUT.print(
                shown(
                    f"        {result.problem_before or 'taken'} -> {result.problem_after or 'taken'}",
                    "red" if result.worse else "green",
                ),
                soft_wrap=True,
            )
        for line in _changes(result.terms):
            OUT.print(line, soft_wrap=True)
        if result.newly_broken:
            OUT.print(Text(f"        newly broken: {', '.join(result.newly_broken)}", "red"), soft_wrap=True)
        if result.no_longer_broken:
            OUT.print(
                Text(f"        no longer broken: {', '.join(result.no_longer_broken)}", "green"),
                soft_wrap=True,
            )
    changed, worse = (sum(getattr(one, name) for one in results) for name in ("changed", "worse"))
    OUT.print(
        f"{len(results)} documents through {old.name} {old.version} and {new.name} {new.version}: "
        f"{changed} would change, {worse} would newly stop; nothing was stored or sent",
        soft_wrap=True,
    )


def _own(context: typer.Context) -> dict[str, str]:
    """The mapping files of the config folder, if there is one; the rest of it need not be in order."""
    folder = config_folder(context) / "mappings"
    if not folder.is_dir():
        return {}
    found = {}
    for file in sorted((*folder.glob("*.yaml"), *folder.glob("tables/*.yaml"))):
        config_file.load(file)
        found[file.relative_to(folder).as_posix()] = file.read_text("utf-8")
    return found


def _shipped(name: str, own: dict[str, str]) -> list[Case]:
    """The examples that came with this mapping; none where a file of yours has its name."""
    return [] if f"{name}.yaml" in own else list(cases(shipped(), name))


def _names(own: dict[str, str]) -> list[str]:
    return list(dict.fromkeys((*registry.MAPPINGS, *(name[:-5] for name in own if "/" not in name))))


def _examples(context: typer.Context, given: Path | None) -> Path:
    return given if given is not None else config_folder(context) / "mappings" / "examples"
