"""Nodes made from a document's text are those made from its parsed elements."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from formats.rules.growing import Unusual, grow, plain_text
from formats.rules.nodes import NO_NODE, Node, new_node
from formats.rules.tree import Document
from formats.syntaxes import xml
from tests.mutations import mutants

INVOICE = Path(__file__, "../../../data/mappings/odoo/exempt/invoice.xml").resolve()

SPELLINGS = {
    "plain": b"<r><a>1</a><b>2</b></r>",
    "indented": b"<?xml version='1.0'?>\n<r>\n  <a>1</a>\n  <b>\n    <c>2</c>\n  </b>\n</r>\n",
    "empty elements": b"<r><a/><b/><c></c><d x='1'/><e><f/></e><e><f/><g/></e></r>",
    "only a root": b"<r/>",
    "root with text": b"<r>text</r>",
    "attributes": b"<r a=\"1\" b='2'><c d='x&amp;y&#65;' e=\"it's\n\t2\"/><c  d = 'z' >1</c ></r>",
    "references": b"<r><a>&lt;b&gt; &amp;amp; &quot;&apos; &#228;&#xE4;&#13;</a></r>",
    "line ends": b"<r>\r\n<a>1\r\n2\r3</a>\r</r>",
    "comments": b"<!-- <a> --><r><!-- > --><a>1<!--x-->2</a><a><!--x--></a><b/><!--<c>--></r><!-- -->",
    "instructions": b"<?p <a> ?><r><?q > ?><a>1<?q?>2</a></r><?p?>",
    "sections": b"<r><a><![CDATA[<x> & ]] >]]></a><a>1<![CDATA[2]]>3</a><b><![CDATA[]]></b></r>",
    "mixed": b"<r>1<a>2</a>3<b>4<c>5</c>6</b>7</r>",
    "brackets": b"<r><a>1 > 0</a><b c='>'>2</b><d c='/>'/></r>",
    "namespaces": b"<r xmlns='u:1' xmlns:p='u:2'><p:a p:b='1' b='2'><c xmlns=''><d/></c></p:a><c/></r>",
    "nearer prefixes": b"<p:r xmlns:p='u:1'><p:a><p:b xmlns:p='u:2'><p:c/></p:b><p:b/></p:a></p:r>",
    "language": b"<r xml:lang='en'><a xml:space='preserve'> </a></r>",
    "alike inside": b"<a><a>1</a><a><a>2</a><a/></a></a>",
    "mark": b"\xef\xbb\xbf<r><a>\xc3\xa4</a></r>",
    "latin": "<?xml version='1.0' encoding='iso-8859-1'?><r><a>ä</a></r>".encode("latin-1"),
    "wide": "<?xml version='1.0' encoding='utf-16'?><r><a>ä</a></r>".encode("utf-16"),
    "wide without a mark": "<?xml version='1.0' encoding='utf-16le'?><r><a>ä</a></r>".encode("utf-16le"),
    "named": b"<?xml version='1.0' encoding=\"UTF-8\" standalone='yes'?><r><a>\xc3\xa4</a></r>",
}


def _shape(document: Document) -> list[Any]:
    """All that rules can read of a document."""
    nodes: list[Any] = [_of_node(node) for node in chain([document.node], document.all)]
    places = {place.path: [node.i for node in nodes] for place, nodes in document.by_place.items()}
    return [*nodes, places]


def _of_node(node: Node) -> tuple[Any, ...]:
    kids = {tag: [kid.i for kid in alike] for tag, alike in node.c.items()}
    parent = -2 if node.p is NO_NODE else node.p.i
    order = [kid.i for kid in node.k]
    return node.t, parent, node.i, node.e, list(node.a.items()), kids, order, node.s, node.el is None


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_text_and_elements_give_the_same_nodes(content: bytes) -> None:
    """Twice, since pieces of text are remembered."""
    root = xml.parse(content, as_written=True)
    for _ in range(2):
        assert _shape(Document(root, content)) == _shape(Document(root))


def test_changed_invoices_in_odd_spellings_give_the_same_nodes() -> None:
    for content in mutants([INVOICE.read_bytes()], 400, seed=20261122, spelled=True):
        root = etree.fromstring(content)
        assert _shape(Document(root, content)) == _shape(Document(root))


@pytest.mark.parametrize("name", ["indented", "empty elements", "comments", "sections", "namespaces"])
def test_usual_spellings_are_read_from_the_text(name: str) -> None:
    """Not by the slower way, which would give the same."""
    document, everything = new_node("", NO_NODE, -1), list[Node]()
    grow(plain_text(SPELLINGS[name]), None, document, everything, [])
    assert everything


@pytest.mark.parametrize("name", ["brackets", "latin", "wide", "wide without a mark"])
def test_odd_spellings_are_left_to_the_parser(name: str) -> None:
    with pytest.raises(Unusual):
        grow(plain_text(SPELLINGS[name]), None, new_node("", NO_NODE, -1), [], [])


def test_ever_new_pieces_end_the_reading_of_text() -> None:
    """A hostile document cannot make the table of known pieces grow without end."""
    content = b"<r>" + b"".join(b"<a b='%d'>1</a>" % number for number in range(9_000)) + b"</r>"
    with pytest.raises(Unusual):
        grow(plain_text(content), None, new_node("", NO_NODE, -1), [], [])
    root = xml.parse(content, as_written=True)
    assert _shape(Document(root, content)) == _shape(Document(root))


def test_long_documents_are_cut_where_an_element_ends() -> None:
    content = b"<r>" + b"<a>1</a><b><c>2</c></b>" * 11_000 + b"</r>"
    root = xml.parse(content, as_written=True)
    assert _shape(Document(root, content)) == _shape(Document(root))
