"""Small rule sets for tests, and what they say about a document."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from lxml import etree

from formats.rules.pack import BrokenRule, RuleChecker, compile_rules, load

__all__ = ["broken", "checker", "holds", "no_files", "schema"]

_HEAD = (
    '<schema xmlns="http://purl.oclc.org/dsdl/schematron" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:u="urn:example:functions" '
    'queryBinding="xslt2"{attributes}>'
    '<ns prefix="a" uri="urn:example:a"/><ns prefix="u" uri="urn:example:functions"/>'
)


def schema(body: str, attributes: str = "") -> bytes:
    """A Schematron schema with this content."""
    return (_HEAD.format(attributes=attributes) + body + "</schema>").encode()


def no_files(name: str) -> bytes:
    raise AssertionError(f"the file {name} was asked for")


def checker(content: bytes, files: Mapping[str, bytes] | None = None, *, phase: str = "") -> RuleChecker:
    """A schema compiled and loaded; `files` are those that it may name."""
    resolve = no_files if files is None else files.__getitem__
    return load(compile_rules(content, resolve, phase=phase).code)


def broken(content: bytes, document: str, files: Mapping[str, bytes] | None = None) -> list[BrokenRule]:
    """The rules of a schema that a document breaks."""
    return list(checker(content, files).check(etree.fromstring(document)))


def holds(test: str, document: str, *, context: str = "/*") -> bool | str:
    """Whether an XPath test is true of a document; the reason where it cannot be evaluated."""
    rule = f'<rule context={quoteattr(context)}><assert id="T" test={quoteattr(test)}>text</assert></rule>'
    found = broken(schema(f"<pattern>{rule}</pattern>"), document)
    assert len(found) < 2
    if not found:
        return True
    return found[0].unevaluable or False
