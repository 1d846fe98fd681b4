"""What an ERP said as a value of the model: trimmed, typed, with the decimals of its currency; and as text
again, for the origin of each value.

Each function is asked some hundred times for every invoice, so the usual kinds come first.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal, DecimalException
from typing import Any, Final

from formats import money
from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model.line import Classification
from mappings.functions import iso_date, number, too_large

__all__ = ["Unfit", "brief", "carried", "fitted", "shown", "trimmed", "typed"]

_LONGEST_SHOWN: Final = 200
# What XML 1.0 cannot carry in any form: most control characters, halves of signs, and two that are none.
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Unfit(MalformedDocument):
    """The value itself is the trouble: what a mapping hints at for missing and unknown ones is no remedy."""


def trimmed(value: Any) -> Any:
    """A text in NFC without blanks around it, None for an empty one; anything else as it is."""
    if isinstance(value, str):
        return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip() or None
    return value


def typed(value: Any, wanted: type, scheme: str | None) -> Any:
    """The value as the model holds it. Raises MalformedDocument for what cannot be one."""
    if wanted is str:
        return carried(value if isinstance(value, str) else _text(value))
    if wanted is Decimal:
        return number(value)
    if wanted is Identifier:
        found = value if isinstance(value, Identifier) else Identifier(_text(value), scheme)
        carried(found.value)
        carried(found.scheme or "")
        return found
    if wanted is Classification:
        return Classification(code=carried(_text(value)), scheme=carried(scheme or "ZZZ"))
    if wanted is date:
        return value if isinstance(value, date) else iso_date(value)
    if wanted is bytes:
        if isinstance(value, bytes):
            return value
        raise MalformedDocument("this is not a file", where="mapping", fix="use the function decode_base64")
    return carried(_text(value))


def carried(text: str) -> str:
    """A text as an XML document can carry it. Raises MalformedDocument."""
    if not text.isprintable() and (found := _NOT_IN_XML.search(text)):
        raise Unfit(
            f"a character that no e-invoice can carry stands at position {found.start() + 1} "
            f"(U+{ord(found[0]):04X})",
            where="mapping",
            fix="delete it in the ERP: type the text anew where it cannot be seen",
        )
    return text


def fitted(value: Decimal, currency: str | None) -> Decimal:
    """An amount with the decimals that it has in an e-invoice, as `money.fitted` does it."""
    try:
        return money.fitted(value, currency)
    except MalformedDocument as error:
        raise Unfit(error.what, where=error.where, fix=error.fix) from error
    except DecimalException as error:
        raise too_large() from error


def shown(value: Any) -> str:
    """A value of the model as text; an embedded file only as its size."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Identifier | Classification):
        return str(value)
    return f"{len(value)} bytes" if isinstance(value, bytes) else _text(value)


def brief(value: Any) -> str:
    """What the ERP said, bounded, for people."""
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= _LONGEST_SHOWN:
        return value
    text = str(value) if not isinstance(value, bytes) else f"{len(value)} bytes"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | date):
        return str(value)
    kind = "a list" if isinstance(value, list) else "an object"
    raise MalformedDocument(
        f"{kind} stands where one text is wanted", where="mapping", fix="check the field in the ERP"
    )
