"""Numbers and rich text of other people's JSON as plain values.

What calculates with binary fractions says 0.30000000000000004 for 0.1 + 0.2, and what people write with an
editor comes as HTML.
"""

from __future__ import annotations

import html
import re
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from typing import Any, Final

__all__ = ["amount", "fraction", "round_to", "text_of_html"]

_BINARY: Final = Decimal("1e-9")
_BLOCKS: Final = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "ul", "ol", "table"})


def fraction(value: Any) -> str | None:
    """A number as text, rounded to nine decimals: what lies beyond comes from binary fractions."""
    if value is None or isinstance(value, bool):
        return None
    found = Decimal(str(value)).quantize(_BINARY, ROUND_HALF_UP)
    return format(found.quantize(Decimal(1)) if found == found.to_integral() else found.normalize(), "f")


def amount(value: Any, decimals: int) -> str | None:
    """An amount of money as text, with the decimals of its currency; half is rounded up."""
    found = fraction(value)
    return None if found is None else format(round_to(Decimal(found), decimals), "f")


def round_to(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def text_of_html(value: str | None) -> str | None:
    """What a reader sees of a rich text, line by line; None where that is nothing."""
    if not value:
        return None
    reader = _Reader()
    reader.feed(value)
    reader.close()
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(reader.seen).split("\n"))
    return "\n".join(line for line in lines if line) or None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        if tag in _BLOCKS:
            self.seen.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in ("script", "style")))
        if tag in _BLOCKS:
            self.seen.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.seen.append(html.unescape(data))
