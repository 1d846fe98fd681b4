"""Saxon as the judge: what the published artefact itself says about a document."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from formats.rules.pack import BrokenRule, Document, RuleChecker, compile_rules, load
from gateway.rules.packs import package_file
from gateway.rules.svrl import read_report

__all__ = ["Verdict", "artefact", "checker_of", "full_run", "judge", "our_verdict"]

#: Ids of fatal rules and of others.
Verdict = tuple[frozenset[str], frozenset[str]]


def full_run() -> bool:
    """Whether the long runs are wanted (GATEWAY_FULL=1)."""
    return os.environ.get("GATEWAY_FULL") == "1"


def artefact(package: str, path: str) -> Path:
    """A published artefact inside an installed package; the test is skipped by its name where it is not."""
    found = package_file(package, path)
    if found is None:
        pytest.skip(f"the package {package} with {path} is not installed")
    return found


@cache
def checker_of(path: Path) -> RuleChecker:
    """The artefact compiled."""
    return load(compile_rules(path.read_bytes(), lambda name: (path.parent / name).read_bytes()).code)


@cache
def _saxon() -> Any:
    saxonche = pytest.importorskip("saxonche", reason="saxonche, the judge, is not installed")
    return saxonche.PySaxonProcessor(license=False)


@cache
def _style_sheet(path: Path) -> Any:
    return _saxon().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(path))


def judge(path: Path, document: bytes) -> Verdict | None:
    """What the artefact says under Saxon; None if it stops with a dynamic error."""
    node = _saxon().parse_xml(xml_text=document.decode("utf-8"))
    style_sheet = _style_sheet(path)
    try:
        report = style_sheet.transform_to_string(xdm_node=node)
    except import_module("saxonche").PySaxonApiError:
        return None
    failed = read_report(report.encode())
    return _sets(
        (rule["rule"], "fatal" if rule["flag"] in ("fatal", "error") else rule["flag"]) for rule in failed
    )


def our_verdict(broken: Iterable[BrokenRule]) -> Verdict:
    """The same of the compiled rules."""
    return _sets((rule.rule, rule.flag) for rule in broken)


def check(path: Path, document: bytes) -> tuple[BrokenRule, ...]:
    """The rules that a document breaks."""
    return checker_of(path).check(Document(etree.fromstring(document), document))


def _sets(rules: Iterable[tuple[str, str]]) -> Verdict:
    rules = list(rules)
    fatal = frozenset(rule for rule, flag in rules if flag == "fatal")
    return fatal, frozenset(rule for rule, flag in rules if flag != "fatal")
