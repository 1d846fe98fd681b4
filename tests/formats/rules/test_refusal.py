"""What the compiler refuses, and what hostile rule sets cannot do."""

from __future__ import annotations

import builtins
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from formats.errors import ConfigError, MalformedDocument
from formats.rules.guard import check_source
from formats.rules.pack import NotUnderstood, compile_rules, from_bytes, load
from tests.formats.rules.building import broken, holds, no_files, schema


def with_test(test: str) -> bytes:
    return schema(
        f'<pattern><rule context="i"><assert id="R-1" test={quoteattr(test)}>x</assert></rule></pattern>'
    )


@pytest.mark.parametrize(
    "test",
    [
        "unparsed-text('/etc/passwd') = ''",
        "doc('file:///etc/passwd')",
        "document('other.xml')/a",
        "collection()",
        "format-date(current-date(), '[Y]') = '2026'",
        "system-property('user.home') = ''",
        "a +",
        "a[",
        "$unknown",
        "b:a",
        "u:missing(.)",
        "let $x := 1 return $x",
        "function($x) { $x }(1)",
    ],
)
def test_anything_not_understood_refuses_the_whole_set(test: str) -> None:
    """The error names the rule and shows the expression, so that it can be reported."""
    with pytest.raises(NotUnderstood) as caught:
        compile_rules(with_test(test), lambda name: b"<a/>")
    assert caught.value.rule == "R-1"
    assert caught.value.expression == test
    assert "R-1" in caught.value.where


