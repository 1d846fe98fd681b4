"""Broken rules as findings: severity as published, the place in short form with its line, the terms
concerned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from lxml import etree

from formats.finding import Finding, Severity
from formats.rules.pack import BrokenRule
from formats.syntaxes.binding import Binding
from gateway.rules.location import Places

__all__ = ["of_compiled", "of_saxon", "terms_in"]

# PINT calls BT-106 ibt-106.
_TERM: Final = re.compile(r"\b(?:B|ib)([TGtg]-[0-9]+(?:-[0-9]+)?)")
_FATAL: Final = ("fatal", "error", "")


def of_compiled(broken: Iterable[BrokenRule], binding: Binding) -> tuple[Finding, ...]:
    """What the compiled rules found. A rule that could not be evaluated is fatal, whatever it would be."""
    found = []
    for entry in broken:
        severity, text = _severity(entry.flag), entry.text
        if entry.unevaluable:
            severity = Severity.FATAL
            text = f"{text} (This rule could not be evaluated: {entry.unevaluable})"
        found.append(_finding(entry.rule, severity, text, entry.location, entry.line, binding))
    return tuple(found)


def of_saxon(
    failed: Iterable[Mapping[str, str]], root: etree._Element, binding: Binding
) -> tuple[Finding, ...]:
    """What Saxon's report names."""
    places = Places(root)
    return tuple(
        _finding(
            entry["rule"],
            _severity(entry["flag"]),
            entry["text"],
            places.readable(entry["location"]),
            places.line(entry["location"]),
            binding,
        )
        for entry in failed
    )


def terms_in(text: str) -> tuple[str, ...]:
    """The business terms and groups that a text names, "BT-106", each once, in order."""
    return tuple(dict.fromkeys(f"B{term.upper()}" for term in _TERM.findall(text)))


def _severity(flag: str) -> Severity:
    return Severity.FATAL if flag in _FATAL else Severity.WARNING


def _finding(
    rule: str, severity: Severity, text: str, location: str, line: int | None, binding: Binding
) -> Finding:
    named = (*terms_in(text), *binding.explain(location))
    return Finding(rule, severity, text, location, tuple(dict.fromkeys(named)), line)
