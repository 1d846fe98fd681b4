"""Random XPath 2.0 expressions mean the same to the compiler as to Saxon, which judges many at a time."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from formats.rules.pack import NotUnderstood, compile_rules, load
from tests.formats.rules.building import no_files, schema
from tests.formats.rules.oracle import full_run

DOCUMENT = (
    '<i code="S" empty=""><n>5</n><n>7.50</n><n x="1"> 3 </n><z>-0.00</z><word>EUR</word><word>eur </word>'
    "<blank> </blank><date>2026-02-28</date><flag>true</flag><big>12345678901234567890.123</big><none/>"
    "<deep><n>1e2</n><n>abc</n><word>NL</word><deep><n>9</n></deep></deep><mixed>4<!-- x -->2</mixed></i>"
)

_PATHS = (
    "n", "n[1]", "n[last()]", "//n", "deep/n", "deep//n", "n[@x]", "word", "//word[. = 'NL']", "z", "blank",
    "none", "missing", "@code", "@empty", "@missing", "big", "date", "flag", "mixed", "mixed/text()",
    "deep/deep/n/..", "n | word", "*[2]", "//@*", "n[. > 5]", "n[position() > 1]",
    "deep/n[2]/preceding-sibling::*", "../i/n[3]",
)  # fmt: skip
_NUMBERS = (
    "0", "1", "2.50", "-1", "1e1", "0.1", "100", "3", "(-0.0)", "7.5", "0.005", "count(//n)", "sum(n)",
    "number(n[1])", "number(z)", "string-length(word[1])", "xs:decimal(n[2])", "number(missing)",
    "xs:integer(n[1])", "xs:double(z)", "count(missing)", "sum(missing)", "xs:float(n[2])", "max(n)",
    "min(n)", "avg(n)", "position()", "sum(for $v in n return xs:decimal($v))",
)  # fmt: skip
_TEXTS = (
    "'EUR'", "''", "' '", "'5'", "'a b'", "'true'", "'NL'", "'2026-02-28'", "normalize-space(n[1])",
    "normalize-space(word[1])", "normalize-space(blank)", "normalize-space(missing)",
    "normalize-space(@code)", "string-join(n, '-')", "string-join(//word, ' ')", "string-join(missing, '')",
)  # fmt: skip
_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
_TYPES = ("xs:decimal", "xs:date", "xs:integer", "xs:boolean", "xs:double")


class _Maker:
    """Expressions by chance, always the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  tests want to repeat

    def one(self, *of: str) -> str:
        return self.chance.choice(of)

    def number(self, depth: int = 0) -> str:
        kind = self.chance.randrange(6) if depth < 3 else 0
        if kind < 3:
            return self.one(*_NUMBERS)
        if kind == 3:
            return f"{self.one('round', 'abs', 'floor', 'ceiling')}({self.number(depth + 1)})"
        if kind == 4:
            return (
                f"(if ({self.truth(depth + 1)}) then {self.number(depth + 1)} else {self.number(depth + 1)})"
            )
        return f"({self.number(depth + 1)} {self.one('+', '-', '*', 'div', 'mod')} {self.number(depth + 1)})"

    def text(self, depth: int = 0) -> str:
        kind = self.chance.randrange(9) if depth < 3 else 0
        if kind < 3:
            return self.one(*_TEXTS)
        inner = self.text(depth + 1)
        return (
            f"{self.one('upper-case', 'lower-case', 'string', 'normalize-space')}({inner})",
            f"substring({inner}, {self.one('2', '0', '1, 2', '2, 10', '-1, 3', '1.5', '2.5, 1.5')})",
            f"concat({inner}, {self.text(depth + 1)})",
            f"substring-{self.one('before', 'after')}({inner}, {self.text(depth + 1)})",
            f"translate({inner}, 'EUR', 'us')",
            f"string({self.number(depth + 1)})",
        )[kind - 3]

    def truth(self, depth: int = 0) -> str:
        path, sign = self.one(*_PATHS), self.one(*_SIGNS)
        kinds: tuple[Callable[[], str], ...] = (
            lambda: f"{path} {sign} {self.number(depth + 1)}",
            lambda: f"{self.number(depth + 1)} {sign} {path}",
            lambda: f"{self.number(depth + 1)} {sign} {self.number(depth + 1)}",
            lambda: f"{path} {sign} {self.text(depth + 1)}",
            lambda: f"{path} {sign} {self.one(*_PATHS)}",
            lambda: f"{self.text(depth + 1)} {self.one('=', '!=', 'eq', 'ne')} {self.text(depth + 1)}",
            lambda: f"{self.one('not', 'exists', 'boolean')}({path})",
            lambda: f"{self.one('contains', 'starts-with', 'ends-with')}({self.text(1)}, {self.text(1)})",
            lambda: f"matches({self.text(depth + 1)}, '^[A-Z]{{2,3}}$')",
            lambda: f"({self.one('some', 'every')} $v in {path} satisfies $v {sign} {self.number(2)})",
            lambda: f"{self.text(2)} castable as {self.one(*_TYPES)}",
            lambda: f"{path} = ('EUR', 'NL', '5', 'S')",
            lambda: f"({self.truth(depth + 1)} {self.one('and', 'or')} {self.truth(depth + 1)})",
            lambda: f"not({self.truth(depth + 1)})",
        )
        return self.chance.choice(kinds if depth < 3 else kinds[:12])()


