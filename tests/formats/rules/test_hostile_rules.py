"""Rule sets that ask for endless work: the rule is a finding of its own, quickly, and the others stand."""

from __future__ import annotations

import subprocess
import sys
import time
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from tests.formats.rules.building import checker, schema

LINES = "".join(f'<line id="{number}"><amount>1.00</amount></line>' for number in range(200))
DOCUMENT = f"<invoice>{LINES}<total>200.00</total></invoice>"
DOUBLED = "".join(f'<let name="t{n + 1}" value="concat($t{n}, $t{n})"/>' for n in range(60))
SQUARED = "".join(f'<let name="t{n + 1}" value="$t{n} * $t{n}"/>' for n in range(60))
PAIRED = "".join(f'<let name="t{n + 1}" value="($t{n}, $t{n})"/>' for n in range(60))
JOINED = "".join(
    f'<let name="t{n + 1}" value="string-join(for $i in 1 to 1000 return $t{n}, &quot;&quot;)"/>'
    for n in range(20)
)
FUNCTION = (
    '<xsl:function name="u:grow" as="xs:string"><xsl:param name="t" as="xs:string"/>'
    '<xsl:sequence select="u:grow(concat($t, $t))"/></xsl:function>'
)

HOSTILE = {
    "two ranges": ("", "count(for $a in 1 to 1000000, $b in 1 to 1000000 return $a + $b) > 0"),
    "a range for each element": ("", "every $a in //*, $b in 1 to 1000000 satisfies $b > 0"),
    "ranges in ranges": ("", "some $a in 1 to 100000 satisfies count(for $b in 1 to 100000 return $b) = 0"),
    "a huge range": ("", "count(1 to 1000000000000) > 5"),
    "the sum of a range again and again": (
        '<let name="r" value="1 to 1000000"/>',
        "every $a in 1 to 100000 satisfies sum($r) > 5",
    ),
    "every three elements": ("", "count(for $a in //*, $b in //*, $c in //* return 1) > 0"),
    "what precedes what precedes": ("", "count(//line/preceding::*/following::*/preceding::*) = -1"),
    "a predicate over everything": (
        "",
        "count(//*[some $a in //*, $b in //* satisfies $a = . and $b = 'x']) > 0",
    ),
    "a text that doubles": (f'<let name="t0" value="string(/)"/>{DOUBLED}', "string-length($t60) > 5"),
    "a joined text that grows": (f'<let name="t0" value="string(/)"/>{JOINED}', "string-length($t20) > 5"),
    "a list that doubles": (f'<let name="t0" value="(1, 2)"/>{PAIRED}', "count($t60) > 5"),
    "a number that squares": (f'<let name="t0" value="123456789"/>{SQUARED}', "$t60 > 5"),
    "a function that calls itself with more": ("", "u:grow(string(/)) = 'x'"),
    "tokens of a text made for them": (
        '<let name="t" value="string-join(for $i in 1 to 400000 return &quot;a b&quot;, &quot; &quot;)"/>',
        "count(for $a in tokenize($t, ' '), $b in tokenize($t, ' ') return 1) > 0",
    ),
    "a replacement that multiplies": (
        '<let name="t" value="string-join(for $i in 1 to 100000 return &quot;aaaa&quot;, &quot;&quot;)"/>',
        "string-length(replace($t, 'a', $t)) > 5",
    ),
    "characters of numbers": (
        "",
        "string-length(codepoints-to-string(for $a in 1 to 9999, $b in 1 to 9999 return 65)) > 5",
    ),
    "all different values": (
        "",
        "count(distinct-values(for $a in 1 to 9999, $b in 1 to 9999 return $a * $b)) > 5",
    ),
    "comparison of everything with everything": (
        '<let name="r" value="1 to 1000000"/>',
        "$r = (for $a in $r return $a + 1000000)",
    ),
}


def rules_with(lets: str, test: str, context: str = "/*") -> bytes:
    rules = {
        "BEFORE": ("/invoice", "total = 0"),
        "HOSTILE": (context, test),
        "AFTER": ("line[@id = 7]", "every $a in //line satisfies $a = 2"),
        "FINE": ("total", ". = count(//line)"),
    }
    patterns = "".join(
        f"<pattern><rule context={quoteattr(where)}><assert id={quoteattr(name)} test={quoteattr(asked)}>no"
        "</assert></rule></pattern>"
        for name, (where, asked) in rules.items()
    )
    return schema(f"{FUNCTION}{lets}{patterns}")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("context", ["/*", "line"])
def test_a_rule_that_never_ends_is_a_finding_and_the_others_stand(name: str, context: str) -> None:
    """At one element and at two hundred; in seconds, without filling the memory."""
    rules = checker(rules_with(*HOSTILE[name], context))
    root = etree.fromstring(DOCUMENT)
    started = time.process_time()
    found = rules.check(root)
    assert time.process_time() - started < 60
    hostile = [entry for entry in found if entry.rule == "HOSTILE"]
    assert len(hostile) == (1 if context == "/*" else 200)
    assert all(entry.unevaluable and entry.flag == "fatal" for entry in hostile)
    others = [(entry.rule, entry.unevaluable) for entry in found if entry.rule != "HOSTILE"]
    assert others == [("BEFORE", ""), ("AFTER", "")]


_ALL_OF_THEM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
from tests.formats.rules import test_hostile_rules as hostile
for name in hostile.HOSTILE:
    found = hostile.checker(hostile.rules_with(*hostile.HOSTILE[name], "line")).check(
        hostile.etree.fromstring(hostile.DOCUMENT)
    )
    assert any(entry.unevaluable for entry in found), name
"""


def test_such_rules_do_not_fill_the_memory() -> None:
    """All of them in one process that may not grow."""
    pytest.importorskip("resource", reason="only there can the memory of a process be limited")
    command = [sys.executable, "-c", _ALL_OF_THEM]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert (ran.returncode, ran.stderr) == (0, "")


def test_many_such_rules_together_end_as_soon_as_one() -> None:
    """When all steps are used up, each further rule gets few."""
    test = quoteattr(HOSTILE["two ranges"][1])
    rules = "".join(
        f"<pattern><rule context='line'><assert id='H{number}' test={test}>no</assert></rule></pattern>"
        for number in range(50)
    )
    started = time.process_time()
    found = checker(schema(rules)).check(etree.fromstring(DOCUMENT))
    assert time.process_time() - started < 30
    assert len(found) == 50 * 200
    assert all(entry.unevaluable for entry in found)


@pytest.mark.parametrize(
    "test",
    [
        "sum(for $a in 1 to 1000, $b in 1 to 100 return $a * $b) = 2527525000",
        "count(//line[preceding::line/@id = @id]) = 0",
        "every $a in //line satisfies count(//line[@id = $a/@id]) = 1",
        "string-length(string-join(for $a in //line return concat($a, ';'), '')) = 1000",
        "string-length(replace(string-join(//amount, ' '), '0', 'oo')) = 1399",
    ],
)
def test_what_a_reasonable_rule_asks_for_is_counted_and_given(test: str) -> None:
    """Pairs of two hundred lines, a hundred thousand numbers: far below the bound."""
    rules = rules_with("", test)
    found = checker(rules).check(etree.fromstring(DOCUMENT))
    assert [entry.rule for entry in found] == ["BEFORE", "AFTER"]
