"""The shorter ways of generated code say what the long ways say: also where values are missing, repeated or
wrong."""

from __future__ import annotations

import gc

import pytest
from lxml import etree

from formats.rules.pack import Document
from formats.rules.tree import Node
from formats.rules.tuning import Tuner, parsed, written
from tests.formats.rules.building import broken, checker, holds, schema

LINES = "<r>{}</r>"


def _short(text: str) -> str:
    """A generated expression in its short form."""
    made: list[str] = []

    def define(letter: str, parameters: str, body: str) -> str:
        made.append(body)
        return f"{letter}{len(made)}"

    return written(Tuner(define, {}).truth(parsed(text)))


def test_a_loop_over_one_item_is_a_condition() -> None:
    """What may be missing is asked for once; nothing compares as false."""
    assert _short("any(v1 == 2 for v1 in opt(decimal_or_none(v0)))") == (
        "(v1 := decimal_or_none(v0)) is not None and v1 == 2"
    )


def test_no_assignment_where_python_allows_none() -> None:
    """In what a loop goes over, the loop over one item stays."""
    kept = "[v2 for v2 in (S.d.all if any((v1 == 2 for v1 in opt(v0))) else ())]"
    assert _short(kept) == kept
    compile(_short(kept), "<test>", "eval")


def test_sums_by_a_common_value() -> None:
    """Lines that share a rate are added up for each rate, with the same result on every one of them."""
    test = "xs:decimal(@t) = sum(../l[k = 'S'][xs:decimal(q) = current()/xs:decimal(@q)]/xs:decimal(a))"
    rule = f'<rule context="//s"><assert id="T" test="{test}">text</assert></rule>'
    lines = (
        "<l><k>S</k><q>20.0</q><a>1.10</a></l><l><k>S</k><q>20</q><a>2</a></l><l><k>S</k><q>7</q><a>5</a></l>"
    )
    sums = '<s q="20.00" t="3.1"/><s q="7" t="5"/><s q="7" t="6"/><s q="1" t="0"/>'
    found = broken(schema(f"<pattern>{rule}</pattern>"), f"<r>{lines}{sums}</r>")
    assert [(entry.location, entry.unevaluable) for entry in found] == [("/r/s[3]", "")]


def test_what_several_asserts_share_fails_only_where_it_is_needed() -> None:
    """A value that is no number makes the asserts fail that come to it, and no others."""
    asserts = "".join(
        f'<assert id="{name}" test="{test}">text</assert>'
        for name, test in (
            ("A", "xs:decimal(a) gt 1"),
            ("B", "not(b) or xs:decimal(a) gt 1"),
            ("C", "b and xs:decimal(a) gt 1"),
        )
    )
    rules = schema(f'<pattern><rule context="/r">{asserts}</rule></pattern>')
    found = {entry.rule: bool(entry.unevaluable) for entry in broken(rules, "<r><a>x</a></r>")}
    assert found == {"A": True, "C": False}


def test_picking_by_one_text_or_another() -> None:
    """Several looks for different texts go through the items once."""
    test = "count(l[normalize-space(k) = 'S']) = 2 and count(l[normalize-space(k) = 'E']) = 1"
    test += " and not(l[k = 'G'])"
    assert holds(test, "<r><l><k> S </k></l><l><k>E</k></l><l><k>S</k></l></r>") is True


def test_blank_is_empty_but_a_no_break_space_is_not() -> None:
    """White space is four characters, also in the short form."""
    assert holds("normalize-space(a) = ''", "<r><a> \t\n</a></r>") is True
    assert holds("normalize-space(a) != ''", "<r><a>\u00a0</a></r>") is True


def test_attributes_anywhere() -> None:
    assert holds("not(//@x)", "<r><a y='1'/></r>") is True
    assert holds("not(//@x)", "<r><a x=''/></r>") is False


@pytest.mark.parametrize("text", ["<r><a><b/></a></r>", "<r><a><b>1 > 0</b></a></r>", "<r><a>1<b/>2</a></r>"])
@pytest.mark.parametrize("told", [False, True])
def test_a_document_leaves_memory_at_once(text: str, told: bool) -> None:
    """Parents and children name each other; the memory is free without the collector."""
    gc.collect()
    gc.disable()
    try:
        before = _nodes_in_memory()
        document = Document(etree.fromstring(text), text.encode() if told else b"")
        assert _nodes_in_memory() > before
        del document
        assert _nodes_in_memory() == before
    finally:
        gc.enable()


def _nodes_in_memory() -> int:
    return sum(1 for thing in gc.get_objects() if thing.__class__ is Node)


def test_a_rule_broken_very_often_names_its_first_places() -> None:
    """Millions of hits are not kept; those that are reported are the first in the document."""
    asserts = '<assert id="T" test="@a">text</assert><assert id="U" test="@b">text</assert>'
    rule = f'<rule context="l">{asserts}</rule>'
    checked = checker(schema(f"<pattern>{rule}</pattern>"))
    found = checked.check(etree.fromstring(LINES.format("<l/>" * 60_000)))
    assert len(found) == 2_000
    assert found[-1].location == "/r/l[1000]"


def test_numbers_known_already_are_exact() -> None:
    """A number that was read before is the same number, with its sign and its places."""
    assert holds("xs:decimal(a) = xs:decimal(b)", "<r><a>1.10</a><b>1.1</b></r>") is True


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
@pytest.mark.parametrize("c", [0, 1])
def test_a_condition_that_holds_unless_needed(a: int, b: int, c: int) -> None:
    """`a and b or not a` in its short form says the same, for all that may be there."""
    document = "<r>" + "<a/>" * a + "<b/>" * b + "<c/>" * c + "</r>"
    assert holds("(a and b) or not(a)", document) is bool(b or not a)
    assert holds("((a or b) and c) or (not(a) and not(b))", document) is bool(c or not (a or b))
    assert holds("((a or b) and c) or (not(a) and not(c))", document) is bool(
        ((a or b) and c) or (not a and not c)
    )


def test_short_conditions_ask_once() -> None:
    assert _short("S['h1'] and f(S) or not S['h1']") == "not S['h1'] or f(S)"
    assert _short("not ordered([v1 for v1 in n.k])") == "not [v1 for v1 in n.k]"