@pytest.mark.parametrize(
    "content", [b"<other/>", b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/>']
)
def test_files_that_hold_no_rules(content: bytes) -> None:
    with pytest.raises(NotUnderstood):
        compile_rules(content, no_files)


def test_entities_are_refused() -> None:
    with pytest.raises(MalformedDocument):
        compile_rules(b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', no_files)


NASTY = "'+__import__('os').system('touch owned')+'\n\"\"\"\\';raise SystemExit(1)#"


def test_published_text_never_becomes_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, flags, texts, strings, contexts and names that look like Python stay data."""
    monkeypatch.chdir(tmp_path)
    literal = '"' + NASTY.replace('"', "”") + '"'
    rules = schema(
        f"<pattern><rule context={quoteattr('i[not(@x = ' + literal + ')]')}>"
        f"<assert id={quoteattr(NASTY)} flag={quoteattr(NASTY)} test={quoteattr('. = ' + literal)}>"
        f"{NASTY.replace('&', '')}</assert></rule></pattern>"
    )
    (found,) = broken(rules, "<i/>")
    assert "__import__" in found.rule
    assert list(tmp_path.iterdir()) == []


def test_generated_code_reaches_no_builtins() -> None:
    """Even code that slipped in would find neither import nor open."""
    code = compile_rules(with_test("true()"), no_files).code
    for attempt in ("__import__('os')", "open('x')", "eval('1')"):
        with pytest.raises(NameError):
            load(f"{code}\nx = {attempt}\n")
    assert builtins.open is open


@pytest.mark.parametrize(
    "line", ["import os", "x = n.__class__", "os", "def f1(S):\n    global x", "x = S.d.root", "y1 = eval"]
)
def test_the_second_look_finds_what_does_not_belong(line: str) -> None:
    with pytest.raises(ValueError, match="in generated code"):
        check_source(line, frozenset())


@pytest.mark.parametrize(
    "test",
    [
        "(" * 500 + "1" + ")" * 500,
        "not(" * 300 + "1" + ")" * 300,
        "-" * 3 + "1" + " + 1" * 5_000,
        "a" + "/b" * 3_000,
    ],
)
def test_deep_nesting_is_refused_or_compiled_but_never_crashes(test: str) -> None:
    refused = []
    try:
        load(compile_rules(with_test(test), no_files).code)
    except NotUnderstood as error:
        refused.append(error.rule)
    assert refused in ([], ["R-1"], ["all"])


@pytest.mark.parametrize(
    "test",
    [
        "(" * 1_000 + "1" + ")" * 1_000,
        "not(" * 1_000 + "1" + ")" * 1_000,
        "a[b" * 58 + "]" * 58,
        "+".join(["number(a)"] * 5_000),
        " except ".join(f"a{number}" for number in range(3_000)),
        " | ".join(f"a{number}" for number in range(3_000)),
        "if (a) then 1 else " * 3_000 + "2",
        "1" + " cast as xs:string cast as xs:integer" * 2_000,
    ],
    ids=lambda test: test[:12],
)
def test_what_is_too_deep_is_said_with_its_rule_and_in_plain_words(test: str) -> None:
    """Nobody can mend a "maximum recursion depth exceeded"."""
    with pytest.raises(NotUnderstood) as caught:
        compile_rules(with_test(test), no_files)
    assert caught.value.rule == "R-1"
    assert "nested" in caught.value.what
    assert "recursion" not in caught.value.what
    assert "Error" not in caught.value.what


@pytest.mark.parametrize("reference", ["me.sch", "other.sch"])
def test_a_file_that_includes_itself_is_named(reference: str) -> None:
    """Straight, or by way of another."""
    files = {
        "me.sch": schema(f'<include href="{reference}"/>'),
        "other.sch": schema('<include href="me.sch"/>'),
    }
    with pytest.raises(NotUnderstood, match=f"'({reference}|me.sch)' includes itself"):
        compile_rules(files["me.sch"], files.__getitem__)


def test_variables_built_on_each_other_end() -> None:
    """A rule with thousands of variables is refused, a schema with hundreds is compiled in a moment."""
    chain = "".join(
        f"<let name='t{number}' value='number(/i/a[$t{number - 1} = 1])'/>" for number in range(1, 400)
    )
    rule = "<pattern><rule context='i'>{}<assert id='R-1' test='$t399'>x</assert></rule></pattern>"
    first = "<let name='t0' value='1'/>"
    with pytest.raises(NotUnderstood, match="more than 300 variables"):
        compile_rules(schema(rule.format(first + chain)), no_files)
    assert compile_rules(schema(first + chain + rule.format("")), no_files).rule_ids == ("R-1",)


def test_deep_documents_are_refused() -> None:
    depth = 1_500
    parser = etree.XMLParser(huge_tree=True)
    root = etree.fromstring("<i>" * depth + "</i>" * depth, parser)
    with pytest.raises(MalformedDocument, match="deep"):
        load(compile_rules(with_test("true()"), no_files).code).check(root)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){12}$"])
def test_regular_expressions_never_take_exponential_time(pattern: str) -> None:
    """Nested loops are matched by walking all possibilities at once."""
    assert holds(f"matches(n, '{pattern}')", f"<i><n>{'a' * 3_000}!</n></i>") is False
    assert holds("matches(n, '.*([0-9].*){3,}.*')", "<i><n>+31 (0)20</n></i>") is True
    assert holds("matches(n, '.*([0-9].*){3,}.*')", "<i><n>a1b2</n></i>") is False


@pytest.mark.parametrize("pattern", ["(a", "a)", "[a", "a{1,9999}", "\\q", "a**", "[a-z-[aeiou]]", "(?=a)"])
def test_regular_expressions_that_are_not_understood(pattern: str) -> None:
    with pytest.raises(NotUnderstood, match="regular expression"):
        compile_rules(with_test(f"matches(., '{pattern}')"), no_files)


def test_replacing_by_a_slow_pattern_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="exponential"):
        compile_rules(with_test("replace(., '(a+)+', '') = ''"), no_files)


def test_bytecode_of_another_version_is_not_loaded() -> None:
    with pytest.raises(ConfigError, match="another version"):
        from_bytes(b"gateway rules 0\n....")
    with pytest.raises(ConfigError, match="another version"):
        load("FORMAT = 0\nASSERTS = ()\nLAZY = {}\nRULES = ()\n")
