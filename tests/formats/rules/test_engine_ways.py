"""Ways of Saxon and of edited style sheets that decide rules: found by comparing changed documents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from formats.rules.pack import compile_rules, load
from tests.formats.rules.building import broken, checker, holds, no_files, schema

ONE = '<pattern><rule context="i"><assert id="A" flag="warning" test="{}">a</assert></rule></pattern>'


@pytest.mark.parametrize(
    ("text", "test", "expected"),
    [
        ("-0.00", "n >= 0", False),
        ("-0", "n >= 0", True),
        ("-0", "n >= 0.0", False),
        ("-0.00", "n < 0", True),
        ("NaN", "n >= 0", True),
        ("NaN", "n < 0", False),
        ("NaN", "number(n) >= 0", False),
        ("+INF", "n > 0", True),
        ("0.00", "n = 0 and n >= 0.0", True),
    ],
)
def test_text_and_numbers_compare_in_the_order_of_java(text: str, test: str, expected: bool) -> None:
    """Minus zero is below zero and not-a-number above everything, where text of the document is compared."""
    assert holds(test, f"<i><n>{text}</n></i>") is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("0000-02-29", True),
        ("-0004-02-29", True),
        ("10000-01-01", True),
        ("02026-11-22", False),
        ("2026-02-29", False),
        ("2026-11-22+14:00", True),
        ("2026-11-22+14:01", False),
        ("99999999999-01-01", False),
    ],
)
def test_days_of_any_year(day: str, expected: bool) -> None:
    """XML Schema 1.1 knows the year zero and years of more than four digits."""
    assert holds("n castable as xs:date", f"<i><n>{day}</n></i>") is expected


@pytest.mark.parametrize(
    "test",
    [
        "xs:date('2026-11-22') = xs:date('2026-11-22Z')",
        "xs:date('2026-11-22') > xs:date('2026-11-22+14:00')",
        "xs:date(xs:dateTime('2026-11-22T23:30:00-02:00')) = xs:date('2026-11-22-02:00')",
        "string(xs:date('-0004-02-29Z')) = '-0004-02-29Z'",
        "string(xs:dateTime('2026-11-22T24:00:00')) = '2026-11-23T00:00:00'",
        "xs:date('10000-01-01') > xs:date('9999-12-31')",
        "xs:date('0000-03-01') > xs:date('0000-02-29')",
    ],
)
def test_days_and_zones(test: str) -> None:
    assert holds(test, "<i/>") is True


def test_the_day_of_the_check_comes_from_outside() -> None:
    """The compiler has no clock; Oman's rule asks for the day in its own zone."""
    today = (
        "xs:date(n) &lt;= current-date() and xs:date(n) &lt;= xs:date(adjust-dateTime-to-timezone("
        "current-dateTime(), xs:dayTimeDuration('PT4H')))"
    )
    rules = checker(schema(ONE.format(today)))
    evening = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    for day, fired in (("2026-11-22", False), ("2026-11-23", True)):
        found = rules.check(etree.fromstring(f"<i><n>{day}</n></i>"), now=evening)
        assert bool(found) is fired
    (unknown,) = rules.check(etree.fromstring("<i><n>2026-11-22</n></i>"))
    assert unknown.unevaluable == "the moment of the check is not known"


