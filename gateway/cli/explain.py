"""gateway explain: what a rule wants, and what exactly is wrong with one invoice and where to mend it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from formats.errors import ConfigError
from formats.finding import Finding, Severity
from formats.model.invoice import Invoice
from formats.model.names import name_of
from formats.model.terms import CATALOGUE
from formats.phrases import phrases
from gateway.cli.findings import finding_facts, print_findings
from gateway.cli.languages import Language
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.clock import utc_now
from gateway.rules.catalogue import PublishedRule, rules_of
from gateway.rules.clerk import Explained, explained
from gateway.rules.packs import RulePack, in_force
from gateway.rules.store import RuleShelf, rule_folders

__all__ = ["register"]


_NEAR: Final = 8


@dataclass(frozen=True, slots=True)
class _Case:
    """One invoice and what the rules say of it. `origins` are the ERP's values behind the terms
    concerned."""

    number: str
    judged: bool
    findings: tuple[tuple[Finding, Explained], ...]
    origins: tuple[dict[str, Any], ...]


def explain(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="the id of a rule, for example BR-CO-15")] = "",
    invoice: Annotated[
        str, typer.Option(help="an invoice number: what is wrong there, and where to mend it")
    ] = "",
    language: Annotated[Language, typer.Option(help="of the gateway's own words")] = Language.EN,
    test: Annotated[bool, typer.Option("--test", help="the published test too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """What a rule wants: its text as published, its severity, the business terms and the test.

    With --invoice what it, or without RULE every rule, finds wrong with that invoice.
    """
    if not rule and not invoice:
        raise ConfigError(
            "neither a rule nor an invoice is named",
            where="gateway explain",
            fix="write gateway explain BR-CO-15, gateway explain --invoice 2026-00417, or both",
        )
    found = _published(RuleShelf(rule_folders(config_folder(context))), rule) if rule else []
    if rule and not found:
        raise _no_such_rule(RuleShelf(rule_folders(config_folder(context))), rule[:60])
    case = _case(context, invoice, rule, found, language) if invoice else None
    if as_json:
        print_json(
            {
                "rules": [asdict(one) | {"pack": pack.name, "terms": one.terms} for pack, one in found],
                "invoice": None if case is None else _case_facts(case),
            }
        )
        return
    words = phrases(language)
    wordings: dict[tuple[str, str], list[tuple[RulePack, PublishedRule]]] = {}
    for pack, one in found:
        wordings.setdefault((one.flag, one.text), []).append((pack, one))
    for same in wordings.values():
        _print_rule(same, words, language, test=test)
    if case is not None:
        _print_case(case, words, every=not rule)


def _published(shelf: RuleShelf, rule: str) -> list[tuple[RulePack, PublishedRule]]:
    """The rule in every pack that judges today; ids are compared without regard to case."""
    today = utc_now().date()
    packs = [pack for key in shelf if (pack := in_force(shelf[key], today)) is not None]
    wanted = rule.upper()
    # Reading a pack takes a moment, and most do not mention the rule at all.
    mentioned = [pack for pack in packs if _mentions(pack, wanted)]
    return [(pack, one) for pack in mentioned for one in rules_of(pack) if one.rule.upper() == wanted]


def _no_such_rule(shelf: RuleShelf, rule: str) -> ConfigError:
    """With the ids that begin like this one: publishers number the parts of a rule."""
    today = utc_now().date()
    packs = [pack for key in shelf if (pack := in_force(shelf[key], today)) is not None]
    near = sorted(
        {
            one.rule
            for pack in packs
            if _mentions(pack, rule.upper())
            for one in rules_of(pack)
            if one.rule.upper().startswith(rule.upper())
        }
    )
    fix = "check the id; gateway rules list shows what is installed, gateway rules add takes more"
    if near:
        fix = f"there are {', '.join(near[:_NEAR])}" + (" and others" if len(near) > _NEAR else "")
    return ConfigError(f"no installed rule pack has a rule {rule}", where="gateway explain", fix=fix)


def _mentions(pack: RulePack, wanted: str) -> bool:
    files = [pack.path]
    if pack.root is not None:  # the rules may stand in a file that the main one includes
        files = [file for file in sorted(pack.root.rglob("*")) if file.is_file()]
    return any(wanted in file.read_text("utf-8", errors="replace").upper() for file in files)


def _case(
    context: typer.Context,
    number: str,
    rule: str,
    found: list[tuple[RulePack, PublishedRule]],
    language: Language,
) -> _Case:
    # What reads the database takes a moment to load, and a rule alone needs none of it.
    from gateway.pipeline.convert import invoice_of
    from gateway.store import documents, submissions
    from gateway.wiring import Gateway

    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            known = submissions.find(connection, number)
            if not known:
                raise ConfigError(
                    f"there is no invoice {number}",
                    where="gateway explain",
                    fix="gateway status lists all of them",
                )
            submission = known[-1]
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
    broken = [
        Finding(**{**entry, "severity": Severity(entry["severity"]), "terms": tuple(entry["terms"])})
        for entry in report.get("findings", ())
        if not rule or entry["rule"].upper() == rule.upper()
    ]
    told = [explained(finding, canonical, language) for finding in broken]
    terms = {term.term for one in told for term in one.terms} or {t for _, one in found for t in one.terms}
    return _Case(
        submission.number,
        bool(report),
        tuple(zip(broken, told, strict=True)),
        tuple(origin for origin in origins if origin["term"] in terms),
    )


def _case_facts(case: _Case) -> dict[str, Any]:
    return {
        "number": case.number,
        "judged": case.judged,
        "findings": [finding_facts(finding, told) for finding, told in case.findings],
        "origins": case.origins,
    }


def _print_rule(
    same: list[tuple[RulePack, PublishedRule]], words: Mapping[str, str], language: Language, *, test: bool
) -> None:
    """One wording of the rule, with the packs that have it."""
    rule = same[0][1]
    severity = words["label.fatal" if rule.flag in ("fatal", "error", "") else "label.warning"]
    names = ", ".join(
        f"{name_of(term, language)} ({term})" if term in CATALOGUE else term for term in rule.terms
    )
    tests = {("fault" if one.fires_on else "test", one.context, one.test): None for _, one in same}
    rows = [
        ("rule", rule.rule),
        ("severity", f"{severity} ({rule.flag})" if rule.flag else severity),
        ("text", rule.text),
        ("terms", names),
    ]
    for kind, where, what in tests if test else ():
        rows += [("context", where), (kind, what)]
    rows += [("release", _release(pack)) for pack in dict.fromkeys(pack for pack, _ in same)]
    for key, value in rows:
        if value:
            OUT.print(Text.assemble((f"{words[f'label.{key}']:22} ", "dim"), shown(value)), soft_wrap=True)
    OUT.print()


def _release(pack: RulePack) -> str:
    return f"{pack.title}, {pack.release}, {pack.publisher}. {pack.superseded}".rstrip(". ")


def _print_case(case: _Case, words: Mapping[str, str], *, every: bool) -> None:
    OUT.print(shown(f"{words['label.invoice']} {case.number}", style="bold"))
    if not case.findings:
        kept = words["case.clean" if every else "case.kept"]
        OUT.print(kept if case.judged else words["case.not_judged"])
    print_findings(case.findings, words)
    if case.origins:
        OUT.print(Text(words["label.origin"], "dim"))
    for origin in case.origins:
        line = f"{origin['mapping']}:{origin['line']}" + (f" {origin['table']}" if origin["table"] else "")
        OUT.print(
            Text.assemble(
                f"  {origin['term']:8} ",
                shown(str(origin["value"] or words["label.empty"]), "bold"),
                shown(f"  {origin['field']}  "),
                shown(f"{origin['source']}  {line}", "dim"),
            ),
            soft_wrap=True,
        )


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(explain)
