"""gateway explain: what a rule wants, and what exactly is wrong with one invoice and where to mend it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from formats.errors import ConfigError
from formats.finding import Finding, Severity
from formats.model.invoice import Invoice
from formats.model.terms import CATALOGUE
from gateway.cli.output import OUT, config_folder, print_json
from gateway.clock import utc_now
from gateway.pipeline.convert import invoice_of
from gateway.rules import clerk
from gateway.rules.catalogue import PublishedRule, rules_of
from gateway.rules.packs import RulePack, in_force
from gateway.rules.store import RuleShelf, rule_folders
from gateway.rules.words import words
from gateway.store import documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["register"]


class Language(StrEnum):
    """Of our own words; the rules stay as published."""

    EN = "en"
    NL = "nl"
    DE = "de"
    FR = "fr"


@dataclass(frozen=True, slots=True)
class _Case:
    """One invoice and what the rule says of it. `origins` are the ERP's values behind the terms concerned."""

    number: str
    judged: bool
    findings: tuple[Finding, ...]
    sentences: tuple[str, ...]
    origins: tuple[dict[str, Any], ...]


def explain(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="the id of a rule, for example BR-CO-15")],
    invoice: Annotated[
        str, typer.Option(help="an invoice number: what is wrong there, and where to mend it")
    ] = "",
    language: Annotated[Language, typer.Option(help="of the gateway's own words")] = Language.EN,
    test: Annotated[bool, typer.Option("--test", help="the published test too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """What a rule wants: its text as published, its severity, the business terms and the test."""
    shelf = RuleShelf(rule_folders(config_folder(context)))
    found = _published(shelf, rule)
    if not found:
        raise ConfigError(
            f"no installed rule pack has a rule {rule[:60]}",
            where="gateway explain",
            fix="check the id; gateway rules list shows what is installed, gateway rules add takes more",
        )
    case = _case(context, invoice, rule, found) if invoice else None
    if as_json:
        print_json(
            {
                "rules": [asdict(one) | {"pack": pack.name, "terms": one.terms} for pack, one in found],
                "invoice": None if case is None else asdict(case),
            }
        )
        return
    told = words(language)
    wordings: dict[tuple[str, str], list[tuple[RulePack, PublishedRule]]] = {}
    for pack, one in found:
        wordings.setdefault((one.flag, one.text), []).append((pack, one))
    for same in wordings.values():
        _print_rule(same, told, test=test)
    if case is not None:
        _print_case(case, told)


def _published(shelf: RuleShelf, rule: str) -> list[tuple[RulePack, PublishedRule]]:
    """The rule in every pack that judges today; ids are compared without regard to case."""
    today = utc_now().date()
    packs = [pack for key in shelf if (pack := in_force(shelf[key], today)) is not None]
    wanted = rule.upper()
    # Reading a pack takes a moment, and most do not mention the rule at all.
    mentioned = [pack for pack in packs if wanted in pack.path.read_text("utf-8", errors="replace").upper()]
    return [(pack, one) for pack in mentioned for one in rules_of(pack) if one.rule.upper() == wanted]


def _case(
    context: typer.Context, number: str, rule: str, found: list[tuple[RulePack, PublishedRule]]
) -> _Case:
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            submission = _submission(submissions.find(connection, number), number)
            report: dict[str, Any] = {}
            if submission.report_digest:
                report = json.loads(documents.get(connection, submission.report_digest).content)
            origins: list[dict[str, Any]] = []
            if submission.origins_digest:
                origins = json.loads(documents.get(connection, submission.origins_digest).content)
            canonical: Invoice | None = None
            if submission.invoice_digest:
                canonical = invoice_of(connection, submission)
    finally:
        gateway.close()
    broken = tuple(
        Finding(**{**entry, "severity": Severity(entry["severity"]), "terms": tuple(entry["terms"])})
        for entry in report.get("findings", ())
        if entry["rule"].upper() == rule.upper()
    )
    terms = {term for finding in broken for term in finding.terms} or {
        t for _, one in found for t in one.terms
    }
    return _Case(
        submission.number,
        bool(report),
        broken,
        tuple(clerk.sentence(finding, canonical) for finding in broken),
        tuple(origin for origin in origins if origin["term"] in terms),
    )


def _submission(found: list[Submission], number: str) -> Submission:
    if not found:
        raise ConfigError(
            f"there is no invoice {number}", where="gateway explain", fix="gateway status lists all of them"
        )
    return found[-1]


def _print_rule(same: list[tuple[RulePack, PublishedRule]], told: Mapping[str, str], *, test: bool) -> None:
    """One wording of the rule, with the packs that have it."""
    rule = same[0][1]
    severity = "fatal" if rule.flag in ("fatal", "error", "") else "warning"
    names = ", ".join(
        f"{term} ({CATALOGUE[term].attribute.replace('_', ' ')})" if term in CATALOGUE else term
        for term in rule.terms
    )
    tests = {("fault" if one.fires_on else "test", one.context, one.test): None for _, one in same}
    rows = [
        ("rule", rule.rule),
        ("severity", f"{told[severity]} ({rule.flag})" if rule.flag else told[severity]),
        ("says", rule.text),
        ("terms", names),
    ]
    for kind, where, what in tests if test else ():
        rows += [("applies to", where), (kind, what)]
    rows += [("release", _release(pack)) for pack in dict.fromkeys(pack for pack, _ in same)]
    for key, value in rows:
        if value:
            OUT.print(Text.assemble((f"{told[key]:22} ", "dim"), value), soft_wrap=True)
    OUT.print()


def _release(pack: RulePack) -> str:
    return f"{pack.title}, {pack.release}, {pack.publisher}. {pack.superseded}".rstrip(". ")


def _print_case(case: _Case, told: Mapping[str, str]) -> None:
    OUT.print(Text(f"{told['invoice']} {case.number}", style="bold"))
    if not case.findings:
        OUT.print(told["kept"] if case.judged else told["not judged"])
    for finding, sentence in zip(case.findings, case.sentences, strict=True):
        place = f"{finding.location}" + (f", {told['line']} {finding.line}" if finding.line else "")
        OUT.print(Text.assemble((f"{told['why']:22} ", "dim"), sentence), soft_wrap=True)
        OUT.print(Text.assemble((f"{told['place']:22} ", "dim"), place), soft_wrap=True)
    if case.origins:
        OUT.print(Text(told["origin"], "dim"))
    for origin in case.origins:
        line = f"{origin['mapping']}:{origin['line']}" + (f" {origin['table']}" if origin["table"] else "")
        OUT.print(
            Text.assemble(
                f"  {origin['term']:8} ",
                (str(origin["value"] or told["none"]), "bold"),
                f"  {origin['field']}  ",
                (f"{origin['source']}  {line}", "dim"),
            ),
            soft_wrap=True,
        )


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(explain)
