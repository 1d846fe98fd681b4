"""Schemas that operators add: found in an archive, tried out, kept, and used before the packaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree
from typer.testing import CliRunner, Result

from formats.errors import ConfigError
from formats.registry import PROFILES
from formats.syntaxes import cii, xml
from gateway.cli.main import app
from gateway.rules.archive import ZipTree
from gateway.rules.engine import RulesEngine
from gateway.rules.positions import positions
from gateway.rules.schemas import schemas_in
from gateway.rules.store import RuleShelf
from tests.gateway.rule_files import schematron, zip_of
from tests.strategies import sample_invoice

RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
MAIN = "CrossIndustryInvoice_100pD16B.xsd"
CORE = PROFILES["en16931-cii"]
DOCUMENT = cii.write(CORE.prepare(sample_invoice()))


def _schema(first: str = "ExchangedDocumentContext", part: str = "part.xsd") -> str:
    """A schema that wants one child first and takes anything after it; the type is in another file."""
    return f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{RSM}" targetNamespace="{RSM}"
      elementFormDefault="qualified">
      <xs:include schemaLocation="{part}"/>
      <xs:element name="CrossIndustryInvoice"><xs:complexType><xs:sequence>
        <xs:element name="{first}" type="Anything"/>
        <xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
      </xs:sequence></xs:complexType></xs:element></xs:schema>"""


PART = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{RSM}" targetNamespace="{RSM}">
  <xs:complexType name="Anything" mixed="true"><xs:sequence>
    <xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
  </xs:sequence></xs:complexType></xs:schema>"""


def _run(config: Path, *arguments: object, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["-c", str(config), *map(str, arguments)], input=answer)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "gateway.yaml").write_text("", "utf-8")
    return folder


def test_an_added_schema_judges_before_the_packaged_one(config: Path, tmp_path: Path) -> None:
    """Asked for again it changes nothing; another one is taken only after a question."""
    file = tmp_path / "invoice.xml"
    file.write_bytes(DOCUMENT)
    jar = zip_of(tmp_path / "ours.jar", {f"d/{MAIN}": _schema(), "d/part.xsd": PART})
    for _ in range(2):
        added = _run(config, "rules", "add", jar)
        assert added.exit_code == 0, added.output
        assert "Added the schema UN/CEFACT D16B" in added.stdout
    assert "CII schema UN/CEFACT D16B: passed" in _run(config, "validate", file).stdout
    assert "schema cii-d16b  UN/CEFACT D16B" in _run(config, "rules", "list").stdout
    other = zip_of(tmp_path / "other.jar", {MAIN: _schema("Number"), "part.xsd": PART})
    assert _run(config, "rules", "add", other, answer="n\n").exit_code == 1
    assert "CII schema UN/CEFACT D16B: passed" in _run(config, "validate", file).stdout
    assert _run(config, "rules", "add", other, answer="y\n").exit_code == 0
    line = json.loads(_run(config, "validate", "--jsonl", file).stdout)
    assert "Expected is ( {" in line["schema"][0]
    assert "(line 3, column 3)" in line["schema"][0]


def test_rules_and_schema_of_one_archive_are_both_taken(config: Path, tmp_path: Path) -> None:
    """Of the vocabulary of the rules that are asked for, where some are."""
    both = zip_of(tmp_path / "a.zip", {MAIN: _schema(), "part.xsd": PART, "ubl/a.sch": schematron()})
    rules_alone = _run(config, "rules", "add", both, "--only", "en16931-ubl")
    assert rules_alone.exit_code == 0
    assert "Added the schema" not in rules_alone.stdout
    everything = _run(config, "rules", "add", both)
    assert everything.exit_code == 0
    assert "Added the schema" in everything.stdout
    assert "Added en16931-ubl@9.0.0" in everything.stdout


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({MAIN: _schema()}, "needs the file part.xsd"),
        ({MAIN: _schema(part="http://example.com/other.xsd"), "part.xsd": PART}, "outside of its archive"),
        ({MAIN: _schema(part="../part.xsd"), "part.xsd": PART}, "outside of its archive"),
        ({MAIN: _schema(), "part.xsd": "<!DOCTYPE a []><a/>"}, "document type declaration"),
        ({MAIN: _schema(), "part.xsd": PART.replace("Anything", "Nothing")}, "cannot be loaded"),
    ],
    ids=["incomplete", "network", "outside", "entities", "broken"],
)
def test_a_schema_that_cannot_be_used_is_refused(tmp_path: Path, members: dict[str, str], told: str) -> None:
    tree = ZipTree(zip_of(tmp_path / "a.jar", members))
    with pytest.raises(ConfigError, match=told):
        schemas_in(tree)
    tree.close()


def test_a_part_named_by_address_is_read_from_the_archive(tmp_path: Path) -> None:
    """Publishers refer to the schema of XML signatures by its address and put the file beside."""
    members = {MAIN: _schema(part="http://example.com/part.xsd"), "part.xsd": PART}
    tree = ZipTree(zip_of(tmp_path / "a.jar", members))
    (found,) = schemas_in(tree)
    tree.close()
    assert found.main == MAIN


def test_the_schema_without_code_lists_inside_is_taken(tmp_path: Path) -> None:
    members = {
        f"{kind} clm/{name}": text
        for kind in ("coupled", "uncoupled")
        for name, text in ((MAIN, _schema()), ("part.xsd", PART))
    }
    tree = ZipTree(zip_of(tmp_path / "a.zip", members))
    (found,) = schemas_in(tree)
    tree.close()
    assert found.main == f"uncoupled clm/{MAIN}"


def test_a_damaged_schema_is_not_run(config: Path, tmp_path: Path) -> None:
    """It is not passed over in favour of another, and nothing is called passed."""
    _run(config, "rules", "add", zip_of(tmp_path / "a.jar", {MAIN: _schema(), "part.xsd": PART}))
    (card,) = (config / "rules" / "schemas").rglob("schema.json")
    card.write_text("{}", "utf-8")
    with RulesEngine(RuleShelf([config / "rules"])) as engine:
        run = engine.check(DOCUMENT, CORE).runs[0]
    assert run.state == "not run"
    assert "damaged" in run.note


TEXT = """<?xml version="1.0" encoding="{encoding}"?>
<!-- <b/> --><a xmlns="urn:a" xmlns:p="urn:p">
  <b>\u00e4</b><b/>\r
  <![CDATA[<b>]]> <p:b q='>'/><?x <b/> ?><b c="1"
    d="2"/>
</a>"""


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-16"])
def test_elements_are_found_at_line_and_column(encoding: str) -> None:
    """Comments, instructions and CDATA hold none; the same name in another name space is another."""
    source = TEXT.format(encoding=encoding).encode(encoding)
    root = xml.parse(source)
    elements = [root, *root.iterchildren(etree.Element)]
    found = positions(root, elements, source)
    assert [found[element] for element in elements] == [(2, 14), (3, 3), (3, 11), (4, 19), (4, 42)]


def test_errors_of_the_schema_have_line_and_column() -> None:
    broken = DOCUMENT.replace(b"<ram:ID>", b"<ram:Number/><ram:ID>", 1)
    with RulesEngine({}) as engine:
        (finding, *_) = engine.check(broken, CORE).fatal
    start = broken.index(b"<ram:Number/>")
    assert finding.line == broken[:start].count(b"\n") + 1
    assert finding.column == start - broken.rfind(b"\n", 0, start)
    assert f"(line {finding.line}, column {finding.column})" in finding.text
