"""Canonical XML: the same bytes for the same document, however it is written.

Source: W3C Canonical XML 1.0 and 1.1, Exclusive XML Canonicalization 1.0.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.signatures.errors import BrokenSignature

__all__ = [
    "C14N_1_0",
    "METHODS",
    "canonical_document",
    "canonical_element",
    "has_crowded_namespaces",
    "read_prefixes",
]

C14N_1_0: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_1_1: Final = "http://www.w3.org/2006/12/xml-c14n11"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
METHODS: Final = frozenset(
    {
        *(C14N_1_0, f"{C14N_1_0}#WithComments", C14N_1_1, f"{C14N_1_1}#WithComments"),
        *(_EXCLUSIVE, f"{_EXCLUSIVE}WithComments"),
    }
)
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
# Canonicalisation looks at every namespace in force, and at every prefix named, for every element.
_MOST_NAMESPACES: Final = 100
_MOST_PREFIXES: Final = 20
_LONGEST_PREFIXES: Final = 500


def has_crowded_namespaces(root: etree._Element) -> bool:
    """Whether more than 100 declarations of namespaces are in force at some element; then the time that
    canonicalisation takes is out of proportion to the document. Linear."""
    in_force = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns")):
        in_force += 1 if event == "start-ns" else -1
        if in_force > _MOST_NAMESPACES:
            return True
    return False


def read_prefixes(listed: str) -> tuple[str, ...]:
    """The prefixes of a PrefixList, each once. Raises ValueError for more than 20, or 500 characters."""
    if len(listed) > _LONGEST_PREFIXES:
        raise ValueError("the PrefixList is too long")
    prefixes = tuple(dict.fromkeys(listed.split()))
    if len(prefixes) > _MOST_PREFIXES:
        raise ValueError("the PrefixList names too many prefixes")
    return prefixes


def canonical_document(root: etree._Element, method: str, prefixes: tuple[str, ...] = ()) -> bytes:
    """The document with the processing instructions around its root, always without comments: a reference
    to the document selects none, whatever the method says."""
    return _write(root.getroottree(), method, prefixes)


def canonical_element(element: etree._Element, method: str, prefixes: tuple[str, ...] = ()) -> bytes:
    """One element with what it holds, and with the namespaces in which it stands, without comments.

    Inclusive methods take attributes such as xml:lang along from the elements around it. Raises
    BrokenSignature for an inherited xml:base under 1.1, which nobody writes.
    """
    inherited = {} if method.startswith(_EXCLUSIVE) else _inherited(element, method)
    for name, value in inherited.items():
        element.set(name, value)
    try:
        return _write(element, method, prefixes)
    finally:
        for name in inherited:
            del element.attrib[name]


def _inherited(element: etree._Element, method: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if isinstance(name, str) and name.startswith(_XML) and name not in element.attrib:
                found.setdefault(name, str(value))
    if method.startswith(C14N_1_1):
        found.pop(f"{_XML}id", None)
        if f"{_XML}base" in found:
            raise BrokenSignature(
                "the signature needs xml:base carried over, which is not supported",
                where="XML signature",
                fix="ask the sender to sign with Canonical XML 1.0",
            )
    return found


def _write(node: etree._Element | etree._ElementTree, method: str, prefixes: tuple[str, ...]) -> bytes:
    # A reference to the document or to an identifier selects no comments, whatever the method's name says.
    exclusive = method.startswith(_EXCLUSIVE)
    try:
        return etree.tostring(
            node,
            method="c14n",
            exclusive=exclusive,
            with_comments=False,
            inclusive_ns_prefixes=list(prefixes) if exclusive and prefixes else None,
        )
    except etree.C14NError as error:
        raise BrokenSignature(
            "the document cannot be made canonical: a namespace in it is not an absolute address",
            where="XML signature",
            fix="ask for the document with the namespaces of its standard",
        ) from error
