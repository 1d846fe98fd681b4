"""Schematron sources say the same whether we read them or the ISO skeleton turns them into a style sheet for
Saxon.

Published sources with includes, abstract patterns and code lists, and small ones for what these do not use.
Needs the artefacts that tests/fetch-rules fetches (GATEWAY_TEST_RULES).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from formats.rules.pack import compile_rules, load
from gateway.rules.samples import samples
from tests.formats.rules.building import schema
from tests.formats.rules.skeleton import published_sources, reports_of, style_sheet_of
from tests.mutations import mutants

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
PUBLISHED = (
    "biirules/BIIRULES-UBL-T10.sch",
    "biirules/BIIRULES-UBL-T14.sch",
    "eugen/EUGEN-UBL-T10.sch",
    "nonat/NONAT-ubl-T17.sch",
    "biiprofiles/BIIPROFILES-UBL-T10.sch",
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


def _same(source: Path, documents: list[str], unpacked: Path, phase: str = "") -> int:
    """How many rules were broken; fails where the two readers differ on a document."""
    checker = load(
        compile_rules(source.read_bytes(), lambda name: (source.parent / name).read_bytes(), phase=phase).code
    )
    broken = 0
    for document, report in zip(
        documents, reports_of(style_sheet_of(source, unpacked, phase), documents), strict=True
    ):
        own = checker.check(etree.fromstring(document.encode()))
        if report is None:
            assert any(rule.unevaluable for rule in own)
            continue
        wanted = [
            (fired.get("id") or "", fired.get("flag") or "fatal")
            for fired in etree.fromstring(report.encode()).iter(
                f"{SVRL}failed-assert", f"{SVRL}successful-report"
            )
        ]
        assert sorted((rule.rule, rule.flag) for rule in own) == sorted(wanted), document
        broken += len(wanted)
    return broken


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sources(name: str, unpacked: Path) -> None:
    """Abstract patterns with their bindings, code lists and phases, each in files of their own."""
    seeds = [content for _, content in samples("en16931-ubl", "ubl-2.1")]
    documents = [content.decode() for content in (*seeds, *mutants(seeds, 8, seed=9))]
    _same(published_sources(unpacked) / name, documents, unpacked)


DOCUMENT = (
    '<i kind="a"><n id="1">5</n><n id="2">7</n><m ref="1">x</m><m ref="9">y</m><total>12</total>'
    '<deep><n id="3">1</n></deep></i>'
)
FEATURES = {
    "lets of the schema, a pattern and a rule": (
        '<let name="all" value="count(//n)"/><pattern id="p"><let name="top" value="count(/i/n)"/>'
        '<rule context="n"><let name="own" value="number(.)"/><assert id="A" test="$own &lt; $all">a</assert>'
        '<report id="B" test="$top = 2 and $own = 7">b</report></rule></pattern>'
    ),
    "keys": (
        '<xsl:key name="by" match="n" use="@id"/><pattern><rule context="m">'
        '<assert id="A" test="key(\'by\', @ref)">a</assert></rule></pattern>'
    ),
    "functions": (
        '<xsl:function name="u:twice" as="xs:decimal"><xsl:param name="v" as="xs:decimal"/><xsl:choose>'
        "<xsl:when "
        'test="$v gt 6"><xsl:sequence select="$v * 2"/></xsl:when><xsl:otherwise>'
        '<xsl:sequence select="0"/></xsl:otherwise></xsl:choose></xsl:function>'
        '<pattern><rule context="n"><assert id="A" test="u:twice(.) = 0">a</assert></rule></pattern>'
    ),
    "abstract patterns with parameters": (
        '<pattern abstract="true" id="sum"><rule context="$where"><let name="s" value="2"/>'
        '<assert id="A" test="sum($what) + $s = $whole">a</assert></rule></pattern>'
        '<pattern is-a="sum" id="one"><param name="where" value="i"/><param name="what" value="n"/>'
        '<param name="whole" value="total"/></pattern>'
        '<pattern is-a="sum" id="two"><param name="where" value="deep"/><param name="what" value="n"/>'
        '<param name="whole" value="/i/total"/></pattern>'
    ),
    "abstract rules": (
        '<pattern><rule abstract="true" id="base"><assert id="A" test="@id">a</assert></rule>'
        '<rule context="m"><extends rule="base"/><assert id="B" test="@ref = //n/@id">b</assert></rule>'
        "</pattern>"
    ),
    "the first rule of a pattern": (
        '<pattern><rule context="deep/n"><assert id="A" test="false()">a</assert></rule>'
        '<rule context="n[. &gt; 5]"><assert id="B" test="false()">b</assert></rule>'
        '<rule context="n"><assert id="C" test="false()" flag="warning">c</assert></rule></pattern>'
    ),
}
PHASES = (
    '<phase id="one"><active pattern="p"/></phase>'
    '<phase id="both"><active pattern="p"/><active pattern="q"/></phase>'
    '<pattern id="p"><rule context="i"><assert id="P" test="false()">p</assert></rule></pattern>'
    '<pattern id="q"><rule context="i"><assert id="Q" test="false()">q</assert></rule></pattern>'
)


@pytest.mark.parametrize("feature", FEATURES)
def test_features(feature: str, tmp_path: Path, unpacked: Path) -> None:
    source = tmp_path / "rules.sch"
    source.write_bytes(schema(FEATURES[feature]))
    assert _same(source, [DOCUMENT], unpacked) > 0


@pytest.mark.parametrize(("phase", "broken"), [("one", 1), ("both", 2), ("#ALL", 2)])
def test_phases(phase: str, broken: int, tmp_path: Path, unpacked: Path) -> None:
    """A phase runs its own patterns only."""
    source = tmp_path / "rules.sch"
    source.write_bytes(schema(PHASES))
    assert _same(source, [DOCUMENT], unpacked, phase) == broken


def test_includes(tmp_path: Path, unpacked: Path) -> None:
    """Patterns, and single rules, from files of their own."""
    head = '<{0} xmlns="http://purl.oclc.org/dsdl/schematron" {1}'
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "p.sch").write_text(
        head.format("pattern", 'id="p"><include href="r.sch"/></pattern>'), "utf-8"
    )
    (tmp_path / "parts" / "r.sch").write_text(
        head.format("rule", 'context="n"><assert id="A" test=". &gt; 5">a</assert></rule>'), "utf-8"
    )
    source = tmp_path / "rules.sch"
    source.write_bytes(schema('<include href="parts/p.sch"/>'))
    assert _same(source, [DOCUMENT], unpacked) == 2
