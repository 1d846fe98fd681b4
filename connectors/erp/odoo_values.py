"""What Odoo's answers mean: absent values, pairs, amounts, moments and HTML as plain values.

Odoo says `false` for what is absent, `[7, "Name"]` for a reference, and calculates with binary fractions, so
that 0.1 + 0.2 comes as 0.30000000000000004. Which `false` is a no and which one is nothing only the type of
the field tells.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from typing import Any, Final

__all__ = ["Fields", "Record", "amount", "fraction", "moment", "placed", "plain", "reference", "text_of_html"]

Record = dict[str, Any]
# By field name, what `fields_get` tells of it: {"type": "many2one"}.
Fields = Mapping[str, Mapping[str, Any]]

_BINARY: Final = Decimal("1e-9")
_BLOCKS: Final = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "ul", "ol", "table"})


def plain(row: Mapping[str, Any], fields: Fields) -> Record:
    """One record with None for what is absent and ids for references; numbers without binary dust."""
    return {name: _value(value, str(fields.get(name, {}).get("type", ""))) for name, value in row.items()}


def _value(value: Any, kind: str) -> Any:
    if value is False and kind != "boolean":
        return None
    if kind == "many2one":
        return reference(value)
    if kind in ("float", "monetary"):
        return fraction(value)
    return value


def reference(value: Any) -> int | None:
    """The id in `[7, "Name"]`, a bare id as the newest interface gives it, or None."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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


def placed(value: Any) -> datetime:
    """The second that a moment of Odoo lies in, as aware UTC. Raises ValueError for anything else.

    The database keeps millionths of a second, which most servers do not tell.
    """
    found = datetime.fromisoformat(str(value))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def moment(at: datetime, *, later: float = 0) -> str:
    """A moment as Odoo takes it in conditions: UTC, without saying so; `later` by so many seconds."""
    return f"{at.astimezone(UTC) + timedelta(seconds=later):%Y-%m-%d %H:%M:%S}"


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
