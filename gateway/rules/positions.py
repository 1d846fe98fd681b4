"""Line and column of elements, found in the text that they were parsed from: the parser keeps lines only."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from lxml import etree

__all__ = ["positions"]

# What may hold something that looks like a tag, else the name in a start tag.
_TAG: Final = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<([^\s/>!?]+)", re.DOTALL)
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def positions(
    root: etree._Element, elements: Collection[etree._Element], source: bytes
) -> Mapping[etree._Element, tuple[int, int]]:
    """Where the start tags of these elements begin: line and column, both from 1, columns in characters.

    `source` is the document that `root` was parsed from, unchanged since; an element that cannot be found
    there is left out. Takes one walk through both, however many elements are asked for.
    """
    wanted: dict[tuple[str, int], etree._Element] = {}
    missing, seen = set(elements), Counter[str]()
    for element in root.iter(etree.Element):
        if not missing:
            break
        name = _spelled(element)
        seen[name] += 1
        if element in missing:
            missing.discard(element)
            wanted[name, seen[name]] = element
    found: dict[etree._Element, tuple[int, int]] = {}
    text = _text(source, root)
    names, passed = {name for name, _ in wanted}, Counter[str]()
    line, start = 1, 0
    for match in _TAG.finditer(text):
        if len(found) == len(wanted):
            break
        name = match[1]
        if name not in names:
            continue
        passed[name] += 1
        if (name, passed[name]) in wanted:
            line += text.count("\n", start, match.start())
            start = match.start()
            column = start - (text.rfind("\n", 0, start) + 1) + 1
            found[wanted[name, passed[name]]] = line, column
    return found


def _spelled(element: etree._Element) -> str:
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local


def _text(source: bytes, root: etree._Element) -> str:
    encoding = root.getroottree().docinfo.encoding or "UTF-8"
    if source.startswith(_WIDE):
        encoding = "UTF-16"
    try:
        text = source.decode(encoding, errors="replace")
    except LookupError:
        text = source.decode("utf-8", errors="replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
