"""Compiled expressions answer exactly as the jmespath library does."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import MalformedDocument
from mappings.expressions import ExpressionError, compile_expression
from mappings.functions import Arithmetic

FUNCTIONS = Arithmetic()
OPTIONS = jmespath.Options(custom_functions=FUNCTIONS)
NAMES = ("a", "b", "c")

plain = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["", "x", "1"]), st.just(Decimal("1.5"))
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=12,
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.builds("{}.{}".format, inner, st.sampled_from(NAMES)),
        st.builds("{}[{}]".format, inner, st.sampled_from(["0", "-1", "2", "*", "", "0:2", "::-1"])),
        st.builds("{}.*".format, inner),
        st.builds("{}[?{}]".format, inner, inner),
        st.builds("{}[?{}].{}".format, inner, inner, st.sampled_from(NAMES)),
        st.builds("({}) | [0]".format, inner),
        two.flatmap(
            lambda pair: st.sampled_from(["==", "!=", "&&", "||"]).map(
                lambda op: f"({pair[0]}) {op} ({pair[1]})"
            )
        ),
        st.builds("!({})".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{a: {}, b: {}}}".format, inner, inner),
        st.builds("not_null({}, {})".format, inner, inner),
        st.builds("type({})".format, inner),
        st.builds("to_array({})".format, inner),
    )


expressions = st.recursive(
    st.sampled_from([*NAMES, "@", "'x'", "`1`", "`0`", "`null`", "`true`", "`[]`", "''"]), _grow, max_leaves=8
)


def _asks_of_a_negation(node: Any) -> bool:
    """Whether a dot, an index or a filter goes on from something negated, anywhere in the tree."""
    children = [child for child in node.get("children", ()) if isinstance(child, dict)]
    goes_on = node["type"] in {
        *("subexpression", "index_expression", "projection", "value_projection"),
        *("filter_projection", "flatten"),
    }
    return (goes_on and children[0]["type"] == "not_expression") or any(map(_asks_of_a_negation, children))


@settings(max_examples=600)
@given(expressions, plain)
def test_a_compiled_expression_answers_as_the_library_does(text: str, data: Any) -> None:
    """Over random expressions and data, at the top and with answers kept for the next question; save for
    what asks something of a negation, which is refused."""
    wanted = jmespath.search(text, data, options=OPTIONS)
    if _asks_of_a_negation(jmespath.compile(text).parsed):
        with pytest.raises(ExpressionError, match="! binds tighter"):
            compile_expression(text, FUNCTIONS)
        return
    compiled = compile_expression(text, FUNCTIONS)
    assert repr(compiled(data)) == repr(wanted)
    if isinstance(data, dict):
        keeping = compile_expression(text, FUNCTIONS, shared=NAMES)
        if "@" not in text and "*" not in text:
            scope = {**data, "memo": {}}
            assert repr(keeping(scope)) == repr(wanted)
            assert repr(keeping(scope)) == repr(wanted)


@pytest.mark.parametrize(
    "text",
    [
        "max_by(rows[?kind=='RE' || kind=='AG'], &kind).name",
        "sort_by(rows, &name)[*].name",
        "map(&name, rows)",
        "join(', ', rows[].name)",
        "rows[?amount > `1`].name",
        "rows[?starts_with(name, 'S')] | [0].kind",
        "length(rows)",
        'contains(`["RE"]`, rows[0].kind)',
        "merge(rows[0], rows[1])",
        "add(rows[0].amount, '0.10')",
    ],
)
def test_functions_are_those_of_the_library_and_ours(text: str) -> None:
    data = {
        "rows": [
            {"kind": "AG", "name": "Sold-to", "amount": 1},
            {"kind": "RE", "name": "Bill-to", "amount": 2},
            {"kind": "WE", "name": "Ship-to", "amount": 3},
        ]
    }
    assert compile_expression(text, FUNCTIONS)(data) == jmespath.search(text, data, options=OPTIONS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a ==", "Invalid"),
        ("nonsense(a)", "there is no function nonsense"),
        ("add(a)", "add takes 2 arguments, 1 are given"),
        ("not_null()", "not_null takes 1 arguments, 0 are given"),
        ("!item.closed", r"! binds tighter than a dot"),
        ("rows[?!item.closed].name", r"as in !\(item.name\)"),
        ("!rows[?name == 'x']", r"! binds tighter"),
        ("!rows[]", r"! binds tighter"),
    ],
)
def test_what_could_never_work_is_refused_when_compiled(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        compile_expression(text, FUNCTIONS)


@pytest.mark.parametrize(
    "text", ["!(item.closed)", "!item", "!item[0]", "!contains(item.x, 'y')", "[?!closed]"]
)
def test_a_negation_that_says_what_it_means_is_taken(text: str) -> None:
    data = {"item": {"x": "z"}}
    assert compile_expression(text, FUNCTIONS)(data) == jmespath.search(text, data, options=OPTIONS)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("length(a)", {}),
        ("join(',', a)", {"a": [1]}),
        ("contains(a, b)", {"a": "text", "b": None}),
        ("a > b", {"a": "text", "b": 1}),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_fault_of_the_document(text: str, data: Any) -> None:
    with pytest.raises(MalformedDocument):
        compile_expression(text, FUNCTIONS)(data)


def test_what_is_shared_is_asked_once() -> None:
    """A second expression over the same scope goes on from what the first has picked."""
    asked: list[str] = []

    class Rows(list[Any]):
        def __iter__(self) -> Any:
            asked.append("rows")
            return super().__iter__()

    scope = {"doc": {"rows": Rows([{"q": "1", "n": "x", "d": "y"}])}, "memo": {}}
    first = compile_expression("doc.rows[?q=='1'].n | [0]", FUNCTIONS, shared=("doc",))
    second = compile_expression("doc.rows[?q=='1'].d | [0]", FUNCTIONS, shared=("doc",))
    assert (first(scope), second(scope)) == ("x", "y")
    assert asked == ["rows"]


def test_what_a_row_says_is_asked_once_for_each_row() -> None:
    """And never taken for what another row says."""
    asked: list[str] = []

    class Rows(list[Any]):
        def __iter__(self) -> Any:
            asked.append("rows")
            return super().__iter__()

    ways = [
        compile_expression(f"item.rows[?q=='1'].{name} | [0]", FUNCTIONS, shared=("doc",), own=("item",))
        for name in ("n", "d")
    ]
    answers = []
    for number in ("1", "2"):
        item = {"rows": Rows([{"q": "1", "n": f"n{number}", "d": f"d{number}"}])}
        scope = {"doc": {}, "item": item, "memo": {}, "own": {}}
        answers.append([way(scope) for way in ways])
    assert answers == [["n1", "d1"], ["n2", "d2"]]
    assert asked == ["rows", "rows"]


def test_an_expression_may_be_longer_than_python_reads_a_line() -> None:
    """Two hundred alternatives stand within each other once they are written out."""
    text = " || ".join(f"a{number}" for number in range(200)) + " || a"
    assert compile_expression(text, FUNCTIONS)({"a": "here"}) == "here"


@pytest.mark.parametrize("name", ["None", "v", "_1", "'); import os; ('", "\\", "a\nb", "{x}"])
def test_names_and_texts_are_never_taken_for_code(name: str) -> None:
    quoted = json.dumps(name)
    assert compile_expression(quoted, FUNCTIONS)({name: "found"}) == "found"
    assert compile_expression(f"a[?{quoted} == 'x'].b", FUNCTIONS)({"a": [{name: "x", "b": 7}]}) == [7]
    assert compile_expression(f"a == `{quoted}`", FUNCTIONS)({"a": name}) is True
