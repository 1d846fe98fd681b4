"""Functions written for what published rules often say give what the plain expressions give, errors
included."""

from __future__ import annotations

from decimal import Decimal

import pytest
from lxml import etree

from formats.rules.arithmetic import cents, div, mul, rounded
from formats.rules.nodes import PLACES
from formats.rules.pack import Document
from formats.rules.shortcuts import existence, looked_up_first, shortened
from formats.rules.texts import only_upper
from formats.rules.truth import any_above, any_at_least, any_boolean
from formats.rules.tuning import parsed, written
from formats.rules.values import Fault
from tests.formats.rules.building import broken, schema

ONE = b'<r><a x="1"><b y="1">t</b></a><b><c x="2"/></b><b x="3"/></r>'
OTHER = b"<r><a><b>t</b></a><b><c/></b><b/></r>"


@pytest.mark.parametrize(
    ("plain", "short"),
    [
        ("any((boolean(string_value(v)) == False for v in v0))", "any_boolean(v0, False)"),
        ("any((q == string_value(v) for v in v0))", "has_text(v0, q)"),
        ("any((ranked_whole(string_value(v)) >= 0.0 for v in v0))", "any_at_least(v0, 0.0)"),
        ("any((ranked_whole(string_value(v)) > 0.0 for v in v0))", "any_above(v0, 0.0)"),
        ("[tidy(child_text(v, T1).upper()) for v in v0]", "upper_texts(v0, T1)"),
        ("true_any([tidy(child_text(v, T1).upper()) == 'A' for v in v0])", "only_upper(v0, T1, 'A')"),
        ("div(rounded(mul(mul(v0, 10), 10)), 100)", "cents(v0)"),
        ("div(rounded(v0 * 10 * 10), 100)", "cents(v0)"),
    ],
)
def test_what_rules_often_say_is_one_call(plain: str, short: str) -> None:
    """Each of the forms as the compiler writes it."""
    assert written(shortened(parsed(plain))) == short


@pytest.mark.parametrize(
    "plain",
    [
        "any((boolean(string_value(v)) == False for v in v0 if v.p))",
        "any((v == string_value(v) for v in v0))",
        "div(rounded(mul(mul(v0, 10), 100)), 100)",
        "div(rounded(mul(v0, 10)), 10)",
        "div(rounded(v0 * 10.0 * 10.0), 100)",
        "div(rounded(v0 * 10 * 10), 100.0)",
    ],
)
def test_other_forms_stay(plain: str) -> None:
    """What only looks like one of the forms is left as it is."""
    assert written(shortened(parsed(plain))) == plain


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("[v2 for v1 in S.d.tagged(T1) for v2 in v1.c.get(T2, ())]", "S.d.leads(T1, T2)"),
        ("ordered([v2 for v1 in S.d.tagged(T1) for v2 in down2(v1, T2, T3)])", "S.d.leads(T1, T2, T3)"),
        ("[v2 for v1 in S.d.tagged(T1) for v2 in opt(v1.a.get(T2))]", "S.d.leads_to(T2, T1)"),
        ("[v2 for v1 in S.d.tagged(T1) if v1.c for v2 in v1.c.get(T2, ())]", None),
        ("[v1 for v1 in S.d.tagged(T1) for v2 in v1.c.get(T2, ())]", None),
        ("[v2 for v1 in S.d.tagged(T1) for v2 in v0.c.get(T2, ())]", None),
        ("len(S['h1'])", None),
    ],
)
def test_existence_is_asked_of_the_paths(value: str, asked: str | None) -> None:
    """A way of names from anywhere; nothing with a condition."""
    found = existence(value)
    assert (None if found is None else written(found)) == asked


def test_what_a_dictionary_does_not_have_is_not_computed() -> None:
    """Such values are looked up first, others stay."""
    look = looked_up_first(
        {
            "h1": "S['h9'].get('A', ())",
            "h2": "S.apart(lambda: [v1 for v1 in S.over(S['h9'].get('B', ())) if v1.c])",
            "h3": "[v1 for v1 in S.over(S['h9'].get('B', ())) for v2 in v1.c]",
        }
    )
    assert look("S['h1'] or S['h2'] or S['h3']") == (
        "S['h9'].get('A', ()) or (S['h9'].get('B', ()) and S['h2']) or S['h3']"
    )


