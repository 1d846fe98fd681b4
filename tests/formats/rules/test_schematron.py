"""Reading Schematron sources: everything that publishers use."""

from __future__ import annotations

import pytest
from lxml import etree

from formats.rules.pack import Document, NotUnderstood, compile_rules, from_bytes, load, to_bytes
from tests.formats.rules.building import broken, checker, no_files, schema

ONE = '<pattern><rule context="{}"><assert id="A" test="{}">text</assert></rule></pattern>'


def ids(content: bytes, document: str, files: dict[str, bytes] | None = None) -> list[str]:
    return [rule.rule for rule in broken(content, document, files)]


def test_abstract_patterns_take_parameters() -> None:
    """As in the PINT and NLCIUS sources: `$name` stands for the parameter, a longer name is not mistaken."""
    rules = schema(
        '<pattern abstract="true" id="needs"><rule context="$place"><assert id="A" test="$what and '
        '$whatever">x</assert>'
        '</rule></pattern><pattern is-a="needs"><param name="place" value="i"/><param name="what" value="a"/>'
        '<param name="whatever" value="b"/></pattern>'
    )
    assert ids(rules, "<i><a/></i>") == ["A"]
    assert ids(rules, "<i><a/><b/></i>") == []


def test_rules_extend_abstract_rules() -> None:
    rules = schema(
        '<pattern><rule abstract="true" id="base"><let name="x" value="@n"/><assert id="A" '
        'test="$x">a</assert></rule>'
        '<rule context="i"><extends rule="base"/><report id="B" role="warning" test="$x = '
        '2">b</report></rule></pattern>'
    )
    assert ids(rules, "<i/>") == ["A"]
    assert [(rule.rule, rule.flag) for rule in broken(rules, '<i n="2"/>')] == [("B", "warning")]


def test_phases_choose_patterns() -> None:
    body = (
        '<phase id="quick"><active pattern="p1"/></phase><pattern id="p1"><rule context="i"><assert '
        'id="A" test="a">x'
        '</assert></rule></pattern><pattern id="p2"><rule context="i"><assert id="B" '
        'test="a">x</assert></rule></pattern>'
    )
    root = etree.fromstring("<i/>")
    assert [rule.rule for rule in checker(schema(body)).check(root)] == ["A", "B"]
    assert [rule.rule for rule in checker(schema(body), phase="quick").check(root)] == ["A"]
    assert [rule.rule for rule in checker(schema(body, ' defaultPhase="quick"')).check(root)] == ["A"]
    with pytest.raises(NotUnderstood, match="does not exist"):
        checker(schema(body), phase="other")


def test_included_files_bring_patterns_and_namespaces() -> None:
    """As KoSIT's common.sch: found relative to the including file, their prefixes hold."""
    part = b'<pattern xmlns="http://purl.oclc.org/dsdl/schematron"><include href="sub/rule.sch"/></pattern>'
    rule = (
        b'<rule xmlns="http://purl.oclc.org/dsdl/schematron" context="a:i">'
        b'<assert id="A" test="a:n">x</assert></rule>'
    )
    files = {"lib/part.sch": part, "lib/sub/rule.sch": rule}
    rules = schema('<include href="lib/part.sch"/>')
    assert ids(rules, '<i xmlns="urn:example:a"/>', files) == ["A"]
    assert ids(rules, '<i xmlns="urn:example:a"><n/></i>', files) == []


def test_files_that_include_each_other_are_refused() -> None:
    loop = b'<pattern xmlns="http://purl.oclc.org/dsdl/schematron"><include href="loop.sch"/></pattern>'
    with pytest.raises(NotUnderstood, match="includes itself"):
        checker(schema('<include href="loop.sch"/>'), {"loop.sch": loop})


def test_variables_of_patterns_do_not_mix() -> None:
    """Two patterns may give the same name to different things."""
    rules = schema(
        '<pattern><let name="x" value="1"/><rule context="i"><assert id="A" test="$x = '
        '1">a</assert></rule></pattern>'
        '<pattern><let name="x" value="2"/><rule context="i"><assert id="B" test="$x = '
        '1">b</assert></rule></pattern>'
    )
    assert ids(rules, "<i/>") == ["B"]


def test_keys_and_current() -> None:
    """As in Peppol's ordering rules."""
    rules = schema(
        '<xsl:key name="by-id" match="party" use="@id"/>'
        '<pattern><rule context="line"><assert id="A" test="key(\'by-id\', @ref)/name = \'x\'">a</assert>'
        '<assert id="B" test="count(//line[@ref = current()/@ref]) = 1">b</assert></rule></pattern>'
    )
    document = '<i><party id="1"><name>x</name></party><line ref="1"/><line ref="2"/><line ref="2"/></i>'
    found = [(rule.location, rule.rule) for rule in broken(rules, document)]
    assert found == [("/i/line[2]", "A"), ("/i/line[2]", "B"), ("/i/line[3]", "A"), ("/i/line[3]", "B")]


