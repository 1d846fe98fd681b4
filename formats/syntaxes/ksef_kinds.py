"""FA(3): how its texts, numbers and elements are written and found."""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.identifiers import Identifier
from formats.syntaxes.kinds import XML_BLANKS, Decimals, Surrounding, put_text, text_of

__all__ = [
    "AMOUNT",
    "FINE",
    "GTIN",
    "NAMESPACE",
    "QUANTITY",
    "Token",
    "collapsed",
    "f",
    "find",
    "plain_number",
    "put",
    "tag",
    "text_in",
]

NAMESPACE: Final = "http://crd.gov.pl/wzor/2025/06/25/13775/"


def f(path: str) -> str:
    """A path with the prefix of FA(3) before each step."""
    return "/".join(f"f:{step}" for step in path.split("/"))


def tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def put(parent: etree._Element, path: str, text: str | None) -> etree._Element | None:
    """One element per step; nothing for an empty text."""
    if not text:
        return None
    for step in path.split("/"):
        parent = etree.SubElement(parent, tag(step))
    put_text(parent, text)
    return parent


def find(parent: etree._Element, path: str) -> etree._Element | None:
    return parent.find("/".join(tag(step) for step in path.split("/")))


def text_in(parent: etree._Element, path: str) -> str | None:
    found = find(parent, path)
    return None if found is None else text_of(found).strip(XML_BLANKS) or None


def collapsed(text: str, longest: int) -> str:
    return " ".join(text.split())[:longest].rstrip()


def plain_number(number: str | None) -> str:
    return "".join(sign for sign in (number or "").upper() if sign.isalnum())


class Token:
    """xsd:token: blanks collapsed, at most so long."""

    def __init__(self, longest: int = 256) -> None:
        self._longest = longest

    def read(self, element: etree._Element) -> str | None:
        return " ".join(text_of(element).split()) or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, collapsed(value, self._longest))


AMOUNT: Final = Decimals(0, 2)
QUANTITY: Final = Decimals(0, 6)
FINE: Final = Decimals(0, 8)


class _Gtin:
    def read(self, element: etree._Element) -> Identifier | None:
        text = text_of(element).strip(XML_BLANKS)
        return Identifier(text, "0160") if text else None

    def write(self, element: etree._Element, value: Identifier, surrounding: Surrounding) -> None:
        put_text(element, collapsed(value.value, 20))


GTIN: Final = _Gtin()