@cache
def _saxon() -> Any:
    saxonche = pytest.importorskip("saxonche", reason="saxonche, the judge, is not installed")
    return saxonche.PySaxonProcessor(license=False)


def _by_saxon(tests: list[str]) -> list[str]:
    """For each expression "T", "F", or "E" where it cannot be evaluated."""
    # A style sheet with an expression that can never be right is refused whole; then each half is tried.
    try:
        return _answers(tests)
    except import_module("saxonche").PySaxonApiError:
        if len(tests) == 1:
            return ["E"]
        half = len(tests) // 2
        return _by_saxon(tests[:half]) + _by_saxon(tests[half:])


def _answers(tests: list[str]) -> list[str]:
    body = "".join(
        f"<xsl:try><xsl:choose><xsl:when test={quoteattr(test)}>T</xsl:when><xsl:otherwise>F</xsl:otherwise>"
        "</xsl:choose><xsl:catch>E</xsl:catch></xsl:try>"
        for test in tests
    )
    sheet = (
        '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" version="3.0"><xsl:output method="text"/>'
        f'<xsl:template match="/"><xsl:for-each select="i">{body}</xsl:for-each></xsl:template>'
        "</xsl:stylesheet>"
    )
    compiled = _saxon().new_xslt30_processor().compile_stylesheet(stylesheet_text=sheet)
    return list(compiled.transform_to_string(xdm_node=_saxon().parse_xml(xml_text=DOCUMENT)))


def _by_compiler(test: str) -> str:
    rule = f'<pattern><rule context="/i"><assert id="T" test={quoteattr(test)}>t</assert></rule></pattern>'
    try:
        broken = load(compile_rules(schema(rule), no_files).code).check(etree.fromstring(DOCUMENT))
    except NotUnderstood:
        return "refused"
    return "T" if not broken else "E" if broken[0].unevaluable else "F"


@pytest.mark.parametrize("seed", range(20 if full_run() else 2))
def test_random_expressions(seed: int) -> None:
    """Where Saxon gives an answer, the compiler gives the same; errors are the rule's own business."""
    maker = _Maker(seed)
    tests = [maker.truth() for _ in range(200)]
    answers = [
        (test, wanted, _by_compiler(test)) for test, wanted in zip(tests, _by_saxon(tests), strict=True)
    ]
    assert [answer for answer in answers if not _agree(*answer)] == []
    assert sum(wanted != "E" for _, wanted, _ in answers) > len(tests) // 2


def _agree(test: str, wanted: str, own: str) -> bool:
    # Compared with not-a-number, Saxon does not even look whether the text is a number.
    not_a_number = "number(missing)" in test or " mod " in test or " div " in test
    return wanted == "E" or own in (wanted, "refused") or (own == "E" and not_a_number)


def test_most_expressions_are_understood() -> None:
    """The comparison above would prove nothing if everything were refused."""
    tests = [f"{path} {sign} {number}" for path in _PATHS for sign in ("=", "<") for number in ("5", "2.50")]
    assert sum(_by_compiler(test) == "refused" for test in tests) <= len(tests) // 10
