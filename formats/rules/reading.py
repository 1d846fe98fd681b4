"""Telling Schematron from compiled XSLT, and reading either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from formats.rules import schematron, xslt
from formats.rules.model import RuleSet
from formats.rules.refusal import NotUnderstood
from formats.rules.static import Refused
from formats.rules.xpath import XPathSyntax
from formats.syntaxes import xml

__all__ = ["read_rules"]

_LARGEST: Final = 50 * 1024 * 1024


def read_rules(main: bytes, resolve: Callable[[str], bytes], phase: str) -> RuleSet:
    """The rule set in a file, told by its root element. Raises NotUnderstood and MalformedDocument."""
    root = xml.parse(main, largest=_LARGEST, as_written=True)
    try:
        if root.tag in (f"{{{schematron.NAMESPACE}}}schema", "{http://www.ascc.net/xml/schematron}schema"):
            return schematron.read(root, resolve, phase)
        if root.tag in (f"{{{xslt.NAMESPACE}}}stylesheet", f"{{{xslt.NAMESPACE}}}transform"):
            return xslt.read(root)
    except (Refused, XPathSyntax) as error:
        raise NotUnderstood(str(error), rule="all", expression="") from error
    raise NotUnderstood(f"a file that starts with {str(root.tag)[:80]!r}", rule="all", expression="")
