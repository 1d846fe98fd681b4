"""E-invoices that need no mapping: what they say, and where each value stands in the XML."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from lxml import etree

from formats.detection import detect
from formats.errors import MalformedDocument
from formats.model import Invoice
from formats.profiles.en16931_cii import PROFILE as CII
from formats.profiles.peppol_bis3 import PROFILE as PEPPOL
from formats.registry import SYNTAXES
from formats.syntaxes import cii, ubl
from mappings.as_is import AS_IS
from tests.strategies import invoices, sample_invoice


@settings(max_examples=40)
@given(invoices())
def test_the_invoice_is_what_the_document_says(invoice: Invoice) -> None:
    for name, content in (("ubl", ubl.write(invoice)), ("cii", cii.write(invoice))):
        for mapping in (AS_IS[name], AS_IS["einvoice"]):
            assert mapping.map(content, 0, {}).invoice == SYNTAXES[
                ubl.KEY if name == "ubl" else cii.KEY
            ].read(content)


def test_each_value_names_its_place_in_the_xml() -> None:
    content = ubl.write(PEPPOL.prepare(sample_invoice()))
    mapped = AS_IS["ubl"].map(content, 0, {})
    [number] = mapped.of("BT-1")
    assert (number.source, number.mapping, number.value) == (
        "/Invoice/cbc:ID",
        "ubl",
        sample_invoice().number,
    )
    names = mapped.of("BT-153")
    assert [origin.path for origin in names] == [f"lines[{n}].item.name" for n in range(len(names))]
    assert len(names) == len(mapped.invoice.lines)


def test_every_place_holds_the_value_that_is_told() -> None:
    content = cii.write(CII.prepare(sample_invoice()))
    root = etree.fromstring(content)
    origins = AS_IS["cii"].map(content, 0, {}).origins
    assert len(origins) > 40
    prefixes = {prefix: uri for prefix, uri in root.nsmap.items() if prefix}
    for origin in origins:
        path, _, attribute = origin.source.replace("/CrossIndustryInvoice/", "/*/", 1).partition("/@")
        found = root.xpath(path, namespaces=prefixes)
        assert isinstance(found, list)
        [element] = found
        assert isinstance(element, etree._Element)
        if origin.term in ("BT-1", "BT-27", "BT-44", "BT-5", "BT-153"):
            assert element.text == origin.value
        if attribute:
            assert element.get(attribute) is not None


def test_another_vocabulary_than_the_named_one_is_refused() -> None:
    with pytest.raises(MalformedDocument, match="this is Cross Industry Invoice"):
        AS_IS["ubl"].map(cii.write(sample_invoice()), 0, {})
    with pytest.raises(MalformedDocument):
        AS_IS["einvoice"].map(b"<html/>", 0, {})


@pytest.mark.testdata
def test_every_official_example_is_read_as_its_vocabulary_reads_it() -> None:
    if not (folder := os.environ.get("GATEWAY_TESTDATA")):
        pytest.skip("no official examples: set GATEWAY_TESTDATA to their folder")
    seen = 0
    for file in sorted(Path(folder).rglob("*.xml"))[:400]:
        content = file.read_bytes()
        syntax = detect(content).syntax
        if syntax is not None and content.count(b"</FatturaElettronicaBody>") < 2:  # several invoices in one
            seen += 1
            assert AS_IS["einvoice"].map(content, 0, {}).invoice == SYNTAXES[syntax].read(content), file
    assert seen > 20


def test_what_is_beyond_the_standard_is_named() -> None:
    """With its place, among the origins and for the journal; a plain invoice leaves nothing out."""
    content = ubl.write(PEPPOL.prepare(sample_invoice()))
    assert AS_IS["ubl"].map(content, 0, {}).left_out == ()
    more = b"<cbc:UUID>3f1c</cbc:UUID><cbc:IssueDate>"
    mapped = AS_IS["ubl"].map(content.replace(b"<cbc:IssueDate>", more, 1), 0, {})
    assert mapped.left_out == ("/Invoice/cbc:UUID",)
    [origin] = mapped.of("")
    assert (origin.source, origin.field) == ("/Invoice/cbc:UUID", "beyond EN 16931")


def test_a_long_list_of_what_is_left_out_is_cut() -> None:
    content = ubl.write(PEPPOL.prepare(sample_invoice()))
    more = "".join(f"<cbc:Other{number}>x</cbc:Other{number}>" for number in range(60))
    mapped = AS_IS["ubl"].map(
        content.replace(b"<cbc:IssueDate>", f"{more}<cbc:IssueDate>".encode(), 1), 0, {}
    )
    assert len(mapped.left_out) == 51
    assert mapped.left_out[-1] == "and 10 more"
