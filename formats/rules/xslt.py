"""The rules inside a style sheet that the ISO skeleton or SchXslt generated from a Schematron.

Both write one template per rule, with the pattern as mode and the order as priority. The skeleton gives
asserts as `xsl:choose`, SchXslt as `xsl:if`, and keeps several patterns in one mode, told apart by
`schxslt:rule`.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from formats.rules.model import Let, Pattern, Rule, RuleSet
from formats.rules.static import Refused
from formats.rules.xslt_body import asserts_under
from formats.rules.xslt_functions import NAMESPACE, function, key, source, variable

__all__ = ["NAMESPACE", "read"]

_X: Final = f"{{{NAMESPACE}}}"
_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"
_SCHXSLT: Final = "{https://doi.org/10.5281/zenodo.1495494}"
# The generators' own variables, functions and keys, which no rule reads.
_VARIABLE: Final = re.compile(r"\$\s*([\w.:-]+)")
_HOUSEKEEPING: Final = frozenset(
    ["document-uri", "archiveDirParameter", "archiveNameParameter", "fileNameParameter", "fileDirParameter"]
)


def read(root: etree._Element) -> RuleSet:
    """The rule set. Raises Refused for anything that no known generator writes."""
    patterns = _patterns(root)
    if not patterns:
        raise Refused("no rules of a known generator")
    read_names = _names_read(root)
    lets = [
        variable(element)
        for element in root
        if element.tag in (f"{_X}variable", f"{_X}param")
        and _is_of_the_rules(element)
        and element.get("name") in read_names
    ]
    functions = [
        function(element)
        for element in root.findall(f"{_X}function")
        if "zenodo.1495494" not in element.nsmap.get((element.get("name") or "").partition(":")[0], "")
    ]
    keys = [key(element) for element in root.findall(f"{_X}key")]
    return RuleSet(_generator(root), (*_mode_lets(root), *lets), tuple(functions), tuple(keys), patterns)


def _is_of_the_rules(element: etree._Element) -> bool:
    name = element.get("name") or ""
    prefix = name.partition(":")[0] if ":" in name else ""
    ours = name in _HOUSEKEEPING or "zenodo.1495494" in element.nsmap.get(prefix, "")
    has_value = element.get("select") is not None or bool(len(element)) or bool((element.text or "").strip())
    return not ours and has_value


def _names_read(root: etree._Element) -> frozenset[str]:
    """The variables that any expression reads: tables that nothing reads may hold what is not understood."""
    return frozenset(
        name
        for element in root.iter(etree.Element)
        for value in element.attrib.values()
        if "$" in value
        for name in _VARIABLE.findall(str(value))
    )


def _generator(root: etree._Element) -> str:
    label = root.find(".//{http://www.w3.org/2004/02/skos/core#}prefLabel")
    if label is not None and label.text:
        return " ".join(label.text.split())
    return (
        "SchXslt" if any(_SCHXSLT[1:-1] == uri for uri in root.nsmap.values()) else "ISO Schematron skeleton"
    )


def _patterns(root: etree._Element) -> tuple[Pattern, ...]:
    groups: dict[str, list[tuple[float, int, etree._Element]]] = {}
    for number, template in enumerate(root.findall(f"{_X}template")):
        if (
            template.get("match")
            and template.get("mode")
            and template.find(f".//{_SVRL}fired-rule") is not None
        ):
            priority = float(template.get("priority") or 0.5)
            groups.setdefault(_group(template), []).append((-priority, -number, template))
    return tuple(_pattern(group) for group in groups.values())


def _pattern(group: list[tuple[float, int, etree._Element]]) -> Pattern:
    hidden = _hidden(group)
    reached = [
        template
        for _, _, template in sorted(group, key=lambda entry: entry[:2])
        if "|" in _match(template) or not _match(template).startswith(hidden)
    ]
    return Pattern(tuple(_rule(template) for template in reached), _visits(group))


def _hidden(group: list[tuple[float, int, etree._Element]]) -> tuple[str, ...]:
    """How the matches begin that the walk never comes to: an edited template without `apply-templates` hides
    what is below it."""
    return tuple(
        _match(above) + "/"
        for _, _, above in group
        if above.find(f".//{_X}apply-templates[@mode='{above.get('mode')}']") is None
        and above.find(f".//{_X}next-match") is None
    )


def _match(template: etree._Element) -> str:
    return " ".join((template.get("match") or "").split())


def _group(template: etree._Element) -> str:
    """What parts patterns: the mode, and in SchXslt the pattern named inside."""
    marker = template.find(f".//{_SCHXSLT}rule[@pattern]")
    return f"{template.get('mode')} {marker.get('pattern') if marker is not None else ''}"


def _visits(group: list[tuple[float, int, etree._Element]]) -> bool:
    """Whether the style sheet's walk comes past attributes."""
    walks = [
        walk.get("select") or "" for _, _, rule in group for walk in rule.findall(f"{_X}apply-templates")
    ]
    return not walks or any("@*" in walk for walk in walks)


def _holder(template: etree._Element) -> etree._Element:
    """The element that holds the asserts of a rule."""
    for rule in template.iter(f"{_SCHXSLT}rule"):
        if rule.find(f"{_SVRL}fired-rule") is not None:
            return rule
    return template


def _mode_lets(root: etree._Element) -> list[Let]:
    """SchXslt's variables of a pattern stand in the template that starts its mode, with the document as
    context."""
    found = {}
    for template in root.findall(f"{_X}template"):
        starts = (
            template.get("match") == "/"
            and template.get("mode")
            and template.find(f".//{_SVRL}fired-rule") is None
        )
        named = template.get("name") is not None
        if starts or named:
            for element in template.findall(f"{_X}variable"):
                if _is_of_the_rules(element) and element.get("name") not in (
                    "metadata",
                    "report",
                    "schxslt:report",
                ):
                    let = variable(element)
                    found[let.name] = let
    return list(found.values())


def _rule(template: etree._Element) -> Rule:
    lets = [variable(element) for element in template.findall(f"{_X}variable")]
    holder = _holder(template)
    if holder is not template:
        lets += [variable(element) for element in holder.findall(f"{_X}variable")]
    return Rule(source(template, "match"), tuple(lets), tuple(asserts_under(holder)))
