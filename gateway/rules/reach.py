"""What a style sheet could read or write besides its document: whether that is only files of its own pack.

Saxon can be told to read no files or to read files, not which, and what it may write cannot be told at all.
So before it is given a style sheet, every place where XSLT can name a file is looked at: only files of the
pack, named outright, are accepted, and nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from formats.syntaxes import xml
from gateway.rules.archive import LARGEST_FILE, neighbour

__all__ = ["pack_reaches_outside", "reaches_outside"]

_XSLT: Final = "{http://www.w3.org/1999/XSL/Transform}"
# Functions of XPath and XSLT that read from elsewhere, or run or build what does.
_READERS: Final = re.compile(
    r"(?<![\w.-])(?:\w+:)?(document|doc|doc-available|collection|uri-collection|unparsed-text(?:-lines|-available)?|json-doc|"
    r"transform|load-xquery-module|function-lookup|environment-variable|available-environment-variables|stream-available|"
    r"dynamic-call|apply|invoke)\s*[(#]"
)
_NAMED_OUTRIGHT: Final = re.compile(r"(?:document|doc|doc-available)\s*\(\s*('[^']*'|\"[^\"]*\")\s*\)")
_FORBIDDEN: Final = frozenset(
    f"{_XSLT}{name}"
    for name in (
        "result-document",
        "source-document",
        "stream",
        "merge",
        "evaluate",
        "use-package",
        "import-schema",
    )
)
_INCLUDES: Final = (f"{_XSLT}import", f"{_XSLT}include")
_FUNCTIONS_OF: Final = re.compile(r"\A(?:java:|clitype:|http://(?:saxon\.sf\.net|expath\.org|exslt\.org))")


def pack_reaches_outside(files: Mapping[str, bytes]) -> str:
    """Why a style sheet of the pack may touch more than the pack's files; "" if none can.

    Raises MalformedDocument for a file that is not XML.
    """
    for name, content in files.items():
        if problem := reaches_outside(name, xml.parse(content, largest=LARGEST_FILE, as_written=True), files):
            return f"{name}: {problem}"
    return ""


def reaches_outside(name: str, root: etree._Element, files: Mapping[str, bytes]) -> str:
    """Why the style sheet `name` may touch more than the files of its pack; "" if it cannot."""
    templates = any(
        str(name).endswith("expand-text") for element in root.iter(etree.Element) for name in element.attrib
    )
    for element in root.iter(etree.Element):
        if element.tag in _FORBIDDEN:
            return f"it holds xsl:{etree.QName(element).localname}"
        if _FUNCTIONS_OF.match(etree.QName(element).namespace or ""):
            return "it holds an instruction of the engine's own"
        if element.tag in _INCLUDES and not _is_own(element.get("href") or "", name, files):
            return "it includes a file that is not part of the pack"
        strange = [prefix for prefix, uri in element.nsmap.items() if prefix and _FUNCTIONS_OF.match(uri)]
        for text in (*element.attrib.values(), *(_content(element) if templates else ())):
            if problem := _problem(str(text), name, files):
                return problem
            if any(re.search(rf"\b{re.escape(prefix)}:[\w.-]+\s*\(", str(text)) for prefix in strange):
                return "it calls functions of the engine's own"
    return ""


def _content(element: etree._Element) -> tuple[str, ...]:
    """The texts in an element, which hold expressions where a style sheet switches text value templates
    on."""
    return (element.text or "", *(child.tail or "" for child in element))


def _problem(text: str, name: str, files: Mapping[str, bytes]) -> str:
    for call in _READERS.finditer(text):
        outright = _NAMED_OUTRIGHT.match(text, call.start(1))
        if outright is None or not _is_own(outright[1][1:-1], name, files):
            return f"it calls {call[1]}() with something that is not a file of the pack"
    return ""


def _is_own(reference: str, name: str, files: Mapping[str, bytes]) -> bool:
    # The empty name is the style sheet itself.
    return not reference or neighbour(name, reference) in files
