"""Schematron sources (ISO/IEC 19757-3): inclusion, abstract patterns and rules, phases, variables.

What is abstract is made concrete here, so that the rule set holds plain patterns. Diagnostics are left aside:
they explain, and never decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urldefrag

from lxml import etree

from formats.rules import xpath
from formats.rules.model import Assert, Function, Key, Let, Pattern, Rule, RuleSet, Source
from formats.rules.renaming import renamed
from formats.rules.static import Refused
from formats.rules.xslt_body import flag_of
from formats.rules.xslt_functions import NAMESPACE as XSLT
from formats.rules.xslt_functions import function, key, variable
from formats.syntaxes import xml

__all__ = ["NAMESPACE", "read"]

NAMESPACE: Final = "http://purl.oclc.org/dsdl/schematron"
_S: Final = f"{{{NAMESPACE}}}"
_MOST_FILES: Final = 500
_DEEPEST: Final = 20
_LARGEST: Final = 50 * 1024 * 1024
_KNOWN_BINDINGS: Final = frozenset(("xslt2", "xslt3", "xpath2", "xpath3", "xslt", "xpath", ""))


def read(root: etree._Element, resolve: Callable[[str], bytes], phase: str) -> RuleSet:
    """The rule set of a schema. `phase` is "" for the schema's default, `#ALL` for everything.

    Raises Refused for what is not understood, and whatever `resolve` raises.
    """
    binding = (root.get("queryBinding") or "").lower()
    if binding not in _KNOWN_BINDINGS:
        raise Refused(f"the query binding {binding[:40]!r}")
    _Includer(resolve).expand(root, "", 0)
    return _Reader(root).rules(phase or root.get("defaultPhase") or "#ALL")


class _Includer:
    """Puts included files in place of `include` and `extends href`."""

    def __init__(self, resolve: Callable[[str], bytes]) -> None:
        self._resolve = resolve
        self._files = 0
        self._open: list[tuple[str, str]] = []  # the files being read, and the parts of them

    def expand(self, element: etree._Element, folder: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise Refused(f"files that include each other more than {_DEEPEST} deep")
        for child in list(element.iter(f"{_S}include", f"{_S}extends")):
            href = child.get("href")
            if href is not None:
                self._replace(child, href, folder, depth)

    def _replace(self, child: etree._Element, href: str, folder: str, depth: int) -> None:
        self._files += 1
        if self._files > _MOST_FILES:
            raise Refused(f"more than {_MOST_FILES} included files")
        name, fragment = urldefrag(href)
        path = _joined(folder, name)
        if (path, fragment) in self._open:
            raise Refused(f"the file {path[:100]!r} includes itself")
        included = xml.parse(self._resolve(path), largest=_LARGEST, as_written=True)
        if fragment:
            included = _by_id(included, fragment)
        parent = child.getparent()
        if parent is None:
            raise Refused("an include outside the schema")
        self._open.append((path, fragment))
        self.expand(included, path.rpartition("/")[0], depth + 1)
        self._open.pop()
        # An included schema or an extended element gives its content, any other element itself.
        takes_content = child.tag == f"{_S}extends" or included.tag == f"{_S}schema"
        new = list(included) if takes_content else [included]
        place = parent.index(child)
        parent.remove(child)
        for number, element in enumerate(new):
            parent.insert(place + number, element)


def _joined(folder: str, name: str) -> str:
    parts = folder.split("/") if folder else []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                parts.append("..")
            else:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _by_id(root: etree._Element, wanted: str) -> etree._Element:
    for element in root.iter(etree.Element):
        if wanted in (element.get("id"), element.get("{http://www.w3.org/XML/1998/namespace}id")):
            return element
    raise Refused(f"the included element {wanted!r} does not exist")


class _Reader:
    def __init__(self, root: etree._Element) -> None:
        self.root = root
        # The namespaces of included files hold for all: their ns elements now stand in the one schema.
        self.namespaces = {ns.get("prefix") or "": ns.get("uri") or "" for ns in root.iter(f"{_S}ns")}
        self.abstract_rules = {
            (rule.get("id") or ""): rule for rule in root.iter(f"{_S}rule") if rule.get("abstract") == "true"
        }

    def rules(self, phase: str) -> RuleSet:
        patterns = list(self.root.iter(f"{_S}pattern"))
        active, phase_lets = self.active(phase)
        abstract = {
            pattern.get("id") or "": pattern for pattern in patterns if pattern.get("abstract") == "true"
        }
        lets = [*self.lets(self.root, {}), *phase_lets]
        kept: list[Pattern] = []
        for pattern in patterns:
            if pattern.get("abstract") == "true" or (active is not None and pattern.get("id") not in active):
                continue
            body, parameters = self.concrete(pattern, abstract)
            # Variables of a pattern see the document and may be read by its rules only.
            own = list(self.lets(body, parameters)) + (
                list(self.lets(pattern, {})) if body is not pattern else []
            )
            rename = {let.name: f"{let.name} of pattern {len(kept)}" for let in own}
            lets += [Let(rename[let.name], _renamed(let.value, rename)) for let in own]
            kept.append(Pattern(tuple(self.pattern_rules(body, parameters, rename))))
        return RuleSet("Schematron", tuple(lets), self.functions(), self.keys(), tuple(kept))

    def active(self, phase: str) -> tuple[frozenset[str | None] | None, list[Let]]:
        """The ids of the patterns of a phase, None for all; and the variables of the phase."""
        if phase in ("#ALL", "#DEFAULT"):
            return None, []
        for element in self.root.iter(f"{_S}phase"):
            if element.get("id") == phase:
                ids = frozenset(entry.get("pattern") for entry in element.findall(f"{_S}active"))
                return ids, list(self.lets(element, {}))
        raise Refused(f"the phase {phase!r} does not exist")

    def concrete(
        self, pattern: etree._Element, abstract: Mapping[str, etree._Element]
    ) -> tuple[etree._Element, dict[str, str]]:
        """The pattern with the rules, and the values of its parameters."""
        name = pattern.get("is-a")
        if name is None:
            return pattern, {}
        if name not in abstract:
            raise Refused(f"the abstract pattern {name!r} does not exist")
        parameters = {p.get("name") or "": p.get("value") or "" for p in abstract[name].findall(f"{_S}param")}
        given = {p.get("name") or "": p.get("value") or "" for p in pattern.findall(f"{_S}param")}
        return abstract[name], {**parameters, **given}

    def functions(self) -> tuple[Function, ...]:
        return tuple(function(element) for element in self.root.iter(f"{{{XSLT}}}function"))

    def keys(self) -> tuple[Key, ...]:
        found = []
        for element in self.root.iter(f"{{{XSLT}}}key"):
            made = key(element)
            found.append(Key(made.name, self.with_namespaces(made.match), self.with_namespaces(made.use)))
        return tuple(found)

    def with_namespaces(self, source: Source) -> Source:
        return Source(
            source.text, {**source.namespaces, **self.namespaces}, source.default_namespace, source.parsed
        )

    def source(self, text: str, parameters: Mapping[str, str], rename: Mapping[str, str]) -> Source:
        return _renamed(Source(_filled(text, parameters), self.namespaces), rename)

    def name(self, name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        return f"{{{self.namespaces.get(prefix, '')}}}{local}" if colon else local

    def lets(self, element: etree._Element, parameters: Mapping[str, str]) -> Iterator[Let]:
        for child in element:
            if child.tag == f"{_S}let":
                name = _filled(child.get("name") or "", parameters)
                yield Let(self.name(name), self.let_value(child, parameters))
            elif child.tag == f"{{{XSLT}}}variable":
                yield variable(child)

    def let_value(self, element: etree._Element, parameters: Mapping[str, str]) -> Source:
        value = element.get("value")
        if value is None:
            raise Refused(f"the variable {element.get('name')!r} holds elements")
        return self.source(value, parameters, {})

    def pattern_rules(
        self, pattern: etree._Element, parameters: Mapping[str, str], rename: Mapping[str, str]
    ) -> Iterator[Rule]:
        for rule in pattern.findall(f"{_S}rule"):
            if rule.get("abstract") == "true":
                continue
            context = rule.get("context")
            if context is None:
                raise Refused(f"a rule without context ({rule.get('id')})")
            parts = list(self.flattened(rule, 0))
            lets, own = [], dict(rename)
            for part in parts:
                if part.tag == f"{_S}let":
                    name = self.name(_filled(part.get("name") or "", parameters))
                    value = _renamed(self.let_value(part, parameters), own)
                    own.pop(name, None)
                    lets.append(Let(name, value))
            asserts = [
                self.entry(part, parameters, own)
                for part in parts
                if part.tag in (f"{_S}assert", f"{_S}report")
            ]
            yield Rule(self.source(context, parameters, rename), tuple(lets), tuple(asserts))

    def flattened(self, rule: etree._Element, depth: int) -> Iterator[etree._Element]:
        """The parts of a rule, those of the abstract rules that it extends in their place."""
        if depth > _DEEPEST:
            raise Refused("abstract rules that extend each other")
        for child in rule:
            if child.tag == f"{_S}extends":
                base = child.get("rule") or ""
                if base not in self.abstract_rules:
                    raise Refused(f"the abstract rule {base!r} does not exist")
                yield from self.flattened(self.abstract_rules[base], depth + 1)
            elif isinstance(child.tag, str):
                yield child

    def entry(
        self, element: etree._Element, parameters: Mapping[str, str], rename: Mapping[str, str]
    ) -> Assert:
        test = element.get("test")
        if test is None:
            raise Refused(f"an assert without test ({element.get('id')})")
        flag = flag_of(element.get("flag"), element.get("role"))
        text = tuple(self.text(element, parameters, rename))
        id_ = _filled(element.get("id") or "", parameters)
        is_report = element.tag == f"{_S}report"
        return Assert(id_, flag, self.source(test, parameters, rename), is_report, text)

    def text(
        self, element: etree._Element, parameters: Mapping[str, str], rename: Mapping[str, str]
    ) -> Iterator[str | Source]:
        yield _filled(element.text or "", parameters)
        for child in element:
            if child.tag == f"{_S}value-of" or child.tag == f"{{{XSLT}}}value-of":
                yield self.source(child.get("select") or "''", parameters, rename)
            elif child.tag == f"{_S}name":
                yield self.source(f"name({child.get('path') or '.'})", parameters, rename)
            elif isinstance(child.tag, str):
                yield from self.text(child, parameters, rename)
            yield _filled(child.tail or "", parameters)


def _filled(text: str, parameters: Mapping[str, str]) -> str:
    """A text with the parameters of an abstract pattern put in; longer names first, as in `$a` and `$ab`."""
    if not parameters or "$" not in text:
        return text
    names = "|".join(re.escape(name) for name in sorted(parameters, key=len, reverse=True))
    return re.sub(rf"\$({names})(?![\w.-])", lambda match: parameters[match[1]], text)


def _renamed(source: Source, rename: Mapping[str, str]) -> Source:
    """An expression that reads variables of its pattern, which are kept apart from those of other
    patterns."""
    if not rename or "$" not in source.text:
        return source
    parsed = xpath.parse(source.text, source.namespaces) if source.parsed is None else source.parsed
    return Source(source.text, source.namespaces, source.default_namespace, renamed(parsed, rename))
