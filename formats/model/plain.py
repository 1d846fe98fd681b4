"""The canonical invoice as plain data by business term, for JSON, examples and comparisons.

A group is an object, a repeated term or group a list; amounts, dates and codes are texts as the standard
writes them; an identifier with a scheme is `{"value", "scheme"}`, an embedded file base64. What is missing is
left out, so that equal invoices give equal data.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from formats import money
from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.line import Classification
from formats.model.terms import TermField, fields_of

__all__ = ["differences", "from_plain", "to_plain"]

Plain = dict[str, Any]


def to_plain(invoice: Invoice) -> Plain:
    """All that the invoice says, in the order of the model."""
    return _group(invoice, type(invoice), "")


def from_plain(data: Mapping[str, Any]) -> Invoice:
    """The invoice that `to_plain` gave. Raises MalformedDocument for anything else, naming the term."""
    built = _built(data, Invoice, "")
    assert isinstance(built, Invoice)  # noqa: S101  # tells the type checker what _built was asked for
    return built


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], place: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Where two invoices as plain data differ: the place ("BG-25[2]/BT-131"), before and after ("" for
    missing)."""
    for name in dict.fromkeys((*before, *after)):
        yield from _different(before.get(name), after.get(name), f"{place}{name}")


def _different(before: Any, after: Any, place: str) -> Iterator[tuple[str, str, str]]:
    if before == after:
        return
    if isinstance(before, list | None) and isinstance(after, list | None):
        old, new = before or [], after or []
        for index in range(max(len(old), len(new))):
            left, right = (rows[index] if index < len(rows) else None for rows in (old, new))
            yield from _different(left, right, f"{place}[{index}]")
    elif isinstance(before, dict | None) and isinstance(after, dict | None):
        yield from differences(before or {}, after or {}, f"{place}/")
    else:
        yield place, _text(before), _text(after)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}: {_text(part)}" for name, part in value.items())
    return "" if value is None else str(value)


def _group(value: Any, owner: type, within: str) -> Plain:
    found: Plain = {}
    for entry in fields_of(owner, within):
        part = getattr(value, entry.attribute)
        if part is None or part == ():
            continue
        found[entry.name] = [_one(item, entry) for item in part] if entry.repeated else _one(part, entry)
    return found


def _one(value: Any, entry: TermField) -> Any:
    if entry.is_group:
        return _group(value, entry.value, entry.name)
    if isinstance(value, Identifier):
        return value.value if value.scheme is None else {"value": value.value, "scheme": value.scheme}
    if isinstance(value, Classification):
        parts = {"code": value.code, "scheme": value.scheme, "version": value.scheme_version}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, date) else value


def _built(data: Any, owner: type, within: str) -> Any:
    if not isinstance(data, Mapping):
        raise _malformed(within or "the invoice", "an object by business term")
    known = {entry.name: entry for entry in fields_of(owner, within)}
    values: dict[str, Any] = {}
    for name, part in data.items():
        if name not in known:
            raise _malformed(
                f"{str(name)[:20]} in {within or 'the invoice'}", "a business term that has its place there"
            )
        entry = known[name]
        if entry.repeated:
            if not isinstance(part, list):
                raise _malformed(name, "a list")
            values[entry.attribute] = tuple(_read(item, entry) for item in part)
        else:
            values[entry.attribute] = _read(part, entry)
    return owner(**values)


def _read(part: Any, entry: TermField) -> Any:
    if entry.is_group:
        return _built(part, entry.value, entry.name)
    if entry.value is Identifier:
        if isinstance(part, Mapping) and {"value"} <= part.keys() <= {"value", "scheme"}:
            return Identifier(_said(part["value"], entry), part.get("scheme"))
        return Identifier(_said(part, entry))
    if entry.value is Classification:
        if not isinstance(part, Mapping) or not {"code", "scheme"} <= part.keys():
            raise _malformed(entry.name, "an object with code and scheme")
        return Classification(
            code=_said(part["code"], entry),
            scheme=_said(part["scheme"], entry),
            scheme_version=part.get("version"),
        )
    text = _said(part, entry)
    try:
        if entry.value is Decimal:
            return money.parse(text)
        if entry.value is date:
            return date.fromisoformat(text)
        if entry.value is bytes:
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _malformed(entry.name, "a day (YYYY-MM-DD) or a file in base64") from error
    return text


def _said(part: Any, entry: TermField) -> str:
    if not isinstance(part, str):
        raise _malformed(entry.name, "a text; amounts are texts, too, so that nothing is rounded")
    return part


def _malformed(what: str, wanted: str) -> MalformedDocument:
    return MalformedDocument(f"{what} must be {wanted}", where="invoice as JSON", fix="correct it there")
