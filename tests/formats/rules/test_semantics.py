"""XPath as the published rules mean it: each of the traps that a rewrite in Python falls into."""

from __future__ import annotations

import pytest

from tests.formats.rules.building import broken, holds, schema

AMOUNTS = "<i><a>10.30</a><b>9.30</b><list><n>1</n><n>2</n><n>3</n></list><empty/></i>"


@pytest.mark.parametrize(
    "test",
    [
        # untyped minus integer is a double; casting that to decimal keeps its binary value
        "xs:decimal(a - 1) != 9.30",
        "xs:decimal(a) - 1 = 9.30",
        "string(xs:decimal(a - 1)) = '9.300000000000000710542735760100185871124267578125'",
    ],
)
def test_doubles_become_the_decimals_that_they_are(test: str) -> None:
    """Trap 1: at a difference of exactly one this decides BR-S-08."""
    assert holds(test, AMOUNTS) is True


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("a = 10.3", True),
        ("a = '10.3'", False),
        ("t = true()", True),
        ("normalize-space(t) = 'true'", False),
        ("a = c", False),
        ("number(a) = number(c)", True),
    ],
)
def test_untyped_text_compares_as_the_other_side_wants(test: str, expected: bool) -> None:
    """Trap 2: as a number with numbers, as a truth value with truth values, as text with text."""
    assert holds(test, "<i><a>10.30</a><c>10.3</c><t>1</t></i>") is expected


@pytest.mark.parametrize(
    "test",
    [
        "round(2.5) = 3",
        "round(-2.5) = -2",
        "round(0.5) = 1",
        "round(number('-0.5')) = 0",
        "1 div 3 = 0.333333333333333333",
        "10 div 4 = 2.5",
        "7 idiv 2 = 3",
        "-7 mod 3 = -1",
        "round(1.005 * 100) div 100 = 1.01",
    ],
)
def test_rounding_and_division(test: str) -> None:
    """Trap 3: half goes to plus infinity, whole numbers divide to decimals of 18 places."""
    assert holds(test, "<i/>") is True


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("empty(x + 1)", True),
        ("x = 1", False),
        ("x != 1", False),
        ("sum(x) = 0", True),
        ("string-length(x) = 0", True),
        ("every $v in x satisfies false()", True),
        ("some $v in x satisfies true()", False),
        ("not(x > 1) and not(x <= 1)", True),
        ("count(()) = 0", True),
    ],
)
def test_nothing_is_not_zero(test: str, expected: bool) -> None:
    """Trap 4: the empty sequence in arithmetic, comparison and functions."""
    assert holds(test, "<i/>") is expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("list/n = 2", True),
        ("list/n != 2", True),
        ("not(list/n = 2)", False),
        ("list/n > 2 and list/n < 2", True),
        ("list/n = ('3', '4')", True),
        ("list/n[1] eq '1'", True),
        ("list/n[1] eq '01'", False),
    ],
)
def test_comparisons_ask_for_any_pair(test: str, expected: bool) -> None:
    """Trap 5: `!=` is not the opposite of `=`, and `eq` compares untyped text as text."""
    assert holds(test, AMOUNTS) is expected


def test_a_rule_that_cannot_be_evaluated_is_reported_beside_the_others() -> None:
    """Trap 6: two items where one is wanted stop the official artefact; here every other result stays."""
    rules = schema(
        '<pattern><rule context="i"><assert id="A" flag="warning" test="normalize-space(n) = \'1\'">one '
        "name</assert>"
        '<assert id="B" flag="warning" test="false()">always</assert></rule></pattern>'
    )
    found = broken(rules, "<i><n>1</n><n>1</n></i>")
    assert [(rule.rule, rule.flag) for rule in found] == [("A", "fatal"), ("B", "warning")]
    assert found[0].unevaluable == "more than one item where one is wanted"
    assert found[1].unevaluable == ""


def test_a_comment_parts_texts() -> None:
    """Trap 6: text() of an element with a comment inside is two texts, its string value one."""
    document = "<i><n>3<!-- remark -->80</n></i>"
    assert holds("n = '380'", document) is True
    assert holds("count(n/text()) = 2", document) is True
    assert holds("normalize-space(n/text()) = '380'", document) == "more than one item where one is wanted"