@pytest.mark.parametrize(
    "test",
    [
        "format-number(2.345, '#.00') = '2.34' and format-number(2.355, '#.00') = '2.36'",
        "format-number(0.5, '#.00') = '.50' and format-number(0, '#') = '0'",
        "format-number(1.015e0, '#.00') = '1.02' and format-number((), '0') = 'NaN'",
        "format-number(-12, '000.0#') = '-012.0'",
        "xs:float('0.1') + 0.2 = xs:float('0.3') and xs:float('0.1') != 0.1e0",
        "xs:decimal(xs:float('0.1')) = 0.100000001490116119384765625",
        "string(xs:float('16777217')) = '1.6777216E7' and string(xs:float('1') div 3) = '0.33333334'",
        "round(0.49999999999999994e0) = 0 and round(-2.5e0) = -2",
    ],
)
def test_pictures_and_single_precision(test: str) -> None:
    assert holds(test, "<i/>") is True


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ("xs:decimal(n) > 1 or not(x)", None),
        ("x and xs:decimal(n) > 1", "broken"),
        ("xs:decimal(n) > 1 and x", "broken"),
        ("not(xs:decimal(n) > 1 and x)", None),
        ("xs:decimal(n) > 1 or x", "not a decimal number: 'many'"),
        ("some $v in n satisfies (xs:decimal($v) > 1 or true())", None),
    ],
)
def test_a_part_that_decides_is_heard_beside_one_that_cannot_be_evaluated(
    test: str, outcome: str | None
) -> None:
    """XPath leaves the order of and/or open; Saxon asks the cheaper side first and never sees the error."""
    found = broken(schema(ONE.format(test.replace(">", "&gt;"))), "<i><n>many</n></i>")
    assert [rule.unevaluable or "broken" for rule in found] == ([outcome] if outcome else [])
    assert all((rule.flag == "fatal") is bool(rule.unevaluable) for rule in found)


TEMPLATE = """<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="2.0"
  xmlns:svrl="http://purl.oclc.org/dsdl/svrl" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xsl:variable name="table"><entry key="1">never read</entry></xsl:variable>{}</xsl:stylesheet>"""
RULE = '<xsl:template match="{}" mode="M1" priority="{}"><svrl:fired-rule/>{}</xsl:template>'
FAILED = '<svrl:failed-assert id="{}" flag="{}"><svrl:text>x</svrl:text></svrl:failed-assert>'


def edited(*rules: tuple[str, str]) -> bytes:
    """A style sheet as the skeleton writes it, edited by hand."""
    made = (RULE.format(match, 1000 - n, body) for n, (match, body) in enumerate(rules))
    return TEMPLATE.format("".join(made)).encode()


def fired(rules: bytes, document: str) -> list[str]:
    found = load(compile_rules(rules, no_files).code).check(etree.fromstring(document))
    return [rule.rule for rule in found]


def test_asserts_inside_conditions_and_loops() -> None:
    """Publishers nest what generators keep apart; every condition around an assert counts."""
    walk = '<xsl:apply-templates select="*" mode="M1"/>'
    body = (
        '<xsl:variable name="few" select="2" as="xs:float"/><xsl:choose><xsl:when test="a">'
        '<xsl:if test="count(a) &gt; $few">'
        + FAILED.format("MANY", "fatal")
        + "</xsl:if></xsl:when><xsl:otherwise>"
        + FAILED.format("NONE", "warning")
        + '</xsl:otherwise></xsl:choose><xsl:for-each select="a">'
        '<xsl:variable name="text" select="string(.)"/>'
        "<xsl:if test=\"$text = 'x' and ../b\">"
        + FAILED.format("EACH", "fatal")
        + "</xsl:if></xsl:for-each>"
        + walk
    )
    rules = edited(("i", body))
    assert fired(rules, "<i/>") == ["NONE"]
    assert fired(rules, "<i><a/><a/><a/></i>") == ["MANY"]
    assert fired(rules, "<i><a>x</a></i>") == []
    assert fired(rules, "<i><a>y</a><a>x</a><b/></i>") == ["EACH"]


def test_a_walk_that_ends_hides_what_is_below() -> None:
    """A template without apply-templates keeps the rules of its pattern from everything inside."""
    failed = FAILED.format("X", "fatal")
    assertion = f'<xsl:choose><xsl:when test="@x"/><xsl:otherwise>{failed}</xsl:otherwise></xsl:choose>'
    walk = '<xsl:apply-templates select="*" mode="M1"/>'
    ends = edited(("/i/a", "<xsl:if test='false()'/>"), ("/i/a/n", assertion + walk))
    goes_on = edited(("/i/a", walk), ("/i/a/n", assertion + walk))
    assert fired(ends, "<i><a><n/></a></i>") == []
    assert fired(goes_on, "<i><a><n/></a></i>") == ["X"]