@pytest.mark.parametrize("source", [True, False], ids=["from the text", "from the elements"])
def test_attributes_and_ways_are_those_of_this_document(source: bool) -> None:
    """What another document had at the same paths does not count."""
    for content in (ONE, OTHER):
        Document(etree.fromstring(content), content)
    root = etree.fromstring(OTHER)
    other = Document(root, OTHER if source else b"")
    assert not other.has_attribute("x")
    assert list(other.values_of("x")) == []
    assert not other.leads_to("x", "a")
    one = Document(etree.fromstring(ONE), ONE if source else b"")
    assert one.has_attribute("y")
    assert not one.has_attribute("z")
    assert list(one.values_of("x")) == ["1", "2", "3"]
    assert (one.leads_to("y", "a", "b"), one.leads_to("x", "a", "b")) == (True, False)
    assert (one.leads("a", "b"), one.leads("b", "c"), one.leads("a", "c")) == (True, True, False)
    assert one.leads_to("x", "b")


def _document(*texts: str) -> Document:
    content = f"<r>{''.join(f'<a><b>{text}</b></a>' for text in texts)}</r>".encode()
    return Document(etree.fromstring(content), content)


@pytest.mark.parametrize(
    "text", ["1.005", "-1.005", "2.5", "0", "-0.001", "1e-9", "12345678901234567890.125"]
)
def test_cents_are_what_the_published_arithmetic_gives(text: str) -> None:
    """`round(a * 10 * 10) div 100`, for exact numbers and doubles; nothing stays nothing."""
    for amount in (Decimal(text), float(text)):
        assert cents(amount) == div(rounded(mul(mul(amount, 10), 10)), 100)
    assert cents(None) is None
    assert cents(3) == 3


def test_errors_stay_errors() -> None:
    """Two values where one truth is wanted, and what is neither true nor false or no number."""
    one, two = _document("vat "), _document("VAT", "VAT")
    assert only_upper(one.tagged("a"), "b", "VAT")
    assert not only_upper((), "b", "VAT")
    with pytest.raises(Fault):
        only_upper(two.tagged("a"), "b", "VAT")
    # The first that decides ends it, even where a later one cannot be evaluated.
    assert any_boolean(_document("true", "x").tagged("b"), True)
    with pytest.raises(Fault):
        any_boolean(_document("x", "true").tagged("b"), True)
    assert any_at_least(_document("-1", "0", "x").tagged("b"), 0.0)
    assert not any_above(_document("-1", "0").tagged("b"), 0.0)
    with pytest.raises(Fault):
        any_above(_document("x").tagged("b"), 0.0)


def test_a_rule_about_ways_and_attributes_anywhere() -> None:
    """Compiled, `//a/b/@y` and `//b/c` are seen where they are and nowhere else."""
    asserts = (
        '<assert id="Y" test="not(//a/b/@y)">text</assert><assert id="C" test="not(//b/c)">text</assert>'
    )
    rules = schema(f'<pattern><rule context="/r">{asserts}</rule></pattern>')
    assert [found.rule for found in broken(rules, ONE.decode())] == ["Y", "C"]
    assert [found.rule for found in broken(rules, OTHER.decode())] == ["C"]
    assert broken(rules, "<r><b><a/></b></r>") == []


def test_attributes_of_any_name_do_not_fill_the_memory() -> None:
    """Names of attributes count as paths do: a full table is thrown away."""
    before = PLACES.root_for_a_document()
    names = (" ".join(f'n{first + number}="1"' for number in range(200)) for first in range(0, 60_000, 200))
    content = f"<r>{''.join(f'<e {some}/>' for some in names)}</r>".encode()
    assert Document(etree.fromstring(content), content).has_attribute("n59999")
    assert PLACES.root_for_a_document() is not before