def test_an_error_in_a_context_means_no_match() -> None:
    """Trap 7: the next rule of the pattern gets its turn."""
    rules = schema(
        '<pattern><rule context="i[normalize-space(n)=\'1\']"><assert id="A" test="false()">a</assert></rule>'
        '<rule context="i"><assert id="B" test="false()">b</assert></rule></pattern>'
    )
    assert [rule.rule for rule in broken(rules, "<i><n>1</n><n>1</n></i>")] == ["B"]


def test_variables_are_lazy_and_patterns_see_the_document() -> None:
    """Trap 8: an error in a variable shows where it is read only."""
    rules = schema(
        '<let name="bad" value="xs:decimal(\'x\')"/>'
        '<pattern><let name="names" value="i/n"/><rule context="n"><let name="worse" '
        "value=\"xs:decimal('y')\"/>"
        '<assert id="A" test="count($names) = 2">a</assert>'
        '<assert id="B" test="true() or $worse = 1 or $bad = 1 or $worse = 2">b</assert></rule></pattern>'
    )
    assert broken(rules, "<i><n>1</n><n>1</n></i>") == []


def test_the_first_rule_of_a_pattern_wins() -> None:
    """Trap 9: a node that one rule matched is not tested by a later one of the same pattern."""
    rules = schema(
        '<pattern><rule context="n[. = \'1\']"><assert id="A" test="false()">a</assert></rule>'
        '<rule context="n"><assert id="B" test="false()">b</assert></rule></pattern>'
        '<pattern><rule context="n"><assert id="C" test="false()">c</assert></rule></pattern>'
    )
    found = broken(rules, "<i><n>1</n><n>2</n></i>")
    assert [(rule.location, rule.rule) for rule in found] == [
        ("/i/n[1]", "A"),
        ("/i/n[1]", "C"),
        ("/i/n[2]", "B"),
        ("/i/n[2]", "C"),
    ]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("normalize-space(n) = '\u00a0x\u2003'", True),
        ("string-length(normalize-space(n)) = 3", True),
        ("matches(m, '^x$')", False),
        ("matches(n, '\\s')", True),
        ("matches('\u00a0', '\\s')", False),
        ("tokenize(normalize-space(w), '\\s') = 'b'", True),
    ],
)
def test_white_space_is_four_characters(test: str, expected: bool) -> None:
    """Trap 10: a no-break space stays, and `$` does not overlook a final line feed."""
    assert holds(test, "<i><n> \t\u00a0x\u2003\n</n><m>x\n</m><w> a\n b </w></i>") is expected


@pytest.mark.parametrize("number", ["1_000", "Infinity", "١٢", "1e2", "", "0x1", "1,5", "nan", "--1", "."])
def test_what_python_takes_for_a_number_is_none(number: str) -> None:
    """Trap 11: the casts of XPath know fewer numbers than Decimal does."""
    assert holds("n castable as xs:decimal", f"<i><n>{number}</n></i>") is False


@pytest.mark.parametrize("number", ["1", " 1.50\n", "+.5", "5.", "-0"])
def test_numbers_of_xpath(number: str) -> None:
    """Trap 11, the other side."""
    assert holds("n castable as xs:decimal", f"<i><n>{number}</n></i>") is True


@pytest.mark.parametrize(
    "test",
    [
        "count(//n/..) = 1",
        "count(list/n/../n) = 3",
        "count(list/n | list/n[1] | a) = 4",
        "string-join(list/n | a, '') = '10.30123'",
        "(list/n | a)[1] = '10.30'",
        "count(//n/ancestor::*) = 2",
        "list/n[3]/preceding-sibling::n[1] = '2'",
        "count(//*[n]) = 1",
        "list/n[last()] = 3 and list/n[position() > 1][1] = 2",
    ],
)
def test_nodes_come_once_and_in_order(test: str) -> None:
    """Trap 12: steps back up and unions."""
    assert holds(test, AMOUNTS) is True


