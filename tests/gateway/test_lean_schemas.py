"""Schemas without their documentation say the same as the whole ones, and follow when a file changes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest
from lxml import etree

from formats.profiles import peppol_bis3
from formats.syntaxes import ubl
from gateway.rules.cache import CodeCache
from gateway.rules.lean import lean_files
from gateway.rules.mutants import mutants
from gateway.rules.packs import package_file
from gateway.rules.xsd import SCHEMAS, Schema
from tests.strategies import sample_invoice

_XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CodeCache:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return CodeCache(tmp_path / "cache" / "erp-einvoicing-gateway" / "rules")


def _told(schema: etree.XMLSchema, root: etree._Element) -> list[tuple[int, str]]:
    schema.validate(root)
    log = cast("Iterable[etree._LogEntry]", schema.error_log)
    return [(error.line, error.message) for error in log]


def test_the_same_words_about_every_document() -> None:
    """Errors of the UBL schema, with and without its documentation, from the first start and from the
    cache."""
    known = SCHEMAS["ubl-2.1"]
    path = package_file(known.package, known.files["Invoice"])
    assert path is not None
    whole = etree.XMLSchema(etree.parse(path))
    content = ubl.write(peppol_bis3.PROFILE.prepare(sample_invoice()))
    documents = [etree.fromstring(content), *mutants(etree.fromstring(content), 60)]
    expected = [_told(whole, root) for root in documents]
    assert expected[0] == []
    assert any(expected)
    for _ in range(2):
        lean = Schema(path)._schema
        assert [_told(lean, root) for root in documents] == expected


def _written(folder: Path, kind: str) -> Path:
    main = folder / "main.xsd"
    main.write_text(
        f'<xs:schema {_XS}><xs:include schemaLocation="part.xsd"/><xs:annotation><xs:documentation>words'
        '</xs:documentation></xs:annotation><!-- words --><xs:element name="r" type="T"/></xs:schema>',
        "utf-8",
    )
    (folder / "part.xsd").write_text(
        f'<xs:schema {_XS}><xs:simpleType name="T"><xs:restriction base="xs:{kind}"/></xs:simpleType>'
        "</xs:schema>",
        "utf-8",
    )
    return main


def test_what_only_people_read_is_left_out(tmp_path: Path, cache: CodeCache) -> None:
    """Every file that the schema refers to, by path, without annotations and comments."""
    main = _written(tmp_path, "string")
    files = lean_files(main, cache)
    assert set(files) == {str(main), str(tmp_path / "part.xsd")}
    assert b"words" not in b"".join(files.values())
    assert lean_files(main, cache) == files


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """The cache holds for the files as they were."""
    document = etree.fromstring(b"<r>words</r>")
    assert Schema(_written(tmp_path, "string")).accepts(document)
    main = _written(tmp_path, "int")
    os.utime(tmp_path / "part.xsd", ns=(1, 1))
    assert not Schema(main).accepts(document)


def test_a_file_that_the_parser_refuses_is_left_to_libxml2(tmp_path: Path, cache: CodeCache) -> None:
    """A document type is refused by the parser of the house; the schema works all the same."""
    main = _written(tmp_path, "int")
    part = tmp_path / "part.xsd"
    part.write_text("<!DOCTYPE x [<!ENTITY e 'int'>]>" + part.read_text("utf-8"), "utf-8")
    assert set(lean_files(main, cache)) == {str(main)}
    assert Schema(main).accepts(etree.fromstring(b"<r>1</r>"))
    assert not Schema(main).accepts(etree.fromstring(b"<r>words</r>"))
