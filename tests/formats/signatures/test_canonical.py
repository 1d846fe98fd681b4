"""Canonical XML: bounds on what makes it dear."""

from __future__ import annotations

import pytest
from lxml import etree

from formats.signatures.canonical import has_crowded_namespaces, read_prefixes


def nested(levels: int, each: int) -> etree._Element:
    text = ""
    for level in range(levels):
        declared = " ".join(f'xmlns:p{level}x{number}="u:{level}"' for number in range(each))
        text = f"<a {declared}>{text}</a>"
    return etree.fromstring(text)


@pytest.mark.parametrize(
    ("levels", "each", "crowded"), [(1, 100, False), (1, 101, True), (10, 10, False), (11, 10, True)]
)
def test_name_spaces_count_where_they_are_in_force(levels: int, each: int, crowded: bool) -> None:
    assert has_crowded_namespaces(nested(levels, each)) is crowded


def test_name_spaces_beside_each_other_are_no_crowd() -> None:
    root = etree.Element("a")
    for number in range(500):
        etree.SubElement(root, "b", nsmap={f"p{number}": "u:1"})
    assert not has_crowded_namespaces(root)


def test_prefixes_are_read_once_each() -> None:
    assert read_prefixes(" a  b a ") == ("a", "b")


@pytest.mark.parametrize("listed", [" ".join(f"p{number}" for number in range(21)), "x" * 501])
def test_more_prefixes_than_a_document_needs_are_refused(listed: str) -> None:
    with pytest.raises(ValueError, match="PrefixList"):
        read_prefixes(listed)