def test_names_and_wildcards() -> None:
    """Trap 13: name() has the document's own prefix; wildcards of name and namespace."""
    document = '<z:i xmlns:z="urn:example:a"><z:n/><n/></z:i>'
    assert holds("name() = 'z:i'", document) is True
    assert holds("count(a:*) = 1 and count(*:n) = 2 and count(n) = 1 and count(*) = 2", document) is True
    assert holds("local-name() = 'i' and namespace-uri() = 'urn:example:a'", document) is True


def test_published_mistakes_are_kept() -> None:
    """Trap 14: a rule that looks for the currency inside the amount can never be broken."""
    document = '<i><total currency="EUR">1.234</total><currency>EUR</currency></i>'
    assert (
        holds("string-length(substring-after(total[@currency = total/currency], '.')) <= 2", document) is True
    )


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("empty", True),
        ("string(empty)", False),
        ("list/n", True),
        ("a/text()", True),
        ("empty/text()", False),
        ("@x", True),
        ("string(@x)", False),
        ("('a', 'b')", "two strings are neither true nor false"),
        ("0", False),
        ("number('x')", False),
        ("count(list/n) - 3", False),
    ],
)
def test_truth(test: str, expected: bool | str) -> None:
    """Trap 15: nodes are true by being there, one string by not being empty, two are an error."""
    assert holds(test, AMOUNTS.replace("<i>", '<i x="">')) is expected or holds(test, AMOUNTS) == expected


@pytest.mark.parametrize(
    "test",
    [
        "substring('12345', 2, 3) = '234'",
        "substring('12345', 0, 3) = '12'",
        "substring('12345', 1.5, 2.6) = '234'",
        "substring('12345', -1) = '12345'",
        "translate('abcabc', 'ab', 'X') = 'XcXc'",
        "substring-after('ab.c', '.') = 'c' and substring-before('ab.c', '.') = 'ab'",
        "string-join(('a', 'b'), '-') = 'a-b'",
        "upper-case('straße') = 'STRASSE'",
        "replace('a1b2', '[0-9]', '<$0>') = 'a<1>b<2>'",
        "string(1.50) = '1.5' and string(1e7) = '1.0E7' and string(100) = '100'",
        "number('') != number('')",
        "codepoints-to-string(reverse(string-to-codepoints('abc'))) = 'cba'",
        "distinct-values(('a', 'b', 'a'))[2] = 'b'",
        "xs:date('2026-02-28') < xs:date('2026-03-01')",
        "not('2026-02-29' castable as xs:date)",
        "max((1, 5, 3)) = 5 and min((1.5, 2)) = 1.5 and avg((1, 2)) = 1.5",
        "(for $i in 1 to 3 return $i * $i)[3] = 9",
        "index-of(('a', 'b'), 'b') = 2",
        "if (1 = 1) then true() else xs:decimal('x') = 1",
        "contains(' A B ', concat(' ', 'A B', ' '))",
        "not(contains(' A B ', concat(' ', 'C', ' ')))",
        "matches('12 34', '^\\d{2} \\d+$') and matches('Ab', 'aB', 'i')",
        "5 instance of xs:integer and not('5' instance of xs:integer)",
        "abs(-2) = 2 and floor(-1.5) = -2 and ceiling(1.2) = 2",
    ],
)
def test_functions(test: str) -> None:
    """What the functions of XPath give."""
    assert holds(test, "<i/>") is True


@pytest.mark.parametrize("test", ["n castable as xs:decimal", "(1, 2) castable as xs:integer"])
def test_several_items_are_not_castable_which_is_no_error(test: str) -> None:
    """Rules ask this first in order not to fail."""
    assert holds(test, "<i><n>1</n><n>2</n></i>") is False
    assert holds(f"not({test})", "<i><n>1</n><n>2</n></i>") is True


def test_an_operand_that_decides_is_heard_in_what_is_worked_out_once_for_a_document() -> None:
    """As Saxon does: `or` is true where one side is, though the other is no number."""
    test = "every $c in /i/c satisfies (xs:decimal((/i/n)[1]) = 1 or (/i/n)[1] = 'x')"
    assert holds(test, "<i><c/><n>x</n></i>") is True
    assert holds(test, "<i><c/><n>1</n></i>") is True
    assert holds(test, "<i><c/><n>2</n></i>") is False
    assert holds(test, "<i><c/><n>y</n></i>") == "not a decimal number: 'y'"