def test_functions_of_the_rules() -> None:
    """Parameters with and without type, variables, choose, and a function that calls itself."""
    rules = schema(
        '<xsl:function name="u:sum" as="xs:integer"><xsl:param name="text" as="xs:string?"/>'
        '<xsl:variable name="first" select="substring($text, 1, 1)"/><xsl:choose><xsl:when test="$text '
        "= ''\">"
        '<xsl:sequence select="0"/></xsl:when><xsl:otherwise>'
        '<xsl:sequence select="xs:integer($first) + u:sum(substring($text, '
        '2))"/></xsl:otherwise></xsl:choose></xsl:function>'
        '<xsl:function name="u:even" as="xs:boolean"><xsl:param name="value"/>'
        '<xsl:value-of select="number($value) mod 2 = 0"/></xsl:function>'
        '<pattern><rule context="n"><assert id="A" test="u:sum(.) = 6">a</assert><assert id="B" '
        'test="u:even(.)">b</assert>'
        "</rule></pattern>"
    )
    assert ids(rules, "<i><n>123</n></i>") == ["B"]
    assert ids(rules, "<i><n>24</n></i>") == []


def test_a_function_without_end_is_a_finding() -> None:
    rules = schema(
        '<xsl:function name="u:f" as="xs:integer"><xsl:param name="n" as="xs:integer"/>'
        '<xsl:sequence select="u:f($n + 1)"/></xsl:function>' + ONE.format("i", "u:f(1) = 1")
    )
    (found,) = broken(rules, "<i/>")
    assert found.unevaluable == "a function of the rules called itself too often"
    assert found.flag == "fatal"


@pytest.mark.parametrize(
    ("context", "document", "places"),
    [
        ("/", "<i/>", ["/"]),
        ("@code", '<i><n code="1"/><m code="2"/></i>', ["/i/n/@code", "/i/m/@code"]),
        ("n/@*", '<i><n code="1"/><m code="2"/></i>', ["/i/n/@code"]),
        ("i//c", "<i><n><c/></n><c/></i>", ["/i/n/c", "/i/c"]),
        ("i[@x]//c", "<i><n><c/></n></i>", []),
        ("n[m]//c", "<i><n><m/><x><c/></x></n><n><c/></n></i>", ["/i/n[1]/x/c"]),
        ("(n | m)[c]", "<i><n/><m><c/></m></i>", ["/i/m"]),
        ("n[2]", "<i><n/><n/><n/></i>", ["/i/n[2]"]),
        ("*[not(self::i)]", "<i><n/></i>", ["/i/n"]),
        ("/i/n", "<i><n><i><n/></i></n></i>", ["/i/n"]),
    ],
)
def test_contexts(context: str, document: str, places: list[str]) -> None:
    """Which nodes a rule is about."""
    found = broken(schema(ONE.format(context, "false()")), document)
    assert [rule.location for rule in found] == places


def test_forbidden_paths_are_reported_at_the_rules_context() -> None:
    """`not(path)` is answered from the table of paths, with and without conditions, for attributes too."""
    rules = schema(
        '<pattern><rule context="line"><assert id="A" test="not(a/b)">a</assert>'
        '<assert id="B" test="not(a/@c | d)">b</assert></rule></pattern>'
        '<pattern><rule context="line[@x]"><assert id="C" test="not(a/b)">c</assert></rule></pattern>'
    )
    document = '<i><line/><line><a><b/><b/></a></line><line x="1"><a c="1"><b/></a></line></i>'
    found = [(rule.location, rule.rule) for rule in broken(rules, document)]
    assert found == [("/i/line[2]", "A"), ("/i/line[3]", "A"), ("/i/line[3]", "B"), ("/i/line[3]", "C")]


def test_texts_show_values_of_the_document() -> None:
    rules = schema(
        '<pattern><rule context="i"><let name="x" value="@n"/><assert id="A" test="$x = $x + 1">Value '
        "<value-of "
        'select="@n"/> of <name/> is not <value-of select="xs:decimal(\'x\')"/>.</assert></rule></pattern>'
    )
    assert [rule.text for rule in broken(rules, '<i n="5"/>')] == ["Value 5 of i is not …."]


def test_lines_and_prefixes_help_to_find_the_place() -> None:
    rules = schema(ONE.format("a:n", "false()"))
    (found,) = broken(rules, '<o xmlns:p="urn:example:a">\n<p:n/>\n</o>')
    assert (found.location, found.line) == ("/o/p:n", 2)


def test_compiling_twice_gives_the_same_code_and_bytecode_the_same_checker() -> None:
    content = schema(ONE.format("i", "n = ('a', 'b', 'c') or @x = 1.50"))
    code = compile_rules(content, no_files).code
    assert compile_rules(content, no_files).code == code
    document = Document(etree.fromstring("<i/>"))
    assert from_bytes(to_bytes(code)).check(document) == load(code).check(document) != ()
